//! The network on small random weights: no download needed, every path against plain loops in f64.

use std::collections::HashMap;

use pulp::Arch;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::architecture::{Architecture, Block};
use super::folded::{FoldedNetwork, TensorSource};
use super::fused::FusedNetwork;
use super::network::Network;
use super::{DIM, EncoderError, only_finite, sample_tiles_of_size};
use burn::tensor::Device;

/// Tensors drawn when they are first asked for, and remembered.
struct RandomTensors {
    random: ChaCha8Rng,
    tensors: HashMap<String, Vec<f32>>,
}

impl TensorSource for RandomTensors {
    fn tensor(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, EncoderError> {
        let fan_in: usize = shape[1..].iter().product();
        // Ranges that keep activations alive through all blocks: neither all zero nor all six.
        let range = match name.rsplit('.').next() {
            Some("weight") if shape.len() == 4 => {
                let reach = (6.0 / fan_in as f32).sqrt();
                -reach..reach
            }
            Some("weight" | "running_var") => 0.5..1.5,
            _ => -0.5..0.5,
        };
        let count = shape.iter().product();
        let random = &mut self.random;
        let drawn = || {
            (0..count)
                .map(|_| random.random_range(range.clone()))
                .collect()
        };
        Ok(self
            .tensors
            .entry(name.to_owned())
            .or_insert_with(drawn)
            .clone())
    }
}

/// A folded network and the tensors that it was folded from.
fn small_network(seed: u64) -> (FoldedNetwork, RandomTensors) {
    let mut tensors = RandomTensors {
        random: ChaCha8Rng::seed_from_u64(seed),
        tensors: HashMap::new(),
    };
    let network = FoldedNetwork::fold(Architecture::small_for_tests(), &mut tensors)
        .expect("random tensors have the shape asked for");
    (network, tensors)
}

/// An image `[size, size, channels]` in f64.
#[derive(Clone)]
struct Image {
    size: usize,
    channels: usize,
    values: Vec<f64>,
}

impl Image {
    fn at(&self, y: isize, x: isize, channel: usize) -> f64 {
        let inside = 0..self.size as isize;
        if inside.contains(&y) && inside.contains(&x) {
            self.values[(y as usize * self.size + x as usize) * self.channels + channel]
        } else {
            0.0
        }
    }
}

/// The network as the paper writes it: BatchNorm on its own, padding by looking outside the image.
struct PlainNetwork<'a>(&'a HashMap<String, Vec<f32>>);

impl PlainNetwork<'_> {
    fn convolution(
        &self,
        input: &Image,
        (name, norm): (&str, &str),
        (kernel, stride, channels_out): (usize, usize, usize),
        depthwise: bool,
    ) -> Image {
        let weight = &self.0[&format!("{name}.weight")];
        let norm =
            |what: &str, channel: usize| f64::from(self.0[&format!("{norm}.{what}")][channel]);
        let size = input.size.div_ceil(stride);
        let padding = ((size - 1) * stride + kernel).saturating_sub(input.size) / 2;
        let mut values = Vec::new();
        for y in 0..size {
            for x in 0..size {
                for out in 0..channels_out {
                    let inputs = if depthwise {
                        out..out + 1
                    } else {
                        0..input.channels
                    };
                    let mut sum = 0.0;
                    for (place, channel) in inputs.clone().enumerate() {
                        for ky in 0..kernel {
                            for kx in 0..kernel {
                                let index =
                                    ((out * inputs.len() + place) * kernel + ky) * kernel + kx;
                                let y = (y * stride + ky) as isize - padding as isize;
                                let x = (x * stride + kx) as isize - padding as isize;
                                sum += f64::from(weight[index]) * input.at(y, x, channel);
                            }
                        }
                    }
                    let deviation = (norm("running_var", out) + 1e-3).sqrt();
                    values.push(
                        (sum - norm("running_mean", out)) / deviation * norm("weight", out)
                            + norm("bias", out),
                    );
                }
            }
        }
        Image {
            size,
            channels: channels_out,
            values,
        }
    }

    fn block(&self, input: &Image, index: usize, block: &Block) -> Image {
        let names = |convolution: &str, norm: &str| {
            (
                format!("_blocks.{index}.{convolution}"),
                format!("_blocks.{index}.{norm}"),
            )
        };
        let run = |input: &Image, (name, norm): (String, String), shape, depthwise| {
            self.convolution(input, (&name, &norm), shape, depthwise)
        };
        let expanded = block.channels_expanded;
        let mut x = input.clone();
        if expanded != block.channels_in {
            x = relu6(run(
                &x,
                names("_expand_conv", "_bn0"),
                (1, 1, expanded),
                false,
            ));
        }
        let shape = (block.kernel, block.stride, expanded);
        x = relu6(run(&x, names("_depthwise_conv", "_bn1"), shape, true));
        x = run(
            &x,
            names("_project_conv", "_bn2"),
            (1, 1, block.channels_out),
            false,
        );
        if block.stride == 1 && block.channels_in == block.channels_out {
            for (value, input) in x.values.iter_mut().zip(&input.values) {
                *value += input;
            }
        }
        x
    }

    fn encode(&self, architecture: &Architecture, tile: &[u8]) -> Vec<f64> {
        let mut x = Image {
            size: architecture.tile_size_px,
            channels: 3,
            values: tile
                .iter()
                .map(|byte| (f64::from(*byte) - 127.0) / 128.0)
                .collect(),
        };
        let stem = (3, 2, architecture.stem_channels);
        x = relu6(self.convolution(&x, ("_conv_stem", "_bn0"), stem, false));
        for (index, block) in architecture.blocks.iter().enumerate() {
            x = self.block(&x, index, block);
        }
        let head = (1, 1, architecture.dim);
        x = relu6(self.convolution(&x, ("_conv_head", "_bn1"), head, false));
        let mut features = vec![0.0; architecture.dim];
        for pixel in x.values.chunks_exact(architecture.dim) {
            for (feature, value) in features.iter_mut().zip(pixel) {
                *feature += value / (x.size * x.size) as f64;
            }
        }
        features
    }
}

