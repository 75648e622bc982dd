//! How strongly a slide is stained: the levels that parts of it are told apart by, from a sample of its regions.
//!
//! They are found once per slide and not per region, so that a nucleus is the same nucleus in whichever region it is seen.

use serde::{Deserialize, Serialize};

use crate::error::CompositionError;
use crate::optics::Optics;
use crate::region::{Planes, Region};

/// Bounds of the level between nuclei and the rest: below is cytoplasm of plasma cells, above even dark nuclei end.
const HAEMATOXYLIN: std::ops::RangeInclusive<f32> = 0.12..=0.6;
/// Otsu's threshold lies half-way to the dark nuclei, of which there are most; pale ones end a little below.
const PALE_NUCLEI: f32 = 0.9;
const EOSIN: std::ops::RangeInclusive<f32> = 0.06..=0.6;
/// Otsu's threshold lies half-way to ordinary tissue; pale ground substance ends below.
const PALE_TISSUE: f32 = 0.85;
/// The film in fat cells may be above the lower, pale ground substance is below the upper.
const BRIGHT: std::ops::RangeInclusive<f32> = 0.03..=0.075;
/// Stain vectors that are a little off make pure eosin a little haematoxylin, or less than none.
const PURE: std::ops::RangeInclusive<f32> = -0.12..=0.15;
/// Pixels of so much eosin, of that of ordinary tissue, say what pure eosin is: so large a share has less haematoxylin.
const PURE_EOSIN: f32 = 0.85;
const PURE_SHARE: f64 = 0.05;
/// What is taken where nothing is stained, so that nothing is found there either.
const UNSTAINED: Levels = Levels {
    haematoxylin: 0.3,
    eosin: 0.15,
    bright: 0.042,
    pure_eosin: 0.0,
};

/// How strongly a slide is stained, optical density (base 10).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Levels {
    /// Smoothed haematoxylin above this is nucleus.
    pub haematoxylin: f32,
    /// Eosin of the middle pixel of tissue that is no nucleus.
    pub eosin: f32,
    /// Mean density of red, green and blue below which nothing is stained: glass, and the film that fat leaves.
    pub bright: f32,
    /// Haematoxylin over eosin of what holds eosin only: 0 where the stain vectors are exact.
    pub pure_eosin: f32,
}

/// Counts the pixels of regions to find a slide's [`Levels`].
#[derive(Clone, Debug)]
pub struct Sampler {
    optics: Optics,
    /// Pixels by smoothed haematoxylin and mean density.
    by_density: Vec<[u64; STEPS]>,
    /// Pixels that are not bright, by smoothed haematoxylin and eosin.
    by_eosin: Vec<[u64; STEPS]>,
    /// The same by haematoxylin over eosin and eosin.
    by_ratio: Vec<[u64; STEPS]>,
}

/// Steps of the histograms: this much optical density each.
const STEP: f32 = 0.01;
const STEPS: usize = 150;
/// Ratios start below zero and rise by the same steps.
const LEAST_RATIO: f32 = -0.5;

impl Sampler {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(optics: Optics) -> Self {
        let empty = vec![[0; STEPS]; STEPS];
        Self {
            optics,
            by_density: empty.clone(),
            by_eosin: empty.clone(),
            by_ratio: empty,
        }
    }

    /// Looks at a region. Some ten of 500 µm, spread over the tissue, are enough.
    ///
    /// # Errors
    /// As [`Region::check`].
    pub fn add(&mut self, region: &Region<'_>) -> Result<(), CompositionError> {
        region.check()?;
        let planes = Planes::of(region, &self.optics);
        let pixels = planes
            .smooth_haematoxylin
            .values
            .iter()
            .zip(&planes.smooth_eosin.values)
            .zip(&planes.density.values);
        for ((&haematoxylin, &eosin), &density) in pixels {
            self.by_density[step(haematoxylin)][step(density)] += 1;
            if density > UNSTAINED.bright {
                self.by_eosin[step(haematoxylin)][step(eosin)] += 1;
                self.by_ratio[step(haematoxylin / eosin.max(STEP) - LEAST_RATIO)][step(eosin)] += 1;
            }
        }
        Ok(())
    }

