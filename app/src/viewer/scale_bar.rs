//! How large things are: a bar in µm and the magnification.

use domain::geometry::Mpp;
use leptos::prelude::*;

use super::format::{length, number};
use super::state::ViewState;

/// The bar is at most this long, px.
const LONGEST: f64 = 150.0;

/// The longest of 1, 2, 5, 10 … µm that fits.
fn nice_length(um_at_most: f64) -> f64 {
    let power = 10f64.powf(um_at_most.log10().floor());
    [5.0, 2.0, 1.0]
        .into_iter()
        .map(|step| step * power)
        .find(|&um| um <= um_at_most)
        .unwrap_or(power)
}

/// Text of the bar: whole numbers need no digits behind the point.
fn bar_text(um: f64) -> String {
    if um >= 1000.0 {
        [&(um / 1000.0).to_string(), " mm"].concat()
    } else if um >= 1.0 {
        [&um.to_string(), " µm"].concat()
    } else {
        length(um)
    }
}

/// Scale bar and magnification, right at every zoom.
#[component]
pub fn ScaleBar(
    /// Micrometres per slide pixel.
    mpp: Mpp,
    /// Magnification of the objective, where known.
    objective: Option<f64>,
) -> impl IntoView {
    let state = ViewState::from_context();
    let zoom = Memo::new(move |_| state.camera.with(|camera| camera.map(|camera| camera.zoom)));
    let bar = move || {
        let zoom = zoom.get()?;
        let um = nice_length(LONGEST * mpp.x / zoom);
        Some((um, um / mpp.x * zoom))
    };
    let width = move || bar().map(|(_, px)| [&px.to_string(), "px"].concat());
    // Before the first picture there is nothing to measure.
    let hidden = move || zoom.get().is_none().then_some("hidden");
    // By convention 10 µm per px is magnification 1; the objective, where known, says it better.
    let magnification = move || {
        zoom.get().map_or_else(String::new, |zoom| {
            [
                &number(objective.unwrap_or(10.0 / mpp.mean()) * zoom),
                "\u{d7}",
            ]
            .concat()
        })
    };
    view! {
        <div class="scale-bar" data-testid="scale-bar" style:visibility=hidden>
            <span class="scale-bar__line" style:width=width></span>
            <span class="scale-bar__text" data-testid="scale-bar-text">
                {move || bar().map_or_else(String::new, |(um, _)| bar_text(um))}
            </span>
            <span class="scale-bar__text" data-testid="magnification" title="Magnification of the objective that would show this much">
                {magnification}
            </span>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_has_a_round_length_that_fits() {
        for (most, nice) in [
            (150.0, 100.0),
            (99.9, 50.0),
            (20.0, 20.0),
            (0.7, 0.5),
            (7400.0, 5000.0),
        ] {
            assert!((nice_length(most) - nice).abs() < 1e-9, "{most}");
        }
        assert_eq!(bar_text(nice_length(7400.0)), "5 mm");
        assert_eq!(bar_text(nice_length(30.0)), "20 µm");
    }
}
