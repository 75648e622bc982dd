//! The share of patients who have not had the event yet.

use serde::{Deserialize, Serialize};

use super::{Survival, moments, require_times};
use crate::{Interval, NORMAL_QUANTILE, StatsError};

/// A Kaplan-Meier curve (Kaplan and Meier 1958, J Am Stat Assoc 53:457).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KaplanMeier {
    /// One per distinct time, rising; before the first the curve is at 1, between two it stays where the former left it.
    pub steps: Vec<Step>,
    /// When half of the patients have had the event; `None` where the curve does not come down to one half.
    pub median: Option<Median>,
    /// Patients.
    pub n: usize,
    /// Patients who had the event.
    pub n_events: usize,
}

/// What a curve does at one time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// When.
    pub time: f64,
    /// Patients who were followed up to this time or longer.
    pub at_risk: usize,
    /// Patients who had the event now.
    pub events: usize,
    /// Patients last seen now, without the event.
    pub censored: usize,
    /// The share without the event, from this time on.
    pub survival: f64,
    /// 95 % interval of `survival`. `None` at 1 and at 0, where no variance can be estimated.
    pub interval: Option<Interval>,
}

/// A median time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Median {
    /// The first time at which the curve is at one half or below.
    pub time: f64,
    /// The first time at which the lower bound of the curve is; `None` where it never is.
    pub lower: Option<f64>,
    /// The first time at which the upper bound is; `None` where it never is, so that no latest time can be given.
    pub upper: Option<f64>,
}

impl KaplanMeier {
    /// The curve of one group of patients. Without any event it stays at 1 and has no interval.
    ///
    /// S(t) = Π (1 − dᵢ/nᵢ) over event times up to t. Greenwood's sum V = Σ dᵢ/(nᵢ(nᵢ − dᵢ)) (Greenwood 1926) gives ln(−ln S)
    /// the deviation √V/|ln S|, so the interval S^exp(± 1.96 √V/ln S) stays between 0 and 1 (Kalbfleisch and Prentice 1980,
    /// section 1.3). The interval of the median holds all times whose interval holds one half (Brookmeyer and Crowley
    /// 1982, Biometrics 38:29).
    ///
    /// # Errors
    /// Without patients, or when a time is not finite or negative.
    pub fn of(cases: &[Survival]) -> Result<Self, StatsError> {
        require_times(cases.iter().map(|case| case.time))?;
        if cases.is_empty() {
            return Err(StatsError::TooFew {
                found: 0,
                needed: 1,
            });
        }
        let (mut survival, mut greenwood) = (1.0, 0.0);
        let steps: Vec<Step> = moments(cases)
            .into_iter()
            .map(|moment| {
                let (events, at_risk) = (moment.events as f64, moment.at_risk as f64);
                survival *= (at_risk - events) / at_risk;
                if moment.events < moment.at_risk {
                    greenwood += events / (at_risk * (at_risk - events));
                }
                Step {
                    time: moment.time,
                    at_risk: moment.at_risk,
                    events: moment.events,
                    censored: moment.censored,
                    survival,
                    interval: (0.0 < survival && survival < 1.0)
                        .then(|| log_log_interval(survival, greenwood)),
                }
            })
            .collect();
        // A product of fractions that is one half may come out larger by rounding.
        let half = 0.5 + 1e-12;
        let first = |of: &dyn Fn(&Step) -> Option<f64>| {
            steps
                .iter()
                .find(|step| of(step).is_some_and(|value| value <= half))
                .map(|step| step.time)
        };
        Ok(Self {
            median: first(&|step| Some(step.survival)).map(|time| Median {
                time,
                // At 0 there is no interval, but no lower bound of the curve can be above it.
                lower: first(&|step| {
                    step.interval
                        .map(|interval| interval.lower)
                        .or((step.survival == 0.0).then_some(0.0))
                }),
                upper: first(&|step| step.interval.map(|interval| interval.upper)),
            }),
            n: cases.len(),
            n_events: cases.iter().filter(|case| case.event).count(),
            steps,
        })
    }

    /// How many patients were followed up to `time` or longer.
    pub fn at_risk(&self, time: f64) -> usize {
        let next = self.steps.partition_point(|step| step.time < time);
        self.steps.get(next).map_or(0, |step| step.at_risk)
    }
}

fn log_log_interval(survival: f64, greenwood: f64) -> Interval {
    let half = NORMAL_QUANTILE * greenwood.sqrt() / survival.ln();
    Interval {
        lower: survival.powf((-half).exp()),
        upper: survival.powf(half.exp()),
    }
}
