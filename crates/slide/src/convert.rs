//! Gives an image without a usable pyramid one: what needs it, and its rows in order.
//!
//! PNG and baseline JPEG come row by row from their decoders, TIFF in strips, for which every stored part is decoded once.
//! Interlaced PNG, progressive JPEG and what has to be turned can only be decoded whole, and so is bound by what a flat image
//! may have at most.

mod jpeg_rows;
mod png_rows;

use std::fs::File;
use std::io::{BufReader, Seek, Write};
use std::path::{Path, PathBuf};

use domain::geometry::Mpp;
use image::metadata::Orientation;
use image::{ImageDecoder, ImageFormat, ImageReader};
use rayon::prelude::*;

use crate::error::SlideError;
use crate::members::Members;
use crate::slide::{OpenOptions, Slide};
use crate::source::{self, LevelRect, flat};
use crate::writer::{PyramidWriter, WRITTEN_TILE_PX, Written};

/// More pixels than this in a single level want a pyramid: a moment of decoding for a first look at the whole.
const SINGLE_LEVEL_PX: u64 = 1 << 24;
/// The same for the coarsest of several levels: below the others it is small unless the pyramid breaks off.
const COARSEST_LEVEL_PX: u64 = 1 << 26;
/// Most pixels that are converted: minutes. More is a lie in a header.
const MAX_CONVERTED_PX: u64 = 1 << 34;
/// Columns that one thread reads at a time, at least.
const READ_COLUMNS: u32 = 2048;

/// An image that gets a pyramid.
pub struct Conversion {
    rows: Rows,
    /// As they were before anything was read of them.
    members: Members,
    width: u32,
    height: u32,
    mpp: Mpp,
    objective: Option<f64>,
}

/// Where the rows come from.
enum Rows {
    Png(PathBuf),
    Jpeg(PathBuf),
    /// Of level 0 of an opened file.
    Slide(Box<Slide>),
}

impl Conversion {
    /// What is to be converted, `None` when the file is a slide that can be looked at as it is: an image of at most 16.7 million
    /// px, or with several levels of which the coarsest has at most 67 million. Decodes nothing but what can only be decoded
    /// whole.
    ///
    /// # Errors
    /// As [`Slide::open`]; [`SlideError::TooLarge`], too, for an image that is stored in parts of which more than 1 GiB would have to
    /// be held decoded.
    pub fn needed(path: &Path, options: OpenOptions) -> Result<Option<Self>, SlideError> {
        source::length(path)?;
        let Some(format) = flat::format_of(path)? else {
            let slide = Slide::open(path, options)?;
            return wants_pyramid(&slide)
                .then(|| Self::of_slide(slide))
                .transpose();
        };
        // Such an image is one file.
        let members = Members::of(path, "")?;
        let header = FlatHeader::read(path, format)?;
        let pixels = u64::from(header.width) * u64::from(header.height);
        if pixels <= SINGLE_LEVEL_PX {
            return Ok(None);
        }
        if !header.comes_in_rows {
            // Decoded whole; says so when it is too large for that.
            return Self::of_slide(Slide::open(path, options)?).map(Some);
        }
        check_size(path, header.width, header.height)?;
        let mpp = options.mpp.ok_or_else(|| SlideError::MissingMpp {
            path: path.to_path_buf(),
        })?;
        let rows = match format {
            ImageFormat::Jpeg => Rows::Jpeg(path.to_path_buf()),
            _ => Rows::Png(path.to_path_buf()),
        };
        Ok(Some(Self {
            rows,
            members,
            width: header.width,
            height: header.height,
            mpp,
            objective: None,
        }))
    }

    fn of_slide(mut slide: Slide) -> Result<Self, SlideError> {
        let bounds = slide.pyramid();
        let (width, height) = (bounds.width(), bounds.height());
        check_size(slide.path(), width, height)?;
        slide.source.prepare_for_strips(WRITTEN_TILE_PX)?;
        Ok(Self {
            width,
            height,
            mpp: slide.mpp(),
            objective: slide.objective(),
            members: slide.members().clone(),
            rows: Rows::Slide(Box::new(slide)),
        })
    }

