//! A backend that answers from memory, so that the pages can be asked without a database.

use std::sync::Mutex;

use app::backend::{Answer, Backend};
use app::error::AppError;
use domain::geometry::{Mpp, SlideRect};
use domain::ids::{Code, JobId};
use domain::report::{DrawnPlot, FoldReport, PlotLink, TargetReport};
use domain::score::{Readout, Scale};
use domain::target::{SignKind, TargetKind};
use domain::view::{
    CohortSummary, DeviceView, Evaluation, Interval, JobCounts, JobState, JobView, ModelOnSlide,
    ModelSummary, ObservationView, PredictionView, Progress, Sign, SlideDetail, SlideSummary,
    SpotView, Status, TargetOfModel, TargetOnSlide,
};

/// What the backend answers.
pub struct Fake {
    pub slides: Result<Vec<SlideDetail>, AppError>,
    pub models: Vec<ModelSummary>,
    pub progress: Progress,
    /// What was asked to be cancelled or tried again, in order.
    pub asked: Mutex<Vec<String>>,
}

impl Fake {
    /// One real slide of skin, two drawn ones, two models, and a queue at rest.
    pub fn at_rest() -> Self {
        let slides = vec![
            slide("PH-0001", true, "marrow"),
            slide("PH-0002", true, "marrow"),
            slide("SKIN-1", false, "skin"),
        ];
        Self {
            slides: Ok(slides),
            models: vec![model("a"), model("b")],
            progress: Progress::default(),
            asked: Mutex::default(),
        }
    }

    /// Nothing imported, nothing to do.
    pub fn empty() -> Self {
        Self {
            slides: Ok(Vec::new()),
            models: Vec::new(),
            ..Self::at_rest()
        }
    }

    /// In the middle of the first run.
    pub fn at_work() -> Self {
        let progress = Progress {
            counts: JobCounts {
                queued: 1,
                running: 1,
                failed: 1,
                cancelled: 0,
            },
            finished: 7,
            jobs: vec![
                job(1, JobState::Running, "Encode PH-0001"),
                job(2, JobState::Queued, "Encode PH-0002"),
                job(3, JobState::Failed, "Encode PH-0003"),
            ],
        };
        Self {
            progress,
            ..Self::at_rest()
        }
    }

    /// Nothing runs any more, and PH-0002 is not encoded because its job ended like this.
    pub fn held_up(state: JobState) -> Self {
        let counts = JobCounts {
            failed: u32::from(state == JobState::Failed),
            cancelled: u32::from(state == JobState::Cancelled),
            ..JobCounts::default()
        };
        let mut fake = Self::at_rest();
        if let Ok(slides) = &mut fake.slides {
            let slide = &mut slides[1];
            slide.models.clear();
            slide.summary.encoded = false;
            slide.summary.models = 0;
            slide.summary.jobs = counts;
        }
        fake.progress = Progress {
            counts,
            finished: 3,
            jobs: vec![job(2, state, "Encode PH-0002")],
        };
        fake
    }

    /// As when the database is gone.
    pub fn without_database() -> Self {
        Self {
            slides: Err(AppError::unavailable("The database does not answer.")),
            ..Self::at_rest()
        }
    }

    fn slides(&self) -> Result<Vec<SlideDetail>, AppError> {
        self.slides.clone()
    }

    fn ask(&self, what: &str, id: JobId) -> Answer<'_, ()> {
        self.asked.lock().unwrap().push(format!("{what} {id}"));
        Box::pin(async { Ok(()) })
    }
}

impl Backend for Fake {
    fn list_slides(&self) -> Answer<'_, Vec<SlideSummary>> {
        Box::pin(async {
            Ok(self
                .slides()?
                .into_iter()
                .map(|slide| slide.summary)
                .collect())
        })
    }

    fn slide(&self, code: Code) -> Answer<'_, SlideDetail> {
        Box::pin(async move {
            let found = self
                .slides()?
                .into_iter()
                .find(|slide| slide.summary.code == code.as_str());
            found.ok_or_else(|| AppError::not_found(format!("There is no slide {code}.")))
        })
    }

    fn models(&self) -> Answer<'_, Vec<ModelSummary>> {
        Box::pin(async { Ok(self.models.clone()) })
    }

    fn target_report(&self, model: String, target: String) -> Answer<'_, TargetReport> {
        Box::pin(async move {
            let own = self.models.iter().find(|own| own.key == model);
            let found = own.and_then(|own| {
                let target = own.targets.iter().find(|own| own.key == target)?;
                Some((own.clone(), target.clone()))
            });
            let (model, target) =
                found.ok_or_else(|| AppError::not_found("There is no such target."))?;
            Ok(report(model, target))
        })
    }

    fn status(&self) -> Answer<'_, Status> {
        Box::pin(async {
            Ok(Status {
                version: "0.1.0".to_owned(),
                uptime_seconds: 4800,
                database: "private cluster, PostgreSQL 17.6".to_owned(),
                device: Some(DeviceView {
                    kind: "CPU".to_owned(),
                    name: "2 cores".to_owned(),
                    backend: "Flex".to_owned(),
                    reason: "No graphics card was found.".to_owned(),
                }),
                resident_bytes: Some(148_000_000),
                slides: 3,
                tiles_encoded: 4210,
            })
        })
    }

    fn progress(&self) -> Answer<'_, Progress> {
        Box::pin(async { Ok(self.progress.clone()) })
    }

    fn cancel_job(&self, id: JobId) -> Answer<'_, ()> {
        self.ask("cancel", id)
    }

    fn retry_job(&self, id: JobId) -> Answer<'_, ()> {
        self.ask("retry", id)
    }
}

