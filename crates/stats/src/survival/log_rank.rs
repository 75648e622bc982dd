//! Do groups differ in how soon the event comes?

use serde::{Deserialize, Serialize};

use super::{Survival, moments, require_times};
use crate::StatsError;
use crate::distribution::chi_squared_upper;

/// A log-rank test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogRank {
    /// The statistic.
    pub chi_squared: f64,
    /// Its degrees of freedom: groups that can be compared, less one.
    pub degrees: usize,
    /// The probability of such a statistic or a larger one where the groups do not differ.
    pub p: f64,
    /// In the order given.
    pub groups: Vec<LogRankGroup>,
}

/// What one group contributes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LogRankGroup {
    /// Patients.
    pub n: usize,
    /// Patients who had the event.
    pub events: usize,
    /// Events to be expected if the groups did not differ.
    pub expected: f64,
}

/// The log-rank test of two or more groups (Mantel 1966, Cancer Chemother Rep 50:163; Peto and Peto 1972, J R Stat Soc A
/// 135:185).
///
/// At each time with d events among n at risk, nⱼ of them in group j, group j expects d nⱼ/n events, and the covariance of the
/// groups' events is d (n − d)/(n − 1) · nᵢ/n (δᵢⱼ − nⱼ/n). The statistic is (O − E)ᵀ V⁻ (O − E), chi-squared with the rank of
/// V as degrees of freedom: one less than the groups, unless a group was never at risk together with others.
///
/// # Errors
/// With fewer than two groups, an empty group, a time that is not finite or negative, no event, or where no two groups were
/// at risk at the time of an event.
pub fn log_rank<G: AsRef<[Survival]>>(groups: &[G]) -> Result<LogRank, StatsError> {
    if groups.len() < 2 {
        return Err(StatsError::TooFew {
            found: groups.len(),
            needed: 2,
        });
    }
    let mut times = Vec::new();
    let mut histories = Vec::with_capacity(groups.len());
    let mut found = Vec::with_capacity(groups.len());
    for group in groups {
        let group = group.as_ref();
        require_times(group.iter().map(|case| case.time))?;
        if group.is_empty() {
            return Err(StatsError::TooFew {
                found: 0,
                needed: 1,
            });
        }
        let history = moments(group);
        times.extend(
            history
                .iter()
                .filter(|own| own.events > 0)
                .map(|own| own.time),
        );
        found.push(LogRankGroup {
            n: group.len(),
            events: history.iter().map(|own| own.events).sum(),
            expected: 0.0,
        });
        histories.push(history);
    }
    if times.is_empty() {
        return Err(StatsError::NoEvents);
    }
    times.sort_by(f64::total_cmp);
    times.dedup();

    let mut covariance = vec![vec![0.0; groups.len()]; groups.len()];
    for time in times {
        let mut at_risk = Vec::with_capacity(groups.len());
        let mut events = 0.0;
        for history in &histories {
            let next = history.partition_point(|own| own.time < time);
            let moment = history.get(next);
            at_risk.push(moment.map_or(0.0, |own| own.at_risk as f64));
            events += moment
                .filter(|own| own.time == time)
                .map_or(0.0, |own| own.events as f64);
        }
        let all: f64 = at_risk.iter().sum();
        for (group, own) in found.iter_mut().zip(&at_risk) {
            group.expected += events * own / all;
        }
        if all > 1.0 {
            let spread = events * (all - events) / (all - 1.0);
            for (i, row) in covariance.iter_mut().enumerate() {
                for (j, entry) in row.iter_mut().enumerate() {
                    let same = f64::from(u8::from(i == j));
                    *entry += spread * at_risk[i] / all * (same - at_risk[j] / all);
                }
            }
        }
    }
    let excess = found
        .iter()
        .map(|group| group.events as f64 - group.expected)
        .collect();
    let (chi_squared, degrees) = quadratic_form(covariance, excess);
    if degrees == 0 {
        return Err(StatsError::NothingToCompare);
    }
    Ok(LogRank {
        chi_squared,
        degrees,
        p: chi_squared_upper(chi_squared, degrees),
        groups: found,
    })
}

/// xᵀ V⁻ x and the rank of V, which is symmetric and positive semidefinite and whose range holds x: Gaussian elimination along
/// the largest diagonal entry left, which for such a V is the stable order.
fn quadratic_form(mut v: Vec<Vec<f64>>, mut x: Vec<f64>) -> (f64, usize) {
    let diagonal = |v: &[Vec<f64>], i: usize| v[i][i];
    let largest = (0..x.len()).map(|i| diagonal(&v, i)).fold(0.0, f64::max);
    let mut left: Vec<usize> = (0..x.len()).collect();
    let (mut sum, mut rank) = (0.0, 0);
    while let Some(place) =
        (0..left.len()).max_by(|&a, &b| diagonal(&v, left[a]).total_cmp(&diagonal(&v, left[b])))
    {
        let pivot = left.swap_remove(place);
        let scale = v[pivot][pivot];
        // What remains of a dependent row is rounding.
        if scale <= 1e-10 * largest {
            break;
        }
        sum += x[pivot] * x[pivot] / scale;
        rank += 1;
        for &i in &left {
            let factor = v[i][pivot] / scale;
            x[i] -= factor * x[pivot];
            for &j in &left {
                v[i][j] -= factor * v[pivot][j];
            }
        }
    }
    (sum, rank)
}
