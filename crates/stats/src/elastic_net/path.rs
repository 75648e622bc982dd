//! A path of lambdas: which, where it ends, and its models in the units of the features.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::columns::Columns;
use super::family::Family;
use super::solver::{NotConverged, Solver};
use super::{Problem, Response};
use crate::StatsError;

/// `alpha` below which the first lambda of a default path no longer grows, as in glmnet.
const LEAST_ALPHA: f64 = 1e-3;
/// A default path goes no further than this deviance ratio, as in glmnet.
const SATURATED_RATIO: f64 = 0.999;
/// A default path ends where the deviance ratio gains less than this, as in glmnet.
const LEAST_GAIN: f64 = 1e-5;
/// The same for Cox, over [`FEWEST_LAMBDAS`] and relative to the ratio.
const LEAST_GAIN_COX: f64 = 1e-3;
/// Lambdas before which no default path ends, as in glmnet.
const FEWEST_LAMBDAS: usize = 5;

/// How a path is fitted.
#[derive(Debug, Clone, PartialEq)]
pub struct PathConfig {
    /// The share of the absolute penalty, 0 (ridge) to 1 (lasso).
    pub alpha: f64,
    /// The lambdas, falling and above 0. `None`: `n_lambda` of them, equally spaced in the logarithm, from the least that
    /// leaves no coefficient (at `alpha` below 0.001: as if it were that) down to `lambda_min_ratio` of it.
    pub lambdas: Option<Vec<f64>>,
    /// Length of a default path.
    pub n_lambda: usize,
    /// Last by first lambda of a default path. `None`: 0.0001, or 0.01 with fewer rows than features.
    pub lambda_min_ratio: Option<f64>,
    /// How exactly the optimality conditions hold, as a part of the largest gradient of the model without features. Sums in
    /// f32 allow no less than about 1e-7.
    pub tolerance: f64,
}

impl PathConfig {
    /// The default path at an `alpha`: 100 lambdas.
    pub fn new(alpha: f64) -> Self {
        Self {
            alpha,
            lambdas: None,
            n_lambda: 100,
            lambda_min_ratio: None,
            tolerance: 1e-5,
        }
    }

    fn require_meaning(&self) -> Result<(), StatsError> {
        let refuse = |setting| Err(StatsError::Setting { setting });
        if !(0.0..=1.0).contains(&self.alpha) {
            return refuse("alpha");
        }
        if !(1e-7..1.0).contains(&self.tolerance) {
            return refuse("tolerance");
        }
        if self
            .lambda_min_ratio
            .is_some_and(|ratio| !(ratio > 0.0 && ratio < 1.0))
        {
            return refuse("lambda_min_ratio");
        }
        if self.n_lambda == 0 {
            return refuse("n_lambda");
        }
        if let Some(lambdas) = &self.lambdas {
            let falling = lambdas.windows(2).all(|pair| pair[0] > pair[1]);
            let possible = lambdas
                .iter()
                .all(|&lambda| lambda.is_finite() && lambda > 0.0);
            if lambdas.is_empty() || !falling || !possible {
                return refuse("lambdas");
            }
        }
        Ok(())
    }
}

/// Models along a path of falling lambdas.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Path {
    /// Number of features that a row must have.
    pub n_features: usize,
    /// One model per lambda.
    pub fits: Vec<Fit>,
    /// Deviance of the model without features: twice its log-likelihood below that of a saturated model, with weights as
    /// they were given.
    pub null_deviance: f64,
    /// Why the path has no further lambda.
    pub stop: Stop,
    /// Whether the last model puts all rows with the finding above all without it (binomial): the classes are separable,
    /// and coefficients are finite only because they are penalised.
    pub separated: bool,
}

/// Why a path ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stop {
    /// All lambdas were fitted.
    Complete,
    /// The model explains nearly all there is (default paths only).
    Saturated,
    /// Smaller lambdas hardly explained more (default paths only).
    NoFurtherGain,
    /// The next lambda's optimum could not be reached.
    NotConverged,
}

