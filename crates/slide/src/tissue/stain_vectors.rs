//! The stain vectors of a slide, estimated from its pixels after Macenko et al. 2009 ("A method for normalizing histology
//! slides for quantitative analysis", IEEE ISBI, 1107–1110): optical densities of two stains lie in a plane, between the
//! directions of the two.

use domain::stain::{Glass, StainEstimate, StainVector, Stains, WHITE, optical_density};

use super::{TissueMask, stain};
use crate::error::SlideError;
use crate::slide::Slide;

/// Resolution of the pixels that are looked at: a nucleus is a few across, and a scanner's noise is averaged out.
const SAMPLE_UM_PER_PX: f64 = 2.0;
/// Sides of the squares that are read, px; smaller ones where the tissue has no room for larger.
const SAMPLE_SIDES_PX: [u32; 3] = [128, 32, 8];
/// Most squares, spread evenly over the tissue.
const MOST_SAMPLES: usize = 64;
/// β of the paper: an optical density (base 10) shorter than this is glass, or too pale to tell its direction.
const LEAST_DENSITY: f64 = 0.15;
/// α of the paper: so many of the angles lie beyond the directions that are taken, at either end.
const BEYOND: f64 = 0.01;
/// What is darker than this in any channel says no more how much was absorbed.
const LEAST_LIGHT: u8 = 8;
/// Fewer stained pixels say nothing.
const LEAST_PIXELS: usize = 1000;
/// Directions nearer to each other are one stain and noise. Those of H&E are 26° (our phantoms) to 39° (Ruifrok and
/// Johnston) apart.
const LEAST_ANGLE_DEGREES: f64 = 12.0;

impl Slide {
    /// Estimates the stain vectors from the slide's tissue, the same each time. Blocks; not for async threads.
    ///
    /// # Errors
    /// [`SlideError::Read`] when a part of the file is damaged. That the vectors cannot be told is an answer, not an error.
    pub fn stain_estimate(&self) -> Result<StainEstimate, SlideError> {
        let (mpp, bounds) = (self.mpp(), self.pyramid().bounds());
        let um_per_px = SAMPLE_UM_PER_PX.max(mpp.x).max(mpp.y);
        let thumbnail = self.mask_thumbnail()?;
        let glass = stain::glass_colour(&thumbnail);
        let light = Light::through(glass.unwrap_or(WHITE));
        let mask = TissueMask::of_thumbnail(&thumbnail, bounds, mpp);
        drop(thumbnail);

        let mut densities = Vec::new();
        for side_px in SAMPLE_SIDES_PX {
            let grid = mask.tile_grid(side_px, um_per_px)?;
            let count = grid.len().min(MOST_SAMPLES);
            for sample in 0..count {
                let image = self.tile_region(&grid, sample * grid.len() / count, side_px)?;
                densities.extend(image.pixels().filter_map(|pixel| light.density(pixel.0)));
            }
            if count > 0 {
                break;
            }
        }
        let estimated = estimate(&densities);
        Ok(StainEstimate {
            stains: estimated.ok(),
            glass,
            pixels: u32::try_from(densities.len()).unwrap_or(u32::MAX),
            um_per_px,
            problem: estimated.err().map(str::to_owned),
        })
    }
}

/// From what a camera saw to what was absorbed.
struct Light {
    /// Optical density by channel and grey level.
    densities: [[f64; 256]; 3],
}

impl Light {
    fn through(glass: Glass) -> Self {
        Self {
            densities: glass
                .map(|glass| std::array::from_fn(|value| optical_density(value as u8, glass))),
        }
    }

    /// The optical density of a pixel; `None` where it is too small or too great to tell its direction.
    fn density(&self, pixel: [u8; 3]) -> Option<[f64; 3]> {
        let density: [f64; 3] =
            std::array::from_fn(|channel| self.densities[channel][usize::from(pixel[channel])]);
        let is_told = length(density) >= LEAST_DENSITY && pixel.iter().all(|&v| v >= LEAST_LIGHT);
        is_told.then_some(density)
    }
}

/// The stains whose mixtures the densities are, or why they cannot be told.
fn estimate(densities: &[[f64; 3]]) -> Result<Stains, &'static str> {
    if densities.len() < LEAST_PIXELS {
        return Err(
            "Too little of the slide is stained to estimate its stain vectors. Choose one of the presets.",
        );
    }
    let [first, second] = plane(densities);
    // The first axis points into the octant of all densities, so no angle is near the ends of the half turn.
    let mut angles: Vec<f64> = densities
        .iter()
        .map(|&density| dot(density, second).atan2(dot(density, first)))
        .collect();
    let low = quantile(&mut angles, BEYOND);
    let high = quantile(&mut angles, 1.0 - BEYOND);
    if high - low < LEAST_ANGLE_DEGREES.to_radians() {
        return Err(
            "Only one stain can be told apart on this slide, so there are no two vectors to estimate. Choose one of the presets.",
        );
    }
    let towards = |angle: f64| {
        let (sin, cos) = angle.sin_cos();
        // No stain gives light; what is below zero is noise.
        let vector: StainVector =
            std::array::from_fn(|channel| (cos * first[channel] + sin * second[channel]).max(0.0));
        vector.map(|value| value / length(vector).max(f64::MIN_POSITIVE))
    };
    let (one, other) = (towards(low), towards(high));
    // Haematoxylin is blue: of the two it absorbs more of the red.
    let (haematoxylin, eosin) = if one[0] > other[0] {
        (one, other)
    } else {
        (other, one)
    };
    Ok(Stains {
        haematoxylin,
        eosin,
    })
}

