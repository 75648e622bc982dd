//! What must be said beside a model's numbers before anybody believes them.

use crate::view::Evaluation;

/// Patients of each kind below which a target is not to be judged.
pub const FEWEST: u32 = 10;

/// A reason to doubt how a model did on a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warning {
    /// Fewer than [`FEWEST`] patients with or without the finding.
    TooFew,
    /// The interval of the AUROC holds one half.
    MayBeChance,
    /// It is not shown to be better than colours alone.
    NotBeyondColour,
    /// The interval of the calibration's slope does not hold 1, or that of its intercept not 0.
    Miscalibrated,
}

impl Warning {
    /// In a few words, for a table.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::TooFew => "too few",
            Self::MayBeChance => "may be chance",
            Self::NotBeyondColour => "not beyond colour",
            Self::Miscalibrated => "miscalibrated",
        }
    }

    /// In a sentence.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::TooFew => {
                "Fewer than 10 patients with or without the finding: the numbers say little."
            }
            Self::MayBeChance => "The interval of the AUROC holds 0.5: this may be chance.",
            Self::NotBeyondColour => {
                "Not shown to be better than a model that sees only the colours of the tiles, which stain and scanner decide as well."
            }
            Self::Miscalibrated => "The probabilities are off: too sure, too unsure, or shifted.",
        }
    }
}

/// What must be said of an evaluation, the weightiest first.
#[must_use]
pub fn warnings(evaluation: &Evaluation) -> Vec<Warning> {
    let Evaluation {
        positives,
        negatives,
        auroc,
        calibration_slope,
        calibration_intercept,
        beyond_colour,
        ..
    } = evaluation;
    let mut warnings = Vec::new();
    if positives.min(negatives) < &FEWEST {
        warnings.push(Warning::TooFew);
    }
    if auroc.is_some_and(|auroc| auroc.low <= 0.5) {
        warnings.push(Warning::MayBeChance);
    }
    if beyond_colour.is_some_and(|comparison| comparison.difference.low <= 0.0) {
        warnings.push(Warning::NotBeyondColour);
    }
    let off = |interval: &crate::view::Interval, right: f64| {
        !(interval.low..=interval.high).contains(&right)
    };
    if calibration_slope.is_some_and(|slope| off(&slope, 1.0))
        || calibration_intercept.is_some_and(|intercept| off(&intercept, 0.0))
    {
        warnings.push(Warning::Miscalibrated);
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::{Comparison, Interval};

    const fn interval(low: f64, estimate: f64, high: f64) -> Option<Interval> {
        Some(Interval {
            estimate,
            low,
            high,
        })
    }

    fn good() -> Evaluation {
        Evaluation {
            positives: 20,
            negatives: 30,
            auroc: interval(0.7, 0.8, 0.9),
            calibration_slope: interval(0.6, 0.9, 1.3),
            calibration_intercept: interval(-0.4, 0.1, 0.6),
            beyond_colour: interval(0.05, 0.2, 0.35).map(|difference| Comparison {
                difference,
                p: 0.01,
            }),
            ..Evaluation::default()
        }
    }

    #[test]
    fn good_numbers_need_no_warning() {
        assert_eq!(warnings(&good()), []);
    }

    #[test]
    fn each_doubt_is_told() {
        let few = Evaluation {
            positives: 9,
            ..good()
        };
        assert_eq!(warnings(&few), [Warning::TooFew]);
        let chance = Evaluation {
            auroc: interval(0.5, 0.7, 0.9),
            ..good()
        };
        assert_eq!(warnings(&chance), [Warning::MayBeChance]);
        let colour = Evaluation {
            beyond_colour: interval(-0.01, 0.2, 0.4).map(|difference| Comparison {
                difference,
                p: 0.06,
            }),
            ..good()
        };
        assert_eq!(warnings(&colour), [Warning::NotBeyondColour]);
        let sure = Evaluation {
            calibration_slope: interval(0.2, 0.5, 0.8),
            ..good()
        };
        assert_eq!(warnings(&sure), [Warning::Miscalibrated]);
        let shifted = Evaluation {
            calibration_intercept: interval(0.2, 0.5, 0.8),
            ..good()
        };
        assert_eq!(warnings(&shifted), [Warning::Miscalibrated]);
    }
}
