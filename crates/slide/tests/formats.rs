//! Slides built in code: pyramids in TIFF with tiles of several codings, and flat images.

#![expect(
    clippy::unwrap_used,
    reason = "an unwrap that fails is a test that fails"
)]

mod support;

use domain::geometry::Mpp;
use image::{DynamicImage, RgbImage};
use slide::{Fetch, MppOrigin, OpenOptions, Slide, SlideError, StoredTile};
use support::{
    Coding, GIVEN_MPP, TIFF_TILE, TempSlide, Tiff, decoded, drawn, largest_difference, level_0, png,
};

fn opened(tiff: &Tiff) -> (Slide, TempSlide) {
    let file = TempSlide::new("built.tif", &tiff.to_bytes());
    let slide = Slide::open(file.path(), OpenOptions::default()).unwrap();
    (slide, file)
}

#[test]
fn stored_jpeg_tiles_pass_through_with_the_right_colours_whatever_their_coding() {
    let image = drawn(300, 420);
    for coding in [Coding::YCbCr, Coding::RgbWithoutMarker, Coding::Progressive] {
        let (slide, _file) = opened(&Tiff::pyramid(&image, 2, coding));
        assert_eq!(slide.stored_levels(), 2, "{coding:?}");
        for (column, row) in [(1, 1), (2, 3)] {
            let tile = slide.pyramid_tile(0, column, row).unwrap();
            assert!(tile.passed_through, "{coding:?}");
            if coding == Coding::Progressive && column == 2 {
                // Chroma at half resolution mixes the red padding into the edge, in every decoder a little differently.
                continue;
            }
            let (x, y) = (column * TIFF_TILE, row * TIFF_TILE);
            let (width, height) = (TIFF_TILE.min(300 - x), TIFF_TILE.min(420 - y));
            let tile = image::imageops::crop_imm(&decoded(&tile), 0, 0, width, height).to_image();
            let original = image::imageops::crop_imm(&image, x, y, width, height).to_image();
            // The loss of quality 95; a misread colour model is off by a hundred.
            let difference = largest_difference(&tile, &original);
            assert!(difference <= 14, "{coding:?} as drawn: {difference}");
            if coding != Coding::Progressive {
                let region = level_0(&slide, x, y, width, height);
                assert!(
                    largest_difference(&tile, &region) <= 2,
                    "{coding:?} as region"
                );
            }
        }
    }
}

#[test]
fn tiles_that_are_no_jpeg_are_decoded_and_padded_without_a_seam() {
    let image = drawn(300, 200);
    let (slide, _file) = opened(&Tiff::pyramid(&image, 1, Coding::Raw));
    let tile = slide.pyramid_tile(0, 2, 1).unwrap();
    assert!(!tile.passed_through);
    let tile = decoded(&tile);
    let visible = image::imageops::crop_imm(&tile, 0, 0, 300 - 256, 200 - 128).to_image();
    let original = image::imageops::crop_imm(&image, 256, 128, 300 - 256, 200 - 128).to_image();
    assert!(largest_difference(&visible, &original) <= 14);
    // The stored padding is bright red; what is sent repeats the edge.
    let padding = tile.get_pixel(120, 120).0;
    let edge = tile.get_pixel(43, 71).0;
    assert!(std::iter::zip(padding, edge).all(|(a, b)| a.abs_diff(b) < 16));
}

#[test]
fn regions_come_from_the_coarsest_level_that_suffices() {
    // Each level has a colour of its own.
    let mut tiff = Tiff::pyramid(&drawn(1024, 768), 3, Coding::Raw);
    for (level, image) in tiff.levels.iter_mut().enumerate() {
        let colour = image::Rgb([40 * (level as u8 + 1); 3]);
        image.pixels_mut().for_each(|pixel| *pixel = colour);
    }
    let (slide, _file) = opened(&tiff);
    let level_of = |size: u32| {
        let bounds = slide.pyramid().bounds();
        let image = slide.region(bounds, (size, size * 3 / 4)).unwrap();
        image.get_pixel(5, 5).0[0] / 40 - 1
    };
    assert_eq!(
        [2048, 1024, 600, 512, 300, 256, 100].map(level_of),
        [0, 0, 0, 1, 1, 2, 2]
    );
}

