#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod address;
pub mod camera;
pub mod colour;
pub mod geometry;
pub mod ids;
pub mod layer;
pub mod report;
pub mod score;
pub mod stain;
pub mod target;
pub mod view;
pub mod warning;

/// Stands on every page and every export.
pub const NOT_FOR_DIAGNOSIS: &str = "For research and teaching only, not for diagnosis";
