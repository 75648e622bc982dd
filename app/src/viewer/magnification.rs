//! Magnifications as a microscope has them, and what a zoom shows of the slide.

use domain::camera::Camera;
use domain::geometry::Mpp;

/// The magnifications that one goes to by a button or the keys 1 to 7.
pub const OBJECTIVES: [f64; 7] = [1.25, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0];

/// The magnification at which one slide pixel is one pixel of the screen: that of the objective where the file names it, else
/// by the convention that 10 µm per px are 1×.
#[must_use]
pub fn scanned(objective: Option<f64>, mpp: Mpp) -> f64 {
    objective
        .filter(|objective| objective.is_finite() && *objective > 0.0)
        .unwrap_or(10.0 / mpp.mean())
}

/// The zoom, screen pixels per slide pixel, at one of the [`OBJECTIVES`]; `None` when there is no such one.
#[must_use]
pub fn zoom_of_objective(index: usize, objective: Option<f64>, mpp: Mpp) -> Option<f64> {
    OBJECTIVES
        .get(index)
        .map(|power| power / scanned(objective, mpp))
}

/// Which of the [`OBJECTIVES`] shows as much as this zoom.
#[must_use]
pub fn objective_of_zoom(zoom: f64, objective: Option<f64>, mpp: Mpp) -> Option<usize> {
    let power = zoom * scanned(objective, mpp);
    OBJECTIVES
        .iter()
        .position(|other| (power / other - 1.0).abs() < 5e-3)
}

/// Whether a magnification shows no more than the scan holds, only larger.
#[must_use]
pub fn is_beyond_scan(power: f64, objective: Option<f64>, mpp: Mpp) -> bool {
    power > scanned(objective, mpp) * 1.005
}

/// µm per screen pixel along the horizontal of the screen: a turned view mixes the resolutions of both axes of the slide.
#[must_use]
pub fn um_per_px(camera: &Camera, mpp: Mpp) -> f64 {
    let [[right_x, right_y], _] = camera.screen_axes();
    (right_x * mpp.x).hypot(right_y * mpp.y) / camera.zoom
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::geometry::SlideRect;

    #[test]
    fn the_objective_counts_and_else_the_resolution() {
        let mpp = Mpp::square(0.25);
        assert_eq!(scanned(Some(20.0), mpp), 20.0);
        assert_eq!(scanned(None, mpp), 40.0);
        assert_eq!(scanned(Some(0.0), mpp), 40.0);
        assert_eq!(zoom_of_objective(4, None, mpp), Some(0.5));
        assert_eq!(zoom_of_objective(5, Some(20.0), mpp), Some(2.0));
        assert_eq!(zoom_of_objective(7, None, mpp), None);
        assert!(is_beyond_scan(80.0, None, mpp) && !is_beyond_scan(40.0, None, mpp));
    }

    #[test]
    fn a_button_stands_for_the_zoom_that_it_leads_to() {
        let mpp = Mpp {
            x: 0.2431,
            y: 0.2433,
        };
        for index in 0..OBJECTIVES.len() {
            let zoom = zoom_of_objective(index, None, mpp).unwrap();
            assert_eq!(objective_of_zoom(zoom, None, mpp), Some(index));
            assert_eq!(objective_of_zoom(zoom * 1.1, None, mpp), None);
        }
    }

    #[test]
    fn the_horizontal_of_a_turned_view_has_its_own_resolution() {
        let mpp = Mpp { x: 0.2, y: 0.5 };
        let rect = SlideRect {
            x: 0.0,
            y: 0.0,
            width: 900.0,
            height: 600.0,
        };
        let upright = Camera {
            zoom: 2.0,
            ..Camera::fit(&rect, 300.0, 200.0)
        };
        for (rotation, flipped) in [
            (0.0, false),
            (90.0, false),
            (30.0, false),
            (30.0, true),
            (211.0, true),
        ] {
            let camera = Camera {
                rotation,
                flipped,
                ..upright
            };
            // What 100 px of the screen are on the slide, by the camera itself.
            let (from, to) = (
                camera.slide_from_screen(50.0, 70.0),
                camera.slide_from_screen(150.0, 70.0),
            );
            let um = ((to.0 - from.0) * mpp.x).hypot((to.1 - from.1) * mpp.y);
            assert!(
                (um_per_px(&camera, mpp) * 100.0 - um).abs() < 1e-9,
                "{rotation} {flipped}"
            );
        }
        assert_eq!(um_per_px(&upright, mpp), 0.1);
    }
}