fn relu6(mut image: Image) -> Image {
    for value in &mut image.values {
        *value = value.clamp(0.0, 6.0);
    }
    image
}

/// f32 against f64 over a dozen layers: 1e-4 of a range of 6 is a thousand times the rounding of one operation, and a
/// thousandth of what a wrong weight, a shifted pixel or a forgotten bias makes.
fn assert_close(found: &[f32], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!(
            (f64::from(*found) - expected).abs() < 6e-4,
            "feature {index} is {found}, expected {expected}"
        );
    }
}

fn expected_features(
    tensors: &RandomTensors,
    architecture: &Architecture,
    tiles: &[u8],
) -> Vec<f64> {
    let plain = PlainNetwork(&tensors.tensors);
    let features: Vec<f64> = tiles
        .chunks_exact(architecture.tile_bytes())
        .flat_map(|tile| plain.encode(architecture, tile))
        .collect();
    let alive = features
        .iter()
        .filter(|value| (0.01..5.99).contains(*value))
        .count();
    assert!(
        alive * 2 > features.len(),
        "the random network must be alive to prove anything"
    );
    features
}

/// Every kind of vector register that this machine has.
fn instruction_sets() -> Vec<Arch> {
    let mut sets = vec![Arch::new(), Arch::Scalar];
    #[cfg(target_arch = "x86_64")]
    sets.extend(pulp::x86::V3::try_new().map(Arch::V3));
    sets
}

#[test]
fn folded_and_fused_equals_batch_norm_on_its_own_with_every_instruction_set() {
    for seed in 0..3 {
        let (network, tensors) = small_network(seed);
        let tiles = sample_tiles_of_size(2, network.architecture.tile_size_px);
        let expected = expected_features(&tensors, &network.architecture, &tiles);
        for simd in instruction_sets() {
            // One row at a time, a few, the whole image.
            for band_bytes in [1, 16 * 1024, 1024 * 1024] {
                let fused = FusedNetwork::with(simd, band_bytes, &network);
                assert_close(&fused.encode(&tiles), &expected);
            }
        }
    }
}

#[test]
fn folded_in_burn_equals_batch_norm_on_its_own() {
    let (network, tensors) = small_network(7);
    let tiles = sample_tiles_of_size(2, network.architecture.tile_size_px);
    let expected = expected_features(&tensors, &network.architecture, &tiles);
    let features = Network::new(&network, &Device::flex())
        .encode(&tiles)
        .expect("features");
    assert_close(&features, &expected);
}

#[test]
fn permuting_a_batch_permutes_its_features_and_changes_no_bit() {
    let (network, _) = small_network(1);
    let architecture = network.architecture.clone();
    let fused = FusedNetwork::new(&network);
    let tiles = sample_tiles_of_size(5, architecture.tile_size_px);
    let features = fused.encode(&tiles);
    let reversed: Vec<u8> = tiles
        .chunks_exact(architecture.tile_bytes())
        .rev()
        .flatten()
        .copied()
        .collect();
    let expected: Vec<f32> = features
        .chunks_exact(architecture.dim)
        .rev()
        .flatten()
        .copied()
        .collect();
    assert_eq!(fused.encode(&reversed), expected);
}

#[test]
fn a_tile_alone_has_the_features_that_it_has_in_a_batch() {
    let (network, _) = small_network(2);
    let fused = FusedNetwork::new(&network);
    let tiles = sample_tiles_of_size(3, network.architecture.tile_size_px);
    let together = fused.encode(&tiles);
    let alone: Vec<f32> = tiles
        .chunks_exact(network.architecture.tile_bytes())
        .flat_map(|tile| fused.encode(tile))
        .collect();
    assert_eq!(together, alone);
}

#[test]
fn a_feature_that_is_not_finite_is_an_error_that_names_its_tile() {
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut features = vec![1.0; 3 * DIM];
        features[DIM + 3] = value;
        let error = only_finite(features).expect_err("not finite");
        assert!(
            matches!(
                error,
                EncoderError::NotFinite {
                    tile: 1,
                    feature: 3
                }
            ),
            "{error}"
        );
    }
    assert_eq!(only_finite(vec![0.5; DIM]).ok(), Some(vec![0.5; DIM]));
}
