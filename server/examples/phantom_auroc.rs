//! What the predictor reaches on phantom cohorts that its settings were not chosen on: draws, encodes and trains as the
//! first run does, without server and database.
//!
//! `cargo run --example phantom_auroc -- SEED [PATIENTS [SPOT_PX]]`; the features are kept in `target/phantom_auroc` for
//! the next time; delete them when the phantom changes.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use domain::geometry::Mpp;
use image::codecs::jpeg::JpegEncoder;
use model::device::EncoderDevice;
use model::encoder::{DIM, EFFICIENTNET_LITE0, Encoder, TILE_MPP, TILE_SIZE_PX};
use model::predictor::Bag;
use model::training::{TrainingConfig, TrainingData, TrainingPatient, fit};
use phantom::{Cohort, TARGETS, draw_spot};
use slide::{OpenOptions, Slide};

const MPP: f64 = 0.5;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: u64| arguments.next().map_or(Ok(default), |text| text.parse());
    let (seed, patients, spot_px) = (number(1)?, number(48)?, number(2048)?);
    let cohort = Cohort::new(seed, usize::try_from(patients)?);
    let folder = PathBuf::from(format!("target/phantom_auroc/{seed}-{spot_px}"));
    std::fs::create_dir_all(&folder)?;

    let weights = std::env::var_os("MARROWSCOPE_ASSETS")
        .map_or_else(|| PathBuf::from("data/assets"), PathBuf::from)
        .join("efficientnet-lite0-57934424.pth");
    let encoder = Encoder::load(&weights, &EncoderDevice::cpu("an experiment"))?;
    let mut features = Vec::new();
    for (place, patient) in cohort.patients.iter().enumerate() {
        let file = folder.join(format!("{}.f32", patient.code));
        if !file.exists() {
            let rows = encode(&cohort, place, u32::try_from(spot_px)?, &folder, &encoder)
                .with_context(|| format!("patient {}", patient.code))?;
            std::fs::write(&file, bytemuck::cast_slice::<f32, u8>(&rows))?;
        }
        features.push(bytemuck::pod_collect_to_vec::<u8, f32>(&std::fs::read(
            &file,
        )?));
    }

    let patients = cohort
        .patients
        .iter()
        .zip(&features)
        .map(|(patient, rows)| {
            let observed = |target: &&phantom::PhantomTarget| {
                patient.observation(target.key).map(|found| found.positive)
            };
            Ok(TrainingPatient {
                code: patient.code.parse()?,
                bag: Bag::new(rows, DIM)?,
                observations: TARGETS.iter().map(|target| observed(&target)).collect(),
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let targets = TARGETS
        .iter()
        .map(|target| Ok(target.key.parse()?))
        .collect::<Result<Vec<_>>>()?;
    let data = TrainingData::new(
        targets,
        EFFICIENTNET_LITE0.weights_sha256.to_owned(),
        patients,
    )?;
    for training_seed in [1, 2] {
        let started = Instant::now();
        let config = TrainingConfig::attention(training_seed);
        let trained = fit(&config, &data, &EncoderDevice::flex().burn(), &mut |_| {
            ControlFlow::Continue(())
        })?;
        println!(
            "cohort {seed}, training {training_seed}, {:.0?}",
            started.elapsed()
        );
        let card = trained.card();
        let epochs: Vec<usize> = card
            .fold_models
            .iter()
            .filter_map(|fold| fold.epochs)
            .collect();
        println!("  epochs {epochs:?}");
        for evaluation in &card.evaluation {
            let (with, without) = (evaluation.n_positive, evaluation.n_negative);
            let auroc = evaluation.auroc.as_ref().map_or_else(
                || "no pair of patients to compare".to_owned(),
                |auroc| {
                    let (low, high) = (auroc.interval.lower, auroc.interval.upper);
                    format!("AUROC {:.2} ({low:.2} to {high:.2})", auroc.value)
                },
            );
            println!(
                "  {}: {auroc}, {with} with and {without} without it",
                evaluation.target
            );
        }
    }
    Ok(())
}

/// Features of a patient's spot, rounded to f16 as the server stores them.
fn encode(
    cohort: &Cohort,
    place: usize,
    spot_px: u32,
    folder: &Path,
    encoder: &Encoder,
) -> Result<Vec<f32>> {
    let spot = draw_spot(cohort, place, spot_px, MPP)?;
    let file = folder.join("spot.jpg");
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, 90).encode_image(&spot.image)?;
    std::fs::write(&file, jpeg)?;
    let mpp = Some(Mpp::square(MPP));
    let slide = Slide::open(&file, OpenOptions { mpp })?;
    let grid = slide
        .tissue_mask()?
        .tile_grid(TILE_SIZE_PX as u32, TILE_MPP)?;
    let mut rows = Vec::new();
    for tile in 0..grid.len() {
        let pixels = slide.tile_region(&grid, tile, TILE_SIZE_PX as u32)?;
        rows.extend(encoder.encode(pixels.as_raw())?);
    }
    Ok(rows
        .into_iter()
        .map(|feature| half::f16::from_f32(feature).to_f32())
        .collect())
}
