//! Stored JPEG streams: checked for what every browser reads alike, and given a stated colour model.
//!
//! A JPEG does not say by itself whether its three components are RGB or YCbCr. Decoders guess from a JFIF or Adobe
//! marker, else from component ids, else YCbCr. Aperio stores RGB without either marker, which a browser shows green. So
//! every stream that goes out gets an Adobe APP14 segment right after SOI; every other application segment and
//! comment is left out, between the scans too, and so is what lies behind the end: a JFIF marker would overrule APP14 in
//! libjpeg, an orientation or a colour profile would be obeyed by browsers though by no slide reader, and the rest can name a
//! patient.

mod encoding;
mod frame;
mod parts;

pub use self::encoding::encode_jpeg;
pub(crate) use self::encoding::{SharedTables, encode, encode_rgb};
use self::frame::Frame;
use self::parts::{Part, Parts};

/// How the components of a stream are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColourModel {
    Grey,
    Rgb,
    YCbCr,
}

const SOF0: u8 = 0xC0;
const SOF2: u8 = 0xC2;
const DHT: u8 = 0xC4;
const SOI: u8 = 0xD8;
const EOI: u8 = 0xD9;
const SOS: u8 = 0xDA;
const DQT: u8 = 0xDB;
const DRI: u8 = 0xDD;
const APP0: u8 = 0xE0;
const APP15: u8 = 0xEF;
const COM: u8 = 0xFE;

/// `stream` with its colour model stated and all that is not the picture left out; `None` when it is not a complete baseline or
/// progressive 8-bit JPEG of exactly `width` × `height` px with plain sampling, and so has to be decoded. `tables` are those that
/// a TIFF states once for all its tiles (tag JPEGTables); a tile's own come after them and so hold.
///
/// The entropy-coded data is searched for its end and copied, once, and never decoded: whether all of its blocks are there is
/// not known, only that every scan is.
pub(crate) fn with_stated_colour(
    stream: &[u8],
    tables: Option<&[u8]>,
    model: ColourModel,
    width: u32,
    height: u32,
) -> Option<Vec<u8>> {
    let tables = tables.unwrap_or_default();
    let mut out = Vec::with_capacity(stream.len() + tables.len() + 16);
    out.extend_from_slice(&[0xFF, SOI]);
    match model {
        ColourModel::Grey => {}
        ColourModel::Rgb => out.extend_from_slice(&adobe_segment(0)),
        ColourModel::YCbCr => out.extend_from_slice(&adobe_segment(1)),
    }
    append_tables(tables, &mut out);
    let mut frame: Option<Frame> = None;
    for part in Parts::of(stream) {
        let kept = match part? {
            Part::Coded(range) => range,
            Part::Segment {
                marker,
                payload,
                range,
            } => {
                match marker {
                    APP0..=APP15 | COM => continue,
                    DQT | DHT | DRI => {}
                    SOF0..=SOF2 if frame.is_none() => {
                        let is_progressive = marker == SOF2;
                        frame = Some(Frame::read(payload, is_progressive, model, width, height)?);
                    }
                    SOS => frame.as_mut()?.add_scan(payload)?,
                    // Lossless, hierarchical and arithmetic frames, a second one, DAC, DNL, and what no decoder needs.
                    _ => return None,
                }
                range
            }
            Part::End => {
                out.extend_from_slice(&[0xFF, EOI]);
                return frame?.is_whole().then_some(out);
            }
        };
        out.extend_from_slice(&stream[kept]);
    }
    None
}

/// Appends the table segments before the first scan; a stream of nothing but tables ends instead of having one.
fn append_tables(stream: &[u8], out: &mut Vec<u8>) {
    for part in Parts::of(stream).map_while(|part| part) {
        match part {
            Part::Segment {
                marker: DQT | DHT,
                range,
                ..
            } => out.extend_from_slice(&stream[range]),
            Part::Segment { marker: SOS, .. } => break,
            _ => {}
        }
    }
}

