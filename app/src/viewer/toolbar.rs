//! The strip of tools above the picture: all that wheel and keys do, and what they do not.

use domain::view::SlideSummary;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use super::command::{Ask, Command, Tool};
use super::full_screen::full_screen_button;
use super::heading::view_name;
use super::image_settings::{image_note, image_panel};
use super::magnification::{OBJECTIVES, is_beyond_scan, objective_of_zoom, zoom_of_objective};
use super::motion::Limits;
use super::panes::Panes;
use super::position::orientation_text;
use super::state::ViewState;
use super::turn::turn_panel;
use crate::components::{Icon, IconName};
use crate::erase::{Erase, Erased};

/// What is folded out below the strip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Panel {
    Turn,
    Image,
}

/// One button of the strip.
#[derive(Clone, Copy)]
struct Button {
    icon: IconName,
    name: &'static str,
    /// With the key where there is one.
    title: &'static str,
    test_id: &'static str,
    /// For what can be on or off.
    is_on: Option<fn(ViewState) -> bool>,
    /// For what is not always there.
    is_hidden: Option<fn(ViewState) -> bool>,
    act: fn(ViewState),
}

const PLAIN: Button = Button {
    icon: IconName::Whole,
    name: "",
    title: "",
    test_id: "",
    is_on: None,
    is_hidden: None,
    act: |_| {},
};

const ZOOM: [Button; 3] = [
    Button {
        icon: IconName::Minus,
        name: "Zoom out",
        title: "Zoom out (\u{2212})",
        test_id: "viewer-out",
        act: |state| state.command.set(Some(Command::ZoomBy(1.0 / 1.6))),
        ..PLAIN
    },
    Button {
        icon: IconName::Plus,
        name: "Zoom in",
        title: "Zoom in (+)",
        test_id: "viewer-in",
        act: |state| state.command.set(Some(Command::ZoomBy(1.6))),
        ..PLAIN
    },
    Button {
        icon: IconName::Whole,
        name: "Whole slide",
        title: "Whole slide, as it is turned (0)",
        test_id: "viewer-fit",
        act: |state| state.command.set(Some(Command::Fit)),
        ..PLAIN
    },
];

const HEATMAP: Button = Button {
    icon: IconName::Heatmap,
    name: "Heatmap",
    title: "Show or hide the heatmap (h)",
    test_id: "viewer-heatmap",
    is_on: Some(|state| state.overlay_on.get()),
    act: |state| state.command.set(Some(Command::ToggleOverlay)),
    ..PLAIN
};

const MEASURE: [Button; 2] = [
    Button {
        icon: IconName::Ruler,
        name: "Ruler",
        title: "Ruler: drag over the slide to measure in µm (m)",
        test_id: "viewer-ruler",
        is_on: Some(|state| state.tool.get() == Tool::Ruler),
        act: |state| state.toggle_ruler(),
        ..PLAIN
    },
    Button {
        icon: IconName::Remove,
        name: "Remove all rulers",
        title: "Remove all rulers",
        test_id: "viewer-rulers-remove",
        is_hidden: Some(|state| state.rulers.with(Vec::is_empty)),
        act: |state| state.rulers.set(Vec::new()),
        ..PLAIN
    },
];

const SNAPSHOT: Button = Button {
    icon: IconName::Camera,
    name: "Save a picture of this view",
    title: "Save a picture of this view, with scale bar, colours and provenance (s)",
    test_id: "viewer-snapshot",
    act: |state| state.ask.set(Some(Ask::Snapshot)),
    ..PLAIN
};

const KEYS: Button = Button {
    icon: IconName::Keyboard,
    name: "Keys",
    title: "What the keys do (?)",
    test_id: "viewer-keys",
    act: |state| state.ask.set(Some(Ask::Keys)),
    ..PLAIN
};

/// The strip of tools.
#[component]
pub fn Toolbar(summary: SlideSummary) -> impl IntoView {
    let state = ViewState::from_context();
    let open = RwSignal::new(None::<Panel>);
    let is_image_open = Memo::new(move |_| open.get() == Some(Panel::Image));
    let turn_note = Memo::new(move |_| {
        state
            .camera
            .with(|camera| camera.as_ref().map_or_else(String::new, orientation_text))
    });
    let image_note = Memo::new(move |_| image_note(state).to_owned());
    let image = image_panel(state, &summary, is_image_open);
    let buttons = |buttons: &[Button]| {
        buttons
            .iter()
            .map(|button| tool(state, *button))
            .collect::<Vec<_>>()
    };
    view! {
        <div class="toolbar" role="group" aria-label="View">
            <div class="toolbar__group">{buttons(&ZOOM)}</div>
            {objectives(state, &summary)}
            <div class="toolbar__group">
                {menu(open, Panel::Turn, IconName::Turn, "Turn and mirror", "viewer-turn", turn_note, turn_panel(state))}
                {menu(open, Panel::Image, IconName::Sliders, "Light and stains", "viewer-image", image_note, image)}
                {tool(state, HEATMAP)} {buttons(&MEASURE)}
            </div>
            <div class="toolbar__group toolbar__group--end">
                {tool(state, SNAPSHOT)} {full_screen_button()}
                <span class="toolbar__keys">{tool(state, KEYS)}</span>
            </div>
        </div>
    }
    .erase()
}

