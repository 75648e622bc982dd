//! Fitting one fold model, and keeping it until the others are there.

use burn::tensor::Device;
use domain::score::{Readout, Scale, Terms};
use serde::{Deserialize, Serialize};
use stats::split::stratified_folds;

use super::config::TrainingConfig;
use super::data::TrainingData;
use super::error::TrainingError;
use super::evaluate::{calibrate, calibrated_loss, cases, score};
use super::fitting::Fitting;
use super::progress::Ticker;
use super::whitening::Whitening;
use super::{Training, software};
use crate::predictor::{
    self, Bag, FoldModelCard, FoldTarget, GatedAttention, GatedAttentionConfig, OutOfFold,
    PredictorError, Software, TensorError,
};

/// One fitted fold model with what it says of its test patients.
#[derive(Debug, Clone)]
pub struct FittedFold {
    pub(super) index: usize,
    pub(super) card: FoldModelCard,
    pub(super) out_of_fold: Vec<OutOfFold>,
    pub(super) network: GatedAttention,
}

/// What a kept fold says of itself; everything but the index and the results must equal the training that takes it up again.
#[derive(Serialize, Deserialize)]
struct Note {
    software: Software,
    training: TrainingConfig,
    training_data_sha256: String,
    network: GatedAttentionConfig,
    index: usize,
    card: FoldModelCard,
    out_of_fold: Vec<OutOfFold>,
}

impl Training<'_> {
    /// A fitted fold as one file's contents, to be taken up again by [`Training::fold_from_bytes`].
    ///
    /// # Errors
    /// When the device fails.
    pub fn fold_to_bytes(&self, fold: &FittedFold) -> Result<Vec<u8>, TrainingError> {
        let note = Note {
            software: software(),
            training: self.config.clone(),
            training_data_sha256: self.data_sha256.clone(),
            network: fold.network.config(),
            index: fold.index,
            card: fold.card.clone(),
            out_of_fold: fold.out_of_fold.clone(),
        };
        let note = serde_json::to_string(&note).map_err(PredictorError::Card)?;
        Ok(predictor::to_safetensors(&[&fold.network], Some(note))?)
    }

    /// Reads what [`Training::fold_to_bytes`] wrote, if it was written by a training of the same software, settings and data.
    ///
    /// # Errors
    /// When it was not, or the file is damaged.
    pub fn fold_from_bytes(
        &self,
        bytes: &[u8],
        device: &Device,
    ) -> Result<FittedFold, TrainingError> {
        let note = predictor::note(bytes)?.ok_or(TrainingError::ForeignFolds)?;
        let note: Note = serde_json::from_str(&note).map_err(PredictorError::Card)?;
        if note.software != software()
            || note.training != *self.config
            || note.training_data_sha256 != self.data_sha256
            || note.index >= self.n_folds()
            || !self.fits(&note)
        {
            return Err(TrainingError::ForeignFolds);
        }
        let network = predictor::from_safetensors(bytes, &note.network, 1, device)?
            .pop()
            .ok_or(TrainingError::ForeignFolds)?;
        Ok(FittedFold {
            index: note.index,
            card: note.card,
            out_of_fold: note.out_of_fold,
            network,
        })
    }

    /// Whether a note's results have the places that its index promises.
    fn fits(&self, note: &Note) -> bool {
        let place = self.repeat_and_fold(note.index);
        let n_targets = self.data.targets().len();
        (note.card.repeat, note.card.fold) == place
            && note.card.targets.len() == n_targets
            && note.network.n_targets == n_targets
            && note.out_of_fold.iter().all(|entry| {
                (entry.repeat, entry.fold) == place
                    && entry.scores.len() == n_targets
                    && entry.probabilities.len() == n_targets
            })
    }
}

impl FittedFold {
    /// Its place in the training: repeat after repeat, fold after fold.
    pub fn index(&self) -> usize {
        self.index
    }
}

/// Patients shown to networks when no fit stops early: inner epochs, final epochs, and everybody once at the end.
pub(super) fn cost(config: &TrainingConfig, n_training: usize, n_patients: usize) -> u64 {
    (inner_cost(config, n_training) + config.max_epochs * n_training + n_patients) as u64
}

/// An epoch of the inner fits shows each training patient to all inner networks but one, and tests them with that one.
fn inner_cost(config: &TrainingConfig, n_training: usize) -> usize {
    config.max_epochs * config.inner_folds * n_training
}

