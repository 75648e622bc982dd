#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod blocks;
mod class;
mod distance;
mod error;
mod feature;
mod ground;
mod labels;
mod levels;
mod nuclei;
mod optics;
mod plane;
#[cfg(test)]
mod reference;
mod region;
mod shape;
mod split;
mod tally;

pub use blocks::{Block, MARGIN_UM, WORKING_UM_PER_PX, blocks, working_um_per_px};
pub use class::PixelClass;
pub use error::CompositionError;
pub use feature::{FEATURE_COUNT, FEATURES, Feature, Nucleus};
pub use levels::{Levels, Sampler};
pub use optics::Optics;
pub use region::{Analyser, Region, RegionComposition};
pub use tally::{Measure, Tally, measures};
