//! Writes a slide: tiled JPEG BigTIFF with a pyramid, from rows that come once, top to bottom.
//!
//! No one layout serves all readers. OME-TIFF (Bio-Formats and with it QuPath; wsi-rs) finds the levels in the SubIFDs of the
//! first directory; OpenSlide's generic TIFF reads neither OME-XML nor SubIFDs and wants every level in the main chain. So
//! each lower level has two directories, one for either, which share the tiles and the lists of their places: a hundred
//! bytes more per level.

mod directories;
mod level;

use std::fs::{File, Permissions};
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use domain::geometry::Mpp;

use crate::error::SlideError;
use crate::jpeg::SharedTables;
use crate::source::MAX_SIDE_PX;
use level::Level;

/// Edge of the tiles of a written slide, px.
pub const WRITTEN_TILE_PX: u32 = 512;

/// Widest slide that is written: a strip of tiles is held of each level, 0.8 GB at this width.
const MAX_WIDTH_PX: u32 = 1 << 18;
/// Most pixels that are written: with a million tiles of level 0, their lists of places stay within what readers take.
const MAX_PIXELS: u64 = 1 << 38;
/// The pyramid ends with the level that is at most this long, a single tile.
const COARSEST_SIDE_PX: u32 = WRITTEN_TILE_PX;
/// The BigTIFF header: byte order, version 43, offsets of 8 bytes, and the place of the first directory, still unknown.
const HEADER: [u8; 16] = [b'I', b'I', 43, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// Where in the header the place of the first directory stands.
const FIRST_DIRECTORY_AT: u64 = 8;

/// What is said of a slide that is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// Width of level 0, px.
    pub width: u32,
    /// Height of level 0, px.
    pub height: u32,
    /// Resolution of level 0.
    pub mpp: Mpp,
    /// Power of the objective, if known.
    pub objective: Option<f64>,
    /// Where the pixels come from, in words that may be shown to anybody.
    pub description: String,
}

/// Takes the rows of level 0 and writes all levels.
///
/// Holds one strip of tiles of each level: 3 kB for each pixel of the width, whatever the height (150 MB at 50,000 px).
/// Tiles are encoded on all processors: JPEG of quality 90 in YCbCr without subsampling, one stream each, whose tables stand in
/// the file once, so that they go to browsers undecoded. Each level is the 2×2 mean of the one above, its sides rounded up.
pub struct PyramidWriter<W: Write + Seek> {
    out: BufWriter<W>,
    /// Bytes written so far.
    at: u64,
    written: Written,
    levels: Vec<Level>,
    tables: SharedTables,
}

impl<W: Write + Seek> PyramidWriter<W> {
    /// Begins a slide in `out`, which is empty and stands at its start.
    ///
    /// # Errors
    /// [`SlideError::InvalidRegion`] when it has no pixels or too many; [`SlideError::ImplausibleMpp`];
    /// [`SlideError::Write`] or [`SlideError::DiskFull`].
    pub fn new(out: W, written: Written) -> Result<Self, SlideError> {
        let (width, height) = (written.width, written.height);
        let pixels = u64::from(width) * u64::from(height);
        if pixels == 0 || width > MAX_WIDTH_PX || height > MAX_SIDE_PX || pixels > MAX_PIXELS {
            return Err(SlideError::InvalidRegion {
                reason: format!(
                    "a slide of {width}×{height} px is not written; it has 1 to {MAX_WIDTH_PX} columns, 1 to {MAX_SIDE_PX} \
                     rows and at most {MAX_PIXELS} px"
                ),
            });
        }
        for um_per_px in [written.mpp.x, written.mpp.y] {
            if !Mpp::square(um_per_px).is_plausible() {
                return Err(SlideError::ImplausibleMpp { um_per_px });
            }
        }
        let mut levels = vec![Level::new(width, height)];
        while let Some(last) = levels.last()
            && last.width.max(last.height) > COARSEST_SIDE_PX
        {
            levels.push(Level::new(last.width.div_ceil(2), last.height.div_ceil(2)));
        }
        let mut writer = Self {
            out: BufWriter::with_capacity(1 << 20, out),
            at: 0,
            written,
            levels,
            tables: SharedTables::of_our_encoder().map_err(level::not_encoded)?,
        };
        writer.append(&HEADER)?;
        Ok(writer)
    }

    /// How many rows of level 0 there are so far.
    #[must_use]
    pub fn rows_written(&self) -> u32 {
        self.levels.first().map_or(0, Level::rows)
    }

    /// How many rows the next strip takes: those of a row of tiles, fewer at the bottom, none at the end.
    #[must_use]
    pub fn next_strip_rows(&self) -> u32 {
        self.levels.first().map_or(0, Level::rows_wanted)
    }

    /// Whether a strip has just been written.
    pub(crate) fn is_between_strips(&self) -> bool {
        self.rows_written().is_multiple_of(WRITTEN_TILE_PX) || self.next_strip_rows() == 0
    }

