//! The maths that everything rests on: from two numbers per tile to scores and to what the screen draws.
//!
//! A predictor yields per tile a weight logit `e` and a value `v`. With a = softmax(e) the score of a bag is
//! offset + Σ aᵢ vᵢ (gated attention: Ilse, Tomczak, Welling 2018, "Attention-based deep multiple instance learning",
//! with a linear bag head). Everything per tile follows from `e`, `v` and the [`Readout`]; nothing derived is stored.
//!
//! Sums are in f64 in grid order, so browser, server and a reference in another language agree.

use serde::{Deserialize, Serialize};

/// The scale of a predictor's score, which is the unit of its contributions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Log odds.
    Logit,
    /// Between 0 and 1.
    Probability,
    /// In the target's own unit.
    Linear,
    /// Logarithm of the hazard ratio.
    LogHazard,
}

impl Scale {
    /// The unit as the screen writes it.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Logit => "log odds",
            Self::Probability => "probability",
            Self::Linear => "units of the target",
            Self::LogHazard => "log hazard",
        }
    }

    /// The word stored in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Logit => "logit",
            Self::Probability => "probability",
            Self::Linear => "linear",
            Self::LogHazard => "log_hazard",
        }
    }

    /// Reads what [`Scale::as_str`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [
            Self::Logit,
            Self::Probability,
            Self::Linear,
            Self::LogHazard,
        ]
        .into_iter()
        .find(|scale| scale.as_str() == text)
    }
}

/// What turns the terms of one fold model and target into scores and quantities.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Readout {
    /// Added to the weighted sum of values.
    pub offset: f64,
    /// m: mean over the training patients of Σ aᵢ vᵢ, one vote each.
    pub reference: f64,
    /// μ: mean of v over the training tiles.
    pub mean: f64,
    /// Standard deviation of v over the training tiles; above zero.
    pub sd: f64,
    /// The scale of the score.
    pub scale: Scale,
}

/// The terms of one fold model and target on the tiles of one grid or bag, in its order.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Terms {
    weight_logits: Vec<f32>,
    values: Vec<f32>,
}

/// Why numbers are not [`Terms`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TermsError {
    /// The arrays do not belong together.
    #[error(
        "{weight_logits} weight logits but {values} values: there must be one of each per tile"
    )]
    Lengths {
        /// Number of weight logits.
        weight_logits: usize,
        /// Number of values.
        values: usize,
    },
    /// A number that is not finite.
    #[error("tile {tile} has a weight logit or value that is not finite")]
    NotFinite {
        /// Index of the first such tile.
        tile: usize,
    },
}

impl Terms {
    /// Checks that there is one finite weight logit and value per tile.
    ///
    /// # Errors
    /// When the lengths differ or a number is not finite.
    pub fn new(weight_logits: Vec<f32>, values: Vec<f32>) -> Result<Self, TermsError> {
        if weight_logits.len() != values.len() {
            return Err(TermsError::Lengths {
                weight_logits: weight_logits.len(),
                values: values.len(),
            });
        }
        match weight_logits
            .iter()
            .zip(&values)
            .position(|(e, v)| !(e.is_finite() && v.is_finite()))
        {
            Some(tile) => Err(TermsError::NotFinite { tile }),
            None => Ok(Self {
                weight_logits,
                values,
            }),
        }
    }

    /// Reads e₀ v₀ e₁ v₁ …, the order of storage and of the wire.
    ///
    /// # Errors
    /// When the length is odd or a number is not finite.
    pub fn from_interleaved(numbers: &[f32]) -> Result<Self, TermsError> {
        let weight_logits = numbers.iter().step_by(2).copied().collect();
        let values = numbers.iter().skip(1).step_by(2).copied().collect();
        Self::new(weight_logits, values)
    }

    /// Writes e₀ v₀ e₁ v₁ …
    #[must_use]
    pub fn to_interleaved(&self) -> Vec<f32> {
        self.weight_logits
            .iter()
            .zip(&self.values)
            .flat_map(|(&e, &v)| [e, v])
            .collect()
    }

    /// Number of tiles.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is no tile.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// e, one per tile.
    #[must_use]
    pub fn weight_logits(&self) -> &[f32] {
        &self.weight_logits
    }

    /// v, one per tile.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// a = softmax(e): one per tile, summing to 1.
    #[must_use]
    pub fn attention(&self) -> Vec<f64> {
        self.attention_without(|_| false)
    }

