//! Which lambda of a path predicts rows best that it has not seen.

use serde::{Deserialize, Serialize};

use super::family::Family;
use super::path::{Path, PathConfig, fit_path, fit_rows};
use super::{Problem, Response};
use crate::StatsError;

/// Probabilities are taken to be this far from 0 and 1, as glmnet does, so that one wrong certainty is not infinitely bad.
const LEAST_PROBABILITY: f64 = 1e-5;

/// A path with its cross-validated loss: mean squared error, binomial deviance, or Cox partial-likelihood deviance per
/// event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CvPath {
    /// The models of all rows.
    pub path: Path,
    /// Mean loss over folds per lambda, folds weighted as their rows (Cox: their events) are.
    pub mean: Vec<f64>,
    /// Standard error of that mean, per lambda.
    pub standard_error: Vec<f64>,
    /// The lambda of least mean loss.
    pub index_min: usize,
    /// The largest lambda whose mean loss is within one standard error of the least.
    pub index_1se: usize,
}

/// Fits a path to all rows and, at its lambdas, to all but each fold; `folds` names every row's fold.
///
/// Rows of one patient must share a fold, or the losses are those of patients seen before. Means and standard errors are
/// those of glmnet's `cv.glmnet` with `grouped = TRUE`: the standard error is √(Σ wₖ (lossₖ − mean)² / Σ wₖ / (K − 1)) over
/// the K folds. For Cox a fold's loss is the deviance of all rows less that of all but the fold, both under the model of
/// the latter (van Houwelingen et al. 2006, Stat Med 25:3201), per event; unlike in glmnet, weights keep their scale where
/// rows are left out, since the deviances would otherwise not be of one sum.
///
/// # Errors
/// As [`fit_path`]; with fewer than three folds, and, naming the fold, when what is left without it cannot be fitted or, for
/// Cox, it has no event.
pub fn cross_validate(
    problem: &Problem,
    folds: &[usize],
    config: &PathConfig,
) -> Result<CvPath, StatsError> {
    crate::error::require_equal_lengths(folds.len(), problem.weights.len())?;
    let mut names: Vec<usize> = problem.rows.iter().map(|&row| folds[row]).collect();
    names.sort_unstable();
    names.dedup();
    if names.len() < 3 {
        return Err(StatsError::TooFew {
            found: names.len(),
            needed: 3,
        });
    }
    let mut path = fit_path(problem, config)?;
    let mut config = PathConfig {
        lambdas: Some(path.fits.iter().map(|fit| fit.lambda).collect()),
        ..config.clone()
    };
    let mut losses = Vec::with_capacity(names.len());
    for &fold in &names {
        let (tested, fitted): (Vec<usize>, Vec<usize>) =
            problem.rows.iter().partition(|&&row| folds[row] == fold);
        let of_fold = fit_rows(problem, fitted.clone(), &config)
            .and_then(|path| FoldLoss::new(problem, &path, tested, fitted))
            .map_err(|source| StatsError::Fold {
                fold,
                source: Box::new(source),
            })?;
        // A fold that stopped early takes its further lambdas from all.
        config
            .lambdas
            .iter_mut()
            .for_each(|l| l.truncate(of_fold.losses.len()));
        losses.push(of_fold);
    }
    let n_lambdas = losses
        .iter()
        .map(|fold| fold.losses.len())
        .min()
        .unwrap_or(0);
    path.fits.truncate(n_lambdas);

    let total: f64 = losses.iter().map(|fold| fold.weight).sum();
    let weighted = |value: &dyn Fn(&FoldLoss) -> f64| -> f64 {
        losses
            .iter()
            .map(|fold| fold.weight * value(fold))
            .sum::<f64>()
            / total
    };
    let mean: Vec<f64> = (0..n_lambdas)
        .map(|k| weighted(&|fold| fold.losses[k]))
        .collect();
    let standard_error: Vec<f64> = (0..n_lambdas)
        .map(|k| {
            let variance = weighted(&|fold| (fold.losses[k] - mean[k]).powi(2));
            (variance / (losses.len() - 1) as f64).sqrt()
        })
        .collect();
    let index_min = (1..n_lambdas).fold(0, |best, k| if mean[k] < mean[best] { k } else { best });
    let bound = mean[index_min] + standard_error[index_min];
    let index_1se = (0..index_min)
        .find(|&k| mean[k] <= bound)
        .unwrap_or(index_min);
    Ok(CvPath {
        path,
        mean,
        standard_error,
        index_min,
        index_1se,
    })
}

/// What one left-out fold says.
struct FoldLoss {
    weight: f64,
    /// Mean loss per lambda.
    losses: Vec<f64>,
}

impl FoldLoss {
    fn new(
        problem: &Problem,
        path: &Path,
        tested: Vec<usize>,
        fitted: Vec<usize>,
    ) -> Result<Self, StatsError> {
        let of_rows = |loss: &dyn Fn(usize, f64) -> f64| Self {
            weight: problem.weight_of(&tested),
            losses: problem
                .predictors(path, &tested)
                .iter()
                .map(|predictors| {
                    let rows = tested
                        .iter()
                        .zip(predictors)
                        .zip(problem.weights_of(&tested));
                    rows.map(|((&row, &predictor), weight)| weight * loss(row, predictor))
                        .sum()
                })
                .collect(),
        };
        match problem.response {
            Response::Gaussian(y) => Ok(of_rows(&|row, predictor| (y[row] - predictor).powi(2))),
            Response::Binomial(y) => Ok(of_rows(&|row, predictor| {
                binomial_deviance(y[row], predictor)
            })),
            Response::Cox { event, .. } => {
                let events: Vec<usize> = tested.iter().copied().filter(|&row| event[row]).collect();
                if events.is_empty() {
                    return Err(StatsError::NoEvents);
                }
                let weight = problem.weight_of(&events);
                let all = partial_deviances(problem, path, problem.rows.clone())?;
                let fitted = partial_deviances(problem, path, fitted)?;
                let pairs = all.iter().zip(&fitted);
                Ok(Self {
                    weight,
                    losses: pairs.map(|(all, fitted)| (all - fitted) / weight).collect(),
                })
            }
        }
    }
}

fn binomial_deviance(finding: bool, log_odds: f64) -> f64 {
    let probability = 1.0 / (1.0 + (-log_odds).exp());
    let probability = probability.clamp(LEAST_PROBABILITY, 1.0 - LEAST_PROBABILITY);
    -2.0 * if finding {
        probability
    } else {
        1.0 - probability
    }
    .ln()
}

/// The Cox deviance of some rows under every model of a path.
fn partial_deviances(
    problem: &Problem,
    path: &Path,
    rows: Vec<usize>,
) -> Result<Vec<f64>, StatsError> {
    let rows = Family::row_order(&problem.response, rows);
    let family = problem.family(&rows)?;
    let weight = problem.weight_of(&rows);
    let predictors = problem.predictors(path, &rows);
    Ok(predictors
        .iter()
        .map(|eta| weight * family.deviance(eta))
        .collect())
}
