//! Each frame of the running viewer: the camera moves on, tiles are planned for it, and what is there is drawn.

use domain::camera::Camera;
use leptos::prelude::*;
use send_wrapper::SendWrapper;
use wasm_bindgen::JsCast;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement};

use super::clock;
use super::retry::Refusal;
use super::scene::{FAST_TILE, Scene};
use super::schedule::{Plan, ahead, plan};
use super::tile::{TileKey, edges};
use super::told::{FailedTiles, Missing, Picture};

/// Bytes of tile textures of one view.
const MOST_VIEW_BYTES: usize = 160 << 20;
/// While the view moves, what lies under the cursor is told this often, ms.
const READING_PAUSE: f64 = 120.0;

impl Scene {
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
            self.draw_out_ruler();
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
        // Before the last frame of a view: what the card has not taken is not to be seen in it.
        if is_still && !self.awaits_tiles() {
            self.check_uploads();
        }
        // What is on its way is fetched for the view that will be, not for those that rush by.
        let aim = self.mover.aim(&camera, &limits);
        if self.planned_for != Some(aim) {
            self.planned_for = Some(aim);
            let focus = self
                .pointer
                .map(|(x, y)| aim.slide_from_screen(x, y))
                .filter(|_| was_moving);
            self.plan = self.planned(&aim, focus);
            // As far ahead as the slide goes in half a second, at most a screen.
            let far = |share: f64| (share * 30.0).clamp(-1.0, 1.0);
            let heading = (far(self.heading.0), far(self.heading.1));
            self.ahead = ahead(&self.slide.pyramid, &aim, &self.plan, heading);
            let (wanted, ahead) = (&self.plan.tiles, &self.ahead);
            let now = clock::now();
            self.failures.retain(|key, (failure, _)| {
                (wanted.contains(key) || ahead.contains(key)) && !failure.is_over(now)
            });
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
        // What lies under sharp tiles alone is not drawn. On the way to another view, finer tiles may be there than it wants.
        let is_there = self.planned_for == Some(*camera);
        let mut keys = if is_there && sharp.iter().all(|key| self.cache.contains(key)) {
            sharp.to_vec()
        } else {
            self.cache.keys().collect()
        };
        // Coarse under fine, and on top of all the level that is sharp here, once the view is.
        keys.sort_by_key(|key| (is_there && key.level == level, std::cmp::Reverse(key.level)));
        let tiles = keys.iter().filter_map(|&key| {
            let in_squares = in_squares && key.level == 0;
            Some((rect(key)?, self.cache.peek(&key)?, in_squares))
        });
        renderer.draw_tiles(&self.tile_style, tiles);
        let (failed, refusals): (Vec<[f32; 4]>, Vec<&Refusal>) = sharp
            .iter()
            .filter(|key| !self.cache.contains(key))
            .filter_map(|key| {
                let (_, refusal) = self.failures.get(key)?;
                Some((rect(*key)?, refusal))
            })
            .unzip();
        if !failed.is_empty() {
            let stripe = 8.0 * f64::from(width) / camera.width;
            renderer.draw_stripes(&failed, text_colour(&self.canvas), stripe as f32);
        }
        let failed_tiles = FailedTiles::of(&refusals);
        if self
            .view
            .failed_tiles
            .with_untracked(|before| *before != failed_tiles)
        {
            self.view.failed_tiles.set(failed_tiles);
        }
        self.layers.draw(renderer, camera);
    }

    /// Frames the tile that is read.
    pub(super) fn place_outline(&self) {
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
        let settled = self.planned_for.is_some()
            && !self.awaits_tiles()
            && self.mover.is_still()
            && !self.will_retry
            && self.renderer.is_some();
        self.set_settled(settled);
    }

    /// Whether tiles of this view are on their way.
    pub fn awaits_tiles(&self) -> bool {
        let wanted = &self.plan.tiles;
        wanted.iter().any(|key| self.in_flight.contains_key(key))
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

    /// Puts a picture of what is seen into the shared state. The browser forgets what was drawn when it has shown it: drawn
    /// anew and copied in one go.
    pub fn take_picture(&mut self) {
        let Some(camera) = self.camera else {
            return;
        };
        // While the view moves the plan is for where it will be.
        let seen = self.planned(&camera, None);
        let aimed = std::mem::replace(&mut self.plan, seen);
        self.paint(&camera);
        let wanted = self.plan.sharp_tiles();
        let missing = Missing {
            tiles: wanted
                .iter()
                .filter(|key| !self.cache.contains(key))
                .count(),
            of: wanted.len(),
        };
        self.plan = aimed;
        if let Some(canvas) = copied(&self.canvas) {
            let canvas = SendWrapper::new(canvas);
            self.view.snapshot.set(Some(Picture { canvas, missing }));
        }
    }

    /// The tiles of a view; those nearest the focus first.
    fn planned(&self, camera: &Camera, focus: Option<(f64, f64)>) -> Plan {
        plan(
            &self.slide.pyramid,
            camera,
            self.device_scale(camera),
            focus,
            MOST_VIEW_BYTES.min(self.cache.most_bytes() / 8 * 5),
            self.tile_millis < FAST_TILE,
        )
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
