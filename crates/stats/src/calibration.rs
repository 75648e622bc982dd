//! From a score to a probability, and how good probabilities are.

use serde::{Deserialize, Serialize};

use crate::StatsError;
use crate::auroc::Case;
use crate::error::{require_equal_lengths, require_finite};

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

        // Fitted on standardised scores: Newton's steps then do not depend on the model's scale.
        let n = cases.len() as f64;
        let mean = scores.iter().sum::<f64>() / n;
        let deviation = (scores
            .iter()
            .map(|score| (score - mean).powi(2))
            .sum::<f64>()
            / n)
            .sqrt();
        let share = targets.iter().sum::<f64>() / n;
        let flat = Self {
            slope: 0.0,
            intercept: (share / (1.0 - share)).ln(),
        };
        if deviation == 0.0 {
            return Ok(flat);
        }
        let standard: Vec<f64> = scores
            .iter()
            .map(|score| (score - mean) / deviation)
            .collect();
        let (slope, intercept) = newton(&standard, &targets, flat.intercept);
        if slope <= 0.0 {
            return Ok(flat);
        }
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
    if probabilities.is_empty() {
        return Err(StatsError::TooFew {
            found: 0,
            needed: 1,
        });
    }
    if let Some(index) = probabilities.iter().position(|p| !(0.0..=1.0).contains(p)) {
        return Err(StatsError::NotAProbability { index });
    }
    let squares: f64 = probabilities
        .iter()
        .zip(findings)
        .map(|(p, &finding)| (p - f64::from(u8::from(finding))).powi(2))
        .sum();
    Ok(squares / probabilities.len() as f64)
}
