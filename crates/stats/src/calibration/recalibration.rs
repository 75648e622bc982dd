//! How probabilities would have to be bent and shifted to fit what was found.

use serde::{Deserialize, Serialize};

use super::{Standardised, newton, share_of_positives};
use crate::error::{require_equal_lengths, require_probabilities};
use crate::{Interval, NORMAL_QUANTILE, StatsError};

/// An estimate with its Wald interval: ± 1.96 standard errors.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Coefficient {
    /// Maximum likelihood.
    pub value: f64,
    /// 95 % interval.
    pub interval: Interval,
}

impl Coefficient {
    fn of(value: f64, variance: f64) -> Self {
        let half = NORMAL_QUANTILE * variance.sqrt();
        Self {
            value,
            interval: Interval {
                lower: value - half,
                upper: value + half,
            },
        }
    }
}

/// The logistic recalibration logit P(finding) = intercept + slope · logit(probability) (Cox 1958, Biometrika 45:562; Miller,
/// Langefeld, Tierney, Hui and McDonald 1993, Med Decis Making 13:49). Perfect probabilities have slope 1 and intercept 0; a slope
/// below 1 says that they are too extreme.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Recalibration {
    /// Perfect is 1.
    pub slope: Coefficient,
    /// At this slope; perfect is 0. Whether probabilities are too high or too low on the whole says
    /// [`calibration_in_the_large`] instead.
    pub intercept: Coefficient,
}

/// Fits the recalibration to probabilities and findings, one of each per patient: repeats of a cross-validation are no
/// further patients and are averaged first.
///
/// # Errors
/// When the lists differ in length, a class is empty, a value is not a probability or is 0 or 1, all probabilities are equal,
/// or a threshold separates the classes (in either direction; cases on it may be of both), where no finite slope fits best
/// (Albert and Anderson 1984, Biometrika 71:1).
pub fn recalibration(
    probabilities: &[f64],
    findings: &[bool],
) -> Result<Recalibration, StatsError> {
    let (logits, share) = logits(probabilities, findings)?;
    let Some(standard) = Standardised::of(&logits) else {
        return Err(StatsError::Constant);
    };
    let range = |finding: bool| {
        let own = || {
            logits
                .iter()
                .zip(findings)
                .filter(move |(_, own)| **own == finding)
                .map(|(logit, _)| *logit)
        };
        (
            own().fold(f64::INFINITY, f64::min),
            own().fold(f64::NEG_INFINITY, f64::max),
        )
    };
    let ((least_with, most_with), (least_without, most_without)) = (range(true), range(false));
    if most_without <= least_with || most_with <= least_without {
        return Err(StatsError::Separated);
    }
    let targets: Vec<f64> = findings
        .iter()
        .map(|&own| f64::from(u8::from(own)))
        .collect();
    let (slope, intercept) = newton(&standard.values, &targets, (share / (1.0 - share)).ln());

    // The inverse of the information matrix, about the centre of the information so that nothing cancels.
    let curves = || {
        let logits = standard.values.iter().zip(&logits);
        logits.map(|(x, logit)| (curvature(slope * x + intercept), logit))
    };
    let information: f64 = curves().map(|(curve, _)| curve).sum();
    let centre = curves().map(|(curve, logit)| curve * logit).sum::<f64>() / information;
    let spread: f64 = curves()
        .map(|(curve, logit)| curve * (logit - centre).powi(2))
        .sum();
    let slope_variance = 1.0 / spread;
    let intercept_variance = 1.0 / information + centre * centre / spread;
    // So nearly separated that the likelihood is flat to rounding.
    if !(slope_variance.is_finite() && intercept_variance.is_finite()) {
        return Err(StatsError::Separated);
    }
    let Standardised {
        mean, deviation, ..
    } = standard;
    Ok(Recalibration {
        slope: Coefficient::of(slope / deviation, slope_variance),
        intercept: Coefficient::of(intercept - slope * mean / deviation, intercept_variance),
    })
}

/// Calibration in the large: the intercept of logit P(finding) = intercept + logit(probability), above 0 where probabilities
/// are too low on the whole. It exists for separated classes too.
///
/// # Errors
/// When the lists differ in length, a class is empty, or a value is not a probability or is 0 or 1.
pub fn calibration_in_the_large(
    probabilities: &[f64],
    findings: &[bool],
) -> Result<Coefficient, StatsError> {
    let (logits, share) = logits(probabilities, findings)?;
    let positives = share * findings.len() as f64;
    let excess = |intercept: f64| -> f64 {
        logits
            .iter()
            .map(|logit| sigmoid(logit + intercept))
            .sum::<f64>()
            - positives
    };
    // The expected number of positives rises with the intercept, from too few where every logit is at most that of the share
    // to too many where every one is at least that: halving finds where it is right, whatever the logits.
    let target = (share / (1.0 - share)).ln();
    let ends = |of: fn(f64, f64) -> f64, start| target - logits.iter().copied().fold(start, of);
    let mut lower = ends(f64::max, f64::NEG_INFINITY);
    let mut upper = ends(f64::min, f64::INFINITY);
    for _ in 0..200 {
        let middle = lower + (upper - lower) / 2.0;
        if excess(middle) < 0.0 {
            lower = middle;
        } else {
            upper = middle;
        }
    }
    let intercept = lower + (upper - lower) / 2.0;
    let information: f64 = logits
        .iter()
        .map(|logit| curvature(logit + intercept))
        .sum();
    Ok(Coefficient::of(intercept, 1.0 / information))
}

/// The logits of the probabilities, and the share of positives.
fn logits(probabilities: &[f64], findings: &[bool]) -> Result<(Vec<f64>, f64), StatsError> {
    require_equal_lengths(probabilities.len(), findings.len())?;
    require_probabilities(probabilities)?;
    let share = share_of_positives(findings)?;
    if let Some(index) = probabilities.iter().position(|&p| p == 0.0 || p == 1.0) {
        return Err(StatsError::Certain { index });
    }
    // ln(1 − p) as ln_1p(−p): small probabilities keep their digits.
    let logits = probabilities
        .iter()
        .map(|p| p.ln() - (-p).ln_1p())
        .collect();
    Ok((logits, share))
}

fn sigmoid(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

/// p(1 − p) of p = σ(logit), without cancellation.
fn curvature(logit: f64) -> f64 {
    sigmoid(logit) * sigmoid(-logit)
}
