//! What a layer is to begin with, and what of it stays when something else is chosen. No browser in here.

use domain::colour::ColourMap;
use domain::layer::{Grading, LayerSpec, Quantity};
use domain::view::{ModelOnSlide, SlideDetail, TargetOnSlide};

/// A model and one of its targets on a slide, by their keys.
#[must_use]
pub fn find_target<'a>(
    slide: &'a SlideDetail,
    model: &str,
    target: &str,
) -> Option<(&'a ModelOnSlide, &'a TargetOnSlide)> {
    let model = slide.models.iter().find(|other| other.key == model)?;
    let target = model.targets.iter().find(|other| other.key == target)?;
    Some((model, target))
}

/// The layer to start with: contributions to the first target of the newest model.
#[must_use]
pub fn first_layer(slide: &SlideDetail) -> Option<LayerSpec> {
    let model = slide
        .models
        .iter()
        .find(|model| !model.targets.is_empty())?;
    let target = model.targets.first()?;
    Some(default_layer(model.key.clone(), target.key.clone()))
}

/// Contributions to a target, as first shown.
#[must_use]
pub fn default_layer(model: String, target: String) -> LayerSpec {
    LayerSpec {
        model,
        target,
        minus: None,
        quantity: Quantity::Contribution,
        colour_map: ColourMap::first_for(true),
        opacity: 0.55,
        visible: true,
        smooth: false,
        grading: Grading::Value,
        range: None,
        threshold: None,
    }
}

/// The layer without what belongs to the values that it had before.
#[must_use]
pub fn of_other_values(layer: LayerSpec) -> LayerSpec {
    LayerSpec {
        range: None,
        threshold: None,
        ..layer
    }
}

/// The layer with colours of the right kind: diverging when zero has a meaning. A fitting choice stays.
#[must_use]
pub fn with_fitting_colours(layer: LayerSpec) -> LayerSpec {
    let colour_map = if layer.colour_map.is_diverging() == layer.is_signed() {
        layer.colour_map
    } else {
        ColourMap::first_for(layer.is_signed())
    };
    LayerSpec {
        colour_map,
        ..layer
    }
}

/// The layer with another quantity.
#[must_use]
pub fn with_quantity(layer: LayerSpec, quantity: Quantity) -> LayerSpec {
    with_fitting_colours(of_other_values(LayerSpec { quantity, ..layer }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_colours_follow_the_kind_of_the_quantity_but_a_fitting_choice_stays() {
        let signed = LayerSpec {
            colour_map: ColourMap::Study,
            ..default_layer(String::new(), String::new())
        };
        let sequential = with_quantity(signed.clone(), Quantity::Attention);
        assert!(!sequential.colour_map.is_diverging());
        assert_eq!(
            with_quantity(signed, Quantity::ZScore).colour_map,
            ColourMap::Study
        );
        assert!(
            with_quantity(sequential, Quantity::RemovalEffect)
                .colour_map
                .is_diverging()
        );
    }
}
