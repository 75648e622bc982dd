//! Trains a model on the phantom cohort: fold by fold, each kept as it is finished, so that a kill costs one fold at most.

use std::ops::ControlFlow;

use anyhow::Context;
use domain::ids::{Code, CodeError, TargetId};
use domain::view::Comparison;
use model::device::EncoderDevice;
use model::predictor::{Bag, ModelCard, TrainedModel};
use model::training::{Training, TrainingData, TrainingError, TrainingPatient};

use stats::auroc::paired_difference;
use store::StoreError;

use super::{Hopeless, JobContext, Stopped};
use crate::cohorts::{self, COLOUR_ONLY, MODELS};
use crate::report::{has_same_folds, paired};

/// Trains, saves and registers the model with this key.
pub fn run(context: &JobContext, key: &str) -> anyhow::Result<()> {
    let plan = MODELS
        .iter()
        .find(|model| model.key == key)
        .with_context(|| format!("no model is called {key}"))?;
    // Killed after the end, before anybody knew.
    if context.wait(context.store().model(key)).is_ok() && load(context, key).is_ok() {
        return forget_folds(context, key);
    }
    let encoder = context.wait(cohorts::ensure_encoder(context.store(), plan.encoder))?;
    let (cohort, targets) = context.wait(cohorts::ensure_phantom_cohort(context.store()))?;
    let target_ids: Vec<TargetId> = targets.iter().map(|(id, _)| *id).collect();
    let target_codes = targets
        .iter()
        .map(|(_, key)| key.parse())
        .collect::<Result<Vec<Code>, _>>()?;
    let examples = context.wait(context.store().training_set(cohort, encoder, &target_ids))?;

    let mut features = Vec::with_capacity(examples.len());
    for patient in &examples {
        context.steps.go_on()?;
        let mut rows = Vec::new();
        for bag in &patient.bags {
            rows.extend(
                context
                    .files()
                    .bag(&bag.file)?
                    .read_all()?
                    .into_iter()
                    .map(f32::from),
            );
        }
        features.push(rows);
    }
    let patients = examples
        .iter()
        .zip(&features)
        // Without tissue there is nothing to learn from.
        .filter(|(_, rows)| !rows.is_empty())
        .map(|(patient, rows)| {
            Ok(TrainingPatient {
                code: patient.code.parse()?,
                bag: Bag::new(rows, plan.encoder.dim)?,
                observations: patient.present.clone(),
            })
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let data = TrainingData::new(
        target_codes,
        plan.encoder.weights_sha256.to_owned(),
        patients,
    )
    .map_err(hopeless)?;
    let config = (plan.config)();
    let training = Training::new(&config, &data).map_err(hopeless)?;
    let device = EncoderDevice::flex().burn();

    let total = (0..training.n_folds())
        .map(|fold| training.cost(fold))
        .sum::<u64>();
    let mut before = 0;
    let mut folds = Vec::with_capacity(training.n_folds());
    for index in 0..training.n_folds() {
        let name = fold_file(key, index);
        let kept = context
            .files()
            .get(&name)
            .ok()
            .and_then(|bytes| training.fold_from_bytes(&bytes, &device).ok());
        let fold = match kept {
            Some(fold) => fold,
            None => {
                let mut stopped: Result<(), Stopped> = Ok(());
                let fitted = training.fit_fold(index, &device, &mut |progress| {
                    stopped = context
                        .steps
                        .at((before + progress.done) as usize, total as usize);
                    if stopped.is_ok() {
                        ControlFlow::Continue(())
                    } else {
                        ControlFlow::Break(())
                    }
                });
                stopped?;
                let fold = fitted?;
                context
                    .files()
                    .put(&name, &training.fold_to_bytes(&fold)?)?;
                fold
            }
        };
        folds.push(fold);
        before += training.cost(index);
        context.steps.at(before as usize, total as usize)?;
    }
    let trained = training.assemble(folds)?;
    let (weights, card) = trained.to_bytes()?;
    let weights_file = cohorts::model_file(key, model::predictor::WEIGHTS_FILE);
    context.files().put(&weights_file, &weights)?;
    context.files().put(
        &cohorts::model_file(key, model::predictor::CARD_FILE),
        &card,
    )?;
    let beyond_colour = beyond_colour(context, trained.card(), &examples)?;
    let patients = examples
        .iter()
        .map(|patient| Ok((patient.id, patient.code.parse()?)));
    let patients = patients.collect::<Result<Vec<_>, CodeError>>()?;
    context.wait(cohorts::add_model(
        context.store(),
        plan,
        cohort,
        encoder,
        &target_ids,
        &trained,
        &patients,
        &beyond_colour,
    ))?;
    forget_folds(context, key)
}

/// Per target how a model compares with the one that sees colours alone, where that is another one, trained already, and
/// tested on the same patients fold by fold.
fn beyond_colour(
    context: &JobContext,
    card: &ModelCard,
    examples: &[store::TrainingPatient],
) -> anyhow::Result<Vec<Option<Comparison>>> {
    let none = vec![None; card.targets.len()];
    let colour = match context.wait(context.store().model(COLOUR_ONLY)) {
        Ok(colour) => serde_json::from_value::<ModelCard>(colour.spec)?,
        Err(StoreError::NotFound { .. }) => return Ok(none),
        Err(error) => return Err(error.into()),
    };
    let is_itself = colour.weights_sha256 == card.weights_sha256;
    if is_itself || colour.targets != card.targets || !has_same_folds(&colour, card) {
        return Ok(none);
    }
    let compare = |target: usize| {
        let finding = |code: &str| {
            let patient = examples.iter().find(|patient| patient.code == code)?;
            patient.present.get(target).copied().flatten()
        };
        let found = paired_difference(&paired(card, &colour, target, finding)).ok()?;
        Some(Comparison {
            difference: cohorts::interval(found.value, found.interval),
            p: found.p,
        })
    };
    Ok((0..card.targets.len()).map(compare).collect())
}

/// A fold that is kept for the case of a kill.
fn fold_file(key: &str, index: usize) -> String {
    format!("models/{key}/fold-{index}.safetensors")
}

/// Deletes what was kept for the case of a kill.
fn forget_folds(context: &JobContext, key: &str) -> anyhow::Result<()> {
    let names: Vec<String> = (0..)
        .map(|index| fold_file(key, index))
        .take_while(|name| context.files().contains(name))
        .collect();
    // The last first: a kill in between leaves no gap.
    for name in names.iter().rev() {
        context.files().delete(name)?;
    }
    Ok(())
}

/// What is wrong with the data or the settings stays wrong.
fn hopeless(error: TrainingError) -> anyhow::Error {
    Hopeless(error.to_string()).into()
}

/// Reads a trained model back.
pub fn load(context: &JobContext, key: &str) -> anyhow::Result<TrainedModel> {
    let weights = context
        .files()
        .get(&cohorts::model_file(key, model::predictor::WEIGHTS_FILE))?;
    let card = context
        .files()
        .get(&cohorts::model_file(key, model::predictor::CARD_FILE))?;
    TrainedModel::from_bytes(&weights, &card, &EncoderDevice::flex().burn())
        .with_context(|| format!("model {key} cannot be read"))
}