#[test]
fn a_slide_without_resolution_asks_for_it() {
    let mut tiff = Tiff::pyramid(&drawn(200, 200), 1, Coding::YCbCr);
    // 72 dpi, as programs write it without having measured anything.
    for um_per_px in [None, Some(25_400.0 / 72.0)] {
        tiff.um_per_px = um_per_px;
        let file = TempSlide::new("bare.tif", &tiff.to_bytes());
        let error = Slide::open(file.path(), OpenOptions::default()).unwrap_err();
        assert!(matches!(error, SlideError::MissingMpp { .. }), "{error}");
        assert!(error.to_string().contains("--mpp"));
        let given = Mpp { x: 0.5, y: 0.25 };
        let slide = Slide::open(file.path(), OpenOptions { mpp: Some(given) }).unwrap();
        assert_eq!((slide.mpp(), slide.mpp_origin()), (given, MppOrigin::Given));
    }
    for um_per_px in [0.0, -1.0, 1000.0, f64::NAN] {
        let (x, y) = (0.5, um_per_px);
        for mpp in [Mpp { x, y }, Mpp { x: y, y: x }] {
            let error = Slide::open("nowhere.svs", OpenOptions { mpp: Some(mpp) }).unwrap_err();
            assert!(matches!(error, SlideError::ImplausibleMpp { .. }));
            assert!(error.to_string().starts_with(&um_per_px.to_string()));
        }
    }
}

#[test]
fn aperio_says_its_resolution_and_objective_in_words() {
    let mut tiff = Tiff::pyramid(&drawn(600, 400), 2, Coding::YCbCr);
    tiff.um_per_px = None;
    tiff.description = Some("Aperio Image Library v11.2.1\r\n600x400 [0,0 600x400] (128x128) JPEG/YCbCr Q=95|AppMag = 40|MPP = 0.2521".into());
    let (slide, _file) = opened(&tiff);
    assert_eq!(slide.format(), "aperio");
    assert_eq!(slide.objective(), Some(40.0));
    assert!((slide.mpp().x - 0.2521).abs() < 1e-9);
}

#[test]
fn flat_images_are_slides_with_a_pyramid() {
    let image = drawn(1300, 900);
    let mut jpeg = std::io::Cursor::new(Vec::new());
    image.write_to(&mut jpeg, image::ImageFormat::Jpeg).unwrap();
    for (name, bytes, loss) in [
        ("photo.png", png(&image), 0),
        ("photo.jpg", jpeg.into_inner(), 60),
    ] {
        let file = TempSlide::new(name, &bytes);
        let error = Slide::open(file.path(), OpenOptions::default()).unwrap_err();
        assert!(matches!(error, SlideError::MissingMpp { .. }), "{error}");
        let slide = Slide::open(file.path(), GIVEN_MPP).unwrap();
        let sizes: Vec<_> = slide
            .pyramid()
            .levels
            .iter()
            .map(|level| (level.width, level.height))
            .collect();
        assert_eq!(sizes, [(1300, 900), (650, 450), (325, 225)]);
        let region = level_0(&slide, 1000, 600, 300, 300);
        let original = image::imageops::crop_imm(&image, 1000, 600, 300, 300).to_image();
        assert!(largest_difference(&region, &original) <= loss);
        let tile = decoded(&slide.pyramid_tile(1, 1, 1).unwrap());
        let scaled = slide
            .region(
                slide.pyramid().tile_rect(1, 1, 1).unwrap(),
                (256, 450 - 256),
            )
            .unwrap();
        assert!(largest_difference(&tile, &scaled) <= 14);
    }
}

#[test]
fn an_open_slide_says_how_much_memory_it_takes_now() {
    let file = TempSlide::new("photo.png", &png(&drawn(3000, 1000)));
    let flat = Slide::open(file.path(), GIVEN_MPP).unwrap();
    assert_eq!(flat.resident_bytes(), 3 * 3000 * 1000);
    // Then the level that coarser ones are drawn from.
    flat.pyramid_tile(1, 0, 0).unwrap();
    assert_eq!(flat.resident_bytes(), 3 * (3000 * 1000 + 1500 * 500));

    let (tiled, _file) = opened(&Tiff::pyramid(&drawn(3000, 1000), 1, Coding::YCbCr));
    let opened = tiled.resident_bytes();
    assert!(opened < 1 << 20, "{opened}");
    // Tiles that go out as they are stored leave only their places behind.
    for column in 0..10 {
        assert!(tiled.pyramid_tile(0, column, 0).unwrap().passed_through);
    }
    assert!(tiled.resident_bytes() - opened < 1 << 14);
    let before = tiled.resident_bytes();
    level_0(&tiled, 0, 0, 1000, 1000);
    let decoded = tiled.resident_bytes() - before;
    assert!((3 * 1000 * 1000..20 << 20).contains(&decoded), "{decoded}");
    tiled.forget_decoded();
    assert_eq!(tiled.resident_bytes(), before);
    level_0(&tiled, 0, 0, 1000, 1000);
    assert_eq!(tiled.resident_bytes() - before, decoded);
}

