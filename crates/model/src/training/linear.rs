//! Fitting predictors without attention: per target a penalised logistic regression, its penalty chosen on inner folds of
//! patients by the cross-entropy per patient.

use burn::tensor::Device;
use stats::SplitMix64;
use stats::split::stratified_folds;

use super::config::TrainingConfig;
use super::data::TrainingData;
use super::error::TrainingError;
use super::fold::Fit;
use super::progress::Ticker;
use super::regression::{Regression, Row, choose};
use super::whitening::Whitening;
use crate::predictor::{Bag, Linear, LinearConfig, Link, PathPoint, Predictor};

/// Penalties on a path.
const LAMBDAS: usize = 50;

/// Last by first penalty of a ridge path. The usual one begins a thousand times too strict (no ridge penalty leaves out all
/// features) and ends, with fewer patients than features, at a hundredth of that: far too early.
const LEAST_RIDGE: f64 = 1e-6;

/// Regressions: per target one on all training patients and one per inner fold.
pub(super) const fn cost(config: &TrainingConfig, n_targets: usize) -> usize {
    n_targets * (config.inner_folds + 1)
}

/// Per target the regression on each patient's mean tile. Features that are many are whitened first, as for attention: in
/// raw ones stain and focus would take the penalty's whole allowance.
pub(super) fn mean_pooling(
    config: &TrainingConfig,
    raw: &TrainingData,
    training_patients: &[usize],
    mut seeds: SplitMix64,
    device: &Device,
    ticker: &mut Ticker,
) -> Result<Fit, TrainingError> {
    let bags: Vec<Bag> = training_patients
        .iter()
        .map(|&patient| raw.patients()[patient].bag)
        .collect();
    let whitening = if raw.dim() > config.components {
        Some(Whitening::of(
            &bags,
            config.components,
            seeds.next_u64(),
            device,
        )?)
    } else {
        None
    };
    let means: Vec<Vec<f32>> = bags.iter().map(mean_tile).collect();
    let (means, dim) = match &whitening {
        None => (means, raw.dim()),
        Some(whitening) => {
            let whitened = means
                .iter()
                .map(|mean| whitening.apply(&Bag::new(mean, raw.dim())?, device))
                .collect::<Result<_, _>>()?;
            (whitened, whitening.components())
        }
    };
    let rows: Vec<Row> = means.iter().map(|mean| Row { tiles: mean }).collect();
    let fitted = fit_targets(
        config,
        0.0,
        Link::Identity,
        raw,
        training_patients,
        &rows,
        dim,
        seeds,
        ticker,
    )?;
    Ok(
        fitted.into_fit(Link::Identity, raw.dim(), |weight, offset| {
            match &whitening {
                None => weight.to_vec(),
                // One hidden unit per target: its weights and its bias.
                Some(whitening) => whitening.fold_into(weight, offset),
            }
        }),
    )
}

/// The study's: per target the elastic net on tiles, each with its patient's finding.
pub(super) fn elastic_net(
    config: &TrainingConfig,
    alpha: f64,
    data: &TrainingData,
    training_patients: &[usize],
    seeds: SplitMix64,
    ticker: &mut Ticker,
) -> Result<Fit, TrainingError> {
    let rows: Vec<Row> = training_patients
        .iter()
        .map(|&patient| Row {
            tiles: data.patients()[patient].bag.features(),
        })
        .collect();
    let fitted = fit_targets(
        config,
        alpha,
        Link::Sigmoid,
        data,
        training_patients,
        &rows,
        data.dim(),
        seeds,
        ticker,
    )?;
    Ok(fitted.into_fit(Link::Sigmoid, data.dim(), |weight, _| weight.to_vec()))
}

/// The mean of a bag's tiles.
fn mean_tile(bag: &Bag) -> Vec<f32> {
    let mut sums = vec![0.0_f64; bag.dim()];
    for tile in bag.tiles() {
        for (sum, &feature) in sums.iter_mut().zip(tile) {
            *sum += f64::from(feature);
        }
    }
    let n_tiles = bag.n_tiles() as f64;
    sums.into_iter().map(|sum| (sum / n_tiles) as f32).collect()
}

