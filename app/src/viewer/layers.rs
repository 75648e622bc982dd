//! The overlay of a running viewer: from maps to textures, and to what is read under the cursor.

use std::rc::Rc;

use domain::camera::Camera;
use domain::colour::ColourMap;
use domain::layer::{LayerSpec, Quantity};
use domain::view::{ModelOnSlide, SlideDetail, TargetOnSlide};
use web_sys::WebGlTexture;

use super::maps::{Maps, MapsProblem, NextFetch, TargetKey};
use super::overlay::{Prepared, TargetMaps, grid_view, ramp, texels};
use super::renderer::Renderer;
use super::state::{Hover, OverlayStatus, TargetReading, find_target};

/// The overlay.
pub struct Layers {
    slide: Rc<SlideDetail>,
    layer: Option<LayerSpec>,
    visible: bool,
    maps: Maps,
    shown: Option<Shown>,
    ramp: Option<ColourMap>,
}

/// What is on the graphics card.
struct Shown {
    key: TargetKey,
    quantity: Quantity,
    prepared: Prepared,
    /// One per spot.
    textures: Vec<Option<WebGlTexture>>,
}

impl Layers {
    /// Nothing shown.
    #[must_use]
    pub fn new(slide: Rc<SlideDetail>) -> Self {
        Self {
            slide,
            layer: None,
            visible: false,
            maps: Maps::default(),
            shown: None,
            ramp: None,
        }
    }

    /// Takes over what was set up. Only what differs is done again: new colours are 768 bytes, a new opacity nothing.
    pub fn set(&mut self, layer: Option<LayerSpec>, visible: bool, renderer: Option<&Renderer>) {
        let chosen = |layer: &Option<LayerSpec>| {
            let layer = layer.as_ref()?;
            Some((TargetKey::of(layer), layer.quantity))
        };
        let is_choice =
            self.visible != visible || self.layer == layer || chosen(&self.layer) != chosen(&layer);
        // Whoever chooses something, be it the same once more, gets another try; whoever drags the opacity does not get
        // one per step.
        if is_choice {
            self.maps.try_again();
        }
        self.layer = layer;
        self.visible = visible;
        self.prepare(renderer);
    }

    /// Has fetched once more what could not be had.
    pub fn try_again(&mut self) {
        self.maps.try_again();
    }

    /// Takes over what has become of the slide: another model has predicted it, or its numbers are new.
    pub fn set_slide(&mut self, slide: Rc<SlideDetail>, renderer: Option<&Renderer>) {
        let version = |slide: &SlideDetail, key: &TargetKey| {
            find_target(slide, &key.model, &key.target)
                .map(|(model, _)| model.terms_version.clone())
        };
        let is_same_grid = slide.spots == self.slide.spots;
        let stays =
            |key: &TargetKey| is_same_grid && version(&slide, key) == version(&self.slide, key);
        self.maps.retain(stays);
        let shown_stays = self.shown.as_ref().is_none_or(|shown| stays(&shown.key));
        if !shown_stays {
            self.drop_shown(renderer);
        }
        self.slide = slide;
        self.prepare(renderer);
    }

    fn wanted(&self) -> Option<&LayerSpec> {
        self.layer.as_ref().filter(|_| self.visible)
    }

    /// Brings the graphics card up to what is wanted, as far as the maps are there.
    fn prepare(&mut self, renderer: Option<&Renderer>) {
        let (Some(layer), Some(renderer)) = (self.wanted().cloned(), renderer) else {
            return;
        };
        if self.ramp != Some(layer.colour_map) {
            renderer.upload_ramp(&ramp(&layer));
            self.ramp = Some(layer.colour_map);
        }
        let key = TargetKey::of(&layer);
        if self
            .shown
            .as_ref()
            .is_some_and(|shown| shown.key == key && shown.quantity == layer.quantity)
        {
            return;
        }
        self.drop_shown(Some(renderer));
        let slide = Rc::clone(&self.slide);
        let Some((model, target)) = find_target(&slide, &layer.model, &layer.target) else {
            return;
        };
        let Some(maps) = self.maps.get(&key) else {
            return;
        };
        let largest = renderer.largest_texture();
        let textures = slide
            .spots
            .iter()
            .zip(&maps.spots)
            .map(|(spot, spot_maps)| {
                let grid = spot.grid.as_ref().filter(|grid| {
                    !grid.is_empty() && grid.columns <= largest && grid.rows <= largest
                })?;
                let texels = texels(grid, spot_maps.of(layer.quantity));
                renderer.upload_cells(grid.columns, grid.rows, &texels)
            })
            .collect();
        self.shown = Some(Shown {
            prepared: Prepared::new(&slide, model, target, maps, layer.quantity),
            key,
            quantity: layer.quantity,
            textures,
        });
    }

