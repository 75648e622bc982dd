//! How the image is shown: brightness, contrast, gamma, and one stain alone.

use domain::stain::{Light, StainChannel};
use domain::view::SlideSummary;
use leptos::prelude::*;

use super::format::number;
use super::stain_settings::stain_controls;
use super::state::ViewState;
use crate::components::{Icon, IconName};
use crate::erase::{Erase, Erased};
use crate::format::thousands;

/// One of the three numbers of [`Light`].
struct Slider {
    name: &'static str,
    test_id: &'static str,
    range: (&'static str, &'static str),
    /// Where the slider stands.
    place: fn(&Light) -> f64,
    /// The number in words.
    text: fn(&Light) -> String,
    /// The light with the slider elsewhere.
    change: fn(Light, f64) -> Light,
}

/// Contrast and gamma are factors: a step of the slider is one of their logarithm, so that half and double are as far away.
const SLIDERS: [Slider; 3] = [
    Slider {
        name: "Brightness",
        test_id: "brightness",
        range: ("-1", "1"),
        place: |light| light.brightness,
        text: |light| percent(light.brightness),
        change: |light, brightness| Light {
            brightness,
            ..light
        },
    },
    Slider {
        name: "Contrast",
        test_id: "contrast",
        range: ("-2", "2"),
        place: |light| light.contrast.log2(),
        text: |light| factor(light.contrast),
        change: |light, place| Light {
            contrast: place.exp2(),
            ..light
        },
    },
    Slider {
        name: "Gamma",
        test_id: "gamma",
        range: ("-2", "2"),
        place: |light| light.gamma.log2(),
        text: |light| number(light.gamma),
        change: |light, place| Light {
            gamma: place.exp2(),
            ..light
        },
    },
];

fn percent(share: f64) -> String {
    let whole = (share * 100.0).round() as i64;
    let sign = if whole > 0 { "+" } else { "" };
    [sign, &thousands(whole), " %"].concat()
}

fn factor(value: f64) -> String {
    ["\u{d7} ", &number(value)].concat()
}

/// Where [`Light`] is not plain, in words.
#[must_use]
pub fn light_text(light: &Light) -> Option<String> {
    (*light != Light::PLAIN).then(|| {
        let parts = SLIDERS.map(|slider| [slider.name, " ", &(slider.text)(light)].concat());
        parts.join(", ")
    })
}

/// What is seen instead of the plain image, in a few words; empty for that.
#[must_use]
pub fn image_note(state: ViewState) -> &'static str {
    let is_plain = state.light.with(|light| *light == Light::PLAIN);
    match state.stain.get() {
        Some(_) if !state.is_stain_known() => "stain vectors not known, shown as scanned",
        Some((StainChannel::Haematoxylin, _)) => "haematoxylin only",
        Some((StainChannel::Eosin, _)) => "eosin only",
        Some((StainChannel::Residual, _)) => "residual only",
        None if is_plain => "",
        None => "light changed",
    }
}

/// The controls for light and stains.
pub(super) fn image_panel(state: ViewState, summary: &SlideSummary, is_open: Memo<bool>) -> Erased {
    let sliders = SLIDERS
        .map(|slider| light_slider(state, slider))
        .collect_view();
    let is_plain = move || state.light.with(|light| *light == Light::PLAIN);
    let stains = stain_controls(state, summary, is_open);
    view! {
        {sliders}
        <button
            type="button"
            class="button button--small"
            disabled=is_plain
            data-testid="light-reset"
            on:click=move |_| state.light.set(Light::PLAIN)
        >
            <Icon name=IconName::Retry />
            "Reset light"
        </button>
        {stains}
    }
    .erase()
}

fn light_slider(state: ViewState, slider: Slider) -> Erased {
    let Slider {
        name,
        test_id,
        range,
        place,
        text,
        change,
    } = slider;
    let value = move || state.light.with(|light| place(light).to_string());
    view! {
        <label class="setting">
            <span>{name}</span>
            <input
                type="range"
                min=range.0
                max=range.1
                step="0.02"
                prop:value=value
                aria-valuetext=move || state.light.with(text)
                data-testid=test_id
                on:input=move |event| {
                    if let Ok(place) = event_target_value(&event).parse() {
                        state.light.update(|light| *light = change(*light, place).clamped());
                    }
                }
            />
            <span class="num" aria-hidden="true">{move || state.light.with(text)}</span>
        </label>
    }
    .erase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_light_have_signs() {
        assert_eq!(percent(0.1), "+10 %");
        assert_eq!(percent(-0.1), "−10 %");
        assert_eq!(light_text(&Light::PLAIN), None);
        let light = Light {
            brightness: 0.25,
            contrast: 2.0,
            gamma: 0.5,
        };
        assert_eq!(
            light_text(&light).unwrap(),
            "Brightness +25 %, Contrast × 2.00, Gamma 0.500"
        );
    }

    #[test]
    fn sliders_undo_themselves() {
        let light = Light {
            brightness: -0.3,
            contrast: 3.0,
            gamma: 0.6,
        };
        for slider in SLIDERS {
            let same = (slider.change)(light, (slider.place)(&light));
            let other = (slider.change)(Light::PLAIN, (slider.place)(&light));
            assert!((same.contrast - light.contrast).abs() < 1e-12);
            assert_ne!(other, Light::PLAIN, "{}", slider.name);
            assert_eq!((slider.place)(&Light::PLAIN), 0.0);
        }
    }
}
