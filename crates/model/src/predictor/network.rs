//! Gated attention over a bag of tiles (Ilse, Tomczak and Welling 2018, ICML, equations 8 and 9), with a linear bag head
//! and several targets in one network.
//!
//! Per tile, with a trunk that all targets share and a head for each:
//!
//! | what | formula | shape |
//! | --- | --- | --- |
//! | hidden features | h = ReLU(W x + c) | `[hidden]` |
//! | weight logit | e = u · (tanh(V h) ⊙ σ(U h)) | one per target |
//! | value | v = w · h | one per target |
//!
//! Per bag and target the score is offset + Σ softmax(e)ᵢ vᵢ. Because the head is linear, weighting the tiles' values is the
//! same as scoring the weighted tile, which is what makes every tile's part in the score exact.

use burn::module::{Module, Param};
use burn::tensor::activation::{relu, sigmoid, softmax, tanh};
use burn::tensor::{Device, Tensor, TensorData};
use domain::score::Terms;
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use super::bag::{Bag, TensorError};

/// Tiles that go through the network at once. 2,048 tiles of 1,280 numbers are 10 MB and a few milliseconds on two CPU
/// cores, so that other work on the device never waits long.
pub(crate) const TILES_PER_CHUNK: usize = 2048;

/// A weight logit so low that its softmax weight is exactly 0 in f32 beside any real one.
const PADDING_LOGIT: f32 = -1e30;

/// The sizes of a [`GatedAttention`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatedAttentionConfig {
    /// Features per tile.
    pub input_dim: usize,
    /// Units of the shared trunk.
    pub hidden_dim: usize,
    /// Units of each target's attention.
    pub attention_dim: usize,
    /// Number of targets.
    pub n_targets: usize,
}

impl GatedAttentionConfig {
    /// A network with random weights, uniform within ± 1/√(inputs of the unit), and offsets of 0. All weight logits are 0:
    /// it begins as the mean over the tiles and learns from there which of them matter.
    ///
    /// The numbers come from `random` and not from the device, so a seed gives the same start on every device.
    pub fn init(&self, random: &mut impl Rng, device: &Device) -> GatedAttention {
        let Self {
            input_dim,
            hidden_dim,
            attention_dim,
            n_targets,
        } = *self;
        let mut uniform = |rows: usize, columns: usize, inputs: usize| -> Vec<f32> {
            let bound = 1.0 / (inputs as f32).sqrt();
            (0..rows * columns)
                .map(|_| random.random_range(-bound..bound))
                .collect()
        };
        GatedAttention::from_numbers(
            self,
            Numbers {
                trunk_weight: uniform(input_dim, hidden_dim, input_dim),
                trunk_bias: vec![0.0; hidden_dim],
                attention_tanh: uniform(hidden_dim, n_targets * attention_dim, hidden_dim),
                attention_gate: uniform(hidden_dim, n_targets * attention_dim, hidden_dim),
                attention_out: vec![0.0; n_targets * attention_dim],
                value: uniform(hidden_dim, n_targets, hidden_dim),
                offset: vec![0.0; n_targets],
            },
            device,
        )
    }
}

/// The weights of a [`GatedAttention`] as plain numbers, each row-major in the shape that the network's field states.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Numbers {
    pub trunk_weight: Vec<f32>,
    pub trunk_bias: Vec<f32>,
    pub attention_tanh: Vec<f32>,
    pub attention_gate: Vec<f32>,
    pub attention_out: Vec<f32>,
    pub value: Vec<f32>,
    pub offset: Vec<f32>,
}

impl Numbers {
    /// Names in a weights file.
    pub(crate) const NAMES: [&str; 7] = [
        "trunk_weight",
        "trunk_bias",
        "attention_tanh",
        "attention_gate",
        "attention_out",
        "value",
        "offset",
    ];

    /// In the order of [`Numbers::NAMES`].
    pub(crate) fn into_tensors(self) -> [Vec<f32>; 7] {
        [
            self.trunk_weight,
            self.trunk_bias,
            self.attention_tanh,
            self.attention_gate,
            self.attention_out,
            self.value,
            self.offset,
        ]
    }

    /// In the order of [`Numbers::NAMES`].
    pub(crate) fn from_tensors(tensors: [Vec<f32>; 7]) -> Self {
        let [
            trunk_weight,
            trunk_bias,
            attention_tanh,
            attention_gate,
            attention_out,
            value,
            offset,
        ] = tensors;
        Self {
            trunk_weight,
            trunk_bias,
            attention_tanh,
            attention_gate,
            attention_out,
            value,
            offset,
        }
    }
}

