//! The running viewer: one camera, frames on demand, tiles and terms as they come. Only ever made in a browser.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use domain::view::SlideDetail;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use wasm_bindgen_futures::spawn_local;
use web_sys::{Event, EventTarget, HtmlCanvasElement, HtmlElement, MediaQueryList, ResizeObserver};

use super::clock;
use super::command::Command;
use super::maps::{MapsProblem, TargetKey};
use super::net;
use super::orders::{Order, SpotOrder};
use super::pace::Pace;
use super::retry::Refusal;
use super::scene::Scene;
use super::state::ViewState;
use super::tile::TileKey;
use super::values::{SpotMaps, TargetMaps};

const CANVAS_EVENTS: [&str; 12] = [
    "pointerdown",
    "pointermove",
    "pointerup",
    "pointercancel",
    "pointerleave",
    "wheel",
    "dblclick",
    "keydown",
    "focus",
    "blur",
    "webglcontextlost",
    "webglcontextrestored",
];

/// A handle on the running viewer; it stops when the last one is dropped.
#[derive(Clone)]
pub struct Engine(Rc<Shared>);

struct Shared {
    scene: RefCell<Scene>,
    me: Weak<Shared>,
    canvas: HtmlCanvasElement,
    frame: Cell<Option<i32>>,
    on_frame: Closure<dyn FnMut(f64)>,
    pace: RefCell<Pace>,
    /// The alarm for a frame that need not be at once.
    later: Cell<Option<i32>>,
    on_later: Closure<dyn FnMut()>,
    wake: Cell<Option<i32>>,
    on_wake: Closure<dyn FnMut()>,
    on_event: Closure<dyn FnMut(Event)>,
    observer: Option<ResizeObserver>,
    /// Whether people want less motion; they may change their minds.
    less_motion: Option<MediaQueryList>,
    // Held for the observer.
    _on_resize: Closure<dyn FnMut()>,
}

impl Engine {
    /// Starts on a canvas; `None` without WebGL2.
    #[must_use]
    pub fn start(
        canvas: HtmlCanvasElement,
        outline: HtmlElement,
        slide: SlideDetail,
        view: ViewState,
    ) -> Option<Self> {
        let scene = Scene::new(canvas.clone(), outline, Rc::new(slide), view)?;
        let shared = Rc::new_cyclic(|me: &Weak<Shared>| {
            let on_resize = Closure::new(calling(me, Shared::resized));
            Shared {
                scene: RefCell::new(scene),
                me: me.clone(),
                frame: Cell::new(None),
                on_frame: Closure::new({
                    let me = me.clone();
                    move |now| {
                        if let Some(shared) = me.upgrade() {
                            shared.draw(now);
                        }
                    }
                }),
                pace: RefCell::new(Pace::default()),
                later: Cell::new(None),
                on_later: Closure::new(calling(me, Shared::request_frame)),
                wake: Cell::new(None),
                on_wake: Closure::new(calling(me, |shared: &Shared| {
                    shared.wake.set(None);
                    shared.carry_out();
                })),
                on_event: Closure::new({
                    let me = me.clone();
                    move |event| {
                        if let Some(shared) = me.upgrade() {
                            shared.event(&event);
                        }
                    }
                }),
                observer: ResizeObserver::new(on_resize.as_ref().unchecked_ref()).ok(),
                less_motion: web_sys::window().and_then(|window| {
                    let query = window.match_media("(prefers-reduced-motion: reduce)");
                    query.ok().flatten()
                }),
                _on_resize: on_resize,
                canvas,
            }
        });
        shared.listen(true);
        shared.heed_motion();
        let field = shared.canvas.closest(".viewer__field").ok().flatten();
        if let Some(observer) = &shared.observer {
            // Reports the first size, too. And what appears above only moves the field, perhaps by a part of a pixel: then
            // something that it lies in changes its size.
            let around = std::iter::successors(field, |element| element.parent_element());
            around.for_each(|element| observer.observe(&element));
        }
        Some(Self(shared))
    }

    /// Does what was asked for.
    pub fn command(&self, command: Command) {
        self.0.scene.borrow_mut().command(command);
        self.0.request_frame();
    }

    /// Takes over what has become of the slide.
    pub fn slide_changed(&self, slide: SlideDetail) {
        self.0.scene.borrow_mut().slide_changed(Rc::new(slide));
        self.0.carry_out();
        self.0.request_frame();
    }

    /// Takes over the layers as set up.
    pub fn layers_changed(&self) {
        self.0.scene.borrow_mut().layers_changed();
        self.0.carry_out();
        self.0.request_frame();
    }

    /// Puts a picture of what is seen into the shared state.
    pub fn take_picture(&self) {
        self.0.scene.borrow_mut().take_picture();
    }

    /// Takes over how the image is shown.
    pub fn image_changed(&self) {
        self.0.scene.borrow_mut().image_changed();
        self.0.request_frame();
    }
}

