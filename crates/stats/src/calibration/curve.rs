//! Do as many have the finding as the probabilities say?

use serde::{Deserialize, Serialize};

use crate::bootstrap::quantile;
use crate::error::{require_equal_lengths, require_probabilities};
use crate::proportion::wilson_interval;
use crate::{Interval, StatsError};

/// Patients of similar probability.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CalibrationGroup {
    /// Mean of their probabilities.
    pub mean_probability: f64,
    /// Share of them who have the finding; perfect is `mean_probability`.
    pub share: f64,
    /// Wilson's 95 % interval of the share.
    pub interval: Interval,
    /// Patients.
    pub n: usize,
    /// Patients with the finding.
    pub n_positive: usize,
}

/// The calibration curve by groups between quantiles of the probabilities, lowest first, one probability per patient.
///
/// The edges are the i/`groups` quantiles, a patient on an edge belongs below it, and a group that ties leave empty is not
/// there: scikit-learn's `calibration_curve(strategy="quantile")`. One class only is no obstacle: every share has an interval.
///
/// # Errors
/// When the lists differ in length, a value is not a probability, or there are fewer patients than groups or no groups.
pub fn calibration_curve(
    probabilities: &[f64],
    findings: &[bool],
    groups: usize,
) -> Result<Vec<CalibrationGroup>, StatsError> {
    require_equal_lengths(probabilities.len(), findings.len())?;
    require_probabilities(probabilities)?;
    let needed = groups.max(1);
    if groups == 0 || probabilities.len() < needed {
        return Err(StatsError::TooFew {
            found: groups.min(probabilities.len()),
            needed,
        });
    }
    let mut cases: Vec<(f64, bool)> = probabilities
        .iter()
        .copied()
        .zip(findings.iter().copied())
        .collect();
    cases.sort_by(|a, b| a.0.total_cmp(&b.0));
    let sorted: Vec<f64> = cases.iter().map(|case| case.0).collect();
    let mut start = 0;
    let mut curve = Vec::new();
    for group in 1..=groups {
        let end = if group == groups {
            cases.len()
        } else {
            let edge = quantile(&sorted, group as f64 / groups as f64);
            sorted.partition_point(|&probability| probability <= edge)
        };
        let members = &cases[start..end];
        start = end;
        if members.is_empty() {
            continue;
        }
        let n = members.len();
        let n_positive = members.iter().filter(|case| case.1).count();
        curve.push(CalibrationGroup {
            mean_probability: members.iter().map(|case| case.0).sum::<f64>() / n as f64,
            share: n_positive as f64 / n as f64,
            interval: wilson_interval(n_positive as u64, n as u64)?,
            n,
            n_positive,
        });
    }
    Ok(curve)
}
