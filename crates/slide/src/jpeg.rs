//! Stored JPEG streams: checked for what every browser reads alike, and given a stated colour model.
//!
//! A JPEG does not say by itself whether its three components are RGB or YCbCr. Decoders guess from a JFIF or Adobe
//! marker, else from component ids, else YCbCr. Aperio stores RGB without either marker, which a browser shows green. So
//! every stream that goes out gets an Adobe APP14 segment right after SOI; every other application segment and
//! comment is left out: a JFIF marker would overrule APP14 in libjpeg, an orientation or a colour profile would be
//! obeyed by browsers though by no slide reader, and comments can name a patient.

use image::RgbImage;
use jpeg_encoder::{ColorType, Encoder, EncodingError, SamplingFactor};

use crate::error::SlideError;

/// How the components of a stream are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColourModel {
    Grey,
    Rgb,
    YCbCr,
}

const SOI: u8 = 0xD8;
const EOI: u8 = 0xD9;
const SOS: u8 = 0xDA;
const DQT: u8 = 0xDB;
const DHT: u8 = 0xC4;
const COM: u8 = 0xFE;
const APP0: u8 = 0xE0;
const APP15: u8 = 0xEF;

/// Quality of tiles that are encoded here.
const QUALITY: u8 = 90;

/// `stream` with its colour model stated and all else that a browser might obey left out; `None` when it is not a
/// complete baseline or progressive 8-bit JPEG of exactly `width` × `height` px with plain sampling, and so has to be decoded.
/// `tables` are those that a TIFF states once for all its tiles (tag JPEGTables); a tile's own come after them and so hold.
///
/// The entropy-coded data is copied, once, and never decoded.
pub(crate) fn with_stated_colour(
    stream: &[u8],
    tables: Option<&[u8]>,
    model: ColourModel,
    width: u32,
    height: u32,
) -> Option<Vec<u8>> {
    if !is_complete(stream) {
        return None;
    }
    let tables = tables.unwrap_or_default();
    let mut out = Vec::with_capacity(stream.len() + tables.len() + 16);
    out.extend_from_slice(&[0xFF, SOI]);
    match model {
        ColourModel::Grey => {}
        ColourModel::Rgb => out.extend_from_slice(&adobe_segment(0)),
        ColourModel::YCbCr => out.extend_from_slice(&adobe_segment(1)),
    }
    append_tables(tables, &mut out);
    let mut frame_is_plain = false;
    for segment in Segments::new(stream) {
        let Segment {
            marker,
            payload,
            range,
        } = segment?;
        match marker {
            SOS => {
                return frame_is_plain.then(|| {
                    out.extend_from_slice(&stream[range.start..]);
                    out
                });
            }
            APP0..=APP15 | COM => continue,
            0xC0..=0xC2 => frame_is_plain = frame_is_as_expected(payload, model, width, height),
            // Lossless, hierarchical and arithmetic frames; DAC; DNL.
            0xC3 | 0xC5..=0xC7 | 0xC9..=0xCF | 0xDC => return None,
            _ => {}
        }
        out.extend_from_slice(&stream[range]);
    }
    None
}

/// Appends the table segments before the first scan; a stream of nothing but tables ends instead of having one.
fn append_tables(stream: &[u8], out: &mut Vec<u8>) {
    for segment in Segments::new(stream).map_while(|segment| segment) {
        if matches!(segment.marker, DQT | DHT) {
            out.extend_from_slice(&stream[segment.range]);
        }
    }
}

/// Whether a stream starts as a JPEG, has a scan, and ends with an end marker after it (padding behind it allowed).
pub(crate) fn is_complete(stream: &[u8]) -> bool {
    let Some(scan) = Segments::new(stream)
        .map_while(|segment| segment)
        .find(|segment| segment.marker == SOS)
    else {
        return false;
    };
    // Within a scan 0xFF is stuffed, so this pair can only be the end marker.
    stream[scan.range.end..]
        .windows(2)
        .rev()
        .any(|pair| pair == [0xFF, EOI])
}

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
        for segment in Segments::new(stream) {
            let Segment { marker, range, .. } = segment?;
            match marker {
                SOS => {
                    out.extend_from_slice(&stream[range.start..]);
                    return Some(out);
                }
                0xC0 => out.extend_from_slice(&stream[range]),
                DQT | DHT | APP0..=APP15 | COM => {}
                // Of another kind than the encoder makes.
                _ => return None,
            }
        }
        None
    }
}

/// A frame header's payload: precision, height, width, components × (id, sampling, table).
fn frame_is_as_expected(payload: &[u8], model: ColourModel, width: u32, height: u32) -> bool {
    let [8, h1, h0, w1, w0, components, specs @ ..] = payload else {
        return false;
    };
    let expected_components = match model {
        ColourModel::Grey => 1,
        ColourModel::Rgb | ColourModel::YCbCr => 3,
    };
    let plain_sampling =
        specs
            .as_chunks::<3>()
            .0
            .iter()
            .enumerate()
            .all(|(component, spec)| match (spec[1] >> 4, spec[1] & 15) {
                (1, 1) => true,
                (1 | 2, 1 | 2) => component == 0,
                _ => false,
            });
    *components == expected_components
        && specs.len() == usize::from(*components) * 3
        && plain_sampling
        && u32::from(u16::from_be_bytes([*w1, *w0])) == width
        && u32::from(u16::from_be_bytes([*h1, *h0])) == height
}

