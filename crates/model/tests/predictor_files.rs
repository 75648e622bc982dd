//! A model's files: what comes back is what was written, and nothing else is accepted.

mod predictor_planted;

use std::ops::ControlFlow;
use std::sync::LazyLock;

use burn::tensor::Device;
use model::predictor::{Bag, CARD_FILE, PredictorError, TrainedModel, WEIGHTS_FILE};
use model::training::{AttentionConfig, Method, TrainingConfig, fit};
use predictor_planted::{Planted, Sizes, code};
use serde_json::{Value, json};

static COHORT: LazyLock<Planted> = LazyLock::new(|| {
    Planted::new(
        &Sizes {
            patients: 18,
            tiles: 4,
            dim: 16,
        },
        1,
    )
});

static MODEL: LazyLock<TrainedModel> = LazyLock::new(|| {
    let attention = AttentionConfig {
        hidden_dim: 8,
        attention_dim: 4,
        max_epochs: 2,
        ..AttentionConfig::default()
    };
    let config = TrainingConfig {
        folds: 3,
        inner_folds: 2,
        repeats: 2,
        ..TrainingConfig::new(Method::GatedAttention(attention), 3)
    };
    fit(&config, &COHORT.data(), &Device::flex(), &mut |_| {
        ControlFlow::Continue(())
    })
    .expect("training works")
});

fn bytes() -> (Vec<u8>, Vec<u8>) {
    MODEL.to_bytes().expect("the CPU works")
}

/// Reads the model with a changed card.
fn with_card(change: impl FnOnce(&mut Value)) -> Result<TrainedModel, PredictorError> {
    let (weights, card) = bytes();
    let mut card = serde_json::from_slice(&card).expect("JSON");
    change(&mut card);
    TrainedModel::from_bytes(&weights, card.to_string().as_bytes(), &Device::flex())
}

#[track_caller]
fn assert_refused(result: Result<TrainedModel, PredictorError>, message: &str) {
    let error = result.expect_err("the file is wrong").to_string();
    assert!(
        error.contains(message),
        "'{error}' does not say '{message}'"
    );
}

#[test]
fn a_loaded_model_gives_the_very_same_terms() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("models").join("first");
    MODEL.save(&path).expect("the disk works");
    let loaded = TrainedModel::load(&path, &Device::flex()).expect("the files are whole");
    let bag = Bag::new(&COHORT.features[0], COHORT.dim).expect("whole tiles");
    assert_eq!(loaded.fold_models().len(), 6);
    for (saved, loaded) in MODEL.fold_models().zip(loaded.fold_models()) {
        assert_eq!(
            saved.terms(&bag).expect("the bag fits"),
            loaded.terms(&bag).expect("the bag fits")
        );
    }
    assert_eq!(loaded.card().weights_sha256, MODEL.card().weights_sha256);
    assert_eq!(loaded.card().training, MODEL.card().training);
    assert_eq!(
        loaded.card().fold_models.len(),
        MODEL.card().fold_models.len()
    );
    let mut names: Vec<_> = std::fs::read_dir(&path)
        .expect("the folder is there")
        .map(|entry| {
            entry
                .expect("readable")
                .file_name()
                .into_string()
                .expect("UTF-8")
        })
        .collect();
    names.sort();
    assert_eq!(names, [CARD_FILE, WEIGHTS_FILE]);
}

#[test]
fn saving_again_replaces_the_model() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    MODEL.save(folder.path()).expect("the disk works");
    MODEL.save(folder.path()).expect("the disk works");
    TrainedModel::load(folder.path(), &Device::flex()).expect("the files are whole");
}

#[test]
fn every_training_patient_is_heard_only_from_models_that_never_saw_them() {
    for patient in COHORT.data().patients() {
        let entitled = MODEL.entitled(Some(&patient.code));
        assert_eq!(entitled.len(), 2, "one per repeat");
        assert_ne!(entitled[0].card.repeat, entitled[1].card.repeat);
        assert!(
            entitled
                .iter()
                .all(|model| model.card.test_patients.contains(&patient.code))
        );
    }
    assert_eq!(MODEL.entitled(None).len(), 6);
    assert_eq!(MODEL.entitled(Some(&code("SKIN-1"))).len(), 6);
}

