//! What must be said beside a slide that has the whole screen to itself: what it is, what its colours mean, what it is not for.

use domain::NOT_FOR_DIAGNOSIS;
use domain::view::SlideSummary;
use leptos::prelude::*;

use super::state::ViewState;
use super::summary::{grade_unit, layer_title, models_title, value_text};
use super::told::OverlayStatus;
use crate::erase::Erase;

/// Seen on the whole screen only; elsewhere the page and its panel say the same.
#[component]
pub fn ScreenCaption(summary: SlideSummary) -> impl IntoView {
    let state = ViewState::from_context();
    let synthetic = if summary.cohort.synthetic {
        " (synthetic)"
    } else {
        ""
    };
    let name = [&summary.code, synthetic, ". ", NOT_FOR_DIAGNOSIS, "."].concat();
    let layers = move || {
        let layers = state.layers.get();
        state.overlays.with(|overlays| {
            layers
                .iter()
                .zip(overlays)
                .rev()
                .filter_map(|(layer, status)| {
                    let OverlayStatus::Shown(summary) = status else {
                        return None;
                    };
                    let title = layer_title(&summary.target, summary.quantity, false);
                    let models = models_title(&summary.model, summary.minus.as_deref());
                    let title =
                        [&title, " \u{b7} ", &models, ", in ", grade_unit(summary)].concat();
                    let (low, high) = summary.range;
                    let gradient = layer.colour_map.css_gradient();
                    Some(view! {
                        <span class="caption__layer">
                            {title} " " {value_text(summary.signed, low)}
                            <span class="caption__bar" style:background=gradient></span>
                            {value_text(summary.signed, high)}
                        </span>
                    })
                })
                .collect_view()
        })
    };
    view! {
        <p class="caption" data-testid="screen-caption">
            <strong>{name}</strong>
            {layers}
        </p>
    }
    .erase()
}
