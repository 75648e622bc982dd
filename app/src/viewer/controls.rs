//! Which heatmap, and how it is drawn.

use domain::colour::ColourMap;
use domain::layer::{Grading, LayerSpec, Quantity};
use domain::view::SlideDetail;
use leptos::prelude::*;

use super::fields::{Choices, choice, tick};
use super::histogram::histogram;
use super::layer_change::{Edited, minus_models, quantities, with_minus, with_model, with_target};
use super::layer_list::layer_list;
use super::layer_setup::{first_layer, of_other_values, with_quantity};
use super::state::ViewState;
use super::told::OverlayStatus;
use crate::erase::Erase;

/// Switch and list of the layers; model, target, quantity, colours, opacity, scale and threshold of the chosen one.
#[component]
pub fn LayerControls(
    /// The slide.
    #[prop(into)]
    slide: Signal<SlideDetail>,
) -> impl IntoView {
    let edited = Edited::new(ViewState::from_context(), slide);
    let layer = edited.layer;
    let has_layers = Memo::new(move |_| slide.with(first_layer).is_some());
    let list = layer_list(edited).erase();
    let what = what_fields(edited).erase();
    let how = how_fields(edited).erase();
    let values = histogram(edited).erase();
    let scale = scale_fields(edited).erase();
    view! {
        <p class="note" data-testid="layer-empty" hidden=has_layers>
            "No model has predicted this slide yet, so there is no heatmap."
        </p>
        <div class="layer" data-testid="layer-controls" hidden=move || !has_layers.get()>
            {list} {what}
            <p class="note" data-testid="layer-hint">
                {move || layer.with(|layer| layer.quantity.describe())}
            </p>
            {how} {values} {scale}
        </div>
    }
    .erase()
}

/// A list whose choices and effect follow from slide and layer.
fn layer_choice(
    edited: Edited,
    label: &'static str,
    test_id: &'static str,
    choices: fn(&SlideDetail, &LayerSpec) -> Choices,
    chosen: fn(&LayerSpec) -> &str,
    change: fn(&SlideDetail, LayerSpec, String) -> LayerSpec,
) -> impl IntoView {
    let Edited { slide, layer, .. } = edited;
    let choices = Memo::new(move |_| slide.with(|slide| layer.with(|layer| choices(slide, layer))));
    let chosen = Signal::derive(move || layer.with(|layer| chosen(layer).to_owned()));
    let choose = Callback::new(move |key: String| {
        edited.change(|layer| slide.with_untracked(|slide| change(slide, layer, key)));
    });
    choice(label, test_id, choices.into(), chosen, choose)
}

fn key_of(key: &str, title: &str) -> (String, String) {
    (key.to_owned(), title.to_owned())
}

/// What is shown: model, the model to subtract, target, quantity.
fn what_fields(edited: Edited) -> impl IntoView {
    let Edited { slide, layer, .. } = edited;
    let cannot_differ = Memo::new(move |_| {
        slide.with(|slide| layer.with(|layer| minus_models(slide, layer).next().is_none()))
    });
    let model = layer_choice(
        edited,
        "Model",
        "layer-model",
        |slide, _| {
            let models = slide.models.iter();
            let models = models.filter(|model| !model.targets.is_empty());
            models
                .map(|model| key_of(&model.key, &model.title))
                .collect()
        },
        |layer| &layer.model,
        with_model,
    );
    let minus = layer_choice(
        edited,
        "Minus model",
        "layer-minus",
        |slide, layer| {
            let none = std::iter::once(key_of("", "None"));
            let models = minus_models(slide, layer);
            let models = models.map(|model| key_of(&model.key, &model.title));
            none.chain(models).collect()
        },
        |layer| layer.minus.as_deref().unwrap_or_default(),
        with_minus,
    );
    let target = layer_choice(
        edited,
        "Target",
        "layer-target",
        |slide, layer| {
            let models = slide.models.iter();
            let models = models.filter(|model| model.key == layer.model);
            models
                .flat_map(|model| &model.targets)
                .map(|target| key_of(&target.key, &target.title))
                .collect()
        },
        |layer| &layer.target,
        with_target,
    );
    let quantity = layer_choice(
        edited,
        "Quantity",
        "layer-quantity",
        |slide, layer| {
            let quantities = quantities(slide, layer).into_iter();
            quantities
                .map(|quantity| key_of(quantity.key(), quantity.title()))
                .collect()
        },
        |layer| layer.quantity.key(),
        |_, layer, key| {
            let quantity = Quantity::parse(&key).unwrap_or(layer.quantity);
            with_quantity(layer, quantity)
        },
    );
    view! {
        {model}
        <div hidden=cannot_differ title="The signed difference: the first model, above, minus this second one">
            {minus}
        </div>
        {target}
        {quantity}
    }
}

