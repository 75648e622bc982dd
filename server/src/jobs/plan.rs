//! What is wanted and not there yet, put into the queue. Made anew after every job, from what exists.

use phantom::Cohort;
use store::jobs::NewJob;
use store::{Store, StoreError};

use super::Task;
use crate::args::Serve;
use crate::state::ALL_SLIDES;
use crate::cohorts::{self, MODELS, PHANTOM, SAMPLE_SLIDE};

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
        Self { cohort: Cohort::new(cohorts::PHANTOM_SEED, serve.phantom_patients as usize), spot_px: serve.phantom_spot_px }
    }
}

/// Queues what is wanted. A job that failed for good or was cancelled is left alone until a person retries it.
pub async fn plan(store: &Store, first_run: Option<&FirstRun>) -> Result<(), StoreError> {
    let slides = store.slides(ALL_SLIDES).await?;
    let models = store.models().await?;
    let mut wanted = Vec::new();
    let has = |code: &str| slides.iter().any(|slide| slide.code == code);

    if let Some(first_run) = first_run {
        if !has(SAMPLE_SLIDE) {
            wanted.push((Task::Sample, "sample".to_owned(), "Import the sample slide".to_owned(), "steps", 90));
        }
        for (place, patient) in first_run.cohort.patients.iter().enumerate() {
            let slide = cohorts::phantom_slide_code(&patient.code);
            if !has(&slide) {
                wanted.push((Task::Draw(place), slide.clone(), format!("Draw {slide}"), "slides", 10));
            }
        }
        let drawn = || slides.iter().filter(|slide| slide.cohort.key == PHANTOM);
        if drawn().count() >= first_run.cohort.patients.len() && drawn().all(|slide| slide.encoded) {
            for model in &MODELS {
                if !models.iter().any(|trained| trained.key == model.key) {
                    let title = format!("Train {}", model.title);
                    wanted.push((Task::Train(model.key.to_owned()), model.key.to_owned(), title, "steps", 40));
                }
            }
        }
    }
    for slide in &slides {
        if !slide.encoded {
            let title = format!("Encode {}", slide.code);
            wanted.push((Task::Encode(slide.code.clone()), slide.code.clone(), title, "tiles", 60));
        } else if (slide.models as usize) < models.len() {
            for model in &models {
                let task = Task::Predict { model: model.key.clone(), slide: slide.code.clone() };
                let key = format!("{}/{}", model.key, slide.code);
                wanted.push((task, key, format!("Predict {} with {}", slide.code, model.title), "models", 50));
            }
        }
    }
    let jobs = store.jobs();
    let given_up = jobs.given_up().await?;
    for (task, key, title, unit, priority) in wanted {
        let kind = task.kind();
        if given_up.iter().any(|(ended_kind, ended_key)| ended_kind == kind && *ended_key == key) {
            continue;
        }
        jobs.enqueue(&NewJob::new(kind, key, title).with_payload(&task).counting(unit).with_priority(priority)).await?;
    }
    Ok(())
}
