//! The view of a slide on a screen: one camera for image, overlay and read-out, so that they cannot drift apart.

use serde::{Deserialize, Serialize};

use crate::geometry::SlideRect;

/// Which part of the slide is seen. Screen space is CSS pixels, origin at the top left of the canvas.
///
/// The slide is mirrored first, then turned about the middle of the screen: screen = middle + zoom · R · F · (slide − centre).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Camera {
    /// The slide pixel in the middle of the screen, x.
    pub centre_x: f64,
    /// The slide pixel in the middle of the screen, y.
    pub centre_y: f64,
    /// Screen pixels per slide pixel; above zero.
    pub zoom: f64,
    /// How far the slide is turned clockwise, degrees, 0 to below 360.
    pub rotation: f64,
    /// Whether the slide is mirrored left to right.
    pub flipped: bool,
    /// Width of the canvas, CSS px.
    pub width: f64,
    /// Height of the canvas, CSS px.
    pub height: f64,
}

impl Camera {
    /// The upright camera that shows the whole rectangle with a margin of 2 % on a canvas of the given size.
    #[must_use]
    pub fn fit(rect: &SlideRect, width: f64, height: f64) -> Self {
        let upright = Self {
            centre_x: 0.0,
            centre_y: 0.0,
            zoom: 1.0,
            rotation: 0.0,
            flipped: false,
            width,
            height,
        };
        upright.fitted(rect)
    }

    /// The same orientation, showing the whole rectangle with a margin of 2 %.
    #[must_use]
    pub fn fitted(&self, rect: &SlideRect) -> Self {
        let (centre_x, centre_y) = rect.centre();
        let (sin, cos) = sin_cos(self.rotation);
        let turned_width = rect.width * cos.abs() + rect.height * sin.abs();
        let turned_height = rect.width * sin.abs() + rect.height * cos.abs();
        let zoom =
            (self.width / turned_width.max(1.0)).min(self.height / turned_height.max(1.0)) * 0.96;
        Self {
            centre_x,
            centre_y,
            zoom: zoom.max(1e-9),
            ..*self
        }
    }

    /// R · F by rows: the screen's right and down, each as a combination of the slide's right and down.
    #[must_use]
    pub fn screen_axes(&self) -> [[f64; 2]; 2] {
        let (sin, cos) = sin_cos(self.rotation);
        let side = if self.flipped { -1.0 } else { 1.0 };
        [[cos * side, -sin], [sin * side, cos]]
    }

    /// The slide point under a screen point.
    #[must_use]
    pub fn slide_from_screen(&self, x: f64, y: f64) -> (f64, f64) {
        let (dx, dy) = self.slide_distance(x - self.width / 2.0, y - self.height / 2.0);
        (self.centre_x + dx, self.centre_y + dy)
    }

    /// The distance on the slide of a distance on the screen. R · F is orthogonal: its inverse is its transpose.
    fn slide_distance(&self, dx: f64, dy: f64) -> (f64, f64) {
        let [[a, b], [c, d]] = self.screen_axes();
        ((a * dx + c * dy) / self.zoom, (b * dx + d * dy) / self.zoom)
    }

    /// The screen point over a slide point.
    #[must_use]
    pub fn screen_from_slide(&self, x: f64, y: f64) -> (f64, f64) {
        let [[a, b], [c, d]] = self.screen_axes();
        let (dx, dy) = self.from_middle(x, y);
        (
            a * dx + b * dy + self.width / 2.0,
            c * dx + d * dy + self.height / 2.0,
        )
    }

    /// Moves by a distance on the screen: what was under the finger stays under it.
    #[must_use]
    pub fn panned(&self, dx: f64, dy: f64) -> Self {
        let (dx, dy) = self.slide_distance(dx, dy);
        Self {
            centre_x: self.centre_x - dx,
            centre_y: self.centre_y - dy,
            ..*self
        }
    }

    /// Zooms by a factor; the slide point under the screen point stays there.
    #[must_use]
    pub fn zoomed_about(&self, factor: f64, x: f64, y: f64) -> Self {
        let zoomed = Self {
            zoom: self.zoom * factor,
            ..*self
        };
        zoomed.with_under(self.slide_from_screen(x, y), x, y)
    }

    /// Turns clockwise by an angle in degrees; the slide point under the screen point stays there.
    #[must_use]
    pub fn turned_about(&self, degrees: f64, x: f64, y: f64) -> Self {
        let turned = Self {
            rotation: normal_degrees(self.rotation + degrees),
            ..*self
        };
        turned.with_under(self.slide_from_screen(x, y), x, y)
    }

