//! Whole-slide formats and TIFF, read by wsi-rs.
//!
//! Associated images (label, macro) are never asked for: this file holds no call that could read one.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use domain::geometry::{LevelInfo, Mpp};
use image::RgbImage;
use wsi_rs::{
    CacheConfig, ColorSpace, Compression, DecodeAcceleration, DecodeExecutionOptions,
    EncodedTilePhotometricInterpretation as Photometric, EncodedUnit, PlanarConfiguration,
    RegionRequest, SampleType, SlideOpenOptions, TileLayout, TileLocation, TileRequest, WsiError,
};

use super::flat::blend_on_white;
use super::{Description, LevelRect, MAX_SIDE_PX, OWN_TILE_PX, Source};
use crate::error::{SlideError, reason_of};
use crate::jpeg::{self, ColourModel};

/// Decoded tiles kept per slide for regions that share them: a strip of 8192 px and the one below it, with tiles of 256 px.
const CACHE_BYTES: u64 = 16 << 20;
/// Decoded tiles kept for display, which is not what regions ask for.
const DISPLAY_CACHE_BYTES: u64 = 1 << 20;
/// What a slide is taken to need besides: its index and its open files.
const INDEX_BYTES: u64 = 4 << 20;
/// Stored tile sizes that are served as they are; others are cut anew.
const TILE_SIDES_PX: std::ops::RangeInclusive<u32> = 64..=2048;
/// Coarsest resolution taken from a plain TIFF: programs write 72 or 300 dpi into images that were never measured.
const MAX_STATED_UM_PER_PX: f64 = 20.0;
/// Open files kept per slide; most formats have one.
const MAX_OPEN_FILES: usize = 16;

/// A slide opened by wsi-rs.
pub(crate) struct WholeSlide {
    path: PathBuf,
    slide: wsi_rs::Slide,
    scene: usize,
    levels: Vec<Level>,
    files: RwLock<Vec<(PathBuf, Arc<File>)>>,
}

struct Level {
    /// Its number in the file.
    number: u32,
    info: LevelInfo,
    /// Whether `info`'s tiles are those of the file.
    tiles_are_stored: bool,
}

impl WholeSlide {
    pub(crate) fn open(path: &Path) -> Result<(Self, Description), SlideError> {
        let options = SlideOpenOptions::default()
            .with_cache_config(
                CacheConfig::deterministic()
                    .with_shared_tile_bytes(CACHE_BYTES)
                    // Only regions are read, which use the other cache.
                    .with_display_tile_bytes(DISPLAY_CACHE_BYTES),
            )
            .with_decode_execution_options(
                DecodeExecutionOptions::default().with_acceleration(DecodeAcceleration::CpuOnly),
            );
        let slide = wsi_rs::Slide::open_with_options(path, options)
            .map_err(|error| SlideError::from_open(path, error))?;

        let (scene, series) = largest_scene(slide.dataset())
            .ok_or_else(|| SlideError::damaged(path, "it has no image"))?;
        if series.sample_type != SampleType::Uint8 || series.axes.c > 1 {
            return Err(SlideError::unsupported(
                path,
                format!(
                    "{:?} samples, {} channels; only 8-bit brightfield images are read",
                    series.sample_type, series.axes.c
                ),
            ));
        }
        let levels = levels(path, &series.levels)?;
        let properties = &slide.dataset().properties;
        let format = properties.vendor().unwrap_or("tiff").to_lowercase();
        let description = Description {
            levels: levels.iter().map(|level| level.info).collect(),
            mpp: properties
                .mpp()
                .map(|(x, y)| Mpp { x, y })
                .filter(|mpp| mpp.is_plausible() && mpp.mean() <= MAX_STATED_UM_PER_PX),
            objective: properties.objective_power(),
            format,
        };
        let source = Self {
            path: path.to_path_buf(),
            slide,
            scene,
            levels,
            files: RwLock::default(),
        };
        Ok((source, description))
    }

    fn read_error(&self, level: usize, (x, y): (u32, u32), error: &WsiError) -> SlideError {
        SlideError::Read {
            path: self.path.clone(),
            level,
            x,
            y,
            reason: reason_of(&self.path, error),
        }
    }

