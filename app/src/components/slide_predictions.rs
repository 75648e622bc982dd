//! What the models say of a slide: one model at a time, one row per target.

use domain::layer::LayerSpec;
use domain::view::{ModelOnSlide, SlideDetail, SlideSummary};
use leptos::prelude::*;

use crate::components::{Icon, IconName, PredictionRow, SyntheticBadge};
use crate::erase::Erase;
use crate::format;
use crate::viewer::{ViewState, settled};

/// The predictions of the model that is on the slide, else of the newest; nothing before there is one.
#[component]
pub fn SlidePredictions(
    /// The slide.
    #[prop(into)]
    slide: Signal<SlideDetail>,
) -> impl IntoView {
    let state = ViewState::from_context();
    let model = Memo::new(move |_| {
        let on_slide = state.chosen_layer().map(|layer| layer.model);
        slide.with(|slide| {
            let named = |key: String| slide.models.iter().find(|model| model.key == key);
            on_slide.and_then(named).or(slide.models.first()).cloned()
        })
    });
    // The heatmap's model is the panel's model; choosing one neither shows nor hides the heatmap.
    let choose_model = move |key: String| {
        let target = untrack(|| state.chosen_layer()).map(|layer| layer.target);
        let target = slide.with_untracked(|slide| target_of(slide, &key, target));
        let is_on = state.overlay_on.get_untracked();
        show(state, slide, &key, &target.unwrap_or_default());
        state.overlay_on.set(is_on);
    };
    let body = move || {
        model.get().map(|model| {
            let summary = slide.with_untracked(|slide| slide.summary.clone());
            view! {
                <section class="panel" aria-labelledby="predictions-title">
                    <h2 class="panel__title" id="predictions-title">
                        "Predictions"
                    </h2>
                    <Caveat summary=summary model=model.clone() />
                    <ModelChoice slide=slide shown=model.key.clone() on_choose=choose_model />
                    <Predictions slide=slide model=model />
                </section>
            }
            .erase()
        })
    };
    view! { {body} }
}

#[component]
fn ModelChoice(
    slide: Signal<SlideDetail>,
    shown: String,
    #[prop(into)] on_choose: Callback<String>,
) -> impl IntoView {
    let models = slide.with_untracked(|slide| {
        let names = |model: &ModelOnSlide| (model.key.clone(), model.title.clone());
        slide.models.iter().map(names).collect::<Vec<_>>()
    });
    (models.len() > 1).then(|| {
        view! {
            <label class="field">
                <span>"Model"</span>
                <select class="input" on:change=move |event| on_choose.run(event_target_value(&event))>
                    {models
                        .into_iter()
                        .map(|(key, title)| {
                            let selected = key == shown;
                            view! {
                                <option value=key selected=selected>
                                    {title}
                                </option>
                            }
                        })
                        .collect_view()}
                </select>
            </label>
        }
    })
}

#[component]
fn Predictions(slide: Signal<SlideDetail>, model: ModelOnSlide) -> impl IntoView {
    let state = ViewState::from_context();
    let voices = voices(&model);
    let entitled_models = model.entitled_models;
    let key = model.key.clone();
    let rows = model
        .targets
        .into_iter()
        .map(|target| {
            let shown = Signal::derive({
                let (model, target) = (key.clone(), target.key.clone());
                move || {
                    let is_this = |layer: LayerSpec| layer.model == model && layer.target == target;
                    state.overlay_on.get() && state.chosen_layer().is_some_and(is_this)
                }
            });
            let choose = {
                let (model, target) = (key.clone(), target.key.clone());
                move |()| show(state, slide, &model, &target)
            };
            view! {
                <PredictionRow
                    target=target
                    entitled_models=entitled_models
                    shown=shown
                    can_be_shown=state.is_supported
                    on_choose=choose
                />
            }
        })
        .collect_view();
    view! {
        <p class="soft">
            {format!("{} on {}, cross-validated on {} of ", model.predictor, model.encoder, format::count(model.training_patients, "patient", "patients"))}
            {model.training_cohort.title.clone()} " "
            {model.training_cohort.synthetic.then(|| view! { <SyntheticBadge /> })}
        </p>
        <p class="soft">{voices}</p>
        <ul class="predictions">{rows}</ul>
        <p class="note">
            "Probabilities are rescaled on training patients that the networks had not seen (Platt scaling): with so few patients that is rough. The thin line marks the share of the cohort with the finding. AUROC is out of fold, its interval conditional on these models. "
            <a href=format!("/models?model={key}")>"More on this model"</a>
        </p>
    }
    .erase()
}

