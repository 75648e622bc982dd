//! Whole-slide formats and TIFF, read by wsi-rs.
//!
//! Associated images (label, macro) are never asked for: this file holds no call that could read one.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use domain::geometry::{LevelInfo, Mpp};
use image::RgbImage;
use wsi_rs::{
    CacheConfig, ColorSpace, Compression, DecodeAcceleration, DecodeExecutionOptions,
    EncodedTilePhotometricInterpretation as Photometric, EncodedUnit, PlanarConfiguration,
    RegionRequest, SampleType, SlideOpenOptions, TileCache, TileLayout, TileLocation, TileRequest,
    WsiError,
};

use super::flat::blend_on_white;
use super::stored::{Failure, StoredTile, StoredTiles};
use super::{Description, LevelRect, MAX_SIDE_PX, OWN_TILE_PX, Source};
use crate::error::SlideError;
use crate::files::Fetch;
use crate::jpeg::ColourModel;

/// Decoded tiles kept per slide for regions that share them: a strip of 8192 px and the one below it, with tiles of 256 px.
const CACHE_BYTES: u64 = 16 << 20;
/// Decoded tiles kept for display, which is not what regions ask for.
const DISPLAY_CACHE_BYTES: u64 = 1 << 20;
/// Most that is held so that strips of a slide share what they touch; the reader takes no stored part of more than an eighth of
/// this. What needs more is refused: its parts would be decoded again for every strip, for hours.
const MOST_HELD_BYTES: u64 = 1 << 30;
/// What an open slide takes at least: what its file says of itself, and the reader.
const READER_BYTES: u64 = 256 << 10;
/// What the index takes of a stored tile: offset and length, as they are stored and as they are read.
const INDEX_BYTES: u64 = 32;
/// Stored tile sizes that are served as they are; others are cut anew.
const TILE_SIDES_PX: std::ops::RangeInclusive<u32> = 64..=2048;
/// Coarsest resolution taken from a plain TIFF: programs write 72 or 300 dpi into images that were never measured.
const MAX_STATED_UM_PER_PX: f64 = 20.0;

/// A slide opened by wsi-rs.
pub(crate) struct WholeSlide {
    path: PathBuf,
    slide: wsi_rs::Slide,
    scene: usize,
    levels: Vec<Level>,
    stored: StoredTiles,
    /// The cache that regions fill, kept here to know what it holds.
    decoded: Mutex<Arc<TileCache>>,
    /// Whether the reader may have filled the caches of its own for formats whose tiles are cut from something larger.
    filled_caches: AtomicBool,
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
        let stored = StoredTiles::of(path)?;
        let slide = open_reader(path, CACHE_BYTES)?;
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
            scene,
            levels,
            stored,
            decoded: Mutex::new(new_cache(&slide)),
            filled_caches: AtomicBool::new(false),
            slide,
        };
        Ok((source, description))
    }

    fn request(&self, level: &Level, column: u32, row: u32) -> TileRequest {
        let (column, row) = (i64::from(column), i64::from(row));
        TileRequest::new(self.scene, 0usize, level.number, column, row)
    }

    /// Asks the reader where a tile lies, and fetches it.
    fn find(
        &self,
        tile: (u32, u32, u32),
        level: &Level,
        (column, row): (u32, u32),
    ) -> Result<StoredTile, Failure> {
        let location = match self.slide.tile_location(&self.request(level, column, row)) {
            Ok(TileLocation::Stored(location)) => location,
            // Or the format keeps no such list.
            Ok(_) | Err(WsiError::Unsupported { .. }) => return Ok(self.stored.to_draw(tile)),
            Err(error) => return Err(error.into()),
        };
        let (width, height) = (level.info.tile_width, level.info.tile_height);
        match location
            .single_unit()
            .filter(|unit| covers_just_the_tile(unit, width, height))
            .and_then(|unit| Some((unit, colour_model(unit)?)))
        {
            Some((unit, model)) => self.stored.found(tile, unit, model),
            None => Ok(self.stored.to_draw(tile)),
        }
    }

    /// Whether the reader decodes tiles of this level one by one, and so keeps them in the one cache that is known here.
    fn decodes_tile_by_tile(&self, level: &Level) -> bool {
        level.tiles_are_stored
            && self
                .slide
                .tile_location(&self.request(level, 0, 0))
                .is_ok_and(|location| match location {
                    TileLocation::Stored(tile) => tile.single_unit().is_some_and(|unit| {
                        unit.stored_size() == (level.info.tile_width, level.info.tile_height)
                    }),
                    _ => false,
                })
    }
}

impl Source for WholeSlide {
    fn resident_bytes(&self) -> u64 {
        let tiles = |level: &Level| u64::from(level.info.columns()) * u64::from(level.info.rows());
        let index: u64 = self.levels.iter().map(tiles).sum::<u64>() * INDEX_BYTES;
        let decoded = self.decoded.lock().unwrap_or_else(|e| e.into_inner());
        // wsi-rs gives the caches of single formats half of the shared one besides, and does not say how full they are.
        let private = if self.filled_caches.load(Ordering::Relaxed) {
            CACHE_BYTES / 2
        } else {
            0
        };
        READER_BYTES
            + index
            + self.stored.resident_bytes()
            + decoded.stats().current_bytes
            + private
    }

