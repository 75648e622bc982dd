//! Predicts a slide with a model: e and v of every tile for the fold models that are entitled to speak, and what follows
//! from them per spot and slide, written in one transaction.

use anyhow::Context;
use domain::score::Terms;
use domain::view::PredictionView;
use model::predictor::{Bag, FoldModel};
use store::{NewPrediction, NewTerms, Predicted, Reading};

use super::JobContext;
use super::train::load;
use crate::cohorts::fold_key;

/// Predicts a slide with a model.
pub fn run(context: &JobContext, model_key: &str, slide: &str) -> anyhow::Result<()> {
    let store = context.store();
    let stored = context.wait(store.model(model_key))?;
    let slide = context.wait(store.slide_file(slide))?;
    let spots = context.wait(store.spots(slide.id))?;
    let bags = context.wait(store.bags(slide.id, stored.encoder))?;
    let allowed = context.wait(store.entitled(stored.id, slide.patient))?;
    let model = load(context, model_key)?;
    let mut speakers = Vec::with_capacity(allowed.len());
    for entitled in &allowed {
        let speaker = model
            .fold_models()
            .find(|fold| fold_key(fold.card.repeat, fold.card.fold) == entitled.key)
            .context("the model's file lacks a fold model that the database knows")?;
        speakers.push((entitled.id, speaker));
    }

    let total = speakers.len() * bags.len();
    let mut done = 0;
    // Per target and speaker: the terms of all spots so far.
    let mut whole_slide = vec![vec![Terms::default(); speakers.len()]; stored.targets.len()];
    let mut reading = Reading {
        model: stored.id,
        slide: slide.id,
        terms: Vec::new(),
        predictions: Vec::new(),
    };
    for (bag, spot) in bags.iter().zip(&spots) {
        let rows: Vec<f32> = context
            .files()
            .bag(&bag.file)?
            .read_all()?
            .into_iter()
            .map(f32::from)
            .collect();
        let mut of_spot = vec![vec![Terms::default(); speakers.len()]; stored.targets.len()];
        for (place, (id, speaker)) in speakers.iter().enumerate() {
            context.steps.at(done, total)?;
            // A slide without tissue has no tile to speak of.
            let terms = if rows.is_empty() {
                Vec::new()
            } else {
                speaker.terms(&Bag::new(&rows, bag.dim as usize)?)?
            };
            for (index, (target, terms)) in stored.targets.iter().zip(terms).enumerate() {
                whole_slide[index][place] = join(&whole_slide[index][place], &terms)?;
                of_spot[index][place] = terms.clone();
                reading.terms.push(NewTerms {
                    fold_model: *id,
                    target: *target,
                    grid: bag.grid,
                    terms,
                });
            }
            done += 1;
        }
        for (index, (target, terms)) in stored.targets.iter().zip(&of_spot).enumerate() {
            reading
                .predictions
                .extend(
                    predicted(&speakers, index, terms).map(|view| NewPrediction {
                        target: *target,
                        of: Predicted::Spot(spot.id),
                        view,
                        fold_models: speakers.len() as u32,
                    }),
                );
        }
    }
    for (index, (target, terms)) in stored.targets.iter().zip(&whole_slide).enumerate() {
        reading.predictions.extend(
            predicted(&speakers, index, terms).map(|view| NewPrediction {
                target: *target,
                of: Predicted::Slide(slide.id),
                view,
                fold_models: speakers.len() as u32,
            }),
        );
    }
    context.wait(store.put_reading(&reading))?;
    context.steps.at(total, total)?;
    Ok(())
}

/// Mean and range of score and calibrated probability over those who speak; none without a tile. Each fold model's score
/// is calibrated by its own calibration, fitted on patients that it had not seen.
fn predicted<Id>(
    speakers: &[(Id, FoldModel<'_>)],
    target: usize,
    terms: &[Terms],
) -> Option<PredictionView> {
    let mut scores = Vec::with_capacity(speakers.len());
    let mut probabilities = Vec::with_capacity(speakers.len());
    for ((_, speaker), terms) in speakers.iter().zip(terms) {
        let card = speaker.card.targets.get(target)?;
        let score = terms.score(&card.readout)?;
        probabilities.extend(
            card.calibration
                .map(|calibration| calibration.probability(score)),
        );
        scores.push(score);
    }
    let (score, spread) = mean_and_range(&scores)?;
    // One without a calibration would shift the mean: all of them or none.
    let probability = if probabilities.len() == scores.len() {
        mean_and_range(&probabilities)
    } else {
        None
    };
    Some(PredictionView {
        score,
        spread,
        probability: probability.map(|(mean, _)| mean),
        probability_spread: probability.and_then(|(_, range)| range),
    })
}

/// The range only where there is more than one: one model has no spread.
fn mean_and_range(values: &[f64]) -> Option<(f64, Option<(f64, f64)>)> {
    let low = values.iter().copied().reduce(f64::min)?;
    let high = values.iter().copied().reduce(f64::max)?;
    // Rounding must not carry the mean out of its range.
    let mean = (values.iter().sum::<f64>() / values.len() as f64).clamp(low, high);
    Some((mean, (values.len() > 1).then_some((low, high))))
}

/// Appends the tiles of one spot to those before.
fn join(before: &Terms, spot: &Terms) -> anyhow::Result<Terms> {
    let both = |a: &[f32], b: &[f32]| [a, b].concat();
    Ok(Terms::new(
        both(before.weight_logits(), spot.weight_logits()),
        both(before.values(), spot.values()),
    )?)
}
