//! Images without a usable pyramid, which get one.

#![expect(
    clippy::unwrap_used,
    reason = "an unwrap that fails is a test that fails"
)]

mod support;

use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, ImageFormat, RgbImage};
use jpeg_encoder::{ColorType, Encoder};
use slide::{Conversion, OpenOptions, Slide, SlideError};
use support::{
    Coding, GIVEN_MPP, TempSlide, Tiff, drawn, largest_difference, level_0, png, sample_path,
};

/// Just more than what is looked at as it is.
const SIDE: (u32, u32) = (4200, 4100);
/// What quality 90 may change of a smooth picture.
const LOSS: u8 = 12;

fn needed(path: &Path) -> Option<Conversion> {
    Conversion::needed(path, GIVEN_MPP).unwrap()
}

/// Gives the image a pyramid and compares parts of it with what was drawn.
fn check(file: &TempSlide, image: &RgbImage, loss: u8) {
    let conversion = needed(&file.path()).unwrap();
    assert_eq!(conversion.size_px(), image.dimensions());
    let mut reached = Vec::new();
    let bytes = conversion
        .write(Cursor::new(Vec::new()), "a copy", &mut |rows| {
            reached.push(rows);
        })
        .unwrap();
    assert!(reached.is_sorted());
    assert_eq!(reached.last(), Some(&image.height()));
    let written = TempSlide::new("written.tif", &bytes.into_inner());
    let slide = Slide::open(written.path(), OpenOptions::default()).unwrap();
    assert_eq!(slide.mpp(), GIVEN_MPP.mpp.unwrap());
    assert_eq!(slide.stored_levels(), 5);
    let (width, height) = image.dimensions();
    for (x, y) in [(0, 0), (2000, 1900), (width - 300, height - 300)] {
        let expected = image::imageops::crop_imm(image, x, y, 300, 300).to_image();
        let difference = largest_difference(&level_0(&slide, x, y, 300, 300), &expected);
        assert!(difference <= loss, "({x}, {y}): {difference}");
    }
}

fn encoded(image: &DynamicImage) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn jpeg(image: &RgbImage, change: impl FnOnce(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 95);
    change(&mut encoder);
    let (width, height) = (image.width() as u16, image.height() as u16);
    encoder
        .encode(image.as_raw(), width, height, ColorType::Rgb)
        .unwrap();
    bytes
}

#[test]
fn what_can_be_looked_at_as_it_is_stays_as_it_is() {
    let small = drawn(2048, 2048);
    for (name, bytes) in [
        ("small.png", png(&small)),
        ("small.jpg", jpeg(&small, |_| {})),
        (
            "small.tif",
            Tiff::pyramid(&small, 1, Coding::YCbCr).to_bytes(),
        ),
        (
            "pyramid.tif",
            Tiff::pyramid(&drawn(SIDE.0, SIDE.1), 2, Coding::YCbCr).to_bytes(),
        ),
    ] {
        assert!(
            needed(TempSlide::new(name, &bytes).path().as_path()).is_none(),
            "{name}"
        );
    }
    assert!(needed(&sample_path()).is_none());
}

#[test]
fn a_large_png_gets_a_pyramid() {
    let image = drawn(SIDE.0, SIDE.1);
    let file = TempSlide::new("large.png", &png(&image));
    check(&file, &image, LOSS);
    // Without a resolution nothing is begun.
    let error = Conversion::needed(&file.path(), OpenOptions::default()).unwrap_err();
    assert!(matches!(error, SlideError::MissingMpp { .. }), "{error}");
}

#[test]
fn grey_deep_and_transparent_png_come_out_as_small_ones_do() {
    let image = DynamicImage::from(drawn(SIDE.0, SIDE.1));
    let grey = DynamicImage::from(image.to_luma16());
    let file = TempSlide::new("grey.png", &encoded(&grey));
    check(&file, &grey.to_rgb8(), LOSS);
    let mut clear = image.to_rgba8();
    for pixel in clear.pixels_mut() {
        pixel.0[3] = 128;
    }
    let on_white = RgbImage::from_fn(SIDE.0, SIDE.1, |x, y| {
        let blend = |value: u8| ((u32::from(value) * 128 + 255 * 127 + 127) / 255) as u8;
        image::Rgb([0, 1, 2].map(|channel| blend(clear.get_pixel(x, y).0[channel])))
    });
    let file = TempSlide::new("clear.png", &encoded(&DynamicImage::from(clear)));
    check(&file, &on_white, LOSS);
}

