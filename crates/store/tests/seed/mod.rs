//! A small cohort with a trained model, as the jobs would store it.

use domain::geometry::{LevelInfo, Mpp, Pyramid, SlideRect, TileGrid};
use domain::ids::{CohortId, EncoderId, GridId, ModelId, PatientId, SlideId, SpotId, TargetId};
use domain::score::{Readout, Scale, Terms};
use domain::target::{SignKind, TargetKind};
use domain::view::{Evaluation, Interval, PredictionView, Sign};
use store::files::Stored;
use store::{
    FoldKey, NewCohort, NewEncoder, NewFoldModel, NewModel, NewModelTarget, NewObservation,
    NewPrediction, NewSlide, NewSpecimen, NewTarget, NewTerms, Observed, Predicted, Reading, Store,
    Subject, TakenAt,
};

/// One patient with a slide of one spot.
pub struct Patient {
    pub id: PatientId,
    pub code: String,
    pub slide: SlideId,
    pub spot: SpotId,
    pub grid: GridId,
}

/// Two targets, two patients in training (held out in folds 0 and 1), one stranger.
pub struct Seed {
    pub cohort: CohortId,
    pub encoder: EncoderId,
    pub targets: [TargetId; 2],
    pub patients: Vec<Patient>,
    pub stranger: Patient,
}

pub const TILES: u32 = 5;

pub fn grid() -> TileGrid {
    TileGrid {
        origin_x: 0.25,
        origin_y: 1.5,
        step_x: 224.5,
        step_y: 224.0,
        size_x: 224.5,
        size_y: 224.0,
        columns: 4,
        rows: 3,
        present: vec![0, 2, 3, 7, 11],
    }
}

pub fn pyramid() -> Pyramid {
    let level = |size| LevelInfo {
        width: size,
        height: size,
        tile_width: 256,
        tile_height: 256,
    };
    Pyramid {
        levels: vec![level(2048), level(512)],
    }
}

/// A hash that stands for a file.
pub fn hash(number: u64) -> String {
    format!("{number:064x}")
}

pub fn new_slide(specimen: domain::ids::SpecimenId, code: &str, sha256: String) -> NewSlide {
    NewSlide {
        specimen,
        code: code.to_owned(),
        sha256,
        path: format!("slides/{code}.tif"),
        bytes: 12_345,
        modified_ns: 1_700_000_000_123_456_789,
        format: "tiff".to_owned(),
        pyramid: pyramid(),
        mpp: Mpp::square(0.5),
        objective: Some(20.0),
        tissue: "marrow".to_owned(),
        source: "Drawn for a test.".to_owned(),
        spots: vec![SlideRect {
            x: 0.0,
            y: 0.0,
            width: 2048.0,
            height: 2048.0,
        }],
    }
}

async fn patient(store: &Store, cohort: CohortId, encoder: EncoderId, number: u64) -> Patient {
    let code = format!("P-{number:04}");
    let id = store.put_patient(cohort, &code).await.unwrap();
    let specimen = store
        .put_specimen(&NewSpecimen {
            patient: id,
            code: format!("{code}-D"),
            taken_at: TakenAt::Diagnosis,
        })
        .await
        .unwrap();
    let slide = new_slide(specimen, &format!("PH-{number:04}"), hash(number));
    let (slide, _) = store.put_slide(&slide).await.unwrap();
    let spot = store.spots(slide).await.unwrap()[0].id;
    let grid = store.put_grid(spot, 224, 0.5, &grid()).await.unwrap();
    let file = Stored {
        name: format!("bags/{number}.bag"),
        sha256: hash(100 + number),
        bytes: 1,
    };
    store
        .put_bag(grid, encoder, &file, TILES.into(), 1280)
        .await
        .unwrap();
    Patient {
        id,
        code,
        slide,
        spot,
        grid,
    }
}

