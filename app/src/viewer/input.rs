//! What hands do: pointers, wheel and keys, as wishes in screen space. No browser in here.

use domain::camera::{Camera, normal_degrees};

use super::state::{Ask, Command};

/// A wish. Positions in px from the top left of the canvas.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wish {
    /// Move what is seen by a distance, now.
    Pan {
        /// To the right, px.
        dx: f64,
        /// Downwards, px.
        dy: f64,
    },
    /// Move and zoom about a point, now.
    Pinch {
        /// To the right, px.
        dx: f64,
        /// Downwards, px.
        dy: f64,
        /// By how much larger.
        factor: f64,
        /// How far the fingers have turned clockwise, degrees.
        turn: f64,
        /// The middle of the fingers, px.
        x: f64,
        /// The middle of the fingers, px.
        y: f64,
    },
    /// Let go at a speed, px/ms.
    Glide {
        /// To the right.
        velocity_x: f64,
        /// Downwards.
        velocity_y: f64,
    },
    /// Look at a point: a touch without movement.
    Tap {
        /// px
        x: f64,
        /// px
        y: f64,
    },
}

/// Farther than this a press is no tap, px.
const TAP_REACH: f64 = 6.0;
/// Two fingers that turn further than this mean it, degrees.
const TWIST_MEANT: f64 = 12.0;
/// How far back the speed of letting go is measured, ms.
const SPEED_WINDOW: f64 = 80.0;

#[derive(Clone, Copy, Debug)]
struct Finger {
    id: i32,
    x: f64,
    y: f64,
}

/// The pointers that are down.
#[derive(Debug, Default)]
pub struct Fingers {
    down: Vec<Finger>,
    /// Time and place of the latest positions of a single pointer.
    trail: Vec<(f64, f64, f64)>,
    way: f64,
    /// Whether there was ever a second finger in this gesture.
    many: bool,
    /// How far two fingers have turned in this gesture, degrees, and whether that was meant.
    twist: f64,
    is_twisting: bool,
}

impl Fingers {
    /// Whether any pointer is down.
    #[must_use]
    pub fn any(&self) -> bool {
        !self.down.is_empty()
    }

    /// A pointer goes down.
    pub fn press(&mut self, id: i32, x: f64, y: f64, now: f64) {
        if self.down.is_empty() {
            self.way = 0.0;
            self.many = false;
            self.twist = 0.0;
            self.is_twisting = false;
        } else {
            self.many = true;
        }
        self.down.retain(|finger| finger.id != id);
        self.down.push(Finger { id, x, y });
        self.trail.clear();
        self.trail.push((now, x, y));
    }

    /// A pointer moves.
    pub fn move_to(&mut self, id: i32, x: f64, y: f64, now: f64) -> Option<Wish> {
        let before = self.pair();
        let finger = self.down.iter_mut().find(|finger| finger.id == id)?;
        let (dx, dy) = (x - finger.x, y - finger.y);
        (finger.x, finger.y) = (x, y);
        self.way += dx.hypot(dy);
        if let (Some(before), Some(after)) = (before, self.pair()) {
            let turned = normal_degrees(after.3 - before.3 + 180.0) - 180.0;
            self.twist += turned;
            // Who only zooms turns the fingers a little, too.
            self.is_twisting |= self.twist.abs() > TWIST_MEANT;
            return Some(Wish::Pinch {
                dx: after.0 - before.0,
                dy: after.1 - before.1,
                factor: if before.2 > 1.0 {
                    after.2 / before.2
                } else {
                    1.0
                },
                turn: if self.is_twisting { turned } else { 0.0 },
                x: after.0,
                y: after.1,
            });
        }
        self.trail.retain(|point| now - point.0 <= SPEED_WINDOW);
        self.trail.push((now, x, y));
        (self.down.len() == 1).then_some(Wish::Pan { dx, dy })
    }

    /// A pointer goes up.
    pub fn release(&mut self, id: i32, now: f64) -> Option<Wish> {
        let place = self.down.iter().position(|finger| finger.id == id)?;
        let finger = self.down.remove(place);
        if self.any() {
            // The finger that stays goes on panning, without a jump.
            self.trail.clear();
            return None;
        }
        if self.way <= TAP_REACH && !self.many {
            return Some(Wish::Tap {
                x: finger.x,
                y: finger.y,
            });
        }
        let &(time, x, y) = self
            .trail
            .iter()
            .find(|point| now - point.0 <= SPEED_WINDOW)?;
        let elapsed = (now - time).max(8.0);
        Some(Wish::Glide {
            velocity_x: (finger.x - x) / elapsed,
            velocity_y: (finger.y - y) / elapsed,
        })
    }

