//! How a model did on the patients that its fold models had not seen.

use domain::view::{ModelSummary, TargetOfModel};
use leptos::prelude::*;

use crate::components::{IntervalBar, SyntheticBadge};
use crate::erase::Erase;
use crate::format;

/// A model with one row per target: AUROC with its interval, drawn and in numbers, and the n behind it.
#[component]
pub fn ModelTable(
    /// The model.
    model: ModelSummary,
) -> impl IntoView {
    let about = format!(
        "{} on {}. {}, {}.",
        model.predictor,
        model.encoder,
        format::count(
            model.training_patients,
            "training patient",
            "training patients"
        ),
        format::count(model.fold_models, "fold model", "fold models"),
    );
    view! {
        <section class="model" id=format!("model-{}", model.key)>
            <h3 class="model__title">{model.title.clone()}</h3>
            <p class="soft">{about}</p>
            <p class="soft">
                "Trained on " {model.training_cohort.title.clone()} " "
                {model.training_cohort.synthetic.then(|| view! { <SyntheticBadge /> })}
            </p>
            <div class="scroll">
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">"Target"</th>
                            <th scope="col">"With / without"</th>
                            <th scope="col">"AUROC (95 % interval)"</th>
                            <th scope="col" class="table__chart">
                                <span class="hidden">"AUROC, drawn"</span>
                                <span class="axis" aria-hidden="true">
                                    <span>"0"</span>
                                    <span>"0.5"</span>
                                    <span>"1"</span>
                                </span>
                            </th>
                            <th scope="col">"Sign"</th>
                        </tr>
                    </thead>
                    <tbody>
                        {model.targets.into_iter().map(|target| view! { <TargetRow target=target /> }).collect_view()}
                    </tbody>
                </table>
            </div>
        </section>
    }
    .erase()
}

/// What the numbers of a model mean: stands once below all tables.
#[component]
pub fn ModelNote() -> impl IntoView {
    view! {
        <p class="note">
            "Each patient is judged only by fold models that have not seen them; only pairs of patients within a fold are compared. The intervals are conditional on these models: they hold for new patients, not for new training. An AUROC of 0.5 is chance; where there is room the thin line marks it."
        </p>
    }
}

#[component]
fn TargetRow(target: TargetOfModel) -> impl IntoView {
    let evaluation = target.evaluation;
    let auroc = evaluation.auroc;
    let numbers = auroc
        .as_ref()
        .map_or_else(|| "not to be had".to_owned(), format::interval);
    let chart = auroc.map(|auroc| {
        view! {
            <IntervalBar
                estimate=auroc.estimate
                range=Some((auroc.low, auroc.high))
                compare=Some(0.5)
            />
        }
    });
    view! {
        <tr>
            <th scope="row">{target.title}</th>
            <td class="num">{format!("{} / {}", evaluation.positives, evaluation.negatives)}</td>
            <td class="num">{numbers}</td>
            <td class="table__chart">{chart}</td>
            <td>{target.sign.map(|sign| sign.kind.title())}</td>
        </tr>
    }
    .erase()
}