    /// The mirror image, left to right on the screen; the middle stays.
    #[must_use]
    pub fn mirrored(&self) -> Self {
        Self {
            rotation: normal_degrees(-self.rotation),
            flipped: !self.flipped,
            ..*self
        }
    }

    /// Moved so that the slide point lies under the screen point.
    #[must_use]
    pub fn with_under(&self, (slide_x, slide_y): (f64, f64), x: f64, y: f64) -> Self {
        let (dx, dy) = self.slide_distance(x - self.width / 2.0, y - self.height / 2.0);
        Self {
            centre_x: slide_x - dx,
            centre_y: slide_y - dy,
            ..*self
        }
    }

    /// The slide points at the corners of the screen: top left, top right, bottom right, bottom left.
    #[must_use]
    pub fn corners(&self) -> [(f64, f64); 4] {
        [
            (0.0, 0.0),
            (self.width, 0.0),
            (self.width, self.height),
            (0.0, self.height),
        ]
        .map(|(x, y)| self.slide_from_screen(x, y))
    }

    /// The smallest upright rectangle of the slide (and beyond its edges) around all that the screen shows.
    #[must_use]
    pub fn visible(&self) -> SlideRect {
        let corners = self.corners();
        let least =
            |of: fn(&(f64, f64)) -> f64| corners.iter().map(of).fold(f64::INFINITY, f64::min);
        let most =
            |of: fn(&(f64, f64)) -> f64| corners.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
        let (x, y) = (least(|corner| corner.0), least(|corner| corner.1));
        SlideRect {
            x,
            y,
            width: most(|corner| corner.0) - x,
            height: most(|corner| corner.1) - y,
        }
    }

    /// Whether any of the rectangle is on the screen.
    #[must_use]
    pub fn sees(&self, rect: &SlideRect) -> bool {
        let corners = [
            (rect.x, rect.y),
            (rect.x + rect.width, rect.y),
            (rect.x, rect.y + rect.height),
            (rect.x + rect.width, rect.y + rect.height),
        ]
        .map(|(x, y)| self.screen_from_slide(x, y));
        // Two rectangles that do not meet have a gap along an axis of one of them (separating axes).
        let all = |beyond: &dyn Fn(&(f64, f64)) -> bool| corners.iter().all(beyond);
        let apart = all(&|corner| corner.0 <= 0.0)
            || all(&|corner| corner.0 >= self.width)
            || all(&|corner| corner.1 <= 0.0)
            || all(&|corner| corner.1 >= self.height);
        !apart && self.visible().intersects(rect)
    }

    /// Keeps the zoom within bounds and the centre on the slide, so that nobody gets lost.
    #[must_use]
    pub fn clamped(&self, bounds: &SlideRect, zoom_min: f64, zoom_max: f64) -> Self {
        Self {
            centre_x: self.centre_x.clamp(bounds.x, bounds.x + bounds.width),
            centre_y: self.centre_y.clamp(bounds.y, bounds.y + bounds.height),
            zoom: self.zoom.clamp(zoom_min, zoom_max),
            ..*self
        }
    }

    /// Where a slide point lies from the middle of the screen along the axes of the slide, px: the view before it is mirrored
    /// and turned. Composed in f64, so it can be handed over as a small f32: the far corner of a large slide does not shake.
    #[must_use]
    pub fn from_middle(&self, x: f64, y: f64) -> (f64, f64) {
        (
            (x - self.centre_x) * self.zoom,
            (y - self.centre_y) * self.zoom,
        )
    }
}

/// Degrees between 0 and below 360.
#[must_use]
pub fn normal_degrees(degrees: f64) -> f64 {
    let normal = degrees.rem_euclid(360.0);
    // A tiny negative angle is rounded up to the full turn.
    if normal < 360.0 { normal } else { 0.0 }
}

