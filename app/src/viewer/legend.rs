//! What the colours mean, and how they were made.

use domain::layer::Quantity;
use leptos::prelude::*;

use super::format::{exact, number, signed};
use super::state::{LayerSummary, OverlayStatus, ViewState};

/// Writes a value of the quantity.
pub fn value_text(quantity: Quantity, value: f64) -> String {
    if quantity.is_signed() {
        signed(value)
    } else {
        number(value)
    }
}

/// How values became colours, one sentence.
fn normalisation(summary: &LayerSummary) -> String {
    let tiles = summary.tiles.to_string();
    let range = summary.extremes.map_or_else(String::new, |(low, high)| {
        let write = |value| value_text(summary.quantity, value);
        [" (", &write(low), " to ", &write(high), ")"].concat()
    });
    let rule = match summary.quantity {
        Quantity::TileProbability => "Fixed range 0 to 1; this slide\u{2019}s ",
        Quantity::Attention => "From 0 to the largest of this slide\u{2019}s ",
        _ => "Symmetrical about 0, as far as the farthest of this slide\u{2019}s ",
    };
    let middle = if summary.quantity.is_signed() {
        ". Near 0 the tissue shows through."
    } else {
        "."
    };
    [rule, &tiles, " tiles", &range, middle].concat()
}

fn fold_models(count: usize) -> String {
    match count {
        1 => "One fold model.".to_owned(),
        count => ["Mean of ", &count.to_string(), " fold models."].concat(),
    }
}

/// The three values on the bar.
const MARKS: [(&str, f64); 3] = [
    ("legend-low", 0.0),
    ("legend-mid", 0.5),
    ("legend-high", 1.0),
];

/// The legend of the layer that is shown; nothing while none is.
#[component]
pub fn Legend() -> impl IntoView {
    let state = ViewState::from_context();
    let gradient = move || {
        state
            .chosen_layer()
            .map(|layer| layer.colour_map.css_gradient())
            .unwrap_or_default()
    };
    // The parts are always there and change their words: small, and the same on both sides.
    let text = move |write: fn(&LayerSummary) -> String| {
        move || match state.chosen_status() {
            OverlayStatus::Shown(summary) => write(&summary),
            _ => String::new(),
        }
    };
    let is_shown = move || matches!(state.chosen_status(), OverlayStatus::Shown(_));
    let message = move || match state.chosen_status() {
        OverlayStatus::Loading => "Loading the heatmap…".to_owned(),
        OverlayStatus::Failed(problem) => problem,
        OverlayStatus::Off | OverlayStatus::Shown(_) => String::new(),
    };
    let has_failed = move || matches!(state.chosen_status(), OverlayStatus::Failed(_));
    let marks = MARKS
        .map(|(test_id, share)| {
            let value = move |write: fn(Quantity, f64) -> String| {
                move || match state.chosen_status() {
                    OverlayStatus::Shown(summary) => {
                        let (low, high) = summary.range;
                        write(summary.quantity, low * (1.0 - share) + high * share)
                    }
                    _ => String::new(),
                }
            };
            view! {
                <span data-testid=test_id data-value=value(|_, value| exact(value))>
                    {value(value_text)}
                </span>
            }
        })
        .collect_view();
    let notes = move || match state.chosen_status() {
        OverlayStatus::Shown(summary) => summary
            .notes
            .into_iter()
            .map(|note| view! { <p class="legend__caution">{note}</p> })
            .collect(),
        _ => Vec::new(),
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
        <div class="legend" data-testid="legend" hidden=move || !is_shown()>
            <p class="legend__title">
                <strong data-testid="legend-target">{text(|summary| summary.target.clone())}</strong>
                <span data-testid="legend-quantity">{text(|summary| summary.quantity.title().to_owned())}</span>
                <span class="legend__soft" data-testid="legend-unit">
                    {text(|summary| ["in ", summary.quantity.unit(summary.scale)].concat())}
                </span>
                <span class="legend__soft">{text(|summary| summary.model.clone())}</span>
            </p>
            <div class="legend__bar" style:background=gradient aria-hidden="true"></div>
            <p class="legend__numbers">{marks}</p>
            <p class="note">
                <span data-testid="legend-normalisation">{text(normalisation)}</span>
                " "
                <span data-testid="legend-models">{text(|summary| fold_models(summary.fold_models.0))}</span>
            </p>
            {notes}
        </div>
    }
}