#[test]
fn the_card_says_where_the_model_comes_from() {
    let (_, card) = bytes();
    let card: Value = serde_json::from_slice(&card).expect("JSON");
    assert_eq!(card["architecture"]["predictor"], "gated-attention");
    assert_eq!(card["architecture"]["input_dim"], 16);
    assert_eq!(card["encoder_sha256"], "ab".repeat(32));
    assert_eq!(card["training_data_sha256"], COHORT.data().sha256());
    assert_eq!(card["training"]["seed"], 3);
    assert_eq!(card["software"]["name"], "marrowscope");
    assert_eq!(card["targets"], json!(["planted", "null", "partial"]));
}

#[test]
fn other_shapes_are_refused_by_name() {
    assert_refused(
        with_card(|card| card["architecture"]["hidden_dim"] = json!(9)),
        "the tensor 'fold_models.0.trunk_weight' is F32 [16, 8], the model card's architecture needs F32 [16, 9]",
    );
    assert_refused(
        with_card(|card| {
            card["fold_models"].as_array_mut().expect("a list").pop();
        }),
        "unexpected tensor 'fold_models.5.",
    );
    assert_refused(
        with_card(|card| {
            let models = card["fold_models"].as_array_mut().expect("a list");
            models.push(models[0].clone());
        }),
        "lack the tensor 'fold_models.6.trunk_weight'",
    );
}

#[test]
fn parts_that_do_not_belong_together_are_refused() {
    assert_refused(
        with_card(|card| card["weights_sha256"] = json!("00")),
        "the model card names 00",
    );
    assert_refused(
        with_card(|card| card["targets"] = json!(["planted"])),
        "3 outputs, 1 are expected",
    );
    assert_refused(
        with_card(|card| card["fold_models"][2]["targets"][1]["readout"]["offset"] = json!(123.0)),
        "the offset of fold model 2 and target 'null' differs",
    );
}

#[test]
fn an_unknown_format_or_predictor_is_refused_before_anything_else() {
    assert_refused(
        with_card(|card| *card = json!({"format": 1})),
        "format 1, this version reads format 2",
    );
    assert_refused(
        with_card(|card| card["architecture"]["predictor"] = json!("mean-pooling")),
        "'mean-pooling' is not known",
    );
}

#[test]
fn damaged_files_are_refused() {
    let (weights, card) = bytes();
    let device = Device::flex();
    assert_refused(
        TrainedModel::from_bytes(&weights, b"", &device),
        "the model card is not valid",
    );
    assert_refused(
        TrainedModel::from_bytes(&weights, &card[..card.len() / 2], &device),
        "the model card is not valid",
    );
    assert_refused(
        TrainedModel::from_bytes(&[], &card, &device),
        "not a safetensors file",
    );
    assert_refused(
        TrainedModel::from_bytes(&weights[..weights.len() - 1], &card, &device),
        "not a safetensors file",
    );
    let mut flipped = weights.clone();
    let last = flipped.len() - 1;
    flipped[last] ^= 1;
    assert_refused(
        TrainedModel::from_bytes(&flipped, &card, &device),
        "the weights have SHA-256",
    );
    let mut infinite = weights;
    let end = infinite.len();
    infinite[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    assert_refused(
        TrainedModel::from_bytes(&infinite, &card, &device),
        "not finite",
    );
}

#[test]
fn a_missing_file_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    MODEL.save(folder.path()).expect("the disk works");
    std::fs::remove_file(folder.path().join(WEIGHTS_FILE)).expect("it was there");
    assert_refused(
        TrainedModel::load(folder.path(), &Device::flex()),
        WEIGHTS_FILE,
    );
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("a-file");
    std::fs::write(&file, b"in the way").expect("the disk works");
    let error = MODEL
        .save(&file.join("below"))
        .expect_err("a file is no folder")
        .to_string();
    assert!(error.contains("a-file"), "{error}");
}
