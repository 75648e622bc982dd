//! The histogram of the chosen layer, on which tiles are chosen by their values; the colour bar lies under it on the same axis.

use domain::layer::{Grading, LayerSpec};
use leptos::ev::PointerEvent;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::colour_bar::colour_bar;
use super::layer_change::Edited;
use super::span::{Axis, End, STEPS, bar_height};
use super::summary::{drawn, grade_unit, shown_summary, value_text};
use super::told::{LayerSummary, OverlayStatus};
use crate::erase::Erase;
use crate::format::count;

/// How far the pointer must go before a press is a brush, as a share of the width.
const LEAST_BRUSH: f64 = 0.01;

/// Units of the drawing from left to right; from top to bottom there are 1000.
const WIDTH: f64 = 10_000.0;

/// Histogram with brush, colour bar and the ends of the colours.
pub fn histogram(edited: Edited) -> impl IntoView {
    let Edited { state, layer, .. } = edited;
    let summary = shown_summary(state);
    let is_loading = Memo::new(move |_| state.chosen_status() == OverlayStatus::Loading);
    // While numbers come its place stays: nothing jumps when another target is chosen.
    let is_off = move || summary.with(Option::is_none) && !is_loading.get();
    let threshold = move || layer.with(|layer| layer.threshold);
    let set = move |threshold| edited.change(|layer| LayerSpec { threshold, ..layer });
    let axis = move || summary.with(|summary| summary.as_ref().map(Axis::of));

    let drawing = Memo::new(move |_| {
        summary.with(|summary| {
            let draw = |summary| layer.with(|layer| bars(summary, layer));
            summary.as_ref().map(draw).unwrap_or_default()
        })
    });
    let shown = move || {
        summary.with(|summary| {
            let summary = summary.as_ref();
            summary.map(|summary| drawn(summary, threshold()))
        })
    };
    let scale = move || {
        summary.with(|summary| {
            let most = summary.as_ref()?.histogram.iter().max().copied()?;
            let tiles = count(most, "tile", "tiles");
            Some(
                [
                    "Heights are logarithmic; the highest bar holds ",
                    &tiles,
                    ".",
                ]
                .concat(),
            )
        })
    };
    // Shares of the width at which the brush begins and ends.
    let brush = move || {
        axis().map_or((0.0, 1.0), |axis| {
            let (low, high) = axis.span(threshold());
            (axis.share(low), axis.share(high))
        })
    };
    // Where on the axis the tile under the cursor lies.
    let cursor = move || {
        let axis = axis()?;
        let value = summary.with(|summary| match summary.as_ref() {
            Some(summary) => state.hover.with(|hover| {
                let reading = hover.as_ref()?.reading()?;
                match (summary.grading, summary.signed) {
                    (Grading::Value, _) => Some(reading.value),
                    (Grading::Percentile, false) => Some(reading.percentile),
                    // That rank is of the size, and is not read.
                    (Grading::Percentile, true) => None,
                }
            }),
            None => None,
        })?;
        let share = axis.share(value);
        (0.0..=1.0).contains(&share).then_some(share)
    };
    let percent = |share: f64| [&(share * 100.0).to_string(), "%"].concat();

    let handles = [
        (End::Low, "Show tiles from", "histogram-low"),
        (End::High, "Show tiles up to", "histogram-high"),
    ]
    .map(|(end, name, test_id)| handle(edited, summary, end, name, test_id).erase())
    .collect_view();
    let surface = surface(summary, Callback::new(set)).erase();
    let bar = colour_bar(edited, summary).erase();
    view! {
        <div class="histogram" class:histogram--loading=is_loading hidden=is_off data-testid="histogram">
            <p class="histogram__head">
                <span data-testid="histogram-drawn">{shown}</span>
                <button
                    type="button"
                    class="button button--small"
                    data-testid="histogram-reset"
                    disabled=move || threshold().is_none()
                    on:click=move |_| set(None)
                >
                    "Show all"
                </button>
            </p>
            <div class="histogram__plot">
                <div class="histogram__bars" aria-hidden="true" inner_html=move || drawing.get()></div>
                <div class="histogram__out" style:width=move || percent(brush().0)></div>
                <div class="histogram__out histogram__out--high" style:width=move || percent(1.0 - brush().1)></div>
                <div
                    class="histogram__cursor"
                    hidden=move || cursor().is_none()
                    style:left=move || percent(cursor().unwrap_or_default())
                ></div>
                {surface}
                {handles}
            </div>
            {bar}
            <p class="note" data-testid="histogram-scale">{scale}</p>
        </div>
    }
}

/// What the brush is drawn on.
fn surface(
    summary: Memo<Option<LayerSummary>>,
    set: Callback<Option<(f64, f64)>>,
) -> impl IntoView {
    let start = StoredValue::new(None::<f64>);
    let press = move |event: PointerEvent| {
        if event.button() == 0
            && let Some(share) = share_at(&event)
        {
            start.set_value(Some(share));
        }
    };
    let axis = move || summary.with_untracked(|summary| summary.as_ref().map(Axis::of));
    let drag = move |event: PointerEvent| {
        if let (Some(start), Some(axis), Some(share)) =
            (start.get_value(), axis(), share_at(&event))
            && (share - start).abs() >= LEAST_BRUSH
        {
            set.run(axis.threshold(axis.value_at(start), axis.value_at(share)));
        }
    };
    let release = move |_: PointerEvent| start.set_value(None);
    view! {
        <div
            class="histogram__surface"
            title="Drag to show only the tiles with these values"
            data-testid="histogram-surface"
            on:pointerdown=press
            on:pointermove=drag
            on:pointerup=release
            on:pointercancel=release
        ></div>
    }
}

