//! Slides that are written here: what comes back is what went in.

#![expect(
    clippy::unwrap_used,
    reason = "an unwrap that fails is a test that fails"
)]

mod support;

use std::io::Cursor;

use domain::geometry::Mpp;
use image::RgbImage;
use slide::{
    MppOrigin, OpenOptions, PyramidWriter, Slide, SlideError, WRITTEN_TILE_PX, Written,
    write_slide_file,
};
use support::{decoded, drawn, largest_difference, level_0};

/// What quality 90 may change of a smooth picture.
const LOSS: u8 = 12;

fn written(image: &RgbImage) -> Written {
    Written {
        width: image.width(),
        height: image.height(),
        mpp: Mpp { x: 0.2521, y: 0.25 },
        objective: Some(40.0),
        description: "drawn <by> a test & nobody else".into(),
    }
}

fn slide_of(image: &RgbImage) -> (Slide, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("written.ome.tif");
    write_slide_file(&path, written(image), |writer| {
        writer.write_rows(image.as_raw())
    })
    .unwrap();
    (Slide::open(&path, OpenOptions::default()).unwrap(), folder)
}

#[test]
fn a_written_slide_says_of_itself_what_was_said_of_it() {
    let (slide, _folder) = slide_of(&drawn(3001, 2049));
    assert_eq!(slide.format(), "ome-tiff");
    assert_eq!(slide.mpp(), Mpp { x: 0.2521, y: 0.25 });
    assert_eq!(slide.mpp_origin(), MppOrigin::Stated);
    assert_eq!(slide.objective(), Some(40.0));
    let sizes: Vec<_> = slide
        .pyramid()
        .levels
        .iter()
        .map(|level| (level.width, level.height, level.tile_width))
        .collect();
    assert_eq!(
        sizes,
        [
            (3001, 2049, 512),
            (1501, 1025, 512),
            (751, 513, 512),
            (376, 257, 512)
        ]
    );
    assert_eq!(slide.stored_levels(), 4);
}

#[test]
fn every_tile_passes_through_undecoded_with_the_pixels_that_were_written() {
    let image = drawn(1300, 1100);
    let (slide, _folder) = slide_of(&image);
    let mut expected = image;
    for (number, level) in slide.pyramid().levels.iter().enumerate() {
        assert_eq!(expected.dimensions(), (level.width, level.height));
        for row in 0..level.rows() {
            for column in 0..level.columns() {
                let tile = slide.pyramid_tile(number, column, row).unwrap();
                assert!(tile.passed_through);
                let (x, y) = (column * WRITTEN_TILE_PX, row * WRITTEN_TILE_PX);
                let part = image::imageops::crop_imm(
                    &expected,
                    x,
                    y,
                    WRITTEN_TILE_PX.min(level.width - x),
                    WRITTEN_TILE_PX.min(level.height - y),
                );
                let difference = largest_difference(&decoded(&tile), &part.to_image());
                assert!(
                    difference <= LOSS,
                    "level {number}, tile ({column}, {row}): {difference}"
                );
            }
        }
        expected = halved(&expected);
    }
    let region = level_0(&slide, 500, 500, 600, 500);
    let part = drawn(1300, 1100);
    let part = image::imageops::crop_imm(&part, 500, 500, 600, 500).to_image();
    assert!(largest_difference(&region, &part) <= LOSS);
}

fn halved(image: &RgbImage) -> RgbImage {
    let (right, bottom) = (image.width() - 1, image.height() - 1);
    RgbImage::from_fn(right / 2 + 1, bottom / 2 + 1, |x, y| {
        let at = |dx: u32, dy: u32| {
            image
                .get_pixel((2 * x + dx).min(right), (2 * y + dy).min(bottom))
                .0
        };
        let four = [at(0, 0), at(1, 0), at(0, 1), at(1, 1)];
        image::Rgb([0, 1, 2].map(|channel| {
            let sum: u32 = four.iter().map(|pixel| u32::from(pixel[channel])).sum();
            ((sum + 2) / 4) as u8
        }))
    })
}

