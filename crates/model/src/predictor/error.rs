//! What can be wrong with a model's files.

use std::path::PathBuf;

use thiserror::Error;

use super::bag::TensorError;

/// Why a model cannot be written, read or used.
#[derive(Debug, Error)]
pub enum PredictorError {
    /// A file cannot be read or written.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// `model.json` is not a model card.
    #[error("the model card is not valid")]
    Card(#[source] serde_json::Error),
    /// The card was written by a later version.
    #[error("the model card has format {found}, this version reads format {known}")]
    UnknownFormat {
        /// The card's format.
        found: u32,
        /// The format that is known here.
        known: u32,
    },
    /// The card describes another kind of predictor.
    #[error("the predictor '{found}' is not known")]
    UnknownPredictor {
        /// The card's predictor.
        found: String,
    },
    /// Two parts of a model do not belong together.
    #[error("the model has {found} {what}, {expected} are expected")]
    WrongCount {
        /// What was counted.
        what: &'static str,
        /// How many there should be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// The weights are not those that the card was written with.
    #[error("the weights have SHA-256 {found}, the model card names {expected}")]
    WrongWeights {
        /// The hash that the card names.
        expected: String,
        /// The hash of what was read.
        found: String,
    },
    /// The weights are not in safetensors format.
    #[error("the weights are not a safetensors file")]
    NotSafetensors(#[source] safetensors::SafeTensorError),
    /// A tensor is not there.
    #[error("the weights lack the tensor '{name}'")]
    MissingTensor {
        /// Its name.
        name: String,
    },
    /// A tensor is there that should not.
    #[error("the weights hold an unexpected tensor '{name}'")]
    UnexpectedTensor {
        /// Its name.
        name: String,
    },
    /// A tensor has another type or shape than the card's architecture.
    #[error("the tensor '{name}' is {found}, the model card's architecture needs {expected}")]
    WrongShape {
        /// Its name.
        name: String,
        /// What it should be, as `F32 [2, 3]`.
        expected: String,
        /// What it is.
        found: String,
    },
    /// A weight is NaN or infinite.
    #[error("the tensor '{name}' holds a number that is not finite")]
    NotFinite {
        /// Its name.
        name: String,
    },
    /// A readout's constant is not the network's.
    #[error(
        "the offset of fold model {fold_model} and target '{target}' differs between model card and weights"
    )]
    WrongOffset {
        /// The fold model's place in the card.
        fold_model: usize,
        /// The target.
        target: String,
    },
    /// The device or the bag.
    #[error(transparent)]
    Tensor(#[from] TensorError),
}
