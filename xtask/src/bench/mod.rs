//! Measures, with a rival's figure from the same run beside ours where there is a rival.

mod browser;
mod bundle;
mod encode;
mod fetch;
mod field_after_jump;
mod figure;
mod frame_time;
mod idle_memory;
mod report;
mod rivals;
mod server;
mod slides;
mod soak_memory;
mod tiles_decoded;
mod tiles_during_job;
mod tiles_passthrough;
mod write_slide;
mod wrk;

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::process::Checked;
use crate::steps::Step;
use crate::workspace::Workspace;

use figure::Measurement;
use report::{NotMeasured, Row};

/// Something that can be measured.
struct Bench {
    id: &'static str,
    what: &'static str,
    measure: fn(&Workspace) -> Result<Outcome>,
}

/// What a measurement came to.
enum Outcome {
    Measured(Vec<Measurement>),
    /// It cannot be measured on this machine, and why.
    NotHere(String),
}

const BENCHES: &[Bench] = &[
    Bench {
        id: "bundle",
        what: "first load of the list of slides: wasm, JavaScript and style sheet, brotli",
        measure: bundle::measure,
    },
    Bench {
        id: "bundle-slide",
        what: "first load of the page of a slide, which has a wasm module more",
        measure: bundle::measure_slide,
    },
    Bench {
        id: "idle-memory",
        what: "resident memory of the idle server, no model loaded",
        measure: idle_memory::measure,
    },
    Bench {
        id: "encode-cpu",
        what: "encoding on the CPU, EfficientNet-Lite0",
        measure: encode::on_cpu,
    },
    Bench {
        id: "encode-wgpu",
        what: "encoding on the GPU, EfficientNet-Lite0",
        measure: encode::on_gpu,
    },
    Bench {
        id: "tiles-passthrough",
        what: "stored JPEG tiles at full resolution",
        measure: tiles_passthrough::measure,
    },
    Bench {
        id: "tiles-decoded",
        what: "tiles that are decoded and encoded, each asked for once",
        measure: tiles_decoded::measure,
    },
    Bench {
        id: "tiles-during-job",
        what: "stored JPEG tiles while a slide is encoded on the CPU",
        measure: tiles_during_job::measure,
    },
    Bench {
        id: "field-after-jump",
        what: "a field of 1920 × 1080 px after a jump, from the input to the last sharp pixel",
        measure: field_after_jump::measure,
    },
    Bench {
        id: "frame-time",
        what: "panning under two layers of 100,000 tiles each",
        measure: frame_time::measure,
    },
    Bench {
        id: "soak-memory",
        what: "10,000 random tiles of 50 slides",
        measure: soak_memory::measure,
    },
    Bench {
        id: "write-slide",
        what: "writing a slide of 50,000 × 50,000 px with its pyramid",
        measure: write_slide::measure,
    },
];

/// What a person may name.
pub fn row_ids() -> Vec<&'static str> {
    BENCHES.iter().map(|bench| bench.id).collect()
}

/// Measures the named rows, or all; prints a table and writes `target/bench.json` and, for the README,
/// `target/bench.md`.
pub fn bench(workspace: &Workspace, wanted: &[String]) -> Result<()> {
    let (machine, commit) = (machine(), commit(workspace)?);
    let (mut rows, mut not_measured, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for bench in BENCHES
        .iter()
        .filter(|bench| wanted.is_empty() || wanted.iter().any(|id| id == bench.id))
    {
        let step = Step::begin(format!("Measuring {}", bench.id));
        let outcome = (bench.measure)(workspace);
        step.done();
        match outcome {
            Ok(Outcome::Measured(measurements)) => rows.extend(
                measurements
                    .into_iter()
                    .map(|measurement| Row::new(bench, measurement, &machine, &commit)),
            ),
            Ok(Outcome::NotHere(why)) => not_measured.push(NotMeasured { id: bench.id, why }),
            // The other rows have taken, or take, half an hour.
            Err(reason) => {
                eprintln!("error: cannot measure {}: {reason:?}", bench.id);
                failed.push(bench.id);
                not_measured.push(NotMeasured {
                    id: bench.id,
                    why: "it failed; the reason stands above".to_owned(),
                });
            }
        }
    }
    write(
        &workspace.target.join("bench.json"),
        &(serde_json::to_string_pretty(&rows)? + "\n"),
    )?;
    write(
        &workspace.target.join("bench.md"),
        &report::markdown(&rows, &not_measured),
    )?;
    print!("{}", report::table(&rows, &not_measured));
    ensure!(failed.is_empty(), "cannot measure {}", failed.join(", "));
    Ok(())
}

fn write(file: &Path, text: &str) -> Result<()> {
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

/// The processor and how many of its threads are ours.
fn machine() -> String {
    let cpu_info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu_info
        .lines()
        .find_map(|line| {
            line.strip_prefix("model name")?
                .split_once(':')
                .map(|(_, name)| name.trim())
        })
        .unwrap_or("unknown processor");
    format!("{model}, {} threads", threads())
}

/// How many threads we may use.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The commit that is measured; `+` when the working tree differs from it.
fn commit(workspace: &Workspace) -> Result<String> {
    let git = |args: &[&str]| {
        Command::new("git")
            .current_dir(&workspace.root)
            .args(args)
            .output_checked()
    };
    let hash = git(&["rev-parse", "--short=12", "HEAD"])?;
    let changes = git(&["status", "--porcelain", "--untracked-files=no"])?;
    Ok(format!(
        "{}{}",
        hash.trim(),
        if changes.is_empty() { "" } else { "+" }
    ))
}
