//! Files made to exhaust memory or time: refused, or failing at the tile that lies, within 3 GB of address space.
//!
//! A file of tests is a process: what asks for more than the limit ends it, and with it the test.

#![expect(
    clippy::unwrap_used,
    reason = "an unwrap that fails is a test that fails"
)]

mod support;

use std::io::{Cursor, Write};
use std::sync::Once;
use std::time::{Duration, Instant};

use domain::geometry::Mpp;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use slide::{Conversion, PyramidWriter, Slide, SlideError, Written};
use support::{Coding, GIVEN_MPP, TIFF_TILE, TempSlide, Tiff, coded, drawn, striped, tag_value};

/// Threads reserve address space of their own, so this is more than what is used. Every lie here is about more.
const ADDRESS_SPACE: u64 = 3 << 30;
/// None of these may keep anybody waiting, in a debug build beside other tests either.
const PATIENCE: Duration = Duration::from_secs(20);

fn limited() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let Rlimit { maximum, .. } = getrlimit(Resource::As);
        let limit = Rlimit {
            current: Some(ADDRESS_SPACE),
            maximum,
        };
        setrlimit(Resource::As, limit).unwrap();
    });
}

/// Opens a file and reads the first tiles of every level, a thumbnail, and a pyramid if it wants one. Says what failed.
fn all_errors(name: &str, bytes: &[u8]) -> Vec<SlideError> {
    limited();
    let started = Instant::now();
    let file = TempSlide::new(name, bytes);
    let mut errors = Vec::new();
    match Slide::open(file.path(), GIVEN_MPP) {
        Err(error) => errors.push(error),
        Ok(slide) => {
            for (number, level) in slide.pyramid().levels.iter().enumerate() {
                for (column, row) in [(0, 0), (level.columns() - 1, level.rows() - 1)] {
                    errors.extend(slide.pyramid_tile(number, column, row).err());
                    if started.elapsed() > PATIENCE {
                        break;
                    }
                }
            }
        }
    }
    assert!(
        started.elapsed() < PATIENCE,
        "{name}: {:?}",
        started.elapsed()
    );
    for error in &errors {
        assert!(!error.to_string().contains(name), "{error}");
    }
    errors
}

fn converted(name: &str, bytes: &[u8]) -> Result<(), SlideError> {
    limited();
    let started = Instant::now();
    let file = TempSlide::new(name, bytes);
    let result = Conversion::needed(file.path().as_path(), GIVEN_MPP).and_then(|conversion| {
        let out = std::fs::File::create(file.path().with_extension("out")).unwrap();
        conversion.map_or(Ok(()), |it| it.write(out, "", &mut |_| {}).map(drop))
    });
    assert!(
        started.elapsed() < PATIENCE,
        "{name}: {:?}",
        started.elapsed()
    );
    result
}

