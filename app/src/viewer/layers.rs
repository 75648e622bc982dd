//! The overlay of a running viewer: from maps to textures, and to what is read under the cursor.

use std::rc::Rc;

use domain::camera::Camera;
use domain::colour::ColourMap;
use domain::geometry::TileGrid;
use domain::layer::{LayerSpec, Quantity};
use domain::view::{ModelOnSlide, SlideDetail, TargetOnSlide};
use web_sys::WebGlTexture;

use super::cells::{grid_view, ramp};
use super::layer_setup::find_target;
use super::maps::{Maps, MapsProblem, NextFetch, TargetKey};
use super::overview::overview;
use super::prepared::Prepared;
use super::renderer::{CellStyle, Renderer};
use super::summary::layer_title;
use super::told::{Hover, LayerReading, OtherTargets, OverlayStatus, Overview, TargetReading};
use super::values::{Content, TargetMaps, values_of};

const NO_ROOM: &str =
    "The graphics card has no room for this heatmap. Switch it off and on to try once more.";

/// The overlay.
pub struct Layers {
    slide: Rc<SlideDetail>,
    layers: Vec<LayerSpec>,
    on: bool,
    maps: Maps,
    /// One per layer.
    shown: Vec<Option<Shown>>,
    /// The colours of each row of the table on the graphics card.
    ramps: Vec<Option<ColourMap>>,
}

/// What is on the graphics card.
struct Shown {
    content: Content,
    prepared: Result<Prepared, String>,
    /// One per spot; none at all without values.
    textures: Vec<Option<WebGlTexture>>,
}

impl Layers {
    /// Nothing shown.
    #[must_use]
    pub fn new(slide: Rc<SlideDetail>) -> Self {
        Self {
            slide,
            layers: Vec::new(),
            on: false,
            maps: Maps::default(),
            shown: Vec::new(),
            ramps: Vec::new(),
        }
    }

    /// Takes over what was set up. Only what differs is done again: new colours are a kilobyte, a new opacity or threshold
    /// nothing.
    pub fn set(&mut self, layers: Vec<LayerSpec>, on: bool, renderer: Option<&Renderer>) {
        let choices = |layers: &[LayerSpec]| {
            let choice = |layer: &LayerSpec| (Content::of(layer), layer.visible);
            layers.iter().map(choice).collect::<Vec<_>>()
        };
        let is_choice =
            self.on != on || self.layers == layers || choices(&self.layers) != choices(&layers);
        // Whoever chooses something, be it the same once more, gets another try; whoever drags the opacity does not get
        // one per step.
        if is_choice {
            self.maps.try_again();
            for shown in &mut self.shown {
                // Nothing of it is on the card.
                if shown.as_ref().is_some_and(|shown| shown.prepared.is_err()) {
                    *shown = None;
                }
            }
        }
        self.layers = layers;
        self.on = on;
        self.prepare(renderer);
    }

    /// Whether the other targets of the models that are shown are fetched, too, however many tiles there are.
    pub fn set_wants_all(&mut self, wants_all: bool) {
        self.maps.wants_all = wants_all;
    }

    /// What there is of the other targets of a layer's model, while it is drawn.
    #[must_use]
    pub fn other_targets(&self, chosen: usize) -> OtherTargets {
        let drawn = self.drawn().find(|(index, ..)| *index == chosen);
        drawn
            .and_then(|(_, layer, ..)| find_target(&self.slide, &layer.model, &layer.target))
            .map_or(OtherTargets::Here, |(model, _)| {
                self.maps.others(&self.slide, model)
            })
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
        for shown in &mut self.shown {
            let is_stale = shown.as_ref().is_some_and(|shown| {
                let content = &shown.content;
                !(stays(&content.key) && content.minus.as_ref().is_none_or(stays))
            });
            if is_stale {
                drop_shown(shown.take(), renderer);
            }
        }
        self.slide = slide;
        self.prepare(renderer);
    }

    fn is_wanted(&self, layer: &LayerSpec) -> bool {
        self.on && layer.visible
    }