    /// Softmax over the tiles that are not left out, re-maximised over what remains; 0 for those left out. All zeros
    /// when nothing remains.
    #[must_use]
    pub fn attention_without(&self, left_out: impl Fn(usize) -> bool) -> Vec<f64> {
        let kept = || {
            self.weight_logits
                .iter()
                .enumerate()
                .filter(|&(tile, _)| !left_out(tile))
        };
        let largest = kept().map(|(_, &e)| e).fold(f32::NEG_INFINITY, f32::max);
        let mut attention = vec![0.0; self.len()];
        let mut sum = 0.0;
        for (tile, &e) in kept() {
            let weight = (f64::from(e) - f64::from(largest)).exp();
            if let Some(slot) = attention.get_mut(tile) {
                *slot = weight;
            }
            sum += weight;
        }
        if sum > 0.0 {
            for weight in &mut attention {
                *weight /= sum;
            }
        }
        attention
    }

    /// Σ aᵢ vᵢ; `None` without a tile.
    #[must_use]
    pub fn weighted_value(&self) -> Option<f64> {
        self.weighted_value_without(|_| false)
    }

    /// Σ aᵢ vᵢ over the tiles that are not left out; `None` when nothing remains.
    #[must_use]
    pub fn weighted_value_without(&self, left_out: impl Fn(usize) -> bool + Copy) -> Option<f64> {
        if (0..self.len()).all(left_out) {
            return None;
        }
        let attention = self.attention_without(left_out);
        Some(
            attention
                .iter()
                .zip(&self.values)
                .map(|(a, &v)| a * f64::from(v))
                .sum(),
        )
    }

    /// offset + Σ aᵢ vᵢ; `None` without a tile.
    #[must_use]
    pub fn score(&self, readout: &Readout) -> Option<f64> {
        self.weighted_value().map(|value| readout.offset + value)
    }

    /// What-if: the score with tiles left out, exact from e and v alone; `None` when nothing remains.
    #[must_use]
    pub fn score_without(
        &self,
        readout: &Readout,
        left_out: impl Fn(usize) -> bool + Copy,
    ) -> Option<f64> {
        self.weighted_value_without(left_out)
            .map(|value| readout.offset + value)
    }

    /// cᵢ = aᵢ (vᵢ − m), so that score = (offset + m) + Σ cᵢ: zero means "as in the average training patient".
    #[must_use]
    pub fn contributions(&self, readout: &Readout) -> Vec<f64> {
        let attention = self.attention();
        attention
            .iter()
            .zip(&self.values)
            .map(|(a, &v)| a * (f64::from(v) - readout.reference))
            .collect()
    }

    /// rᵢ = score − score without tile i = aᵢ / (1 − aᵢ) · (vᵢ − Σⱼ aⱼ vⱼ). It may differ from the contribution in sign,
    /// because leaving a tile out re-weights the rest. A tile that has all the weight has no removal effect: NaN.
    #[must_use]
    pub fn removal_effects(&self) -> Vec<f64> {
        let attention = self.attention();
        let weighted: f64 = attention
            .iter()
            .zip(&self.values)
            .map(|(a, &v)| a * f64::from(v))
            .sum();
        attention
            .iter()
            .zip(&self.values)
            .map(|(&a, &v)| {
                if a < 1.0 {
                    a / (1.0 - a) * (f64::from(v) - weighted)
                } else {
                    f64::NAN
                }
            })
            .collect()
    }

    /// The prediction if the bag were this tile alone, as a probability; for binary targets only.
    #[must_use]
    pub fn tile_probabilities(&self, readout: &Readout) -> Vec<f64> {
        self.values
            .iter()
            .map(|&v| probability_of_score(readout.offset + f64::from(v), readout.scale))
            .collect()
    }

    /// (v − μ) / sd over the training tiles.
    #[must_use]
    pub fn z_scores(&self, readout: &Readout) -> Vec<f64> {
        self.values
            .iter()
            .map(|&v| (f64::from(v) - readout.mean) / readout.sd)
            .collect()
    }
}

/// σ(x), without overflow at either end.
#[must_use]
pub fn sigmoid(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + (-x).exp())
    } else {
        let exp = x.exp();
        exp / (1.0 + exp)
    }
}

/// A score as an uncalibrated probability: σ of a logit, a probability as it is. NaN on scales that have none.
#[must_use]
pub fn probability_of_score(score: f64, scale: Scale) -> f64 {
    match scale {
        Scale::Logit => sigmoid(score),
        Scale::Probability => score,
        Scale::Linear | Scale::LogHazard => f64::NAN,
    }
}

