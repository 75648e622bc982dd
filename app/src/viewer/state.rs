//! What viewer and panel share: layers, camera, image settings, what is under the cursor.

use domain::address::{MOST_LAYERS, PaneSpec, Place, StainView};
use domain::camera::Camera;
use domain::colour::ColourMap;
use domain::geometry::{Mpp, SlideRect};
use domain::layer::{Grading, LayerSpec, Quantity};
use domain::score::Scale;
use domain::stain::{Light, Stains};
use domain::view::{ModelOnSlide, SlideDetail, TargetOnSlide};
use leptos::prelude::*;
use send_wrapper::SendWrapper;
use web_sys::HtmlCanvasElement;

/// The state of one view. Whoever shows a view provides it by context, before viewer and panel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ViewState {
    /// The layers as set up, lowest first; at most [`MOST_LAYERS`].
    pub layers: RwSignal<Vec<LayerSpec>>,
    /// Which of them the controls, the legend and the list of tiles are about.
    pub chosen: RwSignal<usize>,
    /// Whether layers are to be seen at all.
    pub overlay_on: RwSignal<bool>,
    /// How the image is shown.
    pub light: RwSignal<Light>,
    /// The stain that is shown alone.
    pub stain: RwSignal<Option<StainView>>,
    /// The stain vectors estimated from the slide, once they are known.
    pub stains: RwSignal<Option<Stains>>,
    /// What a press of the pointer does.
    pub tool: RwSignal<Tool>,
    /// What was measured.
    pub rulers: RwSignal<Vec<Ruler>>,
    /// Which of the most telling tiles was gone to last.
    pub rank: RwSignal<Option<usize>>,
    /// The last thing asked of the viewer.
    pub command: RwSignal<Option<Command>>,
    /// The last thing asked of the page by a key of the viewer.
    pub ask: RwSignal<Option<Ask>>,

    /// What is seen of the slide; `None` until the viewer knows its size. Written by the viewer.
    pub camera: RwSignal<Option<Camera>>,
    /// Whether the whole slide is shown and stays so when the size changes. Written by the viewer.
    pub is_whole: RwSignal<bool>,
    /// Whether no movement is under way. Written by the viewer.
    pub is_still: RwSignal<bool>,
    /// Where the slide is read, slide px: under the cursor or, for whoever uses the keyboard, in the middle of the view.
    /// Written by the viewer.
    pub cursor: RwSignal<Option<(f64, f64)>>,
    /// The tile there, while a layer is shown. Written by the viewer.
    pub hover: RwSignal<Option<Hover>>,
    /// What has become of each of the layers. Written by the viewer.
    pub overlays: RwSignal<Vec<OverlayStatus>>,
    /// Pyramid tiles in view that could not be had. Written by the viewer.
    pub failed_tiles: RwSignal<usize>,
    /// The resolution of the slide. Written by the viewer.
    pub mpp: RwSignal<Mpp>,
    /// Code of the slide that `camera` belongs to. Written by the viewer.
    pub slide: RwSignal<Option<String>>,
    /// Whether the browser can draw. Written by the viewer.
    pub is_supported: RwSignal<bool>,

    /// Whether the overview shows the heatmap, too.
    pub overview_on: RwSignal<bool>,
    /// The chosen layer as the overview draws it; `None` while none is shown. Written by the viewer while `overview_on` is.
    pub overview: RwSignal<Option<Overview>>,
    /// A picture of what is seen, at the resolution of the screen. Written by the viewer upon [`Ask::Snapshot`]; taken away
    /// by whoever saves it.
    pub snapshot: RwSignal<Option<SendWrapper<HtmlCanvasElement>>>,
}

/// A layer in small: one cell per tile.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overview {
    /// One per spot that has a grid.
    pub spots: Vec<OverviewSpot>,
}

/// The cells of one spot.
#[derive(Clone, Debug, PartialEq)]
pub struct OverviewSpot {
    /// The part of the slide that all cells together cover, px.
    pub rect: SlideRect,
    /// Cells side by side.
    pub columns: u32,
    /// Cells one above the other.
    pub rows: u32,
    /// Red, green, blue and opacity of each cell, row by row, not premultiplied: `4 · columns · rows` bytes. Clear where there
    /// is no tile or the threshold leaves it out.
    pub rgba: Vec<u8>,
}