/// The model at one lambda.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    /// The penalty.
    pub lambda: f64,
    /// The linear predictor of a row of zeros; 0 for Cox.
    pub intercept: f64,
    /// Those that are not 0, by rising feature.
    pub coefficients: Vec<Coefficient>,
    /// 1 − deviance / null deviance.
    pub deviance_ratio: f64,
}

/// A coefficient that is not 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Coefficient {
    /// Which feature.
    pub feature: usize,
    /// Change of the linear predictor per unit of the feature.
    pub value: f64,
}

impl Path {
    /// The linear predictors of new rows (`features`: `[n_rows, n_features]`), `[n_fits][n_rows]`: the response itself, the
    /// log-odds of the finding, or the log of the hazard relative to a row of zeros.
    ///
    /// # Errors
    /// When the length is no multiple of the number of features, or a feature is not finite.
    pub fn linear_predictors(&self, features: &[f32]) -> Result<Vec<Vec<f64>>, StatsError> {
        checked_predictors(&self.fits, features, self.n_features)
    }
}

impl Fit {
    /// As [`Path::linear_predictors`], of this model alone.
    ///
    /// # Errors
    /// The same; also when a row has fewer features than the model.
    pub fn linear_predictors(
        &self,
        features: &[f32],
        n_features: usize,
    ) -> Result<Vec<f64>, StatsError> {
        let one = checked_predictors(std::slice::from_ref(self), features, n_features)?;
        Ok(one.into_iter().flatten().collect())
    }
}

fn checked_predictors(
    fits: &[Fit],
    features: &[f32],
    n_features: usize,
) -> Result<Vec<Vec<f64>>, StatsError> {
    let used = fits.iter().filter_map(|fit| fit.coefficients.last());
    let needed = used.map(|last| last.feature + 1).max().unwrap_or(1);
    if n_features < needed || !features.len().is_multiple_of(n_features) {
        return Err(StatsError::LengthsDiffer {
            left: features.len(),
            right: n_features,
        });
    }
    if let Some(index) = features.iter().position(|value| !value.is_finite()) {
        return Err(StatsError::NotFinite { index });
    }
    Ok(linear_predictors(fits, features.chunks_exact(n_features)))
}

/// Of rows with all the features that `fits` use, `[n_fits][n_rows]`.
pub(super) fn linear_predictors<'r>(
    fits: &[Fit],
    rows: impl ExactSizeIterator<Item = &'r [f32]>,
) -> Vec<Vec<f64>> {
    // The coefficients of a feature under all fits, so that one pass over a row serves all.
    let mut table = BTreeMap::new();
    for (index, fit) in fits.iter().enumerate() {
        for coefficient in &fit.coefficients {
            let of_feature = table.entry(coefficient.feature);
            of_feature.or_insert_with(|| vec![0.0; fits.len()])[index] = coefficient.value;
        }
    }
    let mut predictors = vec![Vec::with_capacity(rows.len()); fits.len()];
    let mut of_row = vec![0.0; fits.len()];
    for row in rows {
        for (sum, fit) in of_row.iter_mut().zip(fits) {
            *sum = fit.intercept;
        }
        for (&feature, coefficients) in &table {
            let value = f64::from(row[feature]);
            for (sum, coefficient) in of_row.iter_mut().zip(coefficients) {
                *sum += value * coefficient;
            }
        }
        for (predictors, &sum) in predictors.iter_mut().zip(&of_row) {
            predictors.push(sum);
        }
    }
    predictors
}

/// Fits the models of a path.
///
/// # Errors
/// When a setting makes no sense, or nothing in the features goes with the response.
pub fn fit_path(problem: &Problem, config: &PathConfig) -> Result<Path, StatsError> {
    fit_rows(problem, problem.rows.clone(), config)
}

