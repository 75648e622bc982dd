//! Scaling a rectangle of a level to an image: area average when it gets smaller, bilinear when it gets larger.
//!
//! Pixels are areas: level pixel i spans [i, i + 1), so centres lie at halves. What lies outside the level is white, mixed
//! in by its share of a pixel. Works through the output block by block and reads the level in strips, so memory does not
//! grow with the level.

use image::{Rgb, RgbImage};

use crate::error::SlideError;
use crate::source::LevelRect;

/// Most output pixels of one block; each keeps three sums.
const MAX_BLOCK_PX: u32 = 1 << 20;
/// Widest strip read at once, level px (wider only when a single output pixel spans more).
const MAX_STRIP_WIDTH_PX: f64 = 8192.0;
/// Most pixels of a strip.
const MAX_STRIP_PX: u32 = 1 << 22;
/// A share of a pixel too small to change an 8-bit value.
const NEGLIGIBLE: f64 = 1e-5;

/// A rectangle of a level, in pixels of that level.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// Size of a level, and how tall its tiles are: strips end where tiles end, so that none is decoded for two strips.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LevelSize {
    pub width: u32,
    pub height: u32,
    pub tile_height: u32,
}

/// Draws `window` of a level, whose pixels come from `read`, as an image of `width` × `height` px.
pub(crate) fn resample(
    level: LevelSize,
    window: Window,
    (width, height): (u32, u32),
    mut read: impl FnMut(LevelRect) -> Result<RgbImage, SlideError>,
) -> Result<RgbImage, SlideError> {
    let columns = Axis::new(window.x, window.width, width, level.width);
    let rows = Axis::new(window.y, window.height, height, level.height);
    let mut out = RgbImage::from_pixel(width, height, Rgb([255; 3]));

    let px_per_column = (window.width / f64::from(width)).max(1.0);
    // At least one column, however much of the level it spans.
    let block_width = ((MAX_STRIP_WIDTH_PX / px_per_column) as u32).clamp(1, width);
    let block_height = (MAX_BLOCK_PX / block_width).clamp(1, height);
    for left in (0..width).step_by(block_width as usize) {
        let block_columns = left..(left + block_width).min(width);
        for top in (0..height).step_by(block_height as usize) {
            let block_rows = top..(top + block_height).min(height);
            let (Some(source_x), Some(source_y)) = (
                columns.source(block_columns.clone()),
                rows.source(block_rows.clone()),
            ) else {
                continue;
            };
            let mut sums = Sums::new(block_columns.clone(), block_rows.clone());
            let strip_width = source_x.end - source_x.start;
            let mut y = source_y.start;
            while y < source_y.end {
                let tile_end = (y / level.tile_height + 1) * level.tile_height;
                let end = tile_end
                    .min(source_y.end)
                    .min(y + (MAX_STRIP_PX / strip_width).max(1));
                let strip = read(LevelRect {
                    x: source_x.start,
                    y,
                    width: strip_width,
                    height: end - y,
                })?;
                sums.add(&strip, source_x.start, y, &columns, &rows);
                y = end;
            }
            sums.write(&columns, &rows, &mut out);
        }
    }
    Ok(out)
}

/// Which level pixels make up each output pixel along one axis, and their weights.
struct Axis {
    /// Per output pixel: first level pixel, and where its weights start in `weights`; one entry more than pixels.
    taps: Vec<(u32, u32)>,
    weights: Vec<f32>,
    /// Per output pixel: the sum of its weights, below 1 where it sticks out of the level.
    coverage: Vec<f32>,
}

impl Axis {
    fn new(origin: f64, extent: f64, count: u32, size: u32) -> Self {
        let step = extent / f64::from(count);
        let mut axis = Self {
            taps: Vec::with_capacity(count as usize + 1),
            weights: Vec::new(),
            coverage: Vec::with_capacity(count as usize),
        };
        for index in 0..count {
            let start = origin + f64::from(index) * step;
            if step >= 1.0 - NEGLIGIBLE {
                axis.push_area(start, start + step, size);
            } else {
                axis.push_linear(start + step / 2.0, size);
            }
        }
        axis.taps.push((0, axis.weights.len() as u32));
        axis
    }

    fn push_area(&mut self, start: f64, end: f64, size: u32) {
        let (from, to) = (
            start.clamp(0.0, f64::from(size)),
            end.clamp(0.0, f64::from(size)),
        );
        let share = |pixel: u32| {
            let overlap = (f64::from(pixel) + 1.0).min(to) - f64::from(pixel).max(from);
            overlap / (end - start)
        };
        let mut pixels = from as u32..(to.ceil() as u32);
        while !pixels.is_empty() && share(pixels.start) < NEGLIGIBLE {
            pixels.start += 1;
        }
        while !pixels.is_empty() && share(pixels.end - 1) < NEGLIGIBLE {
            pixels.end -= 1;
        }
        self.push(pixels.start, pixels.map(|pixel| share(pixel) as f32));
    }