/// Two axes of length 1, at right angles, of the plane through the origin that the densities lie nearest to. The first
/// points their way.
///
/// These are the leading eigenvectors of the sum of the outer products: not of the covariance, whose plane need not pass
/// through the origin, where no stain is.
fn plane(densities: &[[f64; 3]]) -> [[f64; 3]; 2] {
    let mut moments = [[0.0; 3]; 3];
    for density in densities {
        for (row, &value) in moments.iter_mut().zip(density) {
            for (cell, &other) in row.iter_mut().zip(density) {
                *cell += value * other;
            }
        }
    }
    let first = leading(&moments);
    let first = if first.iter().sum::<f64>() < 0.0 {
        first.map(|value| -value)
    } else {
        first
    };
    // Without what lies along the first, the second leads.
    let along = dot(times(&moments, first), first);
    for (row, &value) in moments.iter_mut().zip(&first) {
        for (cell, &other) in row.iter_mut().zip(&first) {
            *cell -= along * value * other;
        }
    }
    [first, leading(&moments)]
}

/// The eigenvector of a symmetric matrix without negative eigenvalues that belongs to the greatest, by repeated squaring:
/// all columns turn towards it.
fn leading(matrix: &[[f64; 3]; 3]) -> [f64; 3] {
    let mut power = *matrix;
    for _ in 0..32 {
        let size = power
            .iter()
            .flatten()
            .fold(0.0f64, |most, &value| most.max(value.abs()));
        if size == 0.0 {
            break;
        }
        let scaled = power.map(|row| row.map(|value| value / size));
        // It is symmetric: its columns are its rows.
        power = scaled.map(|row| times(&scaled, row));
    }
    let longest = power
        .into_iter()
        .max_by(|one, other| length(*one).total_cmp(&length(*other)))
        .unwrap_or_default();
    longest.map(|value| value / length(longest).max(f64::MIN_POSITIVE))
}

/// The value that so large a share of the values are below.
fn quantile(values: &mut [f64], share: f64) -> f64 {
    let rank = (share * (values.len().max(1) - 1) as f64).round() as usize;
    let (_, value, _) = values.select_nth_unstable_by(rank, f64::total_cmp);
    *value
}

fn times(matrix: &[[f64; 3]; 3], vector: [f64; 3]) -> [f64; 3] {
    matrix.map(|row| dot(row, vector))
}

fn dot(one: [f64; 3], other: [f64; 3]) -> f64 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

