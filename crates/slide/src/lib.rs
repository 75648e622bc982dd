#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod convert;
mod error;
mod files;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzz_targets;
mod jpeg;
mod members;
mod region;
mod resample;
mod slide;
mod source;
mod tissue;
mod writer;

pub use convert::Conversion;
pub use error::SlideError;
pub use files::{Fetch, Fingerprint};
pub use jpeg::encode_jpeg;
pub use members::{Member, Members};
pub use slide::{MppOrigin, OpenOptions, PyramidTile, Slide};
pub use source::stored::StoredTile;
pub use tissue::TissueMask;
pub use writer::{PyramidWriter, WRITTEN_TILE_PX, Written, write_slide_file};
