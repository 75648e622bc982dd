//! Scores of patients that a network has not seen, and what they say of it.

use std::collections::BTreeMap;

use domain::score::Terms;
use stats::StatsError;
use stats::auroc::{Case, repeated_within_fold_auroc};
use stats::bootstrap::{Clustered, Resampling};
use stats::calibration::{Platt, brier, calibration_in_the_large, recalibration, scaled_brier};
use stats::hypothesis::{Alternative, benjamini_hochberg, within_fold_wilcoxon};
use stats::precision_recall::average_precision;

use super::Training;
use super::data::TrainingData;
use super::error::TrainingError;
use crate::predictor::{Evaluation, OutOfFold};

/// Resamples behind an interval.
const RESAMPLES: usize = 1000;

/// One score per target: offset + Σ a v, summed in f64 as everywhere else.
pub(super) fn scores(terms: &[Terms], offsets: &[f32]) -> Vec<f64> {
    // A bag has at least one tile, so there is a weighted value.
    terms
        .iter()
        .zip(offsets)
        .map(|(terms, &offset)| f64::from(offset) + terms.weighted_value().unwrap_or(0.0))
        .collect()
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
    let mut evaluations = (0..data.targets().len())
        .map(|target| evaluate_target(training, out_of_fold, target))
        .collect::<Result<Vec<_>, _>>()?;
    let tested: Vec<f64> = evaluations.iter().filter_map(|one| one.p).collect();
    let mut adjusted = benjamini_hochberg(&tested)?.into_iter();
    for evaluation in evaluations.iter_mut().filter(|one| one.p.is_some()) {
        evaluation.adjusted_p = adjusted.next();
    }
    Ok(evaluations)
}

fn evaluate_target(
    training: &Training,
    out_of_fold: &[OutOfFold],
    target: usize,
) -> Result<Evaluation, TrainingError> {
    let data = training.data;
    let mut repeats = vec![vec![Vec::new(); training.config.folds]; training.config.repeats];
    // Per patient: the sum over repeats of the probabilities, their number, the finding.
    let mut of_patient = BTreeMap::<usize, (f64, u32, bool)>::new();
    for entry in out_of_fold {
        let place = data
            .patients()
            .iter()
            .position(|patient| patient.code == entry.patient);
        let Some((patient, positive)) =
            place.and_then(|place| Some((place, data.observation(place, target)?)))
        else {
            continue;
        };
        repeats[entry.repeat][entry.fold].push(Clustered {
            cluster: patient,
            case: Case {
                score: entry.scores[target],
                positive,
            },
        });
        if let Some(probability) = entry.probabilities[target] {
            let (sum, count, _) = of_patient.entry(patient).or_insert((0.0, 0, positive));
            *sum += probability;
            *count += 1;
        }
    }
    let cases: Vec<Vec<Vec<Case>>> = repeats
        .iter()
        .map(|folds| {
            let of_fold = |fold: &Vec<Clustered<Case>>| fold.iter().map(|one| one.case).collect();
            folds.iter().map(of_fold).collect()
        })
        .collect();
    let (probabilities, findings): (Vec<f64>, Vec<bool>) = of_patient
        .values()
        .map(|&(sum, count, finding)| (sum / f64::from(count), finding))
        .unzip();
    let (n_positive, n_negative) =
        data.count(&(0..data.patients().len()).collect::<Vec<_>>(), target);
    let resampling = Resampling {
        resamples: RESAMPLES,
        seed: training.config.fold_seed,
    };
    let p = had(within_fold_wilcoxon(&cases, Alternative::Greater))?.map(|test| test.p);
    Ok(Evaluation {
        target: data.targets()[target].clone(),
        n_positive,
        n_negative,
        auroc: had(repeated_within_fold_auroc(&cases))?,
        p,
        adjusted_p: None,
        average_precision: had(average_precision(&repeats, resampling))?,
        brier: had(brier(&probabilities, &findings))?,
        scaled_brier: had(scaled_brier(&probabilities, &findings))?,
        calibration_slope: had(recalibration(&probabilities, &findings))?.map(|found| found.slope),
        calibration_intercept: had(calibration_in_the_large(&probabilities, &findings))?,
    })
}

/// A number, unless the patients are too few or too much alike for it: that is no fault.
fn had<T>(number: Result<T, StatsError>) -> Result<Option<T>, StatsError> {
    match number {
        Ok(number) => Ok(Some(number)),
        Err(
            StatsError::NoPairs
            | StatsError::OneClass { .. }
            | StatsError::TooFew { .. }
            | StatsError::Constant
            | StatsError::Separated
            | StatsError::Certain { .. },
        ) => Ok(None),
        Err(error) => Err(error),
    }
}
