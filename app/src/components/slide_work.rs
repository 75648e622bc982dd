//! What is still to be done with a slide, and why.

use domain::view::SlideDetail;
use leptos::prelude::*;

use crate::components::JobList;
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
    .into_any()
}

#[component]
fn Work(slide: Signal<SlideDetail>) -> impl IntoView {
    let live = Live::get();
    let jobs = Memo::new(move |_| slide.with(|slide| live.jobs_of(&slide.summary.code)));
    let lack = Memo::new(move |_| slide.with(lack));
    view! {
        <Show when=move || lack.get().is_some() || jobs.with(|jobs| !jobs.is_empty())>
            <section class="panel" aria-labelledby="work-title">
                <h2 class="panel__title" id="work-title">
                    "Work on this slide"
                </h2>
                {move || lack.get().map(|lack| view! { <p>{lack}</p> })}
                <JobList jobs=jobs />
            </section>
        </Show>
    }
    .into_any()
}

/// What the slide lacks and what it waits for.
fn lack(slide: &SlideDetail) -> Option<&'static str> {
    let summary = &slide.summary;
    if summary.tiles == Some(0) {
        Some(
            "No tile holds enough tissue, so there is nothing to encode and nothing to predict from.",
        )
    } else if summary.tiles.is_none() {
        Some(
            "The tissue has not been found yet. You can look at the slide already; predictions follow once its tiles are encoded.",
        )
    } else if !summary.encoded {
        Some(
            "Its tiles are not encoded yet. You can look at the slide already; predictions follow by themselves.",
        )
    } else if slide.models.is_empty() {
        Some("Its tiles are encoded. Predictions follow once a model has been trained.")
    } else {
        None
    }
}
