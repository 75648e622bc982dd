//! Textures: small tiles of filtered noise that repeat, and wide smooth fields.

use crate::random::Dice;

const TILE_PX: usize = 512;

/// A square of noise that repeats without a seam: mean 0, standard deviation 1.
#[derive(Clone, Debug)]
pub(crate) struct NoiseTile(Vec<f32>);

impl NoiseTile {
    /// White noise smoothed by a Gaussian of this width, px.
    pub(crate) fn new(dice: &mut Dice, sigma_px: f32) -> Self {
        let white: Vec<f32> = (0..TILE_PX * TILE_PX).map(|_| dice.unit() - 0.5).collect();
        let kernel = gaussian(sigma_px);
        let across = smooth_rows_into_columns(&white, &kernel);
        let mut values = smooth_rows_into_columns(&across, &kernel);
        let n = values.len() as f32;
        let mean = values.iter().sum::<f32>() / n;
        let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f32>() / n;
        let scale = 1.0 / variance.sqrt().max(1e-12);
        for value in &mut values {
            *value = (*value - mean) * scale;
        }
        Self(values)
    }

    /// The value at a pixel; any coordinate will do.
    #[inline]
    pub(crate) fn at(&self, x: u32, y: u32) -> f32 {
        let mask = TILE_PX as u32 - 1;
        self.0[((y & mask) as usize) * TILE_PX + (x & mask) as usize]
    }
}

/// Gaussian weights that sum to 1, cut at three standard deviations.
pub(crate) fn gaussian(sigma: f32) -> Vec<f32> {
    let reach = (3.0 * sigma).ceil().max(1.0) as i32;
    let sigma = f64::from(sigma.max(1e-3));
    let weights: Vec<f64> = (-reach..=reach)
        .map(|i| (-0.5 * (f64::from(i) / sigma).powi(2)).exp())
        .collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|w| (w / sum) as f32).collect()
}

/// Smooths along rows, around the edge, and transposes: twice is a smoothing in both directions.
fn smooth_rows_into_columns(values: &[f32], kernel: &[f32]) -> Vec<f32> {
    let reach = kernel.len() / 2;
    let mut out = vec![0.0; values.len()];
    let mut padded = vec![0.0; TILE_PX + 2 * reach];
    for (y, row) in values.as_chunks::<TILE_PX>().0.iter().enumerate() {
        for (i, slot) in padded.iter_mut().enumerate() {
            *slot = row[(i + TILE_PX * 8 - reach) % TILE_PX];
        }
        for x in 0..TILE_PX {
            let window = &padded[x..x + kernel.len()];
            out[x * TILE_PX + y] = window.iter().zip(kernel).map(|(v, k)| v * k).sum();
        }
    }
    out
}

/// The textures of a spot, by the size of their grain.
#[derive(Debug)]
pub(crate) struct Textures {
    /// Granules of cytoplasm, about 0.7 µm.
    pub(crate) grain: NoiseTile,
    /// Clumps of chromatin, about 1.3 µm.
    pub(crate) clump: NoiseTile,
    /// Irregular outlines, vacuoles, about 3 µm.
    pub(crate) wobble: NoiseTile,
    /// Mottle of ground substance, about 9 µm.
    pub(crate) mottle: NoiseTile,
}

impl Textures {
    pub(crate) fn new(dice: &mut Dice, px_per_um: f32) -> Self {
        let mut tile =
            |sigma_um: f32| NoiseTile::new(dice, (sigma_um * px_per_um).clamp(0.3, 40.0));
        Self {
            grain: tile(0.32),
            clump: tile(0.55),
            wobble: tile(1.2),
            mottle: tile(3.6),
        }
    }
}

/// A scalar over the spot and its margin, kept on a coarse grid and read between its points.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    columns: usize,
    rows: usize,
    step_px: f32,
    margin_px: f32,
    values: Vec<f32>,
}

impl Field {
    /// Computes a field: `value` is called with positions in slide px.
    pub(crate) fn from_fn(
        size_px: f32,
        margin_px: f32,
        step_px: f32,
        mut value: impl FnMut(f32, f32) -> f32,
    ) -> Self {
        let columns = ((size_px + 2.0 * margin_px) / step_px).ceil() as usize + 2;
        let mut values = Vec::with_capacity(columns * columns);
        for row in 0..columns {
            for column in 0..columns {
                values.push(value(
                    column as f32 * step_px - margin_px,
                    row as f32 * step_px - margin_px,
                ));
            }
        }
        Self {
            columns,
            rows: columns,
            step_px,
            margin_px,
            values,
        }
    }