/// Where the pointer is, 0 to 1 from end to end of the element that listens, which holds the pointer from now on.
fn share_at(event: &PointerEvent) -> Option<f64> {
    let element: web_sys::Element = event.current_target()?.dyn_into().ok()?;
    if event.type_() == "pointerdown" {
        // Refused only when the pointer is gone already; then the drag ends at the edge.
        let _ = element.set_pointer_capture(event.pointer_id());
    }
    let rect = element.get_bounding_client_rect();
    let share = (f64::from(event.client_x()) - rect.left()) / rect.width();
    share.is_finite().then(|| share.clamp(0.0, 1.0))
}

/// One end of the brush, for fingers and keyboards.
fn handle(
    edited: Edited,
    summary: Memo<Option<LayerSummary>>,
    end: End,
    name: &'static str,
    test_id: &'static str,
) -> impl IntoView {
    let layer = edited.layer;
    let value = move || {
        summary.with(|summary| {
            let summary = summary.as_ref()?;
            let axis = Axis::of(summary);
            let (low, high) = axis.span(layer.with(|layer| layer.threshold));
            let value = if end == End::Low { low } else { high };
            let text = value_text(summary.signed, value);
            let text = [&text, " ", grade_unit(summary)].concat();
            Some((axis.step(value), text))
        })
    };
    let step = move || match (value(), end) {
        (Some((step, _)), _) => step,
        (None, End::Low) => 0,
        (None, End::High) => STEPS,
    };
    let text = move || value().map(|(_, text)| text);
    // Where both handles lie on one place, the one that can still be moved is on top.
    let is_on_top = move || end == End::Low && step() > STEPS / 2;
    let set = move |event| {
        let axis = summary.with_untracked(|summary| summary.as_ref().map(Axis::of));
        if let (Some(axis), Ok(step)) = (axis, event_target_value(&event).parse()) {
            edited.change(|layer| {
                let value = axis.value_at_step(step);
                let threshold = axis.threshold_with(layer.threshold, end, value);
                LayerSpec { threshold, ..layer }
            });
        }
    };
    let step_text = move || step().to_string();
    view! {
        <input
            type="range"
            class="histogram__handle"
            class:histogram__handle--top=is_on_top
            min="0"
            max=STEPS.to_string()
            aria-label=name
            aria-valuetext=text
            data-testid=test_id
            value=step_text
            prop:value=step_text
            on:input=set
        />
    }
}

/// The bars and their outline as SVG, each bar in the colour that the tiles in its middle have.
fn bars(summary: &LayerSummary, layer: &LayerSpec) -> String {
    let axis = Axis::of(summary);
    let (low, high) = summary.full_range;
    let count = summary.histogram.len() as f64;
    let most = summary.histogram.iter().max().copied().unwrap_or(0);
    let edge = |bin: f64| low + (high - low) * bin / count;
    let unit = |bin: f64| (axis.share(edge(bin)) * WIDTH).round() as i64;
    let mut svg = [
        "<svg viewBox=\"0 0 ",
        &WIDTH.to_string(),
        " 1000\" preserveAspectRatio=\"none\">",
    ]
    .concat();
    let mut outline = ["M", &unit(0.0).to_string(), " 1000"].concat();
    for (bin, &tiles) in summary.histogram.iter().enumerate() {
        let bin = bin as f64;
        let (left, right) = (unit(bin), unit(bin + 1.0));
        let top = 1000 - bar_height(tiles, most);
        let (left, right, top) = (left.to_string(), right.to_string(), top.to_string());
        let shape = ["M", &left, " 1000V", &top, "H", &right, "V1000z"].concat();
        let range = summary.range;
        let position = (edge(bin + 0.5) - range.0) / (range.1 - range.0);
        let [r, g, b] = layer.colour_map.at(position).map(|part| part.to_string());
        let colour = [&r, ",", &g, ",", &b].concat();
        svg.push_str(&["<path fill=\"rgb(", &colour, ")\" d=\"", &shape, "\"/>"].concat());
        outline.push_str(&["V", &top, "H", &right].concat());
    }
    outline.push_str("V1000");
    svg.push_str(
        &[
            "<path class=\"histogram__outline\" d=\"",
            &outline,
            "\"/></svg>",
        ]
        .concat(),
    );
    svg
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::viewer::layer_setup::default_layer;
    use crate::viewer::summary::tests::summary;
    use domain::layer::Quantity;

    #[test]
    fn bars_lie_on_the_axis_where_their_values_lie() {
        let layer = default_layer(String::new(), String::new());
        let mut summary = summary(Quantity::Contribution);
        summary.histogram = vec![0, 9];
        assert!(bars(&summary, &layer).contains("d=\"M5000 1000V0H10000V1000z\""));
        // Colours that reach twice as far make the axis twice as long.
        summary.range = (-1.0, 1.0);
        let svg = bars(&summary, &layer);
        assert!(svg.contains("d=\"M5000 1000V0H7500V1000z\""), "{svg}");
        assert!(
            svg.contains("d=\"M2500 1000V1000H5000V0H7500V1000\""),
            "{svg}"
        );
        // A quarter up from the middle, as on the colour bar.
        let [r, g, b] = layer.colour_map.at(0.625);
        assert!(svg.contains(&format!("rgb({r},{g},{b})")));
    }

    #[test]
    fn no_bins_are_no_bars() {
        let layer = default_layer(String::new(), String::new());
        let mut summary = summary(Quantity::Attention);
        summary.histogram.clear();
        assert!(!bars(&summary, &layer).contains("fill"));
    }
}
