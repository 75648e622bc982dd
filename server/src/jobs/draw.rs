//! Draws the spot of a phantom patient and imports it.

use anyhow::Context;
use image::codecs::jpeg::JpegEncoder;

use super::JobContext;
use crate::cohorts;
use crate::import;

/// JPEG quality of drawn spots: what slide scanners use.
const QUALITY: u8 = 90;

/// Draws, stores and registers the spot of the patient at a place in the cohort.
pub fn run(context: &JobContext, place: usize) -> anyhow::Result<()> {
    let first_run = context.first_run()?;
    let patient = first_run
        .cohort
        .patients
        .get(place)
        .context("the phantom cohort has no such patient")?;
    context.steps.at(0, 1)?;
    let spot = phantom::draw_spot(
        &first_run.cohort,
        place,
        first_run.spot_px,
        cohorts::PHANTOM_MPP,
    )?;
    context.steps.go_on()?;
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY)
        .encode_image(&spot.image)
        .context("the spot could not be encoded")?;
    let name = format!("slides/{}.jpg", cohorts::phantom_slide_code(&patient.code));
    context.files().put(&name, &jpeg)?;
    let checked = import::check(&context.files().path(&name)?, Some(cohorts::PHANTOM_MPP))?;
    context.wait(cohorts::add_phantom_slide(
        context.store(),
        patient,
        &name,
        checked,
        &spot.truth,
    ))?;
    context.steps.at(1, 1)?;
    Ok(())
}
