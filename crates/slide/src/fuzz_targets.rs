//! What holds of everything that is parsed here, whatever the bytes: for the fuzz targets in `fuzz/`, and for the tests of this
//! crate, which try damaged pieces of good files.

use std::io::Write;

use domain::geometry::Mpp;

use crate::convert::Conversion;
use crate::jpeg::{ColourModel, is_complete, with_stated_colour};
use crate::members;
use crate::slide::OpenOptions;
use crate::source;

/// A stored JPEG goes out with its colour model stated, complete, with nothing in it but the picture, and unchanged by doing it
/// again; or it does not go out.
pub fn jpeg_headers(stream: &[u8], width: u32, height: u32) {
    for model in [ColourModel::Grey, ColourModel::Rgb, ColourModel::YCbCr] {
        if let Some(out) = with_stated_colour(stream, None, model, width, height) {
            assert!(is_complete(stream) && is_complete(&out));
            assert!(out.len() <= stream.len() + 16);
            let markers = markers_of(&out);
            let stated = usize::from(model != ColourModel::Grey);
            let (said, picture) = markers.split_at(1 + stated);
            assert!(*said == [0xD8, 0xEE][..1 + stated], "{markers:x?}");
            let (end, picture) = picture.split_last().expect("a scan at least");
            assert!(*end == 0xD9, "{markers:x?}");
            let is_of_picture =
                |marker: &u8| matches!(marker, 0xC0..=0xC2 | 0xC4 | 0xDA | 0xDB | 0xDD);
            assert!(picture.iter().all(is_of_picture), "{markers:x?}");
            let again = with_stated_colour(&out, None, model, width, height);
            assert!(again.as_deref() == Some(&*out), "not the same again");
            // As a TIFF's shared tables, these bytes may be anything, too.
            let merged = with_stated_colour(&out, Some(stream), model, width, height);
            assert!(merged.is_some_and(|merged| is_complete(&merged)));
        }
    }
}

/// The markers of a stream, restarts left out; the last byte is that of the last marker, or this panics. Goes byte by byte, unlike
/// what it is compared with.
pub(crate) fn markers_of(stream: &[u8]) -> Vec<u8> {
    let (mut markers, mut in_scan, mut rest) = (Vec::new(), false, stream);
    loop {
        rest = match rest {
            [] => return markers,
            [0xFF, after @ ..] if after.first() == Some(&0xFF) => after,
            [0xFF, 0 | 0xD0..=0xD7, after @ ..] if in_scan => after,
            [0xFF, marker @ (0xD8 | 0xD9), after @ ..] => {
                markers.push(*marker);
                in_scan = false;
                after
            }
            [0xFF, marker, l1, l0, ..] => {
                markers.push(*marker);
                in_scan = *marker == 0xDA;
                &rest[2 + usize::from(u16::from_be_bytes([*l1, *l0]))..]
            }
            [_, after @ ..] => {
                assert!(in_scan, "bytes between the parts");
                after
            }
        };
    }
}

/// A file whose first directory is said to lie beyond its end starts as a TIFF.
pub fn tiff_start(bytes: &[u8]) {
    let length = bytes.len() as u64;
    if source::points_beyond(bytes, length) {
        assert!(bytes.starts_with(b"II") || bytes.starts_with(b"MM"));
        // No file is long enough for every offset.
        assert!(!source::points_beyond(bytes, u64::MAX) || bytes.contains(&0xFF));
    }
}

/// What the start of a file says of its series is in it, whatever else it says of itself.
pub fn dicom_start(bytes: &[u8]) {
    let is_level = members::holds_a_level(bytes);
    assert!(!is_level || bytes.windows(6).any(|word| word == b"VOLUME"));
    if let Some(series) = members::series_uid(bytes).filter(|series| !series.is_empty()) {
        assert!(bytes.windows(series.len()).any(|part| part == series));
    }
}

/// A file is found to be a slide, or an image that needs a pyramid, or is refused; never more.
pub fn headers(bytes: &[u8]) {
    let options = OpenOptions {
        mpp: Some(Mpp::square(0.5)),
    };
    let Ok(mut file) = tempfile::NamedTempFile::new() else {
        return;
    };
    if file.write_all(bytes).is_ok() {
        drop(Conversion::needed(file.path(), options));
    }
}

#[cfg(test)]
mod tests {
    use image::{ImageFormat, RgbImage};
    use proptest::prelude::*;

    use super::*;

    /// What may be done to good bytes, at places that are given as shares of the length.
    #[derive(Clone, Debug)]
    enum Damage {
        Set(u8),
        Flip(u8),
        /// Two bytes at once: lengths and sizes are 16 bits wide.
        Wide(u16),
        Cut,
        Repeat,
    }

