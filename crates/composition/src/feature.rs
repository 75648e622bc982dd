//! What is measured of a nucleus.

use serde::{Deserialize, Serialize};

/// A measurement of a nucleus or of the cytoplasm around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feature {
    /// Its name in files and addresses.
    pub key: &'static str,
    /// Its name on the screen.
    pub title: &'static str,
    /// Its unit; empty for a plain number.
    pub unit: &'static str,
}

const fn feature(key: &'static str, title: &'static str, unit: &'static str) -> Feature {
    Feature { key, title, unit }
}

/// How many there are.
pub const FEATURE_COUNT: usize = 25;

/// All that is measured of a nucleus, in the order of [`Nucleus::values`]. "OD" is optical density, base 10.
pub const FEATURES: [Feature; FEATURE_COUNT] = [
    feature("nucleus_area", "Nucleus area", "µm²"),
    feature("nucleus_perimeter", "Nucleus perimeter", "µm"),
    feature("nucleus_circularity", "Nucleus circularity", ""),
    feature("nucleus_long_axis", "Nucleus long axis", "µm"),
    feature("nucleus_short_axis", "Nucleus short axis", "µm"),
    feature("nucleus_eccentricity", "Nucleus eccentricity", ""),
    feature("nucleus_solidity", "Nucleus solidity", ""),
    feature(
        "nucleus_haematoxylin_mean",
        "Nucleus haematoxylin, mean",
        "OD",
    ),
    feature("nucleus_haematoxylin_sd", "Nucleus haematoxylin, SD", "OD"),
    feature(
        "nucleus_haematoxylin_min",
        "Nucleus haematoxylin, least",
        "OD",
    ),
    feature(
        "nucleus_haematoxylin_max",
        "Nucleus haematoxylin, most",
        "OD",
    ),
    feature("nucleus_eosin_mean", "Nucleus eosin, mean", "OD"),
    feature("nucleus_eosin_sd", "Nucleus eosin, SD", "OD"),
    feature("nucleus_eosin_min", "Nucleus eosin, least", "OD"),
    feature("nucleus_eosin_max", "Nucleus eosin, most", "OD"),
    feature(
        "cytoplasm_haematoxylin_mean",
        "Cytoplasm haematoxylin, mean",
        "OD",
    ),
    feature(
        "cytoplasm_haematoxylin_sd",
        "Cytoplasm haematoxylin, SD",
        "OD",
    ),
    feature(
        "cytoplasm_haematoxylin_min",
        "Cytoplasm haematoxylin, least",
        "OD",
    ),
    feature(
        "cytoplasm_haematoxylin_max",
        "Cytoplasm haematoxylin, most",
        "OD",
    ),
    feature("cytoplasm_eosin_mean", "Cytoplasm eosin, mean", "OD"),
    feature("cytoplasm_eosin_sd", "Cytoplasm eosin, SD", "OD"),
    feature("cytoplasm_eosin_min", "Cytoplasm eosin, least", "OD"),
    feature("cytoplasm_eosin_max", "Cytoplasm eosin, most", "OD"),
    feature("cell_area", "Cell area", "µm²"),
    feature("nucleus_share", "Nucleus area in cell area", ""),
];

/// A nucleus that was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Nucleus {
    /// Middle, slide px.
    pub x: f64,
    /// Middle, slide px.
    pub y: f64,
    /// In the order of [`FEATURES`]; finite. `None` for the cytoplasm of a nucleus between others that leave it none.
    pub values: [Option<f32>; FEATURE_COUNT],
}

/// Mean, standard deviation and ends of pixels' amounts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    n: f64,
    sum: f64,
    squares: f64,
    least: f32,
    most: f32,
}

impl Spread {
    pub(crate) const NONE: Self = Self {
        n: 0.0,
        sum: 0.0,
        squares: 0.0,
        least: f32::INFINITY,
        most: f32::NEG_INFINITY,
    };

    pub(crate) fn add(&mut self, value: f32) {
        self.n += 1.0;
        self.sum += f64::from(value);
        self.squares += f64::from(value) * f64::from(value);
        self.least = self.least.min(value);
        self.most = self.most.max(value);
    }

    pub(crate) const fn count(&self) -> f64 {
        self.n
    }

    /// Mean, standard deviation (of all pixels, not of a sample), least, most.
    pub(crate) fn values(&self) -> Option<[f32; 4]> {
        (self.n > 0.0).then(|| {
            let mean = self.sum / self.n;
            let variance = (self.squares / self.n - mean * mean).max(0.0);
            [mean as f32, variance.sqrt() as f32, self.least, self.most]
        })
    }
}
