//! The address of the page is the view: it is written as the view changes and read when the window goes back or forth.

use std::time::Duration;

use domain::address::{Place, ViewSpec};
use domain::stain::Light;
use leptos::ev;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

use crate::navigation;
use crate::viewer::command::Ask;
use crate::viewer::{Panes, Side};

/// How long a view must stay the same before it is written.
const REST: Duration = Duration::from_millis(300);

/// What the address says.
struct Written {
    query: String,
    /// Whether the view has not been there since this was read. It may turn out otherwise: a link may name a place outside of
    /// the slide. That is no step of its own, or nobody could go back over it.
    is_read: bool,
}

impl Written {
    const fn read(query: String) -> Self {
        Self {
            query,
            is_read: true,
        }
    }
}

/// Keeps address and views the same.
pub(super) fn keep(panes: Panes, code: &str) {
    let path = ["/slides/", code].concat();
    let written = StoredValue::new(Written::read(String::new()));
    Effect::new(move |timer: Option<Option<TimeoutHandle>>| {
        if let Some(Some(timer)) = timer {
            timer.clear();
        } else {
            written.set_value(Written::read(navigation::query()));
        }
        let spec = panes.spec();
        let first = panes.of(Side::First);
        // Who has yet to go where it was told is not there.
        let is_there =
            first.camera.with(Option::is_some) && first.command.with_untracked(Option::is_none);
        // At once: what is done next is a step from here.
        if is_there && written.with_value(|written| written.is_read) {
            write(&spec, is_there, written);
        }
        set_timeout_with_handle(move || write(&spec, is_there, written), REST).ok()
    });
    let back = window_event_listener(ev::popstate, move |_| {
        let query = navigation::query();
        let is_ours = window().location().pathname().is_ok_and(|own| own == path);
        if is_ours
            && written
                .try_with_value(|before| before.query != query)
                .unwrap_or_default()
        {
            written.set_value(Written::read(query.clone()));
            panes.show(&ViewSpec::from_query(&query));
        }
    });
    on_cleanup(move || back.remove());
}

/// Writes the view into the address. Going back leads to where one was before a leap or before something was set up
/// otherwise, not through every step of the hand.
fn write(spec: &ViewSpec, is_there: bool, written: StoredValue<Written>) {
    let query = spec.to_query();
    let done = written.try_with_value(|before| {
        let replaces = || before.is_read || is_step(&ViewSpec::from_query(&before.query), spec);
        let is_done = before.query == query || put(&query, replaces()).is_ok();
        is_done.then_some(before.is_read && !is_there)
    });
    // The page may have been left meanwhile.
    if let Some(Some(is_read)) = done {
        written.set_value(Written { query, is_read });
    }
}

/// Puts a query into the address, in place of the one that is there or after it. Browsers refuse when it is done too often;
/// then the next one is written.
fn put(query: &str, replaces: bool) -> Result<(), JsValue> {
    let url = if query.is_empty() {
        window().location().pathname()?
    } else {
        ["?", query].concat()
    };
    let (history, state) = (window().history()?, JsValue::NULL);
    if replaces {
        history.replace_state_with_url(&state, "", Some(&url))
    } else {
        history.push_state_with_url(&state, "", Some(&url))
    }
}

/// Whether from one view to the next the slide was only moved a little.
fn is_step(before: &ViewSpec, after: &ViewSpec) -> bool {
    without_steps(before) == without_steps(after)
        && match (before.first.place, after.first.place) {
            (Some(before), Some(after)) => !is_leap(&before, &after),
            (None, None) => true,
            _ => false,
        }
}

/// What is left of an address without what a hand does little by little: moving, and dragging a slider.
fn without_steps(spec: &ViewSpec) -> String {
    let mut spec = spec.clone();
    let beside = spec.beside.as_mut().map(|beside| &mut beside.pane);
    for pane in std::iter::once(&mut spec.first).chain(beside) {
        pane.place = None;
        pane.light = Light::PLAIN;
        for layer in &mut pane.layers {
            layer.opacity = 1.0;
            layer.range = None;
            layer.threshold = None;
        }
    }
    spec.to_query()
}

/// Whether the second view shows nothing of the first, or at quite another zoom.
fn is_leap(before: &Place, after: &Place) -> bool {
    let distance = (before.x - after.x).hypot(before.y - after.y) * before.zoom.min(after.zoom);
    let ratio = before.zoom / after.zoom;
    distance > 800.0 || !(0.25..=4.0).contains(&ratio)
}

/// Copies the address of the view; also by its key.
#[component]
pub(super) fn CopyLink() -> impl IntoView {
    let panes = Panes::get();
    let (said, say) = signal("");
    let copy = move || {
        let spec = panes.spec();
        spawn_local(async move {
            let query = spec.to_query();
            let location = window().location();
            let mut url = [
                location.origin().unwrap_or_default(),
                location.pathname().unwrap_or_default(),
            ]
            .concat();
            if !query.is_empty() {
                url = [&url, "?", &query].concat();
            }
            let copied = JsFuture::from(window().navigator().clipboard().write_text(&url)).await;
            say.try_set(if copied.is_ok() {
                "Link copied"
            } else {
                "The browser does not let the link be copied: take it from the address bar"
            });
            set_timeout(
                move || {
                    say.try_set("");
                },
                Duration::from_secs(4),
            );
        });
    };
    Effect::new(move |_| {
        let first = panes.of(crate::viewer::Side::First).ask;
        let second = panes.of(crate::viewer::Side::Second).ask;
        for ask in [first, second] {
            if ask.get() == Some(Ask::CopyLink) {
                ask.set(None);
                untrack(copy);
            }
        }
    });
    view! {
        <div class="slide__link">
            <span
                role="status"
                class="slide__said"
                class:slide__said--shown=move || !said.get().is_empty()
                data-testid="link-status"
            >
                {move || said.get()}
            </span>
            <button
                type="button"
                class="button button--small"
                title="Copy the address of this view (c)"
                data-testid="copy-link"
                on:click=move |_| untrack(copy)
            >
                "Copy link"
            </button>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn going_back_leads_over_leaps_and_changes_not_over_steps() {
        let step = |before: &str, after: &str| {
            is_step(&ViewSpec::from_query(before), &ViewSpec::from_query(after))
        };
        assert!(step("at=100,100&zoom=1", "at=400,100&zoom=1.5"));
        assert!(!step("at=100,100&zoom=1", "at=4000,100&zoom=1"));
        assert!(!step("at=100,100&zoom=1", "at=100,100&zoom=8"));
        assert!(!step("", "at=100,100&zoom=1"));
        assert!(!step(
            "at=1,1&zoom=1",
            "at=1,1&zoom=1&layer=m,t,attention,meadow,50"
        ));
        assert!(step("", ""));
        let layer = |rest: &str| ["layer=m,t,attention,meadow,", rest].concat();
        assert!(step(&layer("50"), &layer("80,only:0:1")));
        assert!(!step(&layer("50"), &layer("50,percentile")));
    }
}
