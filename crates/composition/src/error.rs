//! What cannot be analysed.

use thiserror::Error;

/// Why pixels cannot be taken apart.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum CompositionError {
    /// No stain amounts follow from these stain vectors.
    #[error(
        "haematoxylin and eosin have the same colour or none, so that they cannot be told apart"
    )]
    Stains,
    /// Nuclei are too few pixels to be measured, or so many that none is meant.
    #[error("nuclei are measured at 0.2 to 1 µm/px, not at {um_per_px}")]
    Resolution {
        /// What was asked for, µm/px.
        um_per_px: f64,
    },
    /// There are no pixels, or more than one region may have.
    #[error("a region has 1 to {most} px along each side, not {width} × {height}")]
    Size {
        /// Width, px.
        width: u32,
        /// Height, px.
        height: u32,
        /// Most that are taken, px.
        most: u32,
    },
    /// The bytes are not three for each pixel.
    #[error("{width} × {height} px have {expected} bytes, not {found}")]
    Bytes {
        /// Width, px.
        width: u32,
        /// Height, px.
        height: u32,
        /// Bytes needed.
        expected: usize,
        /// Bytes given.
        found: usize,
    },
    /// The place of the region is not a rectangle of the slide.
    #[error("the region's place is not a rectangle with an area")]
    Place,
}
