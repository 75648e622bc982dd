//! Training learns what is there, from the patients it may see, the same way each time.

mod predictor_planted;

use std::ops::ControlFlow;
use std::sync::LazyLock;

use burn::tensor::Device;
use domain::ids::Code;
use model::predictor::{FoldModel, TrainedModel};
use model::training::{
    AttentionConfig, Method, Progress, Training, TrainingConfig, TrainingData, TrainingError, fit,
};
use predictor_planted::{Planted, Sizes, code};

static COHORT: LazyLock<Planted> = LazyLock::new(|| {
    Planted::new(
        &Sizes {
            patients: 48,
            tiles: 20,
            dim: 64,
        },
        7,
    )
});

/// The defaults, on the small cohort.
static MODEL: LazyLock<TrainedModel> =
    LazyLock::new(|| train(&TrainingConfig::attention(1), &COHORT.data()));

/// As small as training can be, for what does not depend on learning.
fn short(seed: u64) -> TrainingConfig {
    with_attention(seed, AttentionConfig::default())
}

fn with_attention(seed: u64, attention: AttentionConfig) -> TrainingConfig {
    let attention = AttentionConfig {
        hidden_dim: 8,
        attention_dim: 4,
        max_epochs: 3,
        ..attention
    };
    TrainingConfig {
        inner_folds: 2,
        ..TrainingConfig::new(Method::GatedAttention(attention), seed)
    }
}

fn train(config: &TrainingConfig, data: &TrainingData) -> TrainedModel {
    fit(config, data, &Device::flex(), &mut |_| {
        ControlFlow::Continue(())
    })
    .expect("training works")
}

/// The one fold model that never saw a patient; there is one repeat.
fn only_entitled(patient: &Code) -> FoldModel<'static> {
    let entitled = MODEL.entitled(Some(patient));
    assert_eq!(entitled.len(), 1);
    entitled[0]
}

#[test]
fn a_planted_signal_is_learnt_out_of_fold_and_a_null_target_is_not() {
    let [planted, null, partial] = [0, 1, 2].map(|target| &MODEL.card().evaluation[target]);
    let planted = planted.auroc.as_ref().expect("there are pairs");
    assert!(planted.interval.lower > 0.5, "{planted:?}");
    let partial = partial.auroc.as_ref().expect("there are pairs");
    assert!(partial.interval.lower > 0.5, "{partial:?}");
    let null = null.auroc.as_ref().expect("there are pairs");
    assert!(
        null.interval.lower < 0.5 && null.interval.upper > 0.5,
        "{null:?}"
    );
    assert_eq!(null.scope.label(), Some("conditional on these models"));
}

#[test]
fn attention_goes_to_the_planted_tiles() {
    // Tile 0 is always shifted in patients with the finding; without any preference it would get 1/20.
    let data = COHORT.data();
    let mut attention = Vec::new();
    for (patient, observations) in data.patients().iter().zip(&COHORT.observations) {
        if observations[0] == Some(true) {
            let model = only_entitled(&patient.code);
            attention.push(model.terms(&patient.bag).expect("the bag fits")[0].attention()[0]);
        }
    }
    let mean = attention.iter().sum::<f64>() / attention.len() as f64;
    assert!(mean > 2.0 / 20.0, "{mean}");
}

#[test]
fn calibration_tells_the_planted_from_the_null_target() {
    let brier = |target: usize| MODEL.card().evaluation[target].brier.expect("calibrated");
    let share = |target: usize| {
        let found = &MODEL.card().evaluation[target];
        let share = found.n_positive as f64 / (found.n_positive + found.n_negative) as f64;
        share * (1.0 - share)
    };
    assert!(brier(0) < 0.8 * share(0), "{} {}", brier(0), share(0));
    // The null target's probabilities may be a little worse than the bare share, never confidently wrong.
    assert!(brier(1) < share(1) + 0.05, "{} {}", brier(1), share(1));
}

