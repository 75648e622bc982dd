//! The list of all slides, by cohort, with what the first run is doing above it.

use std::cmp::Ordering;

use domain::view::{CohortSummary, ModelSummary, SlideSummary};
use leptos::prelude::*;
use leptos_meta::Title;

use crate::api;
use crate::components::{
    Failure, Icon, IconName, ModelNote, ModelTable, ProgressPanel, SlideCard, SlideState,
    SyntheticBadge,
};
use crate::format;
use crate::live::{Live, is_active};

/// How many slides of a cohort are shown before a person asks for the rest.
const FIRST: usize = 120;

/// The order of the slides within a cohort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Order {
    #[default]
    Code,
    Patient,
    State,
}

impl Order {
    const ALL: [Self; 3] = [Self::Code, Self::Patient, Self::State];

    const fn key(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Patient => "patient",
            Self::State => "state",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Code => "Code",
            Self::Patient => "Patient",
            Self::State => "State, unfinished first",
        }
    }

    fn parse(text: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|order| order.key() == text)
            .unwrap_or_default()
    }

    fn compare(self, a: &SlideSummary, b: &SlideSummary) -> Ordering {
        let by_code = || a.code.cmp(&b.code);
        match self {
            Self::Code => by_code(),
            Self::Patient => a.patient.cmp(&b.patient).then_with(by_code),
            Self::State => SlideState::of(a)
                .rank
                .cmp(&SlideState::of(b).rank)
                .then_with(by_code),
        }
    }
}

/// The slides of a cohort.
#[derive(Clone, Debug, PartialEq)]
struct Group {
    cohort: CohortSummary,
    slides: Vec<SlideSummary>,
}

/// Slides whose code, patient or tissue holds the text, by cohort: real ones first.
fn groups(slides: Vec<SlideSummary>, filter: &str, order: Order) -> Vec<Group> {
    let filter = filter.trim().to_lowercase();
    let mut groups: Vec<Group> = Vec::new();
    let matches = |slide: &SlideSummary| {
        [&slide.code, &slide.patient, &slide.tissue]
            .into_iter()
            .any(|text| text.to_lowercase().contains(&filter))
    };
    for slide in slides.into_iter().filter(matches) {
        match groups
            .iter_mut()
            .find(|group| group.cohort.key == slide.cohort.key)
        {
            Some(group) => group.slides.push(slide),
            None => groups.push(Group {
                cohort: slide.cohort.clone(),
                slides: vec![slide],
            }),
        }
    }
    groups.sort_by(|a, b| {
        (a.cohort.synthetic, &a.cohort.title).cmp(&(b.cohort.synthetic, &b.cohort.title))
    });
    for group in &mut groups {
        group.slides.sort_by(|a, b| order.compare(a, b));
    }
    groups
}

/// The page at `/`.
#[component]
pub fn SlideList() -> impl IntoView {
    let live = Live::get();
    let slides = Resource::new(move || live.generation(), |_| api::list_slides());
    let models = Resource::new(move || live.generation(), |_| api::models());
    let filter = RwSignal::new(String::new());
    let order = RwSignal::new(Order::default());
    let limit = RwSignal::new(FIRST);
    let body = move || {
        slides.get().map(|answer| match answer {
            Err(error) => {
                super::respond_with(&error);
                view! { <Failure error=error retry=move |()| slides.refetch() /> }.into_any()
            }
            Ok(slides) if slides.is_empty() => view! { <Empty /> }.into_any(),
            Ok(slides) => {
                let all = slides.len();
                let groups = groups(slides, &filter.get(), order.get());
                let models = models.get().and_then(Result::ok).unwrap_or_default();
                view! { <Cohorts groups=groups models=models all=all filter=filter limit=limit /> }
                    .into_any()
            }
        })
    };
    view! {
        <Title text="Slides" />
        <div class="page">
            <div class="page__head">
                <h1 class="page__title">"Slides"</h1>
                <div class="tools">
                    <label class="search">
                        <Icon name=IconName::Search />
                        <span class="hidden">"Filter by code, patient or tissue"</span>
                        <input
                            class="input"
                            type="search"
                            placeholder="Code, patient or tissue"
                            prop:value=move || filter.get()
                            on:input=move |event| filter.set(event_target_value(&event))
                        />
                    </label>
                    <label class="field">
                        <span>"Sort by"</span>
                        <select
                            class="input"
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
    .into_any()
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
                <p class="soft">{format!("None of {} holds this text in code, patient or tissue.", format::count(all as i64, "slide", "slides"))}</p>
                <div class="notice__actions">
                    <button class="button" on:click=move |_| filter.set(String::new())>
                        "Show all"
                    </button>
                </div>
            </section>
        }
        .into_any();
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
        .into_any()
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
    .into_any()
}

