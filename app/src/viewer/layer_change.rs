//! How a layer becomes another one when a control is used. No browser in here.

use domain::address::MOST_LAYERS;
use domain::colour::ColourMap;
use domain::layer::{LayerSpec, Quantity};
use domain::score::{Scale, probability_of_score};
use domain::view::{ModelOnSlide, SlideDetail};
use leptos::prelude::*;

use super::layer_setup::{
    default_layer, find_target, first_layer, of_other_values, with_fitting_colours, with_quantity,
};
use super::state::ViewState;
use super::summary::{layer_title, models_title};

/// The layer that the controls are about, and how they change it.
#[derive(Clone, Copy)]
pub struct Edited {
    /// The view.
    pub state: ViewState,
    /// The slide.
    pub slide: Signal<SlideDetail>,
    /// The chosen layer; before anything was set up, what would be set up.
    pub layer: Memo<LayerSpec>,
}

impl Edited {
    /// The chosen layer of a view.
    #[must_use]
    pub fn new(state: ViewState, slide: Signal<SlideDetail>) -> Self {
        let layer = Memo::new(move |_| {
            state
                .chosen_layer()
                .or_else(|| slide.with(first_layer))
                .unwrap_or_else(|| default_layer(String::new(), String::new()))
        });
        Self {
            state,
            slide,
            layer,
        }
    }

    /// Puts another layer in its place. Whoever sets something up wants to see it.
    pub fn set(&self, layer: LayerSpec) {
        if self.state.layers.with_untracked(Vec::is_empty) {
            self.state.add_layer(layer);
        } else {
            self.state.change_layer(|_| layer);
            self.state.overlay_on.set(true);
        }
    }

    /// Changes it.
    pub fn change(&self, change: impl FnOnce(LayerSpec) -> LayerSpec) {
        self.set(change(self.layer.get_untracked()));
    }
}

/// The quantities that the layer's target has.
pub fn quantities(slide: &SlideDetail, layer: &LayerSpec) -> Vec<Quantity> {
    let scale = scale_of(slide, &layer.model, &layer.target).unwrap_or(Scale::Logit);
    let has_probability = probability_of_score(0.0, scale).is_finite();
    Quantity::ALL
        .into_iter()
        .filter(|&quantity| has_probability || quantity != Quantity::TileProbability)
        .collect()
}

fn scale_of(slide: &SlideDetail, model: &str, target: &str) -> Option<Scale> {
    let (_, target) = find_target(slide, model, target)?;
    Some(target.readouts.first()?.scale)
}

/// The models whose values can be subtracted from the layer's: others with the same target in the same unit.
pub fn minus_models<'a>(
    slide: &'a SlideDetail,
    layer: &LayerSpec,
) -> impl Iterator<Item = &'a ModelOnSlide> {
    let scale = scale_of(slide, &layer.model, &layer.target);
    let (own, target) = (layer.model.clone(), layer.target.clone());
    slide.models.iter().filter(move |other| {
        other.key != own && scale.is_some() && scale_of(slide, &other.key, &target) == scale
    })
}

/// The layer with a quantity that its target has, a difference that there is, and colours that fit.
pub fn settled(slide: &SlideDetail, mut layer: LayerSpec) -> LayerSpec {
    let has_minus = layer
        .minus
        .as_ref()
        .is_none_or(|minus| minus_models(slide, &layer).any(|model| model.key == *minus));
    if !has_minus {
        layer = of_other_values(LayerSpec {
            minus: None,
            ..layer
        });
    }
    if quantities(slide, &layer).contains(&layer.quantity) {
        with_fitting_colours(layer)
    } else {
        with_quantity(layer, Quantity::Contribution)
    }
}

/// The layer of another target.
pub fn with_target(slide: &SlideDetail, layer: LayerSpec, target: String) -> LayerSpec {
    settled(slide, of_other_values(LayerSpec { target, ..layer }))
}

/// The layer of another model: the same target where the model has it, else its first.
pub fn with_model(slide: &SlideDetail, layer: LayerSpec, model: String) -> LayerSpec {
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
    with_target(slide, LayerSpec { model, ..layer }, target)
}

/// The layer as the difference from a model; of an empty key, as itself.
pub fn with_minus(slide: &SlideDetail, layer: LayerSpec, model: String) -> LayerSpec {
    let minus = (!model.is_empty()).then_some(model);
    settled(slide, of_other_values(LayerSpec { minus, ..layer }))
}

/// The layer to add: the same quantity for the next target of the chosen layer's model that has no layer yet, else for the
/// same target once more; `None` when there is no room or no model.
pub fn next_layer(slide: &SlideDetail, layers: &[LayerSpec], chosen: usize) -> Option<LayerSpec> {
    if layers.len() >= MOST_LAYERS {
        return None;
    }
    let Some(before) = layers.get(chosen).or(layers.last()) else {
        return first_layer(slide);
    };
    let targets = &slide
        .models
        .iter()
        .find(|model| model.key == before.model)?
        .targets;
    let own = targets
        .iter()
        .position(|target| target.key == before.target);
    let after = own.map_or(0, |own| own + 1);
    let is_free = |key: &str| {
        !layers
            .iter()
            .any(|layer| layer.model == before.model && layer.target == key)
    };
    let target = (0..targets.len())
        .filter_map(|step| targets.get((after + step) % targets.len()))
        .find(|target| is_free(&target.key))
        .map_or_else(|| before.target.clone(), |target| target.key.clone());
    let layer = default_layer(before.model.clone(), target);
    Some(in_other_colours(
        settled(slide, with_quantity(layer, before.quantity)),
        layers,
    ))
}

