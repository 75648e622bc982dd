//! What is under the cursor or, for whoever uses the keyboard, in the middle of the view.

use domain::layer::Quantity;
use leptos::prelude::*;

use super::format::{exact, length, number};
use super::legend::value_text;
use super::state::{Hover, ViewState};

/// Value, percentile and all quantities of the tile that is read, and where that is.
#[component]
pub fn ReadOut() -> impl IntoView {
    let state = ViewState::from_context();
    let place = move || {
        let mpp = state.mpp.get();
        state.cursor.get().map_or_else(
            || "\u{2013}".to_owned(),
            |(x, y)| [&length(x * mpp.x), ", ", &length(y * mpp.y)].concat(),
        )
    };
    // The parts are always there and change their words: nothing is built while the cursor moves.
    let text = move |write: fn(&Hover) -> String| {
        move || {
            state
                .hover
                .with(|hover| hover.as_ref().map(write).unwrap_or_default())
        }
    };
    let is_tile = move || state.hover.with(Option::is_some);
    let rows = Quantity::ALL
        .into_iter()
        .enumerate()
        .map(|(index, quantity)| {
            let value = move |write: fn(Quantity, f64) -> String| {
                move || {
                    state.hover.with(|hover| {
                        hover
                            .as_ref()
                            .map(|hover| write(quantity, hover.quantities[index]))
                            .unwrap_or_default()
                    })
                }
            };
            let unit = move || {
                state.hover.with(|hover| {
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
        state.hover.with(|hover| {
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
    let has_targets = move || {
        state
            .hover
            .with(|hover| hover.as_ref().is_some_and(|hover| hover.targets.len() > 1))
    };
    view! {
        <div class="read-out" data-testid="readout">
            <p class="read-out__place">
                <span>"Position"</span>
                <span data-testid="readout-position">{place}</span>
            </p>
            <p class="note" hidden=move || is_tile() || !state.overlay_on.get()>
                "Point at a tile, tap it, or move it into the middle with the arrow keys, to read its values."
            </p>
            <div hidden=move || !is_tile()>
                <p class="read-out__value">
                    <strong
                        data-testid="readout-value"
                        data-value=text(|hover| exact(hover.reading().map_or(f64::NAN, |reading| reading.value)))
                        data-tile=text(|hover| hover.tile.to_string())
                        data-spot=text(|hover| hover.spot.to_string())
                    >
                        {text(|hover| hover.reading().map_or_else(String::new, |reading| number(reading.value)))}
                    </strong>
                    <span>
                        {text(|hover| {
                            [hover.reading().map_or("", |reading| reading.title.as_str()), " of tile ", &(hover.tile + 1).to_string()].concat()
                        })}
                    </span>
                    <span data-testid="readout-percentile" data-value=text(|hover| exact(hover.reading().map_or(f64::NAN, |reading| reading.percentile)))>
                        {text(|hover| {
                            ["percentile ", &number(hover.reading().map_or(f64::NAN, |reading| reading.percentile)), " of this slide\u{2019}s tiles"].concat()
                        })}
                    </span>
                </p>
                <dl class="read-out__list">{rows}</dl>
                <div hidden=move || !has_targets()>
                    <p class="read-out__heading">"Tile probability per target"</p>
                    <dl class="read-out__list">{targets}</dl>
                </div>
            </div>
        </div>
    }
}
