//! Standardised features: training sees (x − mean) / sd, the saved network takes x.

use crate::predictor::Bag;

/// A feature that hardly varies is divided by at least this share of the median feature's standard deviation, so that a
/// stray value in a new patient is not blown up.
const SD_FLOOR: f64 = 0.1;

/// Mean and standard deviation of every feature over the tiles of the training patients.
pub(crate) struct Standard {
    mean: Vec<f32>,
    /// 1 / sd; 0 where no feature varies at all.
    inverse_sd: Vec<f32>,
}

impl Standard {
    /// Over all tiles of some bags of one width, at least one.
    pub(crate) fn of<'a>(bags: impl Iterator<Item = Bag<'a>> + Clone) -> Self {
        let dim = bags.clone().next().map_or(0, |bag| bag.dim());
        let n_tiles: usize = bags.clone().map(|bag| bag.n_tiles()).sum();
        let n_tiles = n_tiles as f64;
        let mut mean = vec![0.0_f64; dim];
        for tile in bags.clone().flat_map(|bag| bag.tiles()) {
            for (sum, &feature) in mean.iter_mut().zip(tile) {
                *sum += f64::from(feature);
            }
        }
        for sum in &mut mean {
            *sum /= n_tiles;
        }
        let mut sd = vec![0.0_f64; dim];
        for tile in bags.flat_map(|bag| bag.tiles()) {
            for ((sum, &feature), mean) in sd.iter_mut().zip(tile).zip(&mean) {
                *sum += (f64::from(feature) - mean).powi(2);
            }
        }
        for sum in &mut sd {
            *sum = (*sum / n_tiles).sqrt();
        }
        let mut sorted = sd.clone();
        sorted.sort_by(f64::total_cmp);
        let floor = SD_FLOOR * sorted.get(dim / 2).copied().unwrap_or(0.0);
        let inverse = |sd: f64| {
            if sd.max(floor) > 0.0 {
                (1.0 / sd.max(floor)) as f32
            } else {
                0.0
            }
        };
        Self {
            mean: mean.into_iter().map(|mean| mean as f32).collect(),
            inverse_sd: sd.into_iter().map(inverse).collect(),
        }
    }

    /// Writes a standardised tile.
    pub(crate) fn apply(&self, raw: &[f32], standardised: &mut [f32]) {
        let features = raw.iter().zip(&self.mean).zip(&self.inverse_sd);
        for (slot, ((raw, mean), inverse_sd)) in standardised.iter_mut().zip(features) {
            *slot = (raw - mean) * inverse_sd;
        }
    }

    /// Changes W and c so that they do to raw features what they did to standardised ones:
    /// W (x − mean)/sd + c = (W/sd) x + (c − Σ W mean/sd).
    ///
    /// - `weight`: Wᵀ, `[dim, hidden]` row-major
    /// - `bias`: c, `[hidden]`
    pub(crate) fn fold_into(&self, weight: &mut [f32], bias: &mut [f32]) {
        let mut shift = vec![0.0_f64; bias.len()];
        for ((row, mean), inverse_sd) in weight
            .chunks_exact_mut(bias.len())
            .zip(&self.mean)
            .zip(&self.inverse_sd)
        {
            for (weight, shift) in row.iter_mut().zip(&mut shift) {
                let folded = *weight * inverse_sd;
                *shift += f64::from(folded) * f64::from(*mean);
                *weight = folded;
            }
        }
        for (bias, shift) in bias.iter_mut().zip(shift) {
            *bias = (f64::from(*bias) - shift) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn training_tiles_get_mean_zero_and_deviation_one() {
        let first = [1.0, 100.0, 7.0, 3.0, 300.0, 7.0];
        let second = [5.0, 200.0, 7.0];
        let bags = [
            Bag::new(&first, 3).expect("a bag"),
            Bag::new(&second, 3).expect("a bag"),
        ];
        let standard = Standard::of(bags.iter().copied());
        let mut sum = [0.0_f32; 3];
        let mut squares = [0.0_f32; 3];
        for tile in bags.iter().flat_map(Bag::tiles) {
            let mut standardised = [0.0; 3];
            standard.apply(tile, &mut standardised);
            for feature in 0..3 {
                sum[feature] += standardised[feature] / 3.0;
                squares[feature] += standardised[feature].powi(2) / 3.0;
            }
        }
        // The third feature never varies: it stays 0 rather than becoming NaN.
        for (feature, expected) in [1.0, 1.0, 0.0].into_iter().enumerate() {
            assert!(sum[feature].abs() < 1e-6, "{sum:?}");
            assert!((squares[feature] - expected).abs() < 1e-5, "{squares:?}");
        }
    }

    #[test]
    fn folding_gives_raw_features_what_standardised_ones_had() {
        let tiles = [0.5, 10.0, 2.5, 30.0, 1.0, 11.0];
        let standard = Standard::of(std::iter::once(Bag::new(&tiles, 2).expect("a bag")));
        let (weight, bias) = ([0.3_f32, -0.7, 0.2, 0.9], [0.1_f32, -0.2]);
        let (mut folded_weight, mut folded_bias) = (weight, bias);
        standard.fold_into(&mut folded_weight, &mut folded_bias);
        let apply = |tile: &[f32], weight: &[f32], bias: &[f32]| {
            [0, 1].map(|unit| tile[0] * weight[unit] + tile[1] * weight[2 + unit] + bias[unit])
        };
        for tile in tiles.chunks(2) {
            let mut standardised = [0.0; 2];
            standard.apply(tile, &mut standardised);
            let expected = apply(&standardised, &weight, &bias);
            let found = apply(tile, &folded_weight, &folded_bias);
            for unit in 0..2 {
                assert!(
                    (expected[unit] - found[unit]).abs() < 1e-5,
                    "{expected:?} {found:?}"
                );
            }
        }
    }
}