impl Seed {
    /// Stores it; again is the same.
    pub async fn store(store: &Store) -> Self {
        let cohort = |key: &str, synthetic| NewCohort {
            key: key.to_owned(),
            title: format!("Cohort {key}"),
            synthetic,
        };
        let training = store.put_cohort(&cohort("phantom", true)).await.unwrap();
        let elsewhere = store.put_cohort(&cohort("real", false)).await.unwrap();
        let encoder = store
            .put_encoder(&NewEncoder {
                key: "lite0".to_owned(),
                title: "EfficientNet-Lite0".to_owned(),
                sha256: hash(99),
                dim: 1280,
                tile_px: 224,
                mpp: 0.5,
            })
            .await
            .unwrap();
        let target = |key: &str, subject| NewTarget {
            key: key.to_owned(),
            title: format!("Target {key}"),
            kind: TargetKind::Cytogenetic,
            subject,
        };
        let first = store
            .put_target(&target("del5q", Subject::Specimen))
            .await
            .unwrap();
        let second = store
            .put_target(&target("sex", Subject::Patient))
            .await
            .unwrap();
        let sign = Sign {
            kind: SignKind::Established,
            text: "Small megakaryocytes with one lobe".to_owned(),
            citation: Some("A book".to_owned()),
        };
        store.put_sign(training, first, &sign).await.unwrap();
        let seed = Self {
            cohort: training,
            encoder,
            targets: [first, second],
            patients: vec![
                patient(store, training, encoder, 1).await,
                patient(store, training, encoder, 2).await,
            ],
            stranger: patient(store, elsewhere, encoder, 3).await,
        };
        for (patient, present) in seed.patients.iter().zip([true, false]) {
            let specimen = NewSpecimen {
                patient: patient.id,
                code: format!("{}-D", patient.code),
                taken_at: TakenAt::Diagnosis,
            };
            let specimen = store.put_specimen(&specimen).await.unwrap();
            let observed = NewObservation {
                target: first,
                of: Observed::Specimen(specimen),
                present,
                allele_frequency: present.then_some(0.4),
            };
            store.put_observation(&observed).await.unwrap();
        }
        let observed = NewObservation {
            target: second,
            of: Observed::Patient(seed.patients[1].id),
            present: true,
            allele_frequency: None,
        };
        store.put_observation(&observed).await.unwrap();
        seed
    }

    /// A model of one repeat and two folds.
    pub fn model(&self, key: &str, data: u64) -> NewModel {
        let evaluation = Evaluation {
            positives: 1,
            negatives: 1,
            auroc: Some(Interval {
                estimate: 0.75,
                low: 0.5,
                high: 1.0,
            }),
            ..Evaluation::default()
        };
        let fold = |fold: u32| NewFoldModel {
            key: FoldKey { repeat: 0, fold },
            file: format!("models/{key}/{fold}.safetensors"),
            sha256: hash(1000 * data + u64::from(fold)),
            readouts: (0..2).map(|target| readout(fold, target)).collect(),
        };
        NewModel {
            key: key.to_owned(),
            title: format!("Model {key}"),
            predictor: "gated attention".to_owned(),
            cohort: self.cohort,
            encoder: self.encoder,
            seed: u64::MAX,
            data_sha256: hash(data),
            spec: serde_json::json!({ "seed": 7 }),
            place: 0,
            targets: self
                .targets
                .iter()
                .map(|&target| NewModelTarget { target, evaluation })
                .collect(),
            fold_models: vec![fold(0), fold(1)],
            held_out: (0..)
                .zip(&self.patients)
                .map(|(fold, patient)| (patient.id, FoldKey { repeat: 0, fold }))
                .collect(),
        }
    }

    /// What the job says of a patient's slide: terms of every entitled fold model.
    pub async fn reading(&self, store: &Store, model: ModelId, patient: &Patient) -> Reading {
        let entitled = store.entitled(model, patient.id).await.unwrap();
        let mut terms = Vec::new();
        for fold in &entitled {
            for (place, &target) in (0..).zip(&self.targets) {
                terms.push(NewTerms {
                    fold_model: fold.id,
                    target,
                    grid: patient.grid,
                    terms: terms_of(fold.key.fold, place),
                });
            }
        }
        let view = PredictionView {
            score: 0.25,
            probability: Some(0.5),
            spread: (entitled.len() > 1).then_some((0.0, 1.0)),
            probability_spread: (entitled.len() > 1).then_some((0.25, 0.75)),
        };
        let predictions = [
            Predicted::Slide(patient.slide),
            Predicted::Spot(patient.spot),
            Predicted::Patient(patient.id),
        ]
        .into_iter()
        .map(|of| NewPrediction {
            target: self.targets[0],
            of,
            view,
            fold_models: entitled.len().try_into().unwrap(),
        })
        .collect();
        Reading {
            model,
            slide: patient.slide,
            terms,
            predictions,
        }
    }
}

/// A readout that tells its fold and target.
pub fn readout(fold: u32, target: u32) -> Readout {
    Readout {
        offset: f64::from(fold) + 0.5,
        reference: f64::from(target) - 0.1,
        mean: 0.125,
        sd: 2.0,
        scale: Scale::Logit,
    }
}

/// Terms that tell their fold and target.
pub fn terms_of(fold: u32, target: u32) -> Terms {
    let numbers = |base: f32| (0..TILES).map(|tile| base + tile as f32).collect();
    Terms::new(
        numbers(100.0 * fold as f32 + 10.0 * target as f32),
        numbers(-1000.0 * fold as f32 - 0.5),
    )
    .unwrap()
}
