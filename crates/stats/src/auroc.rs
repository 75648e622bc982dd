//! The area under the ROC curve: the share of pairs (one patient with the finding, one without) in which the patient with
//! it scores higher, a tie counting half.
//!
//! Scores of different fold models are not comparable, so a cross-validated AUROC counts only pairs within the same test
//! fold. With K folds of mₖ patients with and nₖ without the finding and wₖ = mₖnₖ / Σ mₖnₖ it is Σ wₖ AUROCₖ.
//!
//! **Interval, usual case** ([`IntervalMethod::LogitDelong`]). DeLong's variance (DeLong, DeLong and Clarke-Pearson 1988,
//! Biometrics 44:837, computed from midranks as in Sun and Xu 2014, IEEE Signal Process Lett 21:1389) is Σ wₖ² (S₁₀/mₖ +
//! S₀₁/nₖ), where S₁₀ and S₀₁ are the variances of the placement values about their own fold's mean, pooled over folds with
//! the degrees of freedom Σ(mₖ − 1) and Σ(nₖ − 1): test folds share no patient, so given the fitted models they are
//! independent. Like the influence-curve estimator of LeDell, Petersen and van der Laan 2015 (Electron J Stat 9:1583) this
//! holds the fitted models fixed; pooling with degrees of freedom keeps it honest where a fold has one or two positives.
//! The interval is made on the logit scale (Pepe 2003, The Statistical Evaluation of Medical Tests, section 5.2) and
//! therefore stays within 0 and 1. With one fold all of this is plain DeLong.
//!
//! **AUROC of 0 or 1** ([`IntervalMethod::DisjointPairs`]). DeLong's variance is 0 there, which would claim certainty.
//! Fold k holds lₖ = min(mₖ, nₖ) pairs that share no patient; all are right with probability AUROCₖ^lₖ, so all of all
//! folds are with at most θ^L, L = minₖ lₖ/wₖ (Jensen's inequality; L = l for one fold). The exact bound solves θ^L =
//! 0.025, as Clopper and Pearson (1934, Biometrika 26:404) do for a share of L in L.
//!
//! **Nothing to estimate a variance from** ([`IntervalMethod::Hoeffding`]; one positive in every fold, or all placement
//! values equal). Hoeffding's bound for U-statistics (1963, J Am Stat Assoc 58:13, section 5), which holds for any
//! distribution and is wide: ± √(ln(2/0.05)/2 · Σ wₖ²/lₖ), cut at 0 and 1.
//!
//! Spots and tiles of one patient are not independent: [`clustered_auroc`] resamples patients
//! ([`IntervalMethod::PatientBootstrap`]). Two scores of the same patients are compared by [`paired_difference`].

mod clustered;
mod curve;
mod paired;

pub use clustered::clustered_auroc;
pub use curve::{RocPoint, roc_curve, within_fold_roc_curve};
pub(crate) use curve::{called_positive, count};
pub use paired::{AurocDifference, PairedCase, paired_difference};

use serde::{Deserialize, Serialize};

use crate::error::require_finite;
use crate::rank::midranks;
use crate::{CONFIDENCE, Interval, NORMAL_QUANTILE, StatsError};

/// One patient's score and finding.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Case {
    /// The score; higher speaks for the finding.
    pub score: f64,
    /// Whether the patient has the finding.
    pub positive: bool,
}

/// An AUROC, how sure it is, and what it counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Auroc {
    /// The share of pairs in the right order, 0 to 1.
    pub value: f64,
    /// 95 % interval.
    pub interval: Interval,
    /// How the interval was made.
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

/// How an interval of an AUROC was made; the module describes each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IntervalMethod {
    /// DeLong's variance on the logit scale.
    LogitDelong,
    /// Exact bound from pairs that share no patient, for an AUROC of 0 or 1.
    DisjointPairs,
    /// Hoeffding's bound, where no variance can be estimated.
    Hoeffding,
    /// DeLong's variance, for a difference of two AUROCs.
    Delong,
    /// Percentiles over resampled patients, for spots and tiles.
    PatientBootstrap,
}

/// What an interval of an AUROC allows for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// The patients are a sample, the scores come from one fixed model.
    Patients,
    /// The same, with one fixed model per test fold: how the models would differ on other training patients is not in it.
    TheseModels,
}

impl Scope {
    /// One repeat of one fold is one model.
    fn of<F>(repeats: &[Vec<F>]) -> Self {
        match repeats {
            [folds] if folds.len() == 1 => Self::Patients,
            _ => Self::TheseModels,
        }
    }

    /// The words to print beside the interval; `None` where none are needed.
    pub fn label(self) -> Option<&'static str> {
        match self {
            Self::Patients => None,
            Self::TheseModels => Some("conditional on these models"),
        }
    }
}

