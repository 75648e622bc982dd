//! Hyperparameters of training, kept in the model card.

use serde::{Deserialize, Serialize};

use super::error::TrainingError;

/// Seeds, the splits, and what is fitted. The defaults are meant for tens to hundreds of patients.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingConfig {
    /// What every random choice but the outer folds follows from: inner folds, first weights, order of patients, sampling of
    /// tiles, dropout.
    pub seed: u64,
    /// What the outer folds follow from. Models of the same data and fold seed are tested on the same patients fold by fold,
    /// so that they can be compared pair by pair.
    pub fold_seed: u64,
    /// Repeats of the cross-validation.
    pub repeats: usize,
    /// Folds of each repeat.
    pub folds: usize,
    /// Folds of the inner validation within each fold's training patients.
    pub inner_folds: usize,
    /// Principal components of the features that training sees, see `whitening`.
    pub components: usize,
    /// What is fitted, and how.
    pub method: Method,
}

/// What is fitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Method {
    /// One network of gated attention for all targets.
    GatedAttention(AttentionConfig),
    /// Per target a logistic regression on each patient's mean tile, with a ridge penalty chosen on the inner folds.
    MeanPooling,
    /// Per target the study's logistic elastic net on tiles, each with its patient's finding; the score is the mean of the
    /// tiles' probabilities.
    ElasticNet {
        /// Share of the lasso in the penalty, 0 to 1.
        alpha: f64,
    },
}

/// Hyperparameters of gated attention.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttentionConfig {
    /// Units of the shared trunk.
    pub hidden_dim: usize,
    /// Units of each target's attention.
    pub attention_dim: usize,
    /// Step size of AdamW.
    pub learning_rate: f64,
    /// Weight decay of AdamW (decoupled: Loshchilov and Hutter 2019, ICLR).
    pub weight_decay: f32,
    /// Share of the trunk's units that are switched off per tile and step.
    pub hidden_dropout: f64,
    /// Share of a bag's tiles that a step sees.
    pub tile_share: f64,
    /// At most so many tiles of a bag are seen in a step.
    pub max_tiles_per_bag: usize,
    /// Patients per step.
    pub patients_per_step: usize,
    /// Epochs at most.
    pub max_epochs: usize,
    /// Epochs without improvement of the inner validation before it stops.
    pub patience: usize,
}

impl Default for AttentionConfig {
    fn default() -> Self {
        Self {
            hidden_dim: 64,
            attention_dim: 32,
            learning_rate: 1e-3,
            weight_decay: 1e-2,
            hidden_dropout: 0.25,
            tile_share: 0.75,
            max_tiles_per_bag: 1024,
            patients_per_step: 8,
            max_epochs: 40,
            patience: 10,
        }
    }
}

impl TrainingConfig {
    /// The defaults of a method with a seed.
    pub fn new(method: Method, seed: u64) -> Self {
        Self {
            seed,
            fold_seed: 1,
            repeats: 1,
            folds: 5,
            inner_folds: 4,
            components: 64,
            method,
        }
    }

    /// Gated attention with its defaults.
    pub fn attention(seed: u64) -> Self {
        Self::new(Method::GatedAttention(AttentionConfig::default()), seed)
    }

    /// Refuses what cannot work.
    pub(crate) fn check(&self) -> Result<(), TrainingError> {
        at_least("repeats", self.repeats, 1)?;
        at_least("folds", self.folds, 2)?;
        at_least("inner_folds", self.inner_folds, 2)?;
        at_least("components", self.components, 1)?;
        match &self.method {
            Method::GatedAttention(config) => config.check(),
            Method::MeanPooling => Ok(()),
            Method::ElasticNet { alpha } => {
                within("alpha", (0.0..=1.0).contains(alpha), "from 0 to 1")
            }
        }
    }
}

impl AttentionConfig {
    fn check(&self) -> Result<(), TrainingError> {
        at_least("hidden_dim", self.hidden_dim, 1)?;
        at_least("attention_dim", self.attention_dim, 1)?;
        at_least("max_tiles_per_bag", self.max_tiles_per_bag, 1)?;
        at_least("patients_per_step", self.patients_per_step, 1)?;
        at_least("max_epochs", self.max_epochs, 1)?;
        at_least("patience", self.patience, 1)?;
        within(
            "learning_rate",
            self.learning_rate > 0.0 && self.learning_rate.is_finite(),
            "above 0",
        )?;
        within(
            "weight_decay",
            self.weight_decay >= 0.0 && self.weight_decay.is_finite(),
            "0 or more",
        )?;
        within(
            "hidden_dropout",
            (0.0..1.0).contains(&self.hidden_dropout),
            "from 0 to below 1",
        )?;
        within(
            "tile_share",
            self.tile_share > 0.0 && self.tile_share <= 1.0,
            "above 0 up to 1",
        )
    }
}

fn at_least(name: &'static str, value: usize, least: usize) -> Result<(), TrainingError> {
    within(name, value >= least, &format!("at least {least}"))
}

fn within(name: &'static str, fits: bool, range: &str) -> Result<(), TrainingError> {
    if fits {
        Ok(())
    } else {
        Err(TrainingError::Setting {
            name,
            range: range.to_owned(),
        })
    }
}
