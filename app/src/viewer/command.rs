//! What is asked of the viewer and of its page.

use domain::address::Place;
use domain::geometry::SlideRect;

/// Something asked of the viewer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Command {
    /// Show the whole slide as it is turned.
    Fit,
    /// Show the whole slide upright, at once.
    Reset,
    /// One slide pixel per pixel of the screen.
    Native,
    /// Zoom about the middle by a factor.
    ZoomBy(f64),
    /// Zoom about the middle to so many screen pixels per slide pixel.
    ZoomTo(f64),
    /// Turn clockwise about the middle by an angle, degrees.
    TurnBy(f64),
    /// Turn about the middle to an angle, degrees.
    TurnTo(f64),
    /// Mirror left to right.
    Flip,
    /// Move a point of the slide into the middle.
    Centre(f64, f64),
    /// Show the layers, or hide them all; without one, the first that there is.
    ToggleOverlay,
    /// Ask once more for the tiles that could not be had.
    Retry,
    /// Move so that the rectangle fills the view.
    Show(SlideRect),
    /// Be there, at once.
    Go(Place),
}

/// Something asked of the page by a key of the viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Show what the keys do.
    Keys,
    /// Copy the address of the view.
    CopyLink,
    /// Save what is seen as a picture.
    Snapshot,
}

/// What a press of the pointer does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tool {
    /// Moves the slide.
    #[default]
    Hand,
    /// Measures a distance.
    Ruler,
}
