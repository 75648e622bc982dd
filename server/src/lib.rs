#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod args;
mod backend;
mod cohorts;
mod deepzoom;
mod device;
mod guard;
mod import;
mod jobs;
mod key;
mod metrics;
mod nice;
mod problem;
mod progress;
mod report;
mod routes;
pub mod run;
mod slide_file;
mod slides;
mod state;
mod turns;
