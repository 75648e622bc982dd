//! An opened slide: what it says about itself, and its pyramid tiles.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use domain::geometry::{LevelInfo, Mpp, Pyramid};
use image::RgbImage;

use crate::error::SlideError;
use crate::files::{Fetch, Fingerprint};
use crate::jpeg;
use crate::members::Members;
use crate::source::stored::StoredTile;
use crate::source::{self, LevelRect, OWN_TILE_PX, Source};

/// A pyramid goes on until its coarsest level is at most this long.
const COARSEST_SIDE_PX: u32 = 512;
/// Longest side of the reduced copy that all coarser synthesised levels are drawn from.
const OVERVIEW_SIDE_PX: u32 = 2048;

/// What is known about a slide beside its file.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct OpenOptions {
    /// Micrometres per pixel, given by a person; takes the place of what the file says.
    pub mpp: Option<Mpp>,
}

impl OpenOptions {
    /// Before any file is asked for: what a person gave is refused for itself.
    fn check(self) -> Result<(), SlideError> {
        for um_per_px in self.mpp.into_iter().flat_map(|mpp| [mpp.x, mpp.y]) {
            if !Mpp::square(um_per_px).is_plausible() {
                return Err(SlideError::ImplausibleMpp { um_per_px });
            }
        }
        Ok(())
    }
}

/// Where a slide's resolution comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MppOrigin {
    /// The file states it.
    Stated,
    /// A person gave it.
    Given,
}

/// One pyramid tile, ready to be sent.
///
/// Always the full `tile_width` × `tile_height` of its level. At the right and bottom edge that is more than the level
/// has: what lies beyond the level's size is padding, which the viewer clips.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PyramidTile {
    /// A JPEG stream.
    pub bytes: Vec<u8>,
    /// Whether these are the stored bytes, never decoded.
    pub passed_through: bool,
    /// Width of the image, padding included, px.
    pub width: u32,
    /// Height of the image, padding included, px.
    pub height: u32,
}

impl PyramidTile {
    /// Media type of the bytes.
    pub const MEDIA_TYPE: &'static str = "image/jpeg";
}

/// An opened slide. `Send` and `Sync`; share it by [`Arc`].
pub struct Slide {
    pub(crate) path: PathBuf,
    members: Members,
    pub(crate) source: Box<dyn Source>,
    pub(crate) pyramid: Pyramid,
    /// The first so many levels of the pyramid are in the file.
    pub(crate) stored_levels: usize,
    mpp: Mpp,
    mpp_origin: MppOrigin,
    objective: Option<f64>,
    format: String,
    /// The first synthesised level of at most [`OVERVIEW_SIDE_PX`], once it was needed.
    overview: Mutex<Option<Arc<RgbImage>>>,
}

impl Slide {
    /// Opens a file and checks what it claims. Reads no pixels of whole-slide formats; decodes PNG and JPEG.
    ///
    /// # Errors
    /// Every kind but [`SlideError::OutOfBounds`], [`SlideError::InvalidRegion`] and [`SlideError::Read`].
    pub fn open(path: impl AsRef<Path>, options: OpenOptions) -> Result<Self, SlideError> {
        options.check()?;
        let path = path.as_ref();
        let metadata = std::fs::metadata(path).map_err(|reason| SlideError::io(path, reason))?;
        let before = Fingerprint::of(&metadata);
        Self::open_with(path, options, |format| {
            let members = Members::of(path, format)?;
            // They are known only now, but the named one must be what was opened.
            let mut files = members.files().iter();
            if files.any(|file| file.path == path && file.fingerprint != before) {
                return Err(SlideError::Changed {
                    path: path.to_path_buf(),
                });
            }
            Ok(members)
        })
    }

    /// As [`Slide::open`], where the files that the slide is made of have been listed already. They are asked for again when it
    /// is open: what was opened is what was listed.
    ///
    /// # Errors
    /// As [`Slide::open`]; [`SlideError::Changed`] when other files are there now than were listed.
    pub fn open_listed(
        path: impl AsRef<Path>,
        members: Members,
        options: OpenOptions,
    ) -> Result<Self, SlideError> {
        options.check()?;
        let path = path.as_ref();
        Self::open_with(path, options, |format| {
            members.check_listed(path, format)?;
            Ok(members)
        })
    }

