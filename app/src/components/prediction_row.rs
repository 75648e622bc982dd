//! What a model says of one target of a slide, with all that one must know to believe it or not.

use domain::target::{SignKind, TargetKind};
use domain::view::{Evaluation, ObservationView, PredictionView, Sign, TargetOnSlide};
use leptos::prelude::*;

use crate::components::IntervalBar;
use crate::erase::Erase;
use crate::format;

/// A target: probability with spread, what is known, how the model did, and the sign behind it. Its name is a button that
/// puts the target on the slide.
#[component]
pub fn PredictionRow(
    /// The target on this slide.
    target: TargetOnSlide,
    /// How many fold models speak.
    entitled_models: u32,
    /// Whether this target is the one on the slide.
    #[prop(into)]
    shown: Signal<bool>,
    /// Whether it can be put there: without WebGL2 no heatmap is drawn.
    #[prop(into)]
    can_be_shown: Signal<bool>,
    /// Puts the target on the slide.
    #[prop(into)]
    on_choose: Callback<()>,
) -> impl IntoView {
    let evaluation = target.evaluation;
    let prevalence = share_with(&evaluation);
    let value = target.prediction.map(|prediction| {
        let probability = prediction.probability.map(|estimate| {
            view! {
                <IntervalBar estimate=estimate range=prediction.probability_spread compare=prevalence />
            }
        });
        view! {
            <p class="prediction__value">
                <strong class="num">{value_of(&prediction)}</strong>
                <span class="soft num">{spread_of(&prediction, entitled_models)}</span>
            </p>
            {probability}
        }
    });
    let value = value.map_or_else(
        || view! { <p class="soft">"No prediction yet."</p> }.erase(),
        Erase::erase,
    );
    // Its kind always, its words where the target is on the slide or somebody asks: the list stays short.
    let sign = target.sign.clone().map(
        |Sign {
             kind,
             text,
             citation,
         }| {
            let kind_text = format::capitalised(kind.describe());
            if kind == SignKind::Null {
                return view! { <p class="prediction__sign">{kind_text}</p> }.erase();
            }
            view! {
                <details class="prediction__sign" prop:open=move || shown.get()>
                    <summary>{kind_text}</summary>
                    <p>
                        {text} {citation.map(|citation| view! { <cite>" "{citation}</cite> })}
                    </p>
                </details>
            }
            .erase()
        },
    );
    view! {
        <li class=move || if shown.get() { "prediction prediction--shown" } else { "prediction" }>
            <button
                class="prediction__target"
                aria-pressed=move || shown.get().to_string()
                disabled=move || !can_be_shown.get()
                title=move || can_be_shown.get().then_some("Show this target on the slide")
                on:click=move |_| on_choose.run(())
            >
                {target.title.clone()}
            </button>
            {value}
            <p class="prediction__line">{truth(target.observation, target.kind)}</p>
            <p class="prediction__line soft num">{trained_on(&evaluation)}</p>
            <p class="prediction__line soft num">{reliability(&evaluation)}</p>
            {sign}
        </li>
    }
    .erase()
}

fn value_of(prediction: &PredictionView) -> String {
    match prediction.probability {
        Some(probability) => format!("Probability {}", format::probability(probability)),
        None => format!("Score {}", format::signed(prediction.score)),
    }
}

/// The range over the fold models that speak; never called an interval.
fn spread_of(prediction: &PredictionView, entitled_models: u32) -> String {
    if entitled_models <= 1 {
        return "one model, no spread".to_owned();
    }
    let range = match (prediction.probability_spread, prediction.spread) {
        (Some(range), _) => format::probability_range(range),
        (None, Some((low, high))) => format!("{} to {}", format::signed(low), format::signed(high)),
        (None, None) => return format!("mean of {entitled_models} models"),
    };
    format!("spread {range} over {entitled_models} models")
}

fn truth(observation: Option<ObservationView>, kind: TargetKind) -> String {
    match observation {
        None => "Observed: not known".to_owned(),
        Some(ObservationView { present: false, .. }) => "Observed: absent".to_owned(),
        Some(ObservationView {
            present: true,
            allele_frequency: None,
        }) => "Observed: present".to_owned(),
        Some(ObservationView {
            present: true,
            allele_frequency: Some(share),
        }) => {
            let share = format::percent(share);
            match kind {
                TargetKind::Cytogenetic => format!("Observed: present in {share} of metaphases"),
                _ => format!("Observed: present, allele frequency {share}"),
            }
        }
    }
}

fn trained_on(evaluation: &Evaluation) -> String {
    format!(
        "Cohort: {} with and {} without it",
        format::count(evaluation.positives, "patient", "patients"),
        evaluation.negatives
    )
}

fn reliability(evaluation: &Evaluation) -> String {
    match &evaluation.auroc {
        None => "AUROC not to be had".to_owned(),
        Some(auroc) => {
            let chance = if auroc.low <= 0.5 {
                "; not shown to beat chance"
            } else {
                ""
            };
            format!("AUROC {}, 95 % interval{chance}", format::interval(auroc))
        }
    }
}

/// The share of training patients with the finding: what a model that knows nothing would say.
fn share_with(evaluation: &Evaluation) -> Option<f64> {
    let all = evaluation.positives + evaluation.negatives;
    (all > 0).then(|| f64::from(evaluation.positives) / f64::from(all))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::view::Interval;

    const PREDICTION: PredictionView = PredictionView {
        score: 1.3,
        probability: Some(0.81),
        spread: Some((0.9, 1.8)),
        probability_spread: Some((0.72, 0.86)),
    };

    #[test]
    fn one_model_has_no_spread() {
        assert_eq!(spread_of(&PREDICTION, 1), "one model, no spread");
        assert_eq!(spread_of(&PREDICTION, 5), "spread 0.72–0.86 over 5 models");
    }

    #[test]
    fn without_a_probability_the_score_is_told() {
        let linear = PredictionView {
            probability: None,
            probability_spread: None,
            ..PREDICTION
        };
        assert_eq!(value_of(&linear), "Score +1.30");
        assert_eq!(spread_of(&linear, 3), "spread +0.90 to +1.80 over 3 models");
    }

    #[test]
    fn an_interval_that_holds_one_half_is_called_out() {
        let evaluation = |low| Evaluation {
            positives: 12,
            negatives: 36,
            auroc: Some(Interval {
                estimate: 0.62,
                low,
                high: 0.8,
            }),
            ..Evaluation::default()
        };
        assert!(reliability(&evaluation(0.44)).ends_with("not shown to beat chance"));
        assert!(reliability(&evaluation(0.51)).ends_with("95 % interval"));
        assert_eq!(
            trained_on(&evaluation(0.5)),
            "Cohort: 12 patients with and 36 without it"
        );
        assert_eq!(share_with(&evaluation(0.5)), Some(0.25));
    }

    #[test]
    fn the_truth_is_told_as_far_as_it_is_known() {
        let observed = |present, allele_frequency| {
            Some(ObservationView {
                present,
                allele_frequency,
            })
        };
        let gene = |observation| truth(observation, TargetKind::Gene);
        assert_eq!(gene(None), "Observed: not known");
        assert_eq!(gene(observed(false, None)), "Observed: absent");
        assert_eq!(gene(observed(true, None)), "Observed: present");
        assert_eq!(
            gene(observed(true, Some(0.32))),
            "Observed: present, allele frequency 32 %"
        );
        assert_eq!(
            truth(observed(true, Some(0.32)), TargetKind::Cytogenetic),
            "Observed: present in 32 % of metaphases"
        );
    }
}
