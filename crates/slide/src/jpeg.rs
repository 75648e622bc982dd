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
const COM: u8 = 0xFE;
const APP0: u8 = 0xE0;
const APP15: u8 = 0xEF;

/// Quality of tiles that are encoded here.
const QUALITY: u8 = 90;

/// `stream` with its colour model stated and all else that a browser might obey left out; `None` when it is not a
/// complete baseline or progressive 8-bit JPEG of exactly `width` × `height` px with plain sampling, and so has to be decoded.
///
/// The entropy-coded data is copied, never decoded.
pub(crate) fn with_stated_colour(
    stream: &[u8],
    model: ColourModel,
    width: u32,
    height: u32,
) -> Option<Vec<u8>> {
    if !is_complete(stream) {
        return None;
    }
    let mut out = Vec::with_capacity(stream.len() + 16);
    out.extend_from_slice(&[0xFF, SOI]);
    match model {
        ColourModel::Grey => {}
        ColourModel::Rgb => out.extend_from_slice(&adobe_segment(0)),
        ColourModel::YCbCr => out.extend_from_slice(&adobe_segment(1)),
    }
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
        let stated = with_stated_colour(&stream, ColourModel::YCbCr, 24, 16).unwrap();
        assert_eq!(stated[2..18], adobe_segment(1));
        let markers: Vec<u8> = Segments::new(&stated).flatten().map(|s| s.marker).collect();
        assert_eq!(
            markers
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
        let pass = |stream: &[u8], width| with_stated_colour(stream, ColourModel::YCbCr, width, 16);
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
            with_stated_colour(&good, ColourModel::Grey, 24, 16).is_none(),
            "three components"
        );
    }
}
