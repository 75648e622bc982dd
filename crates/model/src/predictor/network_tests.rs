//! What must hold of the network: invariants first, then parity with PyTorch (`fixtures/predictor.py`).

use burn::tensor::{Device, Tensor, TensorData};
use domain::score::{Readout, Scale, Terms};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;

use super::bag::{Bag, TensorError};
use super::network::{GatedAttention, GatedAttentionConfig, Numbers};
use crate::training::weighted_loss;

const SIZES: GatedAttentionConfig = GatedAttentionConfig {
    input_dim: 20,
    hidden_dim: 16,
    attention_dim: 8,
    n_targets: 3,
};

/// A network and a bag with pronounced attention.
fn network_and_bag(n_tiles: usize) -> (GatedAttention, Vec<f32>) {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    // As training leaves it: it begins without any preference.
    let mut numbers = SIZES
        .init(&mut random, &Device::flex())
        .numbers()
        .expect("the CPU works");
    for weight in &mut numbers.attention_out {
        *weight = random.random_range(-0.6..0.6);
    }
    let network = GatedAttention::from_numbers(&SIZES, numbers, &Device::flex());
    let features = (0..n_tiles * SIZES.input_dim)
        .map(|_| random.random_range(-9.0..9.0))
        .collect();
    (network, features)
}

fn bag(features: &[f32]) -> Bag<'_> {
    Bag::new(features, SIZES.input_dim).expect("whole tiles of finite numbers")
}

fn readout(offset: f32) -> Readout {
    Readout {
        offset: f64::from(offset),
        reference: 0.0,
        mean: 0.0,
        sd: 1.0,
        scale: Scale::Logit,
    }
}

fn tensor(numbers: &[f32], shape: [usize; 2], device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(numbers.to_vec(), shape), device)
}

/// Scores by the network's own forward pass, without padding.
fn forward_scores(network: &GatedAttention, features: &[f32]) -> Vec<f32> {
    let n_tiles = features.len() / SIZES.input_dim;
    let tiles = tensor(features, [n_tiles, SIZES.input_dim], &Device::flex());
    let padding = Tensor::zeros([1, n_tiles], &Device::flex());
    network
        .forward(tiles, padding, None)
        .try_into_vec_as::<f32>()
        .expect("f32 numbers")
}

#[track_caller]
fn assert_close(found: &[f32], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        let difference = (f64::from(*found) - expected).abs();
        assert!(
            difference <= tolerance * expected.abs().max(1.0),
            "number {index}: {found} is not {expected}"
        );
    }
}

fn as_f64(numbers: &[f32]) -> Vec<f64> {
    numbers.iter().map(|&number| f64::from(number)).collect()
}

#[test]
fn terms_reproduce_the_score_of_the_forward_pass() {
    let (network, features) = network_and_bag(37);
    let offsets = network.offsets().expect("the CPU works");
    let from_terms: Vec<f64> = network
        .terms(&bag(&features))
        .expect("the bag fits")
        .iter()
        .zip(offsets)
        .map(|(terms, offset)| terms.score(&readout(offset)).expect("there are tiles"))
        .collect();
    assert_close(&forward_scores(&network, &features), &from_terms, 1e-5);
}

