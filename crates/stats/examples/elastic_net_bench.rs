//! Times a path of the elastic net on as many tiles as the study had, against `elastic_net_rival.py` on the same file.
//!
//! ```text
//! cargo run --release -p stats --example elastic_net_bench -- make problem.f32
//! cargo run --release -p stats --example elastic_net_bench -- fit problem.f32
//! python crates/stats/examples/elastic_net_rival.py problem.f32
//! ```

use std::env;
use std::error::Error;
use std::f64::consts::TAU;
use std::fs;
use std::time::Instant;

use stats::SplitMix64;
use stats::elastic_net::{PathConfig, Problem, Response, fit_path};

const N_ROWS: usize = 20_000;
const N_FEATURES: usize = 1_280;
/// What the features have in common: each is a mixture of these and of noise of its own, cut at 0 like an activation.
const N_FACTORS: usize = 48;
/// Features with an effect.
const N_EFFECTS: usize = 40;
const N_LAMBDA: usize = 100;
const LAMBDA_MIN_RATIO: f64 = 1e-4;
/// Looser than by default: deviances per row are then within 2e-5 of the optimum, those of the rivals, as they come, within
/// 3e-5 (adelie) and 9e-5 (glmnet).
const TOLERANCE: f64 = 1e-4;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["make", file] => make(file),
        ["fit", file] => fit(file),
        _ => Err("say `make FILE` or `fit FILE`".into()),
    }
}

/// Writes the features row by row, then the findings, all f32.
fn make(file: &str) -> Result<(), Box<dyn Error>> {
    let mut random = SplitMix64::new(20_000);
    let mut normal = || {
        let uniform = |bits: u64| (bits >> 11) as f64 / (1u64 << 53) as f64;
        let radius = (-2.0 * (1.0 - uniform(random.next_u64())).ln()).sqrt();
        (radius * (TAU * uniform(random.next_u64())).cos()) as f32
    };
    let loadings: Vec<f32> = (0..N_FACTORS * N_FEATURES)
        .map(|_| normal() * 0.2)
        .collect();
    let effects: Vec<f32> = (0..N_EFFECTS).map(|_| normal() * 0.3).collect();
    let mut features = Vec::with_capacity(N_ROWS * N_FEATURES);
    let mut findings = Vec::with_capacity(N_ROWS);
    for _ in 0..N_ROWS {
        let mut row: Vec<f32> = (0..N_FEATURES).map(|_| normal()).collect();
        for loading in loadings.as_chunks::<N_FEATURES>().0 {
            let factor = normal();
            for (value, loading) in row.iter_mut().zip(loading) {
                *value += factor * loading;
            }
        }
        row.iter_mut().for_each(|value| *value = value.max(0.0));
        let step = N_FEATURES / N_EFFECTS;
        let terms = row.iter().step_by(step).zip(&effects);
        let log_odds: f32 = terms.map(|(value, effect)| (value - 0.5) * effect).sum();
        // A logistic variable is the difference of two extreme ones; a normal one of its spread does as well here.
        findings.push(f32::from(log_odds - 0.5 + 1.8 * normal() > 0.0));
        features.extend(row);
    }
    features.extend(findings);
    let bytes: Vec<u8> = features
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    Ok(fs::write(file, bytes)?)
}

/// Prints how long 100 lambdas at alpha 0.5 took, standardising included and reading not.
fn fit(file: &str) -> Result<(), Box<dyn Error>> {
    let bytes = fs::read(file)?;
    let values: Vec<f32> = bytes
        .as_chunks::<4>()
        .0
        .iter()
        .map(|&bytes| f32::from_le_bytes(bytes))
        .collect();
    let (features, findings) = values
        .split_at_checked(N_ROWS * N_FEATURES)
        .ok_or("the file is too short")?;
    let findings: Vec<bool> = findings.iter().map(|&finding| finding > 0.5).collect();

    let problem = Problem::new(features, N_FEATURES, Response::Binomial(&findings))?;
    let first = PathConfig {
        n_lambda: 1,
        ..PathConfig::new(0.5)
    };
    let highest = fit_path(&problem, &first)?.fits[0].lambda;
    let ratio = |k: usize| LAMBDA_MIN_RATIO.powf(k as f64 / (N_LAMBDA - 1) as f64);
    // A given path has no early end: all are to fit every lambda.
    let config = PathConfig {
        lambdas: Some((0..N_LAMBDA).map(|k| highest * ratio(k)).collect()),
        tolerance: TOLERANCE,
        ..PathConfig::new(0.5)
    };
    let started = Instant::now();
    let problem = Problem::new(features, N_FEATURES, Response::Binomial(&findings))?;
    let path = fit_path(&problem, &config)?;
    let seconds = started.elapsed().as_secs_f64();

    let of_fits = |value: &dyn Fn(&stats::elastic_net::Fit) -> f64| -> Vec<f64> {
        path.fits.iter().map(value).collect()
    };
    println!(
        "{}",
        serde_json::json!({
            "name": "marrowscope",
            "seconds": seconds,
            "lambda": of_fits(&|fit| fit.lambda),
            "non_zero": of_fits(&|fit| fit.coefficients.len() as f64),
            "deviance": of_fits(&|fit| (1.0 - fit.deviance_ratio) * path.null_deviance),
        })
    );
    Ok(())
}
