//! Fitting one fold model, and keeping it until the others are there.

use burn::tensor::Device;
use domain::score::{Readout, Scale, Terms};
use serde::{Deserialize, Serialize};

use super::config::{Method, TrainingConfig};
use super::error::TrainingError;
use super::evaluate::{calibrate, cases, scores};
use super::progress::Ticker;
use super::{Training, attention, linear, software};
use crate::predictor::{
    self, Architecture, FoldModelCard, FoldTarget, OutOfFold, PathPoint, Predictor, PredictorError,
    Software,
};

/// One fitted fold model with what it says of its test patients.
#[derive(Debug, Clone)]
pub struct FittedFold {
    pub(super) index: usize,
    pub(super) card: FoldModelCard,
    pub(super) out_of_fold: Vec<OutOfFold>,
    pub(super) predictor: Predictor,
}

/// What a kept fold says of itself; everything but the index and the results must equal the training that takes it up again.
#[derive(Serialize, Deserialize)]
struct Note {
    software: Software,
    training: TrainingConfig,
    training_data_sha256: String,
    architecture: Architecture,
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
            architecture: fold.predictor.architecture(),
            index: fold.index,
            card: fold.card.clone(),
            out_of_fold: fold.out_of_fold.clone(),
        };
        let note = serde_json::to_string(&note).map_err(PredictorError::Card)?;
        Ok(predictor::to_safetensors(&[&fold.predictor], Some(note))?)
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
        let predictor = predictor::from_safetensors(bytes, &note.architecture, 1, device)?
            .pop()
            .ok_or(TrainingError::ForeignFolds)?;
        Ok(FittedFold {
            index: note.index,
            card: note.card,
            out_of_fold: note.out_of_fold,
            predictor,
        })
    }

    /// Whether a note's results have the places that its index promises.
    fn fits(&self, note: &Note) -> bool {
        let place = self.repeat_and_fold(note.index);
        let n_targets = self.data.targets().len();
        (note.card.repeat, note.card.fold) == place
            && note.card.targets.len() == n_targets
            && note.architecture.n_targets() == n_targets
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

/// What a method has fitted on the training patients of a fold, before anybody else is looked at.
pub(super) struct Fit {
    /// The predictor, for raw features.
    pub predictor: Predictor,
    /// `scores[place in the training patients][target]`, each from an inner fit that had not seen the patient: what the
    /// calibration is fitted to.
    pub inner_scores: Vec<Vec<f64>>,
    /// Epochs, for what is trained in epochs.
    pub epochs: Option<usize>,
    /// Per target the path of penalties, for what has one.
    pub paths: Vec<Vec<PathPoint>>,
}

/// The most that the fit of a fold will count to: what its method counts, and everybody once at the end.
pub(super) fn cost(
    config: &TrainingConfig,
    n_targets: usize,
    n_training: usize,
    n_patients: usize,
) -> u64 {
    let fit = match &config.method {
        Method::GatedAttention(attention) => attention::cost(config, attention, n_training),
        Method::MeanPooling | Method::ElasticNet { .. } => linear::cost(config, n_targets),
    };
    (fit + n_patients) as u64
}

pub(super) fn fit(
    training: &Training,
    index: usize,
    device: &Device,
    ticker: &mut Ticker,
) -> Result<FittedFold, TrainingError> {
    let Training { config, data, .. } = training;
    let (training_patients, test_patients) = training.patients_of(index);
    let seeds = training.seeds(index);
    let Fit {
        predictor,
        inner_scores,
        epochs,
        paths,
    } = match &config.method {
        Method::GatedAttention(attention) => attention::fit(
            config,
            attention,
            data,
            &training_patients,
            seeds,
            device,
            ticker,
        )?,
        Method::MeanPooling => {
            linear::mean_pooling(config, data, &training_patients, seeds, device, ticker)?
        }
        Method::ElasticNet { alpha } => {
            linear::elastic_net(config, *alpha, data, &training_patients, seeds, ticker)?
        }
    };
    ticker.go_to(training.cost(index) - data.patients().len() as u64)?;

    let mut in_training = Vec::with_capacity(training_patients.len());
    for &patient in &training_patients {
        in_training.push(predictor.terms(&data.patients()[patient].bag)?);
        ticker.tick(1)?;
    }
    let offsets = predictor.offsets()?;
    let mut paths = paths.into_iter();
    let mut targets = Vec::with_capacity(offsets.len());
    for (target, &offset) in offsets.iter().enumerate() {
        let (n_positive, n_negative) = data.count(&training_patients, target);
        let calibration = calibrate(&cases(data, &training_patients, &inner_scores, target))?;
        let terms: Vec<&Terms> = in_training.iter().map(|terms| &terms[target]).collect();
        targets.push(FoldTarget {
            readout: readout(offset, predictor.scale(), &terms),
            calibration,
            n_positive,
            n_negative,
            path: paths.next().unwrap_or_default(),
        });
    }

    let (repeat, fold) = training.repeat_and_fold(index);
    let mut out_of_fold = Vec::with_capacity(test_patients.len());
    for &patient in &test_patients {
        let scores = scores(&predictor.terms(&data.patients()[patient].bag)?, &offsets);
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
        epochs,
        targets,
    };
    Ok(FittedFold {
        index,
        card,
        out_of_fold,
        predictor,
    })
}

/// m, μ and sd as DESIGN.md section 4 has them, from the terms of the training patients' bags.
fn readout(offset: f32, scale: Scale, in_training: &[&Terms]) -> Readout {
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
        scale,
    }
}
