//! Which pixels of a thumbnail are stained.

use domain::stain::{Glass, WHITE};
use image::RgbImage;

/// The threshold on colour is sought between these (of 255): below is the noise of glass, above are pale cytoplasm and
/// oedema that have to stay in.
const COLOUR_THRESHOLD: std::ops::RangeInclusive<u8> = 12..=20;
/// Darker than this (of 255, glass = 255) and at least a little coloured is stained whatever the threshold: dense nuclei.
const DARK: u8 = 120;
/// The little colour that tells a dense nucleus from the black of a scanner's border.
const DARK_COLOUR: u8 = 8;
/// Glass is at least this light, and its channels differ at most by this; pale eosin is darker in green.
const GLASS_LIGHT: u8 = 215;
const GLASS_TINT: u8 = 25;

/// For each pixel, row by row, whether it is stained.
pub(super) fn stained(thumbnail: &RgbImage) -> Vec<bool> {
    let glass = glass_colour(thumbnail).unwrap_or(WHITE);
    let relative: Vec<[u8; 3]> = thumbnail
        .pixels()
        .map(|pixel| relative_to(pixel.0, glass))
        .collect();
    let mut histogram = [0u64; 256];
    for &pixel in &relative {
        histogram[usize::from(colourfulness(pixel))] += 1;
    }
    let threshold = otsu(&histogram).clamp(*COLOUR_THRESHOLD.start(), *COLOUR_THRESHOLD.end());
    relative
        .into_iter()
        .map(|pixel| {
            let colour = colourfulness(pixel);
            let light = pixel.into_iter().max().unwrap_or(255);
            // No stain of a blood or marrow slide lets most green through; felt pens and mounting medium do.
            let is_green = pixel[1] > pixel[0] && pixel[1] > pixel[2];
            !is_green && (colour > threshold || (light < DARK && colour > DARK_COLOUR))
        })
        .collect()
}

/// The colour of light through glass: per channel the value that one pixel in twenty exceeds, if that is light and nearly
/// grey. A slide full of tissue has no glass to show, but its fat and gaps are as light; `None` where there are none of these
/// either.
pub(super) fn glass_colour(thumbnail: &RgbImage) -> Option<Glass> {
    let mut histograms = [[0u64; 256]; 3];
    for pixel in thumbnail.pixels() {
        for (histogram, &value) in histograms.iter_mut().zip(&pixel.0) {
            histogram[usize::from(value)] += 1;
        }
    }
    let pixels = u64::from(thumbnail.width()) * u64::from(thumbnail.height());
    let glass = histograms.map(|histogram| {
        let mut lighter = 0;
        let value = (0..=255u8).rev().find(|&value| {
            lighter += histogram[usize::from(value)];
            lighter * 20 >= pixels
        });
        value.unwrap_or(255)
    });
    let is_glass =
        glass.iter().all(|&value| value >= GLASS_LIGHT) && colourfulness(glass) <= GLASS_TINT;
    is_glass.then_some(glass)
}

/// Transmitted light as a share of that through glass, of 255.
fn relative_to(pixel: [u8; 3], glass: Glass) -> [u8; 3] {
    let mut relative = [0; 3];
    for ((out, value), white) in relative.iter_mut().zip(pixel).zip(glass) {
        *out = (u32::from(value) * 255 / u32::from(white)).min(255) as u8;
    }
    relative
}

/// How far the channels differ: zero for grey.
fn colourfulness(pixel: [u8; 3]) -> u8 {
    let (min, max) = pixel.into_iter().fold((255, 0), |(min, max), value| {
        (value.min(min), value.max(max))
    });
    max - min
}

/// The threshold that parts a histogram into two classes of least variance (Otsu 1979): values above it are the upper class.
fn otsu(histogram: &[u64; 256]) -> u8 {
    let total: u64 = histogram.iter().sum();
    let weighted = |(value, &count): (usize, &u64)| value as f64 * count as f64;
    let total_sum: f64 = histogram.iter().enumerate().map(weighted).sum();
    let (mut below, mut below_sum) = (0u64, 0.0);
    let mut best = (0.0, 0u8);
    for (value, &count) in (0u8..=255).zip(histogram) {
        below += count;
        below_sum += f64::from(value) * count as f64;
        let above = total - below;
        if below == 0 || above == 0 {
            continue;
        }
        let difference = below_sum / below as f64 - (total_sum - below_sum) / above as f64;
        let between = below as f64 * above as f64 * difference * difference;
        if between > best.0 {
            best = (between, value);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    fn stained_share(draw: impl Fn(u32, u32) -> [u8; 3]) -> f64 {
        let image = RgbImage::from_fn(64, 64, |x, y| Rgb(draw(x, y)));
        let stained = stained(&image);
        stained.iter().filter(|&&s| s).count() as f64 / stained.len() as f64
    }

    /// Noise of ±4, the same in every run.
    fn noisy(colour: [u8; 3], x: u32, y: u32) -> [u8; 3] {
        let mut state = x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503).wrapping_add(17);
        colour.map(|value| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            value
                .saturating_add((state >> 24) as u8 % 9)
                .saturating_sub(4)
        })
    }

    #[test]
    fn glass_is_no_tissue_whatever_its_tint() {
        for glass in [[255; 3], [243, 243, 244], [245, 240, 222], [225, 228, 232]] {
            assert_eq!(stained_share(|x, y| noisy(glass, x, y)), 0.0, "{glass:?}");
        }
    }

    #[test]
    fn stained_tissue_is_found_with_and_without_glass() {
        let eosin = [232, 170, 200];
        let nucleus = [90, 60, 130];
        let tissue = |x: u32, y: u32| {
            noisy(
                if (x / 3 + y / 3).is_multiple_of(4) {
                    nucleus
                } else {
                    eosin
                },
                x,
                y,
            )
        };
        assert_eq!(stained_share(tissue), 1.0);
        let half = stained_share(|x, y| {
            if x < 32 {
                tissue(x, y)
            } else {
                noisy([244; 3], x, y)
            }
        });
        assert!((half - 0.5).abs() < 0.01, "{half}");
        // Pale eosin beside dark nuclei: the nuclei must not push the threshold over the eosin.
        let pale = |x: u32, y: u32| {
            noisy(
                if x.is_multiple_of(2) {
                    nucleus
                } else {
                    [238, 205, 222]
                },
                x,
                y,
            )
        };
        assert_eq!(stained_share(pale), 1.0);
    }

    #[test]
    fn black_borders_and_green_pens_are_no_tissue() {
        assert_eq!(
            stained_share(|x, _| if x < 20 { [3, 2, 4] } else { [244; 3] }),
            0.0
        );
        assert_eq!(
            stained_share(|x, _| if x < 20 { [40, 150, 70] } else { [244; 3] }),
            0.0
        );
    }
}
