//! Where the slide is read, how it is turned, and whether the image is other than scanned.

use domain::camera::Camera;
use leptos::prelude::*;

use super::image_settings::image_note;
use super::state::ViewState;
use super::summary::{unit, value_text};
use super::told::OverlayStatus;
use crate::erase::Erase;
use crate::format::thousands;

/// A point of the slide in px.
#[must_use]
pub fn px_text((x, y): (f64, f64)) -> String {
    let whole = |value: f64| thousands(value.floor() as i64);
    ["x ", &whole(x), ", y ", &whole(y), " px"].concat()
}

/// A point of the slide in µm, to a tenth.
#[must_use]
pub fn um_text((x, y): (f64, f64)) -> String {
    let tenths = |value: f64| {
        let tenths = (value * 10.0).round() as i64;
        let sign = if tenths < 0 { "\u{2212}" } else { "" };
        let (whole, rest) = (tenths.abs() / 10, tenths.abs() % 10);
        [sign, &thousands(whole), ".", &rest.to_string()].concat()
    };
    ["x ", &tenths(x), ", y ", &tenths(y), " µm"].concat()
}

/// How the slide lies, in words; empty for upright.
#[must_use]
pub fn orientation_text(camera: &Camera) -> String {
    let mut parts = Vec::new();
    let degrees = (camera.rotation * 10.0).round() / 10.0;
    if degrees != 0.0 && degrees != 360.0 {
        parts.push(["turned ", &degrees.to_string(), "°"].concat());
    }
    if camera.flipped {
        parts.push("mirrored".to_owned());
    }
    parts.join(", ")
}

/// The foot of the viewer: the position under the cursor or, where there is none, in the middle of the view.
#[component]
pub fn Position() -> impl IntoView {
    let state = ViewState::from_context();
    let none = || "\u{2013}".to_owned();
    // Of a view at rest: nobody reads numbers that rush by, and each of them is work for the page.
    let centre = Memo::new(move |before: Option<&Option<(f64, f64)>>| {
        if state.is_still.get() {
            let camera = state.camera.get();
            camera.map(|camera| (camera.centre_x, camera.centre_y))
        } else {
            before.copied().flatten()
        }
    });
    let is_centre = move || state.cursor.with(Option::is_none);
    let at = move || state.cursor.get().or_else(|| centre.get());
    let um = move || {
        let mpp = state.mpp.get();
        at().map_or_else(none, |(x, y)| um_text((x * mpp.x, y * mpp.y)))
    };
    let px = move || at().map_or_else(none, px_text);
    let lies = Memo::new(move |_| {
        state
            .camera
            .with(|camera| camera.as_ref().map_or_else(String::new, orientation_text))
    });
    // Where the values themselves lie below the fold, as on a phone, the one that was pointed at stands here.
    let unit = Memo::new(move |_| match state.chosen_status() {
        OverlayStatus::Shown(summary) => unit(summary.quantity, summary.scale),
        _ => "",
    });
    let value = move || {
        state.hover.with(|hover| {
            let reading = hover.as_ref()?.reading()?;
            // A view that closes takes the tile away after what was made for the view.
            let unit = unit.try_get().unwrap_or_default();
            Some([&value_text(reading.signed, reading.value), " ", unit].concat())
        })
    };
    view! {
        <p class="viewer__foot" class:viewer__foot--centre=is_centre data-testid="position">
            <span class="viewer__foot-label" data-testid="position-label">
                {move || if is_centre() { "Centre" } else { "Position" }}
            </span>
            <span data-testid="position-um">{um}</span>
            <span class="viewer__foot-px" data-testid="position-px">
                {px}
            </span>
            <span class="viewer__foot-end">
                <span class="viewer__foot-value" data-testid="foot-value">{value}</span>
                <span data-testid="orientation">{lies}</span>
                <span data-testid="image-note">{move || image_note(state)}</span>
            </span>
        </p>
    }
    .erase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::geometry::SlideRect;

    #[test]
    fn positions_are_exact_and_have_units() {
        assert_eq!(px_text((12_345.9, -0.5)), "x 12,345, y −1 px");
        assert_eq!(um_text((3086.475, -0.25)), "x 3,086.5, y −0.3 µm");
        assert_eq!(um_text((0.04, 0.96)), "x 0.0, y 1.0 µm");
    }

    #[test]
    fn an_upright_view_needs_no_words() {
        let rect = SlideRect {
            x: 0.0,
            y: 0.0,
            width: 9.0,
            height: 6.0,
        };
        let upright = Camera::fit(&rect, 100.0, 100.0);
        assert_eq!(orientation_text(&upright), "");
        let turned = Camera {
            rotation: 359.99,
            ..upright
        };
        assert_eq!(orientation_text(&turned), "");
        let both = Camera {
            rotation: 30.04,
            flipped: true,
            ..upright
        };
        assert_eq!(orientation_text(&both), "turned 30°, mirrored");
    }
}