#[test]
fn a_stored_tile_is_the_same_from_memory_as_from_the_disk() {
    let (slide, _file) = opened(&Tiff::pyramid(&drawn(600, 500), 1, Coding::YCbCr));
    // Where it lies is not known yet, and finding out may take the disk.
    let stored = |fetch| slide.stored_tile(0, 1, 0, fetch).unwrap();
    assert_eq!(stored(Fetch::FromMemory), StoredTile::OnDisk);
    let from_disk = stored(Fetch::FromDisk);
    let bytes = slide.pyramid_tile(0, 1, 0).unwrap().bytes;
    assert_eq!(from_disk, StoredTile::Jpeg(bytes));
    let from_memory = stored(Fetch::FromMemory);
    // Not every file system can tell what it has in memory.
    assert!(from_memory == from_disk || from_memory == StoredTile::OnDisk);
    let synthesised = slide.pyramid().levels.len() - 1;
    let drawn = slide.stored_tile(synthesised, 0, 0, Fetch::FromMemory);
    assert_eq!(drawn.unwrap(), StoredTile::ToDraw);
    let beyond = slide.stored_tile(0, 99, 0, Fetch::FromMemory).unwrap_err();
    assert!(matches!(beyond, SlideError::OutOfBounds { .. }), "{beyond}");
}

#[test]
fn no_stored_tile_is_read_from_a_file_that_was_written_to() {
    let (slide, file) = opened(&Tiff::pyramid(&drawn(600, 500), 1, Coding::YCbCr));
    slide.check_files().unwrap();
    slide.pyramid_tile(0, 1, 0).unwrap();
    let written = std::fs::File::options().write(true).open(file.path());
    let epoch = std::time::SystemTime::UNIX_EPOCH;
    written.unwrap().set_modified(epoch).unwrap();
    for column in [0, 1] {
        let error = slide.pyramid_tile(0, column, 0).unwrap_err();
        assert!(matches!(error, SlideError::Changed { .. }), "{error}");
    }
    let error = slide.check_files().unwrap_err();
    assert!(matches!(error, SlideError::Changed { .. }), "{error}");
    std::fs::remove_file(file.path()).unwrap();
    let error = slide.check_files().unwrap_err();
    assert!(matches!(error, SlideError::Io { .. }), "{error}");
}

#[test]
fn transparency_is_laid_on_white() {
    let image = image::RgbaImage::from_fn(40, 40, |x, _| {
        image::Rgba([200, 0, 100, if x < 20 { 0 } else { 128 }])
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    DynamicImage::from(image)
        .write_to(&mut bytes, image::ImageFormat::Png)
        .unwrap();
    let file = TempSlide::new("clear.png", bytes.get_ref());
    let slide = Slide::open(file.path(), GIVEN_MPP).unwrap();
    let drawn: RgbImage = level_0(&slide, 0, 0, 40, 40);
    assert_eq!(drawn.get_pixel(5, 5).0, [255; 3]);
    assert_eq!(drawn.get_pixel(30, 5).0, [227, 127, 177]);
}

#[test]
fn grey_and_16_bit_images_are_read() {
    let grey = DynamicImage::from(drawn(90, 70)).into_luma16();
    let mut bytes = std::io::Cursor::new(Vec::new());
    grey.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    let file = TempSlide::new("grey.png", bytes.get_ref());
    let slide = Slide::open(file.path(), GIVEN_MPP).unwrap();
    let expected = DynamicImage::from(grey).into_rgb8();
    assert!(largest_difference(&level_0(&slide, 0, 0, 90, 70), &expected) <= 1);
}
