//! Shares of a number of cases.

use crate::{Interval, NORMAL_QUANTILE, StatsError};

/// The Wilson score interval of a share (Wilson 1927, J Am Stat Assoc 22:209), without continuity correction.
///
/// # Errors
/// When there are no trials, or fewer than successes.
pub fn wilson_interval(successes: u64, trials: u64) -> Result<Interval, StatsError> {
    if trials == 0 {
        return Err(StatsError::TooFew {
            found: 0,
            needed: 1,
        });
    }
    if successes > trials {
        return Err(StatsError::MoreSuccessesThanTrials { successes, trials });
    }
    let n = trials as f64;
    let share = successes as f64 / n;
    let z2 = NORMAL_QUANTILE * NORMAL_QUANTILE;
    let centre = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half =
        NORMAL_QUANTILE / (1.0 + z2 / n) * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    // At the ends the formula gives 0 and 1 exactly; rounding must not leave them.
    Ok(Interval {
        lower: if successes == 0 {
            0.0
        } else {
            (centre - half).max(0.0)
        },
        upper: if successes == trials {
            1.0
        } else {
            (centre + half).min(1.0)
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_trials_and_impossible_counts_are_refused() {
        assert_eq!(
            wilson_interval(0, 0),
            Err(StatsError::TooFew {
                found: 0,
                needed: 1
            })
        );
        assert_eq!(
            wilson_interval(3, 2),
            Err(StatsError::MoreSuccessesThanTrials {
                successes: 3,
                trials: 2
            })
        );
    }

    #[test]
    fn the_ends_are_exact_and_mirror_each_other() {
        let none = wilson_interval(0, 12).expect("valid");
        let all = wilson_interval(12, 12).expect("valid");
        assert_eq!(none.lower, 0.0);
        assert_eq!(all.upper, 1.0);
        assert!((none.upper - (1.0 - all.lower)).abs() < 1e-12);
    }
}
