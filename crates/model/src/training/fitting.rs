//! One network while it is trained on a set of patients.

use burn::optim::{AdamWConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::activation::softplus;
use burn::tensor::{Device, Tensor, TensorData};
use rand::seq::{SliceRandom, index};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::config::AttentionConfig;
use super::data::TrainingData;
use super::error::TrainingError;
use super::progress::Ticker;
use crate::predictor::{GatedAttention, GatedAttentionConfig};

/// A network, its optimizer and the patients that it learns from.
///
/// The loss of a patient is the binary cross-entropy with logits of each observed target. Patients with and without a
/// finding weigh the same in sum, so that a rare finding is not drowned; the share that this hides comes back with the
/// calibration. What was not observed has weight 0.
pub(crate) struct Fitting<'a> {
    config: &'a AttentionConfig,
    data: &'a TrainingData<'a>,
    patients: Vec<usize>,
    /// `class_weights[target]` of patients with and without the finding.
    class_weights: Vec<(f32, f32)>,
    network: GatedAttention,
    optimizer: ModuleOptimizer,
    random: ChaCha8Rng,
    device: Device,
}

impl<'a> Fitting<'a> {
    /// A network with random weights, about to learn from `patients`.
    pub(crate) fn start(
        config: &'a AttentionConfig,
        data: &'a TrainingData<'a>,
        patients: Vec<usize>,
        seed: u64,
        device: &Device,
    ) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let device = device.clone().autodiff();
        let sizes = GatedAttentionConfig {
            input_dim: data.dim(),
            hidden_dim: config.hidden_dim,
            attention_dim: config.attention_dim,
            n_targets: data.targets().len(),
        };
        let network = sizes.init(&mut random, &device);
        // PyTorch's default epsilon; Burn's own is 1e-5.
        let optimizer = AdamWConfig::new()
            .with_weight_decay(config.weight_decay)
            .with_epsilon(1e-8)
            .init();
        let n_targets = data.targets().len();
        let class_weights = (0..n_targets)
            .map(|target| {
                let (positive, negative) = data.count(&patients, target);
                if positive == 0 || negative == 0 {
                    return (0.0, 0.0);
                }
                let half = patients.len() as f32 / (2 * n_targets) as f32;
                (half / positive as f32, half / negative as f32)
            })
            .collect();
        Self {
            config,
            data,
            patients,
            class_weights,
            network,
            optimizer,
            random,
            device,
        }
    }

    /// Shows every patient to the network once, in a random order.
    ///
    /// # Errors
    /// When the caller asked to stop.
    pub(crate) fn epoch(&mut self, ticker: &mut Ticker) -> Result<(), TrainingError> {
        let mut order = self.patients.clone();
        order.shuffle(&mut self.random);
        for batch in order.chunks(self.config.patients_per_step) {
            self.step(batch);
            ticker.tick(batch.len())?;
        }
        Ok(())
    }

    /// The network as it stands, for the features that it learns from.
    pub(crate) fn network(&self) -> &GatedAttention {
        &self.network
    }

    fn step(&mut self, batch: &[usize]) {
        let tiles_of: Vec<Vec<usize>> = batch
            .iter()
            .map(|&patient| self.sample_tiles(patient))
            .collect();
        let n_tiles = tiles_of.iter().map(Vec::len).max().unwrap_or(0);
        let n_targets = self.class_weights.len();
        let dim = self.data.dim();

        let mut features = vec![0.0; batch.len() * n_tiles * dim];
        let mut padding = vec![1.0_f32; batch.len() * n_tiles];
        for (row, (&patient, tiles)) in batch.iter().zip(&tiles_of).enumerate() {
            let bag = self.data.patients()[patient].bag;
            for (place, &tile) in tiles.iter().enumerate() {
                let at = row * n_tiles + place;
                padding[at] = 0.0;
                features[at * dim..(at + 1) * dim]
                    .copy_from_slice(&bag.features()[tile * dim..(tile + 1) * dim]);
            }
        }
        let (mut findings, mut weights) = (Vec::new(), Vec::new());
        for &patient in batch {
            for (target, &(with, without)) in self.class_weights.iter().enumerate() {
                let observation = self.data.observation(patient, target);
                findings.push(if observation == Some(true) {
                    1.0_f32
                } else {
                    0.0
                });
                weights.push(match observation {
                    Some(true) => with,
                    Some(false) => without,
                    None => 0.0,
                });
            }
        }
        let hidden_mask = self.dropout_mask(batch.len() * n_tiles);

        let tensor = |numbers: Vec<f32>, shape: [usize; 2]| {
            Tensor::<2>::from_data(TensorData::new(numbers, shape), &self.device)
        };
        let tiles = tensor(features, [batch.len() * n_tiles, dim]); // [bags · tiles, dim]
        let padding = tensor(padding, [batch.len(), n_tiles]); // [bags, tiles]
        let findings = tensor(findings, [batch.len(), n_targets]); // [bags, targets]
        let weights = tensor(weights, [batch.len(), n_targets]); // [bags, targets]
        let scores = self.network.forward(tiles, padding, hidden_mask); // [bags, targets]
        let loss = weighted_loss(scores, findings, weights); // [1]

        let gradients = GradientsParams::from_grads(loss.backward(), &self.network);
        self.network =
            self.optimizer
                .step(self.config.learning_rate, self.network.clone(), gradients);
    }

    /// A random part of a patient's tiles, in their order.
    fn sample_tiles(&mut self, patient: usize) -> Vec<usize> {
        let n_tiles = self.data.patients()[patient].bag.n_tiles();
        let share = (self.config.tile_share * n_tiles as f64).ceil() as usize;
        let wanted = share.clamp(1, self.config.max_tiles_per_bag).min(n_tiles);
        let mut tiles = index::sample(&mut self.random, n_tiles, wanted).into_vec();
        tiles.sort_unstable();
        tiles
    }

    /// `[rows, hidden_dim]`: 0 for a unit that is switched off, else what keeps the expectation.
    fn dropout_mask(&mut self, rows: usize) -> Option<Tensor<2>> {
        let rate = self.config.hidden_dropout;
        if rate == 0.0 {
            return None;
        }
        let kept = (1.0 / (1.0 - rate)) as f32;
        let hidden = self.config.hidden_dim;
        let mask: Vec<f32> = (0..rows * hidden)
            .map(|_| {
                if self.random.random_bool(rate) {
                    0.0
                } else {
                    kept
                }
            })
            .collect();
        Some(Tensor::from_data(
            TensorData::new(mask, [rows, hidden]),
            &self.device,
        ))
    }
}

/// Binary cross-entropy with logits: Σ weight · (−y ln σ(s) − (1 − y) ln(1 − σ(s))) / n_bags, as softplus(s) − y s.
///
/// - `scores`, `findings` (0 or 1) and `weights`: `[n_bags, n_targets]`; where a weight is 0 the finding does not matter
/// - returns the loss: `[1]`
pub(crate) fn weighted_loss(
    scores: Tensor<2>,
    findings: Tensor<2>,
    weights: Tensor<2>,
) -> Tensor<1> {
    let [n_bags, _] = scores.dims();
    let losses = softplus(scores.clone(), 1.0) - scores * findings; // [bags, targets]
    (losses * weights).sum() / n_bags as f32
}
