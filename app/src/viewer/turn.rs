//! How the slide lies: turned by any angle, mirrored.

use domain::camera::normal_degrees;
use leptos::prelude::*;

use super::command::Command;
use super::state::ViewState;
use crate::components::{Icon, IconName};
use crate::erase::{Erase, Erased};

/// The controls for turning and mirroring.
pub(super) fn turn_panel(state: ViewState) -> Erased {
    // While the slide turns the controls stay where the hand put them.
    let angle = Memo::new(move |previous: Option<&String>| {
        let is_still = state.is_still.get();
        match previous {
            Some(previous) if !is_still => previous.clone(),
            _ => {
                let degrees = state
                    .camera
                    .with(|camera| camera.map_or(0.0, |camera| camera.rotation));
                ((degrees * 10.0).round() / 10.0).to_string()
            }
        }
    });
    let is_flipped = Memo::new(move |_| {
        state
            .camera
            .with(|camera| camera.is_some_and(|camera| camera.flipped))
    });
    let turn = move |text: String| {
        if let Some(degrees) = text
            .parse()
            .ok()
            .filter(|degrees: &f64| degrees.is_finite())
        {
            state
                .command
                .set(Some(Command::TurnTo(normal_degrees(degrees))));
        }
    };
    let button = move |icon,
                       text: &'static str,
                       title: &'static str,
                       test_id: &'static str,
                       command: Command| {
        view! {
            <button
                type="button"
                class="button"
                title=title
                data-testid=test_id
                on:click=move |_| state.command.set(Some(command))
            >
                <Icon name=icon />
                {text}
            </button>
        }
    };
    view! {
        <div class="tool-panel__row">
            {button(IconName::TurnLeft, "Left 90°", "Turn anticlockwise by 90°", "turn-left", Command::TurnBy(-90.0))}
            {button(IconName::Retry, "Right 90°", "Turn clockwise by 90°", "turn-right", Command::TurnBy(90.0))}
        </div>
        <label class="setting setting--wide">
            <span>"Angle"</span>
            <input
                type="range"
                min="0"
                max="360"
                step="1"
                prop:value=move || angle.get()
                title="Degrees clockwise (r, Shift+r)"
                data-testid="turn-slider"
                on:input=move |event| turn(event_target_value(&event))
            />
        </label>
        <label class="setting setting--wide">
            <span>"Degrees"</span>
            <input
                class="input"
                type="number"
                min="-360"
                max="360"
                step="any"
                prop:value=move || angle.get()
                data-testid="turn-degrees"
                on:change=move |event| turn(event_target_value(&event))
            />
        </label>
        <div class="tool-panel__row">
            <button
                type="button"
                class="button"
                aria-pressed=move || if is_flipped.get() { "true" } else { "false" }
                title="Mirror left to right (f)"
                data-testid="viewer-flip"
                on:click=move |_| state.command.set(Some(Command::Flip))
            >
                <Icon name=IconName::Mirror />
                "Mirrored"
            </button>
            {button(IconName::Whole, "Upright", "Whole slide, upright and not mirrored", "turn-reset", Command::Reset)}
        </div>
    }
    .erase()
}