/// Mean per tile over the fold models that are entitled to speak. All have the same length.
#[must_use]
pub fn mean_over_models(per_model: &[Vec<f64>]) -> Vec<f64> {
    let Some(first) = per_model.first() else {
        return Vec::new();
    };
    let mut mean = vec![0.0; first.len()];
    for values in per_model {
        for (sum, value) in mean.iter_mut().zip(values) {
            *sum += value;
        }
    }
    let count = per_model.len() as f64;
    for value in &mut mean {
        *value /= count;
    }
    mean
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const READOUT: Readout = Readout {
        offset: -0.4,
        reference: 0.3,
        mean: 0.1,
        sd: 2.0,
        scale: Scale::Logit,
    };

    fn terms() -> impl Strategy<Value = Terms> {
        prop::collection::vec((-30.0f32..30.0, -5.0f32..5.0), 2..60).prop_map(|pairs| {
            Terms::new(
                pairs.iter().map(|p| p.0).collect(),
                pairs.iter().map(|p| p.1).collect(),
            )
            .unwrap()
        })
    }

    proptest! {
        #[test]
        fn attention_sums_to_one(terms in terms()) {
            prop_assert!((terms.attention().iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }

        #[test]
        fn contributions_add_up_to_the_score(terms in terms()) {
            let sum: f64 = terms.contributions(&READOUT).iter().sum();
            let score = terms.score(&READOUT).unwrap();
            prop_assert!((READOUT.offset + READOUT.reference + sum - score).abs() < 1e-9);
        }

        #[test]
        fn the_removal_effect_is_the_score_minus_the_score_without_the_tile(terms in terms(), pick in 0usize..1000) {
            let tile = pick % terms.len();
            let without = terms.score_without(&READOUT, |index| index == tile).unwrap();
            let effect = terms.removal_effects()[tile];
            // A tile with nearly all the weight leaves 1 − a with few digits.
            prop_assume!(terms.attention()[tile] < 0.999);
            prop_assert!((terms.score(&READOUT).unwrap() - without - effect).abs() < 1e-9 * without.abs().max(1.0) * 1e3);
        }

        #[test]
        fn leaving_tiles_out_equals_a_bag_without_them(terms in terms(), keep in prop::collection::vec(any::<bool>(), 60)) {
            let left_out = |tile: usize| !keep[tile];
            let kept: Vec<usize> = (0..terms.len()).filter(|&tile| keep[tile]).collect();
            let smaller = Terms::new(
                kept.iter().map(|&tile| terms.weight_logits()[tile]).collect(),
                kept.iter().map(|&tile| terms.values()[tile]).collect(),
            ).unwrap();
            match (terms.score_without(&READOUT, left_out), smaller.score(&READOUT)) {
                (Some(a), Some(b)) => prop_assert!((a - b).abs() < 1e-12),
                (a, b) => prop_assert!(a.is_none() && b.is_none()),
            }
        }

        #[test]
        fn permuting_tiles_permutes_every_quantity(terms in terms()) {
            let reversed = Terms::new(
                terms.weight_logits().iter().rev().copied().collect(),
                terms.values().iter().rev().copied().collect(),
            ).unwrap();
            let mut back = reversed.contributions(&READOUT);
            back.reverse();
            for (a, b) in terms.contributions(&READOUT).iter().zip(&back) {
                prop_assert!((a - b).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn interleaved_numbers_come_back() {
        let terms = Terms::new(vec![1.0, 2.0], vec![3.0, 4.0]).unwrap();
        assert_eq!(terms.to_interleaved(), [1.0, 3.0, 2.0, 4.0]);
        assert_eq!(
            Terms::from_interleaved(&terms.to_interleaved()).unwrap(),
            terms
        );
        assert!(Terms::from_interleaved(&[1.0, 2.0, 3.0]).is_err());
        assert_eq!(
            Terms::new(vec![f32::NAN], vec![0.0]),
            Err(TermsError::NotFinite { tile: 0 })
        );
    }

    #[test]
    fn one_tile_alone_has_no_removal_effect_and_no_rest() {
        let terms = Terms::new(vec![7.0], vec![1.5]).unwrap();
        assert!(terms.removal_effects()[0].is_nan());
        assert_eq!(terms.score_without(&READOUT, |_| true), None);
        assert!((terms.score(&READOUT).unwrap() - 1.1).abs() < 1e-12);
        assert!((terms.tile_probabilities(&READOUT)[0] - sigmoid(1.1)).abs() < 1e-12);
        assert!((terms.z_scores(&READOUT)[0] - 0.7).abs() < 1e-12);
    }

    #[test]
    fn the_sigmoid_does_not_overflow() {
        assert_eq!(sigmoid(-1e4), 0.0);
        assert_eq!(sigmoid(1e4), 1.0);
        assert_eq!(sigmoid(0.0), 0.5);
    }
}
