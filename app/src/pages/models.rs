//! What the models have learnt: one row per target, with all that is needed to believe or doubt it.

use std::cmp::Ordering;

use domain::view::{Evaluation, ModelSummary, TargetOfModel};
use domain::warning::warnings;
use leptos::prelude::*;

use crate::api;
use crate::components::{Failure, IntervalBar, ModelNote, ProgressPanel, SyntheticBadge};
use crate::erase::{Erase, Erased};
use crate::format;
use crate::live::Live;
use crate::load::load;
use crate::navigation;

/// The page at `/models`.
#[component]
pub fn ModelsPage() -> impl IntoView {
    let live = Live::get();
    let models = load(move || live.generation(), |_| api::models());
    let asked = navigation::query();
    let asked = asked.strip_prefix("model=").unwrap_or_default().to_owned();
    let chosen = RwSignal::new(asked);
    let order = RwSignal::new(Order::default());
    let body = move || {
        models.get().map(|answer| match answer {
            Err(error) => {
                super::respond_with(&error);
                view! { <Failure error=error retry=move |()| models.refetch() /> }.erase()
            }
            Ok(models) if models.is_empty() => {
                view! { <p class="soft">"No model has been trained yet."</p> }.erase()
            }
            Ok(models) => view! { <Models models=models chosen=chosen order=order /> }.erase(),
        })
    };
    view! {
        <div class="page">
            <h1 class="page__title">"Models"</h1>
            <ProgressPanel />
            <Transition fallback=|| view! { <p class="soft" aria-busy="true">"Loading…"</p> }>{body}</Transition>
        </div>
    }
    .erase()
}

#[component]
fn Models(
    models: Vec<ModelSummary>,
    chosen: RwSignal<String>,
    order: RwSignal<Order>,
) -> impl IntoView {
    let first = models
        .first()
        .map(|model| model.key.clone())
        .unwrap_or_default();
    let keys: Vec<String> = models.iter().map(|model| model.key.clone()).collect();
    // The one that was asked for, where there is one of that name.
    let shown = Memo::new(move |_| {
        let asked = chosen.get();
        if keys.contains(&asked) {
            asked
        } else {
            first.clone()
        }
    });
    let tabs = models
        .iter()
        .map(|model| {
            let (key, own) = (model.key.clone(), model.key.clone());
            view! {
                <button
                    type="button"
                    class="button"
                    aria-pressed=move || shown.with(|shown| *shown == own).to_string()
                    on:click=move |_| chosen.set(key.clone())
                >
                    {model.title.clone()}
                </button>
            }
        })
        .collect_view();
    let table = move || {
        let model = models
            .iter()
            .find(|model| shown.with(|shown| *shown == model.key));
        model
            .cloned()
            .map(|model| view! { <ModelTargets model=model order=order /> })
    };
    view! {
        <div class="models__choice" role="group" aria-label="Model">
            {tabs}
        </div>
        {table}
        <ModelNote />
    }
    .erase()
}

/// What the table is ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
enum Column {
    /// As the cohort has them.
    #[default]
    Target,
    Positives,
    Auroc,
    BeyondColour,
    AdjustedP,
    Calibration,
    Warnings,
}

impl Column {
    const ALL: [(Self, &'static str, &'static str); 7] = [
        (Self::Target, "Target", ""),
        (
            Self::Positives,
            "With / without",
            "Training patients with and without the finding",
        ),
        (
            Self::Auroc,
            "AUROC (95 %)",
            "Over pairs of patients of the same fold, out of fold",
        ),
        (
            Self::BeyondColour,
            "Beyond colour",
            "AUROC minus that of a model that sees only the colours of the tiles, same patients and folds (DeLong, paired)",
        ),
        (
            Self::AdjustedP,
            "p, adjusted",
            "One-sided p of the Wilcoxon statistic within folds, adjusted over the targets (Benjamini and Hochberg)",
        ),
        (
            Self::Calibration,
            "Calibration slope",
            "1 is right; below 1 the probabilities are too sure",
        ),
        (Self::Warnings, "Warnings", ""),
    ];

    /// A number to order by: more is better known or better learnt.
    fn value(self, target: &TargetOfModel) -> Option<f64> {
        let evaluation = &target.evaluation;
        match self {
            Self::Target => None,
            Self::Positives => Some(evaluation.positives.into()),
            Self::Auroc => evaluation.auroc.map(|auroc| auroc.estimate),
            Self::BeyondColour => evaluation
                .beyond_colour
                .map(|comparison| comparison.difference.estimate),
            Self::AdjustedP => evaluation.adjusted_p.map(|p| -p),
            Self::Calibration => evaluation.calibration_slope.map(|slope| slope.estimate),
            Self::Warnings => Some(-(warnings(evaluation).len() as f64)),
        }
    }
}

/// A column, and whether it is the other way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
struct Order {
    column: Column,
    reversed: bool,
}

impl Order {
    fn by(self, column: Column) -> Self {
        Self {
            column,
            reversed: self.column == column && !self.reversed,
        }
    }

