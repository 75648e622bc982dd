//! The tiles that say most in the chosen layer, as a list to go through.

use domain::layer::LayerSpec;
use leptos::html;
use leptos::prelude::*;

use super::format::number;
use super::state::ViewState;
use super::summary::{place, shown_summary, unit, value_text};
use super::told::TopTile;
use crate::erase::Erase;

/// A tile as the list shows it.
#[derive(Clone, PartialEq)]
struct Row {
    value: String,
    percentile: String,
    place: String,
}

/// The most telling tiles, each a button that goes there.
#[component]
pub fn TopTiles() -> impl IntoView {
    let state = ViewState::from_context();
    let summary = shown_summary(state);
    let rows = Memo::new(move |_| {
        let mpp = state.mpp.get();
        summary.with(|summary| {
            let Some(summary) = summary else {
                return Vec::new();
            };
            let row = |tile: TopTile| Row {
                value: value_text(summary.signed, tile.value),
                percentile: number(tile.percentile),
                place: place(&tile, mpp),
            };
            summary.top.iter().copied().map(row).collect()
        })
    });
    let rule = move || {
        summary.with(|summary| {
            summary.as_ref().map(|summary| {
                if summary.signed {
                    "Farthest from 0 first, whichever the sign. The heatmap may hide some by its threshold."
                } else {
                    "Largest first. The heatmap may hide some by its threshold."
                }
            })
        })
    };
    let head = move || {
        summary.with(|summary| {
            let summary = summary.as_ref()?;
            Some(["Value, ", unit(summary.quantity, summary.scale)].concat())
        })
    };
    // Ranks belong to the values that were ranked.
    let ranked = Memo::new(move |_| {
        let key = |layer: LayerSpec| {
            let minus = layer.minus.unwrap_or_default();
            [&layer.model, &minus, &layer.target, layer.quantity.key()].join(",")
        };
        state.chosen_layer().map_or_else(String::new, key)
    });
    Effect::new(move |before: Option<()>| {
        ranked.track();
        if before.is_some() {
            state.rank.set(None);
        }
    });
    let list = NodeRef::<html::Ol>::new();
    // The rows are equally high.
    Effect::new(move |_| {
        let rank = state.rank.get();
        let rows = rows.with_untracked(Vec::len);
        if let (Some(list), Some(rank)) = (list.get(), rank)
            && rows > 0
        {
            let middle = list.scroll_height() * (2 * rank as i32 + 1) / (2 * rows as i32);
            list.set_scroll_top(middle - list.client_height() / 2);
        }
    });
    let is_empty = move || rows.with(Vec::is_empty);
    let is_first = move || state.rank.get() == Some(0);
    let is_last = move || state.rank.get().map(|rank| rank + 1) == Some(rows.with(Vec::len));
    let step = move |label: &'static str, title: &'static str, test_id: &'static str, by: isize| {
        view! {
            <button
                type="button"
                class="button button--small"
                title=title
                data-testid=test_id
                aria-disabled=move || (if by < 0 { is_first() } else { is_last() }).to_string()
                on:click=move |_| state.go_to_rank(by)
            >
                {label}
            </button>
        }
    };
    let items = move || {
        let rows = rows.get().into_iter().enumerate();
        rows.map(|(rank, row)| item(state, rank, row))
            .collect_view()
    };
    view! {
        <section class="panel" aria-labelledby="tiles-title" data-testid="top-tiles" hidden=is_empty>
            <div class="tiles__head">
                <h2 class="panel__title" id="tiles-title">
                    "Most telling tiles"
                </h2>
                <div class="tiles__steps" role="group" aria-label="Go through the tiles">
                    {step("Previous", "Go to the previous tile (p)", "tiles-previous", -1)}
                    {step("Next", "Go to the next tile (n)", "tiles-next", 1)}
                </div>
            </div>
            <p class="note">{rule}</p>
            <p class="tiles__columns" aria-hidden="true">
                <span>"Rank"</span>
                <span>{head}</span>
                <span>"Percentile"</span>
                <span>"Middle at x, y"</span>
            </p>
            <ol class="tiles" node_ref=list data-testid="tiles-list">
                {items}
            </ol>
        </section>
    }
    .erase()
}

fn item(state: ViewState, rank: usize, row: Row) -> impl IntoView {
    let current = move || (state.rank.get() == Some(rank)).then_some("true");
    let test_id = ["top-tile-", &(rank + 1).to_string()].concat();
    view! {
        <li>
            <button
                type="button"
                class="tiles__tile"
                aria-current=current
                title="Show this tile"
                data-testid=test_id
                on:click=move |_| state.show_rank(rank)
            >
                <span>{rank + 1}</span>
                <span>{row.value}</span>
                <span><span class="hidden">"percentile "</span>{row.percentile}</span>
                <span><span class="hidden">"at "</span>{row.place}</span>
            </button>
        </li>
    }
}
