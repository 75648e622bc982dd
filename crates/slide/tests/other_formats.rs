//! Slides that other programs wrote, and one of ours, against the pixels that OpenSlide reads from them: the very same, of JPEG
//! too, because both decode it as libjpeg-turbo does.
//!
//! `cargo xtask assets --formats` makes them out of the sample slide: `fixtures/formats.py` says how.

#![expect(
    clippy::unwrap_used,
    reason = "an unwrap that fails is a test that fails"
)]

mod support;

use std::path::PathBuf;

use domain::geometry::SlideRect;
use image::RgbImage;
use serde_json::Value;
use slide::{MppOrigin, OpenOptions, Slide};
use support::{decoded, largest_difference, sample_path};

/// `image` computes the transform in another order, and fills in chroma of half resolution more simply. A misread colour model is
/// off by a hundred.
const OTHER_DECODER: u8 = 12;

fn folder() -> PathBuf {
    let folder = sample_path().with_file_name("formats");
    assert!(
        folder.join("reference.json").is_file(),
        "{} is missing; type: cargo xtask assets --formats",
        folder.display()
    );
    folder
}

/// What is compared, by the name of the file or folder.
fn reference(name: &str) -> Value {
    let text = std::fs::read(folder().join("reference.json")).unwrap();
    let all: Value = serde_json::from_slice(&text).unwrap();
    let mut slides = all["slides"].as_array().unwrap().iter();
    let is_it = |slide: &&Value| slide["file"].as_str().unwrap().split('/').next() == Some(name);
    slides.find(is_it).unwrap().clone()
}

fn opened(reference: &Value) -> Slide {
    let path = folder().join(reference["file"].as_str().unwrap());
    Slide::open(path, OpenOptions::default()).unwrap()
}

fn number(value: &Value) -> u32 {
    value.as_u64().unwrap().try_into().unwrap()
}

/// Levels, resolution and every region of a slide. `levels`: how many are stored, as far as we see.
fn check(name: &str, format: &str, levels: usize) -> Slide {
    let reference = reference(name);
    let slide = opened(&reference);
    assert_eq!(slide.format(), format);
    assert_eq!(slide.stored_levels(), levels);
    assert_eq!(slide.mpp_origin(), MppOrigin::Stated);
    for (axis, mpp) in [slide.mpp().x, slide.mpp().y].into_iter().enumerate() {
        let expected = reference["mpp"][axis].as_f64().unwrap();
        // Fractions of 32 bits, which OpenSlide reads as f32.
        assert!((mpp / expected - 1.0).abs() < 1e-6, "{mpp}, not {expected}");
    }
    let sizes = reference["levels"].as_array().unwrap();
    for (level, size) in slide.pyramid().levels.iter().zip(sizes) {
        let size = (number(&size[0]), number(&size[1]));
        assert_eq!((level.width, level.height), size, "{name}");
    }
    let regions = reference["regions"].as_array().unwrap();
    assert!(regions.len() >= 4);
    for region in regions {
        let level = number(&region["level"]);
        let expected = image::open(folder().join(region["png"].as_str().unwrap()))
            .unwrap()
            .into_rgb8();
        let [x, y, width, height] =
            ["x", "y", "width", "height"].map(|field| number(&region[field]));
        let ours = part_of_level(&slide, level as usize, (x, y), (width, height));
        assert_eq!(ours.dimensions(), expected.dimensions());
        let difference = largest_difference(&ours, &expected);
        assert!(
            difference == 0,
            "{name}, level {level} at ({x}, {y}) differs by {difference}"
        );
    }
    slide
}

fn part_of_level(slide: &Slide, level: usize, at: (u32, u32), size: (u32, u32)) -> RgbImage {
    let (scale_x, scale_y) = slide.pyramid().downsample(level).unwrap();
    let rect = SlideRect {
        x: f64::from(at.0) * scale_x,
        y: f64::from(at.1) * scale_y,
        width: f64::from(size.0) * scale_x,
        height: f64::from(size.1) * scale_y,
    };
    slide.region(rect, size).unwrap()
}

/// The last tiles in the middle row of all stored levels go out as they are stored, with the pixels that are decoded of them.
fn check_pass_through(slide: &Slide) {
    for level in 0..slide.stored_levels() {
        let info = slide.pyramid().levels[level];
        let (column, row) = (info.columns() - 1, info.rows() / 2);
        check_tile(slide, (level, column, row), true);
    }
}

/// A tile goes out as it is stored or does not, with the pixels that are decoded of it.
fn check_tile(slide: &Slide, (level, column, row): (usize, u32, u32), passes: bool) {
    let tile = slide.pyramid_tile(level, column, row).unwrap();
    assert_eq!(tile.passed_through, passes, "level {level}");
    // At the edge without the padding.
    let pixels = slide.tile_pixels(level, column, row).unwrap();
    let difference = largest_difference(&decoded(&tile), &pixels);
    assert!(difference <= OTHER_DECODER, "level {level}: {difference}");
}

#[test]
fn ome_tiff_with_sub_ifds_has_all_levels_and_the_pixels_of_openslide() {
    // OpenSlide sees level 0 alone: it reads no SubIFDs.
    check_pass_through(&check("sub_ifds.ome.tif", "ome-tiff", 3));
}

#[test]
fn pyramidal_tiff_of_jpeg_tiles_has_the_pixels_of_openslide() {
    check_pass_through(&check("jpeg.tif", "generic-tiff", 3));
}

#[test]
fn pyramidal_tiff_stored_without_loss_has_exactly_the_pixels_of_openslide() {
    for (name, format) in [
        ("deflate.tif", "generic-tiff"),
        ("lzw.tif", "generic-tiff"),
        ("jpeg2000.svs", "aperio"),
    ] {
        let slide = check(name, format, 3);
        // No browser reads these: they are decoded and encoded.
        assert!(!slide.pyramid_tile(0, 0, 0).unwrap().passed_through);
    }
}

#[test]
fn dicom_by_wsidicomizer_has_the_pixels_of_openslide_and_no_label() {
    let slide = check("dicom", "dicom", 4);
    for level in 0..4 {
        check_tile(&slide, (level, 0, 0), true);
    }
    check_tile(&slide, (0, 4, 2), true);
    // In the levels that it adds, wsidicomizer stores an image smaller than the tile at the edge: it has to be padded.
    check_tile(&slide, (1, 2, 1), false);
    // Each level is a file of its own; label and overview are none of the slide's.
    assert_eq!(slide.members().files().len(), 4);
    // Label and overview lie in the same folder; the sample's pixels are what is shown.
    let sample = Slide::open(sample_path(), OpenOptions::default()).unwrap();
    let (a, b) = (slide.thumbnail(64).unwrap(), sample.thumbnail(64).unwrap());
    assert!(largest_difference(&a, &b) < 16);
}

#[test]
fn openslide_and_tifffile_find_every_level_of_a_slide_that_we_wrote() {
    let slide = check("written.ome.tif", "ome-tiff", 5);
    check_pass_through(&slide);
    let text = std::fs::read(folder().join("reference.json")).unwrap();
    let all: Value = serde_json::from_slice(&text).unwrap();
    let sizes = serde_json::json!([
        [5000, 5000],
        [2500, 2500],
        [1250, 1250],
        [625, 625],
        [313, 313]
    ]);
    assert_eq!(reference("written.ome.tif")["levels"], sizes);
    assert_eq!(all["written_levels_by_tifffile"], sizes);
}