    /// Brings the graphics card up to what is wanted, as far as the maps are there.
    fn prepare(&mut self, renderer: Option<&Renderer>) {
        let Some(renderer) = renderer else {
            return;
        };
        self.ramps.resize(self.layers.len(), None);
        let mut before: Vec<Option<Shown>> = std::mem::take(&mut self.shown);
        for (row, layer) in self.layers.iter().enumerate() {
            let content = Content::of(layer);
            // Layers change places.
            let kept = before
                .iter_mut()
                .find(|shown| shown.as_ref().map(|shown| &shown.content) == content.as_ref())
                .and_then(Option::take);
            let shown = kept.or_else(|| {
                let content = content.filter(|_| self.is_wanted(layer))?;
                self.make(content, renderer)
            });
            self.shown.push(shown);
            if self.ramps.get(row) != Some(&Some(layer.colour_map)) {
                renderer.upload_ramp(row, &ramp(layer.colour_map));
                if let Some(held) = self.ramps.get_mut(row) {
                    *held = Some(layer.colour_map);
                }
            }
        }
        for shown in before {
            drop_shown(shown, Some(renderer));
        }
    }

    fn make(&self, content: Content, renderer: &Renderer) -> Option<Shown> {
        let maps = self.maps.get(&content.key)?;
        let minus = match &content.minus {
            Some(key) => Some(self.maps.get(key)?),
            None => None,
        };
        let values = values_of(maps, minus, content.quantity);
        let made = values.and_then(|values| {
            let prepared = Prepared::new(&self.slide, &content, values);
            let textures = self.upload(&prepared, renderer)?;
            Ok((prepared, textures))
        });
        let (prepared, textures) = match made {
            Ok((prepared, textures)) => (Ok(prepared), textures),
            Err(problem) => (Err(problem), Vec::new()),
        };
        Some(Shown {
            content,
            prepared,
            textures,
        })
    }

    /// Puts the cells of each spot on the graphics card: all, or none and why.
    fn upload(
        &self,
        prepared: &Prepared,
        renderer: &Renderer,
    ) -> Result<Vec<Option<WebGlTexture>>, String> {
        let largest = renderer.largest_texture();
        let grids = || self.slide.spots.iter().map(|spot| spot.grid.as_ref());
        let is_too_large = |grid: &TileGrid| grid.columns.max(grid.rows) > largest;
        if grids().flatten().any(is_too_large) {
            return Err("This heatmap has more tiles than the graphics card can draw.".to_owned());
        }
        let (textures, problem) = renderer.problem_of(|| {
            let upload = |(index, grid): (usize, Option<&TileGrid>)| {
                let grid = grid.filter(|grid| !grid.is_empty())?;
                let texels = prepared.texels(grid, index);
                renderer.upload_cells(grid.columns, grid.rows, &texels)
            };
            grids().enumerate().map(upload).collect::<Vec<_>>()
        });
        if problem.is_none() {
            return Ok(textures);
        }
        for texture in textures.iter().flatten() {
            renderer.delete(texture);
        }
        Err(NO_ROOM.to_owned())
    }

    /// The graphics card has forgotten everything.
    pub fn context_lost(&mut self) {
        self.shown.clear();
        self.ramps.clear();
    }

    /// The graphics card can be used again.
    pub fn context_restored(&mut self, renderer: &Renderer) {
        self.prepare(Some(renderer));
    }

