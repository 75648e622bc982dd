//! model
pub mod predictor;
pub mod training;