fn set_long(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

/// One tile of `TIFF_TILE` px with a payload of its own.
fn one_tile(compression: u16, photometric: u16, payload: &[u8]) -> Vec<u8> {
    let mut tiff = Tiff::pyramid(&drawn(TIFF_TILE, TIFF_TILE), 1, Coding::Raw).to_bytes();
    let place = tiff.len() as u32;
    tiff.extend(payload);
    for (tag, value) in [
        (259, compression.into()),
        (262, photometric.into()),
        (324, place),
        (325, payload.len() as u32),
    ] {
        let at = tag_value(&tiff, tag);
        set_long(&mut tiff, at, value);
    }
    tiff
}

#[test]
fn a_deflate_bomb_fails_at_its_tile() {
    let mut bomb = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![0; 1 << 20];
    for _ in 0..1024 {
        bomb.write_all(&zeros).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 2 << 20);
    // What is there beyond the tile is refused or left out, but not kept.
    for error in all_errors("deflate.tif", &one_tile(8, 2, &bomb)) {
        assert!(matches!(error, SlideError::Read { .. }), "{error}");
    }
}

/// LZW as TIFF has it, of so many zeros: codes from 9 to 12 bits, most significant bit first.
fn lzw_zeros(count: usize) -> Vec<u8> {
    let (mut out, mut held, mut bits) = (Vec::new(), 0u64, 0);
    let mut put = |code: u64, width: u32| {
        held = held << width | code;
        bits += width;
        while bits >= 8 {
            bits -= 8;
            out.push((held >> bits) as u8);
        }
    };
    let mut left = count;
    while left > 0 {
        put(256, 9);
        // Each code is the run before with one more zero; the width grows one code early.
        let (mut run, mut next) = (1, 258u64);
        put(0, 9);
        left = left.saturating_sub(1);
        while left > 0 && next < 4094 {
            let width = 64 - next.leading_zeros();
            let width = if next + 1 == 1 << width {
                width + 1
            } else {
                width
            };
            put(next, width.clamp(9, 12));
            run += 1;
            next += 1;
            left = left.saturating_sub(run);
        }
    }
    put(257, 12);
    put(0, 7);
    out
}

#[test]
fn an_lzw_bomb_fails_at_its_tile() {
    for error in all_errors("lzw.tif", &one_tile(5, 2, &lzw_zeros(1 << 30))) {
        assert!(matches!(error, SlideError::Read { .. }), "{error}");
    }
}

#[test]
fn a_jpeg_tile_that_claims_to_be_huge_fails_at_its_tile() {
    let mut tile = coded(&drawn(TIFF_TILE, TIFF_TILE), Coding::YCbCr);
    let frame = tile
        .windows(2)
        .position(|pair| pair == [0xFF, 0xC0])
        .unwrap();
    tile[frame + 5..frame + 9].copy_from_slice(&[0xFF, 0xDC, 0xFF, 0xDC]);
    let errors = all_errors("tile.tif", &one_tile(7, 6, &tile));
    assert!(!errors.is_empty());
    for error in errors {
        assert!(matches!(error, SlideError::Read { .. }), "{error}");
    }
}

#[test]
fn a_jpeg_that_claims_to_be_huge_is_refused() {
    let mut jpeg = coded(&drawn(64, 64), Coding::YCbCr);
    let frame = jpeg
        .windows(2)
        .position(|pair| pair == [0xFF, 0xC0])
        .unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xFF, 0xDC, 0xFF, 0xDC]);
    assert!(matches!(
        all_errors("huge.jpg", &jpeg)[..],
        [SlideError::TooLarge { .. }]
    ));
    let error = converted("huge.jpg", &jpeg).unwrap_err();
    assert!(matches!(error, SlideError::Damaged { .. }), "{error}");
}

/// A PNG of one colour: 430 MB of pixels in half a megabyte.
#[test]
fn a_png_bomb_takes_no_more_memory_than_a_strip() {
    let side = 12_000u32;
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side, side);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header().unwrap();
    let mut stream = writer.stream_writer().unwrap();
    let row = vec![0; side as usize * 3];
    for _ in 0..side {
        stream.write_all(&row).unwrap();
    }
    stream.finish().unwrap();
    writer.finish().unwrap();
    assert!(matches!(
        all_errors("bomb.png", &bytes)[..],
        [SlideError::TooLarge { .. }]
    ));
    converted("bomb.png", &bytes).unwrap();
    // One that claims even more ends where its data end.
    bytes[16..20].copy_from_slice(&130_000u32.to_be_bytes());
    bytes[20..24].copy_from_slice(&130_000u32.to_be_bytes());
    let crc = support::crc32(&bytes[12..29]).to_be_bytes();
    bytes[29..33].copy_from_slice(&crc);
    let error = converted("bomb.png", &bytes).unwrap_err();
    assert!(matches!(error, SlideError::Damaged { .. }), "{error}");
    bytes[16..20].copy_from_slice(&0x7FFF_FFFFu32.to_be_bytes());
    let crc = support::crc32(&bytes[12..29]).to_be_bytes();
    bytes[29..33].copy_from_slice(&crc);
    let error = converted("bomb.png", &bytes).unwrap_err();
    assert!(matches!(error, SlideError::TooLarge { .. }), "{error}");
}

#[test]
fn a_tiff_whose_strips_would_be_decoded_again_and_again_is_refused_at_once() {
    // Strips of 60 rows: ten of them are touched by 512 rows, 1.06 and 1.08 GB of pixels.
    let striped = |width| {
        let mut bytes = striped(&drawn(4, 600), 60);
        let at = tag_value(&bytes, 256);
        set_long(&mut bytes, at, width);
        bytes
    };
    let error = converted("wide.tif", &striped(600_000)).unwrap_err();
    assert!(matches!(error, SlideError::TooLarge { .. }), "{error}");
    let said = error.to_string();
    for word in ["600000×600 px", "1080 MB", "tiles of 512×512 px"] {
        assert!(said.contains(word), "{word} is not in: {said}");
    }
    let file = TempSlide::new("less_wide.tif", &striped(590_000));
    assert!(
        Conversion::needed(&file.path(), GIVEN_MPP)
            .unwrap()
            .is_some()
    );
}