    fn drop_shown(&mut self, renderer: Option<&Renderer>) {
        let Some(shown) = self.shown.take() else {
            return;
        };
        if let Some(renderer) = renderer {
            for texture in shown.textures.iter().flatten() {
                renderer.delete(texture);
            }
        }
    }

    /// The graphics card has forgotten everything.
    pub fn context_lost(&mut self) {
        self.shown = None;
        self.ramp = None;
    }

    /// The graphics card can be used again.
    pub fn context_restored(&mut self, renderer: &Renderer) {
        self.prepare(Some(renderer));
    }

    /// Which maps must be fetched next at `now`, ms.
    #[must_use]
    pub fn next_fetch(&mut self, now: f64) -> NextFetch {
        match self.wanted().map(TargetKey::of) {
            Some(wanted) => self.maps.next_fetch(&self.slide, &wanted, now),
            None => NextFetch::Nothing,
        }
    }

    /// Takes at `now`, ms, what was fetched, or why it could not be.
    pub fn fetched(
        &mut self,
        key: TargetKey,
        maps: Result<TargetMaps, MapsProblem>,
        now: f64,
        renderer: Option<&Renderer>,
    ) {
        self.maps.came(key, maps, now);
        self.prepare(renderer);
    }

    /// For the legend.
    #[must_use]
    pub fn status(&self) -> OverlayStatus {
        let Some(layer) = self.wanted() else {
            return OverlayStatus::Off;
        };
        let key = TargetKey::of(layer);
        if let Some(shown) = &self.shown
            && shown.key == key
        {
            return OverlayStatus::Shown(shown.prepared.summary.clone());
        }
        if find_target(&self.slide, &key.model, &key.target).is_none() {
            let problem = "This model says nothing of this target here.";
            return OverlayStatus::Failed(problem.to_owned());
        }
        self.maps
            .problem(&key)
            .map_or(OverlayStatus::Loading, OverlayStatus::Failed)
    }

    /// Draws what is wanted and there.
    pub fn draw(&self, renderer: &Renderer, camera: &Camera) {
        let (Some(layer), Some(shown)) = (self.wanted(), &self.shown) else {
            return;
        };
        let range = shown.prepared.summary.normalisation;
        for (spot, texture) in self.slide.spots.iter().zip(&shown.textures) {
            if let (Some(grid), Some(texture)) = (&spot.grid, texture)
                && let Some(view) = grid_view(grid, camera)
            {
                renderer.draw_cells(&view, texture, (range.low, range.high), layer.opacity);
            }
        }
    }

    /// What there is to say of the tile under a point of the slide.
    #[must_use]
    pub fn read(&self, x: f64, y: f64) -> Option<Hover> {
        let (layer, shown) = (self.wanted()?, self.shown.as_ref()?);
        let maps = self.maps.get(&shown.key)?;
        let (model, _) = find_target(&self.slide, &layer.model, &layer.target)?;
        let (spot, tile) = self
            .slide
            .spots
            .iter()
            .enumerate()
            .find_map(|(index, spot)| {
                let tile = spot.grid.as_ref()?.tile_at(x, y)?;
                Some((index, tile))
            })?;
        let view = self.slide.spots.get(spot)?;
        let spot_maps = maps.spots.get(spot)?;
        Some(Hover {
            spot: view.number,
            tile,
            rect: view.grid.as_ref()?.rect(tile)?,
            quantity: shown.quantity,
            value: spot_maps.of(shown.quantity).get(tile).copied()?,
            percentile: shown.prepared.percentile(spot, tile),
            quantities: spot_maps.at(tile),
            scale: shown.prepared.summary.scale,
            targets: self.readings(model, spot, tile),
        })
    }

    fn readings(&self, model: &ModelOnSlide, spot: usize, tile: usize) -> Vec<TargetReading> {
        let reading = |target: &TargetOnSlide| {
            let maps = self.maps.get(&TargetKey {
                model: model.key.clone(),
                target: target.key.clone(),
            })?;
            let probability = *maps
                .spots
                .get(spot)?
                .of(Quantity::TileProbability)
                .get(tile)?;
            probability.is_finite().then(|| TargetReading {
                key: target.key.clone(),
                title: target.title.clone(),
                probability,
            })
        };
        model.targets.iter().filter_map(reading).collect()
    }
}
