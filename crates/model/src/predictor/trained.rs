//! A model: the fold models of one training run with their card.

use burn::tensor::Device;
use domain::ids::Code;
use domain::score::Terms;
use sha2::{Digest, Sha256};

use super::architecture::{Architecture, Predictor};
use super::bag::Bag;
use super::card::{CARD_FORMAT, FoldModelCard, ModelCard};
use super::error::PredictorError;
use super::weights;

/// The fold models of one training run.
#[derive(Debug, Clone)]
pub struct TrainedModel {
    card: ModelCard,
    predictors: Vec<Predictor>,
}

/// One fold model of a [`TrainedModel`].
#[derive(Debug, Clone, Copy)]
pub struct FoldModel<'a> {
    /// Its place in the model.
    pub index: usize,
    /// What the card says of it: test patients, readouts, calibrations.
    pub card: &'a FoldModelCard,
    predictor: &'a Predictor,
}

impl FoldModel<'_> {
    /// e and v of every tile of a bag, one [`Terms`] per target in the model's order.
    ///
    /// # Errors
    /// When the bag was made by another encoder, or the device fails.
    pub fn terms(&self, bag: &Bag) -> Result<Vec<Terms>, PredictorError> {
        Ok(self.predictor.terms(bag)?)
    }
}

impl TrainedModel {
    /// Puts networks and card together, checking that they fit; sets the card's hash of the weights.
    pub(crate) fn new(
        mut card: ModelCard,
        predictors: Vec<Predictor>,
    ) -> Result<Self, PredictorError> {
        card.weights_sha256 = sha256_hex(&weights::to_safetensors(
            &predictors.iter().collect::<Vec<_>>(),
            None,
        )?);
        let model = Self { card, predictors };
        model.check()?;
        Ok(model)
    }

    /// The card.
    pub fn card(&self) -> &ModelCard {
        &self.card
    }

    /// All fold models, repeat after repeat, fold after fold.
    pub fn fold_models(&self) -> impl ExactSizeIterator<Item = FoldModel<'_>> {
        self.card
            .fold_models
            .iter()
            .zip(&self.predictors)
            .enumerate()
            .map(|(index, (card, predictor))| FoldModel {
                index,
                card,
                predictor,
            })
    }

    /// The fold models that may speak about a patient: for a patient of the training cohort those that never saw them, one
    /// per repeat; for anybody else (`None`, or a code that is not in the cohort) all.
    ///
    /// A code says nothing about its cohort, so pass `None` for a patient of another one.
    pub fn entitled(&self, training_patient: Option<&Code>) -> Vec<FoldModel<'_>> {
        let never_saw = |model: &FoldModel| {
            training_patient.is_some_and(|patient| model.card.test_patients.contains(patient))
        };
        let never_saw: Vec<_> = self.fold_models().filter(never_saw).collect();
        if never_saw.is_empty() {
            self.fold_models().collect()
        } else {
            never_saw
        }
    }

    /// The contents of `weights.safetensors` and `model.json`, for whoever keeps files elsewhere than in a folder.
    ///
    /// # Errors
    /// When the device fails.
    pub fn to_bytes(&self) -> Result<(Vec<u8>, Vec<u8>), PredictorError> {
        let weights = weights::to_safetensors(&self.predictors.iter().collect::<Vec<_>>(), None)?;
        let mut card = serde_json::to_vec_pretty(&self.card).map_err(PredictorError::Card)?;
        card.push(b'\n');
        Ok((weights, card))
    }

    /// Reads what [`TrainedModel::to_bytes`] wrote.
    ///
    /// # Errors
    /// When one of them is damaged, or they do not belong together.
    pub fn from_bytes(
        weights: &[u8],
        card: &[u8],
        device: &Device,
    ) -> Result<Self, PredictorError> {
        /// The one field that every format has.
        #[derive(serde::Deserialize)]
        struct AnyFormat {
            format: u32,
        }
        #[derive(serde::Deserialize)]
        struct AnyPredictor {
            architecture: AnyArchitecture,
        }
        #[derive(serde::Deserialize)]
        struct AnyArchitecture {
            predictor: String,
        }
        let AnyFormat { format } = serde_json::from_slice(card).map_err(PredictorError::Card)?;
        if format != CARD_FORMAT {
            return Err(PredictorError::UnknownFormat {
                found: format,
                known: CARD_FORMAT,
            });
        }
        let AnyPredictor { architecture } =
            serde_json::from_slice(card).map_err(PredictorError::Card)?;
        if !Architecture::NAMES.contains(&architecture.predictor.as_str()) {
            return Err(PredictorError::UnknownPredictor {
                found: architecture.predictor,
            });
        }
        let card: ModelCard = serde_json::from_slice(card).map_err(PredictorError::Card)?;
        let predictors =
            weights::from_safetensors(weights, &card.architecture, card.fold_models.len(), device)?;
        // After the shapes: what differs is the more useful message.
        let found = sha256_hex(weights);
        if found != card.weights_sha256 {
            return Err(PredictorError::WrongWeights {
                expected: card.weights_sha256,
                found,
            });
        }
        let model = Self { card, predictors };
        model.check()?;
        Ok(model)
    }

    fn check(&self) -> Result<(), PredictorError> {
        let equal = |what, expected: usize, found: usize| {
            if expected == found {
                Ok(())
            } else {
                Err(PredictorError::WrongCount {
                    what,
                    expected,
                    found,
                })
            }
        };
        let targets = self.card.targets.len();
        equal(
            "predictors",
            self.card.fold_models.len(),
            self.predictors.len(),
        )?;
        equal("outputs", targets, self.card.architecture.n_targets())?;
        equal("evaluations", targets, self.card.evaluation.len())?;
        for model in self.fold_models() {
            equal("targets in a fold model", targets, model.card.targets.len())?;
            let offsets = model.predictor.offsets()?;
            for ((target, card), offset) in self
                .card
                .targets
                .iter()
                .zip(&model.card.targets)
                .zip(offsets)
            {
                // The card's offset is what scores are computed with: it must be the network's own, to the last digit of f32.
                if card.readout.offset as f32 != offset {
                    return Err(PredictorError::WrongOffset {
                        fold_model: model.index,
                        target: target.to_string(),
                    });
                }
            }
        }
        Ok(())
    }
}

pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
