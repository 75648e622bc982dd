//! What is under the cursor or, for whoever uses the keyboard, in the middle of the view.

use domain::layer::Quantity;
use leptos::prelude::*;

use super::format::{exact, number};
use super::state::ViewState;
use super::summary::{unit, value_text};
use super::told::{Hover, LayerReading, OtherTargets, OverlayStatus};
use crate::format::count;

/// Value and percentile of the tile that is read in each layer, all quantities of the chosen layer's target, and the tile
/// probability of all targets. Where that is stands at the foot of the picture.
#[component]
pub fn ReadOut() -> impl IntoView {
    let state = ViewState::from_context();
    // What was read last keeps its room, unseen, when nothing is: a press on a button takes the keyboard from the canvas, and the
    // button must not move away under it.
    let last = Memo::new(move |before: Option<&Option<Hover>>| {
        state.hover.get().or_else(|| before.cloned().flatten())
    });
    // The parts are always there and change their words: nothing is built while the cursor moves, but for the rows of
    // several layers.
    let text = move |write: fn(&Hover) -> String| {
        move || last.with(|hover| hover.as_ref().map(write).unwrap_or_default())
    };
    let reading = move |write: fn(&LayerReading) -> String| {
        move || {
            last.with(|hover| {
                let reading = hover.as_ref().and_then(Hover::reading);
                reading.map(write).unwrap_or_default()
            })
        }
    };
    let is_tile = move || state.hover.with(Option::is_some);
    let chosen_unit = Memo::new(move |_| match state.chosen_status() {
        OverlayStatus::Shown(summary) => unit(summary.quantity, summary.scale).to_owned(),
        _ => String::new(),
    });
    let rows = Quantity::ALL
        .into_iter()
        .enumerate()
        .map(|(index, quantity)| {
            let value = move |write: fn(bool, f64) -> String| {
                move || {
                    last.with(|hover| {
                        let value = hover.as_ref().and_then(|hover| hover.quantities.get(index));
                        value
                            .map(|&value| write(quantity.is_signed(), value))
                            .unwrap_or_default()
                    })
                }
            };
            let unit = move || {
                last.with(|hover| {
                    hover
                        .as_ref()
                        .map(|hover| quantity.unit(hover.scale).to_owned())
                        .unwrap_or_default()
                })
            };
            let test_id = ["readout-", quantity.key()].concat();
            view! {
                <dt>{quantity.title()} " " <small>{unit}</small></dt>
                <dd data-testid=test_id data-value=value(|_, value| exact(value))>
                    {value(value_text)}
                </dd>
            }
        })
        .collect_view();
    let targets = move || {
        last.with(|hover| {
            hover
                .iter()
                .flat_map(|hover| &hover.targets)
                .map(|reading| {
                    let test_id = ["readout-target-", &reading.key].concat();
                    view! {
                        <dt>{reading.title.clone()}</dt>
                        <dd data-testid=test_id data-value=exact(reading.probability)>
                            {number(reading.probability)}
                        </dd>
                    }
                })
                .collect_view()
        })
    };
    let others = move || match state.other_targets.get() {
        OtherTargets::Here => String::new(),
        OtherTargets::Coming => "The other targets of this model are being fetched…".to_owned(),
        OtherTargets::WhenAsked(missing) => {
            let targets = count(missing as i64, "other target", "other targets");
            [&targets, " of this model not fetched."].concat()
        }
        OtherTargets::NoRoom(missing) => {
            let targets = count(missing as i64, "other target", "other targets");
            [
                &targets,
                " of this model not fetched: there is no room for more.",
            ]
            .concat()
        }
    };
    let is_on_request = move || matches!(state.other_targets.get(), OtherTargets::WhenAsked(_));
    let has_targets =
        move || last.with(|hover| hover.as_ref().is_some_and(|hover| hover.targets.len() > 1));
    // The quantities are those of one model, also where a difference is shown.
    let whose = Memo::new(move |_| match state.chosen_status() {
        OverlayStatus::Shown(summary) if summary.minus.is_some() => {
            ["All quantities of ", &summary.target, ", first model"].concat()
        }
        OverlayStatus::Shown(summary) => ["All quantities of ", &summary.target].concat(),
        _ => String::new(),
    });
    view! {
        <div class="read-out" data-testid="readout">
            <div class="read-out__tile" hidden=move || !state.overlay_on.get()>
                <p class="note" class:read-out__unseen=is_tile>
                    "Point at a tile, tap it, or move it into the middle with the arrow keys, to read its values."
                </p>
                <div class:read-out__unseen=move || !is_tile() hidden=move || last.with(Option::is_none)>
                    <p class="read-out__value">
                        <strong
                            data-testid="readout-value"
                            data-value=reading(|reading| exact(reading.value))
                            data-tile=text(|hover| hover.tile.to_string())
                            data-spot=text(|hover| hover.spot.to_string())
                        >
                            {reading(|reading| value_text(reading.signed, reading.value))}
                        </strong>
                        <span data-testid="readout-unit">{chosen_unit}</span>
                        <span>
                            {reading(|reading| reading.title.clone())}
                            {text(|hover| [", tile ", &(hover.tile + 1).to_string()].concat())}
                        </span>
                        <span
                            data-testid="readout-percentile"
                            data-value=reading(|reading| exact(reading.percentile))
                        >
                            {reading(|reading| {
                                ["percentile ", &number(reading.percentile), " of this slide\u{2019}s tiles"].concat()
                            })}
                        </span>
                    </p>
                    {other_layers(state, last)}
                    <p class="read-out__heading">{whose}</p>
                    <dl class="read-out__list">{rows}</dl>
                    <div hidden=move || !has_targets()>
                        <p class="read-out__heading">"Tile probability per target, uncalibrated"</p>
                        <dl class="read-out__list">{targets}</dl>
                    </div>
                </div>
            </div>
            // Not with the tile: whoever goes for the button leaves it.
            <p class="note" data-testid="readout-others" hidden=move || others().is_empty()>
                {others}
            </p>
            <button
                type="button"
                class="button button--small"
                data-testid="readout-fetch-others"
                hidden=move || !is_on_request()
                on:click=move |_| state.wants_all_targets.set(true)
            >
                "Fetch them for the read-out"
            </button>
        </div>
    }
}

