//! PNG and JPEG images: one level, held decoded in memory.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use domain::geometry::LevelInfo;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage};

use super::stored::StoredTile;
use super::{Description, LevelRect, OWN_TILE_PX, Source};
use crate::error::SlideError;
use crate::files::Fetch;
use crate::jpeg;

/// Most pixels of a flat image: 300 MB decoded. What is larger belongs into a tiled TIFF.
const MAX_PIXELS: u64 = 100_000_000;
/// Most bytes that a decoder may take besides: 16-bit samples and alpha included.
const MAX_DECODER_BYTES: u64 = MAX_PIXELS * 8 + (64 << 20);

/// Longest JPEG file, which is read whole before it is decoded: as many bytes as its pixels may take.
const MAX_JPEG_BYTES: u64 = MAX_PIXELS * 3;
/// Longest PNG file: more than the samples of the largest image cannot be needed.
const MAX_PNG_BYTES: u64 = MAX_DECODER_BYTES;

/// A decoded flat image.
pub(crate) struct Flat {
    pixels: RgbImage,
}

/// The flat format that the first bytes of the file tell.
pub(crate) fn format_of(path: &Path) -> Result<Option<ImageFormat>, SlideError> {
    let mut start = Vec::new();
    File::open(path)
        .and_then(|file| file.take(16).read_to_end(&mut start))
        .map_err(|source| SlideError::io(path, source))?;
    Ok(image::guess_format(&start)
        .ok()
        .filter(|format| matches!(format, ImageFormat::Png | ImageFormat::Jpeg)))
}

/// Refuses a file that is longer than its pixels can need, before it is read. A PNG that comes `in_rows` may be of any length:
/// no more than a few rows of it are held.
pub(crate) fn check_length(
    path: &Path,
    format: ImageFormat,
    in_rows: bool,
) -> Result<(), SlideError> {
    let most_bytes = match format {
        ImageFormat::Jpeg => MAX_JPEG_BYTES,
        _ if in_rows => return Ok(()),
        _ => MAX_PNG_BYTES,
    };
    let metadata = std::fs::metadata(path).map_err(|source| SlideError::io(path, source))?;
    if metadata.len() > most_bytes {
        return Err(SlideError::too_large(
            path,
            format!(
                "an image file of {} MB; at most {} MB. Convert it to a tiled TIFF",
                metadata.len() / 1_000_000,
                most_bytes / 1_000_000
            ),
        ));
    }
    Ok(())
}

impl Flat {
    pub(crate) fn open(
        path: &Path,
        format: ImageFormat,
    ) -> Result<(Self, Description), SlideError> {
        check_length(path, format, false)?;
        let file = File::open(path).map_err(|source| SlideError::io(path, source))?;
        if format == ImageFormat::Jpeg {
            // The decoder fills what is missing with grey instead of failing.
            let stream = std::fs::read(path).map_err(|source| SlideError::io(path, source))?;
            if !jpeg::is_complete(&stream) {
                return Err(SlideError::damaged(path, "the JPEG ends too soon"));
            }
        }
        let mut limits = Limits::no_limits();
        limits.max_alloc = Some(MAX_DECODER_BYTES);
        let mut reader = ImageReader::with_format(BufReader::new(file), format);
        reader.limits(limits);
        let mut decoder = reader
            .into_decoder()
            .map_err(|error| image_error(path, error))?;
        let (width, height) = decoder.dimensions();
        if u64::from(width) * u64::from(height) > MAX_PIXELS {
            return Err(SlideError::too_large(
                path,
                format!(
                    "{width}×{height} px in one piece; at most {} million px. Convert it to a tiled TIFF",
                    MAX_PIXELS / 1_000_000
                ),
            ));
        }
        let orientation = decoder
            .orientation()
            .map_err(|error| image_error(path, error))?;
        let mut image =
            DynamicImage::from_decoder(decoder).map_err(|error| image_error(path, error))?;
        image.apply_orientation(orientation);
        let pixels = over_white(image);
        let description = Description {
            levels: vec![LevelInfo {
                width: pixels.width(),
                height: pixels.height(),
                tile_width: OWN_TILE_PX,
                tile_height: OWN_TILE_PX,
            }],
            // The densities in such files are of print or of screens, not of a microscope.
            mpp: None,
            objective: None,
            format: match format {
                ImageFormat::Jpeg => "jpeg",
                _ => "png",
            }
            .into(),
        };
        Ok((Self { pixels }, description))
    }
}

impl Source for Flat {
    fn resident_bytes(&self) -> u64 {
        self.pixels.as_raw().len() as u64
    }

    /// The pixels are the slide: there is nothing to let go.
    fn forget_decoded(&self) {}

    /// All of it is decoded.
    fn prepare_for_strips(&mut self, _rows: u32) -> Result<(), SlideError> {
        Ok(())
    }

    /// The file is not needed any more.
    fn check_files(&self) -> Result<(), SlideError> {
        Ok(())
    }

    fn stored_tile(
        &self,
        _level: usize,
        _column: u32,
        _row: u32,
        _fetch: Fetch,
    ) -> Result<StoredTile, SlideError> {
        Ok(StoredTile::ToDraw)
    }

    fn read(&self, _level: usize, part: LevelRect) -> Result<RgbImage, SlideError> {
        Ok(
            image::imageops::crop_imm(&self.pixels, part.x, part.y, part.width, part.height)
                .to_image(),
        )
    }
}

/// Lays an image with transparency on white, as glass is.
fn over_white(image: DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.into_rgb8();
    }
    let rgba = image.into_rgba8();
    RgbImage::from_fn(rgba.width(), rgba.height(), |x, y| {
        let [r, g, b, alpha] = rgba.get_pixel(x, y).0;
        image::Rgb([r, g, b].map(|value| blend_on_white(value, alpha)))
    })
}

/// One sample with straight alpha, laid on white.
pub(crate) fn blend_on_white(value: u8, alpha: u8) -> u8 {
    let (value, alpha) = (u32::from(value), u32::from(alpha));
    let blended = (value * alpha + 255 * (255 - alpha) + 127) / 255;
    u8::try_from(blended).unwrap_or(255)
}

pub(crate) fn image_error(path: &Path, error: ImageError) -> SlideError {
    match error {
        ImageError::IoError(source) => SlideError::from_reading(path, source),
        ImageError::Limits(reason) => SlideError::too_large(path, reason.to_string()),
        ImageError::Unsupported(reason) => SlideError::unsupported(path, reason.to_string()),
        other => SlideError::damaged(path, other.to_string()),
    }
}
