//! Precision and recall: of those called positive, how many are; of the positives, how many are called so.
//!
//! The area under the curve is the **average precision** Σ (Rₙ − Rₙ₋₁) Pₙ over the distinct scores from the highest down,
//! scikit-learn's definition: the mean, over the positives, of the precision at each one's own score. It is not
//! interpolated, which would be too good (Davis and Goadrich 2006, ICML, section 4). What chance reaches is the share
//! of positives, not one half.

use serde::{Deserialize, Serialize};

use crate::StatsError;
use crate::auroc::{Case, called_positive, count};
use crate::bootstrap::{Bootstrapped, Clustered, Resampling, bootstrap};
use crate::ranking::Rankings;

/// Average precision with an interval over resampled patients; `repeats[r][k]` are the cases of fold k of repeat r.
///
/// Within folds, because scores of different fold models are not comparable: of one repeat it is the mean over the positives
/// of the precision within their own fold, so that a fold weighs as many positives as it has; then the mean over repeats.
/// A fold of one class only says nothing. One repeat of one fold is the plain average precision. Small folds reach
/// more than large ones by chance alone: compare only what was measured on the same folds.
///
/// # Errors
/// When a class is empty, no fold of a repeat holds both, a score is not finite, there is no repeat, there are fewer than
/// two patients, or too few resamples hold both classes.
pub fn average_precision<F: AsRef<[Clustered<Case>]>>(
    repeats: &[Vec<F>],
    resampling: Resampling,
) -> Result<Bootstrapped, StatsError> {
    let rankings = Rankings::of(repeats)?;
    bootstrap(rankings.n_clusters, resampling, |weights| {
        rankings.mean_ratio(|fold| fold.precisions(weights))
    })
}

/// A point of a precision-recall curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PrecisionRecallPoint {
    /// Share of the positives that are called positive.
    pub recall: f64,
    /// Share of those called positive that are.
    pub precision: f64,
    /// Cases with this score or a higher one are called positive.
    pub threshold: f64,
}

/// The precision-recall curve of one model: one point per distinct score, highest first, so that recall never falls and ends
/// at 1. It is a step function: each precision holds from the point before (from 0 at the first) to its own recall.
///
/// # Errors
/// When a class is empty or a score is not finite.
pub fn precision_recall_curve(cases: &[Case]) -> Result<Vec<PrecisionRecallPoint>, StatsError> {
    let [positive, negative] = count(cases);
    if positive == 0 || negative == 0 {
        return Err(StatsError::OneClass { positive, negative });
    }
    Ok(called_positive(cases)?
        .into_iter()
        .map(|called| PrecisionRecallPoint {
            recall: called.positives as f64 / positive as f64,
            precision: called.positives as f64 / (called.positives + called.negatives) as f64,
            threshold: called.threshold,
        })
        .collect())
}
