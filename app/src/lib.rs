//! app
pub mod viewer;
