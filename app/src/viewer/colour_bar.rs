//! The colour bar under the histogram, on its axis, with the ends of the colours as fields.

use domain::layer::{Grading, LayerSpec};
use leptos::html;
use leptos::prelude::*;

use super::format::exact;
use super::layer_change::Edited;
use super::span::{Axis, End, field_step, range_with, rounded};
use super::summary::{grade_unit, value_text};
use super::told::LayerSummary;
use crate::erase::Erase;

/// The bar, its ticks, and the two values at which the colours end.
pub fn colour_bar(edited: Edited, summary: Memo<Option<LayerSummary>>) -> impl IntoView {
    let layer = edited.layer;
    // A value that cannot be an end stays in its field and is marked until another one is entered or something else changes.
    let refused = RwSignal::new(None::<End>);
    Effect::new(move |_| {
        layer.track();
        refused.set(None);
    });
    // Where on the axis the colours end.
    let ends = move || {
        summary.with(|summary| {
            summary.as_ref().map_or((0.0, 1.0), |summary| {
                let axis = Axis::of(summary);
                (axis.share(summary.range.0), axis.share(summary.range.1))
            })
        })
    };
    let gradient = Memo::new(move |_| {
        let (from, to) = ends();
        layer.with(|layer| layer.colour_map.css_gradient_between(from, to))
    });
    let mark = move |share: fn((f64, f64)) -> f64| {
        let left = move || [&(share(ends()) * 100.0).to_string(), "%"].concat();
        view! { <span class="colour-bar__mark" style:left=left></span> }
    };
    // The ends of the axis need a number of their own only where the fields do not say it.
    let tick = move |share: f64, test_id: &'static str| {
        let text = move || {
            summary.with(|summary| {
                let summary = summary.as_ref()?;
                let value = Axis::of(summary).value_at(share);
                let is_end = value == summary.range.0 || value == summary.range.1;
                (!is_end).then(|| value_text(summary.signed, value))
            })
        };
        view! { <span data-testid=test_id>{text}</span> }
    };
    let unit = move || summary.with(|summary| summary.as_ref().map(grade_unit));
    let fields = [
        (
            End::Low,
            "Value at the low end of the colours",
            "layer-range-low",
        ),
        (
            End::High,
            "Value at the high end of the colours",
            "layer-range-high",
        ),
    ]
    .map(|(end, name, test_id)| end_field(edited, summary, refused, end, name, test_id).erase());
    let [low, high] = fields;
    view! {
        <div class="colour-bar" style:background=gradient aria-hidden="true" data-testid="colour-bar">
            {mark(|(from, _)| from)} {mark(|(_, to)| to)}
        </div>
        <p class="colour-bar__ticks" aria-hidden="true">
            {tick(0.0, "colour-bar-low")} {tick(0.5, "colour-bar-middle")} {tick(1.0, "colour-bar-high")}
        </p>
        <div class="colour-bar__ends">{low} <span class="colour-bar__unit">{unit}</span> {high}</div>
        <p class="colour-bar__problem" role="alert" hidden=move || refused.get().is_none()>
            "The low end must be a number below the high end."
        </p>
    }
}

/// One end of the colours as a field.
fn end_field(
    edited: Edited,
    summary: Memo<Option<LayerSummary>>,
    refused: RwSignal<Option<End>>,
    end: End,
    name: &'static str,
    test_id: &'static str,
) -> impl IntoView {
    let layer = edited.layer;
    let input = NodeRef::<html::Input>::new();
    let entered = RwSignal::new(());
    // Written anew after every entry, too: what was typed may mean the range that there was before.
    Effect::new(move |_| {
        entered.track();
        let is_fitted = layer.with(|layer| layer.range.is_none());
        let value = summary.with(|summary| {
            let range = summary.as_ref()?.range;
            Some(if end == End::Low { range.0 } else { range.1 })
        });
        if let Some((input, value)) = input.get().zip(value) {
            input.set_value(&exact(if is_fitted { rounded(value) } else { value }));
        }
    });
    let step = move || {
        summary.with(|summary| {
            let summary = summary.as_ref()?;
            let step = match summary.grading {
                Grading::Value => field_step(summary.range.0.abs().max(summary.range.1.abs())),
                Grading::Percentile => 1.0,
            };
            Some(exact(step))
        })
    };
    let set = move |event| {
        let range = event_target_value(&event).parse().ok().and_then(|value| {
            summary.with_untracked(|summary| range_with(summary.as_ref()?, end, value))
        });
        match range {
            Some(_) => {
                edited.change(|layer| LayerSpec { range, ..layer });
                entered.set(());
            }
            None => refused.set(Some(end)),
        }
    };
    view! {
        <input
            node_ref=input
            type="number"
            class="input colour-bar__end"
            aria-label=name
            title=name
            aria-invalid=move || (refused.get() == Some(end)).to_string()
            data-testid=test_id
            step=step
            on:change=set
        />
    }
}
