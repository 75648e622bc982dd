//! What viewer and panel share: layers, camera, image settings, what is under the cursor.

use domain::address::{MOST_LAYERS, PaneSpec, Place, StainView};
use domain::camera::Camera;
use domain::geometry::{Mpp, SlideRect};
use domain::layer::LayerSpec;
use domain::stain::{Glass, Light, StainEstimate, StainSource, Stains};
use leptos::prelude::*;

use super::command::{Ask, Command, Tool};
use super::layer_setup::{default_layer, of_other_values};
use super::ruler::Ruler;
use super::told::{FailedTiles, Hover, OtherTargets, OverlayStatus, Overview, Picture};

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
    /// The stain vectors and the glass as estimated from the slide, once they are known.
    pub stains: RwSignal<Option<StainEstimate>>,
    /// What a press of the pointer does.
    pub tool: RwSignal<Tool>,
    /// What was measured, oldest first; a bounded number.
    pub rulers: RwSignal<Vec<Ruler>>,
    /// Which of the most telling tiles was gone to last.
    pub rank: RwSignal<Option<usize>>,
    /// The last thing asked of the viewer.
    pub command: RwSignal<Option<Command>>,
    /// The last thing asked of the page by a key of the viewer.
    pub ask: RwSignal<Option<Ask>>,

    /// The place that an address has asked for last; it stands for what is seen until the camera does.
    asked: RwSignal<Option<Place>>,
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
    /// Whether the read-out shall tell of all targets, however many tiles must be fetched for that.
    pub wants_all_targets: RwSignal<bool>,
    /// What there is of the targets that are not shown. Written by the viewer.
    pub other_targets: RwSignal<OtherTargets>,
    /// What has become of each of the layers. Written by the viewer.
    pub overlays: RwSignal<Vec<OverlayStatus>>,
    /// Pyramid tiles in view that could not be had. Written by the viewer.
    pub failed_tiles: RwSignal<FailedTiles>,
    /// Whether the graphics card has been taken away for now. Written by the viewer.
    pub is_interrupted: RwSignal<bool>,
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
    pub snapshot: RwSignal<Option<Picture>>,
}

/// Rulers kept at most: more than anybody tells apart on one screen.
const MOST_RULERS: usize = 50;

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
            asked: RwSignal::new(spec.place),
            camera: RwSignal::new(None),
            is_whole: RwSignal::new(spec.place.is_none()),
            is_still: RwSignal::new(true),
            cursor: RwSignal::new(None),
            hover: RwSignal::new(None),
            wants_all_targets: RwSignal::new(false),
            other_targets: RwSignal::new(OtherTargets::Here),
            overlays: RwSignal::new(Vec::new()),
            failed_tiles: RwSignal::new(FailedTiles::default()),
            is_interrupted: RwSignal::new(false),
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
        let Some(camera) = self.camera.get() else {
            return self.asked.get();
        };
        let place = Place::of(&camera);
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
        self.asked.set(spec.place);
        self.command
            .set(Some(spec.place.map_or(Command::Reset, Command::Go)));
    }

    /// Forgets what belongs to the slide that was shown, before another one is.
    pub fn forget_slide(&self) {
        self.asked.set(None);
        self.camera.set(None);
        self.rulers.set(Vec::new());
        self.stains.set(None);
        self.rank.set(None);
        self.cursor.set(None);
        self.hover.set(None);
        self.wants_all_targets.set(false);
        self.other_targets.set(OtherTargets::Here);
        self.overlays.set(Vec::new());
        self.failed_tiles.set(FailedTiles::default());
        self.is_interrupted.set(false);
        self.overview.set(None);
        self.snapshot.set(None);
    }

    /// Whether the image can be shown as it is asked for: one stain alone needs vectors that can be told apart.
    #[must_use]
    pub fn is_stain_known(&self) -> bool {
        self.stain.get().is_none_or(|(_, source)| {
            let stains = self.stains_of(source);
            stains.is_some_and(|stains| stains.unmixing().is_some())
        })
    }

    /// The stain vectors of a source, once they are known.
    #[must_use]
    pub fn stains_of(&self, source: StainSource) -> Option<Stains> {
        let estimated = || self.stains.with(|estimate| estimate.as_ref()?.stains);
        source.preset().or_else(estimated)
    }

    /// The colour of the slide's glass, once it is known; `None`, too, for a slide that shows none.
    #[must_use]
    pub fn glass(&self) -> Option<Glass> {
        self.stains.with(|estimate| estimate.as_ref()?.glass)
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

    /// Takes the ruler up, or puts it down.
    pub fn toggle_ruler(&self) {
        self.tool.update(|tool| {
            *tool = match tool {
                Tool::Hand => Tool::Ruler,
                Tool::Ruler => Tool::Hand,
            };
        });
    }

    /// Lays one more ruler; the oldest goes when there are too many.
    pub fn add_ruler(&self, ruler: Ruler) {
        self.rulers.update(|rulers| {
            if rulers.len() >= MOST_RULERS {
                rulers.remove(0);
            }
            rulers.push(ruler);
        });
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

#[cfg(test)]
mod tests {
    use super::*;

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
    fn the_place_of_an_address_is_kept_until_the_view_is_there() {
        let query = "at=100,200&zoom=0.5";
        let spec = domain::address::ViewSpec::from_query(query).first;
        let owner = Owner::new();
        owner.with(|| {
            let state = ViewState::new(&spec);
            assert_eq!(state.spec().place, spec.place);
            let seen = Place {
                x: 7.0,
                ..spec.place.unwrap()
            };
            state.camera.set(Some(seen.camera(800.0, 600.0)));
            assert_eq!(state.spec().place, Some(seen));
            state.forget_slide();
            assert_eq!(state.spec().place, None);
            // Told before it is there, as the second view is.
            state.show(&spec);
            assert_eq!(state.spec().place, spec.place);
        });
    }

    #[test]
    fn of_too_many_rulers_the_oldest_goes() {
        let owner = Owner::new();
        owner.with(|| {
            let state = ViewState::new(&PaneSpec::default());
            for x in 0..=MOST_RULERS {
                let at = (x as f64, 0.0);
                state.add_ruler(Ruler { from: at, to: at });
            }
            let rulers = state.rulers.get();
            assert_eq!(rulers.len(), MOST_RULERS);
            assert_eq!(rulers[0].from.0, 1.0);
            assert_eq!(rulers[MOST_RULERS - 1].from.0, MOST_RULERS as f64);
        });
    }
}