#[test]
fn the_card_counts_only_what_was_observed() {
    let partial = &MODEL.card().evaluation[2];
    let measured: Vec<bool> = COHORT
        .observations
        .iter()
        .filter_map(|own| own[2])
        .collect();
    let positive = measured.iter().filter(|&&finding| finding).count();
    assert_eq!(
        (partial.n_positive, partial.n_negative),
        (positive, measured.len() - positive)
    );
    assert!(measured.len() < COHORT.observations.len());
    for model in &MODEL.card().fold_models {
        let tested = |code: &Code| model.test_patients.contains(code);
        let data = COHORT.data();
        let in_training = data
            .patients()
            .iter()
            .filter(|patient| !tested(&patient.code));
        let positive = in_training
            .filter(|patient| patient.observations[2] == Some(true))
            .count();
        assert_eq!(model.targets[2].n_positive, positive);
    }
}

#[test]
fn readouts_are_those_of_the_training_patients() {
    let data = COHORT.data();
    for model in MODEL.fold_models() {
        let training = data
            .patients()
            .iter()
            .filter(|own| !model.card.test_patients.contains(&own.code));
        let terms: Vec<_> = training
            .map(|own| model.terms(&own.bag).expect("the bag fits").swap_remove(0))
            .collect();
        let reference = terms
            .iter()
            .map(|terms| terms.weighted_value().expect("tiles"))
            .sum::<f64>()
            / terms.len() as f64;
        let values: Vec<f64> = terms
            .iter()
            .flat_map(|terms| terms.values())
            .map(|&value| f64::from(value))
            .collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values
            .iter()
            .map(|value| (value - mean).powi(2))
            .sum::<f64>()
            / values.len() as f64;
        let readout = model.card.targets[0].readout;
        assert!((readout.reference - reference).abs() < 1e-9);
        assert!((readout.mean - mean).abs() < 1e-9 && (readout.sd - variance.sqrt()).abs() < 1e-9);
    }
}

#[test]
fn out_of_fold_scores_are_those_of_the_models_that_never_saw_the_patient() {
    let data = COHORT.data();
    assert_eq!(MODEL.card().out_of_fold.len(), data.patients().len());
    for patient in data.patients() {
        let model = only_entitled(&patient.code);
        let kept = MODEL
            .card()
            .out_of_fold
            .iter()
            .find(|entry| entry.patient == patient.code)
            .expect("everybody");
        assert_eq!(
            (kept.repeat, kept.fold),
            (model.card.repeat, model.card.fold)
        );
        for (target, terms) in model
            .terms(&patient.bag)
            .expect("the bag fits")
            .iter()
            .enumerate()
        {
            let card = &model.card.targets[target];
            let score = terms.score(&card.readout).expect("there are tiles");
            assert!((score - kept.scores[target]).abs() < 1e-9);
            let probability = card.calibration.map(|platt| platt.probability(score));
            assert_eq!(probability, kept.probabilities[target]);
        }
    }
}

#[test]
fn one_seed_gives_one_model_and_another_seed_another() {
    let data = COHORT.data();
    let first = train(&short(1), &data).to_bytes().expect("the CPU works");
    let again = train(&short(1), &data).to_bytes().expect("the CPU works");
    let other = train(&short(2), &data).to_bytes().expect("the CPU works");
    assert!(first == again, "weights or card differ between two runs");
    assert_ne!(first.0, other.0);
}

#[test]
fn a_fold_model_does_not_depend_on_the_features_of_its_test_patients() {
    let changed_patient = 5;
    let mut changed = Planted {
        dim: COHORT.dim,
        features: COHORT.features.clone(),
        observations: COHORT.observations.clone(),
    };
    for feature in &mut changed.features[changed_patient] {
        *feature = 3.0 - *feature;
    }
    let weights = |model: &TrainedModel, index: usize| {
        let bag = COHORT.data().patients()[0].bag;
        model
            .fold_models()
            .nth(index)
            .expect("a fold")
            .terms(&bag)
            .expect("the bag fits")
    };
    let before = train(&short(4), &COHORT.data());
    let after = train(&short(4), &changed.data());
    let patient = code(&format!("P-{:04}", changed_patient + 1));
    for (index, card) in before.card().fold_models.iter().enumerate() {
        let never_saw = card.test_patients.contains(&patient);
        assert_eq!(
            weights(&before, index) == weights(&after, index),
            never_saw,
            "fold {index}"
        );
    }
}

