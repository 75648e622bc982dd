//! What was measured, drawn over the slide.

use domain::camera::Camera;
use domain::geometry::Mpp;
use leptos::prelude::*;

use super::format::length;
use super::state::ViewState;
use crate::erase::Erase;

/// Half the length of the strokes across the ends, px.
const END: f64 = 6.0;
/// What is shorter is no ruler but a slip of the hand, px.
const SHORTEST: f64 = 3.0;
/// How far a label keeps from its line, px.
const GAP: f64 = 14.0;
/// About half the width of a letter of a label, px.
const HALF_LETTER: f64 = 3.7;

/// A distance on the slide, from and to in slide px.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ruler {
    /// Where it begins.
    pub from: (f64, f64),
    /// Where it ends.
    pub to: (f64, f64),
}

impl Ruler {
    /// Its length, µm.
    #[must_use]
    pub fn length_um(&self, mpp: Mpp) -> f64 {
        let dx = (self.to.0 - self.from.0) * mpp.x;
        let dy = (self.to.1 - self.from.1) * mpp.y;
        dx.hypot(dy)
    }
}

/// A ruler under the hand that draws it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measuring {
    /// Where it begins, slide px: it stays on its tissue while the view moves.
    pub from: (f64, f64),
    /// Where the hand is, px of the screen.
    pub hand: (f64, f64),
    /// Whether it is held to the nearest of the screen's two axes.
    pub is_straight: bool,
}

impl Measuring {
    /// The ruler as the slide lies now.
    #[must_use]
    pub fn ruler(&self, camera: &Camera) -> Ruler {
        let (x, y) = self.hand;
        let (from_x, from_y) = camera.screen_from_slide(self.from.0, self.from.1);
        let (x, y) = if !self.is_straight {
            (x, y)
        } else if (x - from_x).abs() >= (y - from_y).abs() {
            (x, from_y)
        } else {
            (from_x, y)
        };
        Ruler {
            from: self.from,
            to: camera.slide_from_screen(x, y),
        }
    }

    /// Whether it is so short on the screen that it is no ruler but a slip of the hand.
    #[must_use]
    pub fn is_slip(&self, camera: &Camera) -> bool {
        let (x, y) = camera.screen_from_slide(self.from.0, self.from.1);
        (self.hand.0 - x).hypot(self.hand.1 - y) < SHORTEST
    }
}

/// A ruler on the screen.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawn {
    /// Its line and both ends as an SVG path, CSS px.
    pub path: String,
    /// The middle of its label, CSS px.
    pub label: (f64, f64),
    /// Its length in words.
    pub text: String,
}

/// Lays a ruler on the screen.
#[must_use]
pub fn drawn(ruler: &Ruler, camera: &Camera, mpp: Mpp) -> Drawn {
    let from = camera.screen_from_slide(ruler.from.0, ruler.from.1);
    let to = camera.screen_from_slide(ruler.to.0, ruler.to.1);
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let long = dx.hypot(dy);
    // At right angles to the line, upwards; of an upright line to the right.
    let (mut across_x, mut across_y) = if long > 0.0 {
        (-dy / long, dx / long)
    } else {
        (0.0, -1.0)
    };
    if across_y > 1e-9 || (across_y > -1e-9 && across_x < 0.0) {
        (across_x, across_y) = (-across_x, -across_y);
    }
    let mut path = String::new();
    stroke(&mut path, from, to);
    for (x, y) in [from, to] {
        let (reach_x, reach_y) = (across_x * END, across_y * END);
        stroke(
            &mut path,
            (x - reach_x, y - reach_y),
            (x + reach_x, y + reach_y),
        );
    }
    let text = length(ruler.length_um(mpp));
    let wide = text.chars().count() as f64 * HALF_LETTER;
    let away = GAP + wide * across_x.abs();
    Drawn {
        path,
        label: (
            f64::midpoint(from.0, to.0) + across_x * away,
            f64::midpoint(from.1, to.1) + across_y * away,
        ),
        text,
    }
}

/// Adds a straight stroke to a path.
pub fn stroke(path: &mut String, from: (f64, f64), to: (f64, f64)) {
    for (command, value) in [("M", from.0), (" ", from.1), ("L", to.0), (" ", to.1)] {
        path.push_str(command);
        path.push_str(&coordinate(value));
    }
}

/// A number of a path: a tenth of a pixel is fine enough.
#[must_use]
pub fn coordinate(value: f64) -> String {
    ((value * 10.0).round() / 10.0).to_string()
}

