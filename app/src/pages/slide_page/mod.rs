//! One slide: the viewer, and beside it what the models say.

mod address;
mod compare;
mod keys;

use domain::address::ViewSpec;
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
use crate::navigation;
use crate::viewer::{
    LayerControls, Legend, OtherLegends, PaneHeading, Panes, ReadOut, Side, TopTiles, Viewer,
};
use address::CopyLink;
use compare::Compare;

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
    let summary = slide.summary.clone();
    let panes = Panes::provide(slide, &ViewSpec::from_query(&navigation::query()));
    follow_jobs(panes.slide);
    address::keep(panes, &summary.code);
    Effect::new(|_| keys::follow());
    let first = view! { <Pane side=Side::First slide=panes.slide /> }.erase();
    let beside = move || {
        panes.beside.get().map_or_else(
            || ().into_any(),
            |code| view! { <PaneBeside code=code /> }.into_any(),
        )
    };
    let panel = move || {
        let side = panes.active.get();
        match side {
            Side::First => Some(panes.slide),
            // Before its slide is there, there is nothing to set up.
            Side::Second => panes.slide_beside.get().map(RwSignal::from),
        }
        .map(|slide| view! { <Panel side=side slide=slide /> })
    };
    view! {
        <article class="slide">
            <SlideHead summary=summary />
            <div
                class="slide__viewer"
                class:slide__viewer--compared=move || panes.beside.with(Option::is_some)
            >
                {first} {beside}
            </div>
            {panel}
        </article>
    }
    .erase()
}

/// Reads a slide anew when jobs have ended. Not by its resource: that would build the viewer anew as well.
fn follow_jobs(slide: RwSignal<SlideDetail>) {
    let live = Live::get();
    Effect::new(move |previous: Option<u32>| {
        let generation = live.generation();
        if previous.is_some_and(|previous| previous != generation) {
            let code = slide.with_untracked(|slide| slide.summary.code.clone());
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
}

/// One view with its state.
#[component]
fn Pane(side: Side, slide: RwSignal<SlideDetail>) -> impl IntoView {
    let panes = Panes::get();
    provide_context(panes.of(side));
    let activate = move || panes.activate(side);
    let is_compared = move || panes.beside.with(Option::is_some);
    // Of the view that is not marked, too: its heatmap is seen as well.
    let name = Signal::derive(move || {
        slide.with(|slide| match slide.summary.tissue.as_str() {
            "marrow" => slide.summary.code.clone(),
            tissue => format!(
                "{} \u{b7} {}, not marrow",
                slide.summary.code,
                format::capitalised(tissue)
            ),
        })
    });
    view! {
        <div
            class="pane"
            class:pane--active=move || is_compared() && panes.active.get() == side
            data-testid=["pane-", side.letter()].concat()
            on:pointerdown=move |_| activate()
            on:wheel=move |_| activate()
            on:focusin=move |_| activate()
        >
            <Viewer slide=slide />
            <PaneHeading side=side slide=name />
        </div>
    }
    .erase()
}

/// The view of the slide beside, once it is read.
#[component]
fn PaneBeside(code: String) -> impl IntoView {
    let panes = Panes::get();
    let slide = load(move || code.clone(), api::slide);
    let body = move || {
        slide.get().map(|answer| match answer {
            Err(error) => view! {
                <div class="pane pane--failed">
                    <Failure error=error retry=move |()| slide.refetch() close=move |()| panes.close_beside() />
                </div>
            }
            .erase(),
            Ok(detail) => {
                // Shared with the panel, which may be gone a moment later than this view.
                let shared = ArcRwSignal::new(detail);
                let slide = RwSignal::from(shared.clone());
                follow_jobs(slide);
                Effect::new(move |_| panes.slide_beside.set(Some(shared.clone())));
                view! { <Pane side=Side::Second slide=slide /> }.erase()
            }
        })
    };
    let waiting = || view! { <div class="pane" aria-busy="true"></div> };
    view! { <Transition fallback=waiting>{body}</Transition> }.erase()
}

/// What is said and set up of the view that was acted upon last.
#[component]
fn Panel(side: Side, slide: RwSignal<SlideDetail>) -> impl IntoView {
    provide_context(Panes::get().of(side));
    // Without WebGL2 there is nothing that these could do or would say.
    let state = Panes::get().of(side);
    let is_off = move || !state.is_supported.get();
    let is_read = move || state.overlay_on.get();
    // Two slides are two patients: nobody may take the numbers of the one for those of the other.
    let panes = Panes::get();
    let is_compared = move || panes.beside.with(Option::is_some);
    let whose = move || {
        slide.with(|slide| {
            let SlideSummary { code, patient, .. } = &slide.summary;
            format!("View {}: {code}, patient {patient}", side.letter())
        })
    };
    // Of erased types, because the compiler's depth does not reach to the ground of all in one view.
    let compare = view! { <Compare /> }.erase();
    let controls = view! { <LayerControls slide=slide /> }.erase();
    let legend = view! { <Legend /> }.erase();
    let read_out = view! { <ReadOut /> }.erase();
    // Below what is read, that this keeps its place however many layers there are.
    let others = view! { <OtherLegends /> }.erase();
    view! {
        <div class="slide__panel">
            <p class="slide__whose" hidden=move || !is_compared() data-testid="panel-whose">
                {whose}
            </p>
            <SlideWork slide=slide />
            <SlidePredictions slide=slide />
            <section class="panel" aria-labelledby="heatmap-title" hidden=is_off>
                <h2 class="hidden" id="heatmap-title">
                    "Heatmap"
                </h2>
                {controls}
            </section>
            <TopTiles />
            {compare}
            <SlideFacts slide=slide />
        </div>
        <div
            class="slide__reading"
            class:slide__reading--empty=move || !is_read()
            tabindex=move || if is_read() { "0" } else { "-1" }
            role="group"
            aria-label="Legend and values"
            hidden=is_off
        >
            {legend} {read_out} {others}
        </div>
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
            <CopyLink />
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
