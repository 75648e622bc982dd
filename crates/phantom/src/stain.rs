//! How a laboratory's day colours a slide, and how light makes a picture of it.

use image::RgbImage;

use crate::canvas::Canvas;
use crate::noise::gaussian;
use crate::random::Dice;

/// A day of a staining machine. Colour vectors are natural optical densities for red, green and blue, of unit length,
/// haematoxylin near that of Ruifrok and Johnston (Anal Quant Cytol Histol 2001;23:291–299), eosin redder: our own choice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StainBatch {
    /// Its name.
    pub name: &'static str,
    /// Colour of haematoxylin.
    pub haematoxylin: [f32; 3],
    /// Colour of eosin.
    pub eosin: [f32; 3],
    /// Factor on haematoxylin.
    pub haematoxylin_strength: f32,
    /// Factor on eosin.
    pub eosin_strength: f32,
    /// Factor on both: a thicker section absorbs more.
    pub thickness: f32,
    /// Blur of the optics, standard deviation, µm.
    pub blur_um: f32,
    /// Grey levels of an empty field.
    pub white: [f32; 3],
}

/// The batches of the phantom cohort.
pub const STAIN_BATCHES: [StainBatch; 4] = [
    StainBatch {
        name: "A",
        haematoxylin: [0.598, 0.708, 0.375],
        eosin: [0.182, 0.880, 0.439],
        haematoxylin_strength: 1.0,
        eosin_strength: 1.0,
        thickness: 1.0,
        blur_um: 0.22,
        white: [243.0, 241.0, 246.0],
    },
    StainBatch {
        name: "B",
        haematoxylin: [0.608, 0.699, 0.375],
        eosin: [0.166, 0.885, 0.434],
        haematoxylin_strength: 0.97,
        eosin_strength: 1.06,
        thickness: 1.0,
        blur_um: 0.24,
        white: [246.0, 242.0, 243.0],
    },
    StainBatch {
        name: "C",
        haematoxylin: [0.617, 0.695, 0.369],
        eosin: [0.191, 0.877, 0.441],
        haematoxylin_strength: 1.04,
        eosin_strength: 0.96,
        thickness: 1.03,
        blur_um: 0.23,
        white: [242.0, 242.0, 246.0],
    },
    StainBatch {
        name: "D",
        haematoxylin: [0.593, 0.712, 0.376],
        eosin: [0.174, 0.876, 0.450],
        haematoxylin_strength: 0.96,
        eosin_strength: 0.97,
        thickness: 0.98,
        blur_um: 0.26,
        white: [245.0, 243.0, 240.0],
    },
];

impl StainBatch {
    /// This slide's own small deviation from its batch.
    pub(crate) fn jittered(mut self, dice: &mut Dice) -> Self {
        self.haematoxylin_strength *= 1.0 + 0.015 * dice.bell();
        self.eosin_strength *= 1.0 + 0.015 * dice.bell();
        self.thickness *= 1.0 + 0.015 * dice.bell();
        self.blur_um *= 1.0 + 0.03 * dice.bell();
        for channel in self.haematoxylin.iter_mut().chain(&mut self.eosin) {
            *channel += 0.003 * dice.bell();
        }
        for channel in &mut self.white {
            *channel = (*channel + 0.5 * dice.bell()).min(252.0);
        }
        self
    }

    /// Beer–Lambert absorption, blur and sensor noise (standard deviation about 1.3 grey levels).
    pub(crate) fn photograph(
        &self,
        canvas: &Canvas,
        size_px: u32,
        px_per_um: f32,
        dice: &mut Dice,
    ) -> RgbImage {
        let size = size_px as usize;
        let haem = self
            .haematoxylin
            .map(|c| c * self.haematoxylin_strength * self.thickness);
        let eosin = self.eosin.map(|c| c * self.eosin_strength * self.thickness);
        let kernel = gaussian((self.blur_um * px_per_um).max(0.3));
        let salt = dice.bits();
        let mut image = RgbImage::new(size_px, size_px);
        let bytes: &mut [u8] = &mut image;
        for channel in 0..3 {
            let light: Vec<f32> = canvas
                .dyes
                .iter()
                .map(|dye| {
                    self.white[channel]
                        * (-(dye.haem * haem[channel] + dye.eosin * eosin[channel])).exp()
                })
                .collect();
            let light = blur(&light, size, &kernel);
            for (pixel, light) in light.iter().enumerate() {
                let noise = grain(salt ^ (pixel as u32 * 3 + channel as u32));
                bytes[pixel * 3 + channel] = (light + noise + 0.5).clamp(0.0, 255.0) as u8;
            }
        }
        image
    }
}

/// Separable blur; at the edges the outermost pixel is repeated.
fn blur(light: &[f32], size: usize, kernel: &[f32]) -> Vec<f32> {
    let reach = kernel.len() / 2;
    let mut along = vec![0.0; light.len()];
    let mut padded = vec![0.0; size + 2 * reach];
    for (row, out) in light.chunks_exact(size).zip(along.chunks_exact_mut(size)) {
        padded[reach..reach + size].copy_from_slice(row);
        padded[..reach].fill(row[0]);
        padded[reach + size..].fill(row[size - 1]);
        for (tap, weight) in kernel.iter().enumerate() {
            for (out, value) in out.iter_mut().zip(&padded[tap..]) {
                *out += weight * value;
            }
        }
    }
    let mut both = vec![0.0; light.len()];
    for (y, out) in both.chunks_exact_mut(size).enumerate() {
        for (tap, weight) in kernel.iter().enumerate() {
            let row = (y + tap).saturating_sub(reach).min(size - 1);
            for (out, value) in out.iter_mut().zip(&along[row * size..]) {
                *out += weight * value;
            }
        }
    }
    both
}

/// Noise of a pixel from its number: bell-shaped, about 1.3 grey levels.
#[inline]
fn grain(number: u32) -> f32 {
    let mut bits = number.wrapping_mul(0x9E37_79B1);
    bits = (bits ^ (bits >> 15)).wrapping_mul(0x85EB_CA77);
    bits = (bits ^ (bits >> 13)).wrapping_mul(0xC2B2_AE3D);
    bits ^= bits >> 16;
    let sum = (bits & 0xFF) + ((bits >> 8) & 0xFF) + ((bits >> 16) & 0xFF) + (bits >> 24);
    (sum as f32 - 510.0) / 113.0
}