/// Whether a stream starts as a JPEG, has a scan, and comes to its end marker after it; whatever lies behind that.
pub(crate) fn is_complete(stream: &[u8]) -> bool {
    let mut has_scan = false;
    for part in Parts::of(stream) {
        match part {
            Some(Part::Coded(_)) => has_scan = true,
            Some(Part::End) => return has_scan,
            Some(Part::Segment { .. }) => {}
            None => return false,
        }
    }
    false
}

/// Adobe APP14: version 100, no flags, the colour transform.
fn adobe_segment(transform: u8) -> [u8; 16] {
    [
        0xFF, 0xEE, 0, 14, b'A', b'd', b'o', b'b', b'e', 0, 100, 0, 0, 0, 0, transform,
    ]
}

#[cfg(test)]
mod tests {
    use image::RgbImage;
    use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

    use super::*;
    use crate::fuzz_targets::markers_of;

    fn image() -> RgbImage {
        RgbImage::from_fn(24, 16, |x, y| image::Rgb([x as u8 * 9, 120, y as u8 * 13]))
    }

    fn stream() -> Vec<u8> {
        encode(&image()).unwrap()
    }

    fn encoded(image: &RgbImage, change: impl FnOnce(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, 95);
        change(&mut encoder);
        let (width, height) = (image.width() as u16, image.height() as u16);
        encoder
            .encode(image.as_raw(), width, height, ColorType::Rgb)
            .unwrap();
        bytes
    }

    fn progressive() -> Vec<u8> {
        encoded(&image(), |encoder| encoder.set_progressive(true))
    }

    fn segment(marker: u8, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(payload.len() + 2).unwrap().to_be_bytes();
        [&[0xFF, marker], &length[..], payload].concat()
    }

    /// Inserts a segment right after SOI.
    fn with_segment(stream: &[u8], marker: u8, payload: &[u8]) -> Vec<u8> {
        [&stream[..2], &segment(marker, payload), &stream[2..]].concat()
    }

    /// Where the coded data of each scan ends.
    fn ends_of_scans(stream: &[u8]) -> Vec<usize> {
        let parts = Parts::of(stream).flatten();
        parts
            .filter_map(|part| match part {
                Part::Coded(range) => Some(range.end),
                _ => None,
            })
            .collect()
    }

    /// Inserts bytes behind the coded data of every scan.
    fn behind_each_scan(stream: &[u8], bytes: &[u8]) -> Vec<u8> {
        let mut out = stream.to_vec();
        for end in ends_of_scans(stream).into_iter().rev() {
            out.splice(end..end, bytes.iter().copied());
        }
        out
    }

    fn stated(stream: &[u8]) -> Option<Vec<u8>> {
        with_stated_colour(stream, None, ColourModel::YCbCr, 24, 16)
    }

    #[test]
    fn the_colour_model_is_stated_once_and_nothing_else_is_said() {
        let stream = with_segment(&stream(), 0xE1, b"Exif\0\0orientation");
        let stream = with_segment(&stream, COM, b"a patient's name");
        let stated = stated(&stream).unwrap();
        assert_eq!(stated[2..18], adobe_segment(1));
        assert_eq!(
            markers_of(&stated),
            [SOI, 0xEE, SOF0, DQT, DQT, DHT, DHT, DHT, DHT, SOS, EOI]
        );
        assert_eq!(
            image::load_from_memory(&stated).unwrap(),
            image::load_from_memory(&stream).unwrap()
        );
    }

