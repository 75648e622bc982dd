//! The sample slide, against the pixels that OpenSlide reads from it.

#![expect(
    clippy::unwrap_used,
    reason = "an unwrap that fails is a test that fails"
)]

mod support;

use domain::geometry::{Mpp, SlideRect};
use serde_json::Value;
use slide::{MppOrigin, SlideError};
use support::{decoded, largest_difference, level_0, sample};

fn reference() -> Value {
    serde_json::from_str(include_str!("../fixtures/openslide_cmu_small_region.json")).unwrap()
}

fn number(value: &Value) -> u32 {
    value.as_u64().unwrap().try_into().unwrap()
}

#[test]
fn it_says_of_itself_what_openslide_says() {
    let (slide, reference) = (sample(), reference());
    let level = slide.pyramid().levels[0];
    let mpp = |axis: usize| reference["mpp"][axis].as_f64().unwrap();
    assert_eq!(level.width, number(&reference["size"][0]));
    assert_eq!(level.height, number(&reference["size"][1]));
    assert_eq!(level.tile_width, number(&reference["tile_size"]));
    assert_eq!(
        slide.mpp(),
        Mpp {
            x: mpp(0),
            y: mpp(1)
        }
    );
    assert_eq!(slide.mpp_origin(), MppOrigin::Stated);
    assert_eq!(slide.objective(), reference["objective"].as_f64());
    assert_eq!(slide.format(), "aperio");
    assert_eq!(slide.stored_levels(), 1);
}

#[test]
fn passed_through_tiles_have_the_pixels_of_openslide() {
    let (slide, reference) = (sample(), reference());
    for expected in reference["tiles"].as_array().unwrap() {
        let (column, row) = (number(&expected["column"]), number(&expected["row"]));
        let tile = slide.pyramid_tile(0, column, row).unwrap();
        assert!(tile.passed_through);
        let image = decoded(&tile);
        for pixel in expected["pixels"].as_array().unwrap() {
            let [x, y, rgb @ ..] = [0, 1, 2, 3, 4].map(|field| number(&pixel[field]));
            for (value, expected) in image.get_pixel(x, y).0.into_iter().zip(rgb) {
                let difference = u32::from(value).abs_diff(expected);
                assert!(
                    difference <= 2,
                    "tile ({column}, {row}) differs by {difference} at ({x}, {y})"
                );
            }
        }
        let (width, height) = (number(&expected["width"]), number(&expected["height"]));
        let visible = image::imageops::crop_imm(&image, 0, 0, width, height).to_image();
        for channel in 0..3 {
            let sum: f64 = visible
                .pixels()
                .map(|pixel| f64::from(pixel.0[channel]))
                .sum();
            let mean = sum / f64::from(width * height);
            let expected = expected["mean"][channel].as_f64().unwrap();
            assert!(
                (mean - expected).abs() < 0.5,
                "tile ({column}, {row}): {mean}, not {expected}"
            );
        }
    }
}

#[test]
fn passed_through_tiles_have_the_pixels_that_regions_have() {
    let slide = sample();
    for (column, row) in [(4, 5), (0, 12), (9, 0), (9, 12)] {
        let tile = slide.pyramid_tile(0, column, row).unwrap();
        let region = level_0(&slide, column * 240, row * 240, 240, 240);
        let level = slide.pyramid().levels[0];
        let visible = (
            240.min(level.width - column * 240),
            240.min(level.height - row * 240),
        );
        let region = image::imageops::crop_imm(&region, 0, 0, visible.0, visible.1).to_image();
        let difference = largest_difference(&decoded(&tile), &region);
        assert!(difference <= 2, "({column}, {row}) differs by {difference}");
    }
}

#[test]
fn every_tile_of_every_level_can_be_sent() {
    let slide = sample();
    let last = slide.pyramid().levels.last().unwrap();
    assert!(last.width.max(last.height) <= 512);
    for (number, level) in slide.pyramid().levels.iter().enumerate() {
        for row in 0..level.rows() {
            for column in 0..level.columns() {
                let tile = slide.pyramid_tile(number, column, row).unwrap();
                assert_eq!(tile.passed_through, number < slide.stored_levels());
                assert_eq!(
                    (tile.width, tile.height),
                    (level.tile_width, level.tile_height)
                );
            }
        }
    }
}

