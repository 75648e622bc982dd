//! How large things are: a bar in µm and the magnification.

use domain::camera::Camera;
use domain::geometry::Mpp;
use leptos::prelude::*;

use super::format::{length, number};
use super::magnification::{is_beyond_scan, scanned, um_per_px};
use super::state::ViewState;
use crate::erase::Erase;

/// The bar is at most this long, px.
const LONGEST: f64 = 150.0;
/// On a narrow view, where words and overview need room beside it, it takes no more than this share of the width.
const LARGEST_SHARE: f64 = 0.28;

/// A bar of a round length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bar {
    /// Its length on the slide, µm.
    pub um: f64,
    /// Its length on the screen, CSS px.
    pub px: f64,
}

impl Bar {
    /// The longest of 1, 2, 5, 10 … µm that fits.
    #[must_use]
    pub fn of(camera: &Camera, mpp: Mpp) -> Self {
        let um_per_px = um_per_px(camera, mpp);
        let longest = LONGEST.min(camera.width * LARGEST_SHARE);
        let um = nice_length(longest * um_per_px);
        Self {
            um,
            px: um / um_per_px,
        }
    }

    /// Its length in words: whole numbers need no digits behind the point.
    #[must_use]
    pub fn text(&self) -> String {
        if self.um >= 1000.0 {
            [&(self.um / 1000.0).to_string(), " mm"].concat()
        } else if self.um >= 1.0 {
            [&self.um.to_string(), " µm"].concat()
        } else {
            length(self.um)
        }
    }
}

/// What stands behind a magnification that shows no more than was scanned.
const BEYOND: &str = ", beyond the scan";

/// The magnification of a zoom in words, and whether it is more than was scanned.
fn magnification(zoom: f64, objective: Option<f64>, mpp: Mpp) -> (String, bool) {
    let power = scanned(objective, mpp) * zoom;
    let is_beyond = is_beyond_scan(power, objective, mpp);
    ([&number(power), "\u{d7}"].concat(), is_beyond)
}

/// The magnification of a zoom in words, with what is to be known of it.
#[must_use]
pub fn magnification_text(zoom: f64, objective: Option<f64>, mpp: Mpp) -> String {
    let (mut text, is_beyond) = magnification(zoom, objective, mpp);
    if is_beyond {
        text.push_str(BEYOND);
    }
    text
}

fn nice_length(um_at_most: f64) -> f64 {
    let power = 10f64.powf(um_at_most.log10().floor());
    [5.0, 2.0, 1.0]
        .into_iter()
        .map(|step| step * power)
        .find(|&um| um <= um_at_most)
        .unwrap_or(power)
}

/// Scale bar and magnification, right at every zoom and rotation.
#[component]
pub fn ScaleBar(
    /// Magnification of the objective, where known.
    objective: Option<f64>,
) -> impl IntoView {
    let state = ViewState::from_context();
    let bar = Memo::new(move |_| {
        let mpp = state.mpp.get();
        state
            .camera
            .with(|camera| camera.map(|camera| (Bar::of(&camera, mpp), camera.zoom)))
    });
    let width = move || {
        bar.get()
            .map(|(bar, _)| [&bar.px.to_string(), "px"].concat())
    };
    let power = Memo::new(move |_| {
        let mpp = state.mpp.get();
        bar.get().map_or_else(Default::default, |(_, zoom)| {
            magnification(zoom, objective, mpp)
        })
    });
    let is_beyond = Memo::new(move |_| power.with(|(_, is_beyond)| *is_beyond));
    // Before the first picture there is nothing to measure.
    let hidden = move || bar.get().is_none().then_some("hidden");
    view! {
        <div class="scale-bar" data-testid="scale-bar" style:visibility=hidden>
            <span class="scale-bar__line" data-testid="scale-bar-line" style:width=width></span>
            <span class="scale-bar__text" data-testid="scale-bar-text">
                {move || bar.get().map_or_else(String::new, |(bar, _)| bar.text())}
            </span>
            <span
                class="scale-bar__text"
                class:scale-bar__text--beyond=is_beyond
                data-testid="magnification"
                title="Magnification of the objective that would show this much"
            >
                {move || power.with(|(text, _)| text.clone())}
                {move || is_beyond.get().then(|| view! { <span class="scale-bar__beyond">{BEYOND}</span> })}
            </span>
        </div>
    }
    .erase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::geometry::SlideRect;

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
        let text = |um| Bar { um, px: 1.0 }.text();
        assert_eq!(text(5000.0), "5 mm");
        assert_eq!(text(20.0), "20 µm");
        assert_eq!(text(0.5), "0.500 µm");
    }

    #[test]
    fn the_bar_is_as_long_as_it_says_however_the_slide_lies() {
        let rect = SlideRect {
            x: 0.0,
            y: 0.0,
            width: 9000.0,
            height: 6000.0,
        };
        let mpp = Mpp { x: 0.25, y: 0.3 };
        for rotation in [0.0, 45.0, 90.0, 200.0] {
            for zoom in [0.01, 0.3, 7.0] {
                let camera = Camera {
                    rotation,
                    zoom,
                    ..Camera::fit(&rect, 800.0, 600.0)
                };
                let bar = Bar::of(&camera, mpp);
                assert!((40.0..=LONGEST + 1e-9).contains(&bar.px), "{bar:?}");
                let (from, to) = (
                    camera.slide_from_screen(10.0, 20.0),
                    camera.slide_from_screen(10.0 + bar.px, 20.0),
                );
                let um = ((to.0 - from.0) * mpp.x).hypot((to.1 - from.1) * mpp.y);
                assert!((um / bar.um - 1.0).abs() < 1e-9, "{rotation} {zoom}");
            }
        }
    }

    #[test]
    fn on_a_narrow_view_the_bar_leaves_room_for_the_words() {
        let rect = SlideRect {
            x: 0.0,
            y: 0.0,
            width: 9000.0,
            height: 6000.0,
        };
        for zoom in [0.01, 0.02, 0.05, 0.3, 7.0] {
            let camera = Camera {
                zoom,
                ..Camera::fit(&rect, 374.0, 400.0)
            };
            let bar = Bar::of(&camera, Mpp::square(0.5));
            assert!((30.0..=105.0).contains(&bar.px), "{bar:?}");
        }
    }

    #[test]
    fn more_than_was_scanned_is_called_so() {
        let mpp = Mpp::square(0.5);
        assert_eq!(magnification_text(1.0, Some(20.0), mpp), "20.0×");
        assert_eq!(
            magnification_text(2.0, Some(20.0), mpp),
            "40.0×, beyond the scan"
        );
    }
}
