//! The viewer's keys while something else on the page has the focus that has no use for them.

use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, KeyboardEvent, KeyboardEventInit};

/// Gives keys that are for nothing on the page to the view that was acted upon last: who has just opened a slide need not
/// click on it first, nor who has just pressed a button of the panel. A field that is typed in or a list keeps its own keys,
/// and a button those that press it.
pub(super) fn follow() {
    let keys = window_event_listener(ev::keydown, |event| {
        if is_for_nothing(&event) && !scrolls(&event) {
            hand_on(&event);
        }
    });
    on_cleanup(move || keys.remove());
}

fn is_for_nothing(event: &KeyboardEvent) -> bool {
    let target: Option<Element> = event.target().and_then(|target| target.dyn_into().ok());
    let Some(target) = target else {
        return false;
    };
    let is_plain = !(event.ctrl_key() || event.alt_key() || event.meta_key());
    let is_nobodys = document().body().map(Element::from).as_ref() == Some(&target);
    // Letters, digits and signs: what a button, a link or a switch does nothing with.
    let is_letter = event.key().chars().count() == 1 && event.key() != " ";
    let has_no_letters = || {
        let takes = "input:not([type=checkbox]), select, textarea, [contenteditable], canvas, dialog[open] *";
        !target.matches(takes).unwrap_or(true)
    };
    is_plain && !event.default_prevented() && (is_nobodys || (is_letter && has_no_letters()))
}

/// On a page that is higher than its window the arrows scroll it.
fn scrolls(event: &KeyboardEvent) -> bool {
    let is_high = |page: Element| page.scroll_height() > page.client_height();
    event.key().starts_with("Arrow") && document().document_element().is_some_and(is_high)
}

fn hand_on(event: &KeyboardEvent) {
    let find = |which: &str| document().query_selector(which).ok().flatten();
    let canvas = find(".pane--active .viewer__canvas").or_else(|| find(".pane .viewer__canvas"));
    let same = KeyboardEventInit::new();
    same.set_key(&event.key());
    same.set_shift_key(event.shift_key());
    same.set_cancelable(true);
    let same = KeyboardEvent::new_with_keyboard_event_init_dict("keydown", &same);
    if let (Some(canvas), Ok(same)) = (canvas, same)
        && canvas
            .dispatch_event(&same)
            .is_ok_and(|is_unused| !is_unused)
    {
        event.prevent_default();
    }
}