/// Value and percentile in the layers that are not chosen, the top one first.
fn other_layers(state: ViewState, last: Memo<Option<Hover>>) -> impl IntoView {
    let units = move || {
        let unit_of = |status: &OverlayStatus| match status {
            OverlayStatus::Shown(summary) => unit(summary.quantity, summary.scale),
            _ => "",
        };
        state
            .overlays
            .with(|overlays| overlays.iter().map(unit_of).collect::<Vec<_>>())
    };
    let has_others = move || {
        last.with(|hover| {
            hover.as_ref().is_some_and(|hover| {
                hover.layers.iter().flatten().count() > usize::from(hover.reading().is_some())
            })
        })
    };
    let rows = move || {
        let units = units();
        last.with(|hover| {
            let Some(hover) = hover else {
                return Vec::new();
            };
            let others = hover.layers.iter().zip(units).enumerate().rev();
            others
                .filter(|(index, _)| *index != hover.chosen)
                .filter_map(|(_, (reading, unit))| {
                    let reading = reading.as_ref()?;
                    let value = value_text(reading.signed, reading.value);
                    let percentile = number(reading.percentile);
                    Some(view! {
                        <dt>{reading.title.clone()}</dt>
                        <dd data-testid="readout-layer" data-value=exact(reading.value)>
                            {[&value, " ", unit, ", percentile ", &percentile].concat()}
                        </dd>
                    })
                })
                .collect()
        })
    };
    view! {
        <div hidden=move || !has_others()>
            <p class="read-out__heading">"Other layers"</p>
            <dl class="read-out__list read-out__list--wide">{rows}</dl>
        </div>
    }
}