    /// `members_of` is asked for the files of a slide of a format, when it is open.
    fn open_with(
        path: &Path,
        options: OpenOptions,
        members_of: impl FnOnce(&str) -> Result<Members, SlideError>,
    ) -> Result<Self, SlideError> {
        let (source, description) = source::open(path)?;
        let (mpp, mpp_origin) = match (options.mpp, description.mpp) {
            (Some(given), _) => (given, MppOrigin::Given),
            (None, Some(stated)) => (stated, MppOrigin::Stated),
            (None, None) => {
                return Err(SlideError::MissingMpp {
                    path: path.to_path_buf(),
                });
            }
        };
        let members = members_of(&description.format)?;
        let stored_levels = description.levels.len();
        Ok(Self {
            path: path.to_path_buf(),
            members,
            source,
            pyramid: Pyramid {
                levels: with_synthesised(description.levels),
            },
            stored_levels,
            mpp,
            mpp_origin,
            objective: description.objective,
            format: description.format,
            overview: Mutex::default(),
        })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All levels, stored ones first; what the file lacks below them is synthesised by halving.
    #[must_use]
    pub fn pyramid(&self) -> &Pyramid {
        &self.pyramid
    }

    /// How many of the levels are stored in the file.
    #[must_use]
    pub fn stored_levels(&self) -> usize {
        self.stored_levels
    }

    /// Resolution at level 0.
    #[must_use]
    pub fn mpp(&self) -> Mpp {
        self.mpp
    }

    /// Where the resolution comes from.
    #[must_use]
    pub fn mpp_origin(&self) -> MppOrigin {
        self.mpp_origin
    }

    /// Power of the objective, if the file states it.
    #[must_use]
    pub fn objective(&self) -> Option<f64> {
        self.objective
    }

    /// Format or maker, in lower case: `aperio`, `hamamatsu`, `png`.
    #[must_use]
    pub fn format(&self) -> &str {
        &self.format
    }

    /// The files that it is made of, as they were when it was opened.
    #[must_use]
    pub fn members(&self) -> &Members {
        &self.members
    }

    /// Whether the files that it is made of are still those that were opened. Asks the system, not the disk; a few microseconds.
    ///
    /// # Errors
    /// [`SlideError::Changed`], or [`SlideError::Io`] when one is gone.
    pub fn check_files(&self) -> Result<(), SlideError> {
        self.members.check()?;
        self.source.check_files()
    }

    /// Bytes that the open slide holds now: decoded pixels, caches, index. To be weighed by whoever keeps slides open.
    #[must_use]
    pub fn resident_bytes(&self) -> u64 {
        let overview_bytes = match self.overview.try_lock() {
            Ok(overview) => overview
                .as_ref()
                .map_or(0, |image| image.as_raw().len() as u64),
            // It is being drawn, which takes a while, and who asks must not wait.
            Err(_) => {
                let info = self.pyramid.levels.get(self.overview_level());
                info.map_or(0, |level| {
                    3 * u64::from(level.width) * u64::from(level.height)
                })
            }
        };
        self.source.resident_bytes() + overview_bytes
    }

    /// Lets go of decoded tiles that are only kept in case they are asked for again.
    pub fn forget_decoded(&self) {
        self.source.forget_decoded();
    }

    /// A pyramid tile as JPEG: the stored bytes where every browser reads them alike, else decoded and encoded once, to be
    /// cached by the caller. Blocks; not for async threads.
    ///
    /// # Errors
    /// [`SlideError::OutOfBounds`]; [`SlideError::Read`] when this part of the file is damaged; [`SlideError::Changed`].
    pub fn pyramid_tile(
        &self,
        level: usize,
        column: u32,
        row: u32,
    ) -> Result<PyramidTile, SlideError> {
        let info = self.tile_level(level, column, row)?;
        let (bytes, passed_through) = match self.stored_tile(level, column, row, Fetch::FromDisk)? {
            StoredTile::Jpeg(bytes) => (bytes, true),
            StoredTile::OnDisk | StoredTile::ToDraw => {
                (self.drawn_tile(level, column, row)?, false)
            }
        };
        Ok(PyramidTile {
            bytes,
            passed_through,
            width: info.tile_width,
            height: info.tile_height,
        })
    }

    /// The stored bytes of a pyramid tile, never decoded. With [`Fetch::FromMemory`] it waits for no disk.
    ///
    /// # Errors
    /// As [`Slide::pyramid_tile`].
    pub fn stored_tile(
        &self,
        level: usize,
        column: u32,
        row: u32,
        fetch: Fetch,
    ) -> Result<StoredTile, SlideError> {
        self.tile_level(level, column, row)?;
        if level < self.stored_levels {
            self.source.stored_tile(level, column, row, fetch)
        } else {
            Ok(StoredTile::ToDraw)
        }
    }

    /// A pyramid tile decoded and encoded, padded to its level's tile size. Blocks; not for async threads.
    ///
    /// # Errors
    /// As [`Slide::pyramid_tile`].
    pub fn drawn_tile(&self, level: usize, column: u32, row: u32) -> Result<Vec<u8>, SlideError> {
        let info = self.tile_level(level, column, row)?;
        let (width, height) = (info.tile_width, info.tile_height);
        let pixels = self.tile_pixels(level, column, row)?;
        jpeg::encode(&padded(pixels, width, height)).map_err(|error| SlideError::Read {
            path: self.path.clone(),
            level,
            x: column * width,
            y: row * height,
            reason: error.to_string(),
        })
    }

    /// The part of a level that a pyramid tile shows, without padding. Blocks; not for async threads.
    ///
    /// # Errors
    /// As [`Slide::pyramid_tile`].
    pub fn tile_pixels(&self, level: usize, column: u32, row: u32) -> Result<RgbImage, SlideError> {
        let info = self.tile_level(level, column, row)?;
        let (x, y) = (column * info.tile_width, row * info.tile_height);
        let part = LevelRect {
            x,
            y,
            width: info.tile_width.min(info.width - x),
            height: info.tile_height.min(info.height - y),
        };
        self.read_level(level, part)
    }

    fn read_level(&self, level: usize, part: LevelRect) -> Result<RgbImage, SlideError> {
        if level < self.stored_levels {
            self.source.read(level, part)
        } else {
            self.read_synthesised(level, part)
        }
    }

    fn tile_level(&self, level: usize, column: u32, row: u32) -> Result<LevelInfo, SlideError> {
        let out_of_bounds = |allowed: String| SlideError::OutOfBounds {
            level,
            column,
            row,
            allowed,
        };
        let levels = &self.pyramid.levels;
        let info = *levels
            .get(level)
            .ok_or_else(|| out_of_bounds(format!("levels go from 0 to {}", levels.len() - 1)))?;
        if column >= info.columns() || row >= info.rows() {
            return Err(out_of_bounds(format!(
                "columns go from 0 to {}, rows from 0 to {}",
                info.columns() - 1,
                info.rows() - 1
            )));
        }
        Ok(info)
    }

    fn read_synthesised(&self, level: usize, part: LevelRect) -> Result<RgbImage, SlideError> {
        let (scale_x, scale_y) = self.pyramid.downsample(level).unwrap_or((1.0, 1.0));
        let rect = domain::geometry::SlideRect {
            x: f64::from(part.x) * scale_x,
            y: f64::from(part.y) * scale_y,
            width: f64::from(part.width) * scale_x,
            height: f64::from(part.height) * scale_y,
        };
        self.region_from_level(level, rect, (part.width, part.height))
    }

    /// Which synthesised level is kept in memory as overview.
    pub(crate) fn overview_level(&self) -> usize {
        let fits = |info: &LevelInfo| info.width.max(info.height) <= OVERVIEW_SIDE_PX;
        let synthesised = &self.pyramid.levels[self.stored_levels..];
        self.stored_levels
            + synthesised
                .iter()
                .position(fits)
                .unwrap_or(synthesised.len())
    }

    /// The overview; drawn once, by the first thread that needs it, while others wait.
    pub(crate) fn overview(
        &self,
        draw: impl FnOnce() -> Result<RgbImage, SlideError>,
    ) -> Result<Arc<RgbImage>, SlideError> {
        let mut overview = self
            .overview
            .lock()
            .unwrap_or_else(|error| error.into_inner());
        if let Some(ready) = &*overview {
            return Ok(Arc::clone(ready));
        }
        let drawn = Arc::new(draw()?);
        *overview = Some(Arc::clone(&drawn));
        Ok(drawn)
    }
}

impl std::fmt::Debug for Slide {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Slide")
            .field("path", &self.path)
            .field("format", &self.format)
            .field("pyramid", &self.pyramid)
            .field("mpp", &self.mpp)
            .finish_non_exhaustive()
    }
}

/// Goes on halving below the coarsest stored level, so that a whole slide is always a few tiles.
fn with_synthesised(mut levels: Vec<LevelInfo>) -> Vec<LevelInfo> {
    while let Some(last) = levels.last().copied()
        && last.width.max(last.height) > COARSEST_SIDE_PX
        && last.width.min(last.height) > 1
    {
        levels.push(LevelInfo {
            width: last.width.div_ceil(2),
            height: last.height.div_ceil(2),
            tile_width: OWN_TILE_PX,
            tile_height: OWN_TILE_PX,
        });
    }
    levels
}

/// Repeats the last column and row up to the full tile: JPEG blocks at the edge then hold nothing that could bleed in.
fn padded(pixels: RgbImage, width: u32, height: u32) -> RgbImage {
    let (right, bottom) = (pixels.width() - 1, pixels.height() - 1);
    if (right, bottom) == (width - 1, height - 1) {
        return pixels;
    }
    RgbImage::from_fn(width, height, |x, y| {
        *pixels.get_pixel(x.min(right), y.min(bottom))
    })
}
