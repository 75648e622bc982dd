//! The viewer on the whole screen.

use leptos::prelude::*;
use leptos::{ev, html};

use crate::components::{Icon, IconName};
use crate::erase::{Erase, Erased};

/// The button that gives the whole screen to the viewer with all its tools; hidden where the browser cannot.
pub(super) fn full_screen_button() -> Erased {
    let button = NodeRef::<html::Button>::new();
    // Known in the browser only.
    let is_offered = RwSignal::new(false);
    let is_full = RwSignal::new(false);
    Effect::new(move |_| {
        is_offered.set(document().fullscreen_enabled());
        let changed = window_event_listener(ev::fullscreenchange, move |_| {
            is_full.set(document().fullscreen_element().is_some());
        });
        on_cleanup(move || changed.remove());
    });
    let change = move |_| {
        if document().fullscreen_element().is_some() {
            document().exit_fullscreen();
            return;
        }
        let viewer = button
            .get_untracked()
            .and_then(|button| button.closest(".viewer").ok().flatten());
        if let Some(viewer) = viewer {
            // The browser may say no; then all stays as it is.
            let _ = viewer.request_fullscreen();
        }
    };
    view! {
        <button
            node_ref=button
            type="button"
            class="tool"
            hidden=move || !is_offered.get()
            aria-label="Full screen"
            aria-pressed=move || if is_full.get() { "true" } else { "false" }
            title=move || if is_full.get() { "Leave full screen (Esc)" } else { "Full screen" }
            data-testid="viewer-full-screen"
            on:click=change
        >
            <Icon name=IconName::FullScreen />
        </button>
    }
    .erase()
}
