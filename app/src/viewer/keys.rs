//! What the keys do.

use leptos::html;
use leptos::prelude::*;

use super::command::Ask;
use super::state::ViewState;
use crate::erase::Erase;

/// The keys of the viewer and what each does, in words.
const KEYS: [(&[&str], &str); 14] = [
    (&["←", "→", "↑", "↓"], "Move the slide"),
    (&["+", "\u{2212}"], "Zoom in and out"),
    (&["0"], "Whole slide, as it is turned"),
    (
        &["1", "…", "7"],
        "Magnification 1.25×, 2.5×, 5×, 10×, 20×, 40×, 80×",
    ),
    (&["r"], "Turn clockwise"),
    (&["Shift", "r"], "Turn anticlockwise"),
    (&["f"], "Mirror left to right"),
    (&["h"], "Heatmap on and off"),
    (&["n", "p"], "Next and previous of the most telling tiles"),
    (
        &["m"],
        "Ruler: take up and put down; Shift keeps it level or upright",
    ),
    (&["c"], "Copy the link of this view"),
    (&["s"], "Save a picture of this view"),
    (&["?"], "This list"),
    (&["Esc"], "Put the ruler down, close what is open"),
];

/// The list of keys, opened by [`Ask::Keys`].
#[component]
pub fn KeyList() -> impl IntoView {
    let state = ViewState::from_context();
    let dialog = NodeRef::<html::Dialog>::new();
    Effect::new(move |_| {
        let is_asked = state.ask.get() == Some(Ask::Keys);
        if let Some(dialog) = dialog.get().filter(|dialog| is_asked && !dialog.open()) {
            // Fails only for a dialog that has left the document.
            let _ = dialog.show_modal();
        }
    });
    let rows = KEYS.map(|(keys, does)| {
        let keys = keys
            .iter()
            .map(|key| view! { <kbd>{*key}</kbd> })
            .collect::<Vec<_>>();
        view! {
            <div class="keys__row">
                <dt>{keys}</dt>
                <dd>{does}</dd>
            </div>
        }
    });
    view! {
        <dialog
            node_ref=dialog
            class="keys"
            aria-label="Keys of the viewer"
            data-testid="keys"
            on:close=move |_| state.ask.set(None)
        >
            <h2 class="keys__title">"Keys of the viewer"</h2>
            <p class="note">"They work while the slide or nothing on the page has the focus: click on the slide or reach it with Tab."</p>
            <dl class="keys__list">{rows.collect_view()}</dl>
            <form method="dialog">
                <button class="button">"Close"</button>
            </form>
        </dialog>
    }
    .erase()
}
