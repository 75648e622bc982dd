//! The elastic net: a linear, logistic or Cox model with few or small coefficients, along a path of penalties.
//!
//! Minimised is, over intercept and coefficients b of standardised features (weighted mean 0, variance 1, 1/n form),
//! −ℓ/Σw + λ (α Σ|b| + (1 − α)/2 Σb²), with ℓ the weighted log-likelihood: Friedman, Hastie and Tibshirani 2010 (J Stat
//! Softw 33:1) and, for Cox with Breslow's ties, Simon et al. 2011 (J Stat Softw 39:5). The scale of λ, the default path,
//! deviances and where a path ends early are those of glmnet 4.1, so that its results compare. With it a Gaussian response
//! is standardised too, and λ is then given in the response's units: the ridge part is λ (1 − α)/(2 s) Σb² for a response of
//! standard deviation s.
//!
//! Rows need not be independent (tiles of one patient are not): a path says nothing of how sure it is. What is chosen on
//! it is chosen by [`cross_validate`], whose folds must keep patients whole.
//!
//! Memory is 4 bytes for every row and feature, and 4 bytes for every pair of features that were ever in the model, which
//! at `alpha` 0 are all.

mod columns;
mod cross_validation;
mod family;
mod gram;
mod path;
mod solver;

pub use cross_validation::{CvPath, cross_validate};
pub use path::{Coefficient, Fit, Path, PathConfig, Stop, fit_path};

use crate::StatsError;
use crate::error::{require_equal_lengths, require_finite};

/// Parts of the largest weight that are no weight: the standard deviation of a feature might rest on rows that the f32
/// columns could not hold.
const LEAST_WEIGHT: f64 = 1e-12;
/// Beyond this, squares might not be finite.
const LARGEST_RESPONSE: f64 = 1e150;

/// What is to be predicted for every row; it names the family.
#[derive(Debug, Clone, Copy)]
pub enum Response<'a> {
    /// A number; linear regression.
    Gaussian(&'a [f64]),
    /// Whether there is a finding; logistic regression.
    Binomial(&'a [bool]),
    /// The time to an event or to the end of observation; Cox regression. Only the order of times counts.
    Cox {
        /// Times, of any unit.
        time: &'a [f64],
        /// Whether the time ended with the event.
        event: &'a [bool],
    },
}

/// Rows of features with their responses, checked.
#[derive(Debug, Clone)]
pub struct Problem<'a> {
    features: &'a [f32],
    n_features: usize,
    response: Response<'a>,
    /// At most 1.
    weights: Vec<f64>,
    /// What a weight of 1 was given as.
    heaviest: f64,
    /// The rows with a weight.
    rows: Vec<usize>,
}

impl<'a> Problem<'a> {
    /// Of `features`, `[n_rows, n_features]` row by row.
    ///
    /// # Errors
    /// When lengths differ, a value is not finite (or a Gaussian response is beyond 1e150), there are fewer than two rows,
    /// no feature varies, a Gaussian response does not, one class is missing, or there is no event.
    pub fn new(
        features: &'a [f32],
        n_features: usize,
        response: Response<'a>,
    ) -> Result<Self, StatsError> {
        let n_rows = match response {
            Response::Gaussian(y) => y.len(),
            Response::Binomial(y) => y.len(),
            Response::Cox { time, .. } => time.len(),
        };
        Self::weighted(features, n_features, response, &vec![1.0; n_rows])
    }

    /// The same with a weight for every row; rows whose weight is 0, or below 1e-12 of
    /// the largest, are as if absent.
    ///
    /// # Errors
    /// As [`Problem::new`], for the rows with a weight; also when a weight is negative.
    pub fn weighted(
        features: &'a [f32],
        n_features: usize,
        response: Response<'a>,
        weights: &[f64],
    ) -> Result<Self, StatsError> {
        let n_rows = weights.len();
        require_equal_lengths(features.len(), n_rows.saturating_mul(n_features))?;
        require_finite(weights)?;
        match response {
            Response::Gaussian(y) => {
                require_equal_lengths(y.len(), n_rows)?;
                require_finite(y)?;
                if let Some(index) = y.iter().position(|y| y.abs() > LARGEST_RESPONSE) {
                    return Err(StatsError::NotFinite { index });
                }
            }
            Response::Binomial(y) => require_equal_lengths(y.len(), n_rows)?,
            Response::Cox { time, event } => {
                require_equal_lengths(time.len(), n_rows)?;
                require_equal_lengths(event.len(), n_rows)?;
                require_finite(time)?;
            }
        }
        if let Some(index) = features.iter().position(|value| !value.is_finite()) {
            return Err(StatsError::NotFinite { index });
        }
        if let Some(index) = weights.iter().position(|&weight| weight < 0.0) {
            return Err(StatsError::NegativeWeight { index });
        }
        let heaviest = weights.iter().copied().fold(0.0, f64::max);
        let weights: Vec<f64> = weights.iter().map(|weight| weight / heaviest).collect();
        let rows = (0..n_rows)
            .filter(|&row| weights[row] > LEAST_WEIGHT)
            .collect();
        let problem = Self {
            features,
            n_features,
            response,
            weights,
            heaviest,
            rows,
        };
        problem.require_meaning(&problem.rows)?;
        Ok(problem)
    }

    /// Refuses rows from which nothing can be learnt.
    fn require_meaning(&self, rows: &[usize]) -> Result<(), StatsError> {
        let [first, others @ ..] = rows else {
            return Err(StatsError::TooFew {
                found: 0,
                needed: 2,
            });
        };
        if others.iter().all(|&row| self.row(row) == self.row(*first)) {
            return Err(StatsError::NoVaryingFeature);
        }
        self.family(rows).map(|_| ())
    }

    fn row(&self, row: usize) -> &[f32] {
        &self.features[row * self.n_features..][..self.n_features]
    }

    /// Of these rows, in the order that [`family::Family::row_order`] gives them.
    fn family(&self, rows: &[usize]) -> Result<family::Family, StatsError> {
        family::Family::new(&self.response, rows, self.weights_of(rows))
    }

    /// Of these rows together, as it was given.
    fn weight_of(&self, rows: &[usize]) -> f64 {
        self.heaviest * rows.iter().map(|&row| self.weights[row]).sum::<f64>()
    }

    /// The linear predictors of these rows, `[n_fits][n_rows]`.
    fn predictors(&self, path: &Path, rows: &[usize]) -> Vec<Vec<f64>> {
        path::linear_predictors(&path.fits, rows.iter().map(|&row| self.row(row)))
    }

    /// Of these rows; they sum to 1.
    fn weights_of(&self, rows: &[usize]) -> Vec<f64> {
        let total: f64 = rows.iter().map(|&row| self.weights[row]).sum();
        rows.iter().map(|&row| self.weights[row] / total).collect()
    }
}
