//! What the running viewer knows, and how it takes over what is asked of it; `events`, `drawing` and `orders` are its other
//! parts.

use std::collections::HashMap;
use std::rc::Rc;

use domain::camera::{Camera, normal_degrees};
use domain::stain::{Light, WHITE};
use domain::view::SlideDetail;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{AbortController, HtmlCanvasElement, HtmlElement, WebGlTexture, WebglLoseContext};

use super::cache::Cache;
use super::command::Command;
use super::fingers::Fingers;
use super::input::read_point;
use super::layer_setup::first_layer;
use super::layers::Layers;
use super::motion::{Limits, Mover};
use super::renderer::{Renderer, TileStyle};
use super::retry::{Failure, Refusal};
use super::ruler::Measuring;
use super::schedule::Plan;
use super::state::ViewState;
use super::tile::TileKey;
use super::whole_pixels;

/// Bytes of tile textures kept.
const MOST_TEXTURE_BYTES: usize = 256 << 20;
/// Tiles that take less than this come fast, ms.
pub(super) const FAST_TILE: f64 = 60.0;
/// How long a jump takes, ms.
const FLY_TIME: f64 = 260.0;

/// The state of the running viewer.
pub struct Scene {
    pub(super) canvas: HtmlCanvasElement,
    pub(super) outline: HtmlElement,
    pub(super) slide: Rc<SlideDetail>,
    pub(super) view: ViewState,
    pub(super) renderer: Option<Renderer>,
    pub(super) camera: Option<Camera>,
    pub(super) limits: Option<Limits>,
    /// Whether the whole slide is shown and shall stay so when the size changes.
    pub(super) is_fitted: bool,
    pub(super) device_size: (u32, u32),
    pub(super) mover: Mover,
    pub(super) fingers: Fingers,
    /// Where the canvas is in the window, px, as of the last event without a hand down.
    pub(super) origin: (f64, f64),
    /// The cursor, px.
    pub(super) pointer: Option<(f64, f64)>,
    /// Whether the canvas has the keyboard.
    pub(super) is_focused: bool,
    /// Whether the view was led to a tile, which is read in the middle until a hand moves.
    pub(super) is_led: bool,
    pub(super) plan: Plan,
    pub(super) planned_for: Option<Camera>,
    /// Tiles that the next view is likely to want.
    pub(super) ahead: Vec<TileKey>,
    /// Where the slide went in the last frames, shares of the screen per frame.
    pub(super) heading: (f64, f64),
    /// What was asked for before the size of the canvas was known.
    pending: Option<Command>,
    /// The ruler that is being drawn.
    pub(super) measuring: Option<Measuring>,
    pub(super) cache: Cache<TileKey, WebGlTexture>,
    /// Tiles that the graphics card was given since it was last asked whether it has taken them.
    pub(super) uploads: Vec<TileKey>,
    /// The ticket of each request, what cancels it, and when it was made, ms.
    pub(super) in_flight: HashMap<TileKey, (u64, AbortController, f64)>,
    /// How long a tile takes from the request until it is decoded, of late, ms.
    pub(super) tile_millis: f64,
    /// Tiles that could not be had, and why not the last time.
    pub(super) failures: HashMap<TileKey, (Failure, Refusal)>,
    pub(super) next_ticket: u64,
    pub(super) layers: Layers,
    pub(super) tile_style: TileStyle,
    /// When and for which view it was told what lies under the cursor.
    pub(super) read_at: f64,
    pub(super) read_for: Option<Camera>,
    pub(super) will_retry: bool,
    pub(super) is_settled: bool,
}

impl Scene {
    /// Ready to draw; `None` without WebGL2.
    #[must_use]
    pub fn new(
        canvas: HtmlCanvasElement,
        outline: HtmlElement,
        slide: Rc<SlideDetail>,
        view: ViewState,
    ) -> Option<Self> {
        let renderer = Renderer::new(&canvas)?;
        let kept = view
            .slide
            .with_untracked(|code| code.as_deref() == Some(slide.summary.code.as_str()));
        view.slide.set(Some(slide.summary.code.clone()));
        Some(Self {
            layers: Layers::new(Rc::clone(&slide)),
            camera: kept.then(|| view.camera.get_untracked()).flatten(),
            is_fitted: !kept,
            is_focused: canvas.matches(":focus").unwrap_or(false),
            is_led: false,
            canvas,
            outline,
            slide,
            view,
            renderer: Some(renderer),
            limits: None,
            device_size: (0, 0),
            mover: Mover::new(false),
            fingers: Fingers::default(),
            origin: (0.0, 0.0),
            pointer: None,
            plan: Plan::default(),
            planned_for: None,
            ahead: Vec::new(),
            heading: (0.0, 0.0),
            pending: None,
            measuring: None,
            cache: Cache::new(MOST_TEXTURE_BYTES),
            uploads: Vec::new(),
            in_flight: HashMap::new(),
            tile_millis: FAST_TILE,
            tile_style: TileStyle::new(Light::PLAIN, None, WHITE),
            failures: HashMap::new(),
            next_ticket: 0,
            read_at: 0.0,
            read_for: None,
            will_retry: false,
            is_settled: false,
        })
    }

