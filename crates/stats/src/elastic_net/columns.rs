//! Standardised columns of features, and the three sums over rows that everything else is made of.
//!
//! Columns are kept in f32: they came as f32, a path is bound by the speed of memory, and sums are carried on to f64 before
//! rounding could show. A step of the solver is judged by these sums alone, so their error (about 1e-8 of a column's
//! standard deviation) is the only one that reaches a coefficient.

use std::ops::Range;

/// Rows that are summed in f32 before they are added up in f64.
const BLOCK: usize = 1024;
/// Sums that run side by side, so that the compiler can use vector registers.
const LANES: usize = 16;
/// Rows, and columns of either side, whose products are formed at a time: the sums fill half of the vector registers of any
/// x86-64, and a panel of every column stays in the second-level cache.
const PANEL_ROWS: usize = 128;
const TALL: usize = 4;
const WIDE: usize = 8;

/// Columns of equal length, one after the other.
#[derive(Debug)]
pub(super) struct Table {
    n_rows: usize,
    /// `[n_columns, n_rows]`.
    values: Vec<f32>,
}

/// The columns that vary, with weighted mean 0 and weighted variance 1.
#[derive(Debug)]
pub(super) struct Columns {
    /// Their values.
    pub(super) table: Table,
    /// For every column, which feature it is; rising.
    pub(super) features: Vec<usize>,
    /// Weighted mean of every column's feature.
    pub(super) mean: Vec<f64>,
    /// Weighted standard deviation (1/n form) of every column's feature.
    pub(super) scale: Vec<f64>,
}

impl Columns {
    /// Of the chosen rows of `features`, `[.., n_features]`, in that order; `weights`, one per chosen row, sum to 1.
    pub(super) fn standardised(
        features: &[f32],
        n_features: usize,
        rows: &[usize],
        weights: &[f64],
    ) -> Self {
        let row = |row: usize| &features[row * n_features..][..n_features];
        let mut mean = vec![0.0; n_features];
        let mut lowest = vec![f32::INFINITY; n_features];
        let mut highest = vec![f32::NEG_INFINITY; n_features];
        for (&r, &weight) in rows.iter().zip(weights) {
            for (mean, &value) in mean.iter_mut().zip(row(r)) {
                *mean += weight * f64::from(value);
            }
            for (lowest, &value) in lowest.iter_mut().zip(row(r)) {
                *lowest = lowest.min(value);
            }
            for (highest, &value) in highest.iter_mut().zip(row(r)) {
                *highest = highest.max(value);
            }
        }
        let mut scale = vec![0.0; n_features];
        for (&r, &weight) in rows.iter().zip(weights) {
            for ((scale, &mean), &value) in scale.iter_mut().zip(&mean).zip(row(r)) {
                let deviation = f64::from(value) - mean;
                *scale += weight * deviation * deviation;
            }
        }
        for scale in &mut scale {
            *scale = scale.sqrt();
        }

        let kept: Vec<usize> = (0..n_features)
            .filter(|&feature| lowest[feature] < highest[feature] && scale[feature] > 0.0)
            .collect();
        let mean: Vec<f64> = kept.iter().map(|&feature| mean[feature]).collect();
        let scale: Vec<f64> = kept.iter().map(|&feature| scale[feature]).collect();

        let n_rows = rows.len();
        let mut values = vec![0.0f32; kept.len() * n_rows];
        // A band of columns at a time: what is read and what is written both stay in the cache.
        for band in (0..kept.len()).step_by(LANES) {
            let band = band..(band + LANES).min(kept.len());
            for (position, &r) in rows.iter().enumerate() {
                let row = row(r);
                for column in band.clone() {
                    let deviation = f64::from(row[kept[column]]) - mean[column];
                    values[column * n_rows + position] = (deviation / scale[column]) as f32;
                }
            }
        }
        Self {
            table: Table { n_rows, values },
            features: kept,
            mean,
            scale,
        }
    }

    /// Number of columns.
    pub(super) fn len(&self) -> usize {
        self.features.len()
    }
}

impl Table {
    /// Without a column.
    pub(super) fn empty(n_rows: usize) -> Self {
        Self {
            n_rows,
            values: Vec::new(),
        }
    }

    /// Takes one more column.
    pub(super) fn push(&mut self, column: &[f32]) {
        self.values.extend(column);
    }

    /// One column.
    pub(super) fn column(&self, column: usize) -> &[f32] {
        &self.values[column * self.n_rows..][..self.n_rows]
    }

    /// Σ over rows of the column times `other`.
    pub(super) fn dot(&self, column: usize, other: &[f32]) -> f64 {
        self.column(column)
            .chunks(BLOCK)
            .zip(other.chunks(BLOCK))
            .map(|(x, y)| f64::from(dot_in_f32(x, y)))
            .sum()
    }

