//! Percentile intervals over resampled patients.
//!
//! Patients are drawn with replacement, as many as there are, each with all that was measured of them (the cluster
//! bootstrap: Davison and Hinkley 1997, Bootstrap Methods and their Application, section 3.8); the interval is from the
//! 2.5th to the 97.5th percentile of the statistic (Efron and Tibshirani 1993, section 13.3; percentiles interpolated
//! linearly, Hyndman and Fan's type 7). Nothing is copied or sorted anew: a resample is how often each patient was drawn.
//!
//! A resample in which the statistic has no value (no patient with the finding was drawn) is left out and counted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::require_finite;
use crate::{CONFIDENCE, Interval, SplitMix64, StatsError};

/// How often patients are resampled, and the seed that fixes how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resampling {
    /// Number of resamples; a 95 % interval needs [`Resampling::MIN_RESAMPLES`] and deserves 1,000 or more.
    pub resamples: usize,
    /// Same seed and same input, same interval.
    pub seed: u64,
}

impl Resampling {
    /// Fewer leave two values or none in each tail.
    pub const MIN_RESAMPLES: usize = 100;
}

/// One measurement of a patient (a tile, a spot, or a repeat of a cross-validation).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clustered<T> {
    /// The patient: any number, the same for all measurements of one patient.
    pub cluster: usize,
    /// What was measured.
    pub case: T,
}

/// A statistic with its interval over resampled patients.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bootstrapped {
    /// Of the patients as they are.
    pub value: f64,
    /// 95 % interval. `None` where every resample gave the same value, which is no evidence of certainty.
    pub interval: Option<Interval>,
    /// Patients.
    pub n_clusters: usize,
    /// Resamples in which the statistic has a value.
    pub resamples: usize,
    /// Resamples in which it has none; they are left out.
    pub undefined: usize,
}

/// Bootstraps `statistic`, which is told how often each of `n_clusters` patients counts.
///
/// # Errors
/// With fewer than two patients, when `statistic` has no value for the patients as they are (its own error), or when fewer
/// than [`Resampling::MIN_RESAMPLES`] resamples give a finite value.
pub fn bootstrap(
    n_clusters: usize,
    resampling: Resampling,
    mut statistic: impl FnMut(&[u32]) -> Result<f64, StatsError>,
) -> Result<Bootstrapped, StatsError> {
    let value = statistic(&vec![1; n_clusters])?;
    require_finite(&[value])?;
    if n_clusters < 2 {
        return Err(StatsError::TooFew {
            found: n_clusters,
            needed: 2,
        });
    }
    let mut random = SplitMix64::new(resampling.seed);
    let mut weights = vec![0_u32; n_clusters];
    let mut values: Vec<f64> = (0..resampling.resamples)
        .filter_map(|_| {
            weights.fill(0);
            for _ in 0..n_clusters {
                weights[random.below(n_clusters)] += 1;
            }
            statistic(&weights).ok().filter(|value| value.is_finite())
        })
        .collect();
    if values.len() < Resampling::MIN_RESAMPLES {
        return Err(StatsError::TooFew {
            found: values.len(),
            needed: Resampling::MIN_RESAMPLES,
        });
    }
    values.sort_by(f64::total_cmp);
    let half_alpha = (1.0 - CONFIDENCE) / 2.0;
    let interval = Interval {
        lower: quantile(&values, half_alpha),
        upper: quantile(&values, 1.0 - half_alpha),
    };
    Ok(Bootstrapped {
        value,
        interval: (values.first() != values.last()).then_some(interval),
        n_clusters,
        resamples: values.len(),
        undefined: resampling.resamples - values.len(),
    })
}

/// The mean of one value per patient.
///
/// # Errors
/// As [`bootstrap`]; also when a value is not finite.
pub fn bootstrap_mean(values: &[f64], resampling: Resampling) -> Result<Bootstrapped, StatsError> {
    require_finite(values)?;
    bootstrap(values.len(), resampling, |weights| {
        let sum: f64 = values
            .iter()
            .zip(weights)
            .map(|(value, &weight)| value * f64::from(weight))
            .sum();
        match values.len() {
            0 => Err(StatsError::TooFew {
                found: 0,
                needed: 2,
            }),
            n => Ok(sum / n as f64),
        }
    })
}

/// The quantile of sorted values, of which there is at least one, interpolated linearly (Hyndman and Fan's type 7).
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let below = place.floor();
    let (lower, upper) = (sorted[below as usize], sorted[place.ceil() as usize]);
    lower + (place - below) * (upper - lower)
}

/// Numbers the patients of all repeats from 0 without gaps, in rising order of their own numbers, and counts them.
pub(crate) fn numbered<T: Copy, F: AsRef<[Clustered<T>]>>(
    repeats: &[Vec<F>],
) -> (Vec<Vec<Vec<Clustered<T>>>>, usize) {
    let everybody = || repeats.iter().flatten().flat_map(AsRef::as_ref);
    let mut numbers: BTreeMap<usize, usize> =
        everybody().map(|measured| (measured.cluster, 0)).collect();
    for (place, number) in numbers.values_mut().enumerate() {
        *number = place;
    }
    let renumber = |fold: &F| {
        fold.as_ref()
            .iter()
            .map(|measured| Clustered {
                cluster: numbers[&measured.cluster],
                ..*measured
            })
            .collect()
    };
    let renumbered = repeats
        .iter()
        .map(|folds| folds.iter().map(renumber).collect())
        .collect();
    (renumbered, numbers.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_interpolated() {
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.5), 2.0);
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.75), 3.0);
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 1.0), 4.0);
        assert_eq!(quantile(&[7.0], 0.025), 7.0);
    }

    #[test]
    fn patients_are_numbered_across_repeats() {
        let of = |cluster| Clustered { cluster, case: () };
        let (repeats, n) = numbered(&[vec![vec![of(9), of(4)], vec![of(7)]], vec![vec![of(7)]]]);
        assert_eq!(n, 3);
        assert_eq!(
            repeats,
            [vec![vec![of(2), of(0)], vec![of(1)]], vec![vec![of(1)]]]
        );
    }
}