/// The shapes of the seven tensors, in the order of [`Numbers::NAMES`].
pub(crate) fn shapes(config: &GatedAttentionConfig) -> [Vec<usize>; 7] {
    let GatedAttentionConfig {
        input_dim,
        hidden_dim,
        attention_dim,
        n_targets,
    } = *config;
    [
        vec![input_dim, hidden_dim],
        vec![hidden_dim],
        vec![hidden_dim, n_targets * attention_dim],
        vec![hidden_dim, n_targets * attention_dim],
        vec![n_targets, attention_dim],
        vec![hidden_dim, n_targets],
        vec![n_targets],
    ]
}

/// The network; see the module for the formulas.
#[derive(Module, Debug)]
pub struct GatedAttention {
    /// Wᵀ: `[input_dim, hidden_dim]`.
    trunk_weight: Param<Tensor<2>>,
    /// c: `[hidden_dim]`.
    trunk_bias: Param<Tensor<1>>,
    /// Vᵀ of all targets side by side: `[hidden_dim, n_targets · attention_dim]`.
    attention_tanh: Param<Tensor<2>>,
    /// Uᵀ of all targets side by side: `[hidden_dim, n_targets · attention_dim]`.
    attention_gate: Param<Tensor<2>>,
    /// u of each target: `[n_targets, attention_dim]`.
    attention_out: Param<Tensor<2>>,
    /// w of each target: `[hidden_dim, n_targets]`.
    value: Param<Tensor<2>>,
    /// The score's constant: `[n_targets]`.
    offset: Param<Tensor<1>>,
}

impl GatedAttention {
    /// The sizes.
    pub fn config(&self) -> GatedAttentionConfig {
        let [input_dim, hidden_dim] = self.trunk_weight.dims();
        let [n_targets, attention_dim] = self.attention_out.dims();
        GatedAttentionConfig {
            input_dim,
            hidden_dim,
            attention_dim,
            n_targets,
        }
    }

    pub(crate) fn from_numbers(
        config: &GatedAttentionConfig,
        numbers: Numbers,
        device: &Device,
    ) -> Self {
        fn param<const D: usize>(
            numbers: Vec<f32>,
            shape: &[usize],
            device: &Device,
        ) -> Param<Tensor<D>> {
            Param::from_data(TensorData::new(numbers, shape.to_vec()), device)
        }
        let [trunk_weight, trunk_bias, tanh, gate, out, value, offset] = shapes(config);
        Self {
            trunk_weight: param(numbers.trunk_weight, &trunk_weight, device),
            trunk_bias: param(numbers.trunk_bias, &trunk_bias, device),
            attention_tanh: param(numbers.attention_tanh, &tanh, device),
            attention_gate: param(numbers.attention_gate, &gate, device),
            attention_out: param(numbers.attention_out, &out, device),
            value: param(numbers.value, &value, device),
            offset: param(numbers.offset, &offset, device),
        }
    }

    /// Reads the weights back from the device.
    ///
    /// # Errors
    /// When the device fails.
    pub(crate) fn numbers(&self) -> Result<Numbers, TensorError> {
        Ok(Numbers {
            trunk_weight: numbers_of(self.trunk_weight.val())?,
            trunk_bias: numbers_of(self.trunk_bias.val())?,
            attention_tanh: numbers_of(self.attention_tanh.val())?,
            attention_gate: numbers_of(self.attention_gate.val())?,
            attention_out: numbers_of(self.attention_out.val())?,
            value: numbers_of(self.value.val())?,
            offset: numbers_of(self.offset.val())?,
        })
    }

    /// One result per tensor, in the order of [`Numbers::NAMES`].
    #[cfg(test)]
    pub(crate) fn map_tensors<R>(
        &self,
        two: impl Fn(&Tensor<2>) -> R,
        one: impl Fn(&Tensor<1>) -> R,
    ) -> Vec<R> {
        vec![
            two(&self.trunk_weight),
            one(&self.trunk_bias),
            two(&self.attention_tanh),
            two(&self.attention_gate),
            two(&self.attention_out),
            two(&self.value),
            one(&self.offset),
        ]
    }

