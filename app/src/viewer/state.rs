//! What viewer and panel share: the layer, the camera, what is under the cursor.

use domain::camera::Camera;
use domain::colour::ColourMap;
use domain::geometry::{Mpp, SlideRect};
use domain::layer::{LayerSpec, Normalisation, Quantity};
use domain::score::Scale;
use domain::view::{ModelOnSlide, SlideDetail, TargetOnSlide};
use leptos::prelude::*;

/// The state of a view. The slide page provides it by context, before viewer and panel.
#[derive(Clone, Copy, Debug)]
pub struct ViewState {
    /// The layer as set up; `None` until somebody asks for one.
    pub layer: RwSignal<Option<LayerSpec>>,
    /// Whether the layer is to be seen.
    pub layer_visible: RwSignal<bool>,
    /// What is seen of the slide; `None` until the viewer knows its size. Written by the viewer.
    pub camera: RwSignal<Option<Camera>>,
    /// Where the slide is read, slide px: under the cursor or, for whoever uses the keyboard, in the middle of the view.
    /// Written by the viewer.
    pub cursor: RwSignal<Option<(f64, f64)>>,
    /// The tile there, while a layer is shown. Written by the viewer.
    pub hover: RwSignal<Option<Hover>>,
    /// What has become of the layer. Written by the viewer.
    pub overlay: RwSignal<OverlayStatus>,
    /// The last thing asked of the viewer.
    pub command: RwSignal<Option<Command>>,
    /// Pyramid tiles in view that could not be had. Written by the viewer.
    pub failed_tiles: RwSignal<usize>,
    /// The resolution of the slide. Written by the viewer.
    pub mpp: RwSignal<Mpp>,
    /// Code of the slide that `camera` belongs to. Written by the viewer.
    pub slide: RwSignal<Option<String>>,
}

impl ViewState {
    /// Nothing asked for yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            layer: RwSignal::new(None),
            layer_visible: RwSignal::new(false),
            camera: RwSignal::new(None),
            cursor: RwSignal::new(None),
            hover: RwSignal::new(None),
            overlay: RwSignal::new(OverlayStatus::Off),
            command: RwSignal::new(None),
            failed_tiles: RwSignal::new(0),
            mpp: RwSignal::new(Mpp::square(1.0)),
            slide: RwSignal::new(None),
        }
    }

    /// The state that the page provided, else a new one.
    #[must_use]
    pub fn from_context() -> Self {
        use_context::<Self>().unwrap_or_else(|| {
            let state = Self::new();
            provide_context(state);
            state
        })
    }

    /// Shows the heatmap of a target; quantity, colours and opacity stay as they are.
    pub fn show_target(&self, model: &str, target: &str) {
        self.layer.update(|layer| {
            let before = layer
                .take()
                .unwrap_or_else(|| default_layer(String::new(), String::new()));
            *layer = Some(LayerSpec {
                model: model.to_owned(),
                target: target.to_owned(),
                ..before
            });
        });
        self.layer_visible.set(true);
    }

    /// Moves the view so that the rectangle fills it.
    pub fn go_to(&self, rect: SlideRect) {
        self.command.set(Some(Command::Show(rect)));
    }
}

impl Default for ViewState {
    fn default() -> Self {
        Self::new()
    }
}

/// Something asked of the viewer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Command {
    /// Show the whole slide.
    Fit,
    /// One slide pixel per pixel of the screen.
    Native,
    /// Zoom about the middle by a factor.
    ZoomBy(f64),
    /// Ask once more for the tiles that could not be had.
    Retry,
    /// Move so that the rectangle fills the view.
    Show(SlideRect),
}

/// The tile that is read.
#[derive(Clone, Debug, PartialEq)]
pub struct Hover {
    /// Number of its spot.
    pub spot: u32,
    /// Its index in the spot's grid.
    pub tile: usize,
    /// Its rectangle, slide px.
    pub rect: SlideRect,
    /// The quantity shown.
    pub quantity: Quantity,
    /// Its value.
    pub value: f64,
    /// Percentile rank of the value among this slide's tiles.
    pub percentile: f64,
    /// All quantities in the order of [`Quantity::ALL`]; NaN where the target has none.
    pub quantities: [f64; Quantity::ALL.len()],
    /// The scale of the target's score.
    pub scale: Scale,
    /// Tile probability per target of the model, for those that have been fetched.
    pub targets: Vec<TargetReading>,
}

/// What one target says of the tile that is read.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetReading {
    /// Key of the target.
    pub key: String,
    /// Its name on the screen.
    pub title: String,
    /// The tile probability.
    pub probability: f64,
}

/// What has become of the layer that was asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum OverlayStatus {
    /// None was asked for.
    Off,
    /// Its numbers are on their way.
    Loading,
    /// It cannot be shown, with the reason and what to do.
    Failed(String),
    /// It is drawn.
    Shown(LayerSummary),
}

/// A layer as the legend tells of it.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerSummary {
    /// Title of the model.
    pub model: String,
    /// Title of the target.
    pub target: String,
    /// What is shown.
    pub quantity: Quantity,
    /// The scale of the target's score.
    pub scale: Scale,
    /// Which values are at the ends of the colour map.
    pub normalisation: Normalisation,
    /// Lowest and highest value of a tile; `None` when no tile has one.
    pub extremes: Option<(f64, f64)>,
    /// Number of tiles.
    pub tiles: usize,
    /// Number of fold models whose mean is shown.
    pub fold_models: usize,
    /// What to know of the numbers, one sentence each.
    pub notes: Vec<String>,
}

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
        quantity: Quantity::Contribution,
        colour_map: ColourMap::BlueOrange,
        opacity: 0.55,
    }
}

/// The layer with another quantity, and with colours of the right kind for it: diverging when zero has a meaning.
#[must_use]
pub fn with_quantity(layer: LayerSpec, quantity: Quantity) -> LayerSpec {
    let colour_map = if layer.colour_map.is_diverging() == quantity.is_signed() {
        layer.colour_map
    } else if quantity.is_signed() {
        ColourMap::BlueOrange
    } else {
        ColourMap::Meadow
    };
    LayerSpec {
        quantity,
        colour_map,
        ..layer
    }
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