    fn push_linear(&mut self, centre: f64, size: u32) {
        if !(0.0..f64::from(size)).contains(&centre) {
            return self.push(0, std::iter::empty());
        }
        // The outermost half pixel repeats the border pixel: the slide ends there, it does not fade.
        let position = (centre - 0.5).clamp(0.0, f64::from(size - 1));
        let pixel = position as u32;
        let fraction = (position - f64::from(pixel)) as f32;
        if f64::from(fraction) < NEGLIGIBLE {
            self.push(pixel, std::iter::once(1.0));
        } else {
            self.push(pixel, [1.0 - fraction, fraction].into_iter());
        }
    }

    fn push(&mut self, first: u32, weights: impl Iterator<Item = f32>) {
        let offset = self.weights.len();
        self.taps.push((first, offset as u32));
        self.weights.extend(weights);
        self.coverage
            .push(self.weights[offset..].iter().sum::<f32>().min(1.0));
    }

    /// The level pixels of an output pixel: the first, and a weight for each.
    fn of(&self, index: u32) -> (u32, &[f32]) {
        let (first, offset) = self.taps[index as usize];
        let (_, end) = self.taps[index as usize + 1];
        (first, &self.weights[offset as usize..end as usize])
    }

    /// The level pixels that a range of output pixels needs; `None` when it lies outside.
    fn source(&self, range: std::ops::Range<u32>) -> Option<std::ops::Range<u32>> {
        let mut spans = range
            .map(|index| self.of(index))
            .filter(|(_, weights)| !weights.is_empty())
            .map(|(first, weights)| (first, first + weights.len() as u32));
        let (start, end) = spans.next()?;
        let end = spans.fold(end, |end, (_, next)| end.max(next));
        Some(start..end)
    }
}

/// Weighted sums of the output pixels of a block.
struct Sums {
    columns: std::ops::Range<u32>,
    rows: std::ops::Range<u32>,
    /// `[rows, columns, 3]`
    sums: Vec<f32>,
}

impl Sums {
    fn new(columns: std::ops::Range<u32>, rows: std::ops::Range<u32>) -> Self {
        let sums = vec![0.0; columns.len() * rows.len() * 3];
        Self {
            columns,
            rows,
            sums,
        }
    }

    /// Adds a strip of the level whose top left corner is at (`strip_x`, `strip_y`).
    fn add(&mut self, strip: &RgbImage, strip_x: u32, strip_y: u32, columns: &Axis, rows: &Axis) {
        let row_floats = self.columns.len() * 3;
        // Level rows, reduced to the block's columns: `[strip rows, columns, 3]`.
        let mut reduced = vec![0.0f32; strip.height() as usize * row_floats];
        let source_rows = strip.as_raw().chunks_exact(strip.width() as usize * 3);
        for (source, target) in source_rows.zip(reduced.chunks_exact_mut(row_floats)) {
            let source = source.as_chunks::<3>().0;
            for (target, column) in target
                .as_chunks_mut::<3>()
                .0
                .iter_mut()
                .zip(self.columns.clone())
            {
                let (first, weights) = columns.of(column);
                let start = first.saturating_sub(strip_x) as usize;
                for (pixel, &weight) in source[start..].iter().zip(weights) {
                    for (sum, &value) in target.iter_mut().zip(pixel) {
                        *sum += weight * f32::from(value);
                    }
                }
            }
        }
        let strip_rows = strip_y..strip_y + strip.height();
        for (row, target) in self
            .rows
            .clone()
            .zip(self.sums.chunks_exact_mut(row_floats))
        {
            let (first, weights) = rows.of(row);
            for (source_row, &weight) in (first..).zip(weights) {
                if !strip_rows.contains(&source_row) {
                    continue;
                }
                let start = (source_row - strip_y) as usize * row_floats;
                let source = &reduced[start..start + row_floats];
                for (sum, &value) in target.iter_mut().zip(source) {
                    *sum += weight * value;
                }
            }
        }
    }