/// All rulers, over the picture.
#[component]
pub fn Rulers() -> impl IntoView {
    let state = ViewState::from_context();
    let all = Memo::new(move |_| {
        let mpp = state.mpp.get();
        let camera = state.camera.get();
        state.rulers.with(|rulers| {
            let draw = |camera| {
                rulers
                    .iter()
                    .map(|ruler| drawn(ruler, &camera, mpp))
                    .collect()
            };
            camera.map_or_else(Vec::new, draw)
        })
    });
    let path = move || {
        all.with(|all| {
            all.iter()
                .map(|ruler| ruler.path.as_str())
                .collect::<String>()
        })
    };
    let labels = move || {
        all.with(|all| {
            all.iter()
                .map(|ruler| {
                    view! {
                        <text
                            class="rulers__label"
                            x=coordinate(ruler.label.0)
                            y=coordinate(ruler.label.1)
                            data-testid="ruler-label"
                        >
                            {ruler.text.clone()}
                        </text>
                    }
                })
                .collect::<Vec<_>>()
        })
    };
    view! {
        <svg class="rulers" role="group" aria-label="Measured distances" data-testid="rulers">
            <path class="rulers__edge" d=path />
            <path class="rulers__line" d=path />
            {labels}
        </svg>
    }
    .erase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::geometry::SlideRect;

    fn camera(rotation: f64, flipped: bool) -> Camera {
        let rect = SlideRect {
            x: 0.0,
            y: 0.0,
            width: 800.0,
            height: 600.0,
        };
        Camera {
            zoom: 1.0,
            rotation,
            flipped,
            ..Camera::fit(&rect, 800.0, 600.0)
        }
    }

    const RULER: Ruler = Ruler {
        from: (300.0, 300.0),
        to: (500.0, 300.0),
    };

    #[test]
    fn a_ruler_lies_on_the_tissue_however_the_slide_is_turned() {
        let upright = drawn(&RULER, &camera(0.0, false), Mpp::square(0.5));
        assert_eq!(upright.text, "100 µm");
        assert_eq!(
            upright.path,
            "M300 300L500 300M300 306L300 294M500 306L500 294"
        );
        assert_eq!(upright.label, (400.0, 286.0));
        let turned = drawn(&RULER, &camera(90.0, false), Mpp::square(0.5));
        assert!(
            turned.path.starts_with("M400 200L400 400"),
            "{}",
            turned.path
        );
        assert!(turned.label.0 > 420.0 && turned.label.1 == 300.0);
        let flipped = drawn(&RULER, &camera(0.0, true), Mpp::square(0.5));
        assert!(
            flipped.path.starts_with("M500 300L300 300"),
            "{}",
            flipped.path
        );
        assert_eq!(flipped.label, upright.label);
    }

    #[test]
    fn a_ruler_under_the_hand_keeps_its_beginning_on_the_slide_while_the_view_moves() {
        let camera = camera(0.0, false);
        let measuring = Measuring {
            from: camera.slide_from_screen(100.0, 200.0),
            hand: (300.0, 250.0),
            is_straight: false,
        };
        let before = measuring.ruler(&camera);
        assert_eq!(before.to, camera.slide_from_screen(300.0, 250.0));
        for moved in [
            camera.zoomed_about(2.0, 300.0, 250.0),
            camera.panned(-70.0, 30.0),
            camera.turned_about(40.0, 10.0, 10.0),
        ] {
            let ruler = measuring.ruler(&moved);
            assert_eq!(ruler.from, before.from);
            assert_eq!(ruler.to, moved.slide_from_screen(300.0, 250.0));
            // Held straight, it is so from where its beginning is seen now.
            let straight = Measuring {
                is_straight: true,
                ..measuring
            };
            let to = straight.ruler(&moved).to;
            let (x, y) = moved.screen_from_slide(to.0, to.1);
            let (from_x, from_y) = moved.screen_from_slide(before.from.0, before.from.1);
            assert!((x - from_x).abs() < 1e-6 || (y - from_y).abs() < 1e-6);
        }
        // About the hand: what lies under it stays there, and the length with it.
        let zoomed = measuring.ruler(&camera.zoomed_about(2.0, 300.0, 250.0));
        let mpp = Mpp::square(0.5);
        assert!((zoomed.length_um(mpp) - before.length_um(mpp)).abs() < 1e-9);
    }

    #[test]
    fn a_slip_of_the_hand_is_no_ruler() {
        let camera = camera(0.0, false);
        let slip = |x| {
            let from = camera.slide_from_screen(100.0, 100.0);
            Measuring {
                from,
                hand: (x, 100.0),
                is_straight: false,
            }
            .is_slip(&camera)
        };
        assert!(slip(102.0) && !slip(104.0));
    }

    #[test]
    fn a_ruler_without_length_has_a_label_all_the_same() {
        let point = Ruler {
            to: RULER.from,
            ..RULER
        };
        let drawn = drawn(&point, &camera(0.0, false), Mpp::square(0.5));
        assert_eq!(drawn.text, "0 µm");
        assert!(drawn.label.0.is_finite() && drawn.label.1.is_finite());
    }

    #[test]
    fn a_ruler_measures_both_axes_by_their_own_resolution() {
        let ruler = Ruler {
            from: (10.0, 10.0),
            to: (40.0, 30.0),
        };
        let length = ruler.length_um(Mpp { x: 0.1, y: 0.2 });
        assert!((length - 5.0).abs() < 1e-12);
    }
}