    fn forget_decoded(&self) {
        let mut decoded = self.decoded.lock().unwrap_or_else(|e| e.into_inner());
        *decoded = new_cache(&self.slide);
    }

    fn prepare_for_strips(&mut self, rows: u32) -> Result<(), SlideError> {
        let Some(level) = self.levels.first() else {
            return Ok(());
        };
        let location = self.slide.tile_location(&self.request(level, 0, 0));
        let Ok(TileLocation::Stored(tile)) = location else {
            return Ok(());
        };
        let Some(part) = tile.units().first() else {
            return Ok(());
        };
        let (part_width, height) = part.stored_size();
        let is_the_tile = part.stored_size() == tile.tile_size();
        if is_the_tile && rows.is_multiple_of(height) {
            // No tile is in two strips.
            return Ok(());
        }
        let bytes = rows_touched(height, rows)
            .saturating_mul(level.info.width.into())
            .saturating_mul(part.codec().samples_per_pixel().into());
        if bytes > MOST_HELD_BYTES {
            return Err(SlideError::too_large(
                &self.path,
                format!(
                    "{}×{} px without a pyramid, stored in parts of {part_width}×{height} px, of which {} MB would have to be \
                     decoded at a time; at most {} MB. Convert it to a TIFF with tiles of {rows}×{rows} px",
                    level.info.width,
                    level.info.height,
                    bytes / 1_000_000,
                    MOST_HELD_BYTES / 1_000_000
                ),
            ));
        }
        if is_the_tile {
            let cache = Arc::new(TileCache::new(bytes));
            self.slide.replace_shared_tile_cache(Arc::clone(&cache));
            self.decoded = Mutex::new(cache);
        } else {
            // What tiles are cut from is kept in a cache of its own, which gets half of what the shared one is said to get.
            self.slide = open_reader(&self.path, 2 * bytes)?;
            self.decoded = Mutex::new(new_cache(&self.slide));
        }
        Ok(())
    }

    fn check_files(&self) -> Result<(), SlideError> {
        self.stored.check_files()
    }

    fn stored_tile(
        &self,
        level: usize,
        column: u32,
        row: u32,
        fetch: Fetch,
    ) -> Result<StoredTile, SlideError> {
        let Some(stored) = self.levels.get(level).filter(|l| l.tiles_are_stored) else {
            return Ok(StoredTile::ToDraw);
        };
        let tile = (stored.number, column, row);
        let fetched = match self.stored.known(tile, fetch) {
            Ok(StoredTile::OnDisk) if fetch == Fetch::FromDisk => {
                self.find(tile, stored, (column, row))
            }
            known => known,
        };
        fetched.map_err(|failure| {
            let (x, y) = (
                column * stored.info.tile_width,
                row * stored.info.tile_height,
            );
            failure.at(&self.path, level, (x, y))
        })
    }

    fn read(&self, level: usize, part: LevelRect) -> Result<RgbImage, SlideError> {
        let place = (part.x, part.y);
        let error = |error: WsiError| SlideError::from_part(&self.path, level, place, &error);
        let Some(stored) = self.levels.get(level) else {
            return Err(SlideError::InvalidRegion {
                reason: format!("level {level} is not stored"),
            });
        };
        if !self.filled_caches.load(Ordering::Relaxed) && !self.decodes_tile_by_tile(stored) {
            self.filled_caches.store(true, Ordering::Relaxed);
        }
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

fn open_reader(path: &Path, cache_bytes: u64) -> Result<wsi_rs::Slide, SlideError> {
    let options = SlideOpenOptions::default()
        .with_cache_config(
            CacheConfig::deterministic()
                .with_shared_tile_bytes(cache_bytes)
                // Only regions are read, which use the other cache.
                .with_display_tile_bytes(DISPLAY_CACHE_BYTES),
        )
        .with_decode_execution_options(
            DecodeExecutionOptions::default().with_acceleration(DecodeAcceleration::CpuOnly),
        );
    wsi_rs::Slide::open_with_options(path, options)
        .map_err(|error| SlideError::from_open(path, error))
}

/// Rows of all stored parts of `height` rows that a strip of `rows` rows touches, wherever the strip is.
fn rows_touched(height: u32, rows: u32) -> u64 {
    let (height, rows) = (u64::from(height.max(1)), u64::from(rows.max(1)));
    if rows.is_multiple_of(height) {
        rows
    } else if height.is_multiple_of(rows) {
        height
    } else {
        (rows.div_ceil(height) + 1) * height
    }
}

/// Gives a slide a fresh cache for decoded tiles.
fn new_cache(slide: &wsi_rs::Slide) -> Arc<TileCache> {
    let cache = Arc::new(TileCache::new(CACHE_BYTES));
    slide.replace_shared_tile_cache(Arc::clone(&cache));
    cache
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strip_touches_whole_parts_and_one_more_where_it_does_not_begin_with_one() {
        let touched = |height| rows_touched(height, 512);
        assert_eq!((touched(1), touched(256), touched(512)), (512, 512, 512));
        assert_eq!((touched(1024), touched(65_536)), (1024, 65_536));
        assert_eq!((touched(240), touched(7), touched(700)), (960, 525, 1400));
    }
}
