//! What a bench may measure: a figure in a unit, beside a rival's, against an aim.

use serde::Serialize;

/// What is measured in which unit, and which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantity {
    /// Of the figures.
    pub unit: &'static str,
    /// Else lower is.
    pub higher_is_better: bool,
}

/// Tiles in a second.
pub const TILES_PER_S: Quantity = Quantity {
    unit: "tiles/s",
    higher_is_better: true,
};
/// Milliseconds.
pub const MILLIS: Quantity = Quantity {
    unit: "ms",
    higher_is_better: false,
};
/// Seconds.
pub const SECONDS: Quantity = Quantity {
    unit: "s",
    higher_is_better: false,
};
/// Units of 1,000,000 bytes.
pub const MEGABYTES: Quantity = Quantity {
    unit: "MB",
    higher_is_better: false,
};
/// Units of 1000 bytes.
pub const KILOBYTES: Quantity = Quantity {
    unit: "kB",
    higher_is_better: false,
};

/// Pictures that the browser drew.
pub const FRAMES: Quantity = Quantity {
    unit: "frames",
    higher_is_better: false,
};
/// What a page asked for.
pub const REQUESTS: Quantity = Quantity {
    unit: "requests",
    higher_is_better: false,
};

/// One figure of a bench, which may have several.
#[derive(Debug)]
pub struct Measurement {
    /// Which of them, in words; empty where there is only one.
    pub case: String,
    /// What the figures are.
    pub quantity: Quantity,
    /// Ours.
    pub ours: f64,
    /// The other's, from the same run.
    pub rival: Option<Rival>,
    /// What ours should come to.
    pub aim: Option<Aim>,
    /// What the load generator saw at ours, where one was at work.
    pub load: Option<Load>,
}

/// Whoever does the same.
#[derive(Debug)]
pub struct Rival {
    /// With its version.
    pub name: String,
    /// In the unit of ours.
    pub figure: f64,
    /// What the load generator saw at it.
    pub load: Option<Load>,
}

/// What ours should come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Aim {
    /// In the unit of the figure: at least, or at most where lower is better.
    Figure(f64),
    /// The same of ours divided by the rival's.
    Ratio(f64),
}

/// What came of asking a server for tiles.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Load {
    /// Answers in a second.
    pub tiles_per_s: f64,
    /// Megapixels in a second.
    pub mpx_per_s: f64,
    /// From the request to the last byte of the answer.
    pub latency_ms: Latency,
}

/// Percentiles, ms.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Latency {
    /// The median.
    pub p50: f64,
    /// Of twenty answers one takes longer.
    pub p95: f64,
    /// Of a hundred answers one takes longer.
    pub p99: f64,
}

impl Measurement {
    /// Ours alone.
    pub fn of(quantity: Quantity, ours: f64) -> Self {
        Self {
            case: String::new(),
            quantity,
            ours,
            rival: None,
            aim: None,
            load: None,
        }
    }

    /// One of several figures of a bench.
    pub fn in_case(mut self, case: impl Into<String>) -> Self {
        self.case = case.into();
        self
    }

    /// Beside a rival.
    pub fn beside(mut self, rival: Rival) -> Self {
        self.rival = Some(rival);
        self
    }

    /// With an aim.
    pub fn aiming_at(mut self, aim: Aim) -> Self {
        self.aim = Some(aim);
        self
    }

    /// With what the load generator saw at ours.
    pub fn under(mut self, load: Load) -> Self {
        self.load = Some(load);
        self
    }
}

impl Rival {
    /// A rival's figure.
    pub fn new(name: impl Into<String>, figure: f64) -> Self {
        Self {
            name: name.into(),
            figure,
            load: None,
        }
    }
}

impl Latency {
    /// Of the times of all answers, ms, in any order. `None` of none.
    pub fn of(mut millis: Vec<f64>) -> Option<Self> {
        millis.sort_by(f64::total_cmp);
        let last = millis.len().checked_sub(1)?;
        // Nearest rank: a time that was measured, not one between two.
        let at = |share: f64| {
            let rank = (share * millis.len() as f64).ceil() as usize;
            millis.get(rank.saturating_sub(1).min(last)).copied()
        };
        Some(Self {
            p50: at(0.50)?,
            p95: at(0.95)?,
            p99: at(0.99)?,
        })
    }
}

/// The middle one; not a number of none.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let latency = Latency::of((1..=100).rev().map(f64::from).collect()).unwrap();
        assert_eq!((latency.p50, latency.p95, latency.p99), (50.0, 95.0, 99.0));
        let one = Latency::of(vec![7.0]).unwrap();
        assert_eq!((one.p50, one.p95, one.p99), (7.0, 7.0, 7.0));
        assert_eq!(Latency::of(Vec::new()), None);
    }

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(median(vec![300.0, 10.0, 310.0]), 300.0);
        assert!(median(Vec::new()).is_nan());
    }
}
