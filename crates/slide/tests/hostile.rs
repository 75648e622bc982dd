//! Files that are no slides, or slides no more: a clear error, never a panic, never a wait.

#![expect(
    clippy::unwrap_used,
    reason = "an unwrap that fails is a test that fails"
)]

mod support;

use slide::{OpenOptions, Slide, SlideError};
use support::{Coding, GIVEN_MPP, TempSlide, Tiff, crc32, drawn, png, sample_path, tag_value};

fn error_of(name: &str, bytes: &[u8]) -> SlideError {
    let file = TempSlide::new(name, bytes);
    Slide::open(file.path(), GIVEN_MPP).unwrap_err()
}

/// Reads whatever the slide offers. Returns how many tiles failed.
fn read_all(slide: &Slide, most_tiles_per_level: u32) -> usize {
    let mut failed = 0;
    for (number, level) in slide.pyramid().levels.iter().enumerate() {
        let tiles = u64::from(level.columns()) * u64::from(level.rows());
        for tile in 0..tiles.min(most_tiles_per_level.into()) {
            let (column, row) = (
                tile % u64::from(level.columns()),
                tile / u64::from(level.columns()),
            );
            failed += usize::from(
                slide
                    .pyramid_tile(number, column as u32, row as u32)
                    .is_err(),
            );
        }
    }
    failed
}

#[test]
fn what_is_no_slide_is_called_so() {
    for (name, bytes) in [
        ("empty.svs", &b""[..]),
        ("zero.svs", &[0; 4096]),
        (
            "text.svs",
            b"once upon a time there was a slide that was not",
        ),
        ("page.png", b"<html>not found</html>"),
    ] {
        let error = error_of(name, bytes);
        assert!(
            matches!(error, SlideError::NotASlide { .. }),
            "{name}: {error:?}"
        );
        assert!(!error.to_string().contains(name), "{error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let error = Slide::open(folder.path(), GIVEN_MPP).unwrap_err();
    assert!(matches!(error, SlideError::NotASlide { .. }), "{error:?}");
    let error = Slide::open(folder.path().join("gone.svs"), GIVEN_MPP).unwrap_err();
    assert!(matches!(error, SlideError::Io { .. }), "{error:?}");
}

#[test]
fn a_cut_slide_fails_at_opening_or_at_the_tiles_that_are_gone() {
    let whole = std::fs::read(sample_path()).unwrap();
    // Its list of images is at the end of the file.
    let error = error_of("cut.svs", &whole[..whole.len() / 3]);
    assert!(
        error.to_string().contains("Was it copied whole?"),
        "{error}"
    );
    for share in [0.000_02, 0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.9999] {
        let cut = &whole[..(whole.len() as f64 * share) as usize];
        let file = TempSlide::new("cut.svs", cut);
        match Slide::open(file.path(), OpenOptions::default()) {
            Err(error) => assert!(!error.to_string().contains("cut.svs"), "{share}: {error}"),
            Ok(slide) => {
                let failed = read_all(&slide, u32::MAX);
                assert!(failed > 0 || share > 0.9, "{share}: nothing failed");
            }
        }
    }
}

#[test]
fn a_cut_flat_image_is_damaged_and_not_half_grey() {
    let image = drawn(500, 400);
    let mut jpeg = std::io::Cursor::new(Vec::new());
    image.write_to(&mut jpeg, image::ImageFormat::Jpeg).unwrap();
    for (name, bytes) in [("cut.png", png(&image)), ("cut.jpg", jpeg.into_inner())] {
        for length in [40, bytes.len() / 3, bytes.len() - 30] {
            let error = error_of(name, &bytes[..length]);
            assert!(
                matches!(error, SlideError::Damaged { .. }),
                "{name} at {length}: {error:?}"
            );
        }
    }
}

/// A PNG that claims 60,000 × 60,000 px in a hundred bytes.
#[test]
fn a_bomb_is_refused_before_it_takes_memory() {
    let mut bomb = png(&drawn(8, 8));
    bomb[16..20].copy_from_slice(&60_000u32.to_be_bytes());
    bomb[20..24].copy_from_slice(&60_000u32.to_be_bytes());
    let crc = crc32(&bomb[12..29]).to_be_bytes();
    bomb[29..33].copy_from_slice(&crc);
    let error = error_of("bomb.png", &bomb);
    assert!(matches!(error, SlideError::TooLarge { .. }), "{error:?}");
    assert!(error.to_string().contains("60000×60000"), "{error}");
}

#[test]
fn a_flat_image_of_gigabytes_is_refused_before_it_is_read() {
    for (name, start) in [
        ("long.jpg", &b"\xFF\xD8\xFF\xE0"[..]),
        ("long.png", b"\x89PNG\r\n\x1a\n"),
    ] {
        let file = TempSlide::new(name, start);
        // A hole: it takes no room on the disk.
        let long = std::fs::File::options().write(true).open(file.path());
        long.unwrap().set_len(2 << 30).unwrap();
        let error = Slide::open(file.path(), GIVEN_MPP).unwrap_err();
        assert!(
            matches!(error, SlideError::TooLarge { .. }),
            "{name}: {error:?}"
        );
        assert!(error.to_string().contains("2147 MB"), "{error}");
    }
}

#[test]
fn a_tiff_that_claims_more_than_it_has_is_refused_or_fails_at_once() {
    let started = std::time::Instant::now();
    let good = Tiff::pyramid(&drawn(300, 200), 1, Coding::YCbCr).to_bytes();
    for (tag, value) in [
        (256, u32::MAX),
        (257, u32::MAX),
        (256, 1 << 24),
        (257, 1 << 22),
        (322, u32::MAX),
        (323, 0),
        (322, 1),
    ] {
        let mut bad = good.clone();
        let at = tag_value(&bad, tag);
        bad[at..at + 4].copy_from_slice(&value.to_le_bytes());
        let file = TempSlide::new("claims.tif", &bad);
        if let Ok(slide) = Slide::open(file.path(), GIVEN_MPP) {
            assert!(read_all(&slide, 20) > 0, "tag {tag} = {value}");
            assert!(slide.thumbnail(256).is_err(), "tag {tag} = {value}");
            assert!(slide.tissue_mask().is_err(), "tag {tag} = {value}");
        }
    }
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

#[test]
fn directories_that_run_in_a_circle_end() {
    let mut bad = Tiff::pyramid(&drawn(300, 200), 1, Coding::YCbCr).to_bytes();
    let ifd = bad[4..8].to_vec();
    let at = bad.len() - 4;
    bad[at..].copy_from_slice(&ifd);
    let file = TempSlide::new("circle.tif", &bad);
    if let Ok(slide) = Slide::open(file.path(), GIVEN_MPP) {
        assert_eq!(slide.stored_levels(), 1);
    }
}

#[test]
fn one_corrupt_tile_fails_and_the_rest_serves() {
    let mut bad = Tiff::pyramid(&drawn(384, 384), 2, Coding::YCbCr).to_bytes();
    let offsets = tag_value(&bad, 324);
    let offsets = u32::from_le_bytes(bad[offsets..offsets + 4].try_into().unwrap()) as usize;
    // The fifth of nine tiles begins beyond the end of the file.
    bad[offsets + 16..offsets + 20].copy_from_slice(&0x7FFF_0000u32.to_le_bytes());
    let file = TempSlide::new("tile.tif", &bad);
    let slide = Slide::open(file.path(), GIVEN_MPP).unwrap();
    for tile in 0..9 {
        let result = slide.pyramid_tile(0, tile % 3, tile / 3);
        assert_eq!(result.is_err(), tile == 4, "tile {tile}");
        if let Err(error) = result {
            assert!(
                matches!(
                    error,
                    SlideError::Read {
                        level: 0,
                        x: 128,
                        y: 128,
                        ..
                    }
                ),
                "{error:?}"
            );
            assert!(!error.to_string().contains("tile.tif"), "{error}");
        }
    }
}

/// xorshift: the same damage in every run.
struct Damage(u64);

impl Damage {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below as u64) as usize
    }

    fn done_to(&mut self, bytes: &[u8], places: std::ops::Range<usize>) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..1 + self.next(6) {
            let at = places.start + self.next(places.len());
            bytes[at] = match self.next(4) {
                0 => 0,
                1 => 0xFF,
                2 => bytes[at] ^ (1 << self.next(8)),
                _ => self.next(256) as u8,
            };
        }
        bytes
    }
}