/// What a press of the pointer does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tool {
    /// Moves the slide.
    #[default]
    Hand,
    /// Measures a distance.
    Ruler,
}

/// A distance on the slide, from and to in slide px.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ruler {
    /// Where it begins.
    pub from: (f64, f64),
    /// Where it ends.
    pub to: (f64, f64),
}

impl Ruler {
    /// Its length, µm.
    #[must_use]
    pub fn length_um(&self, mpp: Mpp) -> f64 {
        let dx = (self.to.0 - self.from.0) * mpp.x;
        let dy = (self.to.1 - self.from.1) * mpp.y;
        dx.hypot(dy)
    }
}

impl ViewState {
    /// A view as an address says it.
    #[must_use]
    pub fn new(spec: &PaneSpec) -> Self {
        Self {
            layers: RwSignal::new(spec.layers.clone()),
            chosen: RwSignal::new(spec.layers.len().saturating_sub(1)),
            overlay_on: RwSignal::new(!spec.layers.is_empty() && !spec.overlay_off),
            light: RwSignal::new(spec.light),
            stain: RwSignal::new(spec.stain),
            stains: RwSignal::new(None),
            tool: RwSignal::new(Tool::Hand),
            rulers: RwSignal::new(Vec::new()),
            rank: RwSignal::new(None),
            command: RwSignal::new(spec.place.map(Command::Go)),
            ask: RwSignal::new(None),
            camera: RwSignal::new(None),
            is_whole: RwSignal::new(spec.place.is_none()),
            is_still: RwSignal::new(true),
            cursor: RwSignal::new(None),
            hover: RwSignal::new(None),
            overlays: RwSignal::new(Vec::new()),
            failed_tiles: RwSignal::new(0),
            mpp: RwSignal::new(Mpp::square(1.0)),
            slide: RwSignal::new(None),
            is_supported: RwSignal::new(true),
            overview_on: RwSignal::new(false),
            overview: RwSignal::new(None),
            snapshot: RwSignal::new(None),
        }
    }

    /// The state that was provided, else a new one.
    #[must_use]
    pub fn from_context() -> Self {
        use_context::<Self>().unwrap_or_else(|| {
            let state = Self::new(&PaneSpec::default());
            provide_context(state);
            state
        })
    }

    /// The view as an address says it; without a place while the upright slide is shown whole.
    #[must_use]
    pub fn spec(&self) -> PaneSpec {
        let layers = self.layers.get();
        PaneSpec {
            place: self.place(),
            overlay_off: !layers.is_empty() && !self.overlay_on.get(),
            layers,
            light: self.light.get(),
            stain: self.stain.get(),
        }
    }

    fn place(&self) -> Option<Place> {
        let place = Place::of(&self.camera.get()?);
        let is_upright = place.rotation == 0.0 && !place.flipped;
        (!(self.is_whole.get() && is_upright)).then_some(place)
    }

    /// Shows a view as an address says it. Without a place the whole slide is shown.
    pub fn show(&self, spec: &PaneSpec) {
        if self.layers.with_untracked(|layers| *layers != spec.layers) {
            self.layers.set(spec.layers.clone());
            self.chosen.set(spec.layers.len().saturating_sub(1));
        }
        self.overlay_on
            .set(!spec.layers.is_empty() && !spec.overlay_off);
        self.light.set(spec.light);
        self.stain.set(spec.stain);
        self.command
            .set(Some(spec.place.map_or(Command::Reset, Command::Go)));
    }

    /// Forgets what belongs to the slide that was shown, before another one is.
    pub fn forget_slide(&self) {
        self.camera.set(None);
        self.rulers.set(Vec::new());
        self.stains.set(None);
        self.rank.set(None);
        self.cursor.set(None);
        self.hover.set(None);
        self.overlays.set(Vec::new());
        self.failed_tiles.set(0);
        self.overview.set(None);
        self.snapshot.set(None);
    }

    /// Whether the image can be shown as it is asked for: one stain alone needs vectors that can be told apart.
    #[must_use]
    pub fn is_stain_known(&self) -> bool {
        self.stain.get().is_none_or(|(_, source)| {
            let stains = source.preset().or_else(|| self.stains.get());
            stains.is_some_and(|stains| stains.unmixing().is_some())
        })
    }

    /// The layer that the controls are about.
    #[must_use]
    pub fn chosen_layer(&self) -> Option<LayerSpec> {
        let chosen = self.chosen.get();
        self.layers.with(|layers| layers.get(chosen).cloned())
    }