/// AUROC of scores that one model gave to patients it never saw.
///
/// # Errors
/// When a class is empty or a score is not finite.
pub fn auroc(cases: &[Case]) -> Result<Auroc, StatsError> {
    from_folds(&[Pairs::of_cases(&[cases])?], Scope::Patients)
}

/// Cross-validated AUROC, counting only pairs within the same test fold; `folds[k]` are the patients tested by fold model k.
///
/// # Errors
/// When a class is empty, no fold holds a pair, or a score is not finite.
pub fn within_fold_auroc<F: AsRef<[Case]>>(folds: &[F]) -> Result<Auroc, StatsError> {
    from_folds(&[Pairs::of_cases(folds)?], Scope::TheseModels)
}

/// Mean of [`within_fold_auroc`] over the repeats of a repeated cross-validation of the same patients.
///
/// The repeats are not independent. The standard deviation of their mean is at most the mean of their standard deviations
/// (Minkowski's inequality); that bound is used, so repeating never makes the interval narrower than one repeat's.
///
/// # Errors
/// As [`within_fold_auroc`]; also without any repeat.
pub fn repeated_within_fold_auroc<F: AsRef<[Case]>>(
    repeats: &[Vec<F>],
) -> Result<Auroc, StatsError> {
    let pairs = repeats
        .iter()
        .map(|folds| Pairs::of_cases(folds))
        .collect::<Result<Vec<_>, _>>()?;
    from_folds(&pairs, Scope::TheseModels)
}

fn from_folds(repeats: &[Pairs], scope: Scope) -> Result<Auroc, StatsError> {
    let Some(first) = repeats.first() else {
        return Err(StatsError::TooFew {
            found: 0,
            needed: 1,
        });
    };
    let all_equal = |value: f64| repeats.iter().all(|pairs| pairs.value == value);

    let value = mean(repeats, |pairs| pairs.value);
    let (interval, method) = if all_equal(1.0) || all_equal(0.0) {
        let pairs = repeats
            .iter()
            .map(|pairs| pairs.disjoint)
            .fold(f64::INFINITY, f64::min);
        let interval = disjoint_interval(value, pairs);
        (interval, IntervalMethod::DisjointPairs)
    } else if let Some(deviation) = deviation_of_mean(repeats) {
        let logit = (value / (1.0 - value)).ln();
        let half = NORMAL_QUANTILE * deviation / (value * (1.0 - value));
        let interval = Interval {
            lower: sigmoid(logit - half),
            upper: sigmoid(logit + half),
        };
        (interval, IntervalMethod::LogitDelong)
    } else {
        let half = HOEFFDING * mean(repeats, |pairs| pairs.hoeffding.sqrt());
        let interval = Interval {
            lower: (value - half).max(0.0),
            upper: (value + half).min(1.0),
        };
        (interval, IntervalMethod::Hoeffding)
    };
    Ok(Auroc {
        value,
        interval,
        method,
        scope,
        n_positive: first.n_positive,
        n_negative: first.n_negative,
        n_pairs: first.n_pairs,
    })
}

/// √(ln(2/0.05)/2).
const HOEFFDING: f64 = 1.358_101_515_740_619_5;

/// The exact bound of an AUROC of 0 or 1, which L pairs without a common patient agree on.
fn disjoint_interval(value: f64, pairs: f64) -> Interval {
    let bound = ((1.0 - CONFIDENCE) / 2.0).powf(1.0 / pairs);
    if value == 1.0 {
        Interval {
            lower: bound,
            upper: 1.0,
        }
    } else {
        Interval {
            lower: 0.0,
            upper: 1.0 - bound,
        }
    }
}

fn mean(repeats: &[Pairs], of: impl Fn(&Pairs) -> f64) -> f64 {
    repeats.iter().map(of).sum::<f64>() / repeats.len() as f64
}

/// The bound of [`repeated_within_fold_auroc`] for the standard deviation of the repeats' mean; `None` where there is no
/// variance to take it from.
fn deviation_of_mean(repeats: &[Pairs]) -> Option<f64> {
    repeats
        .iter()
        .map(|pairs| pairs.variance.map(f64::sqrt))
        .sum::<Option<f64>>()
        .map(|sum| sum / repeats.len() as f64)
        .filter(|deviation| *deviation > 0.0)
}