/// All targets, fitted.
struct Fitted {
    /// `[n_targets][dim]`.
    weights: Vec<Vec<f32>>,
    offsets: Vec<f32>,
    /// `[place][target]`.
    inner_scores: Vec<Vec<f64>>,
    paths: Vec<Vec<PathPoint>>,
}

impl Fitted {
    /// The predictor for raw features: `raw_weights` makes of one target's weights those for raw features and changes the
    /// offset along.
    fn into_fit(
        mut self,
        link: Link,
        input_dim: usize,
        raw_weights: impl Fn(&[f32], &mut [f32]) -> Vec<f32>,
    ) -> Fit {
        let config = LinearConfig {
            input_dim,
            n_targets: self.offsets.len(),
            link,
        };
        let weight = self
            .weights
            .iter()
            .zip(self.offsets.iter_mut())
            .flat_map(|(weight, offset)| raw_weights(weight, std::slice::from_mut(offset)))
            .collect();
        Fit {
            predictor: Predictor::Linear(Linear::from_numbers(config, weight, self.offsets)),
            inner_scores: self.inner_scores,
            epochs: None,
            paths: self.paths,
        }
    }
}

/// Fits one target after the other. `rows`: one per training patient.
#[expect(
    clippy::too_many_arguments,
    reason = "what a fit depends on, all of it once"
)]
fn fit_targets(
    config: &TrainingConfig,
    alpha: f64,
    link: Link,
    data: &TrainingData,
    training_patients: &[usize],
    rows: &[Row],
    dim: usize,
    mut seeds: SplitMix64,
    ticker: &mut Ticker,
) -> Result<Fitted, TrainingError> {
    let n_targets = data.targets().len();
    let mut fitted = Fitted {
        weights: Vec::with_capacity(n_targets),
        offsets: Vec::with_capacity(n_targets),
        inner_scores: vec![vec![0.0; n_targets]; training_patients.len()],
        paths: Vec::with_capacity(n_targets),
    };
    for target in 0..n_targets {
        let seed = seeds.next_u64();
        // The places, in the training patients, of those in whom the target was observed.
        let known: Vec<(usize, bool)> = training_patients
            .iter()
            .enumerate()
            .filter_map(|(place, &patient)| Some((place, data.observation(patient, target)?)))
            .collect();
        let own_rows: Vec<Row> = known.iter().map(|&(place, _)| rows[place]).collect();
        let findings: Vec<bool> = known.iter().map(|&(_, finding)| finding).collect();
        let regression = Regression {
            alpha,
            link,
            dim,
            lambdas: LAMBDAS,
            least_lambda: (alpha == 0.0).then_some(LEAST_RIDGE),
        };
        let observations: Vec<Vec<Option<bool>>> = findings
            .iter()
            .map(|&finding| vec![Some(finding)])
            .collect();
        let folds = stratified_folds(&observations, config.inner_folds, seed);
        let path = match folds {
            Ok(folds) => choose(&regression, &own_rows, &findings, &folds, || ticker.tick(1))?,
            // Fewer patients than folds: nothing can be chosen.
            Err(_) => None,
        };
        ticker.go_to(((target + 1) * (config.inner_folds + 1)) as u64)?;
        let Some(path) = path else {
            // With one class only there is nothing to learn: everybody gets the same score, and no calibration.
            fitted.weights.push(vec![0.0; dim]);
            fitted.offsets.push(0.0);
            fitted.paths.push(Vec::new());
            continue;
        };
        for (&(place, _), &score) in known.iter().zip(&path.inner_scores) {
            fitted.inner_scores[place][target] = score;
        }
        fitted.weights.push(path.weights);
        fitted.offsets.push(path.offset);
        fitted.paths.push(path.points);
    }
    Ok(fitted)
}
