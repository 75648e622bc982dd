//! The cohorts that the server makes by itself, and the words for them. Every function here may be repeated.

use std::path::Path;

use domain::ids::{CohortId, EncoderId, ModelId, TargetId};
use domain::view::{Comparison, Evaluation, Interval, Sign};
use model::encoder::{COLOUR, EFFICIENTNET_LITE0, EncoderInfo};
use model::predictor::TrainedModel;
use model::training::{Method, TrainingConfig};
use phantom::{Patient, TARGETS, Truth};
use store::{
    FoldKey, NewCohort, NewEncoder, NewFoldModel, NewModel, NewModelTarget, NewObservation,
    NewSlide, NewSpecimen, NewTarget, Observed, Store, StoreError, Subject, TakenAt,
};

use crate::import::Checked;

/// Key of the phantom cohort.
pub const PHANTOM: &str = "phantom";
/// Where all chance in the phantom cohort comes from.
pub const PHANTOM_SEED: u64 = 20_211_001;
/// Resolution of phantom spots, µm/px.
pub const PHANTOM_MPP: f64 = 0.5;
/// Code of the sample slide.
pub const SAMPLE_SLIDE: &str = "SKIN-1";
/// Key of the model that sees colours alone.
pub const COLOUR_ONLY: &str = "colour-1";
/// SHA-256 of the sample slide's file.
pub const SAMPLE_SHA256: &str = "ed92d5a9f2e86df67640d6f92ce3e231419ce127131697fbbce42ad5e002c8a7";
/// Name of the sample slide in the assets folder.
pub const SAMPLE_FILE: &str = "cmu_small_region.svs";

/// A model of the first run.
pub struct PlannedModel {
    /// Its key.
    pub key: &'static str,
    /// Its title.
    pub title: &'static str,
    /// What it is fitted by, in words.
    pub predictor: &'static str,
    /// What its bags are made of.
    pub encoder: &'static EncoderInfo,
    /// Where it stands in menus; those further on are trained first.
    pub place: i32,
    /// How it is trained.
    pub config: fn() -> TrainingConfig,
}

/// The one that sees colours alone is what all others are shown against; two that differ by chance alone show how much that is.
pub const MODELS: [PlannedModel; 4] = [
    PlannedModel {
        key: COLOUR_ONLY,
        title: "Colour only",
        predictor: "Mean pooling",
        encoder: &COLOUR,
        place: 3,
        config: || TrainingConfig::new(Method::MeanPooling, 1),
    },
    PlannedModel {
        key: "mean-1",
        title: "Mean pooling",
        predictor: "Mean pooling",
        encoder: &EFFICIENTNET_LITE0,
        place: 2,
        config: || TrainingConfig::new(Method::MeanPooling, 1),
    },
    PlannedModel {
        key: "attention-1",
        title: "Gated attention, seed 1",
        predictor: "Gated attention",
        encoder: &EFFICIENTNET_LITE0,
        place: 0,
        config: || TrainingConfig::attention(1),
    },
    PlannedModel {
        key: "attention-2",
        title: "Gated attention, seed 2",
        predictor: "Gated attention",
        encoder: &EFFICIENTNET_LITE0,
        place: 1,
        config: || TrainingConfig::attention(2),
    },
];

/// Code of a phantom patient's slide.
pub fn phantom_slide_code(patient: &str) -> String {
    format!("PH-{}", patient.trim_start_matches("P-"))
}

