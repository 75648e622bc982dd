//! A bag: the features of one specimen's tiles.

use thiserror::Error;

/// The features of one specimen's tiles, row by row: `[n_tiles, dim]`.
#[derive(Debug, Clone, Copy)]
pub struct Bag<'a> {
    features: &'a [f32],
    dim: usize,
}

/// Why numbers are not a [`Bag`], or what came out of a network is not terms.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TensorError {
    /// The numbers are not a whole number of tiles.
    #[error(
        "{numbers} numbers are not a whole number of tiles of {dim} features, or there is no tile"
    )]
    NotWholeTiles {
        /// How many numbers there are.
        numbers: usize,
        /// Features per tile.
        dim: usize,
    },
    /// A feature is NaN or infinite.
    #[error("feature {feature} of tile {tile} is not a finite number")]
    NotFinite {
        /// The tile's place in the bag.
        tile: usize,
        /// The feature's place in the tile.
        feature: usize,
    },
    /// The bag was made by another encoder.
    #[error("the bag has {found} features per tile, the network takes {expected}")]
    WrongDim {
        /// Features per tile of the bag.
        found: usize,
        /// Features per tile that the network takes.
        expected: usize,
    },
    /// The device failed, or gave numbers that cannot be terms.
    #[error("the device did not return usable numbers: {reason}")]
    Device {
        /// What the device or the check said.
        reason: String,
    },
}

impl<'a> Bag<'a> {
    /// A bag of at least one tile of `dim` finite features.
    ///
    /// # Errors
    /// When the numbers are not that.
    pub fn new(features: &'a [f32], dim: usize) -> Result<Self, TensorError> {
        if dim == 0 || features.is_empty() || !features.len().is_multiple_of(dim) {
            return Err(TensorError::NotWholeTiles {
                numbers: features.len(),
                dim,
            });
        }
        if let Some(index) = features.iter().position(|feature| !feature.is_finite()) {
            return Err(TensorError::NotFinite {
                tile: index / dim,
                feature: index % dim,
            });
        }
        Ok(Self { features, dim })
    }

    /// Number of tiles, at least 1.
    pub fn n_tiles(&self) -> usize {
        self.features.len() / self.dim
    }

    /// Features per tile.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// All numbers, row by row.
    pub fn features(&self) -> &'a [f32] {
        self.features
    }

    /// The features of each tile in turn.
    pub fn tiles(&self) -> std::slice::ChunksExact<'a, f32> {
        self.features.chunks_exact(self.dim)
    }
}
