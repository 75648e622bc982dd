#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod error;
mod jpeg;
mod region;
mod resample;
mod slide;
mod source;
mod tissue;

pub use error::SlideError;
pub use slide::{MppOrigin, OpenOptions, PyramidTile, Slide};
pub use tissue::TissueMask;
