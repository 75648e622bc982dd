//! The `marrowscope` program: parses its arguments and calls the library.

use std::process::ExitCode;

use clap::Parser;
use server::args::Arguments;

fn main() -> ExitCode {
    let filter =
        tracing_subscriber::EnvFilter::try_from_env("MARROWSCOPE_LOG").unwrap_or_else(|_| {
            "info,wgpu_core=warn,wgpu_hal=warn,naga=warn,cubecl_runtime=warn".into()
        });
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .init();
    match server::run::run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("marrowscope: {error:#}");
            ExitCode::FAILURE
        }
    }
}