    #[test]
    fn nothing_between_the_scans_or_behind_the_end_goes_out() {
        let good = progressive();
        let clean = stated(&good).unwrap();
        assert!(ends_of_scans(&good).len() > 3, "not progressive");
        let said = [
            segment(COM, b"a patient's name"),
            // A JFIF marker after APP14, a profile, and an end that is none.
            segment(APP0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"),
            segment(0xE2, b"ICC_PROFILE\0"),
            segment(COM, &[0xFF, EOI, 0xFF, SOS]),
        ]
        .concat();
        let behind = b"another patient's name \xFF\xD9";
        let talkative = [&behind_each_scan(&good, &said), &behind[..]].concat();
        assert!(is_complete(&talkative));
        assert!(stated(&talkative).unwrap() == clean);
        assert_eq!(
            image::load_from_memory(&clean).unwrap(),
            image::load_from_memory(&good).unwrap()
        );
        let baseline = stream();
        let talkative = [&behind_each_scan(&baseline, &said), &behind[..]].concat();
        assert!(stated(&talkative) == stated(&baseline));
    }

    #[test]
    fn a_stream_that_is_cut_off_anywhere_is_left_to_the_decoder() {
        let comment = segment(COM, &[b'a', 0xFF, EOI, b'b']);
        for good in [stream(), progressive()] {
            let good = behind_each_scan(&good, &comment);
            assert!(stated(&good).is_some());
            for length in 0..good.len() {
                assert!(!is_complete(&good[..length]), "{length}");
                assert!(stated(&good[..length]).is_none(), "{length}");
            }
        }
    }

    #[test]
    fn a_stream_without_all_its_scans_is_left_to_the_decoder_though_it_has_an_end() {
        // With tables made for the picture the encoder writes a scan for each component.
        let by_component = |encoder: &mut Encoder<&mut Vec<u8>>| {
            encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
            encoder.set_optimized_huffman_tables(true);
        };
        for good in [progressive(), encoded(&image(), by_component)] {
            assert!(stated(&good).is_some());
            let ends = ends_of_scans(&good);
            let (_, earlier) = ends.split_last().unwrap();
            for &end in earlier {
                let mended = [&good[..end], &[0xFF, EOI]].concat();
                assert!(is_complete(&mended));
                assert!(stated(&mended).is_none(), "{end} of {}", good.len());
            }
        }
    }

    #[test]
    fn restart_markers_stuffed_bytes_and_fill_bytes_are_no_end_of_a_scan() {
        let mut dice = 1u32;
        let noise = RgbImage::from_fn(64, 64, |_, _| {
            image::Rgb(std::array::from_fn(|_| {
                dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (dice >> 24) as u8
            }))
        });
        let stated = |stream: &[u8]| with_stated_colour(stream, None, ColourModel::YCbCr, 64, 64);
        let good = encoded(&noise, |encoder| encoder.set_restart_interval(3));
        for pair in [[0xFF, 0], [0xFF, 0xD7]] {
            assert!(
                good.windows(2).any(|two| two == pair),
                "{pair:?} is not there"
            );
        }
        let out = stated(&good).unwrap();
        let scan = |stream: &[u8]| {
            let at = stream
                .windows(2)
                .position(|two| two == [0xFF, SOS])
                .unwrap();
            stream[at..].to_vec()
        };
        assert!(scan(&out) == scan(&good));
        let (end, _) = good.split_last_chunk::<2>().unwrap();
        let filled = [end, &[0xFF, 0xFF, 0xFF, EOI]].concat();
        assert!(stated(&filled).unwrap() == out);
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
            .position(|pair| pair == [0xFF, SOF0])
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
            pass(&changed(10, 7), 24).is_none(),
            "a component without a scan"
        );
        assert!(
            with_stated_colour(&good, None, ColourModel::Grey, 24, 16).is_none(),
            "three components"
        );
        let frame = &good[frame..frame + 19];
        for (inserted, what) in [
            (frame, "a second frame"),
            (&segment(0xDC, &[0, 16])[..], "DNL"),
            (&segment(0xF3, b"anything")[..], "JPG3"),
            (&[0xFF, SOI][..], "a second picture"),
            (&[0xFF, 1][..], "TEM"),
        ] {
            let stream = behind_each_scan(&good, inserted);
            assert!(pass(&stream, 24).is_none(), "{what}");
        }
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
