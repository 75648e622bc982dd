//! Stains as the light they absorb (Beer–Lambert): optical densities, stain vectors, and how an image is taken apart into
//! them (Ruifrok and Johnston 2001, "Quantification of histochemical staining by color deconvolution", Anal Quant Cytol Histol
//! 23, 291–299; Macenko et al. 2009, "A method for normalizing histology slides for quantitative analysis", IEEE ISBI,
//! 1107–1110). Both take light that was absorbed as a share of the light I₀ that glass lets through: density = log₁₀(I₀ / I).

use serde::{Deserialize, Serialize};

/// Optical density per channel (red, green, blue), of length 1.
pub type StainVector = [f64; 3];

/// The light through glass without tissue, I₀: grey levels of red, green, blue.
pub type Glass = [u8; 3];

/// What is taken for glass where a slide shows none, wherever light or optical density is relative to glass: the lightest that a
/// pixel can be, with which QuPath begins for H&E (background 255, 255, 255) and which ImageJ's Colour Deconvolution, the reference
/// implementation of Ruifrok and Johnston, always takes. Nothing has absorbed less than nothing then.
pub const WHITE: Glass = [255; 3];

/// The two stains of a slide.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Stains {
    /// Haematoxylin.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<f64>))]
    pub haematoxylin: StainVector,
    /// Eosin.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<f64>))]
    pub eosin: StainVector,
}

/// The stains of a slide as estimated from its pixels, or why they cannot be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StainEstimate {
    /// The vectors; `None` when they cannot be told.
    pub stains: Option<Stains>,
    /// The colour of the slide's glass, which optical densities are relative to; `None` where the slide shows none. Browsers
    /// keep answers that were given before it was told.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Vec<u8>>))]
    pub glass: Option<Glass>,
    /// Number of stained pixels that were looked at.
    pub pixels: u32,
    /// How large these are, µm.
    pub um_per_px: f64,
    /// Why there are no vectors, and what to do.
    pub problem: Option<String>,
}

/// What an image is taken apart into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum StainChannel {
    /// The first stain.
    Haematoxylin,
    /// The second stain.
    Eosin,
    /// What neither explains.
    Residual,
}

/// Where the stain vectors come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum StainSource {
    /// Estimated from the slide.
    #[default]
    Slide,
    /// The values of Ruifrok and Johnston 2001.
    Ruifrok,
    /// The values with which QuPath begins for H&E.
    QuPath,
}

impl StainChannel {
    /// In the order of the menu.
    pub const ALL: [Self; 3] = [Self::Haematoxylin, Self::Eosin, Self::Residual];

    /// Its name on the screen.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Haematoxylin => "Haematoxylin",
            Self::Eosin => "Eosin",
            Self::Residual => "Residual",
        }
    }

    /// Its name in addresses.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Haematoxylin => "haematoxylin",
            Self::Eosin => "eosin",
            Self::Residual => "residual",
        }
    }

    /// Reads what [`StainChannel::key`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.key() == text)
    }
}

impl StainSource {
    /// In the order of the menu.
    pub const ALL: [Self; 3] = [Self::Slide, Self::Ruifrok, Self::QuPath];

    /// Its name on the screen.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Slide => "Estimated from this slide",
            Self::Ruifrok => "Ruifrok and Johnston 2001",
            Self::QuPath => "QuPath’s default for H&E",
        }
    }

    /// Its name in addresses.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Slide => "slide",
            Self::Ruifrok => "ruifrok",
            Self::QuPath => "qupath",
        }
    }

    /// Reads what [`StainSource::key`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.key() == text)
    }

    /// The vectors of a preset; `None` for those that must be estimated.
    #[must_use]
    pub const fn preset(self) -> Option<Stains> {
        match self {
            Self::Slide => None,
            Self::Ruifrok => Some(Stains {
                haematoxylin: [0.650, 0.704, 0.286],
                eosin: [0.072, 0.990, 0.105],
            }),
            Self::QuPath => Some(Stains {
                haematoxylin: [0.651_11, 0.701_19, 0.290_49],
                eosin: [0.215_9, 0.801_2, 0.558_1],
            }),
        }
    }
}

impl Stains {
    /// The three vectors, each of length 1: haematoxylin, eosin, and the residual at right angles to both. `None` when the
    /// two are one direction or not finite.
    #[must_use]
    pub fn basis(&self) -> Option<[StainVector; 3]> {
        let haematoxylin = unit(self.haematoxylin)?;
        let eosin = unit(self.eosin)?;
        let [a, b, c] = haematoxylin;
        let [d, e, f] = eosin;
        let residual = unit([b * f - c * e, c * d - a * f, a * e - b * d])?;
        Some([haematoxylin, eosin, residual])
    }

    /// The matrix, by rows, that turns an optical density into the amounts of the three stains; `None` as for
    /// [`Stains::basis`].
    #[must_use]
    pub fn unmixing(&self) -> Option<[[f64; 3]; 3]> {
        let [h, e, r] = self.basis()?;
        // density = amounts · basis; the inverse of a 3 × 3 matrix by its cofactors, transposed for row vectors.
        let cross = |p: StainVector, q: StainVector| {
            [
                p[1] * q[2] - p[2] * q[1],
                p[2] * q[0] - p[0] * q[2],
                p[0] * q[1] - p[1] * q[0],
            ]
        };
        let (er, rh, he) = (cross(e, r), cross(r, h), cross(h, e));
        let determinant = h[0] * er[0] + h[1] * er[1] + h[2] * er[2];
        (determinant.abs() > 1e-9)
            .then(|| [er, rh, he].map(|row| row.map(|value| value / determinant)))
    }
}

