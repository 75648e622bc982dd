//! What the colours mean, and how they were made: one legend per layer that is seen.

use domain::layer::LayerSpec;
use leptos::prelude::*;

use super::format::exact;
use super::heading::view_name;
use super::panes::Panes;
use super::state::ViewState;
use super::summary::{
    drawn, fold_models, grade_unit, in_words, models_title, normalisation, quantity_title,
    shown_summary, value_text,
};
use super::told::{LayerSummary, OverlayStatus};

/// The three values on the bar.
const MARKS: [(&str, f64); 3] = [
    ("legend-low", 0.0),
    ("legend-mid", 0.5),
    ("legend-high", 1.0),
];

/// A layer that is drawn.
#[derive(Clone, PartialEq)]
struct Entry {
    layer: LayerSpec,
    summary: LayerSummary,
    chosen: bool,
}

/// The legend of the chosen layer, and what it says for those who do not see it; nothing while it is not drawn.
#[component]
pub fn Legend() -> impl IntoView {
    let state = ViewState::from_context();
    let summary = shown_summary(state);
    // Said once per layer, not while the threshold moves.
    let words = Memo::new(move |_| {
        let mpp = state.mpp.get();
        summary.with(|summary| {
            summary
                .as_ref()
                .map_or_else(String::new, |summary| in_words(summary, mpp))
        })
    });
    let message = move || {
        let chosen = state.chosen_status();
        match chosen {
            OverlayStatus::Loading => return "Loading the heatmap…".to_owned(),
            OverlayStatus::Failed(problem) => return problem,
            OverlayStatus::Off | OverlayStatus::Shown(_) => {}
        }
        state.overlays.with(|overlays| {
            let failed = overlays.iter().find_map(|status| match status {
                OverlayStatus::Failed(problem) => Some(problem),
                _ => None,
            });
            failed.map_or_else(String::new, |problem| ["Another layer: ", problem].concat())
        })
    };
    let has_failed = move || {
        let is_failure = |status: &OverlayStatus| matches!(status, OverlayStatus::Failed(_));
        state
            .overlays
            .with(|overlays| overlays.iter().any(is_failure))
    };
    view! {
        <p
            class="legend__message"
            class:legend__message--bad=has_failed
            role="status"
            data-testid="legend-message"
            hidden=move || message().is_empty()
        >
            {message}
        </p>
        <p class="hidden" role="status" data-testid="legend-words">{words}</p>
        {legends(state, true)}
    }
}

/// The legends of the other layers that are seen, the top one first.
#[component]
pub fn OtherLegends() -> impl IntoView {
    legends(ViewState::from_context(), false)
}

fn legends(state: ViewState, of_chosen: bool) -> impl IntoView {
    let entries = Memo::new(move |_| {
        let chosen = state.chosen.get();
        let layers = state.layers.get();
        state.overlays.with(|overlays| {
            let entry =
                |(index, (layer, status)): (usize, (&LayerSpec, &OverlayStatus))| match status {
                    OverlayStatus::Shown(summary) => Some(Entry {
                        layer: layer.clone(),
                        summary: (**summary).clone(),
                        chosen: index == chosen,
                    }),
                    _ => None,
                };
            let pairs = layers.iter().zip(overlays).enumerate();
            let mut entries: Vec<Entry> = pairs
                .filter_map(entry)
                .filter(|entry| entry.chosen == of_chosen)
                .collect();
            entries.reverse();
            entries
        })
    });
    let panes = Panes::get();
    let view = Memo::new(move |_| view_name(panes, state));
    move || {
        let legend = |entry| legend(view, entry);
        entries.get().into_iter().map(legend).collect_view()
    }
}

/// One legend. Browser tests find the parts of the chosen layer's by their names.
fn legend(view: Memo<Option<&'static str>>, entry: Entry) -> impl IntoView {
    let Entry {
        layer,
        summary,
        chosen,
    } = entry;
    let named = |test_id: &'static str| chosen.then_some(test_id);
    let marks = MARKS
        .map(|(test_id, share)| {
            let (low, high) = summary.range;
            let value = low * (1.0 - share) + high * share;
            view! {
                <span data-testid=named(test_id) data-value=exact(value)>
                    {value_text(summary.signed, value)}
                </span>
            }
        })
        .collect_view();
    let notes: Vec<_> = summary
        .notes
        .iter()
        .map(|note| view! { <p class="legend__caution">{note.clone()}</p> })
        .collect();
    let quantity = quantity_title(summary.quantity, summary.minus.is_some());
    let unit = ["in ", grade_unit(&summary)].concat();
    let models = models_title(&summary.model, summary.minus.as_deref());
    let only = layer.threshold.map_or_else(String::new, |_| {
        [" ", &drawn(&summary, layer.threshold), "."].concat()
    });
    let how = view! {
        <p class="note">
            <span data-testid=named("legend-normalisation")>{normalisation(&summary, &layer)}</span>
            <span>{only}</span>
            " "
            <span data-testid=named("legend-models")>{fold_models(summary.fold_models)}</span>
        </p>
        {notes}
    };
    // Several in full would leave no room for the values.
    let how = if chosen {
        how.into_any()
    } else {
        view! {
            <details class="note">
                <summary>"How it was made"</summary>
                {how}
            </details>
        }
        .into_any()
    };
    view! {
        <div class="legend" class:legend--chosen=chosen data-testid=named("legend")>
            <p class="legend__title">
                <span
                    class="legend__view"
                    hidden=move || view.get().is_none()
                    data-testid=named("legend-view")
                >
                    {view}
                </span>
                <strong data-testid=named("legend-target")>{summary.target.clone()}</strong>
                <span data-testid=named("legend-quantity")>{quantity}</span>
                <span class="legend__soft" data-testid=named("legend-unit")>{unit}</span>
                <span class="legend__soft" data-testid=named("legend-model")>{models}</span>
            </p>
            <div class="legend__bar" style:background=layer.colour_map.css_gradient() aria-hidden="true"></div>
            <p class="legend__numbers">{marks}</p>
            {how}
        </div>
    }
}