    /// What was found. Thresholds are Otsu's (1979, "A threshold selection method from gray-level histograms", IEEE Trans
    /// Syst Man Cybern 9, 62–66).
    #[must_use]
    pub fn levels(&self) -> Levels {
        let haematoxylin: Vec<u64> = self.by_eosin.iter().map(|row| row.iter().sum()).collect();
        let Some(nuclei) = otsu(&haematoxylin) else {
            return UNSTAINED;
        };
        let densities = sums(&self.by_density[..=nuclei]);
        let eosin = quantile(&sums(&self.by_eosin[..=nuclei]), 0.5)
            .map_or(UNSTAINED.eosin, value)
            .clamp(*EOSIN.start(), *EOSIN.end());
        let strong = step(PURE_EOSIN * eosin);
        let ratios: Vec<u64> = self
            .by_ratio
            .iter()
            .map(|row| row[strong..].iter().sum())
            .collect();
        Levels {
            haematoxylin: (PALE_NUCLEI * value(nuclei))
                .clamp(*HAEMATOXYLIN.start(), *HAEMATOXYLIN.end()),
            eosin,
            bright: otsu(&densities)
                .map_or(UNSTAINED.bright, |step| PALE_TISSUE * value(step))
                .clamp(*BRIGHT.start(), *BRIGHT.end()),
            pure_eosin: quantile(&ratios, PURE_SHARE)
                .map_or(UNSTAINED.pure_eosin, |ratio| value(ratio) + LEAST_RATIO)
                .clamp(*PURE.start(), *PURE.end()),
        }
    }
}

fn step(density: f32) -> usize {
    ((density / STEP) as usize).min(STEPS - 1)
}

fn value(step: usize) -> f32 {
    (step as f32 + 0.5) * STEP
}

/// Over all rows.
fn sums(rows: &[[u64; STEPS]]) -> [u64; STEPS] {
    let mut sums = [0; STEPS];
    for row in rows {
        for (sum, &count) in sums.iter_mut().zip(row) {
            *sum += count;
        }
    }
    sums
}

/// The bin below whose end at least this share lies; `None` of nothing.
fn quantile(histogram: &[u64], share: f64) -> Option<usize> {
    let all: u64 = histogram.iter().sum();
    let mut seen = 0;
    (all > 0).then_some(())?;
    histogram.iter().position(|&count| {
        seen += count;
        seen as f64 >= share * all as f64
    })
}

/// The last bin of the lower of the two classes of least variance; `None` where all is in one bin.
fn otsu(histogram: &[u64]) -> Option<usize> {
    let total: u64 = histogram.iter().sum();
    let sum: f64 = histogram
        .iter()
        .enumerate()
        .map(|(value, &count)| value as f64 * count as f64)
        .sum();
    let (mut below, mut below_sum) = (0u64, 0.0);
    let mut best = (0.0, None);
    for (value, &count) in histogram.iter().enumerate() {
        below += count;
        below_sum += value as f64 * count as f64;
        let above = total - below;
        if below == 0 || above == 0 {
            continue;
        }
        let apart = below_sum / below as f64 - (sum - below_sum) / above as f64;
        let between = below as f64 * above as f64 * apart * apart;
        if between > best.0 {
            best = (between, Some(value));
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn otsu_parts_two_hills_and_says_so_when_there_is_one_bin() {
        let mut histogram = [0; 40];
        for (at, count) in [(4, 50), (5, 90), (6, 40), (28, 20), (30, 30), (31, 10)] {
            histogram[at] = count;
        }
        assert_eq!(otsu(&histogram), Some(6));
        let mut one = [0; 40];
        one[7] = 5;
        assert_eq!(otsu(&one), None);
        assert_eq!(otsu(&[0; 40]), None);
    }

    #[test]
    fn a_quantile_of_nothing_is_none() {
        assert_eq!(quantile(&[0, 0], 0.5), None);
        assert_eq!(quantile(&[1, 0, 2, 1], 0.5), Some(2));
    }
}
