//! What an overlay shows: a quantity per tile, how it is normalised, how it is drawn.

use serde::{Deserialize, Serialize};

use crate::colour::ColourMap;
use crate::score::{Readout, Scale, Terms, mean_over_models};

/// A quantity per tile. Never used for one another; the screen says which one is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// The weight of the tile in the bag.
    Attention,
    /// What the tile adds to the score, against the average training patient.
    Contribution,
    /// What leaving the tile out would change.
    RemovalEffect,
    /// The prediction if the bag were this tile alone.
    TileProbability,
    /// The tile's value in standard deviations of the training tiles.
    ZScore,
}

impl Quantity {
    /// In the order of the menu.
    pub const ALL: [Self; 5] = [
        Self::Contribution,
        Self::Attention,
        Self::RemovalEffect,
        Self::TileProbability,
        Self::ZScore,
    ];

    /// Its name on the screen.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Attention => "Attention",
            Self::Contribution => "Contribution",
            Self::RemovalEffect => "Removal effect",
            Self::TileProbability => "Tile probability",
            Self::ZScore => "z-score",
        }
    }

    /// Its name in addresses.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Attention => "attention",
            Self::Contribution => "contribution",
            Self::RemovalEffect => "removal-effect",
            Self::TileProbability => "tile-probability",
            Self::ZScore => "z-score",
        }
    }

    /// Reads what [`Quantity::key`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|quantity| quantity.key() == text)
    }

    /// One sentence for the screen.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Attention => {
                "Share of the model's weight on this tile. It is not an explanation."
            }
            Self::Contribution => {
                "What this tile adds to the score, compared with the average training patient. Together the tiles add up to the difference from that patient."
            }
            Self::RemovalEffect => "How much the score would fall if this tile were left out.",
            Self::TileProbability => {
                "The uncalibrated prediction if the slide were this tile alone."
            }
            Self::ZScore => {
                "What the model makes of this tile alone, before weighting, in standard deviations from the mean of the training tiles."
            }
        }
    }

    /// The unit of its numbers.
    #[must_use]
    pub const fn unit(self, scale: Scale) -> &'static str {
        match self {
            Self::Attention => "share of weight",
            Self::Contribution | Self::RemovalEffect => scale.unit(),
            Self::TileProbability => "this tile alone, uncalibrated",
            Self::ZScore => "standard deviations",
        }
    }

    /// Whether zero has a meaning and must be the middle of the colour map.
    #[must_use]
    pub const fn is_signed(self) -> bool {
        matches!(
            self,
            Self::Contribution | Self::RemovalEffect | Self::ZScore
        )
    }

    /// The quantity per tile under one fold model.
    #[must_use]
    pub fn of(self, terms: &Terms, readout: &Readout) -> Vec<f64> {
        match self {
            Self::Attention => terms.attention(),
            Self::Contribution => terms.contributions(readout),
            Self::RemovalEffect => terms.removal_effects(),
            Self::TileProbability => terms.tile_probabilities(readout),
            Self::ZScore => terms.z_scores(readout),
        }
    }

    /// The quantity per tile: the mean over the fold models that are entitled to speak.
    #[must_use]
    pub fn mean(self, models: &[(Terms, Readout)]) -> Vec<f64> {
        let per_model: Vec<Vec<f64>> = models
            .iter()
            .map(|(terms, readout)| self.of(terms, readout))
            .collect();
        mean_over_models(&per_model)
    }
}

/// How values become positions on a colour map.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Normalisation {
    /// The value at the lower end of the colour map; what is below is drawn as this.
    pub low: f64,
    /// The value at the upper end.
    pub high: f64,
}

