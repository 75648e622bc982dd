//! Do two measurements of the same cases rise together, and how far apart are they?
//!
//! P-values are of no correlation, two-sided, from t = r √((n − 2)/(1 − r²)) with n − 2 degrees of freedom, as SciPy has them:
//! exact for Pearson's R of normal values, an approximation for Spearman's, rough below ten cases. An R of 1 or −1 gives a
//! p of 0, which is the approximation's and not the truth's.
//!
//! Intervals are tanh(artanh r ± 1.96 s) with s² = 1/(n − 3) for Pearson's R (Fisher 1921, Metron 1:3) and s² = (1 + r²/2)/(n −
//! 3) for Spearman's (Bonett and Wright 2000, Psychometrika 65:23).

use serde::{Deserialize, Serialize};

use crate::bootstrap::{Bootstrapped, Resampling, bootstrap_mean};
use crate::distribution::student_two_sided;
use crate::error::{require_equal_lengths, require_finite};
use crate::rank::midranks;
use crate::{Interval, NORMAL_QUANTILE, StatsError};

/// A correlation, how sure it is, and of how many cases.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Correlation {
    /// −1 to 1.
    pub value: f64,
    /// 95 % interval. `None` with three cases, and at −1 and 1, where the formula would claim certainty.
    pub interval: Option<Interval>,
    /// Two-sided, of no correlation.
    pub p: f64,
    /// Cases.
    pub n: usize,
}

/// Pearson's correlation R.
///
/// # Errors
/// When the lists differ in length, hold fewer than three cases or a value that is not finite, or one of them is constant.
pub fn pearson(left: &[f64], right: &[f64]) -> Result<Correlation, StatsError> {
    require_pairs(left, right)?;
    Correlation::of(product_moment(left, right)?, left.len(), |_| 1.0)
}

/// Spearman's rank correlation: Pearson's correlation of the midranks, so that ties are treated right.
///
/// # Errors
/// As [`pearson`].
pub fn spearman(left: &[f64], right: &[f64]) -> Result<Correlation, StatsError> {
    require_pairs(left, right)?;
    let value = product_moment(&midranks(left), &midranks(right))?;
    Correlation::of(value, left.len(), |r| 1.0 + r * r / 2.0)
}

/// The mean absolute difference of predicted and measured values, one of each per patient, with an interval over resampled
/// patients.
///
/// # Errors
/// When the lists differ in length, hold fewer than two patients or a value that is not finite, or with too few resamples.
pub fn mean_absolute_error(
    predicted: &[f64],
    measured: &[f64],
    resampling: Resampling,
) -> Result<Bootstrapped, StatsError> {
    require_equal_lengths(predicted.len(), measured.len())?;
    require_finite(predicted)?;
    require_finite(measured)?;
    let errors: Vec<f64> = predicted
        .iter()
        .zip(measured)
        .map(|(predicted, measured)| (predicted - measured).abs())
        .collect();
    bootstrap_mean(&errors, resampling)
}

impl Correlation {
    /// `variance` is that of artanh r, times n − 3.
    fn of(value: f64, n: usize, variance: impl Fn(f64) -> f64) -> Result<Self, StatsError> {
        let degrees = n - 2;
        let t = value * (degrees as f64 / (1.0 - value * value)).sqrt();
        let interval = (n > 3 && value.abs() < 1.0).then(|| {
            let half = NORMAL_QUANTILE * (variance(value) / (n - 3) as f64).sqrt();
            Interval {
                lower: (value.atanh() - half).tanh(),
                upper: (value.atanh() + half).tanh(),
            }
        });
        Ok(Self {
            value,
            interval,
            p: student_two_sided(t, degrees),
            n,
        })
    }
}

fn require_pairs(left: &[f64], right: &[f64]) -> Result<(), StatsError> {
    require_equal_lengths(left.len(), right.len())?;
    require_finite(left)?;
    require_finite(right)?;
    if left.len() < 3 {
        return Err(StatsError::TooFew {
            found: left.len(),
            needed: 3,
        });
    }
    Ok(())
}

