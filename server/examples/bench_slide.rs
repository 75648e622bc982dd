//! Writes a large slide to measure with: a drawn field of 4,096 px, repeated, with a mark in each repeat that says which one it
//! is, so that a tile in the wrong place is seen.
//!
//! `cargo run --example bench_slide -- OUT [SIDE_PX]`; 50,000 px wide and high when nothing is said. Every tile is encoded. The
//! last line is a figure for programs, as JSON.
//!
//! The mark of repeat (column, row) is 544 × 144 px and begins 64 px right of and below the corner of the repeat: a box of
//! the colour [24 + 14·column, 24 + 14·row, 96] with the white digits CC-RR.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use domain::geometry::Mpp;
use image::RgbImage;
use phantom::{Cohort, draw_spot};
use rayon::prelude::*;
use slide::{Written, write_slide_file};

const SIDE_PX: u32 = 50_000;
const FIELD_PX: u32 = 4096;
const MPP: f64 = 0.25;
const SEED: u64 = 1;

const MARK_AT_PX: u32 = 64;
const MARK_WIDTH_PX: u32 = 544;
const MARK_HEIGHT_PX: u32 = 144;
/// Side of a dot of a digit, px.
const DOT_PX: u32 = 16;
const DIGIT_COLUMNS: u32 = 5;
const DIGIT_ROWS: u32 = 7;

/// The digits and the dash, five dots wide and seven high, a row in the low bits of each byte.
const GLYPHS: [[u8; DIGIT_ROWS as usize]; 11] = [
    [
        0b01110, 0b10001, 0b10011, 0b10101, 0b11001, 0b10001, 0b01110,
    ],
    [
        0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110,
    ],
    [
        0b01110, 0b10001, 0b00001, 0b00110, 0b01000, 0b10000, 0b11111,
    ],
    [
        0b01110, 0b10001, 0b00001, 0b00110, 0b00001, 0b10001, 0b01110,
    ],
    [
        0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010,
    ],
    [
        0b11111, 0b10000, 0b11110, 0b00001, 0b00001, 0b10001, 0b01110,
    ],
    [
        0b00110, 0b01000, 0b10000, 0b11110, 0b10001, 0b10001, 0b01110,
    ],
    [
        0b11111, 0b00001, 0b00010, 0b00100, 0b01000, 0b01000, 0b01000,
    ],
    [
        0b01110, 0b10001, 0b10001, 0b01110, 0b10001, 0b10001, 0b01110,
    ],
    [
        0b01110, 0b10001, 0b10001, 0b01111, 0b00001, 0b00010, 0b01100,
    ],
    [
        0b00000, 0b00000, 0b00000, 0b11111, 0b00000, 0b00000, 0b00000,
    ],
];
const DASH: usize = 10;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let out = PathBuf::from(arguments.next().context("name the file to be written")?);
    let side = arguments.next().map_or(Ok(SIDE_PX), |side| side.parse())?;

    let started = Instant::now();
    let field = draw_spot(&Cohort::new(SEED, 10), 0, FIELD_PX, MPP)?.image;
    let drawn = started.elapsed().as_secs_f64();
    let written = Written {
        width: side,
        height: side,
        mpp: Mpp::square(MPP),
        objective: Some(40.0),
        description:
            "Synthetic: drawn by Marrowscope, not photographed. A field repeated, to measure with."
                .into(),
    };
    write_slide_file(&out, written, |writer| {
        while writer.next_strip_rows() > 0 {
            let top = writer.rows_written();
            writer.write_strip(|strip| {
                strip
                    .par_chunks_exact_mut(side as usize * 3)
                    .zip(top..side)
                    .for_each(|(row, y)| fill_row(&field, y, row));
                Ok(())
            })?;
        }
        Ok(())
    })?;
    let seconds = started.elapsed().as_secs_f64();
    let bytes = std::fs::metadata(&out)?.len();
    println!(
        "{side}×{side} px, {} MB, {seconds:.1} s, of which {drawn:.1} s for drawing the field",
        bytes / 1_000_000
    );
    println!(
        "{}",
        serde_json::json!({ "side_px": side, "bytes": bytes, "seconds": seconds })
    );
    Ok(())
}

/// One row of the slide: the field's, repeated, with the marks that it crosses.
fn fill_row(field: &RgbImage, y: u32, out: &mut [u8]) {
    let field_row = field
        .as_raw()
        .as_chunks::<{ FIELD_PX as usize * 3 }>()
        .0
        .get((y % FIELD_PX) as usize)
        .map_or(&[][..], |row| row);
    for (out, column) in out.chunks_mut(FIELD_PX as usize * 3).zip(0..) {
        out.copy_from_slice(&field_row[..out.len()]);
        let y_in_mark = (y % FIELD_PX).wrapping_sub(MARK_AT_PX);
        if y_in_mark < MARK_HEIGHT_PX {
            let mark = out.as_chunks_mut::<3>().0.iter_mut();
            let mark = mark.skip(MARK_AT_PX as usize);
            for (pixel, x_in_mark) in mark.zip(0..MARK_WIDTH_PX) {
                pixel.copy_from_slice(&mark_pixel(column, y / FIELD_PX, x_in_mark, y_in_mark));
            }
        }
    }
}

/// A pixel of the mark of a repeat.
fn mark_pixel(column: u32, row: u32, x: u32, y: u32) -> [u8; 3] {
    let digit = |number: u32| (number % 10) as usize;
    let text = [
        digit(column / 10),
        digit(column),
        DASH,
        digit(row / 10),
        digit(row),
    ];
    let dot = |px: u32| (px / DOT_PX).checked_sub(1);
    if let (Some(x), Some(y)) = (dot(x), dot(y))
        && y < DIGIT_ROWS
        && x % (DIGIT_COLUMNS + 1) < DIGIT_COLUMNS
        && let Some(&glyph) = text.get((x / (DIGIT_COLUMNS + 1)) as usize)
        && GLYPHS[glyph][y as usize] >> (DIGIT_COLUMNS - 1 - x % (DIGIT_COLUMNS + 1)) & 1 == 1
    {
        return [255; 3];
    }
    let shade = |number: u32| u8::try_from(24 + 14 * number).unwrap_or(255);
    [shade(column), shade(row), 96]
}
