//! Encoding, and what all that is encoded here has in common.

use image::RgbImage;
use jpeg_encoder::{ColorType, Encoder, EncodingError, SamplingFactor};

use super::parts::{Part, Parts};
use super::{APP0, APP15, COM, DHT, DQT, EOI, SOF0, SOI, SOS, append_tables};
use crate::error::SlideError;

/// Quality of tiles that are encoded here.
const QUALITY: u8 = 90;

/// Encodes pixels for display: quality 90, no chroma subsampling.
///
/// # Errors
/// [`SlideError::InvalidRegion`] when the image is empty or a side exceeds 65,535 px.
pub fn encode_jpeg(image: &RgbImage) -> Result<Vec<u8>, SlideError> {
    encode(image).map_err(|error| SlideError::InvalidRegion {
        reason: error.to_string(),
    })
}

/// Encodes a decoded tile: quality 90, no chroma subsampling.
pub(crate) fn encode(tile: &RgbImage) -> Result<Vec<u8>, EncodingError> {
    encode_rgb(tile.as_raw(), tile.width(), tile.height())
}

/// As [`encode`], of R, G, B of each pixel, row by row.
pub(crate) fn encode_rgb(pixels: &[u8], width: u32, height: u32) -> Result<Vec<u8>, EncodingError> {
    let side = |px: u32| u16::try_from(px).unwrap_or(u16::MAX);
    let mut bytes = Vec::with_capacity(pixels.len() / 8);
    let mut encoder = Encoder::new(&mut bytes, QUALITY);
    encoder.set_sampling_factor(SamplingFactor::R_4_4_4);
    encoder.encode(pixels, side(width), side(height), ColorType::Rgb)?;
    Ok(bytes)
}

/// The tables of all streams that [`encode_rgb`] makes, which a TIFF states once: they follow from the quality alone, as no
/// Huffman table is made for a single picture.
pub(crate) struct SharedTables {
    /// DQT and DHT segments, as they stand in a stream.
    segments: Vec<u8>,
}

impl SharedTables {
    /// Asks the encoder for them.
    pub(crate) fn of_our_encoder() -> Result<Self, EncodingError> {
        let mut segments = Vec::new();
        append_tables(&encode_rgb(&[0; 3], 1, 1)?, &mut segments);
        Ok(Self { segments })
    }

    /// As the tag JPEGTables has them (TIFF Technical Note 2): a stream of nothing but tables.
    pub(crate) fn to_stream(&self) -> Vec<u8> {
        [&[0xFF, SOI], &*self.segments, &[0xFF, EOI]].concat()
    }

    /// A stream of [`encode_rgb`] as libtiff writes tiles: frame and scan without tables or application segments. The encoder
    /// numbers the components from 0, and that must stay: Bio-Formats (QuPath) converts YCbCr without subsampling itself, and
    /// Java's decoder, which it asks for the planes, would do so before it if they were numbered from 1 or a marker said YCbCr.
    /// `None` when the stream has other tables, and so has to stay whole.
    pub(crate) fn abbreviated(&self, stream: &[u8]) -> Option<Vec<u8>> {
        let mut tables = Vec::with_capacity(self.segments.len());
        append_tables(stream, &mut tables);
        if tables != self.segments {
            return None;
        }
        let mut out = Vec::with_capacity(stream.len());
        out.extend_from_slice(&[0xFF, SOI]);
        for part in Parts::of(stream) {
            let Part::Segment { marker, range, .. } = part? else {
                return None;
            };
            match marker {
                SOS => {
                    out.extend_from_slice(&stream[range.start..]);
                    return Some(out);
                }
                SOF0 => out.extend_from_slice(&stream[range]),
                DQT | DHT | APP0..=APP15 | COM => {}
                // Of another kind than the encoder makes.
                _ => return None,
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz_targets::markers_of;
    use crate::jpeg::{ColourModel, with_stated_colour};

    fn stream() -> Vec<u8> {
        let image = RgbImage::from_fn(24, 16, |x, y| image::Rgb([x as u8 * 9, 120, y as u8 * 13]));
        encode(&image).unwrap()
    }

    #[test]
    fn a_stream_without_its_tables_is_the_same_picture_once_it_has_them_again() {
        let whole = stream();
        let tables = SharedTables::of_our_encoder().unwrap();
        let short = tables.abbreviated(&whole).unwrap();
        assert_eq!(markers_of(&short), [SOI, SOF0, SOS, EOI]);
        assert!(whole.len() - short.len() > 500);
        assert!(image::load_from_memory(&short).is_err(), "it needs them");
        let stated = tables.to_stream();
        let merged = with_stated_colour(&short, Some(&stated), ColourModel::YCbCr, 24, 16).unwrap();
        assert_eq!(
            image::load_from_memory(&merged).unwrap(),
            image::load_from_memory(&whole).unwrap()
        );
        // As every other reader puts them together, who knows of no colour model.
        let joined = [&stated[..stated.len() - 2], &short[2..]].concat();
        assert_eq!(
            image::load_from_memory(&joined).unwrap(),
            image::load_from_memory(&whole).unwrap()
        );
        let frame = short
            .windows(2)
            .position(|pair| pair == [0xFF, 0xC0])
            .unwrap();
        let ids = [10, 13, 16].map(|at| short[frame + at]);
        assert_eq!(ids, [0, 1, 2], "as Bio-Formats needs them");
    }

    #[test]
    fn a_stream_with_tables_of_its_own_stays_whole() {
        let tables = SharedTables::of_our_encoder().unwrap();
        let pixels = [90; 24 * 16 * 3];
        let other = |change: fn(&mut Encoder<&mut Vec<u8>>)| {
            let mut bytes = Vec::new();
            let mut encoder = Encoder::new(&mut bytes, QUALITY);
            encoder.set_sampling_factor(SamplingFactor::R_4_4_4);
            change(&mut encoder);
            encoder.encode(&pixels, 24, 16, ColorType::Rgb).unwrap();
            bytes
        };
        assert!(tables.abbreviated(&other(|_| {})).is_some());
        let finer = other(|encoder| encoder.set_quality(QUALITY + 1));
        assert!(tables.abbreviated(&finer).is_none());
        let smaller = other(|encoder| encoder.set_optimized_huffman_tables(true));
        assert!(tables.abbreviated(&smaller).is_none());
        let progressive = other(|encoder| encoder.set_progressive(true));
        assert!(tables.abbreviated(&progressive).is_none());
        assert!(tables.abbreviated(b"II*\0").is_none());
    }
}
