#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod args;
mod backend;
mod device;
mod guard;
mod import;
mod jobs;
mod key;
mod nice;
mod phantom_cohort;
mod problem;
mod progress;
mod routes;
pub mod run;
mod slides;
mod state;
