//! A wide image in strips gets its pyramid by decoding each strip once.
//!
//! A file of tests is a process, and what a process reads is counted: nothing else may run beside it.

#![expect(
    clippy::unwrap_used,
    reason = "an unwrap that fails is a test that fails"
)]

mod support;

use std::io::Cursor;

use slide::{Conversion, OpenOptions, Slide};
use support::{GIVEN_MPP, TempSlide, drawn, largest_difference, level_0, striped};

/// Wide enough that the strips of 512 rows are far more than an open slide keeps.
const SIDE: (u32, u32) = (20_000, 1100);
/// What quality 90 may change of a smooth picture.
const LOSS: u8 = 12;

/// Bytes that this process has asked files for, from the disk or not.
fn bytes_read() -> u64 {
    let counted = std::fs::read_to_string("/proc/self/io").unwrap();
    let line = counted.lines().find(|line| line.starts_with("rchar: "));
    line.unwrap()["rchar: ".len()..].parse().unwrap()
}

#[test]
fn every_strip_of_a_wide_image_is_read_once() {
    let image = drawn(SIDE.0, SIDE.1);
    // Strips of one row, and such as lie across the rows that are read at a time.
    for rows_per_strip in [1, 100, 700] {
        let bytes = striped(&image, rows_per_strip);
        let file = TempSlide::new("striped.tif", &bytes);
        let conversion = Conversion::needed(&file.path(), GIVEN_MPP)
            .unwrap()
            .unwrap();
        let before = bytes_read();
        let written = conversion
            .write(Cursor::new(Vec::new()), "a copy", &mut |_| {})
            .unwrap();
        let times = (bytes_read() - before) as f64 / bytes.len() as f64;
        assert!(times < 1.2, "{rows_per_strip} rows: read {times:.1} times");
        let written = TempSlide::new("written.tif", &written.into_inner());
        let slide = Slide::open(written.path(), OpenOptions::default()).unwrap();
        for (x, y) in [(0, 0), (9_900, 400), (SIDE.0 - 300, SIDE.1 - 300)] {
            let expected = image::imageops::crop_imm(&image, x, y, 300, 300).to_image();
            let difference = largest_difference(&level_0(&slide, x, y, 300, 300), &expected);
            assert!(difference <= LOSS, "({x}, {y}): {difference}");
        }
    }
}
