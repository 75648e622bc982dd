//! What the running viewer knows: turns events into a camera, a camera into a picture and into orders for the network.

use std::collections::HashMap;
use std::rc::Rc;

use domain::camera::{Camera, normal_degrees};
use domain::stain::Light;
use domain::view::SlideDetail;
use leptos::prelude::*;
use send_wrapper::SendWrapper;
use wasm_bindgen::JsCast;
use web_sys::{
    AbortController, CanvasRenderingContext2d, HtmlCanvasElement, HtmlElement, WebGlTexture,
    WebglLoseContext,
};

use super::cache::Cache;
use super::input::{Fingers, read_point};
use super::layers::Layers;
use super::motion::{Limits, Mover};
use super::renderer::{Renderer, TileStyle};
use super::schedule::{Failure, Plan, TileKey, ahead, edges, plan};
use super::state::{Command, ViewState, first_layer};
use super::whole_pixels;

/// Bytes of tile textures kept.
const MOST_TEXTURE_BYTES: usize = 256 << 20;
/// Bytes of tile textures of one view.
const MOST_VIEW_BYTES: usize = 160 << 20;
/// Tiles that take less than this come fast, ms.
const FAST_TILE: f64 = 60.0;
/// While the view moves, what lies under the cursor is told this often, ms.
const READING_PAUSE: f64 = 120.0;
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
    /// The cursor, px.
    pub(super) pointer: Option<(f64, f64)>,
    /// Whether the canvas has the keyboard.
    pub(super) is_focused: bool,
    pub(super) plan: Plan,
    pub(super) planned_for: Option<Camera>,
    /// Tiles that the next view is likely to want.
    pub(super) ahead: Vec<TileKey>,
    /// Where the slide went in the last frames, shares of the screen per frame.
    heading: (f64, f64),
    /// What was asked for before the size of the canvas was known.
    pending: Option<Command>,
    /// A ruler that is being drawn: where it began, px.
    pub(super) measuring: Option<(f64, f64)>,
    pub(super) cache: Cache<TileKey, WebGlTexture>,
    /// The ticket of each request, what cancels it, and when it was made, ms.
    pub(super) in_flight: HashMap<TileKey, (u64, AbortController, f64)>,
    /// How long a tile takes from the request until it is decoded, of late, ms.
    pub(super) tile_millis: f64,
    pub(super) failures: HashMap<TileKey, Failure>,
    pub(super) next_ticket: u64,
    pub(super) layers: Layers,
    tile_style: TileStyle,
    /// When and for which view it was told what lies under the cursor.
    read_at: f64,
    read_for: Option<Camera>,
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
            canvas,
            outline,
            slide,
            view,
            renderer: Some(renderer),
            limits: None,
            device_size: (0, 0),
            mover: Mover::new(wants_less_motion()),
            fingers: Fingers::default(),
            pointer: None,
            plan: Plan::default(),
            planned_for: None,
            ahead: Vec::new(),
            heading: (0.0, 0.0),
            pending: None,
            measuring: None,
            cache: Cache::new(MOST_TEXTURE_BYTES),
            in_flight: HashMap::new(),
            tile_millis: FAST_TILE,
            tile_style: TileStyle::new(Light::PLAIN, None),
            failures: HashMap::new(),
            next_ticket: 0,
            read_at: 0.0,
            read_for: None,
            will_retry: false,
            is_settled: false,
        })
    }

    /// Fills the field with the picture. Whether there is something to draw.
    pub fn resized(&mut self) -> bool {
        let ratio = web_sys::window().map_or(1.0, |window| window.device_pixel_ratio());
        let Some((width, height)) = whole_pixels::fill_parent(&self.canvas, ratio) else {
            return false;
        };
        self.device_size = (width, height);
        let (width, height) = (f64::from(width) / ratio, f64::from(height) / ratio);
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
    fn device_scale(&self, camera: &Camera) -> f64 {
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

    /// Puts a picture of what is seen into the shared state. The browser forgets what was drawn when it has shown it: drawn
    /// anew and copied in one go.
    pub fn take_picture(&mut self) {
        let Some(camera) = self.camera else {
            return;
        };
        self.paint(&camera);
        if let Some(picture) = copied(&self.canvas) {
            self.view.snapshot.set(Some(SendWrapper::new(picture)));
        }
    }

    /// Tells what is under the cursor or, for whoever uses the keyboard, in the middle.
    pub(super) fn read_pointer(&mut self) {
        let reads_middle = self.pointer.is_none() && self.is_focused;
        let _ = self
            .canvas
            .toggle_attribute_with_force("data-reads-middle", reads_middle);
        let cursor = self.camera.and_then(|camera| {
            let (x, y) = read_point(self.pointer, self.is_focused, &camera)?;
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
            .and_then(|(channel, source)| {
                let stains = source.preset().or(self.view.stains.get_untracked())?;
                Some((channel, stains))
            });
        self.tile_style = TileStyle::new(self.view.light.get_untracked(), stain);
    }

    /// Draws the picture of this moment. Whether another one must follow.
    pub fn draw(&mut self, now: f64) -> bool {
        let (Some(before), Some(limits)) = (self.camera, self.limits) else {
            return false;
        };
        let was_moving = !self.mover.is_still();
        let mut camera = self.mover.step(&before, &limits, now);
        if was_moving && self.mover.is_still() {
            camera = self.on_pixels(camera);
        }
        self.camera = Some(camera);
        let told = self.view.camera.get_untracked();
        if told != Some(camera) {
            self.heading = told.map_or((0.0, 0.0), |told| {
                let (x, y) = camera.screen_from_slide(told.centre_x, told.centre_y);
                (0.5 - x / camera.width, 0.5 - y / camera.height)
            });
            self.view.camera.set(Some(camera));
        }
        // Nobody reads numbers that rush by, and each of them is work for the page.
        let is_told = self.read_for == Some(camera);
        let is_moving = !self.mover.is_still() || self.fingers.any();
        if !is_told && (!is_moving || now - self.read_at > READING_PAUSE) {
            self.read_for = Some(camera);
            self.read_at = now;
            self.read_pointer();
        }
        self.place_outline();
        let is_still = self.mover.is_still() && !self.fingers.any();
        if is_still {
            self.heading = (0.0, 0.0);
        }
        if self.view.is_still.get_untracked() != is_still {
            self.view.is_still.set(is_still);
        }
        // What is on its way is fetched for the view that will be, not for those that rush by.
        let aim = self.mover.aim(&camera, &limits);
        if self.planned_for != Some(aim) {
            self.planned_for = Some(aim);
            let focus = self
                .pointer
                .map(|(x, y)| aim.slide_from_screen(x, y))
                .filter(|_| was_moving);
            self.plan = plan(
                &self.slide.pyramid,
                &aim,
                self.device_scale(&aim),
                focus,
                MOST_VIEW_BYTES,
                self.tile_millis < FAST_TILE,
            );
            // As far ahead as the slide goes in half a second, at most a screen.
            let far = |share: f64| (share * 30.0).clamp(-1.0, 1.0);
            let heading = (far(self.heading.0), far(self.heading.1));
            self.ahead = ahead(&self.slide.pyramid, &aim, &self.plan, heading);
            let wanted = &self.plan.tiles;
            let now = js_sys::Date::now();
            self.failures
                .retain(|key, failure| wanted.contains(key) && !failure.is_over(now));
        }
        self.paint(&camera);
        !self.mover.is_still()
    }

    /// At one slide pixel per pixel of the screen, puts one exactly on the other.
    fn on_pixels(&self, camera: Camera) -> Camera {
        let is_upright = camera.rotation == 0.0 && !camera.flipped;
        if !is_upright || (camera.zoom * self.device_scale(&camera) - 1.0).abs() > 1e-6 {
            return camera;
        }
        let snap = |centre: f64, size: u32| {
            let half = f64::from(size) / 2.0;
            (centre - half).round() + half
        };
        Camera {
            centre_x: snap(camera.centre_x, self.device_size.0),
            centre_y: snap(camera.centre_y, self.device_size.1),
            ..camera
        }
    }

    fn paint(&mut self, camera: &Camera) {
        let Some(renderer) = &mut self.renderer else {
            return;
        };
        let (width, height) = self.device_size;
        if self.canvas.width() != width {
            self.canvas.set_width(width);
        }
        if self.canvas.height() != height {
            self.canvas.set_height(height);
        }
        renderer.begin(width, height, camera);

        self.cache.next_frame();
        for key in &self.plan.tiles {
            let _ = self.cache.get(key);
        }
        let pyramid = &self.slide.pyramid;
        let rect = |key: TileKey| {
            let edges = edges(pyramid, key)?;
            if !camera.sees(&edges.rect()) {
                return None;
            }
            let (left, top) = camera.from_middle(edges.left, edges.top);
            let (right, bottom) = camera.from_middle(edges.right, edges.bottom);
            Some([left, top, right, bottom].map(|edge| edge as f32))
        };
        // Pixels that are this large are shown as they are: what lies between two of them nobody has seen, and a tile knows
        // nothing of the pixels of its neighbour.
        let in_squares = camera.zoom * f64::from(width) / camera.width > 2.0;
        let sharp = self.plan.sharp_tiles();
        let level = self.plan.level;
        let is_complete = self.mover.is_still() && sharp.iter().all(|key| self.cache.contains(key));
        let mut keys: Vec<TileKey> = if is_complete {
            sharp.to_vec()
        } else {
            self.cache.keys().collect()
        };
        // Coarse under fine, and on top of all the level that is sharp here.
        keys.sort_by_key(|key| (key.level == level, std::cmp::Reverse(key.level)));
        let tiles = keys.iter().filter_map(|&key| {
            let in_squares = in_squares && key.level == 0;
            Some((rect(key)?, self.cache.peek(&key)?, in_squares))
        });
        renderer.draw_tiles(&self.tile_style, tiles);
        let failed: Vec<[f32; 4]> = sharp
            .iter()
            .filter(|key| self.failures.contains_key(key) && !self.cache.contains(key))
            .filter_map(|&key| rect(key))
            .collect();
        if !failed.is_empty() {
            let stripe = 8.0 * f64::from(width) / camera.width;
            renderer.draw_stripes(&failed, text_colour(&self.canvas), stripe as f32);
        }
        if self.view.failed_tiles.get_untracked() != failed.len() {
            self.view.failed_tiles.set(failed.len());
        }
        self.layers.draw(renderer, camera);
    }

    /// Frames the tile that is read.
    fn place_outline(&self) {
        let Some(camera) = self.camera else {
            return;
        };
        let style = self.outline.style();
        let rect = self
            .view
            .hover
            .with_untracked(|hover| hover.as_ref().map(|hover| hover.rect));
        let set = |name: &str, px: f64| {
            let _ = style.set_property(name, &[&px.to_string(), "px"].concat());
        };
        match rect {
            Some(rect) => {
                let (x, y) = rect.centre();
                let (x, y) = camera.screen_from_slide(x, y);
                let (width, height) = (rect.width * camera.zoom, rect.height * camera.zoom);
                set("left", x - width / 2.0);
                set("top", y - height / 2.0);
                set("width", width);
                set("height", height);
                // A rectangle is its own mirror image: only the turn matters.
                let turn = ["rotate(", &camera.rotation.to_string(), "deg)"].concat();
                let _ = style.set_property("transform", &turn);
                let _ = style.set_property("display", "block");
            }
            None => {
                let _ = style.set_property("display", "none");
            }
        }
    }

    /// For whoever waits for the last sharp pixel, after it was drawn: tests, and the bench.
    pub fn tell_whether_settled(&mut self) {
        let is_waiting = |key: &TileKey| self.in_flight.contains_key(key);
        let settled = self.planned_for.is_some()
            && !self.plan.tiles.iter().any(is_waiting)
            && self.mover.is_still()
            && !self.will_retry;
        self.set_settled(settled);
    }

    pub(super) fn set_settled(&mut self, settled: bool) {
        if self.is_settled == settled {
            return;
        }
        self.is_settled = settled;
        let _ = self
            .canvas
            .set_attribute("data-settled", if settled { "true" } else { "false" });
        if let (true, Some(camera)) = (settled, self.camera) {
            let numbers = [
                camera.centre_x,
                camera.centre_y,
                camera.zoom,
                camera.rotation,
                f64::from(u8::from(camera.flipped)),
            ];
            let camera = numbers.map(|number| number.to_string()).join(" ");
            let _ = self.canvas.set_attribute("data-camera", &camera);
        }
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

/// What a canvas shows now.
fn copied(canvas: &HtmlCanvasElement) -> Option<HtmlCanvasElement> {
    let element = document().create_element("canvas").ok()?;
    let copy: HtmlCanvasElement = element.dyn_into().ok()?;
    copy.set_width(canvas.width());
    copy.set_height(canvas.height());
    let context: CanvasRenderingContext2d = copy.get_context("2d").ok()??.dyn_into().ok()?;
    context
        .draw_image_with_html_canvas_element(canvas, 0.0, 0.0)
        .ok()?;
    Some(copy)
}

fn wants_less_motion() -> bool {
    web_sys::window()
        .and_then(|window| {
            window
                .match_media("(prefers-reduced-motion: reduce)")
                .ok()
                .flatten()
        })
        .is_some_and(|query| query.matches())
}

/// The colour that the style sheet gives to text on the canvas, at half opacity.
fn text_colour(canvas: &HtmlCanvasElement) -> [f32; 4] {
    let colour = web_sys::window()
        .and_then(|window| window.get_computed_style(canvas).ok().flatten())
        .and_then(|style| style.get_property_value("color").ok())
        .unwrap_or_default();
    let mut channels = colour
        .split(|char: char| !char.is_ascii_digit())
        .filter_map(|part| part.parse::<u8>().ok())
        .map(|channel| f32::from(channel) / 255.0);
    let mut next = || channels.next().unwrap_or(0.5);
    [next(), next(), next(), 0.5]
}
