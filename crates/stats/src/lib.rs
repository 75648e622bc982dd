#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod auroc;
pub mod bootstrap;
pub mod calibration;
pub mod correlation;
mod distribution;
pub mod elastic_net;
mod error;
pub mod hypothesis;
pub mod linkage;
pub mod precision_recall;
pub mod proportion;
mod rank;
mod ranking;
mod seed;
pub mod split;
pub mod survival;

pub use error::StatsError;
pub use seed::SplitMix64;

use serde::{Deserialize, Serialize};

/// The share of cases that every interval here is meant to cover.
pub const CONFIDENCE: f64 = 0.95;

/// The standard normal's quantile at (1 + [`CONFIDENCE`]) / 2.
const NORMAL_QUANTILE: f64 = 1.959_963_984_540_054;

/// A closed 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
}
