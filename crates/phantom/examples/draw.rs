//! Draws spots to look at: `cargo run --example draw -- FOLDER [PATIENTS [SIZE_PX [SEED]]]` writes a PNG and the planted
//! truth (JSON) of each of the first patients.

use std::path::PathBuf;
use std::time::Instant;

use phantom::{Cohort, draw_spot};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(
        arguments
            .next()
            .unwrap_or_else(|| "target/phantom".to_owned()),
    );
    let mut number = |default: u64| arguments.next().map_or(Ok(default), |text| text.parse());
    let (patients, size_px, seed) = (number(1)?, number(2048)?, number(1)?);
    std::fs::create_dir_all(&folder)?;
    let cohort = Cohort::new(seed, 48);
    for (index, patient) in cohort.patients.iter().enumerate().take(patients as usize) {
        let started = Instant::now();
        let spot = draw_spot(&cohort, index, u32::try_from(size_px)?, 0.5)?;
        let seconds = started.elapsed().as_secs_f64();
        spot.image
            .save(folder.join(format!("{}.png", patient.code)))?;
        let truth = serde_json::to_vec(&spot.truth)?;
        std::fs::write(folder.join(format!("{}.json", patient.code)), &truth)?;
        let found: Vec<&str> = patient
            .observations
            .iter()
            .filter(|o| o.positive)
            .map(|o| o.target.as_str())
            .collect();
        println!(
            "{} {found:?} batch {} {} cells, {} bytes of truth, {seconds:.2} s, {:?}",
            patient.code,
            patient.stain_batch,
            spot.truth.cells.len(),
            truth.len(),
            spot.truth.fractions,
        );
    }
    Ok(())
}
