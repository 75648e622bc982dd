//! Predictors: from a bag of tile features to e and v per tile and target, and the files that keep a trained model.
//!
//! A [`TrainedModel`] is the set of fold models of one training run. On disk it is two files: `weights.safetensors` and
//! `model.json`, the [`ModelCard`], which says everything that is needed to read, use and trace the weights.

mod architecture;
mod bag;
mod card;
mod error;
mod files;
mod linear;
mod network;
#[cfg(test)]
mod network_tests;
mod trained;
mod weights;

pub use architecture::Architecture;
pub(crate) use architecture::Predictor;
pub use bag::{Bag, TensorError};
pub(crate) use card::CARD_FORMAT;
pub use card::{Evaluation, FoldModelCard, FoldTarget, ModelCard, OutOfFold, PathPoint, Software};
pub use error::PredictorError;
pub use files::{CARD_FILE, WEIGHTS_FILE};
pub use linear::{Linear, LinearConfig, Link};
pub use network::{GatedAttention, GatedAttentionConfig};
pub(crate) use network::{TILES_PER_CHUNK, numbers_of};
pub(crate) use trained::hex;
pub use trained::{FoldModel, TrainedModel};
pub(crate) use weights::{from_safetensors, note, to_safetensors};
