//! What can go wrong with a slide, told by kind, file and place.

use std::io;
use std::path::{Path, PathBuf};

use wsi_rs::WsiError;

/// Why a slide could not be opened or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SlideError {
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No reader knows this file.
    #[error("{} is not a slide: {reason}", path.display())]
    NotASlide {
        /// The file.
        path: PathBuf,
        /// What was found instead.
        reason: String,
    },
    /// A known format, but the file contradicts itself or ends too soon.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A known format, but a kind of image that is not read.
    #[error("{} cannot be shown: {reason}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// Which kind it is.
        reason: String,
    },
    /// Refused before any memory was taken.
    #[error("{} is too large: {reason}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// What is too large, and how large it may be.
        reason: String,
    },
    /// The file does not say how large its pixels are, and guessing would make every measure wrong.
    #[error(
        "{} does not say how many micrometres a pixel spans. Say it with --mpp, for example --mpp 0.5 (20× objective) or --mpp 0.25 (40×)",
        path.display()
    )]
    MissingMpp {
        /// The file.
        path: PathBuf,
    },
    /// The resolution given by hand is not one of a microscope.
    #[error(
        "{um_per_px} µm per pixel is not a resolution of a microscope slide; --mpp takes 0.01 to 100"
    )]
    ImplausibleMpp {
        /// The value given.
        um_per_px: f64,
    },
    /// A pyramid tile that does not exist was asked for.
    #[error("there is no pyramid tile at level {level}, column {column}, row {row}: {allowed}")]
    OutOfBounds {
        /// Level asked for.
        level: usize,
        /// Column asked for.
        column: u32,
        /// Row asked for.
        row: u32,
        /// What exists.
        allowed: String,
    },
    /// A region that cannot be drawn was asked for.
    #[error("the region cannot be drawn: {reason}")]
    InvalidRegion {
        /// What is wrong with it.
        reason: String,
    },
    /// A part of an otherwise good slide could not be read.
    #[error("{}: level {level} cannot be read at ({x}, {y}): {reason}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Level read, among the stored ones.
        level: usize,
        /// Left edge of the part, px of the level.
        x: u32,
        /// Top edge of the part, px of the level.
        y: u32,
        /// What the decoder said.
        reason: String,
    },
}

impl SlideError {
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io {
            path: path.to_path_buf(),
            source,
        }
    }

    pub(crate) fn damaged(path: &Path, reason: impl Into<String>) -> Self {
        Self::Damaged {
            path: path.to_path_buf(),
            reason: reason.into(),
        }
    }

    pub(crate) fn unsupported(path: &Path, reason: impl Into<String>) -> Self {
        Self::Unsupported {
            path: path.to_path_buf(),
            reason: reason.into(),
        }
    }

    pub(crate) fn too_large(path: &Path, reason: impl Into<String>) -> Self {
        Self::TooLarge {
            path: path.to_path_buf(),
            reason: reason.into(),
        }
    }

    /// A file that ends before its own offsets do is damaged; the system did nothing wrong.
    pub(crate) fn from_reading(path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => {
                Self::damaged(path, source.to_string())
            }
            _ => Self::io(path, source),
        }
    }

    /// Sorts what the reader said at opening into our kinds.
    pub(crate) fn from_open(path: &Path, error: WsiError) -> Self {
        match error {
            WsiError::Io(source) => Self::from_reading(path, source),
            WsiError::IoWithPath { source, .. } => {
                Self::from_reading(path, io::Error::new(source.kind(), source.to_string()))
            }
            WsiError::UnsupportedFormat(_) => Self::NotASlide {
                path: path.to_path_buf(),
                reason: "no reader knows it. Known are SVS, NDPI, SCN, BIF, MIRAX, Philips, VSI, CZI, DICOM, OME-TIFF, TIFF, PNG and JPEG"
                    .into(),
            },
            WsiError::Unsupported { reason } => Self::unsupported(path, reason),
            WsiError::ResourceLimit { .. } => Self::too_large(path, error.to_string()),
            WsiError::Tiff { message, .. } | WsiError::InvalidSlide { message, .. } => {
                Self::damaged(path, message)
            }
            other => Self::damaged(path, other.to_string()),
        }
    }
}
