//! The AUROC of spots or tiles, of which a patient has many.

use std::collections::BTreeSet;

use super::{Auroc, Case, HOEFFDING, IntervalMethod, Scope, disjoint_interval};
use crate::bootstrap::{Clustered, Resampling, bootstrap};
use crate::ranking::{Ranking, Rankings};
use crate::{Interval, StatsError};

/// AUROC over spots or tiles, counting only pairs within the same test fold, with an interval over resampled patients;
/// `repeats[r][k]` are the cases of fold k of repeat r, and one repeat of one fold is the plain AUROC of one fixed model.
///
/// The value is the mean over repeats of right pairs over pairs, as in [`super::repeated_within_fold_auroc`]; a patient
/// drawn twice brings all of their cases twice, in every repeat. A resample costs a pass over the sorted cases.
///
/// Where all resamples give one value (an AUROC of 0 or 1, or equal scores everywhere), resampling would claim certainty:
/// the bounds of the module are used instead, counting pairs of patients who share no patient. They take patients to weigh
/// alike, so with very unequal numbers of tiles they are approximate.
///
/// # Errors
/// When a class is empty, no fold of a repeat holds a pair, a score is not finite, there is no repeat, there are fewer than
/// two patients, or too few resamples hold a pair.
pub fn clustered_auroc<F: AsRef<[Clustered<Case>]>>(
    repeats: &[Vec<F>],
    resampling: Resampling,
) -> Result<Auroc, StatsError> {
    let rankings = Rankings::of(repeats)?;
    let found = bootstrap(rankings.n_clusters, resampling, |weights| {
        rankings.mean_ratio(|fold| fold.pairs(weights))
    })?;
    let value = found.value;
    let (interval, method) = match found.interval {
        Some(interval) => (interval, IntervalMethod::PatientBootstrap),
        None if value == 0.0 || value == 1.0 => (
            disjoint_interval(value, least(&rankings, disjoint_pairs)),
            IntervalMethod::DisjointPairs,
        ),
        None => {
            let half = HOEFFDING / least(&rankings, disjoint_pairs).sqrt();
            let interval = Interval {
                lower: (value - half).max(0.0),
                upper: (value + half).min(1.0),
            };
            (interval, IntervalMethod::Hoeffding)
        }
    };
    let first = rankings.repeats.first().map_or(&[][..], Vec::as_slice);
    let count = |positive: bool| first.iter().map(|fold| fold.count(positive)).sum();
    Ok(Auroc {
        value,
        interval,
        method,
        scope: Scope::of(repeats),
        n_positive: count(true),
        n_negative: count(false),
        n_pairs: first
            .iter()
            .map(|fold| fold.count(true) * fold.count(false))
            .sum(),
    })
}

/// The repeat with the least.
fn least(rankings: &Rankings, of: impl Fn(&[Ranking]) -> f64) -> f64 {
    rankings
        .repeats
        .iter()
        .map(|folds| of(folds))
        .fold(f64::INFINITY, f64::min)
}

/// L = minₖ lₖ/wₖ as in the module, of patients: lₖ is the smaller of the numbers of patients with a positive and with a
/// negative case.
fn disjoint_pairs(folds: &[Ranking]) -> f64 {
    let pairs = |fold: &Ranking| (fold.count(true) * fold.count(false)) as f64;
    let patients =
        |fold: &Ranking, positive| fold.clusters(positive).collect::<BTreeSet<_>>().len();
    let total: f64 = folds.iter().map(pairs).sum();
    folds
        .iter()
        .filter(|fold| pairs(fold) > 0.0)
        .map(|fold| patients(fold, true).min(patients(fold, false)) as f64 * total / pairs(fold))
        .fold(f64::INFINITY, f64::min)
}