#[component]
fn Caveat(summary: SlideSummary, model: ModelOnSlide) -> impl IntoView {
    caveat(&summary, &model).map(|(title, text)| {
        view! {
            <div class="notice notice--warn" role="note">
                <h3 class="notice__title">
                    <Icon name=IconName::Warning />
                    {title}
                </h3>
                <p>{text}</p>
            </div>
        }
    })
}

/// Shows a target in the chosen layer, in a quantity that it has.
fn show(state: ViewState, slide: Signal<SlideDetail>, model: &str, target: &str) {
    state.show_target(model, target);
    state.change_layer(|layer| slide.with_untracked(|slide| settled(slide, layer)));
}

/// The target that a model goes on with: the one from before where the model has it, else its first.
fn target_of(slide: &SlideDetail, model: &str, before: Option<String>) -> Option<String> {
    let targets = &slide
        .models
        .iter()
        .find(|other| other.key == model)?
        .targets;
    let same = targets
        .iter()
        .find(|target| Some(&target.key) == before.as_ref());
    same.or(targets.first()).map(|target| target.key.clone())
}

/// Why what the model says of this slide means nothing, when that is so.
fn caveat(summary: &SlideSummary, model: &ModelOnSlide) -> Option<(String, String)> {
    let cohort = &model.training_cohort;
    if summary.tissue != "marrow" {
        let tissue = format::capitalised(&summary.tissue);
        let learned = if cohort.synthetic {
            "synthetic marrow"
        } else {
            "marrow"
        };
        Some((
            format!("{tissue}, not marrow"),
            format!(
                "The models were trained on {learned}. What they say of this slide means nothing: it is here to look at, and to show how a heatmap lies on a real slide."
            ),
        ))
    } else if cohort.synthetic && !summary.cohort.synthetic {
        Some((
            "Trained on synthetic marrow only".to_owned(),
            "The model has never seen a real slide. What it says of this one means nothing; it shows how the program works.".to_owned(),
        ))
    } else {
        None
    }
}

/// Which fold models speak of this slide, and why these.
fn voices(model: &ModelOnSlide) -> String {
    let models = model.entitled_models;
    match (model.in_training_cohort, models) {
        (true, 1) => "This patient belongs to the training cohort: only the one fold model that has never seen them speaks.".to_owned(),
        (true, _) => format!("This patient belongs to the training cohort: only the {models} fold models that have never seen them speak."),
        (false, 1) => "One fold model speaks; it has never seen this patient.".to_owned(),
        (false, _) => format!("Mean of {models} fold models; none has seen this patient."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::geometry::Mpp;
    use domain::view::{CohortSummary, JobCounts};

    fn cohort(synthetic: bool) -> CohortSummary {
        CohortSummary {
            key: "c".to_owned(),
            title: "C".to_owned(),
            synthetic,
        }
    }

    fn slide(tissue: &str, synthetic: bool) -> SlideSummary {
        SlideSummary {
            code: "S-0001".to_owned(),
            version: "0".repeat(12),
            patient: "P-0001".to_owned(),
            specimen: "P-0001-D".to_owned(),
            cohort: cohort(synthetic),
            tissue: tissue.to_owned(),
            width: 10,
            height: 10,
            mpp: Mpp::square(0.5),
            objective: None,
            tiles: None,
            encoded: true,
            models: 1,
            findings: Vec::new(),
            jobs: JobCounts::default(),
        }
    }

    fn model(in_training_cohort: bool, entitled_models: u32) -> ModelOnSlide {
        ModelOnSlide {
            key: "m".to_owned(),
            title: "M".to_owned(),
            predictor: "Gated attention".to_owned(),
            encoder: "E".to_owned(),
            training_cohort: cohort(true),
            training_patients: 48,
            terms_version: "1".to_owned(),
            in_training_cohort,
            entitled_models,
            targets: Vec::new(),
        }
    }

    #[test]
    fn a_slide_that_is_not_marrow_is_called_meaningless() {
        let (title, text) = caveat(&slide("skin", false), &model(false, 5)).unwrap();
        assert_eq!(title, "Skin, not marrow");
        assert!(text.contains("synthetic marrow") && text.contains("means nothing"));
    }

    #[test]
    fn real_marrow_under_a_model_of_drawn_marrow_is_called_meaningless_too() {
        assert!(
            caveat(&slide("marrow", false), &model(false, 5))
                .unwrap()
                .1
                .contains("means nothing")
        );
        assert_eq!(caveat(&slide("marrow", true), &model(true, 1)), None);
    }

    #[test]
    fn it_is_said_which_fold_models_speak() {
        assert!(voices(&model(true, 1)).contains("the one fold model that has never seen them"));
        assert!(voices(&model(true, 3)).contains("only the 3 fold models"));
        assert_eq!(
            voices(&model(false, 5)),
            "Mean of 5 fold models; none has seen this patient."
        );
    }
}
