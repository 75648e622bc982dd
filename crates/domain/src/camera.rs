//! The view of a slide on a screen: one camera for image, overlay and read-out, so that they cannot drift apart.

use serde::{Deserialize, Serialize};

use crate::geometry::SlideRect;

/// Which part of the slide is seen. Screen space is CSS pixels, origin at the top left of the canvas.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Camera {
    /// The slide pixel in the middle of the screen, x.
    pub centre_x: f64,
    /// The slide pixel in the middle of the screen, y.
    pub centre_y: f64,
    /// Screen pixels per slide pixel; above zero.
    pub zoom: f64,
    /// Width of the canvas, CSS px.
    pub width: f64,
    /// Height of the canvas, CSS px.
    pub height: f64,
}

impl Camera {
    /// The camera that shows the whole rectangle with a margin of 2 % on a canvas of the given size.
    #[must_use]
    pub fn fit(rect: &SlideRect, width: f64, height: f64) -> Self {
        let (centre_x, centre_y) = rect.centre();
        let zoom = (width / rect.width.max(1.0)).min(height / rect.height.max(1.0)) * 0.96;
        Self {
            centre_x,
            centre_y,
            zoom: zoom.max(1e-9),
            width,
            height,
        }
    }

    /// The slide point under a screen point.
    #[must_use]
    pub fn slide_from_screen(&self, x: f64, y: f64) -> (f64, f64) {
        (
            self.centre_x + (x - self.width / 2.0) / self.zoom,
            self.centre_y + (y - self.height / 2.0) / self.zoom,
        )
    }

    /// The screen point over a slide point.
    #[must_use]
    pub fn screen_from_slide(&self, x: f64, y: f64) -> (f64, f64) {
        (
            (x - self.centre_x) * self.zoom + self.width / 2.0,
            (y - self.centre_y) * self.zoom + self.height / 2.0,
        )
    }

    /// Moves by a distance on the screen: what was under the finger stays under it.
    #[must_use]
    pub fn panned(&self, dx: f64, dy: f64) -> Self {
        Self {
            centre_x: self.centre_x - dx / self.zoom,
            centre_y: self.centre_y - dy / self.zoom,
            ..*self
        }
    }

    /// Zooms by a factor; the slide point under the screen point stays there.
    #[must_use]
    pub fn zoomed_about(&self, factor: f64, x: f64, y: f64) -> Self {
        let (slide_x, slide_y) = self.slide_from_screen(x, y);
        let zoom = self.zoom * factor;
        Self {
            centre_x: slide_x - (x - self.width / 2.0) / zoom,
            centre_y: slide_y - (y - self.height / 2.0) / zoom,
            zoom,
            ..*self
        }
    }

    /// The part of the slide (and beyond its edges) that the screen shows.
    #[must_use]
    pub fn visible(&self) -> SlideRect {
        let (x, y) = self.slide_from_screen(0.0, 0.0);
        SlideRect {
            x,
            y,
            width: self.width / self.zoom,
            height: self.height / self.zoom,
        }
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

    /// Where a slide point lies from the middle of the screen, px. Composed in f64, so it can be handed over as a small
    /// f32: the far corner of a large slide does not shake.
    #[must_use]
    pub fn from_middle(&self, x: f64, y: f64) -> (f64, f64) {
        (
            (x - self.centre_x) * self.zoom,
            (y - self.centre_y) * self.zoom,
        )
    }

    /// Clip-space rectangle (left, top, right, bottom; y upwards) of a slide rectangle: composed in f64 relative to the
    /// centre of the view, handed over as small f32, so that the far corner of a large slide does not shake.
    #[must_use]
    pub fn clip_from_slide(&self, rect: &SlideRect) -> [f32; 4] {
        let scale_x = 2.0 * self.zoom / self.width;
        let scale_y = 2.0 * self.zoom / self.height;
        [
            ((rect.x - self.centre_x) * scale_x) as f32,
            (-(rect.y - self.centre_y) * scale_y) as f32,
            ((rect.x + rect.width - self.centre_x) * scale_x) as f32,
            (-(rect.y + rect.height - self.centre_y) * scale_y) as f32,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn camera() -> impl Strategy<Value = Camera> {
        (
            0.0..100_000.0f64,
            0.0..100_000.0f64,
            0.001..40.0f64,
            100.0..4000.0f64,
            100.0..2000.0f64,
        )
            .prop_map(|(centre_x, centre_y, zoom, width, height)| Camera {
                centre_x,
                centre_y,
                zoom,
                width,
                height,
            })
    }

    proptest! {
        #[test]
        fn screen_and_slide_are_inverse(camera in camera(), x in 0.0..4000.0f64, y in 0.0..2000.0f64) {
            let (slide_x, slide_y) = camera.slide_from_screen(x, y);
            let (back_x, back_y) = camera.screen_from_slide(slide_x, slide_y);
            prop_assert!((back_x - x).abs() < 1e-6 && (back_y - y).abs() < 1e-6);
        }

        #[test]
        fn zooming_keeps_what_is_under_the_cursor(camera in camera(), factor in 0.2..5.0f64, x in 0.0..900.0f64, y in 0.0..900.0f64) {
            let before = camera.slide_from_screen(x, y);
            let after = camera.zoomed_about(factor, x, y).slide_from_screen(x, y);
            prop_assert!((before.0 - after.0).abs() < 1e-6 && (before.1 - after.1).abs() < 1e-6);
        }

        #[test]
        fn neighbouring_rectangles_share_their_edge_exactly(camera in camera(), x in 0.0..100_000.0f64) {
            let left = SlideRect { x, y: 0.0, width: 256.0, height: 256.0 };
            let right = SlideRect { x: x + 256.0, ..left };
            prop_assert_eq!(camera.clip_from_slide(&left)[2], camera.clip_from_slide(&right)[0]);
        }
    }

    #[test]
    fn fit_shows_everything() {
        let rect = SlideRect {
            x: 0.0,
            y: 0.0,
            width: 2220.0,
            height: 2967.0,
        };
        let visible = Camera::fit(&rect, 800.0, 600.0).visible();
        assert!(visible.x <= 0.0 && visible.y <= 0.0);
        assert!(visible.x + visible.width >= 2220.0 && visible.y + visible.height >= 2967.0);
    }
}