#[test]
fn synthesised_levels_lie_where_the_slide_lies() {
    let slide = sample();
    for level in 1..slide.pyramid().levels.len() {
        let rect = slide.pyramid().tile_rect(level, 0, 0).unwrap();
        let tile = decoded(&slide.pyramid_tile(level, 0, 0).unwrap());
        let region = slide.region(rect, (tile.width(), tile.height())).unwrap();
        let info = slide.pyramid().levels[level];
        let visible = (info.width.min(256), info.height.min(256));
        let visible =
            |image| image::imageops::crop_imm(image, 0, 0, visible.0, visible.1).to_image();
        let (tile, region) = (visible(&tile), visible(&region));
        if info.width >= 256 && info.height >= 256 {
            let differences = std::iter::zip(tile.as_raw(), region.as_raw());
            let sum: u64 = differences.map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
            let mean = sum as f64 / tile.as_raw().len() as f64;
            assert!(mean < 3.0, "level {level}: {mean}");
        }
    }
}

#[test]
fn a_region_at_another_scale_holds_the_means_of_what_it_covers() {
    let slide = sample();
    let rect = SlideRect {
        x: 400.0,
        y: 600.0,
        width: 960.0,
        height: 960.0,
    };
    let full = level_0(&slide, 400, 600, 960, 960);
    for size in [480u32, 240, 120] {
        let small = slide.region(rect, (size, size)).unwrap();
        let factor = 960 / size;
        let mut sum_of_differences = 0.0;
        for (x, y, pixel) in small.enumerate_pixels() {
            for channel in 0..3 {
                let sum: u32 = (0..factor * factor)
                    .map(|i| full.get_pixel(x * factor + i % factor, y * factor + i / factor))
                    .map(|pixel| u32::from(pixel.0[channel]))
                    .sum();
                let mean = f64::from(sum) / f64::from(factor * factor);
                sum_of_differences += (f64::from(pixel.0[channel]) - mean).abs();
            }
        }
        let difference = sum_of_differences / f64::from(3 * size * size);
        // The smaller ones are drawn from the overview, 1110 × 1484 px, whose pixels are a hair under two slide pixels tall.
        let tolerance = if size == 480 { 0.51 } else { 1.5 };
        assert!(difference < tolerance, "at {size} px: {difference}");
    }
}

#[test]
fn the_thumbnail_is_the_whole_slide_and_never_larger_than_it() {
    let slide = sample();
    let thumbnail = slide.thumbnail(512).unwrap();
    assert_eq!(thumbnail.dimensions(), (383, 512));
    assert_eq!(slide.thumbnail(100_000).unwrap().dimensions(), (2220, 2967));
}

#[test]
fn its_skin_is_found_and_the_glass_is_not() {
    let slide = sample();
    let mask = slide.tissue_mask().unwrap();
    assert!((0.3..0.99).contains(&mask.share()), "{}", mask.share());
    let grid = mask
        .tile_grid(224, slide.mpp().mean() * 0.5 / 0.499)
        .unwrap();
    assert_eq!((grid.columns, grid.rows), (9, 13));
    assert!(grid.len() > 20);
    let tile = slide.tile_region(&grid, 0, 224).unwrap();
    assert_eq!(tile.dimensions(), (224, 224));
    assert!(matches!(
        slide.tile_region(&grid, grid.len(), 224),
        Err(SlideError::InvalidRegion { .. })
    ));
}

#[test]
fn what_does_not_exist_is_out_of_bounds() {
    let slide = sample();
    for (level, column, row, allowed) in [
        (0, 10, 0, "columns go from 0 to 9, rows from 0 to 12"),
        (0, 0, 13, "columns go from 0 to 9, rows from 0 to 12"),
        (0, u32::MAX, u32::MAX, "columns go from 0 to 9"),
        (99, 0, 0, "levels go from 0 to 3"),
    ] {
        let error = slide.pyramid_tile(level, column, row).unwrap_err();
        assert!(matches!(error, SlideError::OutOfBounds { .. }));
        assert!(error.to_string().contains(allowed), "{error}");
    }
    let rect = SlideRect {
        x: 0.0,
        y: 0.0,
        width: f64::NAN,
        height: 5.0,
    };
    assert!(matches!(
        slide.region(rect, (5, 5)),
        Err(SlideError::InvalidRegion { .. })
    ));
    let rect = SlideRect { width: 5.0, ..rect };
    for size in [(0, 5), (70_000, 70_000)] {
        assert!(matches!(
            slide.region(rect, size),
            Err(SlideError::InvalidRegion { .. })
        ));
    }
}

#[test]
fn a_slide_is_shared_by_threads() {
    fn shared<T: Send + Sync>(value: T) -> T {
        value
    }
    let slide = shared(sample());
    let expected = slide.pyramid_tile(2, 1, 1).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                assert_eq!(slide.pyramid_tile(2, 1, 1).unwrap(), expected);
                assert!(slide.pyramid_tile(0, 3, 3).unwrap().passed_through);
            });
        }
    });
}
