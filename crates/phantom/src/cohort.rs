//! Patients and their findings, from a seed.

use serde::{Deserialize, Serialize};

use crate::random::Dice;
use crate::signs::TARGETS;
use crate::stain::STAIN_BATCHES;

/// The measured truth of one target in one patient.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Key of the target.
    pub target: String,
    /// Whether the patient has the finding.
    pub positive: bool,
    /// Share of the mutated allele (of aberrant metaphases for a chromosome), where there is one.
    pub allele_frequency: Option<f32>,
}

/// A patient: one specimen, one spot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Patient {
    /// `P-0001` and on.
    pub code: String,
    /// One per target, in the order of [`TARGETS`].
    pub observations: Vec<Observation>,
    /// Which of [`STAIN_BATCHES`] stained the slide; independent of every target.
    pub stain_batch: usize,
}

impl Patient {
    /// The observation of a target.
    #[must_use]
    pub fn observation(&self, target: &str) -> Option<&Observation> {
        self.observations
            .iter()
            .find(|observation| observation.target == target)
    }

    /// Whether the patient is known to have the finding.
    #[must_use]
    pub fn is_positive(&self, target: &str) -> bool {
        self.observation(target)
            .is_some_and(|observation| observation.positive)
    }
}

/// A cohort of synthetic patients: the same seed and size give the same cohort.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cohort {
    /// Where all chance comes from.
    pub seed: u64,
    /// The patients, in the order of their codes.
    pub patients: Vec<Patient>,
}

impl Cohort {
    /// Draws the patients. Each target has exactly its prevalence (rounded), assigned in a random order of its own, and
    /// so have the stain batches: independent of each other, without the bad luck of a small cohort.
    #[must_use]
    pub fn new(seed: u64, size: usize) -> Self {
        let mut patients: Vec<Patient> = (1..=size)
            .map(|number| Patient {
                code: format!("P-{number:04}"),
                observations: Vec::with_capacity(TARGETS.len()),
                stain_batch: 0,
            })
            .collect();
        for (part, target) in TARGETS.iter().enumerate() {
            let mut dice = Dice::of_cohort(seed, 1 + part as u64);
            let positives = (target.prevalence * size as f64).round() as usize;
            let mut positive = vec![false; size];
            for &patient in dice.order(size).iter().take(positives) {
                positive[patient] = true;
            }
            for (patient, positive) in patients.iter_mut().zip(positive) {
                // Drawn for everybody, so that one patient's finding does not move another's allele frequency.
                let (low, high) = target.allele_frequency;
                let frequency = (dice.range(low, high) * 1000.0).round() / 1000.0;
                patient.observations.push(Observation {
                    target: target.key.to_owned(),
                    positive,
                    allele_frequency: positive.then_some(frequency),
                });
            }
        }
        let order = Dice::of_cohort(seed, 0).order(size);
        for (place, patient) in order.into_iter().enumerate() {
            if let Some(patient) = patients.get_mut(patient) {
                patient.stain_batch = place % STAIN_BATCHES.len();
            }
        }
        Self { seed, patients }
    }
}