    /// Smooth noise, about −1 to 1, whose hills are about `feature_px` apart.
    pub(crate) fn noise(
        dice: &mut Dice,
        size_px: f32,
        margin_px: f32,
        step_px: f32,
        feature_px: f32,
    ) -> Self {
        // Each octave has a lattice of its own, turned at random: nothing may line up with the axes of the image.
        let side = 1.5 * (size_px + 2.0 * margin_px);
        let middle = 0.5 * size_px;
        let mut lattice = |feature: f32| {
            let n = (side / feature).ceil() as usize + 3;
            let values: Vec<f32> = (0..n * n).map(|_| dice.range(-1.0, 1.0)).collect();
            (feature, n, values, dice.direction())
        };
        let octaves = [
            (lattice(feature_px), 0.72),
            (lattice(feature_px * 0.47), 0.28),
        ];
        Self::from_fn(size_px, margin_px, step_px, |x, y| {
            let (x, y) = (x - middle, y - middle);
            octaves
                .iter()
                .map(|((feature, n, values, [cos, sin]), weight)| {
                    let u = ((x * cos - y * sin) + 0.5 * side) / feature;
                    let v = ((x * sin + y * cos) + 0.5 * side) / feature;
                    let (column, row) = (u as usize, v as usize);
                    let (s, t) = (ease(u - column as f32), ease(v - row as f32));
                    let at = |c: usize, r: usize| values[r.min(n - 1) * n + c.min(n - 1)];
                    let top = at(column, row) * (1.0 - s) + at(column + 1, row) * s;
                    let bottom = at(column, row + 1) * (1.0 - s) + at(column + 1, row + 1) * s;
                    1.6 * weight * (top * (1.0 - t) + bottom * t)
                })
                .sum()
        })
    }

    /// The field that has at each grid point what `change` makes of the value and its slope (per px).
    pub(crate) fn map_with_slope(&self, mut change: impl FnMut(f32, f32) -> f32) -> Self {
        let at = |column: usize, row: usize| {
            self.values[row.min(self.rows - 1) * self.columns + column.min(self.columns - 1)]
        };
        let mut values = Vec::with_capacity(self.values.len());
        for row in 0..self.rows {
            for column in 0..self.columns {
                let dx = at(column + 1, row) - at(column.saturating_sub(1), row);
                let dy = at(column, row + 1) - at(column, row.saturating_sub(1));
                let slope = (dx * dx + dy * dy).sqrt() / (2.0 * self.step_px);
                values.push(change(at(column, row), slope));
            }
        }
        Self {
            values,
            ..self.clone()
        }
    }

    /// Lifts the grid points within `reach` px of a position to `value` where that is higher.
    pub(crate) fn raise(&mut self, x: f32, y: f32, reach: f32, value: impl Fn(f32, f32) -> f32) {
        let clip = |v: f32| {
            ((v + self.margin_px) / self.step_px).clamp(0.0, (self.columns - 1) as f32) as usize
        };
        let (left, right, top, bottom) = (
            clip(x - reach),
            clip(x + reach),
            clip(y - reach),
            clip(y + reach),
        );
        for row in top..=bottom {
            for column in left..=right {
                let slot = &mut self.values[row * self.columns + column];
                *slot = slot.max(value(
                    column as f32 * self.step_px - self.margin_px,
                    row as f32 * self.step_px - self.margin_px,
                ));
            }
        }
    }

    /// Share of the grid points inside the image for which the test of (x px, y px, value) holds.
    pub(crate) fn share(&self, size_px: f32, holds: impl Fn(f32, f32, f32) -> bool) -> f32 {
        let (mut all, mut held) = (0u32, 0u32);
        for row in 0..self.rows {
            for column in 0..self.columns {
                let x = column as f32 * self.step_px - self.margin_px;
                let y = row as f32 * self.step_px - self.margin_px;
                if (0.0..size_px).contains(&x) && (0.0..size_px).contains(&y) {
                    all += 1;
                    held += u32::from(holds(x, y, self.values[row * self.columns + column]));
                }
            }
        }
        held as f32 / all.max(1) as f32
    }

    /// The value at a position in slide px, interpolated.
    #[inline]
    pub(crate) fn at(&self, x: f32, y: f32) -> f32 {
        let limit = (self.columns - 2) as f32;
        let u = ((x + self.margin_px) / self.step_px).clamp(0.0, limit);
        let v = ((y + self.margin_px) / self.step_px).clamp(0.0, limit);
        let (column, row) = (u as usize, v as usize);
        let (s, t) = (u - column as f32, v - row as f32);
        let i = row * self.columns + column;
        let (a, b) = (self.values[i], self.values[i + 1]);
        let (c, d) = (
            self.values[i + self.columns],
            self.values[i + self.columns + 1],
        );
        (a * (1.0 - s) + b * s) * (1.0 - t) + (c * (1.0 - s) + d * s) * t
    }
}

fn ease(t: f32) -> f32 {
    t * t * (3.0 - 2.0 * t)
}

/// 0 below `low`, 1 above `high`, smooth between.
#[inline]
pub(crate) fn smoothstep(low: f32, high: f32, value: f32) -> f32 {
    ease(((value - low) / (high - low)).clamp(0.0, 1.0))
}
