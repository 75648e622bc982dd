//! From a score to a probability, and how good probabilities are.

mod curve;
mod recalibration;

pub use curve::{CalibrationGroup, calibration_curve};
pub use recalibration::{Coefficient, Recalibration, calibration_in_the_large, recalibration};

use serde::{Deserialize, Serialize};

use crate::StatsError;
use crate::auroc::Case;
use crate::error::{require_equal_lengths, require_finite, require_probabilities};

/// A calibrated probability is σ(slope · score + intercept).
///
/// The slope is never negative: a calibration must not reverse the order of a model's scores, and where a model has
/// learnt nothing it becomes 0, so that everybody gets the training patients' share.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Platt {
    /// At least 0.
    pub slope: f64,
    /// The logit at a score of 0.
    pub intercept: f64,
}

impl Platt {
    /// Fits to scores of patients that the scoring model has not seen.
    ///
    /// Maximum likelihood against Platt's targets (n₊+1)/(n₊+2) and 1/(n₋+2) (Platt 1999, Advances in Large Margin
    /// Classifiers, p. 61), which keep the slope finite when the classes are separated, by Newton's method with
    /// backtracking (Lin, Lin and Weng 2007, Mach Learn 68:267). The likelihood is concave, so where the free optimum has a
    /// negative slope the best with slope ≥ 0 has slope 0.
    ///
    /// # Errors
    /// When a class is empty or a score is not finite.
    pub fn fit(cases: &[Case]) -> Result<Self, StatsError> {
        let scores: Vec<f64> = cases.iter().map(|case| case.score).collect();
        require_finite(&scores)?;
        let positive = cases.iter().filter(|case| case.positive).count();
        let negative = cases.len() - positive;
        if positive == 0 || negative == 0 {
            return Err(StatsError::OneClass { positive, negative });
        }
        let high = (positive as f64 + 1.0) / (positive as f64 + 2.0);
        let low = 1.0 / (negative as f64 + 2.0);
        let targets: Vec<f64> = cases
            .iter()
            .map(|case| if case.positive { high } else { low })
            .collect();

        let share = targets.iter().sum::<f64>() / cases.len() as f64;
        let flat = Self {
            slope: 0.0,
            intercept: (share / (1.0 - share)).ln(),
        };
        let Some(standard) = Standardised::of(&scores) else {
            return Ok(flat);
        };
        let (slope, intercept) = newton(&standard.values, &targets, flat.intercept);
        if slope <= 0.0 {
            return Ok(flat);
        }
        let Standardised {
            mean, deviation, ..
        } = standard;
        Ok(Self {
            slope: slope / deviation,
            intercept: intercept - slope * mean / deviation,
        })
    }

    /// The probability that belongs to a score.
    pub fn probability(&self, score: f64) -> f64 {
        1.0 / (1.0 + (-(self.slope * score + self.intercept)).exp())
    }
}

/// Values less their mean, over their deviation: Newton's steps then do not depend on the model's scale.
struct Standardised {
    values: Vec<f64>,
    mean: f64,
    deviation: f64,
}

impl Standardised {
    /// `None` where all values are equal.
    fn of(values: &[f64]) -> Option<Self> {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = (squares / n).sqrt();
        (deviation > 0.0).then(|| Self {
            values: values
                .iter()
                .map(|value| (value - mean) / deviation)
                .collect(),
            mean,
            deviation,
        })
    }
}

/// Slope and intercept of the best σ(slope·x + intercept) for `targets` between 0 and 1.
fn newton(x: &[f64], targets: &[f64], intercept: f64) -> (f64, f64) {
    let loss = |slope: f64, intercept: f64| -> f64 {
        x.iter()
            .zip(targets)
            .map(|(x, target)| {
                let logit = slope * x + intercept;
                // ln(1 + e^logit) − target·logit, without overflow.
                logit.max(0.0) + (-logit.abs()).exp().ln_1p() - target * logit
            })
            .sum()
    };
    let (mut slope, mut intercept) = (0.0, intercept);
    let mut current = loss(slope, intercept);
    for _ in 0..100 {
        let (mut g_slope, mut g_intercept) = (0.0, 0.0);
        // The small ridge of Lin, Lin and Weng keeps the Hessian invertible.
        let (mut h_slope, mut h_both, mut h_intercept) = (1e-12, 0.0, 1e-12);
        for (x, target) in x.iter().zip(targets) {
            let p = 1.0 / (1.0 + (-(slope * x + intercept)).exp());
            let curve = p * (1.0 - p);
            g_slope += (p - target) * x;
            g_intercept += p - target;
            h_slope += curve * x * x;
            h_both += curve * x;
            h_intercept += curve;
        }
        if g_slope.abs() < 1e-10 && g_intercept.abs() < 1e-10 {
            break;
        }
        let determinant = h_slope * h_intercept - h_both * h_both;
        let d_slope = -(h_intercept * g_slope - h_both * g_intercept) / determinant;
        let d_intercept = -(h_slope * g_intercept - h_both * g_slope) / determinant;
        let slant = g_slope * d_slope + g_intercept * d_intercept;
        let step = (0..40).map(|halvings| 0.5_f64.powi(halvings)).find(|step| {
            loss(slope + step * d_slope, intercept + step * d_intercept)
                <= current + 1e-4 * step * slant
        });
        // No step improves: this is the optimum to rounding.
        let Some(step) = step else { break };
        slope += step * d_slope;
        intercept += step * d_intercept;
        current = loss(slope, intercept);
    }
    (slope, intercept)
}

/// The Brier score: mean squared difference of probability and finding, 0 (perfect) to 1 (Brier 1950, Mon Weather Rev 78:1).
///
/// # Errors
/// When the lists differ in length, are empty, or a value is not a probability.
pub fn brier(probabilities: &[f64], findings: &[bool]) -> Result<f64, StatsError> {
    require_equal_lengths(probabilities.len(), findings.len())?;
    require_probabilities(probabilities)?;
    if probabilities.is_empty() {
        return Err(StatsError::TooFew {
            found: 0,
            needed: 1,
        });
    }
    let squares: f64 = probabilities
        .iter()
        .zip(findings)
        .map(|(p, &finding)| (p - f64::from(u8::from(finding))).powi(2))
        .sum();
    Ok(squares / probabilities.len() as f64)
}

/// The Brier score scaled by what the share s of positives alone would get: 1 − Brier / (s(1 − s)), 1 for perfect
/// probabilities, 0 for the share, negative for worse (Steyerberg et al. 2010, Epidemiology 21:128).
///
/// # Errors
/// As [`brier`]; also with one class only.
pub fn scaled_brier(probabilities: &[f64], findings: &[bool]) -> Result<f64, StatsError> {
    let brier = brier(probabilities, findings)?;
    let share = share_of_positives(findings)?;
    Ok(1.0 - brier / (share * (1.0 - share)))
}

/// Refuses one class only.
fn share_of_positives(findings: &[bool]) -> Result<f64, StatsError> {
    let positive = findings.iter().filter(|&&finding| finding).count();
    let negative = findings.len() - positive;
    if positive == 0 || negative == 0 {
        return Err(StatsError::OneClass { positive, negative });
    }
    Ok(positive as f64 / findings.len() as f64)
}