/// The layer in the first fitting colours that none of the others has: two layers of the same colours cannot be told apart.
fn in_other_colours(layer: LayerSpec, others: &[LayerSpec]) -> LayerSpec {
    let is_free = |map: &ColourMap| {
        map.is_diverging() == layer.is_signed()
            && others.iter().all(|other| other.colour_map != *map)
    };
    let colour_map = ColourMap::ALL
        .into_iter()
        .find(is_free)
        .unwrap_or(layer.colour_map);
    LayerSpec {
        colour_map,
        ..layer
    }
}

/// The layers with one moved up (1, nearer to the eye) or down (−1), and where it is then; `None` at the end.
pub fn moved(layers: &[LayerSpec], index: usize, step: isize) -> Option<(Vec<LayerSpec>, usize)> {
    let to = index.checked_add_signed(step)?;
    if index >= layers.len() || to >= layers.len() {
        return None;
    }
    let mut layers = layers.to_vec();
    layers.swap(index, to);
    Some((layers, to))
}

/// What a layer is called, and the model or models that it is of.
pub fn names(slide: &SlideDetail, layer: &LayerSpec) -> (String, String) {
    let model = |key: &str| {
        slide
            .models
            .iter()
            .find(|model| model.key == key)
            .map_or_else(|| key.to_owned(), |model| model.title.clone())
    };
    let target = find_target(slide, &layer.model, &layer.target)
        .map_or_else(|| layer.target.clone(), |(_, target)| target.title.clone());
    let minus = layer.minus.as_deref().map(model);
    let models = models_title(&model(&layer.model), minus.as_deref());
    let title = layer_title(&target, layer.quantity, layer.minus.is_some());
    (title, models)
}

#[cfg(test)]
mod tests {
    use super::super::test_slide::{self, model, target};
    use super::*;
    use domain::colour::ColourMap;

    /// Model a has t, u and v, model b t on another scale and u, model c w in units of its own.
    fn slide() -> SlideDetail {
        let logit = |key| target(key, Scale::Logit);
        test_slide::slide(vec![
            model("a", vec![logit("t"), logit("u"), logit("v")]),
            model("b", vec![target("t", Scale::Probability), logit("u")]),
            model("c", vec![target("w", Scale::Linear)]),
        ])
    }

    fn layer(target: &str) -> LayerSpec {
        default_layer("a".to_owned(), target.to_owned())
    }

    #[test]
    fn only_the_same_target_in_the_same_unit_is_subtracted() {
        let slide = slide();
        let others = |target| -> Vec<String> {
            minus_models(&slide, &layer(target))
                .map(|model| model.key.clone())
                .collect()
        };
        assert_eq!(others("u"), ["b"]);
        assert!(others("t").is_empty(), "log odds and probability");
        assert!(others("nothing").is_empty());
    }

    #[test]
    fn a_difference_gets_diverging_colours_and_goes_where_it_cannot_be() {
        let slide = slide();
        let attention = LayerSpec {
            threshold: Some((0.1, 0.2)),
            range: Some((0.0, 1.0)),
            ..with_quantity(layer("u"), Quantity::Attention)
        };
        assert_eq!(attention.colour_map, ColourMap::Meadow);
        let difference = with_minus(&slide, attention, "b".to_owned());
        assert!(difference.is_signed() && difference.colour_map.is_diverging());
        assert_eq!((difference.threshold, difference.range), (None, None));
        let elsewhere = with_target(&slide, difference.clone(), "v".to_owned());
        assert_eq!(elsewhere.minus, None);
        assert_eq!(elsewhere.colour_map, ColourMap::Meadow);
        let itself = with_model(&slide, difference, "b".to_owned());
        assert_eq!((itself.minus, itself.target.as_str()), (None, "u"));
    }

    #[test]
    fn a_model_without_the_target_goes_on_with_its_first_in_a_quantity_that_it_has() {
        let before = with_quantity(layer("t"), Quantity::TileProbability);
        let after = with_model(&slide(), before, "c".to_owned());
        assert_eq!(after.target, "w");
        assert_eq!(after.quantity, Quantity::Contribution);
        assert!(after.colour_map.is_diverging());
    }

    #[test]
    fn the_next_layer_is_of_the_next_target_without_one() {
        let slide = slide();
        let next = |layers: &[LayerSpec], chosen| next_layer(&slide, layers, chosen);
        assert_eq!(next(&[], 0), first_layer(&slide));
        let attention = with_quantity(layer("v"), Quantity::Attention);
        let added = next(&[layer("t"), attention], 1).unwrap();
        assert_eq!(
            (added.target.as_str(), added.quantity),
            ("u", Quantity::Attention)
        );
        let all = ["t", "u", "v"].map(layer);
        assert_eq!(next(&all, 1).unwrap().target, "u");
        assert_eq!(next(&["t", "u", "v", "t"].map(layer), 1), None);
    }

    #[test]
    fn a_layer_moves_until_the_end() {
        let layers = ["t", "u"].map(layer);
        let (after, index) = moved(&layers, 0, 1).unwrap();
        assert_eq!((after[0].target.as_str(), index), ("u", 1));
        assert!(moved(&layers, 1, 1).is_none() && moved(&layers, 0, -1).is_none());
        assert!(moved(&layers, 7, -1).is_none());
    }

    #[test]
    fn a_layer_is_named_by_target_quantity_and_models() {
        let slide = slide();
        assert_eq!(
            names(&slide, &layer("u")),
            ("U, Contribution".to_owned(), "Model a".to_owned())
        );
        let (title, models) = names(&slide, &with_minus(&slide, layer("u"), "b".to_owned()));
        assert_eq!(title, "U, Contribution, first \u{2212} second model");
        assert_eq!(models, "Model a \u{2212} Model b");
    }
}