    /// Adds Σ over `steps` (column, factor) of factor times the column to `sum`.
    pub(super) fn add_product(&self, steps: &[(usize, f64)], sum: &mut [f64]) {
        let mut block = [0.0f32; BLOCK];
        for (number, sum) in sum.chunks_mut(BLOCK).enumerate() {
            let rows = number * BLOCK..number * BLOCK + sum.len();
            let block = &mut block[..sum.len()];
            block.fill(0.0);
            let (groups, rest) = steps.as_chunks::<4>();
            for group in groups {
                let factor: [f32; 4] = std::array::from_fn(|i| group[i].1 as f32);
                let [a, b, c, d]: [&[f32]; 4] =
                    std::array::from_fn(|i| &self.column(group[i].0)[rows.clone()]);
                for ((((sum, a), b), c), d) in block.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                    *sum += (factor[0] * a + factor[1] * b) + (factor[2] * c + factor[3] * d);
                }
            }
            for &(column, factor) in rest {
                let column = &self.column(column)[rows.clone()];
                for (sum, value) in block.iter_mut().zip(column) {
                    *sum += factor as f32 * value;
                }
            }
            for (sum, &value) in sum.iter_mut().zip(&*block) {
                *sum += f64::from(value);
            }
        }
    }

    /// Σ over rows of `weights` · column `all[before + i]` · column `all[j]` for every i and j.
    pub(super) fn weighted_products(
        &self,
        all: &[usize],
        before: usize,
        weights: &[f32],
    ) -> Vec<Vec<f32>> {
        let mut products = vec![vec![0.0; all.len()]; all.len() - before];
        let mut wide = Vec::new();
        let mut tall = Vec::new();
        for number in 0..self.n_rows.div_ceil(PANEL_ROWS) {
            let start = number * PANEL_ROWS;
            let rows = start..(start + PANEL_ROWS).min(self.n_rows);
            self.pack::<WIDE>(all, rows.clone(), &mut wide);
            self.pack::<TALL>(&all[before..], rows.clone(), &mut tall);
            for panel in &mut tall {
                for (row, weight) in panel.iter_mut().zip(&weights[rows.clone()]) {
                    row.iter_mut().for_each(|value| *value *= weight);
                }
            }
            let rows_of_panels = tall.iter().zip(products.chunks_mut(TALL));
            for (index, (tall, products)) in rows_of_panels.enumerate() {
                // Pairs with a later column are also pairs of that one.
                let needed = (before + (index + 1) * TALL).div_ceil(WIDE);
                for (number, wide) in wide.iter().enumerate().take(needed) {
                    let sums = panel_products(tall, wide);
                    for (sums, products) in sums.iter().zip(products.iter_mut()) {
                        for (product, sum) in products[number * WIDE..].iter_mut().zip(sums) {
                            *product += sum;
                        }
                    }
                }
            }
        }
        for later in 0..products.len() {
            for earlier in 0..later {
                products[earlier][before + later] = products[later][before + earlier];
            }
        }
        products
    }

    /// `columns` in panels of `N`, row by row; 0 where there is no column or row.
    fn pack<const N: usize>(
        &self,
        columns: &[usize],
        rows: Range<usize>,
        panels: &mut Vec<[[f32; N]; PANEL_ROWS]>,
    ) {
        panels.clear();
        for columns in columns.chunks(N) {
            let mut panel = [[0.0; N]; PANEL_ROWS];
            for (place, &column) in columns.iter().enumerate() {
                let values = &self.column(column)[rows.clone()];
                for (row, &value) in panel.iter_mut().zip(values) {
                    row[place] = value;
                }
            }
            panels.push(panel);
        }
    }
}

/// Σ over rows of every column of `tall` times every one of `wide`.
fn panel_products(
    tall: &[[f32; TALL]; PANEL_ROWS],
    wide: &[[f32; WIDE]; PANEL_ROWS],
) -> [[f32; WIDE]; TALL] {
    let mut sums = [[0.0f32; WIDE]; TALL];
    for (tall, wide) in tall.iter().zip(wide) {
        for (sums, &factor) in sums.iter_mut().zip(tall) {
            for (sum, value) in sums.iter_mut().zip(wide) {
                *sum += factor * value;
            }
        }
    }
    sums
}

fn dot_in_f32(x: &[f32], y: &[f32]) -> f32 {
    let (x, x_rest) = x.as_chunks::<LANES>();
    let (y, y_rest) = y.as_chunks::<LANES>();
    let mut sums = [0.0f32; LANES];
    for (x, y) in x.iter().zip(y) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    let rest: f32 = x_rest.iter().zip(y_rest).map(|(x, y)| x * y).sum();
    sums.iter().sum::<f32>() + rest
}