/// What was absorbed of the light that glass lets through: log₁₀(I₀ / I) of one channel. Black counts as grey level 1.
#[must_use]
pub fn optical_density(value: u8, glass: u8) -> f64 {
    (f64::from(glass.max(1)) / f64::from(value.max(1))).log10()
}

/// How a stain looks on a slide's glass that absorbs so much: red, green, blue (I = I₀ · 10^(−amount · vector)).
#[must_use]
pub fn colour_of(vector: StainVector, amount: f64, glass: Glass) -> [u8; 3] {
    std::array::from_fn(|channel| {
        (f64::from(glass[channel]) * 10f64.powf(-amount * vector[channel])).round() as u8
    })
}

fn unit(vector: StainVector) -> Option<StainVector> {
    let length = vector.iter().map(|value| value * value).sum::<f64>().sqrt();
    (length.is_finite() && length > 1e-6).then(|| vector.map(|value| value / length))
}

/// How the image is shown: brightness, contrast, gamma.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Light {
    /// Added to every channel, −1 to 1.
    pub brightness: f64,
    /// Factor about mid-grey, 0.25 to 4.
    pub contrast: f64,
    /// Exponent 1/gamma of every channel, 0.25 to 4: above 1 the dark gets lighter.
    pub gamma: f64,
}

impl Light {
    /// The image as it is.
    pub const PLAIN: Self = Self {
        brightness: 0.0,
        contrast: 1.0,
        gamma: 1.0,
    };

    /// With every number in its bounds; what is not finite is as in [`Light::PLAIN`].
    #[must_use]
    pub fn clamped(self) -> Self {
        let within = |value: f64, low: f64, high: f64, plain: f64| {
            if value.is_finite() {
                value.clamp(low, high)
            } else {
                plain
            }
        };
        Self {
            brightness: within(self.brightness, -1.0, 1.0, 0.0),
            contrast: within(self.contrast, 0.25, 4.0, 1.0),
            gamma: within(self.gamma, 0.25, 4.0, 1.0),
        }
    }
}

impl Default for Light {
    fn default() -> Self {
        Self::PLAIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taking_apart_undoes_mixing() {
        for source in [StainSource::Ruifrok, StainSource::QuPath] {
            let stains = source.preset().unwrap();
            let basis = stains.basis().unwrap();
            let unmixing = stains.unmixing().unwrap();
            let amounts = [0.7, 0.3, 0.05];
            let density: [f64; 3] = std::array::from_fn(|channel| {
                (0..3)
                    .map(|stain| amounts[stain] * basis[stain][channel])
                    .sum()
            });
            for stain in 0..3 {
                let found: f64 = (0..3)
                    .map(|channel| unmixing[stain][channel] * density[channel])
                    .sum();
                assert!(
                    (found - amounts[stain]).abs() < 1e-12,
                    "{source:?} {stain}: {found}"
                );
            }
        }
    }

    #[test]
    fn one_stain_twice_cannot_be_taken_apart() {
        let same = Stains {
            haematoxylin: [0.6, 0.7, 0.3],
            eosin: [1.2, 1.4, 0.6],
        };
        assert_eq!(same.unmixing(), None);
        let none = Stains {
            haematoxylin: [0.0; 3],
            eosin: [f64::NAN; 3],
        };
        assert_eq!(none.unmixing(), None);
    }

    #[test]
    fn a_stain_has_the_colour_of_what_it_lets_through() {
        assert_eq!(colour_of([0.0, 1.0, 0.5], 1.0, WHITE), [255, 26, 81]);
        assert_eq!(colour_of([0.3, 0.3, 0.3], 0.0, WHITE), WHITE);
        assert_eq!(
            colour_of([0.3, 0.3, 0.3], 0.0, [240, 230, 250]),
            [240, 230, 250]
        );
    }

    #[test]
    fn the_colour_of_the_glass_is_no_stain() {
        let stains = StainSource::QuPath.preset().unwrap();
        let basis = stains.basis().unwrap();
        let unmixing = stains.unmixing().unwrap();
        let amounts = |pixel: [u8; 3], glass: Glass| -> [f64; 3] {
            unmixing.map(|row| {
                (0..3)
                    .map(|channel| row[channel] * optical_density(pixel[channel], glass[channel]))
                    .sum()
            })
        };
        let glass = [243, 224, 236];
        let pixel = colour_of(basis[0], 0.5, glass);
        let [haematoxylin, eosin, _] = amounts(pixel, glass);
        assert!((haematoxylin - 0.5).abs() < 0.01 && eosin.abs() < 0.01);
        let [_, eosin, _] = amounts(pixel, WHITE);
        assert!(eosin > 0.05, "taken for white, glass is eosin: {eosin}");
        assert!(amounts(glass, glass).iter().all(|amount| *amount == 0.0));
    }

    #[test]
    fn an_estimate_without_glass_is_read_too() {
        let text = r#"{"stains":null,"pixels":7,"um_per_px":2.0,"problem":"Blank."}"#;
        assert_eq!(
            serde_json::from_str::<StainEstimate>(text).unwrap().glass,
            None
        );
    }

    #[test]
    fn keys_are_read_back() {
        for channel in StainChannel::ALL {
            assert_eq!(StainChannel::parse(channel.key()), Some(channel));
        }
        for source in StainSource::ALL {
            assert_eq!(StainSource::parse(source.key()), Some(source));
            assert_eq!(source.preset().is_none(), source == StainSource::Slide);
        }
    }
}
