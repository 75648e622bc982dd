//! Which heatmap, and how it is drawn.

use domain::colour::ColourMap;
use domain::layer::{LayerSpec, Quantity};
use domain::score::{Scale, probability_of_score};
use domain::view::SlideDetail;
use leptos::prelude::*;

use super::state::{ViewState, default_layer, find_target, first_layer, with_quantity};

/// The quantities that a target on this scale has.
fn quantities(scale: Scale) -> impl Iterator<Item = Quantity> {
    let has_probability = probability_of_score(0.0, scale).is_finite();
    Quantity::ALL
        .into_iter()
        .filter(move |&quantity| has_probability || quantity != Quantity::TileProbability)
}

/// The layer moved to another model: the same target where the model has it, else its first.
fn with_model(slide: &SlideDetail, layer: LayerSpec, model: String) -> LayerSpec {
    let targets = slide
        .models
        .iter()
        .find(|other| other.key == model)
        .map_or(&[][..], |other| &other.targets);
    let target = targets
        .iter()
        .find(|target| target.key == layer.target)
        .or(targets.first())
        .map_or_else(String::new, |target| target.key.clone());
    on_scale(
        slide,
        LayerSpec {
            model,
            target,
            ..layer
        },
    )
}

/// The layer with a quantity that its target has.
fn on_scale(slide: &SlideDetail, layer: LayerSpec) -> LayerSpec {
    if quantities(scale_of(slide, &layer)).any(|quantity| quantity == layer.quantity) {
        layer
    } else {
        with_quantity(layer, Quantity::Contribution)
    }
}

fn scale_of(slide: &SlideDetail, layer: &LayerSpec) -> Scale {
    find_target(slide, &layer.model, &layer.target)
        .and_then(|(_, target)| target.readouts.first())
        .map_or(Scale::Logit, |readout| readout.scale)
}

/// Switch, model, target, quantity, colours and opacity of the heatmap.
#[component]
pub fn LayerControls(
    /// The slide.
    #[prop(into)]
    slide: Signal<SlideDetail>,
) -> impl IntoView {
    let has_layers = Memo::new(move |_| slide.with(first_layer).is_some());
    move || {
        if has_layers.get() {
            controls(slide).into_any()
        } else {
            view! {
                <p class="note" data-testid="layer-empty">
                    "No model has predicted this slide yet, so there is no heatmap."
                </p>
            }
            .into_any()
        }
    }
}

fn controls(slide: Signal<SlideDetail>) -> impl IntoView {
    let state = ViewState::from_context();
    let first = Memo::new(move |_| {
        slide
            .with(first_layer)
            .unwrap_or_else(|| default_layer(String::new(), String::new()))
    });
    let layer = Memo::new(move |_| state.layer.get().unwrap_or_else(|| first.get()));
    // Whoever sets something up wants to see it.
    let set = move |change: &dyn Fn(&SlideDetail, LayerSpec) -> LayerSpec| {
        let changed = slide.with_untracked(|slide| change(slide, layer.get_untracked()));
        state.layer.set(Some(changed));
        state.layer_visible.set(true);
    };
    let toggle = move |visible: bool| {
        if state.layer.with_untracked(Option::is_none) {
            state.layer.set(Some(first.get_untracked()));
        }
        state.layer_visible.set(visible);
    };

    let models = move || {
        slide.with(|slide| {
            slide
                .models
                .iter()
                .filter(|model| !model.targets.is_empty())
                .map(|model| (model.key.clone(), model.title.clone()))
                .collect::<Vec<_>>()
        })
    };
    let chosen_model = Memo::new(move |_| layer.with(|layer| layer.model.clone()));
    let targets = move || {
        let model = chosen_model.get();
        slide.with(|slide| {
            slide
                .models
                .iter()
                .find(|other| other.key == model)
                .map_or_else(Vec::new, |model| {
                    model
                        .targets
                        .iter()
                        .map(|target| (target.key.clone(), target.title.clone()))
                        .collect()
                })
        })
    };
    let scale = Memo::new(move |_| slide.with(|slide| layer.with(|layer| scale_of(slide, layer))));
    let quantity_options = move || {
        quantities(scale.get())
            .map(|quantity| (quantity.key().to_owned(), quantity.title().to_owned()))
            .collect::<Vec<_>>()
    };
    let colour_options = move || {
        ColourMap::ALL
            .into_iter()
            .map(|map| (map.key().to_owned(), map.title().to_owned()))
            .collect::<Vec<_>>()
    };
    let percent = move || layer.with(|layer| (layer.opacity * 100.0).round());

    view! {
        <div class="layer" data-testid="layer-controls">
            <label class="layer__switch">
                <input
                    type="checkbox"
                    role="switch"
                    data-testid="layer-toggle"
                    prop:checked=move || state.layer_visible.get()
                    on:change=move |event| toggle(event_target_checked(&event))
                />
                <span>"Heatmap"</span>
            </label>
            {choice("Model", "layer-model", models, move || layer.with(|layer| layer.model.clone()), move |key| {
                set(&|slide, layer| with_model(slide, layer, key.clone()));
            })}
            {choice("Target", "layer-target", targets, move || layer.with(|layer| layer.target.clone()), move |key| {
                set(&|slide, layer| on_scale(slide, LayerSpec { target: key.clone(), ..layer }));
            })}
            {choice("Quantity", "layer-quantity", quantity_options, move || layer.with(|layer| layer.quantity.key().to_owned()), move |key| {
                if let Some(quantity) = Quantity::parse(&key) {
                    set(&|_, layer| with_quantity(layer, quantity));
                }
            })}
            <p class="note" data-testid="layer-hint">{move || layer.with(|layer| layer.quantity.describe())}</p>
            {choice("Colours", "layer-colour-map", colour_options, move || layer.with(|layer| layer.colour_map.key().to_owned()), move |key| {
                if let Some(colour_map) = ColourMap::parse(&key) {
                    set(&|_, layer| LayerSpec { colour_map, ..layer });
                }
            })}
            <label class="layer__field">
                <span>"Opacity"</span>
                <input
                    type="range"
                    min="0"
                    max="100"
                    step="1"
                    data-testid="layer-opacity"
                    value=percent().to_string()
                    prop:value=move || percent().to_string()
                    on:input=move |event| {
                        if let Ok(percent) = event_target_value(&event).parse::<f64>() {
                            set(&|_, layer| LayerSpec { opacity: (percent / 100.0).clamp(0.0, 1.0), ..layer });
                        }
                    }
                />
                <output>{move || [&percent().to_string(), " %"].concat()}</output>
            </label>
        </div>
    }
}

/// A labelled list to choose from.
fn choice(
    label: &'static str,
    test_id: &'static str,
    options: impl Fn() -> Vec<(String, String)> + Send + 'static,
    chosen: impl Fn() -> String + Copy + Send + 'static,
    choose: impl Fn(String) + 'static,
) -> AnyView {
    let items = move || {
        options()
            .into_iter()
            .map(|(key, title)| {
                let own = key.clone();
                let is_chosen = move || chosen() == own;
                view! { <option value=key selected=is_chosen.clone() prop:selected=is_chosen>{title}</option> }
            })
            .collect_view()
    };
    view! {
        <label class="layer__field">
            <span>{label}</span>
            <select class="input" data-testid=test_id on:change=move |event| choose(event_target_value(&event))>{items}</select>
        </label>
    }
    .into_any()
}
