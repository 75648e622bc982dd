//! One slide: the viewer, and beside it what the models say.

use domain::view::{SlideDetail, SlideSummary};
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::api;
use crate::components::{
    Failure, Icon, IconName, SlideFacts, SlidePredictions, SlideWork, SyntheticBadge,
};
use crate::erase::Erase;
use crate::format;
use crate::live::Live;
use crate::load::load;
use crate::viewer::{LayerControls, Legend, ReadOut, ViewState, Viewer};

/// The page at `/slides/{code}`.
#[component]
pub fn SlidePage(
    /// The slide's code.
    code: String,
) -> impl IntoView {
    let title = format!("Slide {code}");
    let slide = load(move || code.clone(), api::slide);
    let body = move || {
        slide.get().map(|answer| match answer {
            Err(error) => {
                super::respond_with(&error);
                view! {
                    <div class="page">
                        <h1 class="page__title">{title.clone()}</h1>
                        <Failure error=error retry=move |()| slide.refetch() />
                    </div>
                }
                .erase()
            }
            Ok(slide) => view! { <OpenSlide slide=slide /> }.erase(),
        })
    };
    view! { <Transition fallback=Loading>{body}</Transition> }.erase()
}

#[component]
fn OpenSlide(slide: SlideDetail) -> impl IntoView {
    let live = Live::get();
    let summary = slide.summary.clone();
    let code = summary.code.clone();
    let slide = RwSignal::new(slide);
    provide_context(ViewState::new());
    // Read anew when jobs have ended. Not by the resource: that would build the viewer anew as well.
    Effect::new(move |previous: Option<u32>| {
        let generation = live.generation();
        if previous.is_some_and(|previous| previous != generation) {
            let code = code.clone();
            spawn_local(async move {
                let Ok(newer) = api::slide(code).await else {
                    return;
                };
                // Nothing to compare with when the page has been left meanwhile.
                if slide.try_with_untracked(|slide| *slide != newer) == Some(true) {
                    slide.set(newer);
                }
            });
        }
        generation
    });
    // Of erased types, because the compiler's depth does not reach to the ground of all in one view.
    let viewer = view! { <Viewer slide=slide /> }.erase();
    let controls = view! { <LayerControls slide=slide /> }.erase();
    let legend = view! { <Legend /> }.erase();
    let read_out = view! { <ReadOut /> }.erase();
    view! {
        <article class="slide">
            <SlideHead summary=summary />
            <div class="slide__viewer">
                {viewer}
            </div>
            <div class="slide__panel">
                <SlideWork slide=slide />
                <section class="panel" aria-labelledby="heatmap-title">
                    <h2 class="hidden" id="heatmap-title">
                        "Heatmap"
                    </h2>
                    {controls}
                </section>
                <SlidePredictions slide=slide />
                <SlideFacts slide=slide />
            </div>
            <div class="slide__reading" tabindex="0" role="group" aria-label="Legend and values">
                {legend} {read_out}
            </div>
        </article>
    }
    .erase()
}

#[component]
fn SlideHead(summary: SlideSummary) -> impl IntoView {
    let tissue = tissue_words(&summary.tissue);
    view! {
        <header class="slide__head">
            <a class="button button--bare" href="/" aria-label="All slides" title="All slides">
                <Icon name=IconName::Back />
            </a>
            <h1 class="slide__title">{summary.code}</h1>
            {summary.cohort.synthetic.then(|| view! { <SyntheticBadge /> })}
            <p class="slide__names">
                <span>{format!("Patient {}", summary.patient)}</span>
                <span>{summary.cohort.title}</span>
                <span>{tissue}</span>
            </p>
        </header>
    }
    .erase()
}

/// The tissue, and what it is not when that matters.
fn tissue_words(tissue: &str) -> String {
    if tissue == "marrow" {
        "Marrow".to_owned()
    } else {
        format!("{}, not marrow", format::capitalised(tissue))
    }
}

#[component]
fn Loading() -> impl IntoView {
    view! {
        <div class="slide slide--loading" aria-busy="true">
            <p class="soft">"Opening the slide…"</p>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::tissue_words;

    #[test]
    fn tissue_that_is_not_marrow_is_named_as_such() {
        assert_eq!(tissue_words("marrow"), "Marrow");
        assert_eq!(tissue_words("skin"), "Skin, not marrow");
    }
}