    fn write(&self, columns: &Axis, rows: &Axis, out: &mut RgbImage) {
        let mut sums = self.sums.as_chunks::<3>().0.iter();
        for row in self.rows.clone() {
            for (column, sum) in self.columns.clone().zip(&mut sums) {
                let coverage = columns.coverage[column as usize] * rows.coverage[row as usize];
                let white = 255.0 * (1.0 - coverage);
                // `as` saturates, so rounding errors cannot wrap.
                out.put_pixel(column, row, Rgb(sum.map(|sum| (sum + white + 0.5) as u8)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn draw(image: &RgbImage, window: Window, size: (u32, u32)) -> RgbImage {
        let level = LevelSize {
            width: image.width(),
            height: image.height(),
            tile_height: 7,
        };
        resample(level, window, size, |part| {
            assert!(part.x + part.width <= image.width() && part.y + part.height <= image.height());
            Ok(
                image::imageops::crop_imm(image, part.x, part.y, part.width, part.height)
                    .to_image(),
            )
        })
        .unwrap()
    }

    fn gradient(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            Rgb([x as u8, y as u8, (x * 3 + y * 5) as u8])
        })
    }

    const fn window(x: f64, y: f64, width: f64, height: f64) -> Window {
        Window {
            x,
            y,
            width,
            height,
        }
    }

    #[test]
    fn at_its_own_size_every_pixel_is_itself() {
        let image = gradient(50, 40);
        let part = draw(&image, window(10.0, 20.0, 30.0, 15.0), (30, 15));
        assert_eq!(
            part,
            image::imageops::crop_imm(&image, 10, 20, 30, 15).to_image()
        );
    }

    #[test]
    fn a_smaller_image_holds_the_mean_of_each_area() {
        let image = RgbImage::from_fn(64, 64, |x, y| {
            Rgb([if (x + y) % 2 == 0 { 255 } else { 0 }; 3])
        });
        for size in [32, 16, 4] {
            let small = draw(&image, window(0.0, 0.0, 64.0, 64.0), (size, size));
            assert!(
                small
                    .as_raw()
                    .iter()
                    .all(|&value| (127..=128).contains(&value)),
                "{size}"
            );
        }
        // 2.5 px each: halves count half.
        let ramp = RgbImage::from_fn(5, 1, |x, _| Rgb([x as u8 * 40; 3]));
        let small = draw(&ramp, window(0.0, 0.0, 5.0, 1.0), (2, 1));
        assert_eq!(small.get_pixel(0, 0).0[0], 32); // (0 + 40 + 80 / 2) / 2.5
        assert_eq!(small.get_pixel(1, 0).0[0], 128); // (80 / 2 + 120 + 160) / 2.5
    }

    #[test]
    fn enlarging_keeps_centres_at_halves() {
        let ramp = RgbImage::from_fn(8, 8, |x, _| Rgb([x as u8 * 30; 3]));
        let large = draw(&ramp, window(0.0, 0.0, 8.0, 8.0), (32, 32));
        for x in 2..30 {
            let expected = ((f64::from(x) + 0.5) / 4.0 - 0.5) * 30.0;
            assert!(
                (f64::from(large.get_pixel(x, 9).0[0]) - expected).abs() <= 0.51,
                "{x}"
            );
        }
        assert_eq!(large.get_pixel(0, 0).0[0], 0);
        assert_eq!(large.get_pixel(31, 31).0[0], 210);
    }

    #[test]
    fn outside_is_white_by_its_share() {
        let black = RgbImage::new(10, 10);
        let around = draw(&black, window(-10.5, -5.0, 30.0, 20.0), (30, 20));
        assert_eq!(around.get_pixel(0, 0).0, [255; 3]);
        assert_eq!(around.get_pixel(10, 10).0, [128; 3]);
        assert_eq!(around.get_pixel(15, 10).0, [0; 3]);
        assert_eq!(around.get_pixel(29, 19).0, [255; 3]);
        let away = draw(&black, window(1e7, 1e7, 5.0, 5.0), (5, 5));
        assert!(away.as_raw().iter().all(|&value| value == 255));
    }

    #[test]
    fn blocks_and_strips_leave_no_seam() {
        let image = RgbImage::from_fn(9000, 40, |x, y| Rgb([(x / 40) as u8, (y * 6) as u8, 7]));
        let small = draw(&image, window(0.0, 0.0, 9000.0, 40.0), (225, 8));
        for (x, y, pixel) in small.enumerate_pixels() {
            assert_eq!(pixel.0, [x as u8, (y * 30 + 12) as u8, 7]);
        }
    }

    proptest! {
        #[test]
        fn nothing_is_brighter_or_darker_than_what_was_there(
            x in -30.0..60.0, y in -30.0..60.0, width in 0.01..90.0, height in 0.01..90.0,
            columns in 1u32..40, rows in 1u32..40,
        ) {
            let image = RgbImage::from_pixel(32, 24, Rgb([90, 100, 110]));
            let drawn = draw(&image, window(x, y, width, height), (columns, rows));
            for pixel in drawn.pixels() {
                prop_assert!(pixel.0[0] >= 90 && pixel.0[1] >= 100 && pixel.0[2] >= 110);
            }
        }
    }
}
