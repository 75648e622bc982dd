//! Predictors: from a bag of tile features to e and v per tile and target, and the files that keep a trained model.
//!
//! A [`TrainedModel`] is the set of fold models of one training run. On disk it is two files: `weights.safetensors` and
//! `model.json`, the [`ModelCard`], which says everything that is needed to read, use and trace the weights.

mod card;
mod error;
mod files;
mod network;
mod trained;
mod weights;

pub use card::{
    Architecture, Evaluation, FoldModelCard, FoldTarget, ModelCard, OutOfFold, PREDICTOR_GATED_ATTENTION, Software,
};
pub use error::PredictorError;
pub use files::{CARD_FILE, WEIGHTS_FILE};
pub use network::{Bag, GatedAttention, GatedAttentionConfig, TensorError};
pub use trained::{FoldModel, TrainedModel};
