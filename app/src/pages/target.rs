//! How one model did on one target: plots, folds, and where each number comes from.

use domain::report::{AlleleFrequencyReport, FoldReport, TargetReport};
use domain::view::{Evaluation, Sign};
use domain::warning::warnings;
use leptos::prelude::*;

use crate::api;
use crate::components::{Facts, Failure, Icon, IconName, PlotFigure, SyntheticBadge};
use crate::erase::Erase;
use crate::format;
use crate::format::{p_value, signed_interval, wide_interval};
use crate::load::load;

/// The page at `/models/{model}/{target}`.
#[component]
pub fn TargetPage(
    /// Key of the model.
    model: String,
    /// Key of the target.
    target: String,
) -> impl IntoView {
    let title = format!("{target} by {model}");
    let report = load(
        move || (model.clone(), target.clone()),
        |(model, target)| api::target_report(model, target),
    );
    let body = move || {
        report.get().map(|answer| match answer {
            Err(error) => {
                super::respond_with(&error);
                view! {
                    <h1 class="page__title">{title.clone()}</h1>
                    <Failure error=error retry=move |()| report.refetch() />
                }
                .erase()
            }
            Ok(report) => view! { <Report report=report /> }.erase(),
        })
    };
    view! {
        <div class="page">
            <Transition fallback=|| view! { <p class="soft" aria-busy="true">"Loading…"</p> }>{body}</Transition>
        </div>
    }
    .erase()
}

#[component]
fn Report(report: TargetReport) -> impl IntoView {
    let TargetReport {
        model,
        model_title,
        predictor,
        encoder,
        cohort,
        target,
        plots,
        folds,
        allele_frequency,
        provenance,
    } = report;
    let base = format!("/api/v1/models/{model}/targets/{}/plots", target.key);
    let doubts = warnings(&target.evaluation)
        .into_iter()
        .map(|warning| view! { <li>{warning.describe()}</li> })
        .collect::<Vec<_>>();
    let doubts = (!doubts.is_empty()).then(|| {
        view! {
            <div class="notice notice--warn" role="note">
                <h2 class="notice__title">
                    <Icon name=IconName::Warning />
                    "Before you believe it"
                </h2>
                <ul>{doubts}</ul>
            </div>
        }
    });
    let sign = target.sign.clone().map(
        |Sign {
             kind,
             text,
             citation,
         }| {
            view! {
                <p>
                    <strong>{format::capitalised(kind.describe())}</strong>
                    ". "
                    {text}
                    {citation.map(|citation| view! { <cite>" "{citation}</cite> })}
                </p>
            }
        },
    );
    let plots = plots
        .into_iter()
        .map(|plot| view! { <PlotFigure plot=plot base=base.clone() /> })
        .collect_view();
    view! {
        <header class="page__head page__head--named">
            <a class="button button--bare" href=format!("/models?model={model}") aria-label="All targets" title="All targets">
                <Icon name=IconName::Back />
            </a>
            <h1 class="page__title">{target.title.clone()}</h1>
            {cohort.synthetic.then(|| view! { <SyntheticBadge /> })}
        </header>
        <p class="soft">{format!("{model_title}: {predictor} on {encoder}, trained on {}", cohort.title)}</p>
        {sign}
        {doubts}
        <section class="block">
            <h2 class="block__title">"Out of fold"</h2>
            <Facts rows=facts(&target.evaluation, allele_frequency.as_ref()) />
        </section>
        <section class="block">
            <h2 class="block__title">"Plots"</h2>
            <div class="plots">{plots}</div>
        </section>
        <section class="block">
            <h2 class="block__title">"Folds"</h2>
            {fold_table(folds)}
        </section>
        <section class="block">
            <h2 class="block__title">"Where each number comes from"</h2>
            <Origin />
            <Facts rows=provenance.iter().map(|(name, value)| (name.clone(), value.clone())).collect() />
        </section>
    }
    .erase()
}

