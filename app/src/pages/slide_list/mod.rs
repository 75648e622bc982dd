//! The list of all slides, by cohort, with what the first run is doing above it.

mod groups;

use domain::view::ModelSummary;
use leptos::prelude::*;

use crate::api;
use crate::components::{
    Failure, Icon, IconName, ProgressPanel, SlideCard, SlideState, SyntheticBadge,
};
use crate::erase::Erase;
use crate::format;
use crate::live::{Live, is_active};
use crate::load::load;
use crate::pages::slide_part;

use groups::{Group, Order, groups};

/// How many slides of a cohort are shown before a person asks for the rest.
const FIRST: usize = 120;

/// How a person looks at the list: kept while they look at a slide and come back.
#[derive(Clone, Copy)]
struct View {
    filter: RwSignal<String>,
    order: RwSignal<Order>,
    limit: RwSignal<usize>,
}

/// Keeps how the list is looked at, for as long as the application runs.
pub fn provide_list_view() {
    provide_context(View {
        filter: RwSignal::new(String::new()),
        order: RwSignal::new(Order::default()),
        limit: RwSignal::new(FIRST),
    });
}

/// The page at `/`.
#[component]
pub fn SlideList() -> impl IntoView {
    // From here, people go to a slide.
    Effect::new(|_| slide_part::expect_when_idle());
    let live = Live::get();
    let lists = load(
        move || live.generation(),
        |_| async { Ok((api::list_slides().await?, api::models().await?)) },
    );
    let View {
        filter,
        order,
        limit,
    } = expect_context();
    let body = move || {
        lists.get().map(|answer| match answer {
            Err(error) => {
                super::respond_with(&error);
                view! { <Failure error=error retry=move |()| lists.refetch() /> }.erase()
            }
            Ok((slides, _)) if slides.is_empty() => view! { <Empty /> }.erase(),
            Ok((slides, models)) => {
                let all = slides.len();
                let groups = groups(slides, &filter.get(), order.get());
                view! { <Cohorts groups=groups models=models all=all filter=filter limit=limit /> }
                    .erase()
            }
        })
    };
    view! {
        <div class="page">
            <div class="page__head">
                <h1 class="page__title">"Slides"</h1>
                <div class="tools">
                    <label class="search">
                        <Icon name=IconName::Search />
                        <span class="hidden">"Filter by code, patient, tissue, cohort or finding"</span>
                        <input
                            class="input"
                            type="search"
                            placeholder="Code, patient, finding …"
                            prop:value=move || filter.get()
                            on:input=move |event| filter.set(event_target_value(&event))
                        />
                    </label>
                    <label class="field">
                        <span>"Sort by"</span>
                        <select
                            class="input"
                            prop:value=move || order.get().key()
                            on:change=move |event| order.set(Order::parse(&event_target_value(&event)))
                        >
                            {Order::ALL
                                .into_iter()
                                .map(|order| view! { <option value=order.key()>{order.title()}</option> })
                                .collect_view()}
                        </select>
                    </label>
                </div>
            </div>
            <ProgressPanel />
            <Transition fallback=Loading>{body}</Transition>
        </div>
    }
    .erase()
}

#[component]
fn Cohorts(
    groups: Vec<Group>,
    models: Vec<ModelSummary>,
    all: usize,
    filter: RwSignal<String>,
    limit: RwSignal<usize>,
) -> impl IntoView {
    if groups.is_empty() {
        return view! {
            <section class="notice" role="status">
                <h2 class="notice__title">"No slide matches"</h2>
                <p class="soft">{format!("None of {} holds these words in code, patient, tissue, cohort or findings.", format::count(all as i64, "slide", "slides"))}</p>
                <div class="notice__actions">
                    <button class="button" on:click=move |_| filter.set(String::new())>
                        "Show all"
                    </button>
                </div>
            </section>
        }
        .erase();
    }
    groups
        .into_iter()
        .map(|group| {
            let trained: Vec<ModelSummary> = models
                .iter()
                .filter(|model| model.training_cohort.key == group.cohort.key)
                .cloned()
                .collect();
            view! { <Cohort group=group models=trained limit=limit /> }
        })
        .collect_view()
        .erase()
}

#[component]
fn Cohort(group: Group, models: Vec<ModelSummary>, limit: RwSignal<usize>) -> impl IntoView {
    let Group { cohort, slides } = group;
    let title_id = format!("cohort-{}", cohort.key);
    let number = slides.len();
    let more = number.saturating_sub(FIRST);
    view! {
        <section class="cohort" aria-labelledby=title_id.clone()>
            <div class="cohort__head">
                <h2 class="cohort__title" id=title_id.clone()>
                    {cohort.title}
                </h2>
                {cohort.synthetic.then(|| view! { <SyntheticBadge /> })}
                <span class="soft num">{format::count(number as i64, "slide", "slides")}</span>
            </div>
            <ModelsOfCohort models=models />
            <ul class="cards">
                <For
                    each=move || slides.clone().into_iter().take(limit.get())
                    key=|slide| (slide.code.clone(), slide.version.clone(), SlideState::of(slide).text, slide.tiles)
                    children=|slide| view! { <SlideCard slide=slide /> }
                />
            </ul>
            {move || {
                (more > 0 && limit.get() == FIRST)
                    .then(|| {
                        view! {
                            <button class="button" on:click=move |_| limit.set(usize::MAX)>
                                {format!("Show {} more", format::thousands(more as i64))}
                            </button>
                        }
                    })
            }}
        </section>
    }
    .erase()
}

#[component]
fn ModelsOfCohort(models: Vec<ModelSummary>) -> impl IntoView {
    (!models.is_empty()).then(|| {
        let links = models
            .into_iter()
            .map(|model| view! { <a class="button button--small" href=format!("/models?model={}", model.key)>{model.title}</a> })
            .collect_view();
        view! { <p class="cohort__models">"Models trained on this cohort: " {links}</p> }
    })
}

/// Nothing has been imported: the first run has just begun, or nothing runs and a person must act.
#[component]
fn Empty() -> impl IntoView {
    let live = Live::get();
    let at_work = move || live.progress().is_some_and(|progress| is_active(&progress));
    view! {
        <section class="notice" role="status">
            <Transition>
                {move || {
                    if at_work() {
                        view! {
                            <h2 class="notice__title">"The first slides are on their way"</h2>
                            <p class="soft">
                                "What is being imported and drawn stands above. Slides appear here one by one; nothing needs to be done."
                            </p>
                        }
                            .erase()
                    } else {
                        view! {
                            <h2 class="notice__title">"No slides yet"</h2>
                            <p class="soft">"Import a slide from the command line"</p>
                            <pre class="code">"marrowscope import FILE"</pre>
                        }
                            .erase()
                    }
                }}
            </Transition>
        </section>
    }
    .erase()
}

#[component]
fn Loading() -> impl IntoView {
    view! {
        <ul class="cards" aria-busy="true" aria-label="Loading slides">
            {(0..12).map(|_| view! { <li class="card card--loading" /> }).collect_view()}
        </ul>
    }
    .erase()
}
