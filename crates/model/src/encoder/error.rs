//! What can go wrong with an encoder.

use std::path::PathBuf;

/// Why an encoder could not be loaded or did not encode.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncoderError {
    /// There is no weights file.
    #[error("the encoder's weights are not at {path}: fetch them with `cargo xtask assets`")]
    MissingFile {
        /// Where they were sought.
        path: PathBuf,
    },
    /// The weights file has no bytes, as a broken-off download leaves it.
    #[error(
        "the encoder's weights at {path} are an empty file: delete it and run `cargo xtask assets`"
    )]
    EmptyFile {
        /// The empty file.
        path: PathBuf,
    },
    /// The weights file is another one than the encoder's.
    #[error(
        "the encoder's weights at {path} are not the expected file (SHA-256 {found}, expected {expected}): \
         delete it and run `cargo xtask assets`"
    )]
    WrongHash {
        /// The file.
        path: PathBuf,
        /// The SHA-256 that was expected.
        expected: String,
        /// The SHA-256 of the file.
        found: String,
    },
    /// The weights file cannot be read.
    #[error("the encoder's weights at {path} cannot be read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The weights file is not a PyTorch checkpoint, or a damaged one.
    #[error("the encoder's weights at {path} are not a readable PyTorch file")]
    NotACheckpoint {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A tensor of the network is not in the weights file.
    #[error("the encoder's weights have no tensor {name}")]
    MissingTensor {
        /// Its name in the checkpoint.
        name: String,
    },
    /// A tensor of the weights file does not fit into the network.
    #[error("tensor {name} of the encoder's weights is {found}, expected {expected}")]
    WrongTensor {
        /// Its name in the checkpoint.
        name: String,
        /// Element type and shape that the network needs.
        expected: String,
        /// Element type and shape in the checkpoint.
        found: String,
    },
    /// The bytes handed over are not a whole number of tiles.
    #[error(
        "{bytes} bytes are not a whole number of tiles of {} bytes",
        super::TILE_BYTES
    )]
    NotWholeTiles {
        /// How many bytes there were.
        bytes: usize,
    },
    /// A feature is infinite or not a number.
    #[error("feature {feature} of tile {tile} of the batch is not a finite number")]
    NotFinite {
        /// Index of the tile in the batch.
        tile: usize,
        /// Index in the feature vector.
        feature: usize,
    },
    /// The device did not give a result.
    #[error("the device failed while encoding: {message}")]
    Device {
        /// What Burn said.
        message: String,
    },
}
