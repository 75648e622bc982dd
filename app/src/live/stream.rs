//! The browser's side of live progress. Called from effects only, which do not run on the server.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use domain::view::Progress;
use js_sys::{Function, Promise, Reflect};
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::prelude::*;
use web_sys::{BroadcastChannel, Event, EventSource, MessageEvent};

use super::Live;
use crate::api;

/// Name of the lock and of the channel.
const NAME: &str = "marrowscope-progress";
/// Pages read their data anew at most this often.
const REFRESH_EVERY: Duration = Duration::from_millis(1500);
/// How long after it was said that nothing runs to ask whether that still holds.
const ASK_AGAIN_AFTER: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(6)];
/// How long to wait for a server that is gone.
const RETRY_AFTER: Duration = Duration::from_secs(5);

// A tab has one thread and one of each.
thread_local! {
    static CHANNEL: RefCell<Option<BroadcastChannel>> = const { RefCell::new(None) };
    /// Whether this tab waits for the lock or holds it.
    static FOLLOWS: Cell<bool> = const { Cell::new(false) };
    static COUNTS_UP: Cell<bool> = const { Cell::new(false) };
}

/// Listens to the other tabs, and asks anew whenever a person comes back to this one.
pub(super) fn start(live: Live) {
    if let Ok(channel) = BroadcastChannel::new(NAME) {
        let receive = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(progress) = read(&event) {
                live.lost.set(false);
                live.set(progress);
            }
        });
        channel.set_onmessage(Some(receive.into_js_value().unchecked_ref()));
        CHANNEL.set(Some(channel));
    }
    let back = Closure::<dyn Fn()>::new(move || {
        if !document().hidden() {
            refresh(live);
        }
    });
    // Fails only for a listener that is not a function.
    let _ = document()
        .add_event_listener_with_callback("visibilitychange", back.into_js_value().unchecked_ref());
}

/// Asks the server once, and follows when something runs.
pub(super) fn refresh(live: Live) {
    spawn_local(async move {
        match api::progress().await {
            Ok(progress) => {
                live.lost.set(false);
                live.set(progress);
                if live.is_active_now() {
                    follow(live);
                }
            }
            Err(_) if live.is_active_now() => {
                live.lost.set(true);
                set_timeout(move || refresh(live), RETRY_AFTER);
            }
            Err(_) => {}
        }
    });
}

/// Asks whether really nothing runs, a few times; a tab that nobody sees asks when somebody comes back to it.
pub(super) fn ask_again(live: Live) {
    for pause in ASK_AGAIN_AFTER {
        set_timeout(
            move || {
                if !live.is_active_now() && !document().hidden() {
                    refresh(live);
                }
            },
            pause,
        );
    }
}

/// Queues up to be the tab that holds the stream.
pub(super) fn follow(live: Live) {
    if FOLLOWS.replace(true) {
        return;
    }
    let hold = Closure::once_into_js(move |_lock: JsValue| {
        Promise::new(&mut |release, _| listen(live, Some(release)))
    });
    if request_lock(&hold).is_none() {
        listen(live, None);
    }
}

/// `navigator.locks.request(NAME, hold)`. By name, because web-sys counts the Web Locks API as unstable.
fn request_lock(hold: &JsValue) -> Option<()> {
    let navigator = window().navigator();
    let locks = Reflect::get(&navigator, &"locks".into()).ok()?;
    let request: Function = Reflect::get(&locks, &"request".into())
        .ok()?
        .dyn_into()
        .ok()?;
    request.call2(&locks, &NAME.into(), hold).ok().map(|_| ())
}

/// Holds the stream until nothing is left to do.
fn listen(live: Live, release: Option<Function>) {
    let done = move || {
        FOLLOWS.set(false);
        if let Some(release) = &release {
            let _ = release.call0(&JsValue::UNDEFINED); // resolving a promise does not throw
        }
    };
    if !live.is_active_now() {
        return done();
    }
    let Ok(source) = EventSource::new("/events") else {
        return done();
    };
    let receive = Closure::<dyn Fn(MessageEvent)>::new({
        let (source, done) = (source.clone(), done.clone());
        move |event: MessageEvent| {
            let Some(progress) = read(&event) else { return };
            CHANNEL.with_borrow(|channel| {
                if let Some(channel) = channel {
                    let _ = channel.post_message(&event.data()); // fails only when the channel is closed
                }
            });
            live.lost.set(false);
            live.set(progress);
            if !live.is_active_now() {
                source.close();
                done();
            }
        }
    });
    source.set_onmessage(Some(receive.into_js_value().unchecked_ref()));
    let fail = Closure::<dyn Fn(Event)>::new({
        let source = source.clone();
        move |_| {
            live.lost.set(true);
            // A broken connection is opened again by the browser, a refused one is not.
            if source.ready_state() == EventSource::CLOSED {
                done();
                set_timeout(move || refresh(live), RETRY_AFTER);
            }
        }
    });
    source.set_onerror(Some(fail.into_js_value().unchecked_ref()));
}

fn read(event: &MessageEvent) -> Option<Progress> {
    serde_json::from_slice(event.data().as_string()?.as_bytes()).ok()
}

/// Counts up once for all that happens within a short while.
pub(super) fn count_up_soon(generation: RwSignal<u32>) {
    if !COUNTS_UP.replace(true) {
        set_timeout(
            move || {
                COUNTS_UP.set(false);
                generation.update(|generation| *generation += 1);
            },
            REFRESH_EVERY,
        );
    }
}