#[test]
fn directories_that_lead_back_to_themselves_are_refused_at_once() {
    let good = Tiff::pyramid(&drawn(300, 200), 2, Coding::YCbCr).to_bytes();
    let first = u32::from_le_bytes(good[4..8].try_into().unwrap());
    let entries = u16::from_le_bytes(good[first as usize..][..2].try_into().unwrap());
    let link = first as usize + 2 + usize::from(entries) * 12;
    let mut cyclic = good.clone();
    set_long(&mut cyclic, link, first);
    let errors = all_errors("cyclic.tif", &cyclic);
    assert!(
        matches!(
            errors[..],
            [SlideError::Damaged { .. } | SlideError::NotASlide { .. }]
        ),
        "{errors:?}"
    );

    // The SubIFDs of our own layout, led to the directory that names them.
    let ours = ours();
    let first = u64::from_le_bytes(ours[8..16].try_into().unwrap());
    let list = u64::from_le_bytes(ours[big_value(&ours, 330)..][..8].try_into().unwrap());
    let mut cyclic = ours;
    cyclic[list as usize..][..8].copy_from_slice(&first.to_le_bytes());
    let errors = all_errors("cyclic.ome.tif", &cyclic);
    assert!(
        matches!(
            errors[..],
            [SlideError::Damaged { .. } | SlideError::NotASlide { .. }]
        ),
        "{errors:?}"
    );
}

#[test]
fn absurd_counts_sizes_and_places_in_bigtiff_are_refused_or_fail_where_they_are() {
    let good = ours();
    for (tag, from_value, value) in [
        // Counts of tiles.
        (324, -8, u64::MAX / 8),
        (324, -8, 1 << 40),
        (325, -8, 1 << 60),
        (330, -8, 1 << 50),
        // Where the lists lie.
        (324, 0, u64::MAX - 8),
        (325, 0, 1 << 62),
        (330, 0, u64::MAX),
        // Width, height, tile sizes.
        (256, 0, u32::MAX.into()),
        (257, 0, u32::MAX.into()),
        (322, 0, u32::MAX.into()),
        (323, 0, 0),
        (322, 0, 1),
    ] {
        let mut bad = good.clone();
        let at = big_value(&bad, tag).wrapping_add_signed(from_value);
        bad[at..at + 8].copy_from_slice(&value.to_le_bytes());
        let errors = all_errors("absurd.ome.tif", &bad);
        assert!(!errors.is_empty(), "{tag} {value}: nothing failed");
    }
    // Tiles beyond the end of the file.
    let list = u64::from_le_bytes(good[big_value(&good, 324)..][..8].try_into().unwrap());
    for place in [u64::MAX, u64::MAX - 100, 1 << 40, good.len() as u64] {
        let mut bad = good.clone();
        bad[list as usize..][..8].copy_from_slice(&place.to_le_bytes());
        let errors = all_errors("beyond.ome.tif", &bad);
        assert!(
            matches!(errors[..], [SlideError::Read { x: 0, y: 0, .. }]),
            "{errors:?}"
        );
    }
}

#[test]
fn a_bigtiff_that_breaks_off_is_refused_or_fails_at_what_is_gone() {
    let good = ours();
    for length in (0..good.len()).step_by(good.len() / 40) {
        let errors = all_errors("cut.ome.tif", &good[..length]);
        assert!(!errors.is_empty(), "{length} of {}", good.len());
    }
}

/// A slide of three levels as we write it: more than one SubIFD, so that their list lies outside of its entry.
fn ours() -> Vec<u8> {
    let image = drawn(2048, 700);
    let written = Written {
        width: image.width(),
        height: image.height(),
        mpp: Mpp::square(0.5),
        objective: None,
        description: String::new(),
    };
    let mut writer = PyramidWriter::new(Cursor::new(Vec::new()), written).unwrap();
    writer.write_rows(image.as_raw()).unwrap();
    writer.finish().unwrap().into_inner()
}

/// Where the value of a tag stands in the first directory of a BigTIFF.
fn big_value(tiff: &[u8], tag: u16) -> usize {
    let at = |from: usize| u64::from_le_bytes(tiff[from..from + 8].try_into().unwrap()) as usize;
    let first = at(8);
    let mut entries = (0..at(first)).map(|index| first + 8 + index * 20);
    let entry = entries.find(|&entry| tiff[entry..entry + 2] == tag.to_le_bytes());
    entry.unwrap() + 12
}
