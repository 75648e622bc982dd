//! Magnifications as a microscope has them.

use domain::geometry::Mpp;

/// The magnifications of the keys 1 to 7.
pub const OBJECTIVES: [f64; 7] = [1.25, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0];

/// Magnification at one screen px per slide px: that of the objective where it is known, else by the convention that 10 µm
/// per px is magnification 1.
#[must_use]
pub fn scanned_at(objective: Option<f64>, mpp: Mpp) -> f64 {
    objective.unwrap_or(10.0 / mpp.mean())
}

/// Screen px per slide px at the magnification of a key, counted from 0.
#[must_use]
pub fn zoom_of_objective(index: usize, objective: Option<f64>, mpp: Mpp) -> Option<f64> {
    Some(OBJECTIVES.get(index)? / scanned_at(objective, mpp))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_objective_of_the_scan_shows_pixel_by_pixel() {
        let mpp = Mpp::square(0.25);
        assert_eq!(zoom_of_objective(5, None, mpp), Some(1.0));
        assert_eq!(zoom_of_objective(4, Some(20.0), mpp), Some(1.0));
        assert_eq!(zoom_of_objective(7, None, mpp), None);
    }
}