impl Normalisation {
    /// The range of the finite values. Signed quantities get a range symmetric about zero, so that zero is the middle of
    /// a diverging map; probabilities get 0 to 1.
    #[must_use]
    pub fn of(quantity: Quantity, values: &[f64]) -> Self {
        if quantity == Quantity::TileProbability {
            return Self {
                low: 0.0,
                high: 1.0,
            };
        }
        let finite = || values.iter().copied().filter(|value| value.is_finite());
        let low = finite().fold(f64::INFINITY, f64::min);
        let high = finite().fold(f64::NEG_INFINITY, f64::max);
        if low > high {
            return Self {
                low: 0.0,
                high: 1.0,
            };
        }
        if quantity.is_signed() {
            let reach = low.abs().max(high.abs()).max(f64::MIN_POSITIVE);
            return Self {
                low: -reach,
                high: reach,
            };
        }
        let low = if quantity == Quantity::Attention {
            0.0
        } else {
            low
        };
        if high > low {
            Self { low, high }
        } else {
            Self {
                low,
                high: low + 1.0,
            }
        }
    }

    /// Where the value lies between low (0) and high (1), clamped; NaN stays NaN.
    #[must_use]
    pub fn position(&self, value: f64) -> f64 {
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }
}

/// The percentile rank of each value: the share of the finite values that are at most as large, 0 to 100.
#[must_use]
pub fn percentiles(values: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = values
        .iter()
        .copied()
        .filter(|value| value.is_finite())
        .collect();
    sorted.sort_by(f64::total_cmp);
    let rank = |value: f64| {
        sorted.partition_point(|&other| other <= value) as f64 / sorted.len().max(1) as f64 * 100.0
    };
    values
        .iter()
        .map(|&value| {
            if value.is_finite() {
                rank(value)
            } else {
                f64::NAN
            }
        })
        .collect()
}

/// Percentile ranks of the sizes, each on its value's side of zero: −100 to 100, and 0 only for zero. What signed values are
/// graded by: plain ranks would lose the zero.
#[must_use]
pub fn signed_percentiles(values: &[f64]) -> Vec<f64> {
    let sizes: Vec<f64> = values.iter().map(|value| value.abs()).collect();
    percentiles(&sizes)
        .into_iter()
        .zip(values)
        .map(|(rank, &value)| {
            if value == 0.0 {
                0.0
            } else {
                rank * value.signum()
            }
        })
        .collect()
}

/// What colours and threshold of a layer are laid out along.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grading {
    /// The values themselves.
    #[default]
    Value,
    /// Their ranks among this slide's tiles: [`percentiles`], of signed layers [`signed_percentiles`].
    Percentile,
}

impl Grading {
    /// In the order of the menu.
    pub const ALL: [Self; 2] = [Self::Value, Self::Percentile];

    /// Its name on the screen.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Value => "Value",
            Self::Percentile => "Percentile",
        }
    }

    /// Its name in addresses.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::Percentile => "percentile",
        }
    }

    /// Reads what [`Grading::key`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grading| grading.key() == text)
    }
}

/// An overlay as a person set it up; part of the address of a view.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerSpec {
    /// Key of the model.
    pub model: String,
    /// Key of the target.
    pub target: String,
    /// Key of another model, whose values for the same target and quantity are subtracted: the signed difference A − B.
    pub minus: Option<String>,
    /// What is shown.
    pub quantity: Quantity,
    /// With which colours.
    pub colour_map: ColourMap,
    /// 0 = not to be seen, 1 = hides the tissue.
    pub opacity: f64,
    /// Whether it is drawn at all.
    pub visible: bool,
    /// Whether colours flow from tile to tile. Off unless asked for: between the tiles' middles nothing was measured.
    pub smooth: bool,
    /// What colours and threshold are laid out along.
    pub grading: Grading,
    /// What is at the ends of the colour map, in the unit of the grading; `None` for what fits this slide.
    pub range: Option<(f64, f64)>,
    /// Only tiles between these two, both included, are drawn; in the unit of the grading.
    pub threshold: Option<(f64, f64)>,
}

impl LayerSpec {
    /// Whether zero has a meaning and must be the middle of the colour map.
    #[must_use]
    pub const fn is_signed(&self) -> bool {
        self.minus.is_some() || self.quantity.is_signed()
    }
}