    /// All pointers are gone.
    pub fn cancel(&mut self) {
        self.down.clear();
        self.trail.clear();
    }

    /// Middle, distance and direction (degrees) of the first two.
    fn pair(&self) -> Option<(f64, f64, f64, f64)> {
        let [first, second, ..] = self.down.as_slice() else {
            return None;
        };
        Some((
            f64::midpoint(first.x, second.x),
            f64::midpoint(first.y, second.y),
            (first.x - second.x).hypot(first.y - second.y),
            (second.y - first.y).atan2(second.x - first.x).to_degrees(),
        ))
    }
}

/// Where the slide is read, px: under the pointer, else, while the canvas has the keyboard, in the middle of the view.
#[must_use]
pub fn read_point(
    pointer: Option<(f64, f64)>,
    is_focused: bool,
    camera: &Camera,
) -> Option<(f64, f64)> {
    let middle = (camera.width / 2.0, camera.height / 2.0);
    pointer.or_else(|| is_focused.then_some(middle))
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

/// The end of a ruler held to the nearest of the screen's two axes.
#[must_use]
pub fn held_straight(from: (f64, f64), to: (f64, f64)) -> (f64, f64) {
    if (to.0 - from.0).abs() >= (to.1 - from.1).abs() {
        (to.0, from.1)
    } else {
        (from.0, to.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drag_pans_and_glides_on_at_its_last_speed() {
        let mut fingers = Fingers::default();
        fingers.press(1, 100.0, 100.0, 0.0);
        for step in 1..=20 {
            let time = f64::from(step) * 10.0;
            let wish = fingers.move_to(1, 100.0 + 5.0 * f64::from(step), 100.0, time);
            assert_eq!(wish, Some(Wish::Pan { dx: 5.0, dy: 0.0 }));
        }
        let Some(Wish::Glide {
            velocity_x,
            velocity_y,
        }) = fingers.release(1, 200.0)
        else {
            panic!("no glide");
        };
        assert!((velocity_x - 0.5).abs() < 1e-9 && velocity_y == 0.0);
        assert!(!fingers.any());
    }

    #[test]
    fn a_drag_that_rests_before_letting_go_does_not_glide() {
        let mut fingers = Fingers::default();
        fingers.press(1, 0.0, 0.0, 0.0);
        fingers.move_to(1, 50.0, 0.0, 10.0);
        assert_eq!(fingers.release(1, 500.0), None);
    }

    #[test]
    fn a_touch_without_movement_is_a_tap() {
        let mut fingers = Fingers::default();
        fingers.press(7, 30.0, 40.0, 0.0);
        fingers.move_to(7, 31.0, 41.0, 20.0);
        assert_eq!(
            fingers.release(7, 90.0),
            Some(Wish::Tap { x: 31.0, y: 41.0 })
        );
        assert_eq!(fingers.release(7, 95.0), None, "it is up already");
    }

    #[test]
    fn two_fingers_zoom_about_their_middle() {
        let mut fingers = Fingers::default();
        fingers.press(1, 100.0, 100.0, 0.0);
        fingers.press(2, 200.0, 100.0, 1.0);
        assert_eq!(
            fingers.move_to(2, 300.0, 100.0, 10.0),
            Some(Wish::Pinch {
                dx: 50.0,
                dy: 0.0,
                factor: 2.0,
                turn: 0.0,
                x: 200.0,
                y: 100.0
            })
        );
        assert_eq!(fingers.release(1, 20.0), None);
        assert_eq!(
            fingers.move_to(2, 310.0, 100.0, 30.0),
            Some(Wish::Pan { dx: 10.0, dy: 0.0 })
        );
        assert!(!matches!(fingers.release(2, 200.0), Some(Wish::Tap { .. })));
    }

    #[test]
    fn two_fingers_turn_once_they_mean_it() {
        let mut fingers = Fingers::default();
        fingers.press(1, 100.0, 100.0, 0.0);
        fingers.press(2, 200.0, 100.0, 1.0);
        let mut turn_to = |degrees: f64| {
            let (sin, cos) = degrees.to_radians().sin_cos();
            match fingers.move_to(2, 100.0 + 100.0 * cos, 100.0 + 100.0 * sin, 10.0) {
                Some(Wish::Pinch { turn, .. }) => turn,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(turn_to(10.0), 0.0);
        assert!((turn_to(20.0) - 10.0).abs() < 1e-9);
        assert!((turn_to(15.0) + 5.0).abs() < 1e-9, "and back");
    }

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
        assert_eq!(held_straight((0.0, 0.0), (5.0, 3.0)), (5.0, 0.0));
        assert_eq!(held_straight((0.0, 0.0), (-2.0, 3.0)), (0.0, 3.0));
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
