//! From grey levels to amounts of dye (Beer–Lambert; Ruifrok and Johnston 2001), by tables.

use domain::stain::{Glass, Stains, optical_density};

use crate::error::CompositionError;

/// Resolutions at which nuclei can be measured, µm/px.
const UM_PER_PX: std::ops::RangeInclusive<f64> = 0.2..=1.0;
/// No channel lighter than this: a scanner's border, a pen, dirt. It says nothing of the dye.
const OPAQUE: u8 = 12;

/// How light becomes amounts of dye on one slide, and how large its pixels are.
#[derive(Clone, Debug)]
pub struct Optics {
    /// By channel and grey level: what it adds to haematoxylin, eosin and mean density.
    tables: Box<[[[f32; 3]; 256]; 3]>,
    um_per_px: f64,
}

/// What a pixel holds, in optical density (base 10).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Amounts {
    pub(crate) haematoxylin: f32,
    pub(crate) eosin: f32,
    /// Mean over red, green, blue.
    pub(crate) density: f32,
}

impl Optics {
    /// `um_per_px` is that of the regions to be analysed, not of the slide's finest level.
    ///
    /// # Errors
    /// When the stains cannot be told apart or nuclei cannot be measured at this resolution.
    pub fn new(stains: &Stains, glass: Glass, um_per_px: f64) -> Result<Self, CompositionError> {
        if !UM_PER_PX.contains(&um_per_px) {
            return Err(CompositionError::Resolution { um_per_px });
        }
        let [haematoxylin, eosin, _] = stains.unmixing().ok_or(CompositionError::Stains)?;
        let tables = std::array::from_fn(|channel| {
            std::array::from_fn(|value| {
                let density = optical_density(value as u8, glass[channel]);
                [
                    (haematoxylin[channel] * density) as f32,
                    (eosin[channel] * density) as f32,
                    (density / 3.0) as f32,
                ]
            })
        });
        Ok(Self {
            tables: Box::new(tables),
            um_per_px,
        })
    }

    /// Micrometres per pixel.
    #[must_use]
    pub const fn um_per_px(&self) -> f64 {
        self.um_per_px
    }

    /// A length in pixels.
    pub(crate) fn px(&self, um: f64) -> f32 {
        (um / self.um_per_px) as f32
    }

    pub(crate) fn amounts(&self, [red, green, blue]: [u8; 3]) -> Amounts {
        let [of_red, of_green, of_blue] = &*self.tables;
        let (r, g, b) = (
            of_red[usize::from(red)],
            of_green[usize::from(green)],
            of_blue[usize::from(blue)],
        );
        Amounts {
            haematoxylin: r[0] + g[0] + b[0],
            eosin: r[1] + g[1] + b[1],
            density: r[2] + g[2] + b[2],
        }
    }

    /// Whether so little light came through that nothing is said of the dye.
    pub(crate) fn is_opaque(pixel: [u8; 3]) -> bool {
        pixel.iter().all(|&value| value < OPAQUE)
    }
}
