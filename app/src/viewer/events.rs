//! Events of the canvas and the window.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Event, KeyboardEvent, MouseEvent, PointerEvent, WheelEvent};

use super::command::{Command, Tool};
use super::fingers::Wish;
use super::input::{KeyWish, drag_turn, key_wish, wheel_factor};
use super::magnification::zoom_of_objective;
use super::renderer::Renderer;
use super::ruler::Measuring;
use super::scene::Scene;

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
                self.forget_card();
                false
            }
            "webglcontextrestored" => self.take_card_back(),
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

    /// The graphics card has been taken away, with all that is on it.
    fn forget_card(&mut self) {
        self.renderer = None;
        let _ = self.cache.clear();
        self.uploads.clear();
        for (_, (_, controller, _)) in self.in_flight.drain() {
            controller.abort();
        }
        self.layers.context_lost();
        self.set_settled(false);
        self.view.is_interrupted.set(true);
        self.tell_of_layers();
    }

    /// The graphics card can be used again. Whether there is something to draw with.
    fn take_card_back(&mut self) -> bool {
        self.renderer = Renderer::new(&self.canvas);
        self.view.is_interrupted.set(false);
        if let Some(renderer) = &self.renderer {
            self.layers.context_restored(renderer);
        } else {
            self.view.is_supported.set(false);
        }
        self.planned_for = None;
        self.tell_of_layers();
        self.renderer.is_some()
    }

    /// Where an event is on the canvas, px. While a hand is down, by where the canvas was before: who asks the browser has it lay
    /// out the page, and that at every movement.
    fn place(&mut self, event: &MouseEvent) -> (f64, f64) {
        if !self.fingers.any() {
            let rect = self.canvas.get_bounding_client_rect();
            self.origin = (rect.left(), rect.top());
        }
        (
            f64::from(event.client_x()) - self.origin.0,
            f64::from(event.client_y()) - self.origin.1,
        )
    }

    fn wheel(&mut self, event: &WheelEvent) -> bool {
        event.prevent_default();
        let (Some(camera), Some(limits)) = (self.camera, self.limits) else {
            return false;
        };
        let (x, y) = self.place(event);
        self.set_fitted(false);
        let (dx, dy) = (event.delta_x(), event.delta_y());
        // Two fingers that go sideways on a trackpad push the slide along.
        if dx.abs() > dy.abs() && !event.ctrl_key() {
            self.mover.stop();
            let scale = if event.delta_mode() == 0 { 1.0 } else { 33.0 };
            self.camera = Some(limits.clamp(&camera.panned(-dx * scale, 0.0)));
            return true;
        }
        let factor = wheel_factor(dy, event.delta_mode(), event.ctrl_key());
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
        self.set_fitted(false);
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
        let view = self.view;
        match wish {
            KeyWish::Step(x, y) => {
                let goal = self
                    .mover
                    .aim(&camera, &limits)
                    .panned(-x * camera.width, -y * camera.height);
                self.set_fitted(false);
                self.mover.fly(&camera, limits.clamp(&goal), STEP_TIME);
            }
            KeyWish::Do(command) => self.command(command),
            KeyWish::Objective(index) => {
                let summary = &self.slide.summary;
                if let Some(zoom) = zoom_of_objective(index, summary.objective, summary.mpp) {
                    self.command(Command::ZoomTo(zoom));
                }
            }
            KeyWish::ToggleOverlay => {
                self.toggle_overlay();
                return false;
            }
            KeyWish::Rank(step) => {
                view.go_to_rank(step);
                return false;
            }
            KeyWish::ToggleRuler => {
                view.toggle_ruler();
                return false;
            }
            KeyWish::Escape => {
                self.give_up_measuring();
                view.tool.set(Tool::Hand);
                return false;
            }
            KeyWish::Ask(ask) => {
                view.ask.set(Some(ask));
                return false;
            }
        }
        true
    }

    /// A press, a movement or a release while a distance is measured. Whether it was one.
    fn measure(&mut self, kind: &str, (x, y): (f64, f64), event: &PointerEvent) -> bool {
        let Some(camera) = self.camera else {
            return false;
        };
        match (kind, &mut self.measuring) {
            ("pointerdown", None) if self.view.tool.get_untracked() == Tool::Ruler => {
                let measuring = Measuring {
                    from: camera.slide_from_screen(x, y),
                    hand: (x, y),
                    is_straight: false,
                };
                self.measuring = Some(measuring);
                self.view.add_ruler(measuring.ruler(&camera));
                true
            }
            ("pointermove", Some(measuring)) => {
                measuring.hand = (x, y);
                measuring.is_straight = event.shift_key();
                self.draw_out_ruler();
                true
            }
            ("pointerup", Some(measuring)) => {
                measuring.hand = (x, y);
                if measuring.is_slip(&camera) {
                    self.give_up_measuring();
                }
                self.measuring = None;
                true
            }
            _ => false,
        }
    }

    /// Has the ruler that is being drawn end under the hand.
    pub(super) fn draw_out_ruler(&self) {
        let (Some(measuring), Some(camera)) = (self.measuring, self.camera) else {
            return;
        };
        let drawn = measuring.ruler(&camera);
        self.view.rulers.update(|rulers| {
            if let Some(ruler) = rulers.last_mut() {
                *ruler = drawn;
            }
        });
    }

    fn give_up_measuring(&mut self) {
        if self.measuring.take().is_some() {
            self.view.rulers.update(|rulers| {
                rulers.pop();
            });
        }
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
                // A second finger zooms, whatever the first one did.
                if self.fingers.any() {
                    self.give_up_measuring();
                } else {
                    self.measure(kind, (x, y), event);
                }
                self.fingers.press(id, x, y, now);
                None
            }
            "pointermove" => {
                if !is_touch {
                    self.pointer = Some((x, y));
                    self.is_led = false;
                    // While the slide is dragged, the frames tell now and then.
                    if !self.fingers.any() {
                        self.read_pointer();
                    }
                }
                let wish = self.fingers.move_to(id, x, y, now);
                wish.filter(|_| !self.measure(kind, (x, y), event))
            }
            "pointerup" => {
                let wish = self.fingers.release(id, now);
                // Also of a hand that rested before, which wishes nothing.
                let was_measure = self.measure(kind, (x, y), event);
                wish.filter(|_| !was_measure)
            }
            "pointercancel" => {
                self.fingers.cancel();
                self.give_up_measuring();
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
            // Now that nothing moves, what lies under the cursor is told.
            return matches!(kind, "pointerup" | "pointercancel");
        };
        match wish {
            Wish::Pan { dx, dy } if event.shift_key() => {
                let (middle_x, middle_y) = (camera.width / 2.0, camera.height / 2.0);
                let turn = drag_turn((x - dx, y - dy), (x, y), &camera);
                self.set_fitted(false);
                self.camera = Some(camera.turned_about(turn, middle_x, middle_y));
            }
            Wish::Pan { dx, dy } => {
                self.set_fitted(false);
                self.camera = Some(limits.clamp(&camera.panned(dx, dy)));
            }
            Wish::Pinch {
                dx,
                dy,
                factor,
                turn,
                x,
                y,
            } => {
                self.set_fitted(false);
                let turned = camera.panned(dx, dy).turned_about(turn, x, y);
                self.camera = Some(limits.zoom(&turned, factor, x, y));
            }
            Wish::Glide { .. } if event.shift_key() => {}
            Wish::Glide {
                velocity_x,
                velocity_y,
            } => self.mover.glide(velocity_x, velocity_y),
            Wish::Tap { x, y } => {
                self.pointer = Some((x, y));
                self.is_led = false;
                self.read_pointer();
            }
        }
        true
    }
}
