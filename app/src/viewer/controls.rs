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

/// A key and what the screen calls it.
type Choices = Vec<(String, String)>;

/// Switch, model, target, quantity, colours and opacity of the heatmap.
#[component]
pub fn LayerControls(
    /// The slide.
    #[prop(into)]
    slide: Signal<SlideDetail>,
) -> impl IntoView {
    let state = ViewState::from_context();
    let first = Memo::new(move |_| slide.with(first_layer));
    // What the controls show before anything was set up is what they would set up.
    let layer = Memo::new(move |_| {
        state
            .chosen_layer()
            .or_else(|| first.get())
            .unwrap_or_else(|| default_layer(String::new(), String::new()))
    });
    let has_layers = move || first.with(Option::is_some);
    let set = move |layer: LayerSpec| {
        if state.layers.with_untracked(Vec::is_empty) {
            state.add_layer(layer);
        } else {
            state.change_layer(|_| layer);
        }
        // Whoever sets something up wants to see it.
        state.overlay_on.set(true);
    };
    let toggle = move |visible: bool| {
        if let (true, Some(layer)) = (
            state.layers.with_untracked(Vec::is_empty),
            first.get_untracked(),
        ) {
            state.add_layer(layer);
        }
        state.overlay_on.set(visible);
    };

    let models = Signal::derive(move || {
        slide.with(|slide| {
            slide
                .models
                .iter()
                .filter(|model| !model.targets.is_empty())
                .map(|model| (model.key.clone(), model.title.clone()))
                .collect()
        })
    });
    let targets = Signal::derive(move || {
        slide.with(|slide| {
            let key = layer.with(|layer| layer.model.clone());
            slide
                .models
                .iter()
                .filter(|model| model.key == key)
                .flat_map(|model| &model.targets)
                .map(|target| (target.key.clone(), target.title.clone()))
                .collect()
        })
    });
    let quantity_choices = Signal::derive(move || {
        slide.with(|slide| {
            layer.with(|layer| {
                quantities(scale_of(slide, layer))
                    .map(|quantity| (quantity.key().to_owned(), quantity.title().to_owned()))
                    .collect()
            })
        })
    });
    // A middle that means nothing misleads, and so does a zero without a colour of its own.
    let colour_choices = Signal::derive(move || {
        let signed = layer.with(|layer| layer.quantity.is_signed());
        ColourMap::ALL
            .into_iter()
            .filter(|map| map.is_diverging() == signed)
            .map(|map| (map.key().to_owned(), map.title().to_owned()))
            .collect()
    });
    let chosen = move |key: fn(&LayerSpec) -> &str| {
        Signal::derive(move || layer.with(|layer| key(layer).to_owned()))
    };
    // Each change is a plain function from the layer and a key to another layer.
    let choose = move |change: fn(&SlideDetail, LayerSpec, String) -> LayerSpec| {
        Callback::new(move |key: String| {
            set(slide.with_untracked(|slide| change(slide, layer.get_untracked(), key)));
        })
    };
    let percent = move || layer.with(|layer| (layer.opacity * 100.0).round().to_string());
    view! {
        <p class="note" data-testid="layer-empty" hidden=has_layers>
            "No model has predicted this slide yet, so there is no heatmap."
        </p>
        <div class="layer" data-testid="layer-controls" hidden=move || !has_layers()>
            <label class="layer__switch">
                <input
                    type="checkbox"
                    role="switch"
                    data-testid="layer-toggle"
                    prop:checked=move || state.overlay_on.get()
                    on:change=move |event| toggle(event_target_checked(&event))
                />
                <span>"Heatmap"</span>
            </label>
            {choice("Model", "layer-model", models, chosen(|layer| &layer.model), choose(with_model))}
            {choice(
                "Target",
                "layer-target",
                targets,
                chosen(|layer| &layer.target),
                choose(|slide, layer, target| on_scale(slide, LayerSpec { target, ..layer })),
            )}
            {choice(
                "Quantity",
                "layer-quantity",
                quantity_choices,
                chosen(|layer| layer.quantity.key()),
                choose(|_, layer, key| {
                    let quantity = Quantity::parse(&key).unwrap_or(layer.quantity);
                    with_quantity(layer, quantity)
                }),
            )}
            <p class="note" data-testid="layer-hint">
                {move || layer.with(|layer| layer.quantity.describe())}
            </p>
            {choice(
                "Colours",
                "layer-colour-map",
                colour_choices,
                chosen(|layer| layer.colour_map.key()),
                choose(|_, layer, key| {
                    let colour_map = ColourMap::parse(&key).unwrap_or(layer.colour_map);
                    LayerSpec { colour_map, ..layer }
                }),
            )}
            <label class="layer__field">
                <span>"Opacity"</span>
                <input
                    type="range"
                    min="0"
                    max="100"
                    step="1"
                    data-testid="layer-opacity"
                    value=percent
                    prop:value=percent
                    on:input=move |event| {
                        if let Ok(percent) = event_target_value(&event).parse::<u8>() {
                            let opacity = (f64::from(percent) / 100.0).min(1.0);
                            set(LayerSpec { opacity, ..layer.get_untracked() });
                        }
                    }
                />
                <output>{percent} " %"</output>
            </label>
        </div>
    }
}

/// A labelled list to choose from.
fn choice(
    label: &'static str,
    test_id: &'static str,
    choices: Signal<Choices>,
    chosen: Signal<String>,
    choose: Callback<String>,
) -> impl IntoView {
    let items = move || {
        choices
            .get()
            .into_iter()
            .map(|(key, title)| {
                let own = key.clone();
                let is_chosen = move || chosen.with(|chosen| *chosen == own);
                view! {
                    <option value=key selected=is_chosen.clone() prop:selected=is_chosen>
                        {title}
                    </option>
                }
            })
            .collect_view()
    };
    view! {
        <label class="layer__field">
            <span>{label}</span>
            <select
                class="input"
                data-testid=test_id
                on:change=move |event| choose.run(event_target_value(&event))
            >
                {items}
            </select>
        </label>
    }
}
