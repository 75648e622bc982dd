//! The difference of the AUROCs of two scores of the same patients, such as a model's and colour-only's.

use serde::{Deserialize, Serialize};

use super::{
    Case, HOEFFDING, IntervalMethod, Pairs, Placements, Scope, Won, deviation_of_mean, mean,
};
use crate::distribution::normal_two_sided;
use crate::{Interval, NORMAL_QUANTILE, StatsError};

/// One patient's two scores and finding.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairedCase {
    /// The first score; higher speaks for the finding.
    pub first: f64,
    /// The second score, on any scale of its own.
    pub second: f64,
    /// Whether the patient has the finding.
    pub positive: bool,
}

/// By how much the first score's AUROC is larger than the second's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AurocDifference {
    /// AUROC of the first score.
    pub first: f64,
    /// AUROC of the second score.
    pub second: f64,
    /// First minus second, −1 to 1.
    pub value: f64,
    /// 95 % interval of the difference.
    pub interval: Interval,
    /// Two-sided, of no difference.
    pub p: f64,
    /// [`IntervalMethod::Delong`] or [`IntervalMethod::Hoeffding`].
    pub method: IntervalMethod,
    /// What the interval allows for.
    pub scope: Scope,
    /// Patients with the finding.
    pub n_positive: usize,
    /// Patients without it.
    pub n_negative: usize,
    /// Pairs that were counted (of one repeat).
    pub n_pairs: usize,
}

/// Compares two scores, counting only pairs within the same test fold; `repeats[r][k]` are the patients of fold k of repeat
/// r. One repeat of one fold is the plain comparison of two fixed models.
///
/// A difference of AUROCs is itself a mean over pairs, its placement values the differences of the two scores' (DeLong et
/// al. 1988, equations 6 and 7; from midranks as in Sun and Xu 2014). Their variance is pooled over folds and bounded over
/// repeats just as [`super::repeated_within_fold_auroc`] does it for one score; the interval is difference ± 1.96 deviations
/// cut at −1 and 1, and p is of the difference over its deviation. Where there is no variance to estimate (two scores
/// that rank alike, one positive per fold) both come from Hoeffding's bound, whose pairs lie between −1 and 1 here: ±
/// √(2 ln(2/0.05) · Σ wₖ²/lₖ) and 2 exp(−difference² / (2 Σ wₖ²/lₖ)).
///
/// # Errors
/// When a class is empty, no fold holds a pair, a score is not finite, or there is no repeat.
pub fn paired_difference<F: AsRef<[PairedCase]>>(
    repeats: &[Vec<F>],
) -> Result<AurocDifference, StatsError> {
    let mut first = Vec::new();
    let mut second = Vec::new();
    let mut difference = Vec::new();
    for folds in repeats {
        let folds = folds
            .iter()
            .map(|fold| {
                let a = won(fold.as_ref(), |case| case.first)?;
                let b = won(fold.as_ref(), |case| case.second)?;
                let minus = Won {
                    positives: subtract(&a.positives, &b.positives),
                    negatives: subtract(&a.negatives, &b.negatives),
                };
                Ok([a, b, minus].map(Placements::of))
            })
            .collect::<Result<Vec<[Placements; 3]>, StatsError>>()?;
        let (mut a, mut b, mut minus) = (Vec::new(), Vec::new(), Vec::new());
        for [of_a, of_b, of_minus] in folds {
            a.push(of_a);
            b.push(of_b);
            minus.push(of_minus);
        }
        first.push(Pairs::of_folds(&a)?);
        second.push(Pairs::of_folds(&b)?);
        difference.push(Pairs::of_folds(&minus)?);
    }
    let Some(counts) = difference.first() else {
        return Err(StatsError::TooFew {
            found: 0,
            needed: 1,
        });
    };
    let value = mean(&difference, |pairs| pairs.value);
    let (half, p, method) = if let Some(deviation) = deviation_of_mean(&difference) {
        let p = normal_two_sided(value / deviation);
        (NORMAL_QUANTILE * deviation, p, IntervalMethod::Delong)
    } else {
        let spread = mean(&difference, |pairs| pairs.hoeffding.sqrt());
        let p = 2.0 * (-(value / spread).powi(2) / 2.0).exp();
        (
            2.0 * HOEFFDING * spread,
            p.min(1.0),
            IntervalMethod::Hoeffding,
        )
    };
    Ok(AurocDifference {
        first: mean(&first, |pairs| pairs.value),
        second: mean(&second, |pairs| pairs.value),
        value,
        interval: Interval {
            lower: (value - half).max(-1.0),
            upper: (value + half).min(1.0),
        },
        p,
        method,
        scope: Scope::of(repeats),
        n_positive: counts.n_positive,
        n_negative: counts.n_negative,
        n_pairs: counts.n_pairs,
    })
}

fn won(fold: &[PairedCase], score: impl Fn(&PairedCase) -> f64) -> Result<Won, StatsError> {
    let cases: Vec<Case> = fold
        .iter()
        .map(|case| Case {
            score: score(case),
            positive: case.positive,
        })
        .collect();
    Won::of(&cases)
}

fn subtract(left: &[f64], right: &[f64]) -> Vec<f64> {
    left.iter().zip(right).map(|(a, b)| a - b).collect()
}