    /// Takes the next rows: R, G, B of each pixel, any whole number of rows.
    ///
    /// # Errors
    /// [`SlideError::InvalidRegion`] when these are no whole rows or more than there are to come; [`SlideError::Write`] or
    /// [`SlideError::DiskFull`].
    pub fn write_rows(&mut self, mut rows: &[u8]) -> Result<(), SlideError> {
        while !rows.is_empty() {
            let wanted = self.next_strip_rows() as usize * self.row_bytes();
            let (now, later) = rows.split_at(rows.len().min(wanted));
            if now.is_empty() || !now.len().is_multiple_of(self.row_bytes()) {
                return Err(SlideError::InvalidRegion {
                    reason: "these are not the rows that are to come".into(),
                });
            }
            if let Some(level) = self.levels.first_mut() {
                level.room(now.len()).copy_from_slice(now);
            }
            self.encode_full_strips()?;
            rows = later;
        }
        Ok(())
    }

    /// Has the next strip of [`PyramidWriter::next_strip_rows`] filled in place: R, G, B of each pixel, row by row.
    ///
    /// # Errors
    /// Whatever `fill` says; else as [`PyramidWriter::write_rows`].
    pub fn write_strip(
        &mut self,
        fill: impl FnOnce(&mut [u8]) -> Result<(), SlideError>,
    ) -> Result<(), SlideError> {
        let bytes = self.next_strip_rows() as usize * self.row_bytes();
        if let Some(level) = self.levels.first_mut() {
            fill(level.room(bytes))?;
        }
        self.encode_full_strips()
    }

    /// Writes the directories and hands the file back, flushed but not synced.
    ///
    /// # Errors
    /// [`SlideError::InvalidRegion`] when rows are missing; [`SlideError::Write`] or [`SlideError::DiskFull`].
    pub fn finish(mut self) -> Result<W, SlideError> {
        if self.next_strip_rows() > 0 {
            return Err(SlideError::InvalidRegion {
                reason: format!(
                    "{} of {} rows are there",
                    self.rows_written(),
                    self.written.height
                ),
            });
        }
        let (bytes, first) = directories::encode(
            &self.written,
            &self.levels,
            &self.tables.to_stream(),
            self.at,
        );
        self.append(&bytes)?;
        self.out
            .seek(SeekFrom::Start(FIRST_DIRECTORY_AT))
            .and_then(|_| self.out.write_all(&first.to_le_bytes()))
            .and_then(|()| self.out.seek(SeekFrom::End(0)))
            .map_err(SlideError::from_writing)?;
        self.out
            .into_inner()
            .map_err(|error| SlideError::from_writing(error.into_error()))
    }

    fn row_bytes(&self) -> usize {
        self.written.width as usize * 3
    }

    /// Writes every level's strip that is complete, and hands its 2×2 means to the next level.
    fn encode_full_strips(&mut self) -> Result<(), SlideError> {
        let mut number = 0;
        while let Some(level) = self.levels.get_mut(number)
            && level.strip_is_complete()
        {
            for tile in level.encode_strip(&self.tables)? {
                let bytes = u32::try_from(tile.len()).unwrap_or(u32::MAX);
                level.places.push((self.at, bytes));
                self.out
                    .write_all(&tile)
                    .map_err(SlideError::from_writing)?;
                self.at += u64::from(bytes);
            }
            if let [level, next, ..] = &mut self.levels[number..] {
                level.halve_into(next);
            }
            if let Some(level) = self.levels.get_mut(number) {
                level.begin_strip();
            }
            number += 1;
        }
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), SlideError> {
        self.out
            .write_all(bytes)
            .map_err(SlideError::from_writing)?;
        self.at += bytes.len() as u64;
        Ok(())
    }
}

/// Writes a slide to a place of its own: beside it, synced, then renamed, so that whoever finds the file finds all of it, and a
/// full disk or a kill leaves nothing under its name.
///
/// # Errors
/// What `rows` says; else as [`PyramidWriter::finish`].
pub fn write_slide_file(
    path: &Path,
    written: Written,
    rows: impl FnOnce(&mut PyramidWriter<&File>) -> Result<(), SlideError>,
) -> Result<(), SlideError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let file = tempfile::NamedTempFile::new_in(folder).map_err(SlideError::from_writing)?;
    // A temporary file is for its owner alone; whoever opens the slide may be somebody else.
    file.as_file()
        .set_permissions(Permissions::from_mode(0o644))
        .map_err(SlideError::from_writing)?;
    let mut writer = PyramidWriter::new(file.as_file(), written)?;
    rows(&mut writer)?;
    writer.finish()?;
    file.as_file()
        .sync_all()
        .map_err(SlideError::from_writing)?;
    file.persist(path)
        .map_err(|error| SlideError::from_writing(error.error))?;
    // A rename is only kept for sure once its folder is written.
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(SlideError::from_writing)
}