fn length(vector: [f64; 3]) -> f64 {
    dot(vector, vector).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OpenOptions;
    use domain::geometry::Mpp;
    use domain::stain::StainSource;
    use image::{Rgb, RgbImage};

    const GLASS: [u8; 3] = [243, 241, 246];

    /// Numbers from 0 to 1, the same in every run.
    struct Dice(u64);

    impl Dice {
        fn roll(&mut self) -> f64 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 40) as f64 / (1u64 << 24) as f64
        }
    }

    /// What a camera sees of so much of both stains, with noise of about so many grey levels.
    fn pixel(stains: &Stains, amounts: [f64; 2], noise: f64, dice: &mut Dice) -> [u8; 3] {
        std::array::from_fn(|channel| {
            let density =
                amounts[0] * stains.haematoxylin[channel] + amounts[1] * stains.eosin[channel];
            let bell = (0..12).map(|_| dice.roll()).sum::<f64>() - 6.0;
            (f64::from(GLASS[channel]) * 10f64.powf(-density) + noise * bell)
                .round()
                .clamp(0.0, 255.0) as u8
        })
    }

    /// Nuclei, cytoplasm, mixtures of both and glass.
    fn tissue(stains: &Stains, noise: f64) -> Vec<[u8; 3]> {
        let mut dice = Dice(7);
        (0..60_000)
            .map(|number| {
                let strength = 0.25 + 0.7 * dice.roll();
                let share = dice.roll();
                let amounts = match number % 10 {
                    0 | 1 => [strength, 0.03 * share],
                    2..=4 => [0.03 * share, strength * 0.6],
                    5..=7 => [strength * share, strength * (1.0 - share)],
                    _ => [0.0, 0.0],
                };
                pixel(stains, amounts, noise, &mut dice)
            })
            .collect()
    }

    fn found(pixels: &[[u8; 3]]) -> Result<Stains, &'static str> {
        let light = Light::through(GLASS);
        let densities: Vec<_> = pixels
            .iter()
            .filter_map(|&pixel| light.density(pixel))
            .collect();
        estimate(&densities)
    }

    fn degrees(one: StainVector, other: StainVector) -> f64 {
        (dot(one, other) / length(one) / length(other))
            .min(1.0)
            .acos()
            .to_degrees()
    }

    #[test]
    fn known_vectors_are_recovered_within_a_few_degrees() {
        let ours = Stains {
            haematoxylin: [0.598, 0.708, 0.375],
            eosin: [0.182, 0.880, 0.439],
        };
        let presets =
            [StainSource::Ruifrok, StainSource::QuPath].map(|source| source.preset().unwrap());
        for (stains, noise) in presets
            .into_iter()
            .chain([ours])
            .flat_map(|stains| [(stains, 0.0), (stains, 1.5)])
        {
            let found = found(&tissue(&stains, noise)).unwrap();
            let (h, e) = (
                degrees(found.haematoxylin, stains.haematoxylin),
                degrees(found.eosin, stains.eosin),
            );
            assert!(
                h < 3.5 && e < 3.5,
                "noise {noise}: {h:.1}° and {e:.1}° off {stains:?}"
            );
            assert!((length(found.haematoxylin) - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn one_stain_is_told_from_two() {
        let mut stains = StainSource::QuPath.preset().unwrap();
        stains.eosin = stains.haematoxylin;
        for noise in [0.0, 1.5] {
            let problem = found(&tissue(&stains, noise)).unwrap_err();
            assert!(problem.starts_with("Only one stain"), "{noise}: {problem}");
        }
    }

    #[test]
    fn glass_and_black_tell_nothing() {
        for pixel in [GLASS, [250; 3], [0; 3]] {
            let problem = found(&vec![pixel; 50_000]).unwrap_err();
            assert!(problem.starts_with("Too little"), "{pixel:?}: {problem}");
        }
    }

    #[test]
    fn axes_of_the_plane_are_those_of_the_ellipsoid() {
        let mut points = Vec::new();
        for (a, b) in [(1.0, 0.2), (2.0, -0.2), (3.0, 0.1), (4.0, -0.05)] {
            points.push([0.6 * a, 0.8 * a, b]);
            points.push([0.6 * a, 0.8 * a, -b]);
        }
        let [first, second] = plane(&points);
        assert!(degrees(first, [0.6, 0.8, 0.0]) < 1e-4);
        assert!((second[2].abs() - 1.0).abs() < 1e-9);
    }

    fn slide(draw: impl Fn(u32, u32, &mut Dice) -> [u8; 3]) -> StainEstimate {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image.png");
        let mut dice = Dice(3);
        RgbImage::from_fn(900, 700, |x, y| Rgb(draw(x, y, &mut dice)))
            .save(&path)
            .unwrap();
        let slide = Slide::open(
            &path,
            OpenOptions {
                mpp: Some(Mpp::square(1.0)),
            },
        )
        .unwrap();
        let estimate = slide.stain_estimate().unwrap();
        assert_eq!(
            slide.stain_estimate().unwrap(),
            estimate,
            "not the same each time"
        );
        estimate
    }

    #[test]
    fn a_slide_says_its_stains_or_why_not() {
        let stains = StainSource::QuPath.preset().unwrap();
        let stained = slide(|x, y, dice| {
            let amounts = match (x / 12 + y / 12) % 3 {
                _ if x < 100 || y < 100 => [0.0, 0.0],
                0 => [0.7, 0.0],
                1 => [0.0, 0.5],
                _ => [0.2, 0.3],
            };
            pixel(&stains, amounts, 1.0, dice)
        });
        let found = stained.stains.unwrap();
        let is_near = |glass: [u8; 3]| (0..3).all(|at| glass[at].abs_diff(GLASS[at]) <= 3);
        assert!(stained.glass.is_some_and(is_near), "{:?}", stained.glass);
        assert!(
            degrees(found.haematoxylin, stains.haematoxylin) < 4.0,
            "{found:?}"
        );
        assert!(degrees(found.eosin, stains.eosin) < 4.0, "{found:?}");
        assert!(stained.pixels > 20_000 && stained.um_per_px == 2.0 && stained.problem.is_none());

        let full = slide(|_, _, dice| pixel(&stains, [0.3 + 0.3 * dice.roll(), 0.2], 1.0, dice));
        assert_eq!(full.glass, None, "a slide full of tissue shows no glass");

        // So pale that relative to anything darker than white it would not be told: 0.1525, and 0.1254 relative to 245.
        let pale = slide(|_, _, _| [224, 189, 224]);
        assert_eq!(pale.glass, None);
        assert!(pale.pixels > 20_000, "{} px", pale.pixels);

        let blank = slide(|_, _, dice| pixel(&stains, [0.0, 0.0], 1.0, dice));
        assert_eq!((blank.stains, blank.pixels), (None, 0));
        assert!(blank.problem.unwrap().starts_with("Too little"));
    }
}
