//! Time to an event that some patients have not had yet when they were last seen.

mod concordance;
mod kaplan_meier;
mod log_rank;

pub use concordance::{Concordance, Prognosis, within_fold_concordance};
pub use kaplan_meier::{KaplanMeier, Median, Step};
pub use log_rank::{LogRank, LogRankGroup, log_rank};

use crate::StatsError;

/// How long one patient was followed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Survival {
    /// Time to the event, or to when the patient was last seen without it; from 0 up, in any unit.
    pub time: f64,
    /// Whether the event happened; otherwise the patient is censored.
    pub event: bool,
}

/// Refuses the first time that is not finite or below 0.
fn require_times(times: impl Iterator<Item = f64>) -> Result<(), StatsError> {
    for (index, time) in times.enumerate() {
        if !time.is_finite() {
            return Err(StatsError::NotFinite { index });
        }
        if time < 0.0 {
            return Err(StatsError::Negative { index });
        }
    }
    Ok(())
}

/// What happens at one time.
struct Moment {
    time: f64,
    /// Followed up to this time or longer.
    at_risk: usize,
    events: usize,
    censored: usize,
}

/// The distinct times, rising. A patient censored at the time of another's event was still at risk of it.
fn moments(cases: &[Survival]) -> Vec<Moment> {
    let mut sorted = cases.to_vec();
    sorted.sort_by(|a, b| a.time.total_cmp(&b.time));
    let mut at_risk = cases.len();
    sorted
        .chunk_by(|a, b| a.time == b.time)
        .map(|together| {
            let events = together.iter().filter(|case| case.event).count();
            let moment = Moment {
                time: together[0].time,
                at_risk,
                events,
                censored: together.len() - events,
            };
            at_risk -= together.len();
            moment
        })
        .collect()
}