    /// The targets in this order; what has no number comes last.
    fn sorted(self, mut targets: Vec<TargetOfModel>) -> Vec<TargetOfModel> {
        if self.column == Column::Target {
            if self.reversed {
                targets.reverse();
            }
            return targets;
        }
        targets.sort_by(
            |one, other| match (self.column.value(one), self.column.value(other)) {
                (Some(one), Some(other)) if self.reversed => one.total_cmp(&other),
                (Some(one), Some(other)) => other.total_cmp(&one),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => Ordering::Equal,
            },
        );
        targets
    }
}

#[component]
fn ModelTargets(model: ModelSummary, order: RwSignal<Order>) -> impl IntoView {
    let ModelSummary {
        key,
        title,
        predictor,
        encoder,
        training_cohort: cohort,
        training_patients,
        fold_models,
        targets,
    } = model;
    let about = format!(
        "{predictor} on {encoder}, {} of ",
        format::count(fold_models, "fold model", "fold models")
    );
    let patients = format::count(training_patients, "training patient", "training patients");
    let heads = Column::ALL
        .map(|(column, name, title)| {
            let sort = move || match order.get() {
                Order { column: own, .. } if own != column => None,
                Order { reversed: true, .. } => Some("ascending"),
                Order { .. } => Some("descending"),
            };
            view! {
                <th scope="col" aria-sort=sort>
                    <button
                        type="button"
                        class="table__sort"
                        title=(!title.is_empty()).then_some(title)
                        on:click=move |_| order.update(|order| *order = order.by(column))
                    >
                        {name}
                    </button>
                </th>
            }
        })
        .collect_view();
    let id = ["model-", &key].concat();
    let rows = move || {
        order
            .get()
            .sorted(targets.clone())
            .into_iter()
            .map(|target| row(&key, target))
            .collect_view()
    };
    view! {
        <section class="model" id=id aria-label=title>
            <p class="soft">
                {about} {patients} " of " {cohort.title} " " {cohort.synthetic.then(|| view! { <SyntheticBadge /> })}
            </p>
            <div class="scroll">
                <table class="table" data-testid="targets">
                    <thead>
                        <tr>{heads} <th scope="col">"Sign"</th></tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </section>
    }
    .erase()
}

fn row(model: &str, target: TargetOfModel) -> Erased {
    let TargetOfModel {
        key,
        title,
        sign,
        evaluation,
        ..
    } = target;
    let Evaluation {
        positives,
        negatives,
        auroc,
        adjusted_p,
        calibration_slope,
        beyond_colour,
        ..
    } = evaluation;
    let none = || "–".to_owned();
    let colour = beyond_colour.map(|comparison| comparison.difference);
    let bar = auroc.map(|auroc| {
        view! { <IntervalBar estimate=auroc.estimate range=Some((auroc.low, auroc.high)) compare=Some(0.5) /> }
    });
    let warnings = warnings(&evaluation)
        .into_iter()
        .map(|warning| {
            view! {
                <span class="badge badge--warn" title=warning.describe()>
                    {warning.title()}
                </span>
            }
        })
        .collect_view();
    view! {
        <tr>
            <th scope="row">
                <a href=format!("/models/{model}/{key}")>{title}</a>
            </th>
            <td class="num">{format!("{positives} / {negatives}")}</td>
            <td class="num">
                {auroc.as_ref().map_or_else(none, format::interval)} <span class="table__bar">{bar}</span>
            </td>
            <td class="num">{colour.as_ref().map_or_else(none, format::signed_interval)}</td>
            <td class="num">{adjusted_p.map_or_else(none, format::p_value)}</td>
            <td class="num">{calibration_slope.as_ref().map_or_else(none, format::wide_interval)}</td>
            <td class="table__warnings">{warnings}</td>
            <td>{sign.map(|sign| sign.kind.title())}</td>
        </tr>
    }
    .erase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::target::TargetKind;
    use domain::view::Interval;

    fn target(key: &str, auroc: Option<f64>) -> TargetOfModel {
        TargetOfModel {
            key: key.to_owned(),
            title: key.to_owned(),
            kind: TargetKind::Gene,
            sign: None,
            evaluation: Evaluation {
                auroc: auroc.map(|estimate| Interval {
                    estimate,
                    low: 0.4,
                    high: 1.0,
                }),
                ..Evaluation::default()
            },
        }
    }

    #[test]
    fn the_best_come_first_and_what_has_no_number_last() {
        let targets = vec![
            target("a", Some(0.6)),
            target("b", None),
            target("c", Some(0.9)),
        ];
        let keys = |order: Order| {
            let sorted = order.sorted(targets.clone());
            sorted
                .into_iter()
                .map(|target| target.key)
                .collect::<String>()
        };
        let order = Order::default();
        assert_eq!(keys(order), "abc");
        let by_auroc = order.by(Column::Auroc);
        assert_eq!(keys(by_auroc), "cab");
        assert_eq!(keys(by_auroc.by(Column::Auroc)), "acb");
        assert_eq!(by_auroc.by(Column::Target), Order::default());
    }
}
