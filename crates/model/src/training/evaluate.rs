//! Scores of patients that a network has not seen, and what they say of it.

use stats::StatsError;
use stats::auroc::{Auroc, Case, repeated_within_fold_auroc};
use stats::calibration::{Platt, brier};

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

/// Mean over the targets of the cross-entropy that remains after calibration, `scores[place in patients][target]`.
///
/// Calibration takes out how sure of itself a network is, which swings while it trains and is mended afterwards anyway, and
/// leaves how well it ranks. A target that cannot be learnt gets a slope of 0 and costs what its bare share costs, at any
/// time: it does not decide when the others stop.
pub(super) fn calibrated_loss(
    data: &TrainingData,
    patients: &[usize],
    scores: &[Vec<f64>],
) -> Result<f64, StatsError> {
    let mut sum = 0.0;
    for target in 0..data.targets().len() {
        let cases = cases(data, patients, scores, target);
        // Without both classes there is nothing to calibrate, now or later.
        if let Some(platt) = calibrate(&cases)? {
            let loss = |case: &Case| {
                let logit = platt.slope * case.score + platt.intercept;
                let wrong_way = if case.positive { -logit } else { logit };
                wrong_way.max(0.0) + (-wrong_way.abs()).exp().ln_1p()
            };
            sum += cases.iter().map(loss).sum::<f64>() / cases.len() as f64;
        }
    }
    Ok(sum / data.targets().len() as f64)
}

/// Platt scaling of out-of-fold scores; `None` where only one class was observed.
pub(super) fn calibrate(cases: &[Case]) -> Result<Option<Platt>, StatsError> {
    match Platt::fit(cases) {
        Ok(platt) => Ok(Some(platt)),
        Err(StatsError::OneClass { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Scores and findings of the patients in whom a target was observed, `scores[place in patients][target]`.
pub(super) fn cases(
    data: &TrainingData,
    patients: &[usize],
    scores: &[Vec<f64>],
    target: usize,
) -> Vec<Case> {
    patients
        .iter()
        .zip(scores)
        .filter_map(|(&patient, scores)| {
            Some(Case {
                score: scores[target],
                positive: data.observation(patient, target)?,
            })
        })
        .collect()
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