/// The same from some of the problem's rows.
pub(super) fn fit_rows(
    problem: &Problem,
    rows: Vec<usize>,
    config: &PathConfig,
) -> Result<Path, StatsError> {
    config.require_meaning()?;
    problem.require_meaning(&rows)?;
    let rows = Family::row_order(&problem.response, rows);
    let family = problem.family(&rows)?;
    let weights = problem.weights_of(&rows);
    let n_features = problem.n_features;
    let columns = Columns::standardised(problem.features, n_features, &rows, &weights);
    let mut solver = Solver::new(&columns, &family, config.alpha, config.tolerance);
    let null_deviance = 2.0 * (solver.at.loss - family.saturated);
    let highest = solver.largest_gradient() / config.alpha.max(LEAST_ALPHA);
    // Rounding leaves a little of what is truly none.
    if !(null_deviance > 1e-12 && highest > 1e-9) {
        return Err(StatsError::Unrelated);
    }

    let lambdas: Vec<f64> = match &config.lambdas {
        Some(lambdas) => lambdas.iter().map(|lambda| lambda / family.unit).collect(),
        None => {
            let few_rows = rows.len() < n_features;
            let ratio = config
                .lambda_min_ratio
                .unwrap_or(if few_rows { 1e-2 } else { 1e-4 });
            let last = config.n_lambda.max(2) - 1;
            (0..config.n_lambda)
                .map(|k| highest * ratio.powf(k as f64 / last as f64))
                .collect()
        }
    };
    let mut path = Path {
        n_features,
        fits: Vec::with_capacity(lambdas.len()),
        null_deviance: null_deviance * problem.weight_of(&rows) * family.unit.powi(2),
        stop: Stop::Complete,
        separated: false,
    };
    let mut before = highest;
    for &lambda in &lambdas {
        if let Err(NotConverged) = solver.solve(lambda, before) {
            path.stop = Stop::NotConverged;
            break;
        }
        before = lambda;
        let deviance = 2.0 * (solver.at.loss - family.saturated);
        path.separated = family.separates(&solver.eta);
        path.fits.push(fit_of(
            &solver,
            &columns,
            &family,
            lambda,
            1.0 - deviance / null_deviance,
        ));
        if config.lambdas.is_none()
            && let Some(stop) = early_stop(&path.fits, &problem.response)
        {
            path.stop = stop;
            break;
        }
    }
    if path.fits.is_empty() {
        return Err(StatsError::NotConverged);
    }
    Ok(path)
}

fn fit_of(
    solver: &Solver,
    columns: &Columns,
    family: &Family,
    lambda: f64,
    deviance_ratio: f64,
) -> Fit {
    let mut coefficients = Vec::new();
    let mut at_zero = solver.intercept;
    for (column, &beta) in solver.beta.iter().enumerate() {
        if beta != 0.0 {
            let per_unit = beta / columns.scale[column];
            at_zero -= per_unit * columns.mean[column];
            coefficients.push(Coefficient {
                feature: columns.features[column],
                value: family.unit * per_unit,
            });
        }
    }
    Fit {
        lambda: lambda * family.unit,
        intercept: if family.has_intercept() {
            family.centre + family.unit * at_zero
        } else {
            0.0
        },
        coefficients,
        deviance_ratio,
    }
}

/// Whether a default path ends with the last of `fits`: glmnet's rules, which differ by family.
fn early_stop(fits: &[Fit], response: &Response) -> Option<Stop> {
    let [.., before, last] = fits else {
        return None;
    };
    if fits.len() < FEWEST_LAMBDAS {
        return None;
    }
    let ratio = last.deviance_ratio;
    let (since, least_gain) = match response {
        Response::Gaussian(_) => (before, LEAST_GAIN * ratio),
        Response::Binomial(_) => (before, LEAST_GAIN),
        Response::Cox { .. } => (&fits[fits.len() - FEWEST_LAMBDAS], LEAST_GAIN_COX * ratio),
    };
    if ratio > SATURATED_RATIO {
        Some(Stop::Saturated)
    } else if ratio - since.deviance_ratio < least_gain {
        Some(Stop::NoFurtherGain)
    } else {
        None
    }
}