/// How it is drawn: colours and opacity.
fn how_fields(edited: Edited) -> impl IntoView {
    let layer = edited.layer;
    // A middle that means nothing misleads, and so does a zero without a colour of its own.
    let colours = layer_choice(
        edited,
        "Colours",
        "layer-colour-map",
        |_, layer| {
            let maps = ColourMap::ALL.into_iter();
            let maps = maps.filter(|map| map.is_diverging() == layer.is_signed());
            maps.map(|map| key_of(map.key(), map.title())).collect()
        },
        |layer| layer.colour_map.key(),
        |_, layer, key| {
            let colour_map = ColourMap::parse(&key).unwrap_or(layer.colour_map);
            LayerSpec {
                colour_map,
                ..layer
            }
        },
    );
    let percent = move || layer.with(|layer| (layer.opacity * 100.0).round().to_string());
    let in_words = move || [&percent(), " %"].concat();
    view! {
        {colours}
        <label class="layer__field">
            <span>"Opacity"</span>
            <input
                type="range"
                min="0"
                max="100"
                step="1"
                aria-valuetext=in_words
                data-testid="layer-opacity"
                value=percent
                prop:value=percent
                on:input=move |event| {
                    if let Ok(percent) = event_target_value(&event).parse::<u8>() {
                        let opacity = (f64::from(percent) / 100.0).min(1.0);
                        edited.change(|layer| LayerSpec { opacity, ..layer });
                    }
                }
            />
            <span class="num" aria-hidden="true">{in_words}</span>
        </label>
    }
}

/// What colours and threshold are laid out along, and how colours lie on tiles.
fn scale_fields(edited: Edited) -> impl IntoView {
    let Edited { state, layer, .. } = edited;
    let grading = layer_choice(
        edited,
        "Colour by",
        "layer-grading",
        |_, _| {
            let gradings = Grading::ALL.into_iter();
            gradings
                .map(|grading| key_of(grading.key(), grading.title()))
                .collect()
        },
        |layer| layer.grading.key(),
        |_, layer, key| {
            let grading = Grading::parse(&key).unwrap_or(layer.grading);
            of_other_values(LayerSpec { grading, ..layer })
        },
    );
    let fit = tick(
        "Fit to this slide",
        "Whether the ends of the colours follow from this slide\u{2019}s tiles; untick to hold them where they are",
        "layer-fit",
        Signal::derive(move || layer.with(|layer| layer.range.is_none())),
        Callback::new(move |fits: bool| {
            let range = untrack(|| match state.chosen_status() {
                OverlayStatus::Shown(summary) if !fits => Some(summary.range),
                _ => None,
            });
            edited.change(|layer| LayerSpec { range, ..layer });
        }),
    );
    let smooth = tick(
        "Smooth",
        "Lets colours flow from tile to tile",
        "layer-smooth",
        Signal::derive(move || layer.with(|layer| layer.smooth)),
        Callback::new(move |smooth| edited.change(|layer| LayerSpec { smooth, ..layer })),
    );
    view! {
        {grading}
        <div class="layer__ticks">{fit} {smooth}</div>
        <p class="note">
            "Smoothing invents colours between the tiles\u{2019} middles: nothing was measured there."
        </p>
    }
}