pub(super) fn fit(
    training: &Training,
    index: usize,
    device: &Device,
    ticker: &mut Ticker,
) -> Result<FittedFold, TrainingError> {
    let Training { config, data, .. } = training;
    let (training_patients, test_patients) = training.patients_of(index);
    let mut seeds = training.seeds(index);
    let raw = *data;
    let whitening = {
        let bags: Vec<Bag> = training_patients
            .iter()
            .map(|&patient| raw.patients()[patient].bag)
            .collect();
        Whitening::of(&bags, config.components, seeds.next_u64(), device)?
    };
    let whitened = raw
        .patients()
        .iter()
        .map(|patient| whitening.apply(&patient.bag, device))
        .collect::<Result<Vec<_>, _>>()?;
    let data = &raw.with_features(&whitened, whitening.components())?;

    let inner = {
        let observations = data.observations(&training_patients);
        let inner_fold = stratified_folds(&observations, config.inner_folds, seeds.next_u64())?;
        let mut networks = Vec::with_capacity(config.inner_folds);
        for fold in 0..config.inner_folds {
            let (learn, check): (Vec<usize>, Vec<usize>) =
                (0..training_patients.len()).partition(|&place| inner_fold[place] != fold);
            let learn = learn
                .into_iter()
                .map(|place| training_patients[place])
                .collect();
            networks.push((
                Fitting::start(config, data, learn, seeds.next_u64(), device),
                check,
            ));
        }
        fit_inner(config, data, &training_patients, networks, ticker)?
    };
    ticker.go_to(inner_cost(config, training_patients.len()) as u64)?;

    let mut fitting = Fitting::start(
        config,
        data,
        training_patients.clone(),
        seeds.next_u64(),
        device,
    );
    for _ in 0..inner.epochs {
        fitting.epoch(ticker)?;
    }
    let network = for_raw_features(fitting.network(), &whitening, raw.dim(), device)?;
    let data = raw;
    let evaluating = training.cost(index) - data.patients().len() as u64;
    ticker.go_to(evaluating)?;

    let mut in_training = Vec::with_capacity(training_patients.len());
    for &patient in &training_patients {
        in_training.push(network.terms(&data.patients()[patient].bag)?);
        ticker.tick(1)?;
    }
    let offsets = network.offsets()?;
    let mut targets = Vec::with_capacity(offsets.len());
    for (target, &offset) in offsets.iter().enumerate() {
        let (n_positive, n_negative) = data.count(&training_patients, target);
        let calibration = calibrate(&cases(data, &training_patients, &inner.scores, target))?;
        let terms: Vec<&Terms> = in_training.iter().map(|terms| &terms[target]).collect();
        targets.push(FoldTarget {
            readout: readout(offset, &terms),
            calibration,
            n_positive,
            n_negative,
        });
    }

    let (repeat, fold) = training.repeat_and_fold(index);
    let mut out_of_fold = Vec::with_capacity(test_patients.len());
    for &patient in &test_patients {
        let scores = score(&network, &offsets, &data.patients()[patient].bag)?;
        let probability =
            |(target, &score): (&FoldTarget, &f64)| Some(target.calibration?.probability(score));
        out_of_fold.push(OutOfFold {
            patient: data.patients()[patient].code.clone(),
            repeat,
            fold,
            probabilities: targets.iter().zip(&scores).map(probability).collect(),
            scores,
        });
        ticker.tick(1)?;
    }
    let test_patients = test_patients
        .iter()
        .map(|&patient| data.patients()[patient].code.clone())
        .collect();
    let card = FoldModelCard {
        repeat,
        fold,
        test_patients,
        epochs: inner.epochs,
        targets,
    };
    Ok(FittedFold {
        index,
        card,
        out_of_fold,
        network,
    })
}

/// The network that does to raw features what the given one does to whitened features.
fn for_raw_features(
    network: &GatedAttention,
    whitening: &Whitening,
    dim: usize,
    device: &Device,
) -> Result<GatedAttention, TensorError> {
    let mut numbers = network.numbers()?;
    numbers.trunk_weight = whitening.fold_into(&numbers.trunk_weight, &mut numbers.trunk_bias);
    let sizes = GatedAttentionConfig {
        input_dim: dim,
        ..network.config()
    };
    Ok(GatedAttention::from_numbers(&sizes, numbers, device))
}

/// What the inner cross-validation found.
struct Inner {
    /// Epochs after which the inner networks did best on the patients that they had not seen.
    epochs: usize,
    /// `scores[place in the training patients][target]` at that point, each from the inner network that had not seen the
    /// patient.
    scores: Vec<Vec<f64>>,
}

/// Trains the inner networks side by side, epoch for epoch, until their common validation loss no longer improves.
///
/// `networks`: each with the places, in `training_patients`, of the patients that it does not see.
fn fit_inner(
    config: &TrainingConfig,
    data: &TrainingData,
    training_patients: &[usize],
    mut networks: Vec<(Fitting, Vec<usize>)>,
    ticker: &mut Ticker,
) -> Result<Inner, TrainingError> {
    let mut best = Inner {
        epochs: 0,
        scores: Vec::new(),
    };
    let mut least = f64::INFINITY;
    for epoch in 1..=config.max_epochs {
        let mut scores = vec![Vec::new(); training_patients.len()];
        for (fitting, unseen) in &mut networks {
            fitting.epoch(ticker)?;
            let network = fitting.network();
            let offsets = network.offsets()?;
            for &place in &*unseen {
                scores[place] = score(
                    network,
                    &offsets,
                    &data.patients()[training_patients[place]].bag,
                )?;
                ticker.tick(1)?;
            }
        }
        let loss = calibrated_loss(data, training_patients, &scores)?;
        if loss < least || best.epochs == 0 {
            least = loss;
            best = Inner {
                epochs: epoch,
                scores,
            };
        } else if epoch - best.epochs >= config.patience {
            break;
        }
    }
    Ok(best)
}

/// m, μ and sd as DESIGN.md section 4 has them, from the terms of the training patients' bags.
fn readout(offset: f32, in_training: &[&Terms]) -> Readout {
    let patients = in_training.len() as f64;
    let reference = in_training
        .iter()
        .filter_map(|terms| terms.weighted_value())
        .sum::<f64>()
        / patients;
    let values = || {
        in_training
            .iter()
            .flat_map(|terms| terms.values())
            .map(|&value| f64::from(value))
    };
    let tiles = values().count() as f64;
    let mean = values().sum::<f64>() / tiles;
    let variance = values().map(|value| (value - mean).powi(2)).sum::<f64>() / tiles;
    Readout {
        offset: f64::from(offset),
        reference,
        mean,
        // A value that never varies has z-scores of 0, not of NaN.
        sd: variance.sqrt().max(f64::from(f32::MIN_POSITIVE)),
        scale: Scale::Logit,
    }
}