fn job(id: i64, state: JobState, title: &str) -> JobView {
    JobView {
        id,
        kind: "encode".to_owned(),
        title: title.to_owned(),
        slide: Some(format!("PH-{id:04}")),
        state,
        done: 40,
        total: 81,
        unit: "tiles".to_owned(),
        per_second: Some(34.0),
        seconds_left: Some(1.2),
        attempts: 3,
        error: (state == JobState::Failed)
            .then(|| "The slide is cut short at byte 4,096.".to_owned()),
    }
}

fn cohort(synthetic: bool) -> CohortSummary {
    let (key, title) = if synthetic {
        ("phantom", "Drawn marrow")
    } else {
        ("sample", "Sample slide")
    };
    CohortSummary {
        key: key.to_owned(),
        title: title.to_owned(),
        synthetic,
    }
}

/// The targets: one with a sign, one without.
fn targets() -> Vec<TargetOfModel> {
    let sign = |kind, text: &str| {
        Some(Sign {
            kind,
            text: text.to_owned(),
            citation: None,
        })
    };
    let evaluation = |estimate, low, high| Evaluation {
        positives: 16,
        negatives: 32,
        auroc: Some(Interval {
            estimate,
            low,
            high,
        }),
        ..Evaluation::default()
    };
    vec![
        TargetOfModel {
            key: "del5q".to_owned(),
            title: "del(5q)".to_owned(),
            kind: TargetKind::Cytogenetic,
            sign: sign(
                SignKind::Established,
                "Small megakaryocytes with a single round lobe.",
            ),
            evaluation: evaluation(0.93, 0.85, 0.98),
        },
        TargetOfModel {
            key: "null".to_owned(),
            title: "Null gene".to_owned(),
            kind: TargetKind::Gene,
            sign: sign(SignKind::Null, ""),
            evaluation: evaluation(0.52, 0.35, 0.69),
        },
    ]
}

fn model(seed: &str) -> ModelSummary {
    ModelSummary {
        key: format!("attention-{seed}"),
        title: format!("Gated attention, seed {seed}"),
        predictor: "Gated attention".to_owned(),
        encoder: "EfficientNet-Lite0".to_owned(),
        training_cohort: cohort(true),
        training_patients: 48,
        fold_models: 5,
        targets: targets(),
    }
}

fn slide(code: &str, synthetic: bool, tissue: &str) -> SlideDetail {
    let entitled_models = if synthetic { 1 } else { 5 };
    let prediction = PredictionView {
        score: 1.4,
        probability: Some(0.81),
        spread: (!synthetic).then_some((0.9, 1.8)),
        probability_spread: (!synthetic).then_some((0.72, 0.86)),
    };
    let readout = Readout {
        offset: 0.0,
        reference: 0.0,
        mean: 0.0,
        sd: 1.0,
        scale: Scale::Logit,
    };
    let on_slide = |target: TargetOfModel| TargetOnSlide {
        key: target.key,
        title: target.title,
        kind: target.kind,
        sign: target.sign,
        observation: synthetic.then_some(ObservationView {
            present: true,
            allele_frequency: Some(0.32),
        }),
        evaluation: target.evaluation,
        prediction: Some(prediction),
        readouts: vec![readout; entitled_models as usize],
    };
    let models = ["a", "b"].map(|seed| {
        let model = model(seed);
        ModelOnSlide {
            key: model.key,
            title: model.title,
            predictor: model.predictor,
            encoder: model.encoder,
            training_cohort: model.training_cohort,
            training_patients: model.training_patients,
            terms_version: "1".to_owned(),
            in_training_cohort: synthetic,
            entitled_models,
            targets: model.targets.into_iter().map(on_slide).collect(),
        }
    });
    SlideDetail {
        summary: SlideSummary {
            code: code.to_owned(),
            version: "0123456789ab".to_owned(),
            patient: format!("P-{code}"),
            specimen: format!("P-{code}-D"),
            cohort: cohort(synthetic),
            tissue: tissue.to_owned(),
            width: 2048,
            height: 2048,
            mpp: Mpp::square(0.5),
            objective: (!synthetic).then_some(20.0),
            tiles: Some(81),
            encoded: true,
            models: 2,
            findings: if synthetic {
                vec!["del(5q)".to_owned()]
            } else {
                Vec::new()
            },
            jobs: JobCounts::default(),
        },
        pyramid: domain::geometry::Pyramid { levels: Vec::new() },
        format: "Aperio SVS".to_owned(),
        source: "Made for a test.".to_owned(),
        spots: vec![SpotView {
            number: 0,
            rect: SlideRect {
                x: 0.0,
                y: 0.0,
                width: 2048.0,
                height: 2048.0,
            },
            grid: None,
        }],
        models: models.into(),
    }
}

fn report(model: ModelSummary, target: TargetOfModel) -> TargetReport {
    TargetReport {
        model: model.key,
        model_title: model.title,
        predictor: model.predictor,
        encoder: model.encoder,
        cohort: model.training_cohort,
        target,
        plots: vec![DrawnPlot {
            key: "roc".to_owned(),
            title: "ROC".to_owned(),
            note: "The diagonal is chance.".to_owned(),
            svg: "<svg id=\"drawn\"></svg>".to_owned(),
            size: (420, 340),
            links: vec![PlotLink {
                at: (100, 50),
                name: "P-0001, probability 0.81".to_owned(),
                href: "/slides/PH-0001".to_owned(),
            }],
        }],
        folds: vec![FoldReport {
            repeat: 1,
            fold: 2,
            positives: 3,
            negatives: 7,
            auroc: Some(0.9),
            epochs: Some(1),
            penalty: None,
        }],
        allele_frequency: None,
        provenance: vec![("Weights, SHA-256".to_owned(), "abc".to_owned())],
    }
}
