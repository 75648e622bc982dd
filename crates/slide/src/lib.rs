#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod error;
mod files;
mod jpeg;
mod region;
mod resample;
mod slide;
mod source;
mod tissue;

pub use error::SlideError;
pub use files::{Fetch, Fingerprint};
pub use jpeg::encode_jpeg;
pub use slide::{MppOrigin, OpenOptions, PyramidTile, Slide};
pub use source::stored::StoredTile;
pub use tissue::TissueMask;
