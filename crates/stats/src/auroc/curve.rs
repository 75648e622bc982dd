//! The ROC curve, for charts.

use serde::{Deserialize, Serialize};

use super::Case;
use crate::StatsError;
use crate::error::require_finite;

/// A point of an ROC curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RocPoint {
    /// Share of the negatives that are called positive.
    pub false_positive_rate: f64,
    /// Share of the positives that are called positive.
    pub true_positive_rate: f64,
    /// Cases with this score or a higher one are called positive. `None` at the origin, where nobody is, and where the curve
    /// is a mean over fold models, whose thresholds are not comparable.
    pub threshold: Option<f64>,
}

/// The ROC curve of one model, from (0, 0) to (1, 1): one point per distinct score, to be joined by straight lines. Both
/// rates never fall, and the area below is the AUROC, ties counting half.
///
/// # Errors
/// When a class is empty or a score is not finite.
pub fn roc_curve(cases: &[Case]) -> Result<Vec<RocPoint>, StatsError> {
    let [positives, negatives] = count(cases);
    if positives == 0 || negatives == 0 {
        return Err(StatsError::OneClass {
            positive: positives,
            negative: negatives,
        });
    }
    let mut points = vec![RocPoint {
        false_positive_rate: 0.0,
        true_positive_rate: 0.0,
        threshold: None,
    }];
    points.extend(called_positive(cases)?.into_iter().map(|called| RocPoint {
        false_positive_rate: called.negatives as f64 / negatives as f64,
        true_positive_rate: called.positives as f64 / positives as f64,
        threshold: Some(called.threshold),
    }));
    Ok(points)
}

/// Who is called positive at a threshold.
pub(crate) struct Called {
    pub threshold: f64,
    pub positives: usize,
    pub negatives: usize,
}

/// Positives and negatives.
pub(crate) fn count(cases: &[Case]) -> [usize; 2] {
    let positives = cases.iter().filter(|case| case.positive).count();
    [positives, cases.len() - positives]
}

/// One entry per distinct score, highest first.
pub(crate) fn called_positive(cases: &[Case]) -> Result<Vec<Called>, StatsError> {
    let scores: Vec<f64> = cases.iter().map(|case| case.score).collect();
    require_finite(&scores)?;
    let mut sorted = cases.to_vec();
    sorted.sort_by(|a, b| b.score.total_cmp(&a.score));
    let (mut positives, mut negatives) = (0, 0);
    Ok(sorted
        .chunk_by(|a, b| a.score == b.score)
        .map(|tied| {
            let [more_positives, more_negatives] = count(tied);
            positives += more_positives;
            negatives += more_negatives;
            Called {
                threshold: tied[0].score,
                positives,
                negatives,
            }
        })
        .collect())
}

/// The mean ROC curve of the fold models: at every false positive rate the mean of the folds' true positive rates, a fold
/// weighing as in [`super::repeated_within_fold_auroc`] (wₖ, and each repeat alike), so that the area below this curve is
/// that AUROC. Scores of different fold models are never compared.
///
/// # Errors
/// When no repeat is given, a class is empty, no fold of a repeat holds a pair, or a score is not finite.
pub fn within_fold_roc_curve<F: AsRef<[Case]>>(
    repeats: &[Vec<F>],
) -> Result<Vec<RocPoint>, StatsError> {
    if repeats.is_empty() {
        return Err(StatsError::TooFew {
            found: 0,
            needed: 1,
        });
    }
    let mut weighted = Vec::new();
    for folds in repeats {
        let counts: Vec<[usize; 2]> = folds.iter().map(|fold| count(fold.as_ref())).collect();
        let sum = |class: usize| counts.iter().map(|count| count[class]).sum();
        let (positive, negative) = (sum(0), sum(1));
        if positive == 0 || negative == 0 {
            return Err(StatsError::OneClass { positive, negative });
        }
        let pairs: usize = counts.iter().map(|[m, n]| m * n).sum();
        if pairs == 0 {
            return Err(StatsError::NoPairs);
        }
        for (fold, [m, n]) in folds.iter().zip(counts).filter(|(_, [m, n])| m * n > 0) {
            let weight = (m * n) as f64 / pairs as f64 / repeats.len() as f64;
            weighted.push((weight, roc_curve(fold.as_ref())?));
        }
    }
    let mut rates: Vec<f64> = weighted
        .iter()
        .flat_map(|(_, curve)| curve.iter().map(|point| point.false_positive_rate))
        .collect();
    rates.sort_by(f64::total_cmp);
    rates.dedup();
    let mut points: Vec<RocPoint> = Vec::new();
    for false_positive_rate in rates {
        // A curve may rise straight up: it has a first and a last true positive rate here.
        let (mut first, mut last) = (0.0, 0.0);
        for (weight, curve) in &weighted {
            let (from, to) = at(curve, false_positive_rate);
            first += weight * from;
            last += weight * to;
        }
        for true_positive_rate in [first, last] {
            let point = RocPoint {
                false_positive_rate,
                // The weights sum to 1 but for rounding.
                true_positive_rate: true_positive_rate.min(1.0),
                threshold: None,
            };
            if points.last() != Some(&point) {
                points.push(point);
            }
        }
    }
    Ok(points)
}

/// The lowest and highest true positive rate of a curve at a false positive rate.
fn at(curve: &[RocPoint], false_positive_rate: f64) -> (f64, f64) {
    let start = curve.partition_point(|point| point.false_positive_rate < false_positive_rate);
    let end = curve.partition_point(|point| point.false_positive_rate <= false_positive_rate);
    if start < end {
        return (
            curve[start].true_positive_rate,
            curve[end - 1].true_positive_rate,
        );
    }
    // Every curve has a point at 0 and one at 1, so one lies on either side.
    let (before, after) = (curve[start - 1], curve[start]);
    let share = (false_positive_rate - before.false_positive_rate)
        / (after.false_positive_rate - before.false_positive_rate);
    let between =
        before.true_positive_rate + share * (after.true_positive_rate - before.true_positive_rate);
    (between, between)
}