#[test]
fn rows_may_come_in_any_portions() {
    let image = drawn(700, 1200);
    let whole = bytes_of(&image, |writer| writer.write_rows(image.as_raw()));
    for rows in [1, 7, 512, 513] {
        let portions = bytes_of(&image, |writer| {
            let mut portions = image.as_raw().chunks(rows * 700 * 3);
            portions.try_for_each(|portion| writer.write_rows(portion))
        });
        assert!(portions == whole, "{rows} rows at a time");
    }
    let strips = bytes_of(&image, |writer| {
        while writer.next_strip_rows() > 0 {
            let from = writer.rows_written() as usize * 700 * 3;
            writer.write_strip(|strip| {
                strip.copy_from_slice(&image.as_raw()[from..from + strip.len()]);
                Ok(())
            })?;
        }
        Ok(())
    });
    assert!(strips == whole);
}

#[test]
fn the_tables_of_the_tiles_stand_in_the_file_once() {
    let image = drawn(1300, 1100);
    let bytes = bytes_of(&image, |writer| writer.write_rows(image.as_raw()));
    let count = |marker: [u8; 2]| bytes.windows(2).filter(|pair| *pair == marker).count();
    // In scans 0xFF is stuffed, so these are segments.
    let (quantisation, huffman, frames) = (
        count([0xFF, 0xDB]),
        count([0xFF, 0xC4]),
        count([0xFF, 0xC0]),
    );
    assert_eq!((quantisation, huffman), (2, 4));
    // 3×3 tiles, 2×2 and 1.
    assert_eq!(frames, 14);
}

fn bytes_of(
    image: &RgbImage,
    write: impl FnOnce(&mut PyramidWriter<Cursor<Vec<u8>>>) -> Result<(), SlideError>,
) -> Vec<u8> {
    let mut writer = PyramidWriter::new(Cursor::new(Vec::new()), written(image)).unwrap();
    write(&mut writer).unwrap();
    writer.finish().unwrap().into_inner()
}

#[test]
fn the_smallest_slides_are_written_too() {
    for (width, height) in [(1, 1), (1, 700), (513, 1), (512, 512), (1024, 512)] {
        let image = drawn(width, height);
        let (slide, _folder) = slide_of(&image);
        assert!(largest_difference(&level_0(&slide, 0, 0, width, height), &image) <= LOSS);
        for level in 0..slide.stored_levels() {
            assert!(slide.pyramid_tile(level, 0, 0).unwrap().passed_through);
        }
    }
}

#[test]
fn what_cannot_be_a_slide_is_not_begun() {
    let begun = |width, height, mpp| {
        let said = Written {
            width,
            height,
            mpp: Mpp::square(mpp),
            objective: None,
            description: String::new(),
        };
        PyramidWriter::new(Cursor::new(Vec::new()), said).map(drop)
    };
    for (width, height) in [
        (0, 5),
        (5, 0),
        (u32::MAX, 1),
        (1, u32::MAX),
        (1 << 18, 1 << 24),
    ] {
        let error = begun(width, height, 0.5).unwrap_err();
        assert!(matches!(error, SlideError::InvalidRegion { .. }), "{error}");
    }
    let error = begun(5, 5, 0.0).unwrap_err();
    assert!(
        matches!(error, SlideError::ImplausibleMpp { .. }),
        "{error}"
    );
}

#[test]
fn rows_that_are_missing_or_too_many_or_cut_are_refused_and_leave_nothing() {
    let image = drawn(40, 30);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("written.tif");
    let raw = image.as_raw();
    for rows in [
        &raw[..40 * 3 * 29],
        &[&raw[..], &raw[..40 * 3]].concat(),
        &raw[..100],
    ] {
        let error = write_slide_file(&path, written(&image), |writer| writer.write_rows(rows));
        assert!(matches!(error, Err(SlideError::InvalidRegion { .. })));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

/// A disk that is full after so many bytes.
struct Small(Cursor<Vec<u8>>, usize);

impl std::io::Write for Small {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.get_ref().len() + bytes.len() > self.1 {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl std::io::Seek for Small {
    fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
        self.0.seek(to)
    }
}

#[test]
fn a_full_disk_is_called_so() {
    let image = drawn(1500, 1500);
    for bytes in [0, 5_000, 60_000] {
        let disk = Small(Cursor::new(Vec::new()), bytes);
        let error = PyramidWriter::new(disk, written(&image))
            .and_then(|mut writer| {
                writer.write_rows(image.as_raw())?;
                writer.finish()
            })
            .err()
            .unwrap();
        assert!(matches!(error, SlideError::DiskFull), "{bytes}: {error}");
        assert!(error.to_string().contains("Make room"));
    }
}