/// The numbers in words.
fn facts(
    evaluation: &Evaluation,
    allele_frequency: Option<&AlleleFrequencyReport>,
) -> Vec<(String, String)> {
    let Evaluation {
        positives,
        negatives,
        auroc,
        p,
        adjusted_p,
        average_precision,
        brier,
        scaled_brier,
        calibration_slope,
        calibration_intercept,
        beyond_colour,
    } = evaluation;
    let all = positives + negatives;
    let share = f64::from(*positives) / f64::from(all.max(1));
    let mut rows = vec![(
        "Patients with / without",
        format!("{positives} / {negatives}"),
    )];
    rows.extend(auroc.map(|auroc| ("AUROC, 95 % interval", format::interval(&auroc))));
    rows.extend(beyond_colour.map(|comparison| {
        (
            "Beyond colour alone",
            format!(
                "{}, p {}",
                signed_interval(&comparison.difference),
                p_value(comparison.p)
            ),
        )
    }));
    rows.extend(p.zip(*adjusted_p).map(|(p, adjusted)| {
        (
            "p (adjusted over targets)",
            format!("{} ({})", p_value(p), p_value(adjusted)),
        )
    }));
    rows.extend(average_precision.map(|precision| {
        (
            "Average precision",
            format!("{}; chance is {share:.2}", format::interval(&precision)),
        )
    }));
    rows.extend(brier.zip(*scaled_brier).map(|(brier, scaled)| {
        (
            "Brier score (scaled)",
            format!("{brier:.3} ({})", format::signed(scaled)),
        )
    }));
    rows.extend(calibration_slope.map(|slope| ("Calibration slope", wide_interval(&slope))));
    rows.extend(
        calibration_intercept
            .map(|intercept| ("Calibration in the large", signed_interval(&intercept))),
    );
    rows.extend(allele_frequency.map(|report| {
        let AlleleFrequencyReport {
            rho,
            low,
            high,
            p,
            patients,
        } = *report;
        let interval = domain::view::Interval {
            estimate: rho,
            low,
            high,
        };
        let text = format!(
            "ρ {}, p {}, {}",
            signed_interval(&interval),
            p_value(p),
            format::count(
                patients,
                "patient with the finding",
                "patients with the finding"
            )
        );
        ("Score and allele frequency (Spearman)", text)
    }));
    rows.into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn fold_table(folds: Vec<FoldReport>) -> impl IntoView {
    let rows = folds
        .into_iter()
        .map(|fold| {
            let FoldReport {
                repeat,
                fold,
                positives,
                negatives,
                auroc,
                epochs,
                penalty,
            } = fold;
            let how = match (epochs, penalty) {
                (Some(epochs), _) => format::count(epochs, "epoch", "epochs"),
                (None, Some((lambda, non_zero))) => {
                    format!("λ {lambda:.3e}, {}", format::count(non_zero, "coefficient", "coefficients"))
                }
                (None, None) => "nothing to learn".to_owned(),
            };
            view! {
                <tr>
                    <th scope="row">{format!("{repeat}.{fold}")}</th>
                    <td class="num">{format!("{positives} / {negatives}")}</td>
                    <td class="num">{auroc.map_or_else(|| "one kind only".to_owned(), |auroc| format!("{auroc:.2}"))}</td>
                    <td class="num">{how}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="scroll">
            <table class="table table--narrow">
                <thead>
                    <tr>
                        <th scope="col">"Repeat.fold"</th>
                        <th scope="col">"Tested with / without"</th>
                        <th scope="col">"AUROC among them"</th>
                        <th scope="col">"Fitted with"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
}

/// In plain words, the same for every model.
#[component]
fn Origin() -> impl IntoView {
    view! {
        <p class="prose">
            "The patients were split into folds, so that the share with the finding is about the same in each. For every fold a model was fitted to the patients of the other folds; within those, inner folds decided how long or how strictly it was fitted, and how scores become probabilities. The patients of the fold itself were looked at once, at the end. Every number and plot here is made of those looks: one score and one probability per patient, from a model that had never seen the patient. Scores of different fold models have different scales, so only patients of the same fold are compared with each other. The intervals are conditional on these models: they say how the numbers would vary with other patients, not with other training."
        </p>
    }
}
