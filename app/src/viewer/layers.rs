//! The overlay of a running viewer: keeps maps and textures, says what has to be fetched.

use std::rc::Rc;

use domain::camera::Camera;
use domain::colour::ColourMap;
use domain::layer::{LayerSpec, Quantity};
use domain::view::{ModelOnSlide, SlideDetail, TargetOnSlide};
use web_sys::WebGlTexture;

use super::overlay::{Prepared, TargetMaps, grid_view, ramp, texels};
use super::renderer::Renderer;
use super::state::{Hover, OverlayStatus, TargetReading, find_target};

/// Maps kept at most; each is five numbers per tile.
const MOST_MAPS: usize = 24;
/// For slides with more tiles than this, only the target that is shown is fetched.
const MOST_TILES_AHEAD: usize = 20_000;

/// A target of a model by their keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetKey {
    /// Key of the model.
    pub model: String,
    /// Key of the target.
    pub target: String,
}

impl TargetKey {
    fn of(layer: &LayerSpec) -> Self {
        Self {
            model: layer.model.clone(),
            target: layer.target.clone(),
        }
    }
}

/// The overlay.
pub struct Layers {
    slide: Rc<SlideDetail>,
    layer: Option<LayerSpec>,
    visible: bool,
    maps: Vec<(TargetKey, TargetMaps)>,
    loading: Option<TargetKey>,
    shown: Option<Shown>,
    ramp: Option<ColourMap>,
    problem: Option<(TargetKey, String)>,
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
            maps: Vec::new(),
            loading: None,
            shown: None,
            ramp: None,
            problem: None,
        }
    }

    /// Takes over what was set up. Only what differs is done again: new colours are 768 bytes, a new opacity nothing.
    pub fn set(&mut self, layer: Option<LayerSpec>, visible: bool, renderer: Option<&Renderer>) {
        if self.layer != layer || self.visible != visible {
            // Whoever changes something gets another try.
            self.problem = None;
        }
        self.layer = layer;
        self.visible = visible;
        self.prepare(renderer);
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
        self.maps.retain(|(key, _)| stays(key));
        let shown_stays = self.shown.as_ref().is_none_or(|shown| stays(&shown.key));
        if !shown_stays {
            self.drop_shown(renderer);
        }
        self.slide = slide;
        self.problem = None;
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
            self.problem = Some((
                key,
                "This model says nothing of this target here.".to_owned(),
            ));
            return;
        };
        let Some((_, maps)) = self.maps.iter().find(|(other, _)| *other == key) else {
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

    /// What must be fetched next, if anything: the target that is wanted, then, for small slides, its model's others.
    #[must_use]
    pub fn next_fetch(&mut self) -> Option<TargetKey> {
        if self.loading.is_some() {
            return None;
        }
        let layer = self.wanted()?;
        let slide = Rc::clone(&self.slide);
        let (model, _) = find_target(&slide, &layer.model, &layer.target)?;
        let has = |key: &TargetKey| self.maps.iter().any(|(other, _)| other == key);
        let wanted = TargetKey::of(layer);
        let tiles: usize = slide
            .spots
            .iter()
            .filter_map(|spot| spot.grid.as_ref())
            .map(domain::geometry::TileGrid::len)
            .sum();
        let next = if !has(&wanted) {
            if self.problem.is_some() {
                return None;
            }
            wanted
        } else if tiles <= MOST_TILES_AHEAD && self.maps.len() < MOST_MAPS {
            model
                .targets
                .iter()
                .map(|target| TargetKey {
                    model: model.key.clone(),
                    target: target.key.clone(),
                })
                .find(|key| !has(key) && self.problem.as_ref().is_none_or(|(bad, _)| bad != key))?
        } else {
            return None;
        };
        self.loading = Some(next.clone());
        Some(next)
    }

    /// Takes what was fetched, or why it could not be.
    pub fn fetched(
        &mut self,
        key: TargetKey,
        maps: Result<TargetMaps, String>,
        renderer: Option<&Renderer>,
    ) {
        self.loading = None;
        match maps {
            Ok(maps) => {
                if self.maps.len() >= MOST_MAPS {
                    self.maps.remove(0);
                }
                self.maps.push((key, maps));
                self.prepare(renderer);
            }
            Err(problem) => self.problem = Some((key, problem)),
        }
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
        match &self.problem {
            Some((bad, problem)) if *bad == key => OverlayStatus::Failed(problem.clone()),
            _ => OverlayStatus::Loading,
        }
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
        let (_, maps) = self.maps.iter().find(|(key, _)| *key == shown.key)?;
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
            let (_, maps) = self
                .maps
                .iter()
                .find(|(key, _)| key.model == model.key && key.target == target.key)?;
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
