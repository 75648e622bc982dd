//! Pointers on the canvas: what they are doing, as wishes in screen space. No browser in here.

use domain::camera::normal_degrees;

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
}
