//! What a pixel shows.

use serde::{Deserialize, Serialize};

/// The classes of the study (Brück et al. 2021), and fat and bone besides, which its pixel classifier did not know: fat it
/// measured apart, bone is part of its stroma.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum PixelClass {
    /// Glass: outside of the tissue, clefts, empty sinusoids; and what lets no light through.
    Background,
    /// Ground substance, fibres, vessel walls, and what no other rule takes.
    Stroma,
    /// Large smooth eosinophilic areas. The study counts them to stroma.
    Bone,
    /// Nucleated cells, nucleus and cytoplasm: "WBC" of the study.
    Nucleated,
    /// Red cells.
    Red,
    /// Lipid droplets of fat cells.
    Fat,
}

impl PixelClass {
    /// In the order of their numbers.
    pub const ALL: [Self; 6] = [
        Self::Background,
        Self::Stroma,
        Self::Bone,
        Self::Nucleated,
        Self::Red,
        Self::Fat,
    ];

    /// Its name in addresses and files.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Background => "background",
            Self::Stroma => "stroma",
            Self::Bone => "bone",
            Self::Nucleated => "wbc",
            Self::Red => "rbc",
            Self::Fat => "lipid",
        }
    }

    /// Its name on the screen.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Background => "Background",
            Self::Stroma => "Stroma",
            Self::Bone => "Bone",
            Self::Nucleated => "Nucleated cells (WBC)",
            Self::Red => "Red cells (RBC)",
            Self::Fat => "Lipid droplets",
        }
    }

    /// Red, green, blue: the study's colours; of bone and fat, for which it has none, ours.
    #[must_use]
    pub const fn colour(self) -> [u8; 3] {
        match self {
            Self::Background => [198, 118, 255],
            Self::Stroma => [79, 255, 130],
            Self::Bone => [23, 140, 74],
            Self::Nucleated => [255, 0, 0],
            Self::Red => [255, 225, 10],
            Self::Fat => [64, 140, 255],
        }
    }
}
