//! Draws the spot of a patient.

use image::RgbImage;

use crate::canvas::Canvas;
use crate::cohort::Cohort;
use crate::ground::{Ground, Recipe};
use crate::noise::Textures;
use crate::paint::Painter;
use crate::plan::Plan;
use crate::random::{Dice, Purpose};
use crate::signs::Signs;
use crate::stain::{STAIN_BATCHES, StainBatch};
use crate::truth::Truth;

/// A drawn spot.
#[derive(Clone, Debug)]
pub struct Spot {
    /// What a scanner would have seen.
    pub image: RgbImage,
    /// What was planted.
    pub truth: Truth,
}

/// Why a spot cannot be drawn.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum DrawError {
    /// The cohort has no such patient.
    #[error("patient number {patient} is not in a cohort of {size}")]
    NoSuchPatient {
        /// Index that was asked for, from 0.
        patient: usize,
        /// Patients in the cohort.
        size: usize,
    },
    /// Outside of what can be drawn.
    #[error("a spot has 64 to 8192 px at 0.2 to 1 µm/px, not {size_px} px at {mpp} µm/px")]
    Size {
        /// Width and height, px.
        size_px: u32,
        /// Micrometres per pixel.
        mpp: f64,
    },
    /// More fat than cells and walls leave room for.
    #[error("the share of fat must lie between 0 and 0.92, not {fraction}")]
    Fat {
        /// Share that was asked for.
        fraction: f32,
    },
}

/// Draws the spot of a patient (index from 0): `size_px` square at `mpp` micrometres per pixel.
///
/// The same arguments give the same bytes, whatever was drawn before. The picture depends on the observations of targets
/// that plant a sign, and on no other.
///
/// # Errors
/// When there is no such patient or the size cannot be drawn.
pub fn draw_spot(
    cohort: &Cohort,
    patient: usize,
    size_px: u32,
    mpp: f64,
) -> Result<Spot, DrawError> {
    let size = cohort.patients.len();
    let person = cohort
        .patients
        .get(patient)
        .ok_or(DrawError::NoSuchPatient { patient, size })?;
    let mut dice = Dice::of_patient(cohort.seed, patient, Purpose::Ground);
    let recipe = Recipe {
        fat: 0.375 + 0.035 * dice.bell().clamp(-2.0, 2.0),
        bone: true,
    };
    let batch = STAIN_BATCHES[person.stain_batch % STAIN_BATCHES.len()];
    draw(
        cohort.seed,
        patient,
        dice,
        recipe,
        &Signs::of(person),
        batch,
        size_px,
        mpp,
    )
}

/// Draws marrow without bone or any finding in which this share of the image is fat: for tests of what has to know fat
/// as tissue.
///
/// # Errors
/// When the share or the size cannot be drawn.
pub fn draw_with_fat(seed: u64, fraction: f32, size_px: u32, mpp: f64) -> Result<Spot, DrawError> {
    if !(0.0..=0.92).contains(&fraction) {
        return Err(DrawError::Fat { fraction });
    }
    let dice = Dice::of_patient(seed, 0, Purpose::Ground);
    let recipe = Recipe {
        fat: fraction,
        bone: false,
    };
    draw(
        seed,
        0,
        dice,
        recipe,
        &Signs::NONE,
        STAIN_BATCHES[0],
        size_px,
        mpp,
    )
}

fn draw(
    seed: u64,
    patient: usize,
    mut ground_dice: Dice,
    recipe: Recipe,
    signs: &Signs,
    batch: StainBatch,
    size_px: u32,
    mpp: f64,
) -> Result<Spot, DrawError> {
    if !(64..=8192).contains(&size_px) || !(0.2..=1.0).contains(&mpp) {
        return Err(DrawError::Size { size_px, mpp });
    }
    let px_per_um = (1.0 / mpp) as f32;
    let ground = Ground::new(&mut ground_dice, size_px, px_per_um, recipe);
    let plan = Plan::new(
        &ground,
        signs,
        &mut Dice::of_patient(seed, patient, Purpose::Cells),
    );
    let mut dice = Dice::of_patient(seed, patient, Purpose::Paint);
    let mut painter = Painter {
        canvas: Canvas::new(size_px),
        ground: &ground,
        textures: Textures::new(&mut dice, px_per_um),
        dice,
        um: px_per_um,
    };
    let cells = painter.paint(&plan);
    let mut dice = Dice::of_patient(seed, patient, Purpose::Optics);
    let image =
        batch
            .jittered(&mut dice)
            .photograph(&painter.canvas, size_px, px_per_um, &mut dice);
    let truth = Truth {
        size_px,
        mpp,
        cells,
        fractions: painter.canvas.fractions(),
    };
    Ok(Spot { image, truth })
}
