//! What the running viewer knows: turns events into a camera, a camera into a picture and into orders for the network.

use std::collections::HashMap;
use std::rc::Rc;

use domain::camera::Camera;
use domain::view::SlideDetail;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{AbortController, HtmlCanvasElement, HtmlElement, WebGlTexture, WebglLoseContext};

use super::cache::Cache;
use super::input::{Fingers, read_point};
use super::layers::Layers;
use super::motion::{Limits, Mover};
use super::renderer::Renderer;
use super::schedule::{Failure, Plan, TileKey, edges, plan};
use super::state::{Command, ViewState};

/// Bytes of tile textures kept.
const MOST_TEXTURE_BYTES: usize = 384 << 20;
/// Bytes of tile textures of one view.
const MOST_VIEW_BYTES: usize = 192 << 20;
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
    pub(super) cache: Cache<TileKey, WebGlTexture>,
    pub(super) in_flight: HashMap<TileKey, (u64, AbortController)>,
    pub(super) failures: HashMap<TileKey, Failure>,
    pub(super) next_ticket: u64,
    pub(super) layers: Layers,
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
            cache: Cache::new(MOST_TEXTURE_BYTES),
            in_flight: HashMap::new(),
            failures: HashMap::new(),
            next_ticket: 0,
            will_retry: false,
            is_settled: false,
        })
    }

    /// Takes over the size of the canvas on the page. Whether there is something to draw.
    pub fn resized(&mut self) -> bool {
        let rect = self.canvas.get_bounding_client_rect();
        let (width, height) = (rect.width(), rect.height());
        if width < 1.0 || height < 1.0 {
            return false;
        }
        let ratio = web_sys::window().map_or(1.0, |window| window.device_pixel_ratio());
        self.device_size = (
            (width * ratio).round().max(1.0) as u32,
            (height * ratio).round().max(1.0) as u32,
        );
        let bounds = self.slide.pyramid.bounds();
        let limits = Limits::of(&bounds, width, height);
        let camera = match self.camera {
            Some(camera) if !self.is_fitted => limits.clamp(&Camera {
                width,
                height,
                ..camera
            }),
            _ => Camera::fit(&bounds, width, height),
        };
        self.limits = Some(limits);
        self.camera = Some(camera);
        self.planned_for = None;
        true
    }

    /// Device pixels per px.
    fn device_scale(&self, camera: &Camera) -> f64 {
        f64::from(self.device_size.0) / camera.width
    }

    /// Does what was asked for.
    pub fn command(&mut self, command: Command) {
        let (Some(camera), Some(limits)) = (self.camera, self.limits) else {
            return;
        };
        if command != Command::Retry {
            self.is_fitted = command == Command::Fit;
        }
        let (width, height) = (camera.width, camera.height);
        let (middle_x, middle_y) = (width / 2.0, height / 2.0);
        let goal = match command {
            Command::Fit => Camera::fit(&limits.bounds, width, height),
            Command::Native => {
                let zoom = 1.0 / self.device_scale(&camera);
                Camera { zoom, ..camera }
            }
            Command::ZoomBy(factor) => {
                return self
                    .mover
                    .zoom_by(&camera, &limits, factor, middle_x, middle_y);
            }
            Command::Retry => {
                self.failures.clear();
                self.layers.try_again();
                self.planned_for = None;
                return self.tell_of_layer();
            }
            Command::Show(rect) => {
                let goal = Camera::fit(&rect, width, height);
                // A tile as large as the screen says nothing of where it lies.
                Camera {
                    zoom: goal.zoom.min(2.0),
                    ..goal
                }
            }
        };
        self.set_settled(false);
        self.mover.fly(&camera, limits.clamp(&goal), FLY_TIME);
    }

    /// Takes over what has become of the slide; its pixels never change.
    pub fn slide_changed(&mut self, slide: Rc<SlideDetail>) {
        self.slide = Rc::clone(&slide);
        self.layers.set_slide(slide, self.renderer.as_ref());
        self.tell_of_layer();
    }

    /// Reads the layer from the shared state.
    pub fn layer_changed(&mut self) {
        let layer = self.view.layer.get_untracked();
        let visible = self.view.layer_visible.get_untracked();
        self.layers.set(layer, visible, self.renderer.as_ref());
        self.tell_of_layer();
    }

    pub(super) fn tell_of_layer(&mut self) {
        let status = self.layers.status();
        if self.view.overlay.with_untracked(|before| *before != status) {
            self.view.overlay.set(status);
        }
        self.read_pointer();
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
        let hover = cursor.and_then(|(x, y)| self.layers.read(x, y));
        // NaN makes a tile differ from itself: told once more, no harm.
        if self.view.hover.with_untracked(|before| *before != hover) {
            self.view.hover.set(hover);
        }
        self.place_outline();
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
        if self.view.camera.get_untracked() != Some(camera) {
            self.view.camera.set(Some(camera));
            self.read_pointer();
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
            );
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
        if (camera.zoom * self.device_scale(&camera) - 1.0).abs() > 1e-6 {
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
        renderer.begin(width, height, camera.width, camera.height);

        self.cache.next_frame();
        for key in &self.plan.tiles {
            let _ = self.cache.get(key);
        }
        let pyramid = &self.slide.pyramid;
        let rect = |key: TileKey| {
            let edges = edges(pyramid, key)?;
            let (left, top) = camera.from_middle(edges.left, edges.top);
            let (right, bottom) = camera.from_middle(edges.right, edges.bottom);
            let seen = left < camera.width / 2.0
                && right > -camera.width / 2.0
                && top < camera.height / 2.0
                && bottom > -camera.height / 2.0;
            seen.then(|| [left, top, right, bottom].map(|edge| edge as f32))
        };
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
        renderer.draw_tiles(
            keys.iter()
                .filter_map(|&key| Some((rect(key)?, self.cache.peek(&key)?))),
        );
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
                let (left, top) = camera.screen_from_slide(rect.x, rect.y);
                set("left", left);
                set("top", top);
                set("width", rect.width * camera.zoom);
                set("height", rect.height * camera.zoom);
                let _ = style.set_property("display", "block");
            }
            None => {
                let _ = style.set_property("display", "none");
            }
        }
    }

    /// For whoever waits for the last sharp pixel, after it was drawn: tests, and the bench.
    pub fn tell_whether_settled(&mut self) {
        let settled = self.planned_for.is_some()
            && self.in_flight.is_empty()
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
            let numbers = [camera.centre_x, camera.centre_y, camera.zoom];
            let camera = numbers.map(|number| number.to_string()).join(" ");
            let _ = self.canvas.set_attribute("data-camera", &camera);
        }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        for (_, controller) in self.in_flight.values() {
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
