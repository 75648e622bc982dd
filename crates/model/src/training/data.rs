//! What a model is trained on: patients with a bag each, and what was observed of them.

use std::collections::HashSet;

use domain::ids::Code;
use sha2::{Digest, Sha256};

use super::error::TrainingError;
use crate::predictor::{Bag, TensorError};

/// Patients with and without a finding that are needed at least: one to learn from, one to test on.
const MIN_PER_CLASS: usize = 2;

/// A patient of the training cohort.
#[derive(Debug, Clone)]
pub struct TrainingPatient<'a> {
    /// The patient's code.
    pub code: Code,
    /// All tiles of the included spots of one specimen.
    pub bag: Bag<'a>,
    /// One per target; `None` where it was not measured.
    pub observations: Vec<Option<bool>>,
}

/// Checked training data.
#[derive(Debug, Clone)]
pub struct TrainingData<'a> {
    targets: Vec<Code>,
    encoder_sha256: String,
    dim: usize,
    patients: Vec<TrainingPatient<'a>>,
}

impl<'a> TrainingData<'a> {
    /// Checks that patients are distinct, bags of one width, and every target observed often enough.
    ///
    /// # Errors
    /// When they are not.
    pub fn new(
        targets: Vec<Code>,
        encoder_sha256: String,
        patients: Vec<TrainingPatient<'a>>,
    ) -> Result<Self, TrainingError> {
        if targets.is_empty() {
            return Err(TrainingError::NoTarget);
        }
        let Some(first) = patients.first() else {
            return Err(TrainingError::TooFewPatients {
                found: 0,
                needed: 2 * MIN_PER_CLASS,
            });
        };
        let dim = first.bag.dim();
        let mut seen = HashSet::new();
        for TrainingPatient {
            code,
            bag,
            observations,
        } in &patients
        {
            if !seen.insert(code) {
                return Err(TrainingError::PatientTwice {
                    patient: code.clone(),
                });
            }
            if bag.dim() != dim {
                let patient = code.clone();
                return Err(TrainingError::WrongDim {
                    patient,
                    expected: dim,
                    found: bag.dim(),
                });
            }
            if observations.len() != targets.len() {
                return Err(TrainingError::WrongObservations {
                    patient: code.clone(),
                    expected: targets.len(),
                    found: observations.len(),
                });
            }
        }
        let data = Self {
            dim,
            encoder_sha256,
            patients,
            targets,
        };
        let everybody: Vec<usize> = (0..data.patients.len()).collect();
        for (index, target) in data.targets.iter().enumerate() {
            let (positive, negative) = data.count(&everybody, index);
            if positive.min(negative) < MIN_PER_CLASS {
                let target = target.clone();
                return Err(TrainingError::TooFewObservations {
                    target,
                    positive,
                    negative,
                    needed: MIN_PER_CLASS,
                });
            }
        }
        Ok(data)
    }

    /// The same patients with other features, one row of numbers per patient, `dim` per tile.
    ///
    /// # Errors
    /// When the numbers are not whole tiles, or not finite.
    pub(crate) fn with_features<'b>(
        &self,
        features: &'b [Vec<f32>],
        dim: usize,
    ) -> Result<TrainingData<'b>, TensorError> {
        let patients = self
            .patients
            .iter()
            .zip(features)
            .map(|(patient, features)| {
                Ok(TrainingPatient {
                    code: patient.code.clone(),
                    bag: Bag::new(features, dim)?,
                    observations: patient.observations.clone(),
                })
            })
            .collect::<Result<Vec<_>, TensorError>>()?;
        Ok(TrainingData {
            targets: self.targets.clone(),
            encoder_sha256: self.encoder_sha256.clone(),
            dim,
            patients,
        })
    }

    /// The targets, in the order of observations.
    pub fn targets(&self) -> &[Code] {
        &self.targets
    }

    /// SHA-256 of the encoder's weights, as given.
    pub fn encoder_sha256(&self) -> &str {
        &self.encoder_sha256
    }

    /// Features per tile.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The patients.
    pub fn patients(&self) -> &[TrainingPatient<'a>] {
        &self.patients
    }

    /// SHA-256 of everything here, lower-case hexadecimal: the same data in the same order, the same hash.
    pub fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        let text = |text: &str, hash: &mut Sha256| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        };
        text(&self.encoder_sha256, &mut hash);
        hash.update((self.dim as u64).to_le_bytes());
        hash.update((self.targets.len() as u64).to_le_bytes());
        for target in &self.targets {
            text(target.as_str(), &mut hash);
        }
        for TrainingPatient {
            code,
            bag,
            observations,
        } in &self.patients
        {
            text(code.as_str(), &mut hash);
            let observations: Vec<u8> = observations
                .iter()
                .map(|observation| match observation {
                    Some(false) => 0,
                    Some(true) => 1,
                    None => 2,
                })
                .collect();
            hash.update(observations);
            hash.update((bag.n_tiles() as u64).to_le_bytes());
            for tile in bag.tiles() {
                let bytes: Vec<u8> = tile
                    .iter()
                    .flat_map(|feature| feature.to_le_bytes())
                    .collect();
                hash.update(bytes);
            }
        }
        crate::predictor::hex(&hash.finalize())
    }

    /// What was observed of a patient for a target.
    pub(crate) fn observation(&self, patient: usize, target: usize) -> Option<bool> {
        self.patients[patient].observations[target]
    }

    /// The observations of some patients, as splits take them.
    pub(crate) fn observations(&self, patients: &[usize]) -> Vec<Vec<Option<bool>>> {
        patients
            .iter()
            .map(|&patient| self.patients[patient].observations.clone())
            .collect()
    }

    /// How many of some patients have and have not the finding.
    pub(crate) fn count(&self, patients: &[usize], target: usize) -> (usize, usize) {
        let count = |finding| {
            patients
                .iter()
                .filter(|&&patient| self.observation(patient, target) == Some(finding))
                .count()
        };
        (count(true), count(false))
    }
}