    /// Width and height of level 0, px.
    #[must_use]
    pub fn size_px(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// The files that the image is read from, as they were when it was found to be converted.
    #[must_use]
    pub fn members(&self) -> &Members {
        &self.members
    }

    /// Resolution of level 0.
    #[must_use]
    pub fn mpp(&self) -> Mpp {
        self.mpp
    }

    /// Writes the image with all levels to `out`, which is empty, and hands it back, flushed but not synced. `progress` is told how
    /// many rows are done. Takes 3 kB of memory for each pixel of the width, twice that for TIFF; and, where a TIFF is not made of
    /// tiles that 512 rows hold whole, what those strips or tiles take that 512 rows touch, 1.1 GB at most. Blocks, for minutes.
    ///
    /// # Errors
    /// [`SlideError::Changed`] when a file of the image is not what it was when the image was found to be converted;
    /// [`SlideError::Read`], [`SlideError::Damaged`] or [`SlideError::Io`] when the image cannot be read to its end;
    /// [`SlideError::Write`] or [`SlideError::DiskFull`]. What `out` holds then is of no use.
    pub fn write<W: Write + Seek>(
        &self,
        out: W,
        description: &str,
        progress: &mut (dyn FnMut(u32) + Send),
    ) -> Result<W, SlideError> {
        self.members.check()?;
        let written = self.write_levels(out, description, progress);
        // A change explains what went wrong, and what went well is of two images.
        self.members.check()?;
        written
    }

    fn write_levels<W: Write + Seek>(
        &self,
        out: W,
        description: &str,
        progress: &mut (dyn FnMut(u32) + Send),
    ) -> Result<W, SlideError> {
        let written = Written {
            width: self.width,
            height: self.height,
            mpp: self.mpp,
            objective: self.objective,
            description: description.to_owned(),
        };
        let mut writer = PyramidWriter::new(out, written)?;
        match &self.rows {
            Rows::Png(path) => png_rows::write(path, &mut writer, progress)?,
            Rows::Jpeg(path) => jpeg_rows::write(path, &mut writer, progress)?,
            Rows::Slide(slide) => write_level_0(slide, &mut writer, progress)?,
        }
        writer.finish()
    }
}

impl std::fmt::Debug for Conversion {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Conversion")
            .field("width", &self.width)
            .field("height", &self.height)
            .field("mpp", &self.mpp)
            .finish_non_exhaustive()
    }
}

/// What a flat image says of itself before it is decoded.
struct FlatHeader {
    width: u32,
    height: u32,
    /// Whether its rows can be had one after the other.
    comes_in_rows: bool,
}

impl FlatHeader {
    fn read(path: &Path, format: ImageFormat) -> Result<Self, SlideError> {
        flat::check_length(path, format, true)?;
        let file = File::open(path).map_err(|source| SlideError::io(path, source))?;
        let mut decoder = ImageReader::with_format(BufReader::new(file), format)
            .into_decoder()
            .map_err(|error| flat::image_error(path, error))?;
        let (width, height) = decoder.dimensions();
        let orientation = decoder
            .orientation()
            .map_err(|error| flat::image_error(path, error))?;
        let upright = orientation == Orientation::NoTransforms;
        let comes_in_rows = upright
            && match format {
                ImageFormat::Jpeg => jpeg_rows::come(path)?,
                _ => png_rows::come(path)?,
            };
        Ok(Self {
            width,
            height,
            comes_in_rows,
        })
    }
}

fn wants_pyramid(slide: &Slide) -> bool {
    let stored = slide.stored_levels();
    let most = if stored > 1 {
        COARSEST_LEVEL_PX
    } else {
        SINGLE_LEVEL_PX
    };
    let coarsest = slide.pyramid().levels.get(stored.saturating_sub(1));
    coarsest.is_some_and(|level| u64::from(level.width) * u64::from(level.height) > most)
}

fn check_size(path: &Path, width: u32, height: u32) -> Result<(), SlideError> {
    if u64::from(width) * u64::from(height) > MAX_CONVERTED_PX {
        return Err(SlideError::too_large(
            path,
            format!(
                "{width}×{height} px without a pyramid; at most {} million px are given one",
                MAX_CONVERTED_PX / 1_000_000
            ),
        ));
    }
    Ok(())
}

/// Reads level 0 strip by strip, on all processors. Each takes whole columns of stored tiles.
fn write_level_0<W: Write + Seek>(
    slide: &Slide,
    writer: &mut PyramidWriter<W>,
    progress: &mut (dyn FnMut(u32) + Send),
) -> Result<(), SlideError> {
    let Some(level) = slide.pyramid().levels.first() else {
        return Ok(());
    };
    let width = level.width;
    let columns = READ_COLUMNS.next_multiple_of(level.tile_width.max(1));
    let source: &dyn source::Source = slide.source.as_ref();
    while writer.next_strip_rows() > 0 {
        let (y, rows) = (writer.rows_written(), writer.next_strip_rows());
        let lefts: Vec<u32> = (0..width).step_by(columns as usize).collect();
        let parts = lefts
            .into_par_iter()
            .map(|x| {
                let part = LevelRect {
                    x,
                    y,
                    width: columns.min(width - x),
                    height: rows,
                };
                source.read(0, part)
            })
            .collect::<Result<Vec<_>, _>>()?;
        writer.write_strip(|strip| {
            strip
                .par_chunks_exact_mut(width as usize * 3)
                .enumerate()
                .for_each(|(row, out)| {
                    let mut rest = out;
                    for part in &parts {
                        let bytes = part.width() as usize * 3;
                        let (here, right) = rest.split_at_mut(bytes.min(rest.len()));
                        if let Some(pixels) = part.as_raw().get(row * bytes..(row + 1) * bytes) {
                            here.copy_from_slice(pixels);
                        }
                        rest = right;
                    }
                });
            Ok(())
        })?;
        progress(writer.rows_written());
    }
    Ok(())
}