    /// What has become of it.
    #[must_use]
    pub fn chosen_status(&self) -> OverlayStatus {
        let chosen = self.chosen.get();
        self.overlays
            .with(|overlays| overlays.get(chosen).cloned())
            .unwrap_or(OverlayStatus::Off)
    }

    /// Changes the layer that the controls are about.
    pub fn change_layer(&self, change: impl FnOnce(LayerSpec) -> LayerSpec) {
        let chosen = self.chosen.get_untracked();
        self.layers.update(|layers| {
            if let Some(layer) = layers.get_mut(chosen) {
                *layer = change(layer.clone());
            }
        });
    }

    /// Puts one more layer on top and chooses it; nothing when there are as many as there may be.
    pub fn add_layer(&self, layer: LayerSpec) {
        if self.layers.with_untracked(Vec::len) >= MOST_LAYERS {
            return;
        }
        self.layers.update(|layers| layers.push(layer));
        self.chosen
            .set(self.layers.with_untracked(Vec::len).saturating_sub(1));
        self.overlay_on.set(true);
    }

    /// Takes a layer away.
    pub fn remove_layer(&self, index: usize) {
        self.layers.update(|layers| {
            if index < layers.len() {
                layers.remove(index);
            }
        });
        let last = self.layers.with_untracked(Vec::len).saturating_sub(1);
        self.chosen.update(|chosen| {
            *chosen = (*chosen - usize::from(*chosen > index)).min(last);
        });
    }

    /// Shows the heatmap of a target in the chosen layer; quantity, colours and opacity stay as they are. What belongs to
    /// the values of another target (range, threshold) does not.
    pub fn show_target(&self, model: &str, target: &str) {
        let (model, target) = (model.to_owned(), target.to_owned());
        if self.layers.with_untracked(Vec::is_empty) {
            self.add_layer(default_layer(model, target));
        } else {
            self.change_layer(|layer| {
                of_other_values(LayerSpec {
                    model,
                    target,
                    ..layer
                })
            });
        }
        self.overlay_on.set(true);
    }

    /// Moves the view so that the rectangle fills it.
    pub fn go_to(&self, rect: SlideRect) {
        self.command.set(Some(Command::Show(rect)));
    }

    /// Goes to the next (1) or previous (−1) of the most telling tiles of the chosen layer.
    pub fn go_to_rank(&self, step: isize) {
        let OverlayStatus::Shown(summary) = untrack(|| self.chosen_status()) else {
            return;
        };
        let last = summary.top.len() as isize - 1;
        if last < 0 {
            return;
        }
        let rank = match self.rank.get_untracked() {
            None if step < 0 => last,
            None => 0,
            Some(rank) => (rank as isize + step).clamp(0, last),
        };
        self.show_rank(rank as usize);
    }

    /// Goes to one of the most telling tiles of the chosen layer.
    pub fn show_rank(&self, rank: usize) {
        let rect = untrack(|| match self.chosen_status() {
            OverlayStatus::Shown(summary) => summary.top.get(rank).map(|tile| tile.rect),
            _ => None,
        });
        if let Some(rect) = rect {
            self.rank.set(Some(rank));
            self.go_to(rect);
        }
    }
}

/// Something asked of the viewer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Command {
    /// Show the whole slide as it is turned.
    Fit,
    /// Show the whole slide upright, at once.
    Reset,
    /// One slide pixel per pixel of the screen.
    Native,
    /// Zoom about the middle by a factor.
    ZoomBy(f64),
    /// Zoom about the middle to so many screen pixels per slide pixel.
    ZoomTo(f64),
    /// Turn clockwise about the middle by an angle, degrees.
    TurnBy(f64),
    /// Turn about the middle to an angle, degrees.
    TurnTo(f64),
    /// Mirror left to right.
    Flip,
    /// Move a point of the slide into the middle.
    Centre(f64, f64),
    /// Show the layers, or hide them all; without one, the first that there is.
    ToggleOverlay,
    /// Ask once more for the tiles that could not be had.
    Retry,
    /// Move so that the rectangle fills the view.
    Show(SlideRect),
    /// Be there, at once.
    Go(Place),
}

