//! Made-up patients with a signal planted in a few of their tiles.

use domain::ids::Code;
use model::predictor::Bag;
use model::training::{TrainingData, TrainingError, TrainingPatient};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Features and observations of made-up patients, for three targets: `planted` (in patients with it some tiles are shifted),
/// `null` (a coin), and `partial` (as `planted`, but measured in two patients out of three only).
pub struct Planted {
    pub dim: usize,
    pub features: Vec<Vec<f32>>,
    pub observations: Vec<Vec<Option<bool>>>,
}

/// Sizes of a made-up cohort.
pub struct Sizes {
    pub patients: usize,
    pub tiles: usize,
    pub dim: usize,
}

impl Planted {
    /// One patient in three has the planted finding: every tenth tile of theirs, on average, is shifted in an eighth of the
    /// features by two standard deviations.
    pub fn new(sizes: &Sizes, seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let (mut features, mut observations) = (Vec::new(), Vec::new());
        for patient in 0..sizes.patients {
            let finding = patient % 3 == 0;
            let mut bag = Vec::with_capacity(sizes.tiles * sizes.dim);
            for tile in 0..sizes.tiles {
                let shifted = finding && (tile == 0 || random.random_bool(0.1));
                for feature in 0..sizes.dim {
                    // Sum of three uniforms: close enough to normal, standard deviation 1. Features have unlike scales.
                    let noise: f32 = (0..3).map(|_| random.random_range(-1.0_f32..1.0)).sum();
                    let shift = if shifted && feature < sizes.dim / 8 {
                        2.0
                    } else {
                        0.0
                    };
                    bag.push((noise + shift) * (1.0 + (feature % 7) as f32) + 10.0);
                }
            }
            features.push(bag);
            let measured = patient % 9 < 6;
            observations.push(vec![
                Some(finding),
                Some(random.random_bool(0.4)),
                measured.then_some(finding),
            ]);
        }
        Self {
            dim: sizes.dim,
            features,
            observations,
        }
    }

    /// As training takes it.
    pub fn data(&self) -> TrainingData<'_> {
        self.data_or_error().expect("the made-up data are valid")
    }

    /// As training takes it, if it does.
    pub fn data_or_error(&self) -> Result<TrainingData<'_>, TrainingError> {
        let patients = self
            .features
            .iter()
            .zip(&self.observations)
            .enumerate()
            .map(|(index, (features, observations))| TrainingPatient {
                code: code(&format!("P-{:04}", index + 1)),
                bag: Bag::new(features, self.dim).expect("whole tiles"),
                observations: observations.clone(),
            })
            .collect();
        TrainingData::new(
            ["planted", "null", "partial"].map(code).to_vec(),
            "ab".repeat(32),
            patients,
        )
    }
}

/// A code that is known to be valid.
pub fn code(text: &str) -> Code {
    text.parse().expect("a valid code")
}
