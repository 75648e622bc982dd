//! What can go wrong with an encoder.
//!
//! The words are shown to people who look at slides in a browser: they name the file of the weights, but not the folder that it
//! lies in. That is for the log, among the fields.

use std::path::{Path, PathBuf};

/// Why an encoder could not be loaded or did not encode.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncoderError {
    /// There is no weights file.
    #[error(
        "the encoder's weights {} are missing: fetch them with `cargo xtask assets`",
        name(path)
    )]
    MissingFile {
        /// Where they were sought.
        path: PathBuf,
    },
    /// The weights file has no bytes, as a broken-off download leaves it.
    #[error(
        "the encoder's weights {} are an empty file: delete it and run `cargo xtask assets`",
        name(path)
    )]
    EmptyFile {
        /// The empty file.
        path: PathBuf,
    },
    /// The weights file is another one than the encoder's.
    #[error(
        "the encoder's weights {} are not the expected file (SHA-256 {found}, expected {expected}): \
         delete it and run `cargo xtask assets`",
        name(path)
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
    #[error("the encoder's weights {} cannot be read", name(path))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The weights file is not a PyTorch checkpoint, or a damaged one.
    #[error("the encoder's weights {} are not a readable PyTorch file", name(path))]
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

/// The name of a file, without its folder.
fn name(path: &Path) -> std::borrow::Cow<'_, str> {
    path.file_name().unwrap_or_default().to_string_lossy()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_error_tells_in_which_folder_the_weights_lie() {
        let path = || PathBuf::from("/home/jane/assets/net.pth");
        let source = || std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        let hash = |digit: &str| digit.repeat(64);
        for error in [
            EncoderError::MissingFile { path: path() },
            EncoderError::EmptyFile { path: path() },
            EncoderError::WrongHash {
                path: path(),
                expected: hash("0"),
                found: hash("1"),
            },
            EncoderError::Unreadable {
                path: path(),
                source: source(),
            },
            EncoderError::NotACheckpoint {
                path: path(),
                source: source().into(),
            },
        ] {
            let words = error.to_string();
            assert!(
                words.contains(" net.pth ") && !words.contains('/'),
                "{words}"
            );
            // The log needs it.
            assert!(format!("{error:?}").contains("/home/jane/assets/net.pth"));
        }
    }
}