/// Adobe APP14: version 100, no flags, the colour transform.
fn adobe_segment(transform: u8) -> [u8; 16] {
    [
        0xFF, 0xEE, 0, 14, b'A', b'd', b'o', b'b', b'e', 0, 100, 0, 0, 0, 0, transform,
    ]
}

struct Segment<'a> {
    marker: u8,
    payload: &'a [u8],
    /// From the 0xFF of the marker to the end of the payload.
    range: std::ops::Range<usize>,
}

/// The segments between SOI and the first scan, that one included; `None` as an item where the stream is malformed.
struct Segments<'a> {
    stream: &'a [u8],
    at: usize,
    done: bool,
}

impl<'a> Segments<'a> {
    fn new(stream: &'a [u8]) -> Self {
        let starts_well = stream.starts_with(&[0xFF, SOI]);
        Self {
            stream: if starts_well { stream } else { &[] },
            at: 2,
            done: false,
        }
    }

    fn read(&mut self) -> Option<Segment<'a>> {
        while self.stream.get(self.at..self.at + 2)? == [0xFF, 0xFF] {
            self.at += 1;
        }
        let &[0xFF, marker, l1, l0] = self.stream.get(self.at..self.at + 4)? else {
            return None;
        };
        // Markers without a payload have no place before the scan.
        if matches!(marker, 0 | 1 | 0xD0..=EOI) {
            return None;
        }
        let length = usize::from(u16::from_be_bytes([l1, l0]));
        let range = self.at..self.at + 2 + length;
        let payload = self.stream.get(self.at + 4..range.end)?;
        self.at = range.end;
        self.done = marker == SOS;
        Some(Segment {
            marker,
            payload,
            range,
        })
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = Option<Segment<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let segment = self.read();
        if segment.is_none() {
            self.done = true;
        }
        Some(segment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream() -> Vec<u8> {
        let image = RgbImage::from_fn(24, 16, |x, y| image::Rgb([x as u8 * 9, 120, y as u8 * 13]));
        encode(&image).unwrap()
    }

    /// Inserts a segment right after SOI.
    fn with_segment(stream: &[u8], marker: u8, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(payload.len() + 2).unwrap().to_be_bytes();
        let segment = [&[0xFF, marker], &length[..], payload].concat();
        [&stream[..2], &segment, &stream[2..]].concat()
    }

    #[test]
    fn the_colour_model_is_stated_once_and_nothing_else_is_said() {
        let stream = with_segment(&stream(), 0xE1, b"Exif\0\0orientation");
        let stream = with_segment(&stream, COM, b"a patient's name");
        let stated = with_stated_colour(&stream, None, ColourModel::YCbCr, 24, 16).unwrap();
        assert_eq!(stated[2..18], adobe_segment(1));
        assert_eq!(
            markers(&stated)
                .iter()
                .filter(|&&m| (APP0..=APP15).contains(&m) || m == COM)
                .count(),
            1
        );
        assert_eq!(
            image::load_from_memory(&stated).unwrap(),
            image::load_from_memory(&stream).unwrap()
        );
    }

    #[test]
    fn streams_that_browsers_could_read_differently_are_left_to_the_decoder() {
        let good = stream();
        let pass =
            |stream: &[u8], width| with_stated_colour(stream, None, ColourModel::YCbCr, width, 16);
        assert!(pass(&good, 24).is_some());
        assert!(pass(&good, 32).is_none(), "another size");
        assert!(pass(&good[..good.len() - 2], 24).is_none(), "no end marker");
        assert!(pass(&good[..30], 24).is_none(), "no scan");
        assert!(pass(b"II*\0", 24).is_none(), "no JPEG");
        let frame = good
            .windows(2)
            .position(|pair| pair == [0xFF, 0xC0])
            .unwrap();
        let changed = |at: usize, value: u8| {
            let mut stream = good.clone();
            stream[frame + at] = value;
            stream
        };
        assert!(pass(&changed(1, 0xC9), 24).is_none(), "arithmetic coding");
        assert!(pass(&changed(4, 12), 24).is_none(), "12 bits");
        assert!(pass(&changed(11, 0x31), 24).is_none(), "sampling by three");
        assert!(
            with_stated_colour(&good, None, ColourModel::Grey, 24, 16).is_none(),
            "three components"
        );
    }

    fn markers(stream: &[u8]) -> Vec<u8> {
        Segments::new(stream).flatten().map(|s| s.marker).collect()
    }

    #[test]
    fn a_stream_without_its_tables_is_the_same_picture_once_it_has_them_again() {
        let whole = stream();
        let tables = SharedTables::of_our_encoder().unwrap();
        let short = tables.abbreviated(&whole).unwrap();
        assert_eq!(markers(&short), [0xC0, SOS]);
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

    #[test]
    fn a_tiles_own_tables_hold_where_shared_ones_are_stated_too() {
        let whole = stream();
        let mut coarse = Vec::new();
        Encoder::new(&mut coarse, 10)
            .encode(&[0; 3], 1, 1, ColorType::Rgb)
            .unwrap();
        let merged = with_stated_colour(&whole, Some(&coarse), ColourModel::YCbCr, 24, 16).unwrap();
        assert_eq!(
            image::load_from_memory(&merged).unwrap(),
            image::load_from_memory(&whole).unwrap()
        );
    }
}
