//! Training a model by cross-validation over patients.
//!
//! Every fold model learns from the patients of the other folds only. Within those, an inner cross-validation chooses how
//! many epochs to train and yields the scores that the calibration is fitted to; the fold model is then trained on all of
//! them. The test patients of a fold are looked at once, at the end: nothing is chosen on them.
//!
//! [`fit`] does all of it. A job that must not lose much when it is killed uses [`Training`] and keeps each fold as it is
//! finished.

mod attention;
mod config;
mod data;
mod error;
mod evaluate;
mod fitting;
mod fold;
mod linear;
mod progress;
mod regression;
mod whitening;

use burn::tensor::Device;
use stats::SplitMix64;
use stats::split::repeated_stratified_folds;

pub use config::{AttentionConfig, Method, TrainingConfig};
pub use data::{TrainingData, TrainingPatient};
pub use error::TrainingError;
#[cfg(test)]
pub(crate) use fitting::weighted_loss;
pub use fold::FittedFold;
pub use progress::{Progress, Report};

use crate::predictor::{CARD_FORMAT, ModelCard, Software, TrainedModel};
use progress::Ticker;

/// Trains a model: all its fold models, one after the other, on the calling thread.
///
/// The same seed, data and CPU give the same weights. On a GPU the order of sums may differ from run to run.
///
/// # Errors
/// When the settings or the data cannot work, the device fails, or `report` answers [`ControlFlow::Break`](std::ops::ControlFlow::Break).
pub fn fit(
    config: &TrainingConfig,
    data: &TrainingData,
    device: &Device,
    report: &mut Report,
) -> Result<TrainedModel, TrainingError> {
    let training = Training::new(config, data)?;
    let total = (0..training.n_folds())
        .map(|index| training.cost(index))
        .sum();
    let mut before = 0;
    let mut folds = Vec::with_capacity(training.n_folds());
    for index in 0..training.n_folds() {
        folds.push(training.fit_fold(index, device, &mut |progress| {
            report(Progress {
                done: before + progress.done,
                total,
            })
        })?);
        before += training.cost(index);
    }
    training.assemble(folds)
}

/// A training run, split into folds that are fitted one by one.
#[derive(Debug, Clone)]
pub struct Training<'a> {
    config: &'a TrainingConfig,
    data: &'a TrainingData<'a>,
    data_sha256: String,
    /// `folds[repeat][patient]`: the fold in which the patient is tested.
    folds: Vec<Vec<usize>>,
}

impl<'a> Training<'a> {
    /// Splits the patients; the same seed and data give the same split.
    ///
    /// # Errors
    /// When a setting is out of range or there are too few patients.
    pub fn new(
        config: &'a TrainingConfig,
        data: &'a TrainingData<'a>,
    ) -> Result<Self, TrainingError> {
        config.check()?;
        let found = data.patients().len();
        // The largest test fold must leave enough patients for the inner folds.
        let needed = config
            .folds
            .max((config.inner_folds * config.folds).div_ceil(config.folds - 1));
        if found < needed {
            return Err(TrainingError::TooFewPatients { found, needed });
        }
        let everybody: Vec<usize> = (0..found).collect();
        let observations = data.observations(&everybody);
        let folds = repeated_stratified_folds(
            &observations,
            config.folds,
            config.repeats,
            config.fold_seed,
        )?;
        Ok(Self {
            config,
            data,
            data_sha256: data.sha256(),
            folds,
        })
    }

    /// Number of fold models: repeats × folds.
    pub fn n_folds(&self) -> usize {
        self.config.repeats * self.config.folds
    }

    /// The most that [`Training::fit_fold`] will count to for a fold.
    pub fn cost(&self, index: usize) -> u64 {
        let (training, _) = self.patients_of(index);
        fold::cost(
            self.config,
            self.data.targets().len(),
            training.len(),
            self.data.patients().len(),
        )
    }

    /// Fits one fold model; `index` counts repeat after repeat, fold after fold. Folds do not depend on each other.
    ///
    /// # Errors
    /// When the device fails, or `report` answers [`ControlFlow::Break`](std::ops::ControlFlow::Break).
    pub fn fit_fold(
        &self,
        index: usize,
        device: &Device,
        report: &mut Report,
    ) -> Result<FittedFold, TrainingError> {
        let mut ticker = Ticker::new(self.cost(index), report);
        fold::fit(self, index, device, &mut ticker)
    }

    /// Puts the fitted folds, all of them and in order, together and evaluates them.
    ///
    /// # Errors
    /// When a fold is missing or belongs to another training.
    pub fn assemble(&self, folds: Vec<FittedFold>) -> Result<TrainedModel, TrainingError> {
        let fits = |(index, fold): (usize, &FittedFold)| fold.index == index;
        if folds.len() != self.n_folds() || !folds.iter().enumerate().all(fits) {
            return Err(TrainingError::ForeignFolds);
        }
        let Some(first) = folds.first() else {
            return Err(TrainingError::ForeignFolds);
        };
        let architecture = first.predictor.architecture();
        let (mut predictors, mut fold_models, mut out_of_fold) =
            (Vec::new(), Vec::new(), Vec::new());
        for fold in folds {
            predictors.push(fold.predictor);
            fold_models.push(fold.card);
            out_of_fold.extend(fold.out_of_fold);
        }
        let evaluation = evaluate::evaluate(self, &out_of_fold)?;
        let card = ModelCard {
            format: CARD_FORMAT,
            software: software(),
            architecture,
            targets: self.data.targets().to_vec(),
            encoder_sha256: self.data.encoder_sha256().to_owned(),
            training_data_sha256: self.data_sha256.clone(),
            weights_sha256: String::new(),
            training: self.config.clone(),
            fold_models,
            out_of_fold,
            evaluation,
        };
        Ok(TrainedModel::new(card, predictors)?)
    }

    /// Training and test patients of a fold.
    fn patients_of(&self, index: usize) -> (Vec<usize>, Vec<usize>) {
        let (repeat, fold) = self.repeat_and_fold(index);
        (0..self.data.patients().len()).partition(|&patient| self.folds[repeat][patient] != fold)
    }

    fn repeat_and_fold(&self, index: usize) -> (usize, usize) {
        (index / self.config.folds, index % self.config.folds)
    }

    /// Seeds for one fold, the same whatever was fitted before.
    fn seeds(&self, index: usize) -> SplitMix64 {
        let mut seeds = SplitMix64::new(self.config.seed);
        for _ in 0..index {
            seeds.next_u64();
        }
        SplitMix64::new(seeds.next_u64())
    }
}

/// What wrote a model.
fn software() -> Software {
    Software {
        name: "marrowscope".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}
