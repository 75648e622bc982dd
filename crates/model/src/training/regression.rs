//! One penalised logistic regression along a path of penalties, and the choice among them on folds of patients.

use domain::score::sigmoid;
use stats::StatsError;
use stats::elastic_net::{Path, PathConfig, Problem, Response, fit_path};

use super::error::TrainingError;
use crate::predictor::{Link, PathPoint};

/// A probability is never taken for more certain than this where its logarithm is needed.
const LEAST_PROBABILITY: f64 = 1e-12;

/// What a patient brings: one or more tiles of `dim` features each.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    pub tiles: &'a [f32],
}

/// What kind of regression.
pub(super) struct Regression {
    /// Share of the lasso in the penalty.
    pub alpha: f64,
    /// How a patient's score follows from its tiles.
    pub link: Link,
    /// Features per tile.
    pub dim: usize,
    /// Penalties on the path.
    pub lambdas: usize,
    /// Last by first of them, where the usual path would end too early.
    pub least_lambda: Option<f64>,
}

/// What came of it.
pub(super) struct Chosen {
    /// For the chosen penalty, of the fit to all patients: `[dim]`.
    pub weights: Vec<f32>,
    pub offset: f32,
    /// For the chosen penalty, per patient from the fit that had not seen them.
    pub inner_scores: Vec<f64>,
    pub points: Vec<PathPoint>,
}

/// Fits the path to all patients and, at its penalties, to all but each fold, and chooses the penalty with the least mean
/// cross-entropy per patient, be a patient many tiles or few. `None` where there is nothing to learn: one class only, or
/// features that say nothing at all. `fitted` is called after each fit.
pub(super) fn choose(
    regression: &Regression,
    rows: &[Row],
    findings: &[bool],
    folds: &[usize],
    mut fitted: impl FnMut() -> Result<(), TrainingError>,
) -> Result<Option<Chosen>, TrainingError> {
    let tiles: Vec<f32> = rows.iter().flat_map(|row| row.tiles).copied().collect();
    let tiles_of = |row: &Row| row.tiles.len() / regression.dim;
    let spread = |of_patient: &dyn Fn(usize) -> f64| -> Vec<f64> {
        let repeated = |(patient, row)| std::iter::repeat_n(of_patient(patient), tiles_of(row));
        rows.iter().enumerate().flat_map(repeated).collect()
    };
    let labels: Vec<bool> = rows
        .iter()
        .zip(findings)
        .flat_map(|(row, &finding)| std::iter::repeat_n(finding, tiles_of(row)))
        .collect();
    let fit = |weights: &[f64], config: &PathConfig| -> Result<Option<Path>, TrainingError> {
        let response = Response::Binomial(&labels);
        let problem = Problem::weighted(&tiles, regression.dim, response, weights);
        match problem.and_then(|problem| fit_path(&problem, config)) {
            Ok(path) => Ok(Some(path)),
            Err(
                StatsError::OneClass { .. }
                | StatsError::Unrelated
                | StatsError::NoVaryingFeature
                | StatsError::TooFew { .. },
            ) => Ok(None),
            Err(error) => Err(error.into()),
        }
    };

    let mut config = PathConfig {
        n_lambda: regression.lambdas,
        lambda_min_ratio: regression.least_lambda,
        ..PathConfig::new(regression.alpha)
    };
    let whole = fit(&spread(&|_| 1.0), &config)?;
    fitted()?;
    let Some(whole) = whole else {
        return Ok(None);
    };
    config.lambdas = Some(whole.fits.iter().map(|fit| fit.lambda).collect());

    // `scores[lambda][patient]`.
    let mut scores = vec![vec![0.0; rows.len()]; whole.fits.len()];
    let n_folds = folds.iter().max().map_or(0, |last| last + 1);
    for fold in 0..n_folds {
        let weights = spread(&|patient| f64::from(u8::from(folds[patient] != fold)));
        let path = fit(&weights, &config)?;
        fitted()?;
        let Some(path) = path else {
            continue;
        };
        // A path that did not get to its end says nothing of the penalties beyond.
        scores.truncate(path.fits.len());
        for (patient, row) in rows
            .iter()
            .enumerate()
            .filter(|(patient, _)| folds[*patient] == fold)
        {
            let predictors = path.linear_predictors(row.tiles)?;
            for (scores, predictors) in scores.iter_mut().zip(&predictors) {
                scores[patient] = score(regression.link, predictors);
            }
        }
    }

    let losses: Vec<(f64, f64)> = scores
        .iter()
        .map(|scores| loss(regression.link, scores, findings))
        .collect();
    let least = losses
        .iter()
        .enumerate()
        .min_by(|(_, one), (_, other)| one.0.total_cmp(&other.0));
    let Some((best, _)) = least else {
        return Ok(None);
    };
    let points = whole
        .fits
        .iter()
        .zip(&losses)
        .enumerate()
        .map(|(index, (fit, &(loss, loss_se)))| PathPoint {
            lambda: fit.lambda,
            non_zero: fit.coefficients.len(),
            loss,
            loss_se,
            chosen: index == best,
        })
        .collect();
    let fit = &whole.fits[best];
    let mut weights = vec![0.0; regression.dim];
    for coefficient in &fit.coefficients {
        weights[coefficient.feature] = coefficient.value as f32;
    }
    Ok(Some(Chosen {
        weights,
        offset: fit.intercept as f32,
        inner_scores: scores.swap_remove(best),
        points,
    }))
}

/// A patient's score from the linear predictors of its tiles.
fn score(link: Link, predictors: &[f64]) -> f64 {
    let n_tiles = predictors.len() as f64;
    match link {
        Link::Identity => predictors.iter().sum::<f64>() / n_tiles,
        Link::Sigmoid => predictors.iter().map(|&one| sigmoid(one)).sum::<f64>() / n_tiles,
    }
}

/// Mean cross-entropy per patient, and the standard error of that mean.
fn loss(link: Link, scores: &[f64], findings: &[bool]) -> (f64, f64) {
    let losses: Vec<f64> = scores
        .iter()
        .zip(findings)
        .map(|(&score, &finding)| {
            let probability = match link {
                Link::Identity => sigmoid(score),
                Link::Sigmoid => score,
            };
            let of_truth = if finding {
                probability
            } else {
                1.0 - probability
            };
            -of_truth.max(LEAST_PROBABILITY).ln()
        })
        .collect();
    let n = losses.len() as f64;
    let mean = losses.iter().sum::<f64>() / n;
    let variance =
        losses.iter().map(|loss| (loss - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    (mean, (variance / n).sqrt())
}
