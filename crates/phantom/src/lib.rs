#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod canvas;
pub mod cohort;
mod ground;
mod looks;
mod noise;
mod packing;
mod paint;
mod plan;
mod random;
mod shape;
pub mod signs;
pub mod spot;
pub mod stain;
pub mod truth;

pub use cohort::{Cohort, Observation, Patient};
pub use signs::{PhantomTarget, TARGETS};
pub use spot::{DrawError, Spot, draw_spot, draw_with_fat};
pub use truth::{Cell, CellClass, Truth};
