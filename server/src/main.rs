//! The `marrowscope` program: parses its arguments and calls the library.

use std::process::ExitCode;

use clap::Parser;
use server::args::Arguments;

/// Blocks from this size on are handed back to the system when they are freed, bytes.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const HANDED_BACK: i32 = 1 << 20;
/// What may lie free at the end of a heap, bytes: a few tiles that are read, so that each is not new pages of the system's.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const KEPT_FREE: i32 = 8 << 20;

/// Left to itself, glibc raises the first size to that of the largest block freed, up to 32 MB, and then keeps the pixels of
/// slides that were closed long ago: 49 flat slides looked at at random held 200 MB more than their bound. Told of the first
/// alone, it hands back the end of a heap after every stored tile.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn set_up_allocator() {
    // SAFETY: no other thread runs yet; the calls change numbers of the allocator's.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, HANDED_BACK);
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT_FREE);
    }
}

fn main() -> ExitCode {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    set_up_allocator();
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
