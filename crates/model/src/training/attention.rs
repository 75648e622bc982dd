//! Fitting gated attention to the training patients of a fold.

use burn::tensor::Device;
use stats::SplitMix64;
use stats::split::stratified_folds;

use super::config::{AttentionConfig, TrainingConfig};
use super::data::TrainingData;
use super::error::TrainingError;
use super::evaluate::{calibrated_loss, scores};
use super::fitting::Fitting;
use super::fold::Fit;
use super::progress::Ticker;
use super::whitening::Whitening;
use crate::predictor::{Bag, GatedAttention, GatedAttentionConfig, Predictor, TensorError};

/// Patients shown to networks when no fit stops early: inner epochs and final epochs.
pub(super) fn cost(
    config: &TrainingConfig,
    attention: &AttentionConfig,
    n_training: usize,
) -> usize {
    inner_cost(config, attention, n_training) + attention.max_epochs * n_training
}

/// An epoch of the inner fits shows each training patient to all inner networks but one, and tests them with that one.
fn inner_cost(config: &TrainingConfig, attention: &AttentionConfig, n_training: usize) -> usize {
    attention.max_epochs * config.inner_folds * n_training
}

/// Chooses the number of epochs on the inner folds and trains that long on all training patients, on whitened features.
pub(super) fn fit(
    config: &TrainingConfig,
    attention: &AttentionConfig,
    raw: &TrainingData,
    training_patients: &[usize],
    mut seeds: SplitMix64,
    device: &Device,
    ticker: &mut Ticker,
) -> Result<Fit, TrainingError> {
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
        let observations = data.observations(training_patients);
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
                Fitting::start(attention, data, learn, seeds.next_u64(), device),
                check,
            ));
        }
        fit_inner(attention, data, training_patients, networks, ticker)?
    };
    ticker.go_to(inner_cost(config, attention, training_patients.len()) as u64)?;

    let mut fitting = Fitting::start(
        attention,
        data,
        training_patients.to_vec(),
        seeds.next_u64(),
        device,
    );
    for _ in 0..inner.epochs {
        fitting.epoch(ticker)?;
    }
    let network = for_raw_features(fitting.network(), &whitening, raw.dim(), device)?;
    Ok(Fit {
        predictor: Predictor::GatedAttention(Box::new(network)),
        inner_scores: inner.scores,
        epochs: Some(inner.epochs),
        paths: Vec::new(),
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
    config: &AttentionConfig,
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
        let mut found = vec![Vec::new(); training_patients.len()];
        for (fitting, unseen) in &mut networks {
            fitting.epoch(ticker)?;
            let network = fitting.network();
            let offsets = network.offsets()?;
            for &place in &*unseen {
                let terms = network.terms(&data.patients()[training_patients[place]].bag)?;
                found[place] = scores(&terms, &offsets);
                ticker.tick(1)?;
            }
        }
        let loss = calibrated_loss(data, training_patients, &found)?;
        if loss < least || best.epochs == 0 {
            least = loss;
            best = Inner {
                epochs: epoch,
                scores: found,
            };
        } else if epoch - best.epochs >= config.patience {
            break;
        }
    }
    Ok(best)
}
