//! Measures, with a rival's figure from the same run beside ours where there is a rival.

mod bundle;
mod encode;
mod idle_memory;
mod report;

use std::process::Command;

use anyhow::{Context, Result};

use crate::process::Checked;
use crate::steps::Step;
use crate::workspace::Workspace;

use report::{NotMeasured, Row};

/// Something that can be measured.
struct Bench {
    id: &'static str,
    what: &'static str,
    unit: &'static str,
    higher_is_better: bool,
    measure: fn(&Workspace) -> Result<Outcome>,
}

/// What a measurement came to.
enum Outcome {
    Measured(Measurement),
    /// It cannot be measured on this machine, and why.
    NotHere(String),
}

/// Figures in the unit of the bench.
struct Measurement {
    ours: f64,
    rival: Option<Rival>,
    target: Option<f64>,
}

struct Rival {
    name: String,
    figure: f64,
}

const BENCHES: &[Bench] = &[
    Bench {
        id: "bundle",
        what: "first load of the list of slides: wasm, JavaScript and style sheet, brotli",
        unit: "kB",
        higher_is_better: false,
        measure: bundle::measure,
    },
    Bench {
        id: "bundle-slide",
        what: "first load of the page of a slide, which has a wasm module more",
        unit: "kB",
        higher_is_better: false,
        measure: bundle::measure_slide,
    },
    Bench {
        id: "idle-memory",
        what: "resident memory of the idle server, no model loaded",
        unit: "MB",
        higher_is_better: false,
        measure: idle_memory::measure,
    },
    Bench {
        id: "encode-cpu",
        what: "encoding on the CPU, EfficientNet-Lite0",
        unit: "tiles/s",
        higher_is_better: true,
        measure: encode::on_cpu,
    },
    Bench {
        id: "encode-wgpu",
        what: "encoding on the GPU, EfficientNet-Lite0",
        unit: "tiles/s",
        higher_is_better: true,
        measure: encode::on_gpu,
    },
];

/// What a person may name.
pub fn row_ids() -> Vec<&'static str> {
    BENCHES.iter().map(|bench| bench.id).collect()
}

/// Measures the named rows, or all; prints a table and writes `target/bench.json`.
pub fn bench(workspace: &Workspace, wanted: &[String]) -> Result<()> {
    let (machine, commit) = (machine(), commit(workspace)?);
    let (mut rows, mut not_measured) = (Vec::new(), Vec::new());
    for bench in BENCHES
        .iter()
        .filter(|bench| wanted.is_empty() || wanted.iter().any(|id| id == bench.id))
    {
        let step = Step::begin(format!("Measuring {}", bench.id));
        let outcome =
            (bench.measure)(workspace).with_context(|| format!("cannot measure {}", bench.id))?;
        step.done();
        match outcome {
            Outcome::Measured(measurement) => {
                rows.push(Row::new(bench, measurement, &machine, &commit))
            }
            Outcome::NotHere(why) => not_measured.push(NotMeasured { id: bench.id, why }),
        }
    }
    let file = workspace.target.join("bench.json");
    std::fs::write(&file, serde_json::to_string_pretty(&rows)? + "\n")
        .with_context(|| format!("cannot write {}", file.display()))?;
    print!("{}", report::table(&rows, &not_measured));
    Ok(())
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