#[test]
fn a_training_that_is_taken_up_again_gives_the_same_model() {
    let (config, data, device) = (short(9), COHORT.data(), Device::flex());
    let whole = train(&config, &data).to_bytes().expect("the CPU works");
    let mut kept = Vec::new();
    // In any order, each fold by a process that knows of the others only by their files.
    for index in [3, 0, 4, 2, 1] {
        let training = Training::new(&config, &data).expect("valid");
        let fold = training
            .fit_fold(index, &device, &mut |_| ControlFlow::Continue(()))
            .expect("training works");
        kept.push(training.fold_to_bytes(&fold).expect("the CPU works"));
    }
    let training = Training::new(&config, &data).expect("valid");
    let mut folds: Vec<_> = kept
        .iter()
        .map(|bytes| training.fold_from_bytes(bytes, &device).expect("whole"))
        .collect();
    folds.sort_by_key(model::training::FittedFold::index);
    let resumed = training
        .assemble(folds)
        .expect("all folds are there")
        .to_bytes()
        .expect("the CPU works");
    assert_eq!(whole.0, resumed.0);

    let foreign = Training::new(&config, &data).expect("valid");
    assert!(matches!(
        foreign.assemble(Vec::new()),
        Err(TrainingError::ForeignFolds)
    ));
    let other = short(10);
    let other = Training::new(&other, &data).expect("valid");
    assert!(matches!(
        other.fold_from_bytes(&kept[0], &device),
        Err(TrainingError::ForeignFolds)
    ));
    assert!(training.fold_from_bytes(&kept[0][..100], &device).is_err());
}

#[test]
fn progress_only_rises_and_ends_complete() {
    let mut seen: Vec<Progress> = Vec::new();
    fit(
        &short(1),
        &COHORT.data(),
        &Device::flex(),
        &mut |progress| {
            seen.push(progress);
            ControlFlow::Continue(())
        },
    )
    .expect("training works");
    assert!(seen.is_sorted_by_key(|progress| progress.done));
    assert!(seen.iter().all(|progress| progress.total == seen[0].total));
    let last = seen.last().expect("there was progress");
    assert_eq!(last.done, last.total);
    assert!(seen.len() > 100);
}

#[test]
fn cancelling_stops_at_the_next_step() {
    let mut calls = 0;
    let result = fit(&short(1), &COHORT.data(), &Device::flex(), &mut |_| {
        calls += 1;
        if calls == 10 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    assert!(matches!(result, Err(TrainingError::Cancelled)));
    assert_eq!(calls, 10);
}

#[test]
fn what_cannot_be_trained_is_refused_with_a_reason() {
    let refused = |config: TrainingConfig| {
        let error = Training::new(&config, &COHORT.data()).expect_err("the setting is wrong");
        error.to_string()
    };
    assert_eq!(
        refused(TrainingConfig {
            folds: 1,
            ..short(1)
        }),
        "the setting 'folds' must be at least 2"
    );
    assert_eq!(
        refused(with_attention(
            1,
            AttentionConfig {
                hidden_dropout: 1.0,
                ..AttentionConfig::default()
            }
        )),
        "the setting 'hidden_dropout' must be from 0 to below 1"
    );
    assert_eq!(
        refused(TrainingConfig {
            folds: 49,
            ..short(1)
        }),
        "48 patients are too few, 49 are needed"
    );

    let mut lonely = Planted::new(
        &Sizes {
            patients: 12,
            tiles: 2,
            dim: 16,
        },
        1,
    );
    for (index, own) in lonely.observations.iter_mut().enumerate() {
        own[1] = Some(index == 0);
    }
    let patients = lonely
        .data_or_error()
        .expect_err("one positive is too few")
        .to_string();
    assert_eq!(
        patients,
        "target 'null' has 1 patients with and 11 without the finding; 2 of each are needed"
    );
}

#[test]
fn data_that_contradict_themselves_are_refused() {
    let data = COHORT.data();
    let patient = data.patients()[0].clone();
    let new = |patients: Vec<_>| {
        TrainingData::new(vec![code("a")], String::new(), patients).expect_err("wrong")
    };
    let twice = new(vec![
        model::training::TrainingPatient {
            observations: vec![None],
            ..patient.clone()
        },
        model::training::TrainingPatient {
            observations: vec![None],
            ..patient.clone()
        },
    ]);
    assert!(matches!(twice, TrainingError::PatientTwice { .. }));
    assert!(matches!(
        new(vec![patient]),
        TrainingError::WrongObservations {
            expected: 1,
            found: 3,
            ..
        }
    ));
    assert!(matches!(new(vec![]), TrainingError::TooFewPatients { .. }));
}
