//! Wheel, keys, and where the slide is read: what hands do besides `fingers`. No browser in here.

use domain::camera::{Camera, normal_degrees};

use super::command::{Ask, Command};

/// Where the slide is read, px: under the pointer, else, where that is meant (the canvas has the keyboard, or the view was
/// led to a tile), in the middle of the view.
#[must_use]
pub fn read_point(
    pointer: Option<(f64, f64)>,
    is_middle_meant: bool,
    camera: &Camera,
) -> Option<(f64, f64)> {
    let middle = (camera.width / 2.0, camera.height / 2.0);
    pointer.or_else(|| is_middle_meant.then_some(middle))
}

/// The factor of a turn of the wheel. `mode` as in the event (0 px, 1 lines, 2 pages); `pinch` for the small steps that
/// browsers make of two fingers on a trackpad.
#[must_use]
pub fn wheel_factor(delta: f64, mode: u32, pinch: bool) -> f64 {
    let delta = match mode {
        0 => delta,
        1 => delta * 33.0,
        _ => delta * 400.0,
    };
    let rate = if pinch { 0.01 } else { 0.0022 };
    (-delta.clamp(-600.0, 600.0) * rate).exp()
}

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum KeyWish {
    /// Move the view by shares of its width and height.
    Step(f64, f64),
    /// Something of the viewer.
    Do(Command),
    /// The magnification of an objective, by its place in the list.
    Objective(usize),
    /// Overlay on or off.
    ToggleOverlay,
    /// The next or the previous of the most telling tiles.
    Rank(isize),
    /// Take up the ruler, or put it down.
    ToggleRuler,
    /// Give up what is under way.
    Escape,
    /// Something of the page.
    Ask(Ask),
}

/// Reads a key of the viewer; the name is that of the event.
#[must_use]
pub fn key_wish(key: &str) -> Option<KeyWish> {
    const STEP: f64 = 0.2;
    Some(match key {
        "ArrowLeft" => KeyWish::Step(-STEP, 0.0),
        "ArrowRight" => KeyWish::Step(STEP, 0.0),
        "ArrowUp" => KeyWish::Step(0.0, -STEP),
        "ArrowDown" => KeyWish::Step(0.0, STEP),
        "+" | "=" => KeyWish::Do(Command::ZoomBy(1.6)),
        "-" | "_" | "\u{2212}" => KeyWish::Do(Command::ZoomBy(1.0 / 1.6)),
        "0" => KeyWish::Do(Command::Fit),
        "r" => KeyWish::Do(Command::TurnBy(90.0)),
        "R" => KeyWish::Do(Command::TurnBy(-90.0)),
        "f" | "F" => KeyWish::Do(Command::Flip),
        "h" | "H" => KeyWish::ToggleOverlay,
        "n" | "N" => KeyWish::Rank(1),
        "p" | "P" => KeyWish::Rank(-1),
        "m" | "M" => KeyWish::ToggleRuler,
        "c" | "C" => KeyWish::Ask(Ask::CopyLink),
        "s" | "S" => KeyWish::Ask(Ask::Snapshot),
        "?" => KeyWish::Ask(Ask::Keys),
        "Escape" => KeyWish::Escape,
        _ => match key.as_bytes() {
            [digit @ b'1'..=b'7'] => KeyWish::Objective(usize::from(digit - b'1')),
            _ => return None,
        },
    })
}

/// The angle in degrees by which a drag from one screen point to another turns what lies about the middle.
#[must_use]
pub fn drag_turn(from: (f64, f64), to: (f64, f64), camera: &Camera) -> f64 {
    let angle = |(x, y): (f64, f64)| {
        (y - camera.height / 2.0)
            .atan2(x - camera.width / 2.0)
            .to_degrees()
    };
    normal_degrees(angle(to) - angle(from) + 180.0) - 180.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drag_about_the_middle_turns_clockwise() {
        let rect = domain::geometry::SlideRect {
            x: 0.0,
            y: 0.0,
            width: 10.0,
            height: 10.0,
        };
        let camera = Camera::fit(&rect, 200.0, 200.0);
        let turn = drag_turn((150.0, 100.0), (100.0, 150.0), &camera);
        assert!((turn - 90.0).abs() < 1e-9);
    }

    #[test]
    fn keys_ask_for_what_they_say() {
        assert_eq!(key_wish("7"), Some(KeyWish::Objective(6)));
        assert_eq!(key_wish("8"), None);
        assert_eq!(key_wish("r"), Some(KeyWish::Do(Command::TurnBy(90.0))));
        assert_eq!(key_wish("?"), Some(KeyWish::Ask(Ask::Keys)));
        assert_eq!(key_wish("Tab"), None);
    }

    #[test]
    fn the_keyboard_reads_the_middle_unless_a_pointer_points_elsewhere() {
        let camera = Camera {
            centre_x: 5000.0,
            centre_y: 3000.0,
            zoom: 0.5,
            rotation: 0.0,
            flipped: false,
            width: 800.0,
            height: 600.0,
        };
        let pointer = Some((10.0, 20.0));
        assert_eq!(read_point(pointer, true, &camera), pointer);
        assert_eq!(read_point(None, false, &camera), None);
        let (x, y) = read_point(None, true, &camera).unwrap();
        assert_eq!(camera.slide_from_screen(x, y), (5000.0, 3000.0));
        let stepped = camera.panned(-160.0, 0.0);
        let (x, y) = read_point(None, true, &stepped).unwrap();
        assert_eq!(stepped.slide_from_screen(x, y), (5320.0, 3000.0));
    }

    #[test]
    fn the_wheel_zooms_in_upwards_and_back_again() {
        let (out, into) = (
            wheel_factor(100.0, 0, false),
            wheel_factor(-100.0, 0, false),
        );
        assert!(into > 1.1 && into < 1.5);
        assert!((out * into - 1.0).abs() < 1e-12);
        assert!((wheel_factor(-3.0, 1, false) / into - 1.0).abs() < 0.01);
        assert!(wheel_factor(-1e9, 0, false) < 10.0);
    }
}