    /// Which maps must be fetched next at `now`, ms.
    #[must_use]
    pub fn next_fetch(&mut self, now: f64) -> NextFetch {
        let wanted: Vec<TargetKey> = self
            .layers
            .iter()
            .rev()
            .filter(|layer| self.is_wanted(layer))
            .flat_map(TargetKey::of)
            .collect();
        if wanted.is_empty() {
            return NextFetch::Nothing;
        }
        self.maps.next_fetch(&self.slide, &wanted, now)
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

    /// What has become of each layer.
    #[must_use]
    pub fn statuses(&self) -> Vec<OverlayStatus> {
        let mut shown = self.shown.iter();
        self.layers
            .iter()
            .map(|layer| self.status(layer, shown.next().and_then(Option::as_ref)))
            .collect()
    }

    fn status(&self, layer: &LayerSpec, shown: Option<&Shown>) -> OverlayStatus {
        if !self.is_wanted(layer) {
            return OverlayStatus::Off;
        }
        let slide = &self.slide;
        let mut problem = None;
        for key in TargetKey::of(layer) {
            if find_target(slide, &key.model, &key.target).is_none() {
                let problem = "This model says nothing of this target here.";
                return OverlayStatus::Failed(problem.to_owned());
            }
            problem = problem.or_else(|| self.maps.problem(&key));
        }
        let found = find_target(slide, &layer.model, &layer.target);
        match (shown, found) {
            (Some(shown), Some((model, target))) => match &shown.prepared {
                Ok(prepared) => {
                    let summary = prepared.summary(slide, layer, model, target);
                    OverlayStatus::Shown(Box::new(summary))
                }
                Err(problem) => OverlayStatus::Failed(problem.clone()),
            },
            _ => problem.map_or(OverlayStatus::Loading, OverlayStatus::Failed),
        }
    }

    /// The layers that are drawn, lowest first: index, layer, what is on the card.
    fn drawn(&self) -> impl Iterator<Item = (usize, &LayerSpec, &Shown, &Prepared)> {
        self.layers
            .iter()
            .zip(&self.shown)
            .enumerate()
            .filter(|(_, (layer, _))| self.is_wanted(layer))
            .filter_map(|(index, (layer, shown))| {
                let shown = shown.as_ref()?;
                let prepared = shown.prepared.as_ref().ok()?;
                Some((index, layer, shown, prepared))
            })
    }

    /// Draws what is wanted and there.
    pub fn draw(&self, renderer: &Renderer, camera: &Camera) {
        for (row, layer, shown, prepared) in self.drawn() {
            let style = CellStyle {
                row,
                range: prepared.range(layer),
                threshold: layer.threshold,
                grading: layer.grading,
                smooth: layer.smooth,
                opacity: layer.opacity,
            };
            for (spot, texture) in self.slide.spots.iter().zip(&shown.textures) {
                if let (Some(grid), Some(texture)) = (&spot.grid, texture)
                    && let Some(view) = grid_view(grid, camera)
                {
                    renderer.draw_cells(&view, texture, &style);
                }
            }
        }
    }

    /// The chosen layer in small, while it is drawn.
    #[must_use]
    pub fn overview(&self, chosen: usize) -> Option<Overview> {
        let (_, layer, _, prepared) = self.drawn().find(|(index, ..)| *index == chosen)?;
        let grids = self
            .slide
            .spots
            .iter()
            .enumerate()
            .filter_map(|(spot, view)| Some((spot, view.grid.as_ref()?)));
        Some(overview(layer, prepared, grids))
    }

    /// What there is to say of the tile under a point of the slide; the layer that was chosen says most.
    #[must_use]
    pub fn read(&self, x: f64, y: f64, chosen: usize) -> Option<Hover> {
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
        let mut layers = vec![None; self.layers.len()];
        let mut about = None;
        for (index, layer, _, prepared) in self.drawn() {
            let Some((model, target)) = find_target(&self.slide, &layer.model, &layer.target)
            else {
                continue;
            };
            let (Some((value, percentile)), Some(slot)) =
                (prepared.at(spot, tile), layers.get_mut(index))
            else {
                continue;
            };
            *slot = Some(LayerReading {
                title: layer_title(&target.title, layer.quantity, layer.minus.is_some()),
                signed: layer.is_signed(),
                value,
                percentile,
            });
            if about.is_none() || index == chosen {
                about = Some((index, layer, model, target));
            }
        }
        let (chosen, layer, model, target) = about?;
        let maps = self.maps.get(&TargetKey::of(layer).next()?)?;
        Some(Hover {
            spot: view.number,
            tile,
            rect: view.grid.as_ref()?.rect(tile)?,
            layers,
            chosen,
            quantities: maps.spots.get(spot)?.at(tile),
            scale: target.readouts.first()?.scale,
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

fn drop_shown(shown: Option<Shown>, renderer: Option<&Renderer>) {
    if let (Some(shown), Some(renderer)) = (shown, renderer) {
        for texture in shown.textures.iter().flatten() {
            renderer.delete(texture);
        }
    }
}
