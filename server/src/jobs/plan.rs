//! What is wanted and not there yet, put into the queue. Made anew after every job, from what exists.

use phantom::Cohort;
use store::jobs::NewJob;
use store::{Store, StoreError};

use super::Task;
use crate::args::Serve;
use crate::cohorts::{self, MODELS, PHANTOM, SAMPLE_SHA256, SAMPLE_SLIDE};
use crate::state::ALL_SLIDES;

/// What the first run makes.
pub struct FirstRun {
    /// The phantom cohort.
    pub cohort: Cohort,
    /// Side of a spot, px.
    pub spot_px: u32,
}

impl FirstRun {
    /// As the command line says.
    pub fn new(serve: &Serve) -> Self {
        Self {
            cohort: Cohort::new(cohorts::PHANTOM_SEED, serve.phantom_patients as usize),
            spot_px: serve.phantom_spot_px,
        }
    }
}

struct Wanted {
    task: Task,
    key: String,
    title: String,
    unit: &'static str,
    /// What is seen soonest comes first; a slide is encoded before the next is drawn.
    priority: i32,
    slide: Option<String>,
}

/// Queues what is wanted. A job that failed for good or was cancelled is left alone until a person retries it.
pub async fn plan(store: &Store, first_run: Option<&FirstRun>) -> Result<(), StoreError> {
    let jobs = store.jobs();
    let standing = jobs.standing().await?;
    for wanted in wanted(store, first_run).await? {
        let kind = wanted.task.kind();
        if standing.contains(&(kind.to_owned(), wanted.key.clone())) {
            continue;
        }
        let mut job = NewJob::new(kind, wanted.key, wanted.title)
            .with_payload(&wanted.task)
            .counting(wanted.unit)
            .with_priority(wanted.priority);
        if let Some(slide) = wanted.slide {
            job = job.on_slide(slide);
        }
        jobs.enqueue(&job).await?;
    }
    Ok(())
}

async fn wanted(store: &Store, first_run: Option<&FirstRun>) -> Result<Vec<Wanted>, StoreError> {
    let slides = store.slides(ALL_SLIDES).await?;
    let models = store.models().await?;
    let mut wanted = Vec::new();
    if let Some(first_run) = first_run {
        let has = |code: &str| slides.iter().any(|slide| slide.code == code);
        // Somebody may have imported the same file under another code.
        if store.slide_with_hash(SAMPLE_SHA256).await?.is_none() {
            wanted.push(Wanted {
                task: Task::Sample,
                key: SAMPLE_SLIDE.into(),
                title: "Import the sample slide".into(),
                unit: "steps",
                priority: 90,
                slide: None,
            });
        }
        for (place, patient) in first_run.cohort.patients.iter().enumerate() {
            let slide = cohorts::phantom_slide_code(&patient.code);
            if !has(&slide) {
                wanted.push(Wanted {
                    task: Task::Draw(place),
                    title: format!("Draw {slide}"),
                    key: slide,
                    unit: "spots",
                    priority: 10,
                    slide: None,
                });
            }
        }
        let drawn = || slides.iter().filter(|slide| slide.cohort.key == PHANTOM);
        if drawn().count() >= first_run.cohort.patients.len() && drawn().all(|slide| slide.encoded)
        {
            for model in MODELS
                .iter()
                .filter(|planned| !models.iter().any(|model| model.key == planned.key))
            {
                wanted.push(Wanted {
                    task: Task::Train(model.key.into()),
                    key: model.key.into(),
                    title: format!("Train {}", model.title),
                    unit: "steps",
                    priority: 40 + model.place,
                    slide: None,
                });
            }
        }
    }
    let predicted = store.predicted().await?;
    for slide in &slides {
        if !slide.encoded {
            wanted.push(Wanted {
                task: Task::Encode(slide.code.clone()),
                key: slide.code.clone(),
                title: format!("Encode {}", slide.code),
                unit: "tiles",
                priority: 60,
                slide: Some(slide.code.clone()),
            });
            continue;
        }
        let missing = models
            .iter()
            .filter(|model| !predicted.contains(&(model.key.clone(), slide.code.clone())));
        wanted.extend(missing.map(|model| Wanted {
            task: Task::Predict {
                model: model.key.clone(),
                slide: slide.code.clone(),
            },
            key: format!("{}/{}", model.key, slide.code),
            title: format!("Predict {} with {}", slide.code, model.title),
            unit: "fold models",
            priority: 50,
            slide: Some(slide.code.clone()),
        }));
    }
    Ok(wanted)
}
