//! What makes an input meaningless.

use thiserror::Error;

/// Why a statistic cannot be computed from what was given.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum StatsError {
    /// Two lists that belong together differ in length.
    #[error("two lists that belong together have {left} and {right} entries")]
    LengthsDiffer {
        /// Length of the first list.
        left: usize,
        /// Length of the second list.
        right: usize,
    },
    /// A number is NaN or infinite.
    #[error("value {index} is not a finite number")]
    NotFinite {
        /// Position in the list.
        index: usize,
    },
    /// A probability lies outside 0 to 1.
    #[error("value {index} is not a probability")]
    NotAProbability {
        /// Position in the list.
        index: usize,
    },
    /// Cases with and without the finding are both needed.
    #[error("cases with and without the finding are needed, there are {positive} and {negative}")]
    OneClass {
        /// Number with the finding.
        positive: usize,
        /// Number without it.
        negative: usize,
    },
    /// No fold holds a pair of cases with and without the finding.
    #[error("no fold holds both a case with and a case without the finding")]
    NoPairs,
    /// A time or a distance is below 0.
    #[error("value {index} is negative")]
    Negative {
        /// Position in the list.
        index: usize,
    },
    /// A probability is 0 or 1, whose logit is infinite.
    #[error("value {index} is a probability of 0 or 1")]
    Certain {
        /// Position in the list.
        index: usize,
    },
    /// The cases with the finding all lie on one side of those without it, so that no finite slope fits best.
    #[error("the cases with and without the finding are separated: no finite slope fits best")]
    Separated,
    /// No two cases were under observation together when an event happened.
    #[error(
        "no two cases can be compared: nobody else was under observation when an event happened"
    )]
    NothingToCompare,
    /// There are too few cases.
    #[error("{found} cases, at least {needed} are needed")]
    TooFew {
        /// How many were given.
        found: usize,
        /// How many are needed.
        needed: usize,
    },
    /// All values are equal, so that nothing can be ranked.
    #[error("all values are equal")]
    Constant,
    /// More successes than trials.
    #[error("{successes} successes in {trials} trials")]
    MoreSuccessesThanTrials {
        /// Number of successes.
        successes: u64,
        /// Number of trials.
        trials: u64,
    },
    /// A weight is below 0.
    #[error("weight {index} is negative")]
    NegativeWeight {
        /// Position in the list.
        index: usize,
    },
    /// No feature differs between any two rows.
    #[error("every feature is constant")]
    NoVaryingFeature,
    /// Nobody had the event.
    #[error("there is no event")]
    NoEvents,
    /// No feature goes with the response at all.
    #[error("no feature goes with the response")]
    Unrelated,
    /// A setting is outside what it can be.
    #[error("{setting} is outside what it can be")]
    Setting {
        /// Its name.
        setting: &'static str,
    },
    /// A fit did not come to an end.
    #[error("the fit did not converge")]
    NotConverged,
    /// What holds of the rows outside one fold.
    #[error("fold {fold}: {source}")]
    Fold {
        /// Its name.
        fold: usize,
        /// Why it cannot be used.
        source: Box<StatsError>,
    },
}

/// Refuses the first value that is NaN or infinite.
pub(crate) fn require_finite(values: &[f64]) -> Result<(), StatsError> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(StatsError::NotFinite { index }),
        None => Ok(()),
    }
}

/// Refuses lists of different length.
pub(crate) fn require_equal_lengths(left: usize, right: usize) -> Result<(), StatsError> {
    if left == right {
        Ok(())
    } else {
        Err(StatsError::LengthsDiffer { left, right })
    }
}

/// Refuses the first value that is not a probability.
pub(crate) fn require_probabilities(values: &[f64]) -> Result<(), StatsError> {
    match values.iter().position(|p| !(0.0..=1.0).contains(p)) {
        Some(index) => Err(StatsError::NotAProbability { index }),
        None => Ok(()),
    }
}