    /// Takes over whether people want less motion: then everything happens at once.
    pub fn set_calm(&mut self, calm: bool) {
        self.mover.set_calm(calm);
    }

    /// Fills the field with the picture. Whether there is something new to draw: of a field that only lies elsewhere not.
    pub fn resized(&mut self) -> bool {
        let ratio = web_sys::window().map_or(1.0, |window| window.device_pixel_ratio());
        let Some((width, height)) = whole_pixels::fill_parent(&self.canvas, ratio) else {
            return false;
        };
        let size_before = std::mem::replace(&mut self.device_size, (width, height));
        let is_same_size = size_before == (width, height) && self.limits.is_some();
        let (width, height) = (f64::from(width) / ratio, f64::from(height) / ratio);
        let fits = |camera: Camera| (camera.width, camera.height) == (width, height);
        if is_same_size && self.camera.is_some_and(fits) {
            return false;
        }
        let bounds = self.slide.pyramid.bounds();
        let limits = Limits::of(&bounds, width, height);
        let before = self
            .camera
            .unwrap_or_else(|| Camera::fit(&bounds, width, height));
        let resized = Camera {
            width,
            height,
            ..before
        };
        self.limits = Some(limits);
        self.camera = Some(if self.is_fitted {
            resized.fitted(&bounds)
        } else {
            limits.clamp(&resized)
        });
        self.planned_for = None;
        if let Some(command) = self.pending.take() {
            self.command(command);
        }
        true
    }

    /// Device pixels per px.
    pub(super) fn device_scale(&self, camera: &Camera) -> f64 {
        f64::from(self.device_size.0) / camera.width
    }

    /// Does what was asked for.
    pub fn command(&mut self, command: Command) {
        let (Some(camera), Some(limits)) = (self.camera, self.limits) else {
            self.pending = Some(command);
            return;
        };
        let (middle_x, middle_y) = (camera.width / 2.0, camera.height / 2.0);
        // What is asked for in quick succession adds up.
        let aim = self.mover.aim(&camera, &limits);
        let keeps_whole = match command {
            Command::Fit | Command::Reset => true,
            Command::Retry
            | Command::ToggleOverlay
            | Command::TurnBy(_)
            | Command::TurnTo(_)
            | Command::Flip => self.is_fitted,
            _ => false,
        };
        self.set_fitted(keeps_whole);
        match command {
            Command::Show(_) => {
                self.pointer = None;
                self.is_led = true;
            }
            Command::ToggleOverlay | Command::Retry => {}
            _ => self.is_led = false,
        }
        let goal = match command {
            Command::Fit => aim.fitted(&limits.bounds),
            Command::Native => Camera {
                zoom: 1.0 / self.device_scale(&camera),
                ..aim
            },
            Command::ZoomBy(factor) => {
                self.set_settled(false);
                return self
                    .mover
                    .zoom_by(&camera, &limits, factor, middle_x, middle_y);
            }
            Command::ZoomTo(zoom) => Camera { zoom, ..aim },
            Command::TurnBy(degrees) => aim.turned_about(degrees, middle_x, middle_y),
            Command::TurnTo(degrees) => Camera {
                rotation: normal_degrees(degrees),
                ..aim
            },
            Command::Flip => return self.be_at(aim.mirrored()),
            Command::Centre(centre_x, centre_y) => Camera {
                centre_x,
                centre_y,
                ..aim
            },
            Command::ToggleOverlay => return self.toggle_overlay(),
            Command::Retry => {
                self.failures.clear();
                self.layers.try_again();
                self.planned_for = None;
                return self.tell_of_layers();
            }
            Command::Show(rect) => {
                let goal = aim.fitted(&rect);
                // A tile as large as the screen says nothing of where it lies.
                Camera {
                    zoom: goal.zoom.min(2.0),
                    ..goal
                }
            }
            Command::Reset => {
                return self.be_at(Camera::fit(&limits.bounds, camera.width, camera.height));
            }
            Command::Go(place) => {
                return self.be_at(place.camera(camera.width, camera.height));
            }
        };
        self.set_settled(false);
        let goal = if self.is_fitted {
            goal.fitted(&limits.bounds)
        } else {
            goal
        };
        self.mover.fly(&camera, limits.clamp(&goal), FLY_TIME);
    }