/// How many of the values fall into each of `bins` equal parts between `low` and `high`; what lies outside is in none.
#[must_use]
pub fn histogram(values: &[f64], (low, high): (f64, f64), bins: usize) -> Vec<u32> {
    let mut counts = vec![0; bins];
    for &value in values {
        let share = (value - low) / (high - low);
        if (0.0..=1.0).contains(&share) {
            let bin = ((share * bins as f64) as usize).min(bins.saturating_sub(1));
            if let Some(count) = counts.get_mut(bin) {
                *count += 1;
            }
        }
    }
    counts
}

/// The indices of the values that say most, largest size first for signed ones, else largest first; at most so many, and among
/// equals the first in grid order.
#[must_use]
pub fn most_telling(values: &[f64], signed: bool, most: usize) -> Vec<usize> {
    let size = |index: usize| {
        let value = values.get(index).copied().unwrap_or(f64::NAN);
        if signed { value.abs() } else { value }
    };
    let mut order: Vec<usize> = (0..values.len())
        .filter(|&index| size(index).is_finite())
        .collect();
    let by_size = |&a: &usize, &b: &usize| size(b).total_cmp(&size(a)).then(a.cmp(&b));
    if order.len() > most {
        order.select_nth_unstable_by(most, by_size);
        order.truncate(most);
    }
    order.sort_unstable_by(by_size);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signed_quantities_have_zero_in_the_middle() {
        let range = Normalisation::of(Quantity::Contribution, &[-0.2, 0.5, f64::NAN]);
        assert_eq!(range.position(0.0), 0.5);
        assert_eq!(range.position(0.5), 1.0);
        assert_eq!(range.position(9.0), 1.0);
    }

    #[test]
    fn equal_values_and_no_values_have_a_range() {
        for values in [&[][..], &[0.0, 0.0], &[f64::NAN]] {
            for quantity in Quantity::ALL {
                let range = Normalisation::of(quantity, values);
                assert!(range.high > range.low, "{quantity:?} {values:?}");
                assert!(range.position(0.0).is_finite());
            }
        }
    }

    #[test]
    fn the_largest_value_is_at_the_hundredth_percentile() {
        assert_eq!(
            percentiles(&[3.0, 1.0, 2.0, 4.0])[..4],
            [75.0, 25.0, 50.0, 100.0]
        );
        assert!(percentiles(&[f64::NAN, 1.0])[0].is_nan());
    }

    #[test]
    fn signed_ranks_keep_zero_and_side() {
        assert_eq!(
            signed_percentiles(&[-4.0, 1.0, 0.0, 2.0]),
            [-100.0, 50.0, 0.0, 75.0]
        );
        assert!(signed_percentiles(&[f64::NAN])[0].is_nan());
    }

    #[test]
    fn a_histogram_counts_what_lies_between_its_ends() {
        let values = [0.0, 0.1, 0.5, 1.0, 1.1, f64::NAN];
        assert_eq!(histogram(&values, (0.0, 1.0), 2), [2, 2]);
        assert_eq!(histogram(&values, (0.0, 1.0), 0), [0; 0]);
    }

    #[test]
    fn the_most_telling_tiles_come_first() {
        let values = [0.1, -0.9, f64::NAN, 0.5, 0.5, 0.2];
        assert_eq!(most_telling(&values, true, 3), [1, 3, 4]);
        assert_eq!(most_telling(&values, false, 2), [3, 4]);
        assert_eq!(most_telling(&values, false, 99), [3, 4, 5, 0, 1]);
        assert_eq!(most_telling(&[], true, 5), [0; 0]);
    }

    #[test]
    fn keys_are_read_back() {
        for grading in Grading::ALL {
            assert_eq!(Grading::parse(grading.key()), Some(grading));
        }
        for quantity in Quantity::ALL {
            assert_eq!(Quantity::parse(quantity.key()), Some(quantity));
        }
        assert_eq!(Quantity::parse("probability"), None);
    }
}
