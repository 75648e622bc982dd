//! The section before the light goes through it: how much haematoxylin and eosin each pixel holds.

use crate::truth::{PixelClass, PixelFractions};

/// Dye in a pixel, in units of natural optical density along the dye's own (unit length) colour vector.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Dye {
    /// Haematoxylin.
    pub(crate) haem: f32,
    /// Eosin.
    pub(crate) eosin: f32,
}

/// Shorthand for a [`Dye`].
pub(crate) const fn dye(haem: f32, eosin: f32) -> Dye {
    Dye { haem, eosin }
}

/// A square of pixels around a shape, clipped to the canvas; the ends are exclusive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PxBox {
    left: usize,
    top: usize,
    right: usize,
    bottom: usize,
}

/// Dye planes and the class of every pixel.
#[derive(Debug)]
pub(crate) struct Canvas {
    size: usize,
    pub(crate) dyes: Vec<Dye>,
    classes: Vec<PixelClass>,
}

impl Canvas {
    pub(crate) fn new(size_px: u32) -> Self {
        let size = size_px as usize;
        Self {
            size,
            dyes: vec![Dye::default(); size * size],
            classes: vec![PixelClass::Stroma; size * size],
        }
    }

    /// The pixels within `reach` px of a position.
    pub(crate) fn around(&self, x: f32, y: f32, reach: f32) -> PxBox {
        let clip = |v: f32| v.clamp(0.0, self.size as f32) as usize;
        PxBox {
            left: clip((x - reach).floor()),
            top: clip((y - reach).floor()),
            right: clip((x + reach).ceil()),
            bottom: clip((y + reach).ceil()),
        }
    }

    /// All pixels.
    pub(crate) fn whole(&self) -> PxBox {
        PxBox {
            left: 0,
            top: 0,
            right: self.size,
            bottom: self.size,
        }
    }

    /// Lays a shape over what is there. `shade` gets the middle of a pixel (px) and returns how much of the pixel the
    /// shape covers and the dye it holds there; nothing where it does not reach. A pixel that is covered by more than
    /// half takes the class. Returns the covered area, px².
    pub(crate) fn lay(
        &mut self,
        area: PxBox,
        class: Option<PixelClass>,
        mut shade: impl FnMut(f32, f32) -> Option<(f32, Dye)>,
    ) -> f32 {
        let mut covered = 0.0;
        for row in area.top..area.bottom {
            let y = row as f32 + 0.5;
            let start = row * self.size;
            for column in area.left..area.right {
                let Some((cover, dye)) = shade(column as f32 + 0.5, y) else {
                    continue;
                };
                if cover <= 0.0 {
                    continue;
                }
                let under = &mut self.dyes[start + column];
                under.haem += (dye.haem.max(0.0) - under.haem) * cover;
                under.eosin += (dye.eosin.max(0.0) - under.eosin) * cover;
                covered += cover;
                if let Some(class) = class
                    && cover > 0.5
                {
                    self.classes[start + column] = class;
                }
            }
        }
        covered
    }

    /// What share of the pixels each class has.
    pub(crate) fn fractions(&self) -> PixelFractions {
        let mut counts = [0u32; PixelClass::ALL.len()];
        for &class in &self.classes {
            counts[class as usize] += 1;
        }
        let share =
            |class: PixelClass| counts[class as usize] as f32 / self.classes.len().max(1) as f32;
        PixelFractions {
            nucleated: share(PixelClass::Nucleated),
            red: share(PixelClass::Red),
            fat: share(PixelClass::Fat),
            stroma: share(PixelClass::Stroma),
            bone: share(PixelClass::Bone),
            background: share(PixelClass::Background),
        }
    }
}
