//! What a file offers: stored levels, stored tiles, pixels of a level. One file per family of formats.

pub(crate) mod flat;
pub(crate) mod stored;
pub(crate) mod whole_slide;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use domain::geometry::{LevelInfo, Mpp};
use image::RgbImage;

use self::stored::StoredTile;
use crate::error::SlideError;
use crate::files::Fetch;

/// Edge of the pyramid tiles of levels that bring no usable tiles of their own.
pub(crate) const OWN_TILE_PX: u32 = 256;
/// Longest side of a slide: 4 m at 0.25 µm/px. More is a lie in a header.
pub(crate) const MAX_SIDE_PX: u32 = 1 << 24;

/// A part of a level, in pixels of that level, inside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LevelRect {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
}

/// What a file says about itself.
pub(crate) struct Description {
    /// Stored levels, each smaller than the one before.
    pub levels: Vec<LevelInfo>,
    /// Resolution, if the file states a believable one.
    pub mpp: Option<Mpp>,
    /// Objective power, if stated.
    pub objective: Option<f64>,
    /// Format or maker, in lower case.
    pub format: String,
}

/// An opened file.
pub(crate) trait Source: Send + Sync {
    /// Bytes that it keeps in memory now.
    fn resident_bytes(&self) -> u64;

    /// Lets go of decoded tiles that it kept in case they are asked for again.
    fn forget_decoded(&self);

    /// Makes room for what strips of `rows` rows of level 0 share, so that who reads one after the other, from top to bottom,
    /// has every stored part decoded once; [`SlideError::TooLarge`] where that takes more than may be held.
    fn prepare_for_strips(&mut self, rows: u32) -> Result<(), SlideError>;

    /// Whether the files that tiles were found in are still those that were opened.
    fn check_files(&self) -> Result<(), SlideError>;

    /// A stored tile, as far as it can be fetched.
    fn stored_tile(
        &self,
        level: usize,
        column: u32,
        row: u32,
        fetch: Fetch,
    ) -> Result<StoredTile, SlideError>;

    /// Pixels of a stored level.
    fn read(&self, level: usize, part: LevelRect) -> Result<RgbImage, SlideError>;
}

/// The length of a file that may be a slide.
pub(crate) fn length(path: &Path) -> Result<u64, SlideError> {
    let metadata = std::fs::metadata(path).map_err(|source| SlideError::io(path, source))?;
    let not_a_slide = |reason: &str| SlideError::NotASlide {
        path: path.to_path_buf(),
        reason: reason.into(),
    };
    if !metadata.is_file() {
        return Err(not_a_slide("it is no file; name the slide's own file"));
    }
    if metadata.len() == 0 {
        return Err(not_a_slide("it is empty"));
    }
    Ok(metadata.len())
}

/// Opens a file by what it is, not by its name.
pub(crate) fn open(path: &Path) -> Result<(Box<dyn Source>, Description), SlideError> {
    let bytes = length(path)?;
    if let Some(format) = flat::format_of(path)? {
        let (source, description) = flat::Flat::open(path, format)?;
        return Ok((Box::new(source), description));
    }
    match whole_slide::WholeSlide::open(path) {
        Ok((source, description)) => Ok((Box::new(source), description)),
        // The commonest damage is a copy that broke off, and then no reader finds what it looks for.
        Err(SlideError::NotASlide { .. })
            if File::open(path).is_ok_and(|file| points_beyond(file, bytes)) =>
        {
            Err(SlideError::damaged(
                path,
                "it ends before the place where its list of images begins. Was it copied whole?",
            ))
        }
        Err(error) => Err(error),
    }
}

/// Whether a file of so many bytes starts as a TIFF whose first directory lies beyond its end.
pub(crate) fn points_beyond(mut file: impl Read, bytes: u64) -> bool {
    let (mut magic, mut short, mut long) = ([0; 4], [0; 4], [0; 8]);
    let read = file
        .read_exact(&mut magic)
        .and_then(|()| file.read_exact(&mut short))
        .and_then(|()| file.read_exact(&mut long));
    let directory = match &magic {
        b"II*\0" => u32::from_le_bytes(short).into(),
        b"MM\0*" => u32::from_be_bytes(short).into(),
        b"II+\0" => u64::from_le_bytes(long),
        b"MM\0+" => u64::from_be_bytes(long),
        _ => return false,
    };
    read.is_ok() && directory >= bytes
}
