//! Slides for tests of what the viewer makes of them.

use domain::geometry::{Mpp, Pyramid, SlideRect, TileGrid};
use domain::score::{Readout, Scale};
use domain::target::TargetKind;
use domain::view::{
    CohortSummary, Evaluation, JobCounts, ModelOnSlide, SlideDetail, SlideSummary, SpotView,
    TargetOnSlide,
};

/// A target with one fold model; its title is its key in capitals.
pub fn target(key: &str, scale: Scale) -> TargetOnSlide {
    TargetOnSlide {
        key: key.to_owned(),
        title: key.to_uppercase(),
        kind: TargetKind::Gene,
        sign: None,
        observation: None,
        evaluation: Evaluation::default(),
        prediction: None,
        readouts: vec![Readout {
            offset: 0.0,
            reference: 0.0,
            mean: 0.0,
            sd: 1.0,
            scale,
        }],
    }
}

/// A model with these targets.
pub fn model(key: &str, targets: Vec<TargetOnSlide>) -> ModelOnSlide {
    ModelOnSlide {
        key: key.to_owned(),
        title: ["Model ", key].concat(),
        predictor: String::new(),
        encoder: String::new(),
        training_cohort: cohort(),
        training_patients: 0,
        terms_version: "1".to_owned(),
        in_training_cohort: false,
        entitled_models: 1,
        targets,
    }
}

fn cohort() -> CohortSummary {
    CohortSummary {
        key: "phantom".to_owned(),
        title: "Phantoms".to_owned(),
        synthetic: true,
    }
}

/// A spot with so many tiles in one row.
pub fn spot(tiles: u32) -> SpotView {
    SpotView {
        number: 0,
        rect: SlideRect {
            x: 0.0,
            y: 0.0,
            width: f64::from(tiles),
            height: 1.0,
        },
        grid: Some(TileGrid {
            origin_x: 0.0,
            origin_y: 0.0,
            step_x: 1.0,
            step_y: 1.0,
            size_x: 1.0,
            size_y: 1.0,
            columns: tiles,
            rows: 1,
            present: (0..tiles).collect(),
        }),
    }
}

/// A slide of 2000 × 3000 px at 20× that these models have predicted.
pub fn slide(models: Vec<ModelOnSlide>) -> SlideDetail {
    SlideDetail {
        summary: SlideSummary {
            code: "PH-0001".to_owned(),
            version: "0123456789ab".to_owned(),
            patient: "P-1".to_owned(),
            specimen: "P-1-1".to_owned(),
            cohort: cohort(),
            tissue: "marrow".to_owned(),
            width: 2000,
            height: 3000,
            mpp: Mpp::square(0.5),
            objective: Some(20.0),
            tiles: None,
            encoded: false,
            models: 0,
            findings: Vec::new(),
            jobs: JobCounts::default(),
        },
        pyramid: Pyramid { levels: Vec::new() },
        format: String::new(),
        source: String::new(),
        spots: Vec::new(),
        models,
    }
}
