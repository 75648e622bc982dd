#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod device;
pub mod encoder;
pub mod predictor;
pub mod training;
