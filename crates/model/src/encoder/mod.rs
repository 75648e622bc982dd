//! Image tile → feature vector: EfficientNet-Lite0, on the CPU or on a graphics card.
//!
//! One set of weights, two ways to run it, held together by the parity tests: `network` in Burn, on any device that
//! Burn knows, and `fused`, the CPU path that keeps a block's activations in the cache.

mod architecture;
mod checkpoint;
mod colour;
mod error;
mod folded;
mod fused;
mod network;

use std::path::Path;

pub use self::colour::{COLOUR, colour_statistics};
pub use self::error::EncoderError;

use self::architecture::Architecture;
use self::checkpoint::Checkpoint;
use self::folded::FoldedNetwork;
use self::fused::FusedNetwork;
use self::network::Network;
use crate::device::{EncoderDevice, Engine};

/// Width and height of a tile in pixels.
pub const TILE_SIZE_PX: usize = 224;
/// Resolution of a tile in micrometres per pixel.
pub const TILE_MPP: f64 = 0.5;
/// Length of a feature vector.
pub const DIM: usize = 1280;
/// Bytes of a tile: RGB, interleaved, row by row.
pub const TILE_BYTES: usize = TILE_SIZE_PX * TILE_SIZE_PX * 3;

/// Tiles per call on a CPU: below 100 ms on two cores, so that a request never waits long behind a job.
const BATCH_TILES_CPU: usize = 8;
/// Tiles per call on a graphics card, which needs more to be busy.
const BATCH_TILES_GPU: usize = 64;

/// What is said of an encoder wherever its features are used.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct EncoderInfo {
    /// Short name in URLs, files and the database.
    pub key: &'static str,
    /// Name for people.
    pub title: &'static str,
    /// Licence of the weights.
    pub licence: &'static str,
    /// What it is not; shown beside every use.
    pub note: &'static str,
    /// Name of the weights file; empty where there is none.
    pub weights_file: &'static str,
    /// SHA-256 of the weights file or, without one, of what defines the features, in lower-case hexadecimal digits.
    pub weights_sha256: &'static str,
    /// Width and height of a tile in pixels.
    pub tile_size_px: usize,
    /// Resolution of a tile in micrometres per pixel.
    pub tile_mpp: f64,
    /// Length of a feature vector.
    pub dim: usize,
}

/// The default encoder.
pub const EFFICIENTNET_LITE0: EncoderInfo = EncoderInfo {
    key: "efficientnet-lite0",
    title: "EfficientNet-Lite0 (ImageNet)",
    licence: "Apache-2.0",
    note: "An ImageNet baseline, not a pathology encoder: compare it with the colour-only baseline.",
    weights_file: "efficientnet-lite0-57934424.pth",
    weights_sha256: "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    tile_size_px: TILE_SIZE_PX,
    tile_mpp: TILE_MPP,
    dim: DIM,
};

/// A loaded encoder on its device.
pub struct Encoder {
    runner: Runner,
}

/// Boxed: a handful of pointers beside two kilobytes.
enum Runner {
    Fused(Box<FusedNetwork>),
    Burn(Box<Network>),
}

impl Encoder {
    /// Loads the default encoder's weights, a PyTorch file in the legacy container, and makes them ready on `device`.
    ///
    /// # Errors
    /// The file is missing, empty, or not the one whose SHA-256 is in [`EFFICIENTNET_LITE0`].
    pub fn load(weights: &Path, device: &EncoderDevice) -> Result<Self, EncoderError> {
        let mut checkpoint = Checkpoint::open(weights, EFFICIENTNET_LITE0.weights_sha256)?;
        let network = FoldedNetwork::fold(Architecture::efficientnet_lite0(), &mut checkpoint)?;
        Ok(Self {
            runner: Runner::new(&network, device),
        })
    }

    /// What is said of this encoder.
    pub fn info(&self) -> &'static EncoderInfo {
        &EFFICIENTNET_LITE0
    }

    /// How many tiles to hand over at a time, so that the device is busy and a call stays short.
    pub fn batch_tiles(&self) -> usize {
        match &self.runner {
            Runner::Fused(_) => BATCH_TILES_CPU,
            Runner::Burn(_) => BATCH_TILES_GPU,
        }
    }

    /// Features of tiles: `[n, 224, 224, 3]` bytes in, `[n, 1280]` numbers out, tile by tile.
    ///
    /// On a CPU the work is spread over the rayon pool that the caller is in (`pool.install(|| …)`), else the global one.
    ///
    /// # Errors
    /// `tiles` is not a whole number of tiles, the device failed, or a feature is not finite.
    pub fn encode(&self, tiles: &[u8]) -> Result<Vec<f32>, EncoderError> {
        if !tiles.len().is_multiple_of(TILE_BYTES) {
            return Err(EncoderError::NotWholeTiles { bytes: tiles.len() });
        }
        only_finite(self.runner.encode(tiles)?)
    }
}

impl Runner {
    fn new(network: &FoldedNetwork, device: &EncoderDevice) -> Self {
        match device.engine() {
            Engine::FusedCpu => Self::Fused(Box::new(FusedNetwork::new(network))),
            Engine::Burn(device) => Self::Burn(Box::new(Network::new(network, device))),
        }
    }

    fn encode(&self, tiles: &[u8]) -> Result<Vec<f32>, EncoderError> {
        match self {
            _ if tiles.is_empty() => Ok(Vec::new()),
            Self::Fused(network) => Ok(network.encode(tiles)),
            Self::Burn(network) => network.encode(tiles),
        }
    }
}

fn only_finite(features: Vec<f32>) -> Result<Vec<f32>, EncoderError> {
    match features.iter().position(|feature| !feature.is_finite()) {
        Some(index) => Err(EncoderError::NotFinite {
            tile: index / DIM,
            feature: index % DIM,
        }),
        None => Ok(features),
    }
}

/// Width of the vector registers that the CPU path uses on this machine.
pub(crate) fn cpu_vector_bits() -> usize {
    pulp::Arch::new().dispatch(fused::Lanes) * size_of::<f32>() * 8
}

/// A byte of a pixel as the network was trained: (x − 127) / 128.
#[inline(always)]
fn normalised(byte: u8) -> f32 {
    (f32::from(byte) - 127.0) / 128.0
}

/// Tiles by a formula in integers, different from each other and rich in gradients and edges: input of trial batches,
/// benchmarks and the parity test, which a Python script repeats without a file.
///
/// value(tile, x, y, channel) = (x (3 + tile) + y (5 + channel) + ⌊x y / 7⌋ + 41 channel + 17 tile) mod 256
pub fn sample_tiles(count: usize) -> Vec<u8> {
    sample_tiles_of_size(count, TILE_SIZE_PX)
}

fn sample_tiles_of_size(count: usize, size_px: usize) -> Vec<u8> {
    let mut tiles = Vec::with_capacity(count * size_px * size_px * 3);
    for tile in 0..count {
        for y in 0..size_px {
            for x in 0..size_px {
                for channel in 0..3 {
                    let value =
                        x * (3 + tile) + y * (5 + channel) + x * y / 7 + 41 * channel + 17 * tile;
                    tiles.push((value % 256) as u8);
                }
            }
        }
    }
    tiles
}

#[cfg(test)]
mod tests;
