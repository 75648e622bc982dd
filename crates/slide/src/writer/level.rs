//! One level while it is written: the strip of tiles that is being filled, and where the finished tiles lie.

use jpeg_encoder::EncodingError;
use rayon::prelude::*;

use super::WRITTEN_TILE_PX;
use crate::error::SlideError;
use crate::jpeg::{self, SharedTables};

/// A level that grows from top to bottom.
pub(super) struct Level {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Place and length of each finished tile, row by row.
    pub(super) places: Vec<(u64, u32)>,
    /// The strip that is being filled: whole rows of R, G, B.
    strip: Vec<u8>,
    /// Rows before the strip.
    rows_before: u32,
}

impl Level {
    pub(super) fn new(width: u32, height: u32) -> Self {
        Self {
            width,
            height,
            places: Vec::new(),
            strip: Vec::new(),
            rows_before: 0,
        }
    }

    /// Rows that there are so far.
    pub(super) fn rows(&self) -> u32 {
        self.rows_before + self.strip_rows()
    }

    /// Rows that the strip still takes.
    pub(super) fn rows_wanted(&self) -> u32 {
        self.strip_height() - self.strip_rows()
    }

    /// Room for so many bytes of further rows in the strip.
    pub(super) fn room(&mut self, bytes: usize) -> &mut [u8] {
        let from = self.strip.len();
        if from == 0 {
            // At once, or it would double its way up.
            let strip = self.strip_height() as usize * self.row_bytes();
            self.strip.reserve_exact(strip);
        }
        self.strip.resize(from + bytes, 0);
        &mut self.strip[from..]
    }

    pub(super) fn strip_is_complete(&self) -> bool {
        !self.strip.is_empty() && self.rows_wanted() == 0
    }

    /// The tiles of the strip, from left to right, without the tables that they share.
    pub(super) fn encode_strip(&self, tables: &SharedTables) -> Result<Vec<Vec<u8>>, SlideError> {
        (0..self.width.div_ceil(WRITTEN_TILE_PX))
            .into_par_iter()
            .map(|column| {
                let tile = self.tile(column);
                let stream = jpeg::encode_rgb(&tile, WRITTEN_TILE_PX, WRITTEN_TILE_PX)
                    .map_err(not_encoded)?;
                // With tables of its own it would be as good a tile.
                Ok(tables.abbreviated(&stream).unwrap_or(stream))
            })
            .collect()
    }

    /// Appends the 2×2 means of the strip to the next level.
    pub(super) fn halve_into(&self, next: &mut Self) {
        let (row_bytes, next_row_bytes) = (self.row_bytes(), next.row_bytes());
        let rows = self.strip_rows().div_ceil(2) as usize;
        next.room(rows * next_row_bytes)
            .par_chunks_exact_mut(next_row_bytes)
            .zip(self.strip.par_chunks(2 * row_bytes))
            .for_each(|(out, pair)| {
                let (upper, lower) = pair.split_at(row_bytes);
                // An odd number of rows: the last one counts twice.
                halve_row(upper, if lower.is_empty() { upper } else { lower }, out);
            });
    }

    /// Forgets the strip, of which all has been taken.
    pub(super) fn begin_strip(&mut self) {
        self.rows_before += self.strip_rows();
        self.strip.clear();
        if self.rows_before == self.height {
            self.strip = Vec::new();
        }
    }

    fn row_bytes(&self) -> usize {
        self.width as usize * 3
    }

    fn strip_rows(&self) -> u32 {
        // At most the rows of a tile.
        (self.strip.len() / self.row_bytes()) as u32
    }

    fn strip_height(&self) -> u32 {
        WRITTEN_TILE_PX.min(self.height - self.rows_before)
    }

    /// A tile of the strip; its last column and row are repeated to the full tile.
    fn tile(&self, column: u32) -> Vec<u8> {
        let side = WRITTEN_TILE_PX as usize;
        let left = column as usize * side * 3;
        let right = (left + side * 3).min(self.row_bytes());
        let mut tile = Vec::with_capacity(side * side * 3);
        for row in self.strip.chunks_exact(self.row_bytes()) {
            let row = &row[left..right];
            tile.extend_from_slice(row);
            if let Some(last) = row.last_chunk::<3>() {
                for _ in row.len() / 3..side {
                    tile.extend_from_slice(last);
                }
            }
        }
        while tile.len() < side * side * 3 {
            tile.extend_from_within(tile.len() - side * 3..);
        }
        tile
    }
}

pub(super) fn not_encoded(error: EncodingError) -> SlideError {
    SlideError::from_writing(std::io::Error::other(error.to_string()))
}

/// The 2×2 means of two rows; in a row of odd length the last pixel counts twice.
fn halve_row(upper: &[u8], lower: &[u8], out: &mut [u8]) {
    let mean = |a: u8, b: u8, c: u8, d: u8| {
        let sum = u16::from(a) + u16::from(b) + u16::from(c) + u16::from(d);
        ((sum + 2) / 4) as u8
    };
    let (upper_pairs, upper_last) = upper.as_chunks::<6>();
    let (lower_pairs, lower_last) = lower.as_chunks::<6>();
    let (out, _) = out.as_chunks_mut::<3>();
    for ((u, l), out) in upper_pairs.iter().zip(lower_pairs).zip(&mut *out) {
        for channel in 0..3 {
            out[channel] = mean(u[channel], u[channel + 3], l[channel], l[channel + 3]);
        }
    }
    if let ([r, g, b], [lr, lg, lb], Some(out)) = (upper_last, lower_last, out.last_mut()) {
        *out = [
            mean(*r, *r, *lr, *lr),
            mean(*g, *g, *lg, *lg),
            mean(*b, *b, *lb, *lb),
        ];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_pixels_become_their_mean_and_an_odd_last_one_counts_twice() {
        let upper = [0, 10, 255, 1, 20, 255, 7, 8, 9];
        let lower = [2, 30, 255, 3, 41, 254, 9, 9, 9];
        let mut out = [0; 6];
        halve_row(&upper, &lower, &mut out);
        // 6/4 is rounded up, 101/4 = 25.25 down.
        assert_eq!(out, [2, 25, 255, 8, 9, 9]);
    }

    #[test]
    fn a_tile_at_the_corner_repeats_its_edge() {
        let mut level = Level::new(2, 2);
        level
            .room(12)
            .copy_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        let tile = level.tile(0);
        let side = WRITTEN_TILE_PX as usize;
        assert_eq!(tile.len(), side * side * 3);
        assert_eq!(tile[side * 3 - 3..side * 3], [4, 5, 6]);
        assert_eq!(tile[tile.len() - 3..], [10, 11, 12]);
    }
}