/// Something asked of the page by a key of the viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Show what the keys do.
    Keys,
    /// Copy the address of the view.
    CopyLink,
    /// Save what is seen as a picture.
    Snapshot,
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
    /// What the layers say of it, one per layer; `None` for those that are not shown.
    pub layers: Vec<Option<LayerReading>>,
    /// Which of them the rest is about.
    pub chosen: usize,
    /// All quantities of its target in the order of [`Quantity::ALL`]; NaN where the target has none.
    pub quantities: [f64; Quantity::ALL.len()],
    /// The scale of the target's score.
    pub scale: Scale,
    /// Tile probability per target of the model, for those that have been fetched.
    pub targets: Vec<TargetReading>,
}

impl Hover {
    /// What the layer says that the rest is about.
    #[must_use]
    pub fn reading(&self) -> Option<&LayerReading> {
        self.layers.get(self.chosen)?.as_ref()
    }
}

/// What one layer says of the tile that is read.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerReading {
    /// Name of the layer.
    pub title: String,
    /// Whether zero has a meaning.
    pub signed: bool,
    /// The value.
    pub value: f64,
    /// Percentile rank of the value among this slide's tiles.
    pub percentile: f64,
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

/// What has become of a layer that was asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum OverlayStatus {
    /// It is switched off.
    Off,
    /// Its numbers are on their way.
    Loading,
    /// It cannot be shown, with the reason and what to do.
    Failed(String),
    /// It is drawn.
    Shown(Box<LayerSummary>),
}

/// A layer as legend, histogram and list of tiles tell of it.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerSummary {
    /// Title of the model.
    pub model: String,
    /// Title of the model whose values are subtracted.
    pub minus: Option<String>,
    /// Title of the target.
    pub target: String,
    /// What is shown.
    pub quantity: Quantity,
    /// Whether zero has a meaning.
    pub signed: bool,
    /// The scale of the target's score.
    pub scale: Scale,
    /// What colours and threshold are laid out along.
    pub grading: Grading,
    /// What is at the ends of the colour map, in the unit of the grading.
    pub range: (f64, f64),
    /// What would be there if nobody had said otherwise; the ends of the histogram.
    pub full_range: (f64, f64),
    /// Lowest and highest value of a tile; `None` when no tile has one.
    pub extremes: Option<(f64, f64)>,
    /// Number of tiles.
    pub tiles: usize,
    /// How many of them the threshold lets through.
    pub drawn: usize,
    /// How many tiles lie in each of equal parts of `full_range`.
    pub histogram: Vec<u32>,
    /// The tiles that say most, first first.
    pub top: Vec<TopTile>,
    /// Number of fold models whose mean is shown; of A and B for a difference.
    pub fold_models: (usize, Option<usize>),
    /// What to know of the numbers, one sentence each.
    pub notes: Vec<String>,
}

impl LayerSummary {
    /// Name of the layer.
    #[must_use]
    pub fn title(&self) -> String {
        let difference = if self.minus.is_some() {
            ", A − B"
        } else {
            ""
        };
        [&self.target, ", ", self.quantity.title(), difference].concat()
    }
}

/// One of the tiles that say most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TopTile {
    /// Number of its spot.
    pub spot: u32,
    /// Its index in the spot's grid.
    pub tile: usize,
    /// Its rectangle, slide px.
    pub rect: SlideRect,
    /// Its value.
    pub value: f64,
    /// Percentile rank of the value among this slide's tiles.
    pub percentile: f64,
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

    #[test]
    fn a_view_is_what_its_address_says() {
        let query = "layer=m,t,attention,ember,70&layer=m,u,contribution,study,50&overlay=off&light=0.1,1,1&stain=eosin,qupath";
        let spec = domain::address::ViewSpec::from_query(query).first;
        let owner = Owner::new();
        owner.with(|| {
            let state = ViewState::new(&spec);
            assert_eq!(state.spec(), spec);
            assert_eq!(state.chosen.get(), 1);
            state.remove_layer(0);
            assert_eq!((state.chosen.get(), state.layers.get().len()), (0, 1));
            state.show(&spec);
            assert_eq!(state.spec(), spec);
        });
    }

    #[test]
    fn a_ruler_measures_both_axes_by_their_own_resolution() {
        let ruler = Ruler {
            from: (10.0, 10.0),
            to: (40.0, 30.0),
        };
        let length = ruler.length_um(Mpp { x: 0.1, y: 0.2 });
        assert!((length - 5.0).abs() < 1e-12);
    }
}
