//! What is still to be done with a slide, and why.

use domain::view::{JobState, JobView, SlideDetail};
use leptos::prelude::*;

use crate::components::JobList;
use crate::erase::Erase;
use crate::live::Live;

/// The jobs of the slide and what its page lacks until they are done; nothing when all is there.
#[component]
pub fn SlideWork(
    /// The slide.
    #[prop(into)]
    slide: Signal<SlideDetail>,
) -> impl IntoView {
    view! {
        <Transition>
            <Work slide=slide />
        </Transition>
    }
    .erase()
}

#[component]
fn Work(slide: Signal<SlideDetail>) -> impl IntoView {
    let live = Live::get();
    let jobs = Memo::new(move |_| slide.with(|slide| live.jobs_of(&slide.summary.code)));
    let lack = Memo::new(move |_| slide.with(|slide| jobs.with(|jobs| lack(slide, jobs))));
    let shown = Memo::new(move |_| lack.get().is_some() || jobs.with(|jobs| !jobs.is_empty()));
    let work = move || {
        view! {
            <section class="panel" aria-labelledby="work-title">
                <h2 class="panel__title" id="work-title">
                    "Work on this slide"
                </h2>
                {move || lack.get().map(|lack| view! { <p>{lack}</p> })}
                <JobList jobs=jobs />
            </section>
        }
        .erase()
    };
    move || shown.get().then(work)
}

/// What the slide lacks and what it waits for.
fn lack(slide: &SlideDetail, jobs: &[JobView]) -> Option<String> {
    let summary = &slide.summary;
    let (lack, way_on) = if summary.tiles == Some(0) {
        let lack = "No tile holds enough tissue, so there is nothing to encode and nothing to predict from.";
        return Some(lack.to_owned());
    } else if summary.tiles.is_none() {
        (
            "The tissue has not been found yet. You can look at the slide already.",
            "Predictions follow once its tiles are encoded and a model has been trained.",
        )
    } else if !summary.encoded {
        (
            "Its tiles are not encoded yet. You can look at the slide already.",
            "Predictions follow once they are and a model has been trained.",
        )
    } else if slide.models.is_empty() {
        (
            "Its tiles are encoded.",
            "Predictions follow once a model has been trained.",
        )
    } else {
        return None;
    };
    let way_on = if is_held_up(slide, jobs) {
        "A job for this slide has failed or was cancelled: predictions follow only when it is retried."
    } else {
        way_on
    };
    Some([lack, " ", way_on].concat())
}

/// Whether a job of the slide waits for a person. The jobs are of now, but only so many are listed; the slide's own counts
/// are of when it was read.
fn is_held_up(slide: &SlideDetail, jobs: &[JobView]) -> bool {
    if jobs.is_empty() {
        let counts = slide.summary.jobs;
        counts.failed + counts.cancelled > 0
    } else {
        jobs.iter()
            .any(|job| matches!(job.state, JobState::Failed | JobState::Cancelled))
    }
}