    /// e and v of tiles.
    ///
    /// - `tiles`: `[n, input_dim]`
    /// - `hidden_mask`: `[n, hidden_dim]`, multiplied onto h (dropout, in training)
    /// - returns e and v: `[n, n_targets]` each
    fn tile_terms(
        &self,
        tiles: Tensor<2>,
        hidden_mask: Option<Tensor<2>>,
    ) -> (Tensor<2>, Tensor<2>) {
        let [n, _] = tiles.dims();
        let [n_targets, attention_dim] = self.attention_out.dims();

        let hidden =
            relu(tiles.matmul(self.trunk_weight.val()) + self.trunk_bias.val().unsqueeze::<2>()); // [n, hidden]
        let hidden = match hidden_mask {
            Some(mask) => hidden * mask,
            None => hidden,
        };
        let content = tanh(hidden.clone().matmul(self.attention_tanh.val())); // [n, targets · attention]
        let gate = sigmoid(hidden.clone().matmul(self.attention_gate.val())); // [n, targets · attention]
        let gated = (content * gate).reshape([n, n_targets, attention_dim]); // [n, targets, attention]
        let weighted = gated * self.attention_out.val().unsqueeze::<3>(); // [n, targets, attention]
        let weight_logits = weighted.sum_dim(2).squeeze_dim::<2>(2); // [n, targets]
        let values = hidden.matmul(self.value.val()); // [n, targets]
        (weight_logits, values)
    }

    /// Scores of several padded bags at once: what training differentiates.
    ///
    /// - `tiles`: `[n_bags · n_tiles, input_dim]`, bag after bag, shorter bags filled up with any numbers
    /// - `padding`: `[n_bags, n_tiles]`, 1 where a row is filling and 0 where it is a tile; a bag has at least one tile
    /// - `hidden_mask`: `[n_bags · n_tiles, hidden_dim]`
    /// - returns scores: `[n_bags, n_targets]`
    pub fn forward(
        &self,
        tiles: Tensor<2>,
        padding: Tensor<2>,
        hidden_mask: Option<Tensor<2>>,
    ) -> Tensor<2> {
        let [n_bags, n_tiles] = padding.dims();
        let [n_targets, _] = self.attention_out.dims();

        let (weight_logits, values) = self.tile_terms(tiles, hidden_mask); // [bags · tiles, targets] each
        let weight_logits = weight_logits.reshape([n_bags, n_tiles, n_targets]); // [bags, tiles, targets]
        let values = values.reshape([n_bags, n_tiles, n_targets]); // [bags, tiles, targets]
        let padding = padding.unsqueeze_dim::<3>(2); // [bags, tiles, 1]
        let attention = softmax(weight_logits + padding * PADDING_LOGIT, 1); // [bags, tiles, targets]
        let pooled = (attention * values).sum_dim(1).squeeze_dim::<2>(1); // [bags, targets]
        pooled + self.offset.val().unsqueeze::<2>()
    }

    /// e and v of every tile of a bag, one [`Terms`] per target; large bags go through in chunks.
    ///
    /// # Errors
    /// When the bag was made by another encoder, or the device fails.
    pub fn terms(&self, bag: &Bag) -> Result<Vec<Terms>, TensorError> {
        let GatedAttentionConfig {
            input_dim,
            n_targets,
            ..
        } = self.config();
        if bag.dim() != input_dim {
            return Err(TensorError::WrongDim {
                found: bag.dim(),
                expected: input_dim,
            });
        }
        let network = self.valid();
        let device = network.trunk_weight.val().device();
        let mut weight_logits = vec![Vec::with_capacity(bag.n_tiles()); n_targets];
        let mut values = vec![Vec::with_capacity(bag.n_tiles()); n_targets];
        for chunk in bag.features().chunks(TILES_PER_CHUNK * input_dim) {
            let data = TensorData::new(chunk.to_vec(), [chunk.len() / input_dim, input_dim]);
            let (e, v) = network.tile_terms(Tensor::from_data(data, &device), None); // [n, targets] each
            for (tensor, columns) in [(e, &mut weight_logits), (v, &mut values)] {
                for row in numbers_of(tensor)?.chunks_exact(n_targets) {
                    for (column, number) in columns.iter_mut().zip(row) {
                        column.push(*number);
                    }
                }
            }
        }
        weight_logits
            .into_iter()
            .zip(values)
            .map(|(e, v)| {
                Terms::new(e, v).map_err(|error| TensorError::Device {
                    reason: error.to_string(),
                })
            })
            .collect()
    }

    /// The constant of each target's score, read from the device.
    ///
    /// # Errors
    /// When the device fails.
    pub fn offsets(&self) -> Result<Vec<f32>, TensorError> {
        numbers_of(self.offset.val())
    }
}

/// A tensor's numbers, row-major.
pub(crate) fn numbers_of<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, TensorError> {
    tensor
        .try_into_vec_as::<f32>()
        .map_err(|error| TensorError::Device {
            reason: error.to_string(),
        })
}
