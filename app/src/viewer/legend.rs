//! What the colours mean, and how they were made.

use domain::layer::Quantity;
use leptos::prelude::*;

use super::format::{exact, number, signed};
use super::state::{LayerSummary, OverlayStatus, ViewState};

/// How values became colours, one sentence.
fn normalisation(summary: &LayerSummary) -> String {
    let tiles = summary.tiles.to_string();
    let range = summary.extremes.map_or_else(String::new, |(low, high)| {
        let write = if summary.quantity.is_signed() {
            signed
        } else {
            number
        };
        [" (", &write(low), " to ", &write(high), ")"].concat()
    });
    match summary.quantity {
        Quantity::TileProbability => [
            "Fixed range 0 to 1; this slide\u{2019}s ",
            &tiles,
            " tiles",
            &range,
            ".",
        ]
        .concat(),
        Quantity::Attention => [
            "From 0 to the largest of this slide\u{2019}s ",
            &tiles,
            " tiles",
            &range,
            ".",
        ]
        .concat(),
        _ => [
            "Symmetrical about 0, as far as the farthest of this slide\u{2019}s ",
            &tiles,
            " tiles",
            &range,
            ".",
        ]
        .concat(),
    }
}

fn fold_models(count: usize) -> String {
    match count {
        1 => "One fold model.".to_owned(),
        count => ["Mean of ", &count.to_string(), " fold models."].concat(),
    }
}

/// The legend of the layer that is shown; nothing while none is.
#[component]
pub fn Legend() -> impl IntoView {
    let state = ViewState::from_context();
    let gradient = Memo::new(move |_| {
        state.layer.with(|layer| {
            layer
                .as_ref()
                .map(|layer| layer.colour_map.css_gradient())
                .unwrap_or_default()
        })
    });
    view! {
        <div class="legend" data-testid="legend">
            {move || match state.overlay.get() {
                OverlayStatus::Off => ().into_any(),
                OverlayStatus::Loading => view! { <p class="note" role="status">"Loading the heatmap"</p> }.into_any(),
                OverlayStatus::Failed(problem) => {
                    view! {
                        <p class="legend__problem" role="alert" data-testid="legend-problem">{problem}</p>
                    }
                        .into_any()
                }
                OverlayStatus::Shown(summary) => shown(&summary, gradient).into_any(),
            }}
        </div>
    }
}

fn shown(summary: &LayerSummary, gradient: Memo<String>) -> impl IntoView + use<> {
    let range = summary.normalisation;
    let write = if summary.quantity.is_signed() {
        signed
    } else {
        number
    };
    let bound = |value: f64, test_id: &'static str| {
        view! { <span data-testid=test_id data-value=exact(value)>{write(value)}</span> }
    };
    let unit = summary.quantity.unit(summary.scale);
    view! {
        <p class="legend__title">
            <strong data-testid="legend-quantity">{summary.quantity.title()}</strong>
            <span data-testid="legend-target">{summary.target.clone()}</span>
            <span class="legend__model">{summary.model.clone()}</span>
        </p>
        <div class="legend__bar" style:background=move || gradient.get() aria-hidden="true"></div>
        <p class="legend__numbers">
            {bound(range.low, "legend-low")} {bound(f64::midpoint(range.low, range.high), "legend-mid")}
            {bound(range.high, "legend-high")}
        </p>
        <p class="note" data-testid="legend-unit">"Unit: " {unit}</p>
        <p class="note" data-testid="legend-normalisation">{normalisation(summary)}</p>
        <p class="note" data-testid="legend-models">{fold_models(summary.fold_models)}</p>
        {summary
            .notes
            .iter()
            .map(|note| view! { <p class="legend__caution">{note.clone()}</p> })
            .collect_view()}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::layer::Normalisation;
    use domain::score::Scale;

    #[test]
    fn the_legend_says_how_it_was_normalised() {
        let summary = |quantity| LayerSummary {
            model: String::new(),
            target: String::new(),
            quantity,
            scale: Scale::Logit,
            normalisation: Normalisation {
                low: -0.5,
                high: 0.5,
            },
            extremes: Some((-0.5, 0.25)),
            tiles: 81,
            fold_models: 1,
            notes: Vec::new(),
        };
        let text = normalisation(&summary(Quantity::Contribution));
        assert!(text.contains("Symmetrical about 0") && text.contains("81 tiles"));
        assert!(text.contains("(\u{2212}0.500 to +0.250)"), "{text}");
        assert!(normalisation(&summary(Quantity::TileProbability)).contains("Fixed range 0 to 1"));
        assert!(normalisation(&summary(Quantity::Attention)).contains("From 0"));
        assert_eq!(fold_models(1), "One fold model.");
        assert_eq!(fold_models(3), "Mean of 3 fold models.");
    }
}