#[component]
fn ModelsOfCohort(models: Vec<ModelSummary>) -> impl IntoView {
    (!models.is_empty()).then(|| {
        let summary = format!("{} trained on this cohort", format::count(models.len() as i64, "model", "models"));
        view! {
            <details class="cohort__models">
                <summary>{summary}</summary>
                {models.into_iter().map(|model| view! { <ModelTable model=model /> }).collect_view()}
                <ModelNote />
            </details>
        }
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
                                "The sample slide is being imported and a synthetic cohort drawn. Slides appear here one by one; nothing needs to be done."
                            </p>
                        }
                            .into_any()
                    } else {
                        view! {
                            <h2 class="notice__title">"No slides yet"</h2>
                            <p class="soft">"Import a slide from the command line"</p>
                            <pre class="code">"marrowscope import FILE"</pre>
                        }
                            .into_any()
                    }
                }}
            </Transition>
        </section>
    }
    .into_any()
}

#[component]
fn Loading() -> impl IntoView {
    view! {
        <ul class="cards" aria-busy="true" aria-label="Loading slides">
            {(0..12).map(|_| view! { <li class="card card--loading" /> }).collect_view()}
        </ul>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::geometry::Mpp;
    use domain::view::JobCounts;

    fn slide(code: &str, patient: &str, synthetic: bool, failed: u32) -> SlideSummary {
        SlideSummary {
            code: code.to_owned(),
            version: "0".repeat(12),
            patient: patient.to_owned(),
            specimen: format!("{patient}-D"),
            cohort: CohortSummary {
                key: if synthetic { "phantom" } else { "sample" }.to_owned(),
                title: if synthetic {
                    "Synthetic marrow"
                } else {
                    "Sample"
                }
                .to_owned(),
                synthetic,
            },
            tissue: if synthetic { "marrow" } else { "skin" }.to_owned(),
            width: 10,
            height: 10,
            mpp: Mpp::square(0.5),
            objective: None,
            tiles: None,
            encoded: false,
            models: 0,
            jobs: JobCounts {
                queued: 0,
                running: 0,
                failed,
            },
        }
    }

    fn codes(groups: &[Group]) -> Vec<&str> {
        groups
            .iter()
            .flat_map(|group| &group.slides)
            .map(|slide| slide.code.as_str())
            .collect()
    }

    fn slides() -> Vec<SlideSummary> {
        vec![
            slide("PH-0002", "P-0001", true, 1),
            slide("PH-0001", "P-0002", true, 0),
            slide("SKIN-1", "S-1", false, 0),
        ]
    }

    #[test]
    fn real_slides_come_before_synthetic_ones() {
        assert_eq!(
            codes(&groups(slides(), "", Order::Code)),
            ["SKIN-1", "PH-0001", "PH-0002"]
        );
    }

    #[test]
    fn slides_are_ordered_as_asked() {
        assert_eq!(
            codes(&groups(slides(), "", Order::Patient)),
            ["SKIN-1", "PH-0002", "PH-0001"]
        );
        assert_eq!(
            codes(&groups(slides(), "", Order::State)),
            ["SKIN-1", "PH-0002", "PH-0001"]
        );
    }

    #[test]
    fn the_filter_looks_at_code_patient_and_tissue_in_any_case() {
        assert_eq!(
            codes(&groups(slides(), " ph-0001 ", Order::Code)),
            ["PH-0001"]
        );
        assert_eq!(codes(&groups(slides(), "p-0001", Order::Code)), ["PH-0002"]);
        assert_eq!(codes(&groups(slides(), "Skin", Order::Code)), ["SKIN-1"]);
        assert!(groups(slides(), "nothing", Order::Code).is_empty());
    }
}
