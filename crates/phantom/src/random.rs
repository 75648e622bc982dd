//! Chance from named streams: the same seed and stream give the same numbers on every machine, in any order of drawing.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What a patient's stream of chance is for. Streams are apart so that, for example, more megakaryocytes do not move the
/// fat cells.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// Stain, blur, thickness and noise of one spot.
    Optics = 1,
    /// Bone, fat cells, sinusoids, clefts.
    Ground = 2,
    /// Where cells lie and what they are.
    Cells = 3,
    /// How they are painted.
    Paint = 4,
}

/// A stream of chance.
#[derive(Clone, Debug)]
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream that belongs to the cohort as a whole.
    pub(crate) fn of_cohort(seed: u64, part: u64) -> Self {
        Self::stream(seed, part)
    }

    /// A stream of the patient with this index. Patient streams start above all cohort streams.
    pub(crate) fn of_patient(seed: u64, patient: usize, purpose: Purpose) -> Self {
        Self::stream(seed, ((patient as u64 + 1) << 16) | purpose as u64)
    }

    fn stream(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self(rng)
    }

    /// Uniform in [0, 1).
    pub(crate) fn unit(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 / 16_777_216.0
    }

    /// Uniform in [low, high).
    pub(crate) fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// True with this probability.
    pub(crate) fn chance(&mut self, probability: f32) -> bool {
        self.unit() < probability
    }

    /// Bell-shaped around 0 with standard deviation 1, within ±3: a sum of uniforms, so that no platform's logarithm
    /// has a say.
    pub(crate) fn bell(&mut self) -> f32 {
        2.0 * (self.unit() + self.unit() + self.unit() - 1.5)
    }

    /// A whole number in 0..n (0 when n is 0).
    pub(crate) fn below(&mut self, n: usize) -> usize {
        ((u64::from(self.0.next_u32()) * n as u64) >> 32) as usize
    }

    /// 32 random bits.
    pub(crate) fn bits(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// A direction as (cos, sin).
    pub(crate) fn direction(&mut self) -> [f32; 2] {
        turn(self.unit())
    }

    /// Index of a weight, with a probability proportional to it.
    pub(crate) fn weighted(&mut self, weights: &[f32]) -> usize {
        let mut left = self.unit() * weights.iter().sum::<f32>();
        for (index, weight) in weights.iter().enumerate() {
            left -= weight;
            if left < 0.0 {
                return index;
            }
        }
        weights.len().saturating_sub(1)
    }

    /// A random order of 0..n.
    pub(crate) fn order(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        for last in (1..n).rev() {
            order.swap(last, self.below(last + 1));
        }
        order
    }
}

/// (cos, sin) of a share of a full turn. Computed in f64 and rounded: the last bits, in which platforms differ, are gone.
pub(crate) fn turn(share: f32) -> [f32; 2] {
    let (sin, cos) = (f64::from(share) * std::f64::consts::TAU).sin_cos();
    [cos as f32, sin as f32]
}
