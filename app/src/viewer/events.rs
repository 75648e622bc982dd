//! Events of the canvas and the window.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Event, KeyboardEvent, MouseEvent, PointerEvent, WheelEvent};

use super::input::{KeyWish, Wish, key_wish, wheel_factor};
use super::renderer::Renderer;
use super::scene::Scene;
use super::state::{Command, first_layer};

/// How long a step of the arrow keys takes, ms.
const STEP_TIME: f64 = 140.0;

impl Scene {
    /// An event of the canvas or the window. Whether a frame is wanted.
    pub fn event(&mut self, event: &Event) -> bool {
        let wants_frame = self.handle(event);
        if wants_frame {
            self.set_settled(false);
        }
        wants_frame
    }

    fn handle(&mut self, event: &Event) -> bool {
        match event.type_().as_str() {
            "webglcontextlost" => {
                // Without this the browser never gives it back.
                event.prevent_default();
                self.renderer = None;
                let _ = self.cache.clear();
                self.layers.context_lost();
                self.tell_of_layer();
                false
            }
            "webglcontextrestored" => {
                self.renderer = Renderer::new(&self.canvas);
                if let Some(renderer) = &self.renderer {
                    self.layers.context_restored(renderer);
                }
                self.tell_of_layer();
                true
            }
            "resize" => self.resized(),
            kind @ ("focus" | "blur") => {
                self.is_focused = kind == "focus";
                // A browser takes the keyboard from a canvas that is being removed, when its page is gone already.
                if !self.view.cursor.is_disposed() {
                    self.read_pointer();
                }
                false
            }
            "wheel" => event
                .dyn_ref::<WheelEvent>()
                .is_some_and(|event| self.wheel(event)),
            "dblclick" => event
                .dyn_ref::<MouseEvent>()
                .is_some_and(|event| self.double_click(event)),
            "keydown" => event
                .dyn_ref::<KeyboardEvent>()
                .is_some_and(|event| self.key(event)),
            kind => event
                .dyn_ref::<PointerEvent>()
                .is_some_and(|event| self.pointer(kind, event)),
        }
    }

    fn place(&self, event: &MouseEvent) -> (f64, f64) {
        let rect = self.canvas.get_bounding_client_rect();
        (
            f64::from(event.client_x()) - rect.left(),
            f64::from(event.client_y()) - rect.top(),
        )
    }

    fn wheel(&mut self, event: &WheelEvent) -> bool {
        event.prevent_default();
        let (Some(camera), Some(limits)) = (self.camera, self.limits) else {
            return false;
        };
        let (x, y) = self.place(event);
        let factor = wheel_factor(event.delta_y(), event.delta_mode(), event.ctrl_key());
        self.is_fitted = false;
        self.mover.zoom_by(&camera, &limits, factor, x, y);
        true
    }

    fn double_click(&mut self, event: &MouseEvent) -> bool {
        let (Some(camera), Some(limits)) = (self.camera, self.limits) else {
            return false;
        };
        event.prevent_default();
        let (x, y) = self.place(event);
        let factor = if event.shift_key() { 0.5 } else { 2.0 };
        self.is_fitted = false;
        self.mover.zoom_by(&camera, &limits, factor, x, y);
        true
    }

    fn key(&mut self, event: &KeyboardEvent) -> bool {
        if event.ctrl_key() || event.alt_key() || event.meta_key() {
            return false;
        }
        let (Some(wish), Some(camera), Some(limits)) =
            (key_wish(&event.key()), self.camera, self.limits)
        else {
            return false;
        };
        event.prevent_default();
        match wish {
            KeyWish::Step(x, y) => {
                let goal = self
                    .mover
                    .aim(&camera, &limits)
                    .panned(-x * camera.width, -y * camera.height);
                self.is_fitted = false;
                self.mover.fly(&camera, limits.clamp(&goal), STEP_TIME);
            }
            KeyWish::Zoom(factor) => self.command(Command::ZoomBy(factor)),
            KeyWish::Fit => self.command(Command::Fit),
            KeyWish::ToggleLayer => {
                if self.view.layer.with_untracked(Option::is_none) {
                    self.view.layer.set(first_layer(&self.slide));
                }
                self.view
                    .layer_visible
                    .update(|visible| *visible = !*visible);
                return false;
            }
        }
        true
    }

    fn pointer(&mut self, kind: &str, event: &PointerEvent) -> bool {
        let (x, y) = self.place(event);
        let (id, now) = (event.pointer_id(), event.time_stamp());
        let is_touch = event.pointer_type() == "touch";
        let wish = match kind {
            "pointerdown" => {
                if event.button() != 0 && !is_touch {
                    return false;
                }
                // Fails when the pointer is gone already; then there is nothing to follow.
                let _ = self.canvas.set_pointer_capture(id);
                self.mover.stop();
                self.fingers.press(id, x, y, now);
                None
            }
            "pointermove" => {
                if !is_touch {
                    self.pointer = Some((x, y));
                    self.read_pointer();
                }
                self.fingers.move_to(id, x, y, now)
            }
            "pointerup" => self.fingers.release(id, now),
            "pointercancel" => {
                self.fingers.cancel();
                None
            }
            _ => {
                if !is_touch && !self.fingers.any() {
                    self.pointer = None;
                    self.read_pointer();
                }
                None
            }
        };
        let (Some(wish), Some(camera), Some(limits)) = (wish, self.camera, self.limits) else {
            return false;
        };
        match wish {
            Wish::Pan { dx, dy } => {
                self.is_fitted = false;
                self.camera = Some(limits.clamp(&camera.panned(dx, dy)));
            }
            Wish::Pinch {
                dx,
                dy,
                factor,
                x,
                y,
            } => {
                self.is_fitted = false;
                self.camera = Some(limits.zoom(&camera.panned(dx, dy), factor, x, y));
            }
            Wish::Glide {
                velocity_x,
                velocity_y,
            } => self.mover.glide(velocity_x, velocity_y),
            Wish::Tap { x, y } => {
                self.pointer = Some((x, y));
                self.read_pointer();
            }
        }
        true
    }
}
