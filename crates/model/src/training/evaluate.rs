//! Scores of patients that a network has not seen, and what they say of it.

use stats::StatsError;
use stats::auroc::{Auroc, Case, repeated_within_fold_auroc};
use stats::calibration::brier;

use super::Training;
use super::data::TrainingData;
use super::error::TrainingError;
use crate::predictor::{Bag, Evaluation, GatedAttention, OutOfFold, TensorError};

/// One score per target: offset + Σ a v, summed in f64 as everywhere else.
pub(super) fn score(
    network: &GatedAttention,
    offsets: &[f32],
    bag: &Bag,
) -> Result<Vec<f64>, TensorError> {
    let terms = network.terms(bag)?;
    // A bag has at least one tile, so there is a weighted value.
    Ok(terms
        .iter()
        .zip(offsets)
        .map(|(terms, &offset)| f64::from(offset) + terms.weighted_value().unwrap_or(0.0))
        .collect())
}

/// Mean over the targets of the cross-entropy, patients with and without a finding weighing the same in sum.
///
/// A target counts at most ln 2, what guessing costs: one that cannot be learnt must not decide when the others stop.
///
/// `scores[place in patients][target]`.
pub(super) fn balanced_loss(data: &TrainingData, patients: &[usize], scores: &[Vec<f64>]) -> f64 {
    let n_targets = data.targets().len();
    let of_target = |target: usize| {
        let mean_loss = |finding: bool| {
            let losses: Vec<f64> = patients
                .iter()
                .zip(scores)
                .filter(|&(&patient, _)| data.observation(patient, target) == Some(finding))
                .map(|(_, scores)| {
                    let wrong_way = if finding {
                        -scores[target]
                    } else {
                        scores[target]
                    };
                    wrong_way.max(0.0) + (-wrong_way.abs()).exp().ln_1p()
                })
                .collect();
            losses.iter().sum::<f64>() / losses.len() as f64
        };
        // Without a patient of one class the mean is NaN, and `min` takes the other operand.
        (0.5 * (mean_loss(true) + mean_loss(false))).min(std::f64::consts::LN_2)
    };
    (0..n_targets).map(of_target).sum::<f64>() / n_targets as f64
}

/// Evaluates every target on the out-of-fold scores of all patients in whom it was observed.
pub(super) fn evaluate(
    training: &Training,
    out_of_fold: &[OutOfFold],
) -> Result<Vec<Evaluation>, TrainingError> {
    let data = training.data;
    let observation = |entry: &OutOfFold, target: usize| {
        let patient = data
            .patients()
            .iter()
            .find(|patient| patient.code == entry.patient)?;
        patient.observations[target]
    };
    let everybody: Vec<usize> = (0..data.patients().len()).collect();
    data.targets()
        .iter()
        .enumerate()
        .map(|(target, code)| {
            let mut repeats =
                vec![vec![Vec::new(); training.config.folds]; training.config.repeats];
            let (mut probabilities, mut findings) = (Vec::new(), Vec::new());
            for entry in out_of_fold {
                let Some(positive) = observation(entry, target) else {
                    continue;
                };
                repeats[entry.repeat][entry.fold].push(Case {
                    score: entry.scores[target],
                    positive,
                });
                if let Some(probability) = entry.probabilities[target] {
                    probabilities.push(probability);
                    findings.push(positive);
                }
            }
            let (n_positive, n_negative) = data.count(&everybody, target);
            let brier = if probabilities.is_empty() {
                None
            } else {
                Some(brier(&probabilities, &findings)?)
            };
            Ok(Evaluation {
                target: code.clone(),
                n_positive,
                n_negative,
                auroc: auroc(&repeats)?,
                brier,
            })
        })
        .collect()
}

fn auroc(repeats: &[Vec<Vec<Case>>]) -> Result<Option<Auroc>, StatsError> {
    match repeated_within_fold_auroc(repeats) {
        Ok(auroc) => Ok(Some(auroc)),
        Err(StatsError::NoPairs) => Ok(None),
        Err(error) => Err(error),
    }
}
