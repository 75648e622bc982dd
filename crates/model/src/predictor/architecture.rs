//! One fitted predictor of any kind: what a bag becomes, and the tensors that keep it.

use burn::tensor::Device;
use domain::score::{Scale, Terms};
use serde::{Deserialize, Serialize};

use super::bag::{Bag, TensorError};
use super::linear::{self, Linear, LinearConfig};
use super::network::{self, GatedAttention, GatedAttentionConfig, Numbers};

/// What a predictor is made of, as `model.json` says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "predictor", rename_all = "kebab-case")]
pub enum Architecture {
    /// Gated attention.
    GatedAttention(GatedAttentionConfig),
    /// Linear in the tile's features, without attention.
    Linear(LinearConfig),
}

impl Architecture {
    /// The names under `predictor`.
    pub(crate) const NAMES: [&str; 2] = ["gated-attention", "linear"];

    /// Number of targets.
    pub const fn n_targets(&self) -> usize {
        match self {
            Self::GatedAttention(config) => config.n_targets,
            Self::Linear(config) => config.n_targets,
        }
    }

    /// Name in a weights file and shape of every tensor.
    pub(crate) fn shapes(&self) -> Vec<(&'static str, Vec<usize>)> {
        match self {
            Self::GatedAttention(config) => Numbers::NAMES
                .into_iter()
                .zip(network::shapes(config))
                .collect(),
            Self::Linear(config) => ["weight", "offset"]
                .into_iter()
                .zip(linear::shapes(config))
                .collect(),
        }
    }

    /// The predictor with these tensors, in the order of [`Architecture::shapes`].
    pub(crate) fn build(&self, tensors: Vec<Vec<f32>>, device: &Device) -> Option<Predictor> {
        Some(match self {
            Self::GatedAttention(config) => {
                let numbers = Numbers::from_tensors(tensors.try_into().ok()?);
                Predictor::GatedAttention(Box::new(GatedAttention::from_numbers(
                    config, numbers, device,
                )))
            }
            Self::Linear(config) => {
                let [weight, offset] = tensors.try_into().ok()?;
                Predictor::Linear(Linear::from_numbers(*config, weight, offset))
            }
        })
    }
}

/// Name, shape and numbers of a tensor, row-major.
pub(crate) type NamedTensor = (&'static str, Vec<usize>, Vec<f32>);

/// A fitted predictor.
#[derive(Debug, Clone)]
pub(crate) enum Predictor {
    /// Boxed: handles of tensors beside two lists.
    GatedAttention(Box<GatedAttention>),
    Linear(Linear),
}

impl Predictor {
    pub(crate) fn architecture(&self) -> Architecture {
        match self {
            Self::GatedAttention(network) => Architecture::GatedAttention(network.config()),
            Self::Linear(linear) => Architecture::Linear(linear.config()),
        }
    }

    /// e and v of every tile of a bag, one [`Terms`] per target.
    ///
    /// # Errors
    /// When the bag was made by another encoder, or the device fails.
    pub(crate) fn terms(&self, bag: &Bag) -> Result<Vec<Terms>, TensorError> {
        match self {
            Self::GatedAttention(network) => network.terms(bag),
            Self::Linear(linear) => linear.terms(bag),
        }
    }

    /// The constant of each target's score.
    ///
    /// # Errors
    /// When the device fails.
    pub(crate) fn offsets(&self) -> Result<Vec<f32>, TensorError> {
        match self {
            Self::GatedAttention(network) => network.offsets(),
            Self::Linear(linear) => Ok(linear.offsets()),
        }
    }

    /// The scale of the scores.
    pub(crate) fn scale(&self) -> Scale {
        match self {
            Self::GatedAttention(_) => Scale::Logit,
            Self::Linear(linear) => linear.config().scale(),
        }
    }

    /// Name, shape and numbers of every tensor, in the order of [`Architecture::shapes`].
    ///
    /// # Errors
    /// When the device fails.
    pub(crate) fn tensors(&self) -> Result<Vec<NamedTensor>, TensorError> {
        Ok(match self {
            Self::GatedAttention(network) => {
                let shapes = network::shapes(&network.config());
                let numbers = network.numbers()?.into_tensors();
                let named = Numbers::NAMES.into_iter().zip(shapes).zip(numbers);
                named
                    .map(|((name, shape), numbers)| (name, shape, numbers))
                    .collect()
            }
            Self::Linear(linear) => linear
                .named()
                .map(|(name, shape, numbers)| (name, shape, numbers.to_vec()))
                .into(),
        })
    }
}