/// Whether a code is one that the phantom cohort gives its patients: `P-` and digits.
pub fn is_phantom_patient(code: &str) -> bool {
    let number = code.strip_prefix("P-");
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

/// Name of a model's file in the file store.
pub fn model_file(key: &str, file: &str) -> String {
    format!("models/{key}/{file}")
}

/// The encoders of the first run in the database. The colours first: of a slide that is seen to have its features they are
/// there, too.
pub async fn ensure_encoders(
    store: &Store,
) -> Result<[(EncoderId, &'static EncoderInfo); 2], StoreError> {
    Ok([
        (ensure_encoder(store, &COLOUR).await?, &COLOUR),
        (
            ensure_encoder(store, &EFFICIENTNET_LITE0).await?,
            &EFFICIENTNET_LITE0,
        ),
    ])
}

/// An encoder in the database.
pub async fn ensure_encoder(
    store: &Store,
    info: &'static EncoderInfo,
) -> Result<EncoderId, StoreError> {
    let encoder = NewEncoder {
        key: info.key.to_owned(),
        title: info.title.to_owned(),
        sha256: info.weights_sha256.to_owned(),
        dim: info.dim as u32,
        tile_px: info.tile_size_px as u32,
        mpp: info.tile_mpp,
    };
    store.put_encoder(&encoder).await
}

/// Registers the sample slide, used where it lies.
pub async fn add_sample_slide(
    store: &Store,
    path: &Path,
    checked: Checked,
) -> Result<(), StoreError> {
    let cohort = NewCohort {
        key: "sample".into(),
        title: "Sample slide".into(),
        synthetic: false,
    };
    let cohort = store.put_cohort(&cohort).await?;
    let patient = store.put_patient(cohort, "OPENSLIDE-1").await?;
    let specimen = NewSpecimen {
        patient,
        code: "OPENSLIDE-1-D".into(),
        taken_at: TakenAt::Diagnosis,
    };
    let specimen = store.put_specimen(&specimen).await?;
    let source = "CMU-1-Small-Region of the OpenSlide test data, free to use and distribute: H&E skin, Aperio, 20×.";
    let slide = NewSlide {
        code: SAMPLE_SLIDE.into(),
        tissue: "skin".into(),
        source: source.into(),
        ..checked.new_slide(specimen, path.to_string_lossy().into_owned())
    };
    store.put_slide(&slide).await?;
    Ok(())
}

/// Registers a drawn spot with its patient, what is known of them, and what was planted.
pub async fn add_phantom_slide(
    store: &Store,
    patient: &Patient,
    file: &str,
    checked: Checked,
    truth: &Truth,
) -> anyhow::Result<()> {
    let (cohort, targets) = ensure_phantom_cohort(store).await?;
    let patient_id = store.put_patient(cohort, &patient.code).await?;
    let specimen = NewSpecimen {
        patient: patient_id,
        code: format!("{}-D", patient.code),
        taken_at: TakenAt::Diagnosis,
    };
    let specimen = store.put_specimen(&specimen).await?;
    for (target, key) in &targets {
        if let Some(observed) = patient.observation(key) {
            let observation = NewObservation {
                target: *target,
                of: Observed::Specimen(specimen),
                present: observed.positive,
                allele_frequency: observed
                    .allele_frequency
                    .map(|share| (f64::from(share) * 1000.0).round() / 1000.0),
            };
            store.put_observation(&observation).await?;
        }
    }
    let slide = NewSlide {
        code: phantom_slide_code(&patient.code),
        tissue: "marrow".into(),
        source: "Synthetic: drawn by Marrowscope, not photographed. No patient, no biopsy.".into(),
        ..checked.new_slide(specimen, file.to_owned())
    };
    let (slide, _) = store.put_slide(&slide).await?;
    for spot in store.spots(slide).await? {
        store
            .put_planted_truth(spot.id, &serde_json::to_value(truth)?)
            .await?;
    }
    Ok(())
}

/// The phantom cohort with its targets and signs.
pub async fn ensure_phantom_cohort(
    store: &Store,
) -> Result<(CohortId, Vec<(TargetId, &'static str)>), StoreError> {
    let cohort = NewCohort {
        key: PHANTOM.into(),
        title: "Synthetic marrow".into(),
        synthetic: true,
    };
    let cohort = store.put_cohort(&cohort).await?;
    let mut targets = Vec::with_capacity(TARGETS.len());
    for target in &TARGETS {
        let new = NewTarget {
            key: target.key.into(),
            title: target.name.into(),
            kind: target.kind,
            subject: Subject::Specimen,
        };
        let id = store.put_target(&new).await?;
        let citation = (!target.citation.is_empty()).then(|| target.citation.to_owned());
        store
            .put_sign(
                cohort,
                id,
                &Sign {
                    kind: target.sign,
                    text: target.text.into(),
                    citation,
                },
            )
            .await?;
        targets.push((id, target.key));
    }
    Ok((cohort, targets))
}

/// Registers a trained model. `beyond_colour`: one per target.
#[expect(
    clippy::too_many_arguments,
    reason = "the row of a model and all that hangs on it"
)]
pub async fn add_model(
    store: &Store,
    plan: &PlannedModel,
    cohort: CohortId,
    encoder: EncoderId,
    targets: &[TargetId],
    trained: &TrainedModel,
    patients: &[(domain::ids::PatientId, domain::ids::Code)],
    beyond_colour: &[Option<Comparison>],
) -> anyhow::Result<ModelId> {
    let card = trained.card();
    let held_out = card
        .fold_models
        .iter()
        .flat_map(|fold| {
            fold.test_patients
                .iter()
                .map(move |code| (code, fold_key(fold.repeat, fold.fold)))
        })
        .filter_map(|(code, key)| {
            patients
                .iter()
                .find(|(_, known)| known == code)
                .map(|(id, _)| (*id, key))
        })
        .collect();
    let fold_models = card
        .fold_models
        .iter()
        .map(|fold| NewFoldModel {
            key: fold_key(fold.repeat, fold.fold),
            file: model_file(plan.key, model::predictor::WEIGHTS_FILE),
            sha256: card.weights_sha256.clone(),
            readouts: fold.targets.iter().map(|target| target.readout).collect(),
        })
        .collect();
    let evaluations = targets.iter().zip(&card.evaluation).zip(beyond_colour).map(
        |((&target, evaluation), &beyond_colour)| NewModelTarget {
            target,
            evaluation: Evaluation {
                positives: evaluation.n_positive as u32,
                negatives: evaluation.n_negative as u32,
                auroc: evaluation
                    .auroc
                    .as_ref()
                    .map(|auroc| interval(auroc.value, auroc.interval)),
                p: evaluation.p,
                adjusted_p: evaluation.adjusted_p,
                average_precision: evaluation
                    .average_precision
                    .as_ref()
                    .and_then(|found| Some(interval(found.value, found.interval?))),
                brier: evaluation.brier,
                scaled_brier: evaluation.scaled_brier,
                calibration_slope: evaluation
                    .calibration_slope
                    .map(|found| interval(found.value, found.interval)),
                calibration_intercept: evaluation
                    .calibration_intercept
                    .map(|found| interval(found.value, found.interval)),
                beyond_colour,
            },
        },
    );
    let new = NewModel {
        key: plan.key.into(),
        title: plan.title.into(),
        predictor: plan.predictor.into(),
        cohort,
        encoder,
        seed: card.training.seed,
        data_sha256: card.training_data_sha256.clone(),
        spec: serde_json::to_value(card)?,
        place: plan.place,
        targets: evaluations.collect(),
        fold_models,
        held_out,
    };
    Ok(store.put_model(&new).await?)
}

/// An estimate with its interval, in the words of the screen.
pub fn interval(estimate: f64, stats::Interval { lower, upper }: stats::Interval) -> Interval {
    Interval {
        estimate,
        low: lower,
        high: upper,
    }
}

/// Which fold of which repeat, in the database's words.
pub fn fold_key(repeat: usize, fold: usize) -> FoldKey {
    FoldKey {
        repeat: repeat as u32,
        fold: fold as u32,
    }
}
