//! What is under the cursor.

use domain::layer::Quantity;
use leptos::prelude::*;

use super::format::{exact, length, number, signed};
use super::state::{Hover, ViewState};

/// Value, percentile and all quantities of the tile under the cursor, and where that is.
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
    view! {
        <div class="read-out" data-testid="readout">
            <p class="read-out__place">
                <span>"Position"</span>
                <span data-testid="readout-position">{place}</span>
            </p>
            {move || match state.hover.get() {
                Some(hover) => tile(&hover).into_any(),
                None if state.layer_visible.get() => {
                    view! { <p class="note">"Point at a tile, or tap it, to read its values."</p> }.into_any()
                }
                None => ().into_any(),
            }}
        </div>
    }
}

fn tile(hover: &Hover) -> impl IntoView + use<> {
    let scale = hover.scale;
    let write = |quantity: Quantity, value: f64| {
        if quantity.is_signed() {
            signed(value)
        } else {
            number(value)
        }
    };
    let others = Quantity::ALL
        .into_iter()
        .zip(hover.quantities)
        .filter(|(_, value)| value.is_finite())
        .map(|(quantity, value)| {
            let test_id = ["readout-", quantity.key()].concat();
            view! {
                <dt>{quantity.title()} <small>{quantity.unit(scale)}</small></dt>
                <dd data-testid=test_id data-value=exact(value)>{write(quantity, value)}</dd>
            }
        })
        .collect_view();
    let targets = (hover.targets.len() > 1).then(|| {
        let rows = hover
            .targets
            .iter()
            .map(|reading| {
                let test_id = ["readout-target-", &reading.key].concat();
                view! {
                    <dt>{reading.title.clone()}</dt>
                    <dd data-testid=test_id data-value=exact(reading.probability)>{number(reading.probability)}</dd>
                }
            })
            .collect_view();
        view! {
            <p class="read-out__heading">"Tile probability per target"</p>
            <dl class="read-out__list">{rows}</dl>
        }
    });
    view! {
        <p class="read-out__value">
            <strong
                data-testid="readout-value"
                data-value=exact(hover.value)
                data-tile=hover.tile.to_string()
                data-spot=hover.spot.to_string()
            >
                {write(hover.quantity, hover.value)}
            </strong>
            <span>{hover.quantity.title()} " (" {hover.quantity.unit(scale)} ")"</span>
            <span data-testid="readout-percentile" data-value=exact(hover.percentile)>
                {["percentile ", &number(hover.percentile), " of this slide\u{2019}s tiles"].concat()}
            </span>
        </p>
        <p class="read-out__heading">{["Tile ", &(hover.tile + 1).to_string()].concat()}</p>
        <dl class="read-out__list">{others}</dl>
        {targets}
    }
}
