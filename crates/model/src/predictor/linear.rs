//! A predictor without attention: every tile has the same weight, and a value that is linear in its features or the
//! probability that follows from that.
//!
//! | link | e | v | score of a bag | scale |
//! | --- | --- | --- | --- | --- |
//! | identity | 0 | s = w · x | offset + mean of s | logit |
//! | sigmoid | 0 | σ(w · x + offset) | mean of the tiles' probabilities | probability |
//!
//! The first is mean pooling and, on colour statistics, the colour-only row; the second is the study's elastic net on tiles
//! (Brück et al. 2021), whose spot score is the mean of the tiles' probabilities.

use domain::score::{Scale, Terms, sigmoid};
use serde::{Deserialize, Serialize};

use super::bag::{Bag, TensorError};

/// From w · x to a tile's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// v = w · x.
    Identity,
    /// v = σ(w · x + offset).
    Sigmoid,
}

/// The sizes of a [`Linear`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinearConfig {
    /// Features per tile.
    pub input_dim: usize,
    /// Number of targets.
    pub n_targets: usize,
    /// From w · x to a tile's value.
    pub link: Link,
}

impl LinearConfig {
    /// The scale of the scores of a target that is with or without.
    pub(crate) const fn scale(&self) -> Scale {
        match self.link {
            Link::Identity => Scale::Logit,
            Link::Sigmoid => Scale::Probability,
        }
    }
}

/// The predictor; see the module for the formulas.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    config: LinearConfig,
    /// w of each target: `[n_targets, input_dim]`, row-major.
    weight: Vec<f32>,
    /// `[n_targets]`.
    offset: Vec<f32>,
}

impl Linear {
    /// `weight`: `[n_targets, input_dim]` row-major; `offset`: `[n_targets]`.
    pub(crate) const fn from_numbers(
        config: LinearConfig,
        weight: Vec<f32>,
        offset: Vec<f32>,
    ) -> Self {
        Self {
            config,
            weight,
            offset,
        }
    }

    /// The sizes.
    pub const fn config(&self) -> LinearConfig {
        self.config
    }

    /// Name in a weights file, shape, and numbers of every tensor.
    pub(crate) fn named(&self) -> [(&'static str, Vec<usize>, &[f32]); 2] {
        let [weight, offset] = shapes(&self.config);
        [
            ("weight", weight, &self.weight),
            ("offset", offset, &self.offset),
        ]
    }

    /// e and v of every tile of a bag, one [`Terms`] per target.
    ///
    /// # Errors
    /// When the bag was made by another encoder, or a value overflows.
    pub fn terms(&self, bag: &Bag) -> Result<Vec<Terms>, TensorError> {
        let LinearConfig {
            input_dim, link, ..
        } = self.config;
        if bag.dim() != input_dim {
            return Err(TensorError::WrongDim {
                found: bag.dim(),
                expected: input_dim,
            });
        }
        self.weight
            .chunks_exact(input_dim)
            .zip(&self.offset)
            .map(|(weight, &offset)| {
                let value = |tile: &[f32]| {
                    let sum = dot(weight, tile);
                    match link {
                        Link::Identity => sum,
                        Link::Sigmoid => sigmoid(f64::from(sum) + f64::from(offset)) as f32,
                    }
                };
                let values = bag.tiles().map(value).collect();
                Terms::new(vec![0.0; bag.n_tiles()], values).map_err(|error| TensorError::Device {
                    reason: error.to_string(),
                })
            })
            .collect()
    }

    /// The constant of each target's score.
    pub fn offsets(&self) -> Vec<f32> {
        match self.config.link {
            Link::Identity => self.offset.clone(),
            Link::Sigmoid => vec![0.0; self.offset.len()],
        }
    }
}

/// The shapes of the two tensors, in the order of [`Linear::named`].
pub(crate) fn shapes(config: &LinearConfig) -> [Vec<usize>; 2] {
    [
        vec![config.n_targets, config.input_dim],
        vec![config.n_targets],
    ]
}

/// Σ a b in eight sums side by side, which is faster and rounds less than one.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a, a_rest) = a.as_chunks::<8>();
    let (b, b_rest) = b.as_chunks::<8>();
    let mut sums = [0.0_f32; 8];
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linear(link: Link) -> Linear {
        let config = LinearConfig {
            input_dim: 3,
            n_targets: 2,
            link,
        };
        let weight = vec![1.0, 0.0, -1.0, 0.5, 0.5, 0.5];
        Linear::from_numbers(config, weight, vec![0.25, -2.0])
    }

    const TILES: [f32; 6] = [1.0, 2.0, 3.0, -1.0, 0.0, 4.0];

    #[test]
    fn mean_pooling_scores_the_mean_tile() {
        let bag = Bag::new(&TILES, 3).unwrap();
        let predictor = linear(Link::Identity);
        let terms = predictor.terms(&bag).unwrap();
        assert_eq!(terms[0].values(), [-2.0, -5.0]);
        assert_eq!(terms[1].values(), [3.0, 1.5]);
        assert_eq!(terms[0].attention(), [0.5, 0.5]);
        assert_eq!(predictor.offsets(), [0.25, -2.0]);
    }

    #[test]
    fn the_studys_score_is_the_mean_of_the_tiles_probabilities() {
        let bag = Bag::new(&TILES, 3).unwrap();
        let predictor = linear(Link::Sigmoid);
        let terms = &predictor.terms(&bag).unwrap()[1];
        let expected = (sigmoid(1.0) + sigmoid(-0.5)) / 2.0;
        assert!((terms.weighted_value().unwrap() - expected).abs() < 1e-7);
        assert_eq!(predictor.offsets(), [0.0, 0.0]);
    }

    #[test]
    fn long_sums_are_those_of_double_precision() {
        let a: Vec<f32> = (0..1283).map(|i| (i as f32 * 0.37).sin()).collect();
        let b: Vec<f32> = (0..1283).map(|i| (i as f32 * 0.11).cos()).collect();
        let exact: f64 = a
            .iter()
            .zip(&b)
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum();
        assert!((f64::from(dot(&a, &b)) - exact).abs() < 1e-4);
    }
}