    /// The bytes of a stored unit, framed as a stream of its own.
    fn stream(&self, unit: &EncodedUnit) -> Result<Vec<u8>, WsiError> {
        let file = self.file(unit.path())?;
        let mut parts = Vec::with_capacity(unit.segments().len());
        for segment in unit.segments() {
            // wsi-rs has checked the range against the size of the file.
            let mut bytes = vec![0; usize::try_from(segment.length).unwrap_or(usize::MAX)];
            file.read_exact_at(&mut bytes, segment.offset)?;
            parts.push(bytes);
        }
        unit.assemble(parts.iter().map(Vec::as_slice))
    }

    fn file(&self, path: &Path) -> Result<Arc<File>, WsiError> {
        let find = |files: &[(PathBuf, Arc<File>)]| {
            let found = files.iter().find(|(known, _)| known == path);
            found.map(|(_, file)| Arc::clone(file))
        };
        if let Some(file) = find(&self.files.read().unwrap_or_else(|error| error.into_inner())) {
            return Ok(file);
        }
        let file = Arc::new(File::open(path)?);
        let mut files = self
            .files
            .write()
            .unwrap_or_else(|error| error.into_inner());
        if find(&files).is_none() {
            files.truncate(MAX_OPEN_FILES - 1);
            files.insert(0, (path.to_path_buf(), Arc::clone(&file)));
        }
        Ok(file)
    }
}

impl Source for WholeSlide {
    fn resident_bytes(&self) -> u64 {
        // wsi-rs gives the caches of single formats half of the shared one besides.
        CACHE_BYTES + CACHE_BYTES / 2 + DISPLAY_CACHE_BYTES + INDEX_BYTES
    }

    fn stored_tile(
        &self,
        level: usize,
        column: u32,
        row: u32,
    ) -> Result<Option<Vec<u8>>, SlideError> {
        let Some(stored) = self.levels.get(level).filter(|l| l.tiles_are_stored) else {
            return Ok(None);
        };
        let LevelInfo {
            tile_width,
            tile_height,
            ..
        } = stored.info;
        let (x, y) = (column * tile_width, row * tile_height);
        let request = TileRequest::new(
            self.scene,
            0usize,
            stored.number,
            i64::from(column),
            i64::from(row),
        );
        let location = match self.slide.tile_location(&request) {
            Ok(location) => location,
            // The format keeps no such list.
            Err(WsiError::Unsupported { .. }) => return Ok(None),
            Err(error) => return Err(self.read_error(level, (x, y), &error)),
        };
        let TileLocation::Stored(tile) = location else {
            return Ok(None);
        };
        let Some((unit, model)) = tile
            .single_unit()
            .filter(|unit| covers_just_the_tile(unit, tile_width, tile_height))
            .and_then(|unit| Some((unit, colour_model(unit)?)))
        else {
            return Ok(None);
        };
        let stream = match self.stream(unit) {
            Ok(stream) => stream,
            // Without its tables or its end the decoder may still know what to do, else it names the error.
            Err(WsiError::Unsupported { .. }) => return Ok(None),
            Err(error) => return Err(self.read_error(level, (x, y), &error)),
        };
        Ok(jpeg::with_stated_colour(
            &stream,
            model,
            tile_width,
            tile_height,
        ))
    }

    fn read(&self, level: usize, part: LevelRect) -> Result<RgbImage, SlideError> {
        let error = |error: WsiError| self.read_error(level, (part.x, part.y), &error);
        let Some(stored) = self.levels.get(level) else {
            return Err(SlideError::InvalidRegion {
                reason: format!("level {level} is not stored"),
            });
        };
        let request = RegionRequest::new(
            self.scene,
            0usize,
            stored.number,
            (i64::from(part.x), i64::from(part.y)),
            (part.width, part.height),
        );
        let region = self.slide.read_region(&request).map_err(error)?;
        if *region.color_space() != ColorSpace::Rgba {
            return region.into_rgb().map_err(error);
        }
        // Parts that were not scanned are transparent.
        let rgba = region.into_rgba().map_err(error)?;
        Ok(RgbImage::from_fn(rgba.width(), rgba.height(), |x, y| {
            let [r, g, b, alpha] = rgba.get_pixel(x, y).0;
            image::Rgb([r, g, b].map(|value| blend_on_white(value, alpha)))
        }))
    }
}

