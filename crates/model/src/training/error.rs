//! Why a model cannot be trained.

use domain::ids::Code;
use stats::StatsError;
use thiserror::Error;

use crate::predictor::{PredictorError, TensorError};

/// Why a model cannot be trained.
#[derive(Debug, Error)]
pub enum TrainingError {
    /// A hyperparameter is out of its range.
    #[error("the setting '{name}' must be {range}")]
    Setting {
        /// Its name.
        name: &'static str,
        /// What it must be.
        range: String,
    },
    /// There is nothing to predict.
    #[error("there is no target")]
    NoTarget,
    /// A patient appears twice.
    #[error("patient '{patient}' appears twice")]
    PatientTwice {
        /// The patient.
        patient: Code,
    },
    /// A patient's bag comes from another encoder than the first patient's.
    #[error("the bag of patient '{patient}' has {found} features per tile, others have {expected}")]
    WrongDim {
        /// The patient.
        patient: Code,
        /// Features per tile of the others.
        expected: usize,
        /// Features per tile of this one.
        found: usize,
    },
    /// A patient's observations are not one per target.
    #[error("patient '{patient}' has {found} observations for {expected} targets")]
    WrongObservations {
        /// The patient.
        patient: Code,
        /// Number of targets.
        expected: usize,
        /// Number of observations.
        found: usize,
    },
    /// Too few patients to split.
    #[error("{found} patients are too few, {needed} are needed")]
    TooFewPatients {
        /// How many there are.
        found: usize,
        /// How many are needed.
        needed: usize,
    },
    /// Too few patients with or without a finding to learn it and to test that.
    #[error(
        "target '{target}' has {positive} patients with and {negative} without the finding; {needed} of each are needed"
    )]
    TooFewObservations {
        /// The target.
        target: Code,
        /// Patients with the finding.
        positive: usize,
        /// Patients without it.
        negative: usize,
        /// How many of each are needed.
        needed: usize,
    },
    /// The fitted folds are not those of this training.
    #[error("the fitted folds do not belong to this training")]
    ForeignFolds,
    /// The caller asked to stop.
    #[error("training was cancelled")]
    Cancelled,
    /// A split or a statistic failed.
    #[error(transparent)]
    Stats(#[from] StatsError),
    /// A network, its numbers or its files.
    #[error(transparent)]
    Predictor(#[from] PredictorError),
}

impl From<TensorError> for TrainingError {
    fn from(error: TensorError) -> Self {
        Self::Predictor(error.into())
    }
}
