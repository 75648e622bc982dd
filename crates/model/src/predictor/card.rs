//! The model card, `model.json`: everything that is needed to read, use and trace a model's weights.

use domain::ids::Code;
use domain::score::Readout;
use serde::{Deserialize, Serialize};
use stats::auroc::Auroc;
use stats::bootstrap::Bootstrapped;
use stats::calibration::{Coefficient, Platt};

use super::architecture::Architecture;
use crate::training::TrainingConfig;

/// The format that this version writes and reads.
pub(crate) const CARD_FORMAT: u32 = 2;

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

/// One fold model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FoldModelCard {
    /// Repeat of the cross-validation, from 0.
    pub repeat: usize,
    /// Fold within the repeat, from 0.
    pub fold: usize,
    /// The patients that this fold model never saw.
    pub test_patients: Vec<Code>,
    /// Epochs of training, chosen on inner validation within the training patients, for what is trained in epochs.
    pub epochs: Option<usize>,
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
    /// The path of penalties from the strongest on, for what has one; empty where the finding could not be learnt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<PathPoint>,
}

/// One penalty on a path of penalised fits.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PathPoint {
    /// λ, the strength of the penalty.
    pub lambda: f64,
    /// Number of coefficients that are not 0, of the fit to all training patients.
    pub non_zero: usize,
    /// Mean over the training patients of the cross-entropy of their inner out-of-fold scores.
    pub loss: f64,
    /// Its standard error over those patients.
    pub loss_se: f64,
    /// Whether this penalty was chosen.
    pub chosen: bool,
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

/// How the fold models did on the patients that they never saw. What cannot be computed, because there are too few patients of a
/// kind, is missing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The target.
    pub target: Code,
    /// Patients with the finding.
    pub n_positive: usize,
    /// Patients without it.
    pub n_negative: usize,
    /// Over pairs of patients of the same fold.
    pub auroc: Option<Auroc>,
    /// One-sided p of the Wilcoxon statistic within folds.
    pub p: Option<f64>,
    /// The same, adjusted over the model's targets (Benjamini and Hochberg 1995).
    pub adjusted_p: Option<f64>,
    /// Average precision within folds, with an interval from resampled patients.
    pub average_precision: Option<Bootstrapped>,
    /// Brier score of the calibrated probabilities; of a patient's mean probability where there are several repeats.
    pub brier: Option<f64>,
    /// 1 − Brier score / that of the share with the finding.
    pub scaled_brier: Option<f64>,
    /// Slope of a logistic recalibration of the same probabilities.
    pub calibration_slope: Option<Coefficient>,
    /// Calibration in the large of the same probabilities.
    pub calibration_intercept: Option<Coefficient>,
}