    fn damage() -> impl Strategy<Value = Vec<(f64, Damage)>> {
        let one = prop_oneof![
            any::<u8>().prop_map(Damage::Set),
            (0u8..8).prop_map(Damage::Flip),
            prop_oneof![Just(0u16), Just(1), Just(2), Just(u16::MAX), any::<u16>()]
                .prop_map(Damage::Wide),
            Just(Damage::Cut),
            Just(Damage::Repeat),
        ];
        // Three in four near the start, where the headers are.
        let place = prop_oneof![3 => 0.0..0.1f64, 1 => 0.0..1.0f64];
        prop::collection::vec((place, one), 1..6)
    }

    fn damaged(good: &[u8], damage: &[(f64, Damage)]) -> Vec<u8> {
        let mut bytes = good.to_vec();
        for (place, damage) in damage {
            if bytes.is_empty() {
                break;
            }
            let at = ((bytes.len() as f64 * place) as usize).min(bytes.len() - 1);
            match damage {
                Damage::Set(value) => bytes[at] = *value,
                Damage::Flip(bit) => bytes[at] ^= 1 << bit,
                Damage::Wide(value) => {
                    for (byte, value) in bytes[at..].iter_mut().zip(value.to_be_bytes()) {
                        *byte = value;
                    }
                }
                Damage::Cut => bytes.truncate(at),
                Damage::Repeat => {
                    let piece = bytes[at..(at + 32).min(bytes.len())].to_vec();
                    bytes.splice(at..at, piece);
                }
            }
        }
        bytes
    }

    fn image() -> RgbImage {
        RgbImage::from_fn(24, 16, |x, y| image::Rgb([x as u8 * 9, 120, y as u8 * 13]))
    }

    fn encoded(format: ImageFormat) -> Vec<u8> {
        let mut bytes = std::io::Cursor::new(Vec::new());
        image().write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    /// With a comment before its end, and something behind it.
    fn progressive() -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 90);
        encoder.set_progressive(true);
        encoder
            .encode(image().as_raw(), 24, 16, jpeg_encoder::ColorType::Rgb)
            .unwrap();
        bytes.truncate(bytes.len() - 2);
        bytes.extend(b"\xFF\xFE\0\x06\xFF\xD9ab\xFF\xD9behind");
        bytes
    }

    fn our_tiff() -> Vec<u8> {
        let written = crate::Written {
            width: 24,
            height: 16,
            mpp: Mpp::square(0.5),
            objective: None,
            description: String::new(),
        };
        let out = std::io::Cursor::new(Vec::new());
        let mut writer = crate::PyramidWriter::new(out, written).unwrap();
        writer.write_rows(image().as_raw()).unwrap();
        let bytes = writer.finish().unwrap().into_inner();
        // The directories to the front, where most of the damage is done, would be nicer; the tile is small enough.
        bytes
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn damaged_jpegs_go_out_whole_and_clean_or_not_at_all(damage in damage()) {
            for good in [crate::jpeg::encode(&image()).unwrap(), progressive()] {
                jpeg_headers(&good, 24, 16);
                jpeg_headers(&damaged(&good, &damage), 24, 16);
            }
        }

        #[test]
        fn damaged_starts_of_tiff_files_are_told_from_others(damage in damage(), first in any::<u64>()) {
            for magic in [&b"II*\0"[..], b"MM\0*", b"II+\0\x08\0\0\0", b"MM\0+\0\x08\0\0"] {
                let start = [magic, &first.to_le_bytes(), &[0; 16]].concat();
                tiff_start(&start);
                tiff_start(&damaged(&start, &damage));
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn damaged_images_are_refused_or_taken_and_never_end_the_program(damage in damage()) {
            for good in [encoded(ImageFormat::Png), encoded(ImageFormat::Jpeg), our_tiff()] {
                headers(&damaged(&good, &damage));
            }
        }

        #[test]
        fn slides_of_any_size_are_written_so_that_they_open(width in 1u32..1300, height in 1u32..1300) {
            let written = crate::Written {
                width,
                height,
                mpp: Mpp { x: 0.25, y: 0.3 },
                objective: None,
                description: "µ & <".into(),
            };
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("written.tif");
            crate::write_slide_file(&path, written, |writer| {
                writer.write_rows(&vec![200; width as usize * height as usize * 3])
            })
            .unwrap();
            let slide = crate::Slide::open(&path, OpenOptions::default()).unwrap();
            prop_assert_eq!((slide.pyramid().width(), slide.pyramid().height()), (width, height));
            let last = slide.stored_levels() - 1;
            prop_assert!(slide.pyramid_tile(last, 0, 0).unwrap().passed_through);
            prop_assert_eq!(slide.pyramid().levels.len(), slide.stored_levels());
        }
    }
}
