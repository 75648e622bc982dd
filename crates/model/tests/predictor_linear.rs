//! Predictors without attention: what they learn of planted signals, and that everything else of a model is theirs, too.

use std::ops::ControlFlow;
use std::sync::LazyLock;

use burn::tensor::Device;
use domain::score::Scale;
use model::predictor::TrainedModel;
use model::training::{Method, Training, TrainingConfig, fit};

mod predictor_planted;
use predictor_planted::{Planted, Sizes};

static COHORT: LazyLock<Planted> = LazyLock::new(|| {
    Planted::new(
        &Sizes {
            patients: 60,
            tiles: 20,
            dim: 32,
        },
        11,
    )
});

static MEAN_POOLING: LazyLock<TrainedModel> =
    LazyLock::new(|| trained(&TrainingConfig::new(Method::MeanPooling, 1)));

static ELASTIC_NET: LazyLock<TrainedModel> =
    LazyLock::new(|| trained(&TrainingConfig::new(Method::ElasticNet { alpha: 0.5 }, 1)));

fn trained(config: &TrainingConfig) -> TrainedModel {
    fit(config, &COHORT.data(), &Device::flex(), &mut |_| {
        ControlFlow::Continue(())
    })
    .expect("training works")
}

#[test]
fn both_learn_the_planted_signal_and_neither_the_null_target() {
    for model in [&MEAN_POOLING, &ELASTIC_NET] {
        let of = |target: usize| {
            let evaluation = &model.card().evaluation[target];
            (
                evaluation.auroc.as_ref().expect("there are pairs"),
                evaluation,
            )
        };
        let (planted, evaluation) = of(0);
        assert!(planted.interval.lower > 0.5, "{planted:?}");
        assert!(evaluation.p.expect("tested") < 0.01);
        assert!(evaluation.adjusted_p >= evaluation.p);
        assert!(evaluation.scaled_brier.expect("calibrated") > 0.0);
        let precision = evaluation
            .average_precision
            .as_ref()
            .expect("there are pairs");
        assert!(precision.value > 1.0 / 3.0, "{precision:?}");
        let (partial, _) = of(2);
        assert!(partial.interval.lower > 0.5, "{partial:?}");
        let (null, _) = of(1);
        assert!(
            null.interval.lower < 0.5 && null.interval.upper > 0.5,
            "{null:?}"
        );
    }
}

#[test]
fn every_tile_has_the_same_weight_and_the_score_follows_from_the_terms() {
    for (model, scale) in [
        (&MEAN_POOLING, Scale::Logit),
        (&ELASTIC_NET, Scale::Probability),
    ] {
        let data = COHORT.data();
        for patient in data.patients().iter().take(6) {
            let [speaker] = model.entitled(Some(&patient.code))[..] else {
                panic!("one fold model has never seen a patient");
            };
            let terms = speaker.terms(&patient.bag).expect("the bag fits");
            let said = model
                .card()
                .out_of_fold
                .iter()
                .find(|entry| entry.patient == patient.code)
                .expect("everybody is tested once");
            for (target, terms) in terms.iter().enumerate() {
                let readout = speaker.card.targets[target].readout;
                assert_eq!(readout.scale, scale);
                assert!(terms.weight_logits().iter().all(|&e| e == 0.0));
                let score = terms.score(&readout).expect("there are tiles");
                assert!((score - said.scores[target]).abs() < 1e-9);
                if scale == Scale::Probability {
                    assert!(terms.values().iter().all(|v| (0.0..=1.0).contains(v)));
                }
            }
        }
    }
}

#[test]
fn the_penalty_is_the_one_with_the_least_loss_on_the_inner_folds() {
    for fold in &ELASTIC_NET.card().fold_models {
        let path = &fold.targets[0].path;
        let chosen: Vec<_> = path.iter().filter(|point| point.chosen).collect();
        let [chosen] = chosen[..] else {
            panic!("one penalty is chosen, not {}", chosen.len());
        };
        assert!(path.iter().all(|point| point.loss >= chosen.loss));
        assert!(path.windows(2).all(|pair| pair[0].lambda > pair[1].lambda));
        assert!(chosen.non_zero > 0, "the planted signal is used");
        assert_eq!(fold.epochs, None);
    }
}

#[test]
fn a_model_comes_back_from_its_files_and_a_fold_from_its_own() {
    for model in [&MEAN_POOLING, &ELASTIC_NET] {
        let (weights, card) = model.to_bytes().expect("numbers");
        let back = TrainedModel::from_bytes(&weights, &card, &Device::flex()).expect("the same");
        let data = COHORT.data();
        let bag = data.patients()[0].bag;
        for (one, other) in model.fold_models().zip(back.fold_models()) {
            assert_eq!(one.terms(&bag).unwrap(), other.terms(&bag).unwrap());
        }
    }
    let config = TrainingConfig::new(Method::MeanPooling, 1);
    let data = COHORT.data();
    let training = Training::new(&config, &data).unwrap();
    let fold = training
        .fit_fold(0, &Device::flex(), &mut |_| ControlFlow::Continue(()))
        .unwrap();
    let bytes = training.fold_to_bytes(&fold).unwrap();
    assert!(training.fold_from_bytes(&bytes, &Device::flex()).is_ok());
    let other = TrainingConfig::new(Method::MeanPooling, 2);
    let other = Training::new(&other, &data).unwrap();
    assert!(other.fold_from_bytes(&bytes, &Device::flex()).is_err());
}

#[test]
fn models_of_one_fold_seed_are_tested_on_the_same_patients() {
    let folds = |model: &TrainedModel| -> Vec<_> {
        let of_fold = |fold: &model::predictor::FoldModelCard| fold.test_patients.clone();
        model.card().fold_models.iter().map(of_fold).collect()
    };
    let other = trained(&TrainingConfig::new(Method::MeanPooling, 99));
    assert_eq!(folds(&MEAN_POOLING), folds(&ELASTIC_NET));
    assert_eq!(folds(&MEAN_POOLING), folds(&other));
}

#[test]
fn an_alpha_that_makes_no_sense_is_refused() {
    let config = TrainingConfig::new(Method::ElasticNet { alpha: 1.5 }, 1);
    let error = Training::new(&config, &COHORT.data()).expect_err("alpha is a share");
    assert_eq!(error.to_string(), "the setting 'alpha' must be from 0 to 1");
}