#[test]
fn attention_sums_to_one_and_differs_between_targets() {
    let (network, features) = network_and_bag(37);
    let terms = network.terms(&bag(&features)).expect("the bag fits");
    for terms in &terms {
        assert_eq!(terms.len(), 37);
        assert!((terms.attention().iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
    assert_ne!(terms[0].weight_logits(), terms[1].weight_logits());
}

#[test]
fn permuting_tiles_permutes_terms() {
    let (network, features) = network_and_bag(37);
    let reversed: Vec<f32> = features
        .chunks(SIZES.input_dim)
        .rev()
        .flatten()
        .copied()
        .collect();
    let straight = network.terms(&bag(&features)).expect("the bag fits");
    let backward = network.terms(&bag(&reversed)).expect("the bag fits");
    for (straight, backward) in straight.iter().zip(&backward) {
        let back = |numbers: &[f32]| numbers.iter().rev().copied().collect::<Vec<_>>();
        assert_close(
            &back(backward.weight_logits()),
            &as_f64(straight.weight_logits()),
            1e-6,
        );
        assert_close(&back(backward.values()), &as_f64(straight.values()), 1e-6);
    }
}

#[test]
fn leaving_tiles_out_equals_running_the_network_without_them() {
    let (network, features) = network_and_bag(37);
    let offsets = network.offsets().expect("the CPU works");
    let left_out = |tile: usize| tile.is_multiple_of(3) || tile == 7;
    let rest: Vec<f32> = features
        .chunks(SIZES.input_dim)
        .enumerate()
        .filter(|(tile, _)| !left_out(*tile))
        .flat_map(|(_, tile)| tile.to_vec())
        .collect();
    let what_if: Vec<f64> = network
        .terms(&bag(&features))
        .expect("the bag fits")
        .iter()
        .zip(offsets)
        .map(|(terms, offset)| {
            terms
                .score_without(&readout(offset), left_out)
                .expect("tiles remain")
        })
        .collect();
    assert_close(&forward_scores(&network, &rest), &what_if, 1e-5);
}

#[test]
fn padding_is_inert_whatever_it_holds() {
    let (network, features) = network_and_bag(12);
    let (first, second) = features.split_at(5 * SIZES.input_dim);
    // Two bags of 5 and 7 tiles, the first filled up with huge numbers.
    let filled: Vec<f32> = [first, &[1e6; 2 * SIZES.input_dim], second]
        .into_iter()
        .flatten()
        .copied()
        .collect();
    let padding = [[0.0; 5].as_slice(), &[1.0; 2], &[0.0; 7]].concat();
    let device = Device::flex();
    let together: Vec<f32> = network
        .forward(
            tensor(&filled, [14, SIZES.input_dim], &device),
            tensor(&padding, [2, 7], &device),
            None,
        )
        .try_into_vec_as::<f32>()
        .expect("f32 numbers");
    let alone = [
        forward_scores(&network, first),
        forward_scores(&network, second),
    ]
    .concat();
    assert_close(&together, &as_f64(&alone), 1e-5);
}

#[test]
fn a_bag_larger_than_a_chunk_comes_out_whole_and_in_order() {
    let (network, features) = network_and_bag(5000);
    let all = network.terms(&bag(&features)).expect("the bag fits");
    let last = network
        .terms(&bag(&features[4990 * SIZES.input_dim..]))
        .expect("the bag fits");
    for (all, last) in all.iter().zip(&last) {
        assert_eq!(all.len(), 5000);
        assert_close(&all.values()[4990..], &as_f64(last.values()), 1e-6);
        assert_close(
            &all.weight_logits()[4990..],
            &as_f64(last.weight_logits()),
            1e-6,
        );
    }
}

#[test]
fn a_bag_of_another_encoder_is_refused() {
    let (network, _) = network_and_bag(1);
    let features = [0.0; 21];
    let other = Bag::new(&features, 21).expect("one tile");
    assert_eq!(
        network.terms(&other),
        Err(TensorError::WrongDim {
            found: 21,
            expected: 20
        })
    );
}

#[test]
fn what_is_no_bag_is_refused() {
    assert!(matches!(
        Bag::new(&[], 3),
        Err(TensorError::NotWholeTiles { .. })
    ));
    assert!(matches!(
        Bag::new(&[1.0; 4], 3),
        Err(TensorError::NotWholeTiles { numbers: 4, dim: 3 })
    ));
    assert!(matches!(
        Bag::new(&[], 0),
        Err(TensorError::NotWholeTiles { .. })
    ));
    let broken = [0.0, 1.0, 2.0, f32::NAN];
    assert!(matches!(
        Bag::new(&broken, 2),
        Err(TensorError::NotFinite {
            tile: 1,
            feature: 1
        })
    ));
}

#[derive(Deserialize)]
struct Reference {
    sizes: GatedAttentionConfig,
    weights: NamedNumbers,
    bags: Vec<Vec<f32>>,
    findings: Vec<f32>,
    loss_weights: Vec<f32>,
    /// `[bag][target][tile]`, like `values` and `attention`.
    weight_logits: Vec<Vec<Vec<f64>>>,
    values: Vec<Vec<Vec<f64>>>,
    attention: Vec<Vec<Vec<f64>>>,
    /// `[bag][target]`.
    scores: Vec<Vec<f64>>,
    loss: f64,
    gradients: NamedNumbers,
}

#[derive(Deserialize)]
struct NamedNumbers {
    trunk_weight: Vec<f64>,
    trunk_bias: Vec<f64>,
    attention_tanh: Vec<f64>,
    attention_gate: Vec<f64>,
    attention_out: Vec<f64>,
    value: Vec<f64>,
    offset: Vec<f64>,
}

impl Reference {
    fn read() -> Self {
        serde_json::from_str(include_str!("../../fixtures/predictor.json"))
            .expect("the committed fixture is valid")
    }

    fn network(&self, device: &Device) -> GatedAttention {
        let f32s = |numbers: &[f64]| numbers.iter().map(|&number| number as f32).collect();
        let numbers = Numbers {
            trunk_weight: f32s(&self.weights.trunk_weight),
            trunk_bias: f32s(&self.weights.trunk_bias),
            attention_tanh: f32s(&self.weights.attention_tanh),
            attention_gate: f32s(&self.weights.attention_gate),
            attention_out: f32s(&self.weights.attention_out),
            value: f32s(&self.weights.value),
            offset: f32s(&self.weights.offset),
        };
        GatedAttention::from_numbers(&self.sizes, numbers, device)
    }

    /// Both bags as one padded batch.
    fn batch(&self, device: &Device) -> (Tensor<2>, Tensor<2>) {
        let dim = self.sizes.input_dim;
        let n_tiles = self
            .bags
            .iter()
            .map(|bag| bag.len() / dim)
            .max()
            .expect("there are bags");
        let (mut tiles, mut padding) = (Vec::new(), Vec::new());
        for bag in &self.bags {
            let missing = n_tiles - bag.len() / dim;
            tiles.extend(bag);
            tiles.extend(vec![3.0; missing * dim]);
            padding.extend(vec![0.0; n_tiles - missing]);
            padding.extend(vec![1.0; missing]);
        }
        let n_bags = self.bags.len();
        (
            tensor(&tiles, [n_bags * n_tiles, dim], device),
            tensor(&padding, [n_bags, n_tiles], device),
        )
    }

    /// Loss and gradients in the order of [`Numbers::named`].
    fn loss_and_gradients(&self, findings: &[f32]) -> (f32, Vec<Vec<f32>>) {
        fn gradient<const D: usize>(
            tensor: &Tensor<D>,
            gradients: &burn::tensor::Gradients,
        ) -> Vec<f32> {
            tensor
                .grad(gradients)
                .expect("every weight has a gradient")
                .try_into_vec_as::<f32>()
                .expect("f32 numbers")
        }
        let device = Device::flex().autodiff();
        let network = self.network(&device);
        let (tiles, padding) = self.batch(&device);
        let scores = network.forward(tiles, padding, None);
        let shape = [self.bags.len(), self.sizes.n_targets];
        let loss = weighted_loss(
            scores,
            tensor(findings, shape, &device),
            tensor(&self.loss_weights, shape, &device),
        );
        let gradients = loss.backward();
        (
            loss.try_into_scalar::<f32>().expect("one number"),
            network.map_tensors(
                |two| gradient(two, &gradients),
                |one| gradient(one, &gradients),
            ),
        )
    }
}

/// f32 against f64: sums of some ten products of numbers of about 1 each lose two or three of f32's seven digits at most.
const PARITY: f64 = 1e-5;

#[test]
fn terms_attention_and_scores_equal_those_of_pytorch() {
    let reference = Reference::read();
    let network = reference.network(&Device::flex());
    let offsets = network.offsets().expect("the CPU works");
    for (index, features) in reference.bags.iter().enumerate() {
        let bag = Bag::new(features, reference.sizes.input_dim).expect("whole tiles");
        let terms: Vec<Terms> = network.terms(&bag).expect("the bag fits");
        for (target, terms) in terms.iter().enumerate() {
            assert_close(
                terms.weight_logits(),
                &reference.weight_logits[index][target],
                PARITY,
            );
            assert_close(terms.values(), &reference.values[index][target], PARITY);
            let attention: Vec<f32> = terms
                .attention()
                .iter()
                .map(|&weight| weight as f32)
                .collect();
            assert_close(&attention, &reference.attention[index][target], PARITY);
            let score = terms
                .score(&readout(offsets[target]))
                .expect("there are tiles");
            assert_close(&[score as f32], &[reference.scores[index][target]], PARITY);
        }
    }
}

#[test]
fn loss_and_gradients_of_a_padded_batch_equal_those_of_pytorch() {
    let reference = Reference::read();
    let (loss, gradients) = reference.loss_and_gradients(&reference.findings);
    assert_close(&[loss], &[reference.loss], PARITY);
    let expected = &reference.gradients;
    let expected = [
        &expected.trunk_weight,
        &expected.trunk_bias,
        &expected.attention_tanh,
        &expected.attention_gate,
        &expected.attention_out,
        &expected.value,
        &expected.offset,
    ];
    for (found, expected) in gradients.iter().zip(expected) {
        assert!(expected.iter().any(|number| *number != 0.0));
        assert_close(found, expected, PARITY);
    }
}

#[test]
fn what_stands_where_nothing_was_observed_changes_neither_loss_nor_gradients() {
    let reference = Reference::read();
    let mut other = reference.findings.clone();
    for (finding, weight) in other.iter_mut().zip(&reference.loss_weights) {
        if *weight == 0.0 {
            *finding = 1.0 - *finding;
        }
    }
    assert_ne!(other, reference.findings);
    assert_eq!(
        reference.loss_and_gradients(&other),
        reference.loss_and_gradients(&reference.findings)
    );
}
