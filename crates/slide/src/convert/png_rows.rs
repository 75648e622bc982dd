//! The rows of a PNG image that is not interlaced.

use std::fs::File;
use std::io::{BufReader, Seek, Write};
use std::path::Path;

use png::{BitDepth, ColorType, Decoder, DecodingError, Reader, Transformations};

use crate::error::SlideError;
use crate::source::flat::blend_on_white;
use crate::writer::PyramidWriter;

/// What the decoder may take: a few rows of the widest image and what it keeps of other chunks.
const MAX_DECODER_BYTES: usize = 64 << 20;

/// Whether the rows come one after the other.
pub(super) fn come(path: &Path) -> Result<bool, SlideError> {
    Ok(!reader(path)?.info().interlaced)
}

/// Writes all rows.
pub(super) fn write<W: Write + Seek>(
    path: &Path,
    writer: &mut PyramidWriter<W>,
    progress: &mut (dyn FnMut(u32) + Send),
) -> Result<(), SlideError> {
    let mut reader = reader(path)?;
    let width = reader.info().width;
    let (colour, depth) = reader.output_color_type();
    let line = reader.output_line_size(width).unwrap_or(0);
    let mut stored = vec![0; line];
    let mut rgb = Vec::with_capacity(width as usize * 3);
    while reader
        .read_row(&mut stored)
        .map_err(|error| png_error(path, error))?
        .is_some()
    {
        if depth == BitDepth::Sixteen {
            halve_depth(&mut stored);
        }
        let samples = stored
            .get(..width as usize * colour.samples())
            .unwrap_or(&[]);
        rgb.clear();
        append_rgb(samples, colour, &mut rgb);
        writer.write_rows(&rgb)?;
        if writer.is_between_strips() {
            progress(writer.rows_written());
        }
    }
    // What comes after the pixels is checked, too.
    reader.finish().map_err(|error| png_error(path, error))
}

fn reader(path: &Path) -> Result<Reader<BufReader<File>>, SlideError> {
    let file = File::open(path).map_err(|source| SlideError::io(path, source))?;
    let limits = png::Limits {
        bytes: MAX_DECODER_BYTES,
    };
    let mut decoder = Decoder::new_with_limits(BufReader::with_capacity(1 << 18, file), limits);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(Transformations::EXPAND);
    decoder.read_info().map_err(|error| png_error(path, error))
}

/// 16-bit samples to 8 bits in place, rounded as `image` does it, so that small and large images look alike.
fn halve_depth(samples: &mut [u8]) {
    for at in 0..samples.len() / 2 {
        let value = u32::from(u16::from_be_bytes([samples[2 * at], samples[2 * at + 1]]));
        samples[at] = u8::try_from((value + 128) / 257).unwrap_or(255);
    }
}

fn append_rgb(samples: &[u8], colour: ColorType, rgb: &mut Vec<u8>) {
    match colour {
        ColorType::Grayscale => rgb.extend(samples.iter().flat_map(|&value| [value; 3])),
        ColorType::GrayscaleAlpha => {
            let (pixels, _) = samples.as_chunks::<2>();
            rgb.extend(
                pixels
                    .iter()
                    .flat_map(|&[value, alpha]| [blend_on_white(value, alpha); 3]),
            );
        }
        ColorType::Rgba => {
            let (pixels, _) = samples.as_chunks::<4>();
            rgb.extend(
                pixels.iter().flat_map(|&[r, g, b, alpha]| {
                    [r, g, b].map(|value| blend_on_white(value, alpha))
                }),
            );
        }
        // The decoder expands palettes.
        ColorType::Rgb | ColorType::Indexed => rgb.extend_from_slice(samples),
    }
}

fn png_error(path: &Path, error: DecodingError) -> SlideError {
    match error {
        DecodingError::IoError(source) => SlideError::from_reading(path, source),
        DecodingError::LimitsExceeded => SlideError::too_large(
            path,
            "its rows do not fit the memory that a decoder may take",
        ),
        other => SlideError::damaged(path, other.to_string()),
    }
}