    /// Shows the layers, or hides them all.
    pub(super) fn toggle_overlay(&mut self) {
        match first_layer(&self.slide) {
            Some(layer) if self.view.layers.with_untracked(Vec::is_empty) => {
                self.view.add_layer(layer);
            }
            _ => self.view.overlay_on.update(|on| *on = !*on),
        }
    }

    /// Moves at once.
    fn be_at(&mut self, goal: Camera) {
        let Some(limits) = self.limits else {
            return;
        };
        self.set_settled(false);
        self.mover.stop();
        self.camera = Some(limits.clamp(&goal));
        // Told before the next frame: whoever asked for it may go on from there.
        self.view.camera.set(self.camera);
    }

    /// Whether the whole slide is shown and stays so when the size changes.
    pub(super) fn set_fitted(&mut self, is_fitted: bool) {
        self.is_fitted = is_fitted;
        if self.view.is_whole.get_untracked() != is_fitted {
            self.view.is_whole.set(is_fitted);
        }
    }

    /// Takes over what has become of the slide; its pixels never change.
    pub fn slide_changed(&mut self, slide: Rc<SlideDetail>) {
        self.slide = Rc::clone(&slide);
        self.layers.set_slide(slide, self.renderer.as_ref());
        self.tell_of_layers();
    }

    /// Reads the layers from the shared state.
    pub fn layers_changed(&mut self) {
        let layers = self.view.layers.get_untracked();
        let on = self.view.overlay_on.get_untracked();
        self.layers
            .set_wants_all(self.view.wants_all_targets.get_untracked());
        self.layers.set(layers, on, self.renderer.as_ref());
        self.tell_of_layers();
    }

    pub(super) fn tell_of_layers(&mut self) {
        let statuses = self.layers.statuses();
        if self
            .view
            .overlays
            .with_untracked(|before| *before != statuses)
        {
            self.view.overlays.set(statuses);
        }
        let others = self.layers.other_targets(self.view.chosen.get_untracked());
        if self.view.other_targets.get_untracked() != others {
            self.view.other_targets.set(others);
        }
        self.tell_overview();
        self.read_pointer();
    }

    /// Tells the cells of the chosen layer, while the overview shows them.
    fn tell_overview(&self) {
        let overview = if self.view.overview_on.get_untracked() {
            self.layers.overview(self.view.chosen.get_untracked())
        } else {
            None
        };
        if self
            .view
            .overview
            .with_untracked(|before| *before != overview)
        {
            self.view.overview.set(overview);
        }
    }

    /// Tells what is under the cursor or, for whoever uses the keyboard, in the middle.
    pub(super) fn read_pointer(&mut self) {
        let is_middle_meant = self.is_focused || self.is_led;
        // A cross for who steers by keys; a tile that one was led to has its outline.
        let reads_middle = self.pointer.is_none() && self.is_focused;
        let _ = self
            .canvas
            .toggle_attribute_with_force("data-reads-middle", reads_middle);
        let cursor = self.camera.and_then(|camera| {
            let (x, y) = read_point(self.pointer, is_middle_meant, &camera)?;
            Some(camera.slide_from_screen(x, y))
        });
        if self.view.cursor.get_untracked() != cursor {
            self.view.cursor.set(cursor);
        }
        let chosen = self.view.chosen.get_untracked();
        let hover = cursor.and_then(|(x, y)| self.layers.read(x, y, chosen));
        // NaN makes a tile differ from itself: told once more, no harm.
        if self.view.hover.with_untracked(|before| *before != hover) {
            self.view.hover.set(hover);
        }
        self.place_outline();
    }

    /// Reads from the shared state how the image is shown.
    pub fn image_changed(&mut self) {
        let stain = self
            .view
            .stain
            .get_untracked()
            .and_then(|(channel, source)| Some((channel, self.view.stains_of(source)?)));
        let light = self.view.light.get_untracked();
        let glass = self.view.glass().unwrap_or(WHITE);
        self.tile_style = TileStyle::new(light, stain, glass);
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        for (_, controller, _) in self.in_flight.values() {
            controller.abort();
        }
        // Browsers allow a page few contexts: give this one back now, not when the garbage is collected.
        if let Some(extension) = self
            .renderer
            .as_ref()
            .and_then(|renderer| renderer.extension("WEBGL_lose_context"))
        {
            extension
                .unchecked_into::<WebglLoseContext>()
                .lose_context();
        }
    }
}