fn tool(state: ViewState, button: Button) -> Erased {
    let Button {
        icon,
        name,
        title,
        test_id,
        is_on,
        is_hidden,
        act,
    } = button;
    let panes = Panes::get();
    view! {
        <button
            type="button"
            class="tool"
            aria-label=name
            aria-pressed=move || is_on.map(|is_on| if is_on(state) { "true" } else { "false" })
            title=move || match view_name(panes, state) {
                Some(view) => [view, ": ", title].concat(),
                None => title.to_owned(),
            }
            hidden=move || is_hidden.is_some_and(|is_hidden| is_hidden(state))
            data-testid=test_id
            on:click=move |_| act(state)
        >
            <Icon name=icon />
        </button>
    }
    .erase()
}

/// A button that folds a panel out below the strip, marked while something in it is other than usual.
fn menu(
    open: RwSignal<Option<Panel>>,
    panel: Panel,
    icon: IconName,
    name: &'static str,
    test_id: &'static str,
    note: Memo<String>,
    content: Erased,
) -> Erased {
    let is_open = Memo::new(move |_| open.get() == Some(panel));
    let left = RwSignal::new(0);
    let close = move |element: Option<Element>| {
        open.set(None);
        // The focus must not be lost with what is folded away.
        let menu = element.and_then(|element| element.closest(".toolbar__menu").ok().flatten());
        let button = menu.and_then(|menu| menu.query_selector("button").ok().flatten());
        if let Some(button) = button.and_then(|button| button.dyn_into::<HtmlElement>().ok()) {
            // Fails for what cannot have it; then it stays where it is.
            let _ = button.focus();
        }
    };
    let element = |target: Option<web_sys::EventTarget>| target?.dyn_into().ok();
    let label = move || {
        let note = note.get();
        if note.is_empty() {
            name.to_owned()
        } else {
            [name, ", ", &note].concat()
        }
    };
    view! {
        <div
            class="toolbar__menu"
            on:keydown=move |event| {
                if event.key() == "Escape" && is_open.get_untracked() {
                    event.stop_propagation();
                    close(element(event.target()));
                }
            }
        >
            <button
                type="button"
                class="tool"
                class:tool--changed=move || note.with(|note| !note.is_empty())
                aria-label=label
                aria-expanded=move || if is_open.get() { "true" } else { "false" }
                title=name
                data-testid=test_id
                on:click=move |event| {
                    let button = event.current_target().and_then(|target| target.dyn_into::<HtmlElement>().ok());
                    left.set(button.map_or(0, |button| button.offset_left()));
                    open.update(|open| *open = (*open != Some(panel)).then_some(panel));
                }
            >
                <Icon name=icon />
            </button>
            <section
                class="tool-panel"
                aria-label=name
                style=("--tool-panel-left", move || [&left.get().to_string(), "px"].concat())
                hidden=move || !is_open.get()
            >
                <header class="tool-panel__head">
                    <h2 class="tool-panel__title">{name}</h2>
                    <button
                        type="button"
                        class="button button--bare"
                        aria-label="Close"
                        title="Close (Esc)"
                        on:click=move |event| close(element(event.target()))
                    >
                        <Icon name=IconName::Close />
                    </button>
                </header>
                {content}
            </section>
        </div>
    }
    .erase()
}

/// One button per magnification that the viewer reaches, and one for slide px on screen px.
fn objectives(state: ViewState, summary: &SlideSummary) -> Erased {
    let (mpp, objective) = (summary.mpp, summary.objective);
    let bounds = domain::geometry::SlideRect {
        x: 0.0,
        y: 0.0,
        width: summary.width.into(),
        height: summary.height.into(),
    };
    let size = Memo::new(move |_| {
        state
            .camera
            .with(|camera| camera.map(|camera| (camera.width, camera.height)))
    });
    let limits = Memo::new(move |_| {
        size.get()
            .map(|(width, height)| Limits::of(&bounds, width, height))
    });
    let present = Memo::new(move |_| {
        let zoom = state.camera.with(|camera| camera.map(|camera| camera.zoom));
        zoom.and_then(|zoom| objective_of_zoom(zoom, objective, mpp))
    });
    let buttons = OBJECTIVES
        .into_iter()
        .enumerate()
        .map(|(index, power)| {
            let zoom = zoom_of_objective(index, objective, mpp);
            let is_reached = move || {
                let within = |limits: Limits| {
                    zoom.is_some_and(|zoom| (limits.zoom_min..=limits.zoom_max).contains(&zoom))
                };
                limits.get().is_none_or(within)
            };
            let is_beyond = is_beyond_scan(power, objective, mpp);
            let text = [&power.to_string(), "\u{d7}"].concat();
            let beyond = if is_beyond { ", beyond the scan" } else { "" };
            let title = [
                "Magnification ",
                &text,
                beyond,
                " (",
                &(index + 1).to_string(),
                ")",
            ]
            .concat();
            let test_id = ["magnify-", &power.to_string()].concat();
            view! {
                <button
                    type="button"
                    class="tool tool--power"
                    class:tool--beyond=is_beyond
                    hidden=move || !is_reached()
                    aria-label=[&text, beyond].concat()
                    aria-pressed=move || if present.get() == Some(index) { "true" } else { "false" }
                    title=title
                    data-testid=test_id
                    on:click=move |_| state.command.set(zoom.map(Command::ZoomTo))
                >
                    {text.clone()}
                </button>
            }
            .erase()
        })
        .collect::<Vec<_>>();
    view! {
        <div class="toolbar__group toolbar__group--powers" role="group" aria-label="Magnification">
            {buttons}
            <button
                type="button"
                class="tool tool--power"
                title="One slide pixel per pixel of the screen"
                aria-label="1:1, one slide pixel per pixel of the screen"
                data-testid="viewer-native"
                on:click=move |_| state.command.set(Some(Command::Native))
            >
                "1:1"
            </button>
        </div>
    }
    .erase()
}