fn product_moment(left: &[f64], right: &[f64]) -> Result<f64, StatsError> {
    let (left, right) = (standardised(left)?, standardised(right)?);
    let product: f64 = left.iter().zip(&right).map(|(a, b)| a * b).sum();
    Ok(product.clamp(-1.0, 1.0))
}

/// Less the mean, at length 1.
fn standardised(values: &[f64]) -> Result<Vec<f64>, StatsError> {
    if values.iter().all(|value| *value == values[0]) {
        return Err(StatsError::Constant);
    }
    // Scaled first: squares of very large or very small values would leave the range of f64.
    let largest = values
        .iter()
        .fold(0.0_f64, |most, value| most.max(value.abs()));
    let scaled: Vec<f64> = values.iter().map(|value| value / largest).collect();
    let mean = scaled.iter().sum::<f64>() / scaled.len() as f64;
    let centred: Vec<f64> = scaled.iter().map(|value| value - mean).collect();
    let length = centred
        .iter()
        .map(|value| value * value)
        .sum::<f64>()
        .sqrt();
    if length == 0.0 {
        return Err(StatsError::Constant);
    }
    Ok(centred.iter().map(|value| value / length).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_answer_is_a_number_whatever_the_values(
            pairs in prop::collection::vec((any::<f64>(), any::<f64>()), 0..12),
        ) {
            let (x, y): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
            let resampling = Resampling { resamples: 100, seed: 0 };
            let mut numbers = Vec::new();
            for found in [pearson(&x, &y), spearman(&x, &y)].into_iter().flatten() {
                numbers.extend([found.value, found.p]);
                numbers.extend(found.interval.into_iter().flat_map(|own| [own.lower, own.upper]));
            }
            if let Ok(found) = mean_absolute_error(&x, &y, resampling) {
                numbers.push(found.value);
                numbers.extend(found.interval.into_iter().flat_map(|own| [own.lower, own.upper]));
            }
            prop_assert!(numbers.iter().all(|number| number.is_finite()), "{:?}", numbers);
        }
    }

    #[test]
    fn rising_and_falling_together_are_one_and_minus_one() {
        let x = [0.1, 0.2, 5.0, 7.0];
        let value = |y: &[f64]| spearman(&x, y).expect("four pairs").value;
        assert!((value(&[1.0, 8.0, 27.0, 1e6]) - 1.0).abs() < 1e-12);
        assert!((value(&[4.0, 3.0, 2.0, 1.0]) + 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_constant_list_is_refused() {
        assert_eq!(
            spearman(&[1.0, 1.0, 1.0], &[1.0, 2.0, 3.0]),
            Err(StatsError::Constant)
        );
    }

    #[test]
    fn lists_of_different_length_are_refused() {
        assert_eq!(
            spearman(&[1.0], &[1.0, 2.0]),
            Err(StatsError::LengthsDiffer { left: 1, right: 2 })
        );
    }

    #[test]
    fn an_end_of_the_scale_has_no_interval() {
        let x = [0.1, 0.2, 5.0, 7.0];
        let found = spearman(&x, &[1.0, 8.0, 27.0, 1e6]).expect("four pairs");
        assert_eq!(found.interval, None);
        assert!(found.p < 1e-12);
    }

    #[test]
    fn huge_and_tiny_values_are_correlated_as_others_are() {
        let (x, y) = ([1.0, 2.0, 3.0, 5.0], [2.0, 1.0, 4.0, 3.0]);
        let plain = pearson(&x, &y).expect("four pairs").value;
        let scaled = pearson(&x.map(|x| x * 1e300), &y.map(|y| y * 1e-300)).expect("four pairs");
        assert!((scaled.value - plain).abs() < 1e-12);
    }

    #[test]
    fn two_pairs_say_nothing() {
        let too_few = StatsError::TooFew {
            found: 2,
            needed: 3,
        };
        assert_eq!(pearson(&[1.0, 2.0], &[2.0, 1.0]), Err(too_few.clone()));
        assert_eq!(spearman(&[1.0, 2.0], &[2.0, 1.0]), Err(too_few));
        assert_eq!(
            pearson(&[1.0, f64::NAN, 2.0], &[1.0, 2.0, 3.0]),
            Err(StatsError::NotFinite { index: 1 })
        );
    }
}
