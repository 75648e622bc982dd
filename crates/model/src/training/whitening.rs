//! Whitened features: training sees the tiles' leading principal components, uncorrelated and of variance 1; the saved
//! network takes raw features.
//!
//! The encoder's features are strongly correlated: tissue, stain and focus make most of their variance, along few
//! directions. In raw or merely standardised features a network of some tens of patients learns those first and the finding
//! late or never. Whitening gives every leading direction the same say, and a twentieth of the weights to learn.

use burn::tensor::{Device, Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::predictor::{Bag, TILES_PER_CHUNK, TensorError, numbers_of};

/// Passes of subspace iteration: the directions that matter stand out by orders of magnitude long before.
const PASSES: usize = 6;

/// The statistics are taken from at most so many tiles, evenly spaced in each bag: 100 MB of features.
const MAX_TILES: usize = 20_000;

/// A direction whose variance has fallen below this share of what it was before others were taken out is rounding.
const RANK_TOLERANCE: f64 = 1e-8;

/// The way from raw features x to whitened ones: z = Pᵀ (x − mean).
#[derive(Debug, Clone)]
pub(crate) struct Whitening {
    mean: Vec<f32>,
    /// P: `[dim, components]`, row-major.
    projection: Vec<f32>,
    components: usize,
}

impl Whitening {
    /// Of the tiles of some bags of one width, at least one; as many components as asked for, or as the tiles bear.
    ///
    /// Orthogonal subspace iteration on the covariance matrix C, which is never formed (Halko, Martinsson and Tropp 2011,
    /// SIAM Review 53, algorithm 4.4), then scaled so that PᵀCP is the unit matrix. The start is random by `seed`.
    ///
    /// # Errors
    /// When the device fails.
    pub(crate) fn of(
        bags: &[Bag],
        components: usize,
        seed: u64,
        device: &Device,
    ) -> Result<Self, TensorError> {
        let dim = bags.first().map_or(0, Bag::dim);
        let per_bag = (MAX_TILES / bags.len().max(1)).max(1);
        let tiles: Vec<&[f32]> = bags
            .iter()
            .flat_map(|bag| bag.tiles().step_by(bag.n_tiles().div_ceil(per_bag)))
            .collect();
        let n_tiles = tiles.len();
        let components = components.min(dim).min(n_tiles);
        let mut mean = vec![0.0_f64; dim];
        for tile in &tiles {
            for (sum, &feature) in mean.iter_mut().zip(*tile) {
                *sum += f64::from(feature) / n_tiles as f64;
            }
        }
        let mean: Vec<f32> = mean.into_iter().map(|mean| mean as f32).collect();
        let centred: Vec<f32> = tiles
            .iter()
            .flat_map(|tile| tile.iter().zip(&mean).map(|(feature, mean)| feature - mean))
            .collect();
        let centred = Tensor::<2>::from_data(TensorData::new(centred, [n_tiles, dim]), device);

        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let start = (0..dim * components)
            .map(|_| random.random_range(-1.0..1.0))
            .collect();
        let mut directions = Columns::of_rows(start, components);
        for pass in 0..=PASSES {
            let along = centred.clone().matmul(directions.tensor(device)); // [tiles, components]
            let mut along = Columns::read(along)?;
            // Tiles along a direction get length 1, and the direction is scaled and combined with others accordingly.
            along.orthonormalise(&mut directions);
            if pass < PASSES {
                let back = centred.clone().transpose().matmul(along.tensor(device)); // [dim, components]
                directions = Columns::read(back)?;
            }
        }
        let to_unit_variance = (n_tiles as f64).sqrt();
        Ok(Self {
            mean,
            projection: directions.into_rows(to_unit_variance),
            components,
        })
    }

    /// Features per whitened tile.
    pub(crate) fn components(&self) -> usize {
        self.components
    }

    /// The whitened tiles of a bag: `[n_tiles, components]`, row-major.
    ///
    /// # Errors
    /// When the device fails.
    pub(crate) fn apply(&self, bag: &Bag, device: &Device) -> Result<Vec<f32>, TensorError> {
        let dim = self.mean.len();
        let tensor = |numbers: Vec<f32>, shape: [usize; 2]| {
            Tensor::<2>::from_data(TensorData::new(numbers, shape), device)
        };
        let projection = tensor(self.projection.clone(), [dim, self.components]);
        let mean = tensor(self.mean.clone(), [1, dim]);
        let mut whitened = Vec::with_capacity(bag.n_tiles() * self.components);
        for chunk in bag.features().chunks(TILES_PER_CHUNK * dim) {
            let raw = tensor(chunk.to_vec(), [chunk.len() / dim, dim]);
            whitened.extend(numbers_of((raw - mean.clone()).matmul(projection.clone()))?);
        }
        Ok(whitened)
    }

    /// Weights and bias that do to raw features what the given ones do to whitened features:
    /// W z + c = (W Pᵀ) x + (c − W Pᵀ mean).
    ///
    /// - `weight`: Wᵀ, `[components, hidden]` row-major
    /// - `bias`: c, `[hidden]`, changed in place
    /// - returns (W Pᵀ)ᵀ: `[dim, hidden]` row-major
    pub(crate) fn fold_into(&self, weight: &[f32], bias: &mut [f32]) -> Vec<f32> {
        let hidden = bias.len();
        let mut folded = Vec::with_capacity(self.mean.len() * hidden);
        let mut shift = vec![0.0_f64; hidden];
        for (row, &mean) in self
            .projection
            .chunks_exact(self.components)
            .zip(&self.mean)
        {
            let mut sums = vec![0.0_f64; hidden];
            for (&share, weights) in row.iter().zip(weight.chunks_exact(hidden)) {
                for (sum, &weight) in sums.iter_mut().zip(weights) {
                    *sum += f64::from(share) * f64::from(weight);
                }
            }
            for (shift, &sum) in shift.iter_mut().zip(&sums) {
                *shift += sum * f64::from(mean);
            }
            folded.extend(sums.into_iter().map(|sum| sum as f32));
        }
        for (bias, shift) in bias.iter_mut().zip(shift) {
            *bias = (f64::from(*bias) - shift) as f32;
        }
        folded
    }
}

/// A tall matrix by its columns.
struct Columns(Vec<Vec<f64>>);

impl Columns {
    fn of_rows(numbers: Vec<f64>, columns: usize) -> Self {
        let column = |first| {
            numbers
                .iter()
                .skip(first)
                .step_by(columns)
                .copied()
                .collect()
        };
        Self((0..columns).map(column).collect())
    }

    fn read(tensor: Tensor<2>) -> Result<Self, TensorError> {
        let [_, columns] = tensor.dims();
        let numbers = numbers_of(tensor)?.into_iter().map(f64::from).collect();
        Ok(Self::of_rows(numbers, columns))
    }

    fn into_rows(self, factor: f64) -> Vec<f32> {
        let rows = self.0.first().map_or(0, Vec::len);
        (0..rows)
            .flat_map(|row| {
                self.0
                    .iter()
                    .map(move |column| (column[row] * factor) as f32)
            })
            .collect()
    }

    fn tensor(&self, device: &Device) -> Tensor<2> {
        let rows = self.0.first().map_or(0, Vec::len);
        let numbers: Vec<f32> = (0..rows)
            .flat_map(|row| self.0.iter().map(move |column| column[row] as f32))
            .collect();
        Tensor::from_data(TensorData::new(numbers, [rows, self.0.len()]), device)
    }

    /// Gram–Schmidt, each column twice against those before it; the columns of `partner` go through the same steps. A column
    /// that depends on those before it becomes 0, in both.
    fn orthonormalise(&mut self, partner: &mut Self) {
        for place in 0..self.0.len() {
            let (done, rest) = self.0.split_at_mut(place);
            let (partner_done, partner_rest) = partner.0.split_at_mut(place);
            let (Some(column), Some(partner)) = (rest.first_mut(), partner_rest.first_mut()) else {
                return;
            };
            let before = dot(column, column);
            for _ in 0..2 {
                for (other, partner_other) in done.iter().zip(&*partner_done) {
                    let share = dot(column, other);
                    subtract(column, other, share);
                    subtract(partner, partner_other, share);
                }
            }
            let after = dot(column, column);
            let factor = if after > RANK_TOLERANCE * before {
                1.0 / after.sqrt()
            } else {
                0.0
            };
            for number in column.iter_mut().chain(partner.iter_mut()) {
                *number *= factor;
            }
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn subtract(from: &mut [f64], other: &[f64], share: f64) {
    for (from, other) in from.iter_mut().zip(other) {
        *from -= share * other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two bags of tiles with features that differ a hundredfold in scale, of which the third is the sum of the others and
    /// the fourth never varies.
    fn features() -> [Vec<f32>; 2] {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        [50, 30].map(|n_tiles| {
            (0..n_tiles)
                .flat_map(|_| {
                    let a = random.random_range(-1.0..1.0_f32);
                    let b = 100.0 * random.random_range(-1.0..1.0_f32) + 30.0;
                    [a, b, a + b, 7.0]
                })
                .collect()
        })
    }

    fn bags(features: &[Vec<f32>; 2]) -> Vec<Bag<'_>> {
        let bag = |features| Bag::new(features, 4).expect("a bag");
        features.iter().map(|features| bag(features)).collect()
    }

    #[test]
    fn training_tiles_become_uncorrelated_with_variance_one() {
        let features = features();
        let bags = bags(&features);
        let device = Device::flex();
        let whitening = Whitening::of(&bags, 2, 1, &device).expect("the CPU works");
        assert_eq!(whitening.components(), 2);
        let mut covariance = [[0.0; 2]; 2];
        let mut mean = [0.0; 2];
        for bag in &bags {
            let whitened = whitening.apply(bag, &device).expect("the CPU works");
            for tile in whitened.as_chunks::<2>().0 {
                for row in 0..2 {
                    mean[row] += f64::from(tile[row]) / 80.0;
                    for column in 0..2 {
                        covariance[row][column] +=
                            f64::from(tile[row]) * f64::from(tile[column]) / 80.0;
                    }
                }
            }
        }
        for row in 0..2 {
            assert!(mean[row].abs() < 1e-4, "{mean:?}");
            for column in 0..2 {
                let expected = f64::from(u8::from(row == column));
                assert!(
                    (covariance[row][column] - expected).abs() < 1e-3,
                    "{covariance:?}"
                );
            }
        }
    }

    #[test]
    fn more_components_than_there_are_directions_stay_zero() {
        let features = features();
        let bags = bags(&features);
        let device = Device::flex();
        let whitening = Whitening::of(&bags, 100, 1, &device).expect("the CPU works");
        assert_eq!(whitening.components(), 4);
        let whitened = whitening.apply(&bags[0], &device).expect("the CPU works");
        for component in 0..4 {
            let of_component = || whitened.iter().skip(component).step_by(4);
            let is_zero = of_component().all(|&number| number == 0.0);
            assert_eq!(is_zero, component >= 2, "component {component}");
            assert!(of_component().all(|number| number.abs() < 20.0));
        }
    }

    #[test]
    fn folding_gives_raw_features_what_whitened_ones_had() {
        let features = features();
        let bags = bags(&features);
        let device = Device::flex();
        let whitening = Whitening::of(&bags, 2, 1, &device).expect("the CPU works");
        let (weight, bias) = ([0.3_f32, -0.7, 0.2, 0.9], [0.1_f32, -0.2]);
        let mut folded_bias = bias;
        let folded = whitening.fold_into(&weight, &mut folded_bias);
        let whitened = whitening.apply(&bags[1], &device).expect("the CPU works");
        for (raw, whitened) in bags[1].tiles().zip(whitened.as_chunks::<2>().0) {
            for unit in 0..2 {
                let expected =
                    whitened[0] * weight[unit] + whitened[1] * weight[2 + unit] + bias[unit];
                let found = (0..4).map(|feature| raw[feature] * folded[2 * feature + unit]);
                let found = found.sum::<f32>() + folded_bias[unit];
                assert!((expected - found).abs() < 1e-3, "{expected} {found}");
            }
        }
    }
}
