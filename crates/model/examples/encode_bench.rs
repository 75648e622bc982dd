//! How many tiles per second the encoder does: one line of JSON, as `xtask/bench/encode_ort.py` prints it for its rival.
//!
//! `cargo run --example encode_bench -- --weights FILE --device cpu --threads 2 --batch 16`

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use model::device::{DeviceChoice, EncoderDevice, choose, trial_batch};
use model::encoder::{Encoder, sample_tiles};

#[derive(Parser)]
#[command(about = "Measure the encoder's tiles per second")]
struct Options {
    /// The encoder's weights file.
    #[arg(long)]
    weights: PathBuf,
    /// What computes.
    #[arg(long, value_enum, default_value_t = BenchDevice::Cpu)]
    device: BenchDevice,
    /// Threads of the CPU.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Tiles per call; by default what the encoder asks for.
    #[arg(long)]
    batch: Option<usize>,
    /// How long to measure.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
}

#[derive(Clone, Copy, ValueEnum)]
enum BenchDevice {
    /// The CPU path of the product.
    Cpu,
    /// Burn's own CPU kernels.
    Flex,
    /// The first graphics card.
    Wgpu,
    /// SwiftShader's Vulkan, a graphics driver that computes on the CPU.
    Swiftshader,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse();
    let device = match options.device {
        BenchDevice::Cpu => EncoderDevice::cpu("asked for"),
        BenchDevice::Flex => EncoderDevice::flex(),
        // In this process: a benchmark that a driver ends has nothing to lose.
        BenchDevice::Wgpu => EncoderDevice::open(choose(DeviceChoice::Wgpu, || {
            trial_batch(&options.weights)
        })?)?,
        BenchDevice::Swiftshader => EncoderDevice::software_vulkan("SwiftShader")?,
    };
    let threads = rayon::ThreadPoolBuilder::new()
        .num_threads(options.threads)
        .build()?;
    let report = threads.install(|| measure(&options, &device))?;
    println!("{report}");
    Ok(())
}

fn measure(
    options: &Options,
    device: &EncoderDevice,
) -> Result<serde_json::Value, model::encoder::EncoderError> {
    let encoder = Encoder::load(&options.weights, device)?;
    let batch = options.batch.unwrap_or(encoder.batch_tiles());
    let tiles = sample_tiles(batch);
    // The first call compiles and tunes on a graphics card, and touches memory for the first time on a CPU.
    let features = encoder.encode(&tiles)?;
    let (started, cpu_before) = (Instant::now(), cpu_seconds());
    let (mut calls, mut longest) = (0, Duration::ZERO);
    while started.elapsed().as_secs_f64() < options.seconds {
        let call = Instant::now();
        encoder.encode(&tiles)?;
        longest = longest.max(call.elapsed());
        calls += 1;
    }
    let seconds = started.elapsed().as_secs_f64();
    let done = (calls * batch) as f64;
    let per_cpu_s = cpu_seconds()
        .zip(cpu_before)
        .map(|(now, before)| round(done / (now - before)));
    Ok(serde_json::json!({
        "engine": format!("marrowscope, {}", device.info().backend),
        "device": device.info().name,
        "threads": options.threads,
        "batch": batch,
        "tiles": calls * batch,
        "seconds": seconds,
        "tiles_per_s": round(done / seconds),
        "tiles_per_cpu_s": per_cpu_s,
        "longest_call_ms": round(longest.as_secs_f64() * 1e3),
        "first_features": &features[..4],
    }))
}

fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// CPU time that this process has used, where the system tells: on a busy machine it says more than the clock.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // User and system time are the 14th and 15th field, in hundredths of a second; the second field may hold spaces.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<f64>().ok();
    Some((next()? + next()?) / 100.0)
}