fn sigmoid(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

/// What the pairs within the folds of one repeat say.
struct Pairs {
    n_positive: usize,
    n_negative: usize,
    n_pairs: usize,
    /// Σ wₖ AUROCₖ.
    value: f64,
    /// DeLong's variance, pooled over folds; `None` without a degree of freedom in either class.
    variance: Option<f64>,
    /// L = minₖ lₖ/wₖ, the pairs that share no patient.
    disjoint: f64,
    /// Σ wₖ²/lₖ.
    hoeffding: f64,
}

impl Pairs {
    fn of_cases<F: AsRef<[Case]>>(folds: &[F]) -> Result<Self, StatsError> {
        let folds = folds
            .iter()
            .map(|fold| Ok(Placements::of(Won::of(fold.as_ref())?)))
            .collect::<Result<Vec<_>, _>>()?;
        Self::of_folds(&folds)
    }

    fn of_folds(folds: &[Placements]) -> Result<Self, StatsError> {
        let n_positive = folds.iter().map(|fold| fold.n_positive).sum();
        let n_negative = folds.iter().map(|fold| fold.n_negative).sum();
        if n_positive == 0 || n_negative == 0 {
            return Err(StatsError::OneClass {
                positive: n_positive,
                negative: n_negative,
            });
        }
        let n_pairs: usize = folds.iter().map(Placements::n_pairs).sum();
        if n_pairs == 0 {
            return Err(StatsError::NoPairs);
        }
        // A fold without a pair has no AUROC; its patients say nothing about the ranking.
        let paired: Vec<&Placements> = folds.iter().filter(|fold| fold.n_pairs() > 0).collect();
        let weight = |fold: &Placements| fold.n_pairs() as f64 / n_pairs as f64;
        let pairs_right: f64 = paired.iter().map(|fold| fold.pairs_right).sum();
        let smaller_class = |fold: &Placements| fold.n_positive.min(fold.n_negative) as f64;

        let pooled = |squares: &dyn Fn(&Placements) -> f64, n: &dyn Fn(&Placements) -> usize| {
            let freedom: usize = paired.iter().map(|fold| n(fold) - 1).sum();
            let squares: f64 = paired.iter().map(|fold| squares(fold)).sum();
            (freedom > 0).then(|| squares / freedom as f64)
        };
        let s10 = pooled(&|fold| fold.positive_squares, &|fold| fold.n_positive);
        let s01 = pooled(&|fold| fold.negative_squares, &|fold| fold.n_negative);
        let variance = s10.zip(s01).map(|(s10, s01)| {
            paired
                .iter()
                .map(|fold| {
                    let per_class = s10 / fold.n_positive as f64 + s01 / fold.n_negative as f64;
                    weight(fold) * weight(fold) * per_class
                })
                .sum()
        });
        Ok(Self {
            n_positive,
            n_negative,
            n_pairs,
            value: pairs_right / n_pairs as f64,
            variance,
            disjoint: paired
                .iter()
                .map(|fold| smaller_class(fold) / weight(fold))
                .fold(f64::INFINITY, f64::min),
            hoeffding: paired
                .iter()
                .map(|fold| weight(fold) * weight(fold) / smaller_class(fold))
                .sum(),
        })
    }
}

/// One fold's pairs. The placement value of a patient is the share of the other class that they rank rightly against.
struct Placements {
    n_positive: usize,
    n_negative: usize,
    /// Number of pairs in the right order, a tie counting half; a multiple of one half, hence exact.
    pairs_right: f64,
    /// Squared deviations of the positives' placement values from their mean.
    positive_squares: f64,
    /// The same of the negatives.
    negative_squares: f64,
}

impl Placements {
    fn of(won: Won) -> Self {
        let (positives, negatives) = (won.positives.len(), won.negatives.len());
        Self {
            n_positive: positives,
            n_negative: negatives,
            pairs_right: won.positives.iter().sum(),
            positive_squares: squared_deviations(&won.positives, negatives),
            negative_squares: squared_deviations(&won.negatives, positives),
        }
    }

    fn n_pairs(&self) -> usize {
        self.n_positive * self.n_negative
    }
}

/// How many of the other class score lower than each patient, a tie counting half; of the positives, in their order, and of
/// the negatives.
struct Won {
    positives: Vec<f64>,
    negatives: Vec<f64>,
}

impl Won {
    fn of(cases: &[Case]) -> Result<Self, StatsError> {
        let scores: Vec<f64> = cases.iter().map(|case| case.score).collect();
        require_finite(&scores)?;
        let overall = midranks(&scores);
        let won = |positive: bool| -> Vec<f64> {
            let members: Vec<usize> = (0..cases.len())
                .filter(|&i| cases[i].positive == positive)
                .collect();
            let own = midranks(&members.iter().map(|&i| scores[i]).collect::<Vec<_>>());
            // Rank among all minus rank within the own class.
            members
                .iter()
                .zip(own)
                .map(|(&i, own)| overall[i] - own)
                .collect()
        };
        Ok(Self {
            positives: won(true),
            negatives: won(false),
        })
    }
}

/// Σ (v − mean)² of v = won / others; 0 where there are no others.
fn squared_deviations(won: &[f64], others: usize) -> f64 {
    if won.is_empty() || others == 0 {
        return 0.0;
    }
    let mean = won.iter().sum::<f64>() / won.len() as f64;
    won.iter()
        .map(|won| ((won - mean) / others as f64).powi(2))
        .sum()
}
