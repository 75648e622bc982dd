//! Writes the slide by which the browser tests find out whether image and heatmap lie where they belong, also far from the
//! origin: glass of 204,800 × 2,560 px with two islands of drawn marrow, at the left edge and from 200,000 px on, and in each
//! a mark, a pure blue square.
//!
//! `cargo run --example golden_slide -- OUT`. The last line tells where the marks are, as JSON, in slide px.

use std::path::PathBuf;

use anyhow::{Context, Result};
use domain::geometry::Mpp;
use image::{Rgb, RgbImage};
use phantom::{Cohort, draw_spot};
use slide::{Written, write_slide_file};

const WIDTH_PX: u32 = 204_800;
const HEIGHT_PX: u32 = 2560;
const ISLAND_PX: u32 = 2048;
const ISLANDS_AT_PX: [u32; 2] = [0, 200_000];
const MPP: f64 = 0.5;
const SEED: u64 = 1;
const GLASS: [u8; 3] = [244, 243, 244];

/// Left and top of the mark in its island, and its side: on the edges of JPEG's blocks of 16 px, also two levels further up,
/// so that its colour does not run over its edges.
const MARK_AT_PX: (u32, u32) = (896, 1088);
const MARK_PX: u32 = 64;
const MARK: Rgb<u8> = Rgb([0, 0, 255]);

fn main() -> Result<()> {
    let out = PathBuf::from(
        std::env::args()
            .nth(1)
            .context("name the file to be written")?,
    );
    let mut island = draw_spot(&Cohort::new(SEED, 10), 0, ISLAND_PX, MPP)?.image;
    for y in 0..MARK_PX {
        for x in 0..MARK_PX {
            island.put_pixel(MARK_AT_PX.0 + x, MARK_AT_PX.1 + y, MARK);
        }
    }
    let written = Written {
        width: WIDTH_PX,
        height: HEIGHT_PX,
        mpp: Mpp::square(MPP),
        objective: Some(20.0),
        description: "Synthetic: drawn by Marrowscope, not photographed. A slide to test with."
            .into(),
    };
    write_slide_file(&out, written, |writer| {
        while writer.next_strip_rows() > 0 {
            let top = writer.rows_written();
            writer.write_strip(|strip| {
                let (rows, _) = strip.as_chunks_mut::<{ WIDTH_PX as usize * 3 }>();
                let rows = rows.iter_mut().zip(top..);
                rows.for_each(|(row, y)| fill_row(&island, y, row));
                Ok(())
            })?;
        }
        Ok(())
    })?;
    let half = f64::from(MARK_PX) / 2.0;
    let marks = ISLANDS_AT_PX.map(|left| {
        [
            f64::from(left + MARK_AT_PX.0) + half,
            f64::from(MARK_AT_PX.1) + half,
        ]
    });
    println!(
        "{}",
        serde_json::json!({ "marks": marks, "mark_px": MARK_PX })
    );
    Ok(())
}

/// One row of the slide.
fn fill_row(island: &RgbImage, y: u32, out: &mut [u8]) {
    out.as_chunks_mut::<3>().0.fill(GLASS);
    let bytes = ISLAND_PX as usize * 3;
    if let Some(row) = island.as_raw().chunks_exact(bytes).nth(y as usize) {
        for left in ISLANDS_AT_PX {
            let from = left as usize * 3;
            out[from..from + bytes].copy_from_slice(row);
        }
    }
}