/// A closure for the browser that does nothing once the viewer is gone.
fn calling(me: &Weak<Shared>, call: impl Fn(&Shared) + 'static) -> impl FnMut() + 'static {
    let me = me.clone();
    move || {
        if let Some(shared) = me.upgrade() {
            call(&shared);
        }
    }
}

impl Shared {
    fn listen(&self, on: bool) {
        let callback = self.on_event.as_ref().unchecked_ref();
        let set = |target: &EventTarget, name: &str| {
            // Only fails for objects that are no event targets.
            let _ = if on {
                target.add_event_listener_with_callback(name, callback)
            } else {
                target.remove_event_listener_with_callback(name, callback)
            };
        };
        for name in CANVAS_EVENTS {
            set(&self.canvas, name);
        }
        if let Some(window) = web_sys::window() {
            // The scale of the screen changes without the canvas changing its size.
            set(&window, "resize");
        }
        if let Some(query) = &self.less_motion {
            set(query, "change");
        }
    }

    fn heed_motion(&self) {
        let calm = self
            .less_motion
            .as_ref()
            .is_some_and(MediaQueryList::matches);
        self.scene.borrow_mut().set_calm(calm);
    }

    fn request_frame(&self) {
        if self.frame.get().is_none()
            && let Some(window) = web_sys::window()
        {
            let callback = self.on_frame.as_ref().unchecked_ref();
            self.frame
                .set(window.request_animation_frame(callback).ok());
            self.pace.borrow_mut().asked(clock::now());
        }
    }

    /// Asks for a frame in which a tile is drawn while others are awaited.
    fn request_frame_in_time(&self) {
        let rest = self.pace.borrow().rest(clock::now());
        let window = web_sys::window().filter(|_| rest > 0.0);
        let Some(window) = window else {
            return self.request_frame();
        };
        if self.later.get().is_none() {
            let callback = self.on_later.as_ref().unchecked_ref();
            let alarm =
                window.set_timeout_with_callback_and_timeout_and_arguments_0(callback, rest as i32);
            self.later.set(alarm.ok());
        }
    }

    fn draw(&self, now: f64) {
        self.frame.set(None);
        self.pace.borrow_mut().drawn(clock::now());
        if let (Some(later), Some(window)) = (self.later.take(), web_sys::window()) {
            window.clear_timeout_with_handle(later);
        }
        let again = self.scene.borrow_mut().draw(now);
        self.carry_out();
        self.scene.borrow_mut().tell_whether_settled();
        if again {
            self.request_frame();
        }
    }

    fn resized(&self) {
        if self.scene.borrow_mut().resized() {
            self.request_frame();
        }
    }

    fn event(&self, event: &Event) {
        // The canvas has no such event.
        if event.type_() == "change" {
            self.heed_motion();
            return self.request_frame();
        }
        let wants_frame = self.scene.borrow_mut().event(event);
        if wants_frame {
            self.request_frame();
        }
    }

    /// Starts the requests that are due and sets the alarm for those that are not.
    fn carry_out(&self) {
        let (orders, wake_in) = self.scene.borrow_mut().orders();
        for order in orders {
            let me = self.me.clone();
            match order {
                Order::Tile {
                    key,
                    ticket,
                    url,
                    pixels,
                    signal,
                } => spawn_local(async move {
                    let tile = net::tile(&url, pixels, &signal).await;
                    if let Some(shared) = me.upgrade() {
                        shared.tile_came(key, ticket, tile);
                    }
                }),
                Order::Maps { key, spots } => spawn_local(async move {
                    let maps = fetch_maps(spots).await;
                    if let Some(shared) = me.upgrade() {
                        shared.maps_came(key, maps);
                    }
                }),
            }
        }
        if let (Some(wake_in), Some(window)) = (wake_in, web_sys::window()) {
            // What is due sooner does not wait for what is due later.
            if let Some(before) = self.wake.take() {
                window.clear_timeout_with_handle(before);
            }
            let callback = self.on_wake.as_ref().unchecked_ref();
            let alarm = window.set_timeout_with_callback_and_timeout_and_arguments_0(
                callback,
                wake_in.clamp(10.0, 60_000.0) as i32,
            );
            self.wake.set(alarm.ok());
        }
    }

    fn tile_came(&self, key: TileKey, ticket: u64, tile: Result<web_sys::ImageBitmap, Refusal>) {
        let is_news = self.scene.borrow_mut().tile_came(key, ticket, tile);
        // The next request need not wait for the next frame.
        self.carry_out();
        if is_news && self.scene.borrow().awaits_tiles() {
            self.request_frame_in_time();
        } else if is_news {
            self.request_frame();
        }
    }

    fn maps_came(&self, key: TargetKey, maps: Result<TargetMaps, MapsProblem>) {
        self.scene.borrow_mut().maps_came(key, maps);
        self.carry_out();
        self.request_frame();
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.listen(false);
        if let Some(observer) = &self.observer {
            observer.disconnect();
        }
        if let Some(window) = web_sys::window() {
            if let Some(frame) = self.frame.get() {
                let _ = window.cancel_animation_frame(frame);
            }
            for alarm in [self.wake.get(), self.later.get()].into_iter().flatten() {
                window.clear_timeout_with_handle(alarm);
            }
        }
    }
}

async fn fetch_maps(orders: Vec<SpotOrder>) -> Result<TargetMaps, MapsProblem> {
    let mut spots = Vec::with_capacity(orders.len());
    for order in orders {
        spots.push(match order.url {
            Some(url) => {
                let numbers = net::numbers(&url).await.map_err(|refusal| MapsProblem {
                    text: if refusal.is_final {
                        "There is no heatmap for this target here. Load the page again."
                    } else {
                        "The heatmap could not be fetched."
                    }
                    .to_owned(),
                    refusal,
                })?;
                SpotMaps::read(&numbers, order.tiles, &order.readouts).map_err(|text| {
                    MapsProblem {
                        text,
                        refusal: Refusal::FINAL,
                    }
                })?
            }
            None => SpotMaps::empty(),
        });
    }
    Ok(TargetMaps { spots })
}
