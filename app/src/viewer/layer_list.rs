//! Which layers there are: whether they are seen, in which order they lie, and which of them the controls are about.

use domain::address::MOST_LAYERS;
use domain::layer::LayerSpec;
use leptos::prelude::*;

use super::heading::view_name;
use super::layer_change::{Edited, moved, names, next_layer};
use super::panes::Panes;

/// A layer as the list shows it.
#[derive(Clone, PartialEq)]
struct Row {
    index: usize,
    title: String,
    model: String,
    gradient: String,
    visible: bool,
    chosen: bool,
}

/// The switch of the whole heatmap and, when there are several layers, their list, the top one first.
pub fn layer_list(edited: Edited) -> impl IntoView {
    let Edited { state, slide, .. } = edited;
    let count = move || state.layers.with(Vec::len);
    let rows = Memo::new(move |_| {
        let chosen = state.chosen.get();
        let layers = state.layers.get();
        slide.with(|slide| {
            let row = |(index, layer): (usize, &LayerSpec)| {
                let (title, model) = names(slide, layer);
                Row {
                    index,
                    title,
                    model,
                    gradient: layer.colour_map.css_gradient(),
                    visible: layer.visible,
                    chosen: index == chosen,
                }
            };
            layers.iter().enumerate().rev().map(row).collect::<Vec<_>>()
        })
    });
    let toggle = move |visible: bool| {
        // What the controls show is what is switched on.
        if visible && state.layers.with_untracked(Vec::is_empty) {
            state.add_layer(edited.layer.get_untracked());
        }
        state.overlay_on.set(visible);
    };
    let add = move |_| {
        let next = slide.with_untracked(|slide| {
            state
                .layers
                .with_untracked(|layers| next_layer(slide, layers, state.chosen.get_untracked()))
        });
        if let Some(layer) = next {
            state.add_layer(layer);
        }
    };
    let move_by = move |step: isize| {
        let chosen = state.chosen.get_untracked();
        let after = state
            .layers
            .with_untracked(|layers| moved(layers, chosen, step));
        if let Some((layers, index)) = after {
            state.layers.set(layers);
            state.chosen.set(index);
        }
    };
    let panes = Panes::get();
    let of_view = move || view_name(panes, state).map(|name| [" \u{b7} ", name].concat());
    let is_single = move || count() < 2;
    let is_full = move || count() >= MOST_LAYERS;
    let is_top = move || state.chosen.get() + 1 >= count();
    let items = move || {
        rows.get()
            .into_iter()
            .map(|row| item(edited, row))
            .collect_view()
    };
    view! {
        <div class="layers">
            <div class="layers__head">
                <label class="layer__switch" title="Show or hide the whole heatmap (h)">
                    <input
                        type="checkbox"
                        role="switch"
                        data-testid="layer-toggle"
                        prop:checked=move || state.overlay_on.get()
                        on:change=move |event| toggle(event_target_checked(&event))
                    />
                    <span>"Heatmap" {of_view}</span>
                </label>
                <button
                    type="button"
                    class="button button--small"
                    title="Another target, model or quantity over this one"
                    data-testid="layer-add"
                    disabled=is_full
                    on:click=add
                >
                    "Add a layer"
                </button>
            </div>
            <ol class="layers__list" aria-label="Layers, the top one first" data-testid="layer-list" hidden=is_single>
                {items}
            </ol>
            <div class="layers__tools" role="group" aria-label="The chosen layer" hidden=is_single>
                <button
                    type="button"
                    class="button button--small"
                    title="Move the chosen layer up, over the others"
                    data-testid="layer-up"
                    disabled=is_top
                    on:click=move |_| move_by(1)
                >
                    "Up"
                </button>
                <button
                    type="button"
                    class="button button--small"
                    title="Move the chosen layer down, under the others"
                    data-testid="layer-down"
                    disabled=move || state.chosen.get() == 0
                    on:click=move |_| move_by(-1)
                >
                    "Down"
                </button>
                <button
                    type="button"
                    class="button button--small"
                    title="Remove the chosen layer"
                    data-testid="layer-remove"
                    on:click=move |_| state.remove_layer(state.chosen.get_untracked())
                >
                    "Remove"
                </button>
            </div>
        </div>
    }
}

fn item(edited: Edited, row: Row) -> impl IntoView {
    let state = edited.state;
    let index = row.index;
    let show = move |visible: bool| {
        state.layers.update(|layers| {
            if let Some(layer) = layers.get_mut(index) {
                layer.visible = visible;
            }
        });
    };
    let name = ["Show ", &row.title].concat();
    let label = name.clone();
    view! {
        <li class="layers__row" class:layers__row--chosen=row.chosen>
            <label class="layers__eye" title=name>
                <input
                    type="checkbox"
                    aria-label=label
                    prop:checked=row.visible
                    on:change=move |event| show(event_target_checked(&event))
                />
            </label>
            <button
                type="button"
                class="layers__name"
                title="Set up this layer"
                aria-pressed=row.chosen.to_string()
                on:click=move |_| state.chosen.set(index)
            >
                <span class="layers__title">{row.title}</span>
                <span class="layers__model">{row.model}</span>
                <span class="layers__swatch" style:background=row.gradient aria-hidden="true"></span>
            </button>
        </li>
    }
}
