//! The model card, `model.json`: everything that is needed to read, use and trace a model's weights.

use domain::ids::Code;
use domain::score::Readout;
use serde::{Deserialize, Serialize};
use stats::auroc::Auroc;
use stats::calibration::Platt;

use super::network::GatedAttentionConfig;
use crate::training::TrainingConfig;

/// The format that this version writes and reads.
pub(crate) const CARD_FORMAT: u32 = 1;

/// The name of [`super::GatedAttention`] in a card.
pub const PREDICTOR_GATED_ATTENTION: &str = "gated-attention";

/// What `model.json` holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelCard {
    /// Version of this format.
    pub format: u32,
    /// What trained the model.
    pub software: Software,
    /// What kind of predictor, and its sizes.
    pub architecture: Architecture,
    /// The targets, in the order of every list per target.
    pub targets: Vec<Code>,
    /// SHA-256 of the encoder's weights, lower-case hexadecimal.
    pub encoder_sha256: String,
    /// SHA-256 of features and observations that the model was trained on.
    pub training_data_sha256: String,
    /// SHA-256 of `weights.safetensors`.
    pub weights_sha256: String,
    /// Seed and hyperparameters.
    pub training: TrainingConfig,
    /// One entry per fold model, repeat after repeat, fold after fold.
    pub fold_models: Vec<FoldModelCard>,
    /// One entry per patient and repeat: what the fold model that never saw the patient says.
    pub out_of_fold: Vec<OutOfFold>,
    /// One entry per target.
    pub evaluation: Vec<Evaluation>,
}

/// The program that trained a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Software {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// A kind of predictor and its sizes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Architecture {
    /// [`PREDICTOR_GATED_ATTENTION`].
    pub predictor: String,
    /// The sizes.
    #[serde(flatten)]
    pub network: GatedAttentionConfig,
}

/// One fold model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FoldModelCard {
    /// Repeat of the cross-validation, from 0.
    pub repeat: usize,
    /// Fold within the repeat, from 0.
    pub fold: usize,
    /// The patients that this fold model never saw.
    pub test_patients: Vec<Code>,
    /// Epochs of training, chosen on inner validation within the training patients.
    pub epochs: usize,
    /// One entry per target.
    pub targets: Vec<FoldTarget>,
}

/// What turns a fold model's terms of one target into numbers for people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FoldTarget {
    /// Offset, m, μ, sd and scale.
    pub readout: Readout,
    /// From score to probability, fitted on inner out-of-fold scores of the training patients; `None` where the training
    /// patients were all with or all without the finding.
    pub calibration: Option<Platt>,
    /// Training patients with the finding.
    pub n_positive: usize,
    /// Training patients without it.
    pub n_negative: usize,
}

/// What a fold model says of a patient it never saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutOfFold {
    /// The patient.
    pub patient: Code,
    /// Repeat of the cross-validation.
    pub repeat: usize,
    /// Fold within the repeat.
    pub fold: usize,
    /// One score per target.
    pub scores: Vec<f64>,
    /// One calibrated probability per target; `None` without a calibration.
    pub probabilities: Vec<Option<f64>>,
}

/// How the fold models did on the patients that they had not seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The target.
    pub target: Code,
    /// Patients with the finding.
    pub n_positive: usize,
    /// Patients without it.
    pub n_negative: usize,
    /// AUROC over pairs within the same test fold; `None` where no fold holds such a pair.
    pub auroc: Option<Auroc>,
    /// Brier score of the calibrated out-of-fold probabilities, over all repeats.
    pub brier: Option<f64>,
}