#[test]
fn random_damage_never_panics() {
    let mut damage = Damage(0x9E37_79B9_7F4A_7C15);
    for coding in [Coding::YCbCr, Coding::RgbWithoutMarker, Coding::Raw] {
        let mut tiff = Tiff::pyramid(&drawn(200, 150), 2, coding);
        tiff.description =
            Some("Aperio Image Library v11.2.1\r\n200x150 (128x128)|AppMag = 20|MPP = 0.5".into());
        let good = tiff.to_bytes();
        let directory = u32::from_le_bytes(good[4..8].try_into().unwrap()) as usize;
        for round in 0..80 {
            // Half of the damage goes where it hurts.
            let places = if round % 2 == 0 {
                directory.saturating_sub(200)..(directory + 200).min(good.len())
            } else {
                0..good.len()
            };
            let file = TempSlide::new("damaged.tif", &damage.done_to(&good, places));
            if let Ok(slide) = Slide::open(file.path(), GIVEN_MPP) {
                read_all(&slide, 6);
                let _ = slide.thumbnail(64);
            }
        }
    }
}

#[test]
fn random_damage_to_the_sample_never_panics() {
    let good = std::fs::read(sample_path()).unwrap();
    let mut damage = Damage(0x2545_F491_4F6C_DD1D);
    let header = u32::from_le_bytes(good[4..8].try_into().unwrap()) as usize;
    for round in 0..16 {
        let places = if round % 2 == 0 {
            header..(header + 300).min(good.len())
        } else {
            0..good.len()
        };
        let file = TempSlide::new("damaged.svs", &damage.done_to(&good, places));
        if let Ok(slide) = Slide::open(file.path(), GIVEN_MPP) {
            read_all(&slide, 8);
        }
    }
}
