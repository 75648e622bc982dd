//! The `marrowscope` program: parses its arguments and calls the library.

use std::process::ExitCode;

use clap::Parser;
use server::args::Arguments;

/// Blocks from this size on are handed back to the system when they are freed, bytes.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const HANDED_BACK: i32 = 1 << 20;

/// Left to itself, glibc raises this size to that of the largest block freed, up to 32 MB, and then keeps the pixels of
/// slides that were closed long ago: 49 flat slides looked at at random held 200 MB more than their bound.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn hand_back_large_blocks() {
    // SAFETY: no other thread runs yet; the call changes a number of the allocator's.
    unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, HANDED_BACK) };
}

fn main() -> ExitCode {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    hand_back_large_blocks();
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