#[test]
fn a_large_jpeg_gets_a_pyramid_whether_it_comes_in_rows_or_not() {
    let image = drawn(SIDE.0, SIDE.1);
    let baseline = jpeg(&image, |_| {});
    check(&TempSlide::new("baseline.jpg", &baseline), &image, 2 * LOSS);
    let progressive = jpeg(&image, |encoder| encoder.set_progressive(true));
    check(
        &TempSlide::new("progressive.jpg", &progressive),
        &image,
        2 * LOSS,
    );
}

#[test]
fn a_jpeg_that_lies_on_its_side_is_turned() {
    let image = drawn(SIDE.0, SIDE.1);
    // A TIFF header and one entry: orientation 6, to be turned clockwise.
    let exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    let turned = jpeg(&image, |encoder| encoder.add_exif_metadata(exif).unwrap());
    let upright = image::imageops::rotate90(&image);
    check(&TempSlide::new("turned.jpg", &turned), &upright, 2 * LOSS);
}

#[test]
fn a_large_tiff_of_one_level_gets_a_pyramid() {
    let image = drawn(SIDE.0, SIDE.1);
    for coding in [Coding::Raw, Coding::RgbWithoutMarker] {
        let file = TempSlide::new("flat.tif", &Tiff::pyramid(&image, 1, coding).to_bytes());
        check(&file, &image, 2 * LOSS);
    }
    let mut striped = Cursor::new(Vec::new());
    image.write_to(&mut striped, ImageFormat::Tiff).unwrap();
    check(
        &TempSlide::new("striped.tif", striped.get_ref()),
        &image,
        LOSS,
    );
}

#[test]
fn an_image_that_breaks_off_fails_and_is_not_half_grey() {
    let image = drawn(SIDE.0, SIDE.1);
    for (name, bytes) in [("cut.png", png(&image)), ("cut.jpg", jpeg(&image, |_| {}))] {
        for length in [bytes.len() / 2, bytes.len() - 20] {
            let file = TempSlide::new(name, &bytes[..length]);
            let error = Conversion::needed(&file.path(), GIVEN_MPP)
                .and_then(|conversion| {
                    let out = Cursor::new(Vec::new());
                    conversion.unwrap().write(out, "", &mut |_| {})
                })
                .unwrap_err();
            assert!(
                matches!(error, SlideError::Damaged { .. }),
                "{name}: {error}"
            );
        }
    }
}

#[test]
fn an_image_that_changes_while_it_is_read_is_refused() {
    let image = drawn(SIDE.0, SIDE.1);
    let tiff = Tiff::pyramid(&image, 1, Coding::YCbCr).to_bytes();
    for (name, bytes) in [
        ("changes.png", png(&image)),
        ("changes.jpg", jpeg(&image, |_| {})),
        ("changes.tif", tiff),
    ] {
        let file = TempSlide::new(name, &bytes);
        let write = |conversion: &Conversion, at_row: u32| {
            conversion.write(Cursor::new(Vec::new()), "a copy", &mut |rows| {
                if rows == at_row {
                    // The same bytes: what was written to is not looked at again.
                    std::fs::write(file.path(), &bytes).unwrap();
                    let file = std::fs::File::options().write(true).open(file.path());
                    let past = std::time::SystemTime::UNIX_EPOCH;
                    file.unwrap().set_modified(past).unwrap();
                }
            })
        };
        let conversion = needed(&file.path()).unwrap();
        assert_eq!(conversion.members().files().len(), 1);
        let error = write(&conversion, 512).unwrap_err();
        assert!(
            matches!(error, SlideError::Changed { .. }),
            "{name}: {error}"
        );
        // Nor is it begun.
        let error = write(&conversion, 0).unwrap_err();
        assert!(
            matches!(error, SlideError::Changed { .. }),
            "{name}: {error}"
        );
    }
}