/// The scene with the most pixels at full resolution: a file with several holds overviews beside the scan.
fn largest_scene(dataset: &wsi_rs::Dataset) -> Option<(usize, &wsi_rs::Series)> {
    let area = |series: &wsi_rs::Series| {
        let dimensions = series
            .levels
            .first()
            .map_or((0, 0), |level| level.dimensions);
        u128::from(dimensions.0) * u128::from(dimensions.1)
    };
    dataset
        .scenes
        .iter()
        .enumerate()
        .filter_map(|(index, scene)| Some((index, scene.series.first()?)))
        .max_by_key(|(index, series)| (area(series), std::cmp::Reverse(*index)))
}

/// The levels that get smaller and keep the shape of the first; what else is in the list is no part of the pyramid.
fn levels(path: &Path, stored: &[wsi_rs::Level]) -> Result<Vec<Level>, SlideError> {
    let mut levels: Vec<Level> = Vec::with_capacity(stored.len());
    for (number, level) in (0u32..).zip(stored) {
        let side = |px: u64| {
            u32::try_from(px)
                .ok()
                .filter(|side| (1..=MAX_SIDE_PX).contains(side))
        };
        let (Some(width), Some(height)) = (side(level.dimensions.0), side(level.dimensions.1))
        else {
            return Err(SlideError::too_large(
                path,
                format!(
                    "level {number} claims {}×{} px; a side has 1 to {MAX_SIDE_PX} px",
                    level.dimensions.0, level.dimensions.1
                ),
            ));
        };
        if let (Some(first), Some(last)) = (levels.first(), levels.last()) {
            let scale_x = f64::from(first.info.width) / f64::from(width);
            let scale_y = f64::from(first.info.height) / f64::from(height);
            // Rounding of a small level's sides is no change of shape.
            let rounding = 1.0 + 2.0 / f64::from(width.min(height));
            let same_shape = (scale_x / scale_y).max(scale_y / scale_x) <= 1.05 * rounding;
            let smaller = width < last.info.width && height < last.info.height;
            if !(same_shape && smaller) {
                continue;
            }
        }
        let stored_tile = match level.tile_layout {
            TileLayout::Regular {
                tile_width,
                tile_height,
                ..
            } if TILE_SIDES_PX.contains(&tile_width) && TILE_SIDES_PX.contains(&tile_height) => {
                Some((tile_width, tile_height))
            }
            _ => None,
        };
        let (tile_width, tile_height) = stored_tile.unwrap_or((2 * OWN_TILE_PX, 2 * OWN_TILE_PX));
        levels.push(Level {
            number,
            info: LevelInfo {
                width,
                height,
                tile_width,
                tile_height,
            },
            tiles_are_stored: stored_tile.is_some(),
        });
    }
    if levels.is_empty() {
        return Err(SlideError::damaged(path, "it has no level"));
    }
    Ok(levels)
}

/// Whether the stored image is the tile, padding at the edges included.
fn covers_just_the_tile(unit: &EncodedUnit, tile_width: u32, tile_height: u32) -> bool {
    let (source, tile) = (unit.source_region(), unit.tile_region());
    unit.stored_size() == (tile_width, tile_height)
        && (source.x, source.y) == (0, 0)
        && (tile.x, tile.y) == (0, 0)
        && (source.width, source.height) == (tile.width, tile.height)
}

/// The colour model of a stored 8-bit JPEG; `None` for anything that a browser would not show as the decoder does.
fn colour_model(unit: &EncodedUnit) -> Option<ColourModel> {
    let codec = unit.codec();
    let plain = codec.compression() == Compression::Jpeg
        && codec.bits_per_sample() == 8
        && codec.significant_bits().is_none()
        && codec.planar_configuration() == PlanarConfiguration::Chunky;
    match (
        codec.photometric_interpretation(),
        codec.samples_per_pixel(),
    ) {
        _ if !plain => None,
        (Photometric::Monochrome2, 1) => Some(ColourModel::Grey),
        (Photometric::Rgb, 3) => Some(ColourModel::Rgb),
        (Photometric::YbrFull422, 3) => Some(ColourModel::YCbCr),
        _ => None,
    }
}