/// Sine and cosine of an angle in degrees, exact for quarter turns: an upright view must not blur.
fn sin_cos(degrees: f64) -> (f64, f64) {
    let quarters = degrees / 90.0;
    if quarters != quarters.round() {
        return degrees.to_radians().sin_cos();
    }
    match quarters.rem_euclid(4.0) as u8 {
        0 => (0.0, 1.0),
        1 => (1.0, 0.0),
        2 => (0.0, -1.0),
        _ => (-1.0, 0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn camera() -> impl Strategy<Value = Camera> {
        (
            0.0..200_000.0f64,
            0.0..200_000.0f64,
            0.001..40.0f64,
            prop_oneof![
                Just(0.0),
                Just(90.0),
                Just(180.0),
                Just(270.0),
                0.0..360.0f64
            ],
            any::<bool>(),
            100.0..4000.0f64,
            100.0..2000.0f64,
        )
            .prop_map(
                |(centre_x, centre_y, zoom, rotation, flipped, width, height)| Camera {
                    centre_x,
                    centre_y,
                    zoom,
                    rotation,
                    flipped,
                    width,
                    height,
                },
            )
    }

    fn near(one: (f64, f64), other: (f64, f64)) -> bool {
        (one.0 - other.0).abs() < 1e-6 && (one.1 - other.1).abs() < 1e-6
    }

    proptest! {
        #[test]
        fn screen_and_slide_are_inverse(camera in camera(), x in 0.0..4000.0f64, y in 0.0..2000.0f64) {
            let (slide_x, slide_y) = camera.slide_from_screen(x, y);
            prop_assert!(near(camera.screen_from_slide(slide_x, slide_y), (x, y)));
        }

        #[test]
        fn zooming_and_turning_keep_what_is_under_the_cursor(
            camera in camera(), factor in 0.2..5.0f64, degrees in -400.0..400.0f64, x in 0.0..900.0f64, y in 0.0..900.0f64,
        ) {
            let before = camera.slide_from_screen(x, y);
            prop_assert!(near(before, camera.zoomed_about(factor, x, y).slide_from_screen(x, y)));
            let turned = camera.turned_about(degrees, x, y);
            prop_assert!(near(before, turned.slide_from_screen(x, y)));
            prop_assert!((0.0..360.0).contains(&turned.rotation));
        }

        #[test]
        fn what_is_dragged_follows_the_finger(camera in camera(), dx in -500.0..500.0f64, dy in -500.0..500.0f64) {
            let under = camera.slide_from_screen(300.0, 200.0);
            prop_assert!(near(under, camera.panned(dx, dy).slide_from_screen(300.0 + dx, 200.0 + dy)));
        }

        #[test]
        fn the_mirror_image_is_that_of_the_screen(camera in camera(), x in 0.0..900.0f64, y in 0.0..900.0f64) {
            let mirrored = camera.mirrored();
            prop_assert!(near(camera.slide_from_screen(x, y), mirrored.slide_from_screen(camera.width - x, y)));
            prop_assert!((mirrored.mirrored().rotation - camera.rotation).abs() < 1e-9);
        }

        #[test]
        fn a_rectangle_is_seen_when_a_point_of_it_is_on_the_screen(
            camera in camera(), share_x in 0.01..0.99f64, share_y in 0.01..0.99f64, width in 1.0..9000.0f64, height in 1.0..9000.0f64,
        ) {
            let (x, y) = camera.slide_from_screen(camera.width * share_x, camera.height * share_y);
            let about = |x, y| SlideRect { x: x - width / 2.0, y: y - height / 2.0, width, height };
            prop_assert!(camera.sees(&about(x, y)), "not seen");
            // Beyond the left edge of the screen, whichever way that points on the slide.
            let reach = (width.hypot(height) / 2.0 + 1.0) * camera.zoom;
            let (x, y) = camera.slide_from_screen(-reach, camera.height * share_y);
            prop_assert!(!camera.sees(&about(x, y)), "seen");
        }
    }

    #[test]
    fn turning_is_clockwise_and_quarter_turns_are_exact() {
        let rect = SlideRect {
            x: 0.0,
            y: 0.0,
            width: 100.0,
            height: 100.0,
        };
        let upright = Camera {
            zoom: 1.0,
            ..Camera::fit(&rect, 200.0, 200.0)
        };
        let turned = upright.turned_about(90.0, 100.0, 100.0);
        // What was to the right of the middle is below it now.
        assert_eq!(turned.screen_from_slide(60.0, 50.0), (100.0, 110.0));
        assert_eq!(
            upright.mirrored().screen_from_slide(60.0, 50.0),
            (90.0, 100.0)
        );
        assert_eq!(upright.turned_about(-450.0, 0.0, 0.0).rotation, 270.0);
        assert_eq!(normal_degrees(-1e-20), 0.0);
    }

    #[test]
    fn fit_shows_everything_however_it_is_turned() {
        let rect = SlideRect {
            x: 0.0,
            y: 0.0,
            width: 2220.0,
            height: 2967.0,
        };
        for rotation in [0.0, 33.0, 90.0, 200.0] {
            let camera = Camera {
                rotation,
                ..Camera::fit(&rect, 800.0, 600.0)
            }
            .fitted(&rect);
            for (x, y) in [(0.0, 0.0), (2220.0, 0.0), (0.0, 2967.0), (2220.0, 2967.0)] {
                let (x, y) = camera.screen_from_slide(x, y);
                assert!(
                    (0.0..=800.0).contains(&x) && (0.0..=600.0).contains(&y),
                    "{rotation}"
                );
            }
        }
    }
}
