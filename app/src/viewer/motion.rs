//! How the camera moves by itself: zooming towards a goal, gliding out, flying somewhere. Times in ms.

use domain::camera::{Camera, normal_degrees};
use domain::geometry::SlideRect;

/// The zoom covers 63 % of what is left in this time.
const ZOOM_TIME: f64 = 55.0;
/// A glide loses 63 % of its speed in this time.
const GLIDE_TIME: f64 = 260.0;
/// Slower than this a glide ends, px/ms.
const GLIDE_END: f64 = 0.02;

/// Where the camera may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Where its centre must be.
    pub bounds: SlideRect,
    /// The least zoom.
    pub zoom_min: f64,
    /// The greatest zoom.
    pub zoom_max: f64,
}

impl Limits {
    /// From half of "the whole slide" to 8 screen pixels per slide pixel.
    #[must_use]
    pub fn of(bounds: &SlideRect, width: f64, height: f64) -> Self {
        let zoom_min = Camera::fit(bounds, width, height).zoom * 0.5;
        Self {
            bounds: *bounds,
            zoom_min,
            zoom_max: zoom_min.max(8.0),
        }
    }

    /// The nearest camera that is allowed.
    #[must_use]
    pub fn clamp(&self, camera: &Camera) -> Camera {
        camera.clamped(&self.bounds, self.zoom_min, self.zoom_max)
    }

    /// Zooms about a screen point, no further than allowed: at a limit the view stays as it is.
    #[must_use]
    pub fn zoom(&self, camera: &Camera, factor: f64, x: f64, y: f64) -> Camera {
        let zoom = (camera.zoom * factor).clamp(self.zoom_min, self.zoom_max);
        self.clamp(&camera.zoomed_about(zoom / camera.zoom, x, y))
    }
}

/// A movement under way.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Motion {
    Still,
    Zoom {
        goal: f64,
        x: f64,
        y: f64,
    },
    Glide {
        velocity_x: f64,
        velocity_y: f64,
    },
    Fly {
        from: Camera,
        to: Camera,
        begun: Option<f64>,
        lasts: f64,
    },
}

/// Moves the camera from frame to frame.
#[derive(Clone, Copy, Debug)]
pub struct Mover {
    motion: Motion,
    last_step: Option<f64>,
    /// For people who asked their system for less motion: everything happens at once.
    calm: bool,
}

impl Mover {
    /// At rest.
    #[must_use]
    pub const fn new(calm: bool) -> Self {
        Self {
            motion: Motion::Still,
            last_step: None,
            calm,
        }
    }

    /// Whether everything happens at once from now on, be it under way.
    pub fn set_calm(&mut self, calm: bool) {
        self.calm = calm;
        // A glide has no goal to be at.
        if calm && matches!(self.motion, Motion::Glide { .. }) {
            self.stop();
        }
    }

    /// Whether no movement is under way.
    #[must_use]
    pub fn is_still(&self) -> bool {
        self.motion == Motion::Still
    }

    /// Stops where the camera is.
    pub fn stop(&mut self) {
        self.start(Motion::Still);
    }

    fn start(&mut self, motion: Motion) {
        if self.is_still() || motion == Motion::Still {
            self.last_step = None;
        }
        self.motion = motion;
    }

    /// The view that matters: where a zoom or a flight under way will end, else the one that is seen.
    #[must_use]
    pub fn aim(&self, camera: &Camera, limits: &Limits) -> Camera {
        match self.motion {
            Motion::Zoom { goal, x, y } => limits.zoom(camera, goal / camera.zoom, x, y),
            Motion::Fly { to, .. } => limits.clamp(&Camera {
                width: camera.width,
                height: camera.height,
                ..to
            }),
            Motion::Still | Motion::Glide { .. } => *camera,
        }
    }

    /// Zooms about a screen point; factors of a zoom under way multiply.
    pub fn zoom_by(&mut self, camera: &Camera, limits: &Limits, factor: f64, x: f64, y: f64) {
        let from = match self.motion {
            Motion::Zoom { goal, .. } => goal,
            _ => camera.zoom,
        };
        let goal = (from * factor).clamp(limits.zoom_min, limits.zoom_max);
        self.start(Motion::Zoom { goal, x, y });
    }

    /// Goes on with a speed in px/ms, ever slower.
    pub fn glide(&mut self, velocity_x: f64, velocity_y: f64) {
        if !self.calm && velocity_x.hypot(velocity_y) > 5.0 * GLIDE_END {
            self.start(Motion::Glide {
                velocity_x,
                velocity_y,
            });
        }
    }

    /// Moves to another camera.
    pub fn fly(&mut self, from: &Camera, to: Camera, lasts: f64) {
        self.start(Motion::Fly {
            from: *from,
            to,
            begun: None,
            lasts,
        });
    }

    /// The camera at the time of this frame.
    pub fn step(&mut self, camera: &Camera, limits: &Limits, now: f64) -> Camera {
        // The first frame of a movement already moves, as if the last one had been a frame ago.
        let elapsed = (now - self.last_step.unwrap_or(now - 16.0)).clamp(0.0, 100.0);
        self.last_step = Some(now);
        match self.motion {
            Motion::Still => *camera,
            Motion::Zoom { goal, x, y } => {
                let left = (goal / camera.zoom).ln();
                let share = 1.0 - (-elapsed / ZOOM_TIME).exp();
                if self.calm || (left * (1.0 - share)).abs() < 1e-3 {
                    self.stop();
                    limits.zoom(camera, goal / camera.zoom, x, y)
                } else {
                    limits.zoom(camera, (left * share).exp(), x, y)
                }
            }
            Motion::Glide {
                velocity_x,
                velocity_y,
            } => {
                let kept = (-elapsed / GLIDE_TIME).exp();
                let way = GLIDE_TIME * (1.0 - kept);
                let moved = limits.clamp(&camera.panned(velocity_x * way, velocity_y * way));
                if velocity_x.hypot(velocity_y) * kept < GLIDE_END {
                    self.stop();
                } else {
                    self.motion = Motion::Glide {
                        velocity_x: velocity_x * kept,
                        velocity_y: velocity_y * kept,
                    };
                }
                moved
            }
            Motion::Fly {
                from,
                to,
                begun,
                lasts,
            } => {
                let begun = begun.unwrap_or(now - elapsed);
                let time = (now - begun) / lasts;
                if self.calm || time >= 1.0 {
                    let aim = self.aim(camera, limits);
                    self.stop();
                    return aim;
                }
                self.motion = Motion::Fly {
                    from,
                    to,
                    begun: Some(begun),
                    lasts,
                };
                let share = 1.0 - (1.0 - time).powi(3);
                let zoom = from.zoom * (to.zoom / from.zoom).powf(share);
                // A straight way over the screen: the point that both views show at the same place stays there.
                let way = if (to.zoom / from.zoom).ln().abs() > 1e-3 {
                    (1.0 / from.zoom - 1.0 / zoom) / (1.0 / from.zoom - 1.0 / to.zoom)
                } else {
                    share
                };
                // The short way round.
                let turn = normal_degrees(to.rotation - from.rotation + 180.0) - 180.0;
                limits.clamp(&Camera {
                    centre_x: from.centre_x + (to.centre_x - from.centre_x) * way,
                    centre_y: from.centre_y + (to.centre_y - from.centre_y) * way,
                    zoom,
                    rotation: normal_degrees(from.rotation + turn * share),
                    ..*camera
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: SlideRect = SlideRect {
        x: 0.0,
        y: 0.0,
        width: 20_000.0,
        height: 10_000.0,
    };

    fn run(mover: &mut Mover, mut camera: Camera, limits: &Limits) -> (Camera, usize) {
        let mut now = 1000.0;
        for frame in 0..1000 {
            if mover.is_still() {
                return (camera, frame);
            }
            camera = mover.step(&camera, limits, now);
            now += 1000.0 / 60.0;
        }
        (camera, 1000)
    }

    #[test]
    fn every_movement_ends() {
        let limits = Limits::of(&BOUNDS, 1000.0, 500.0);
        let camera = Camera::fit(&BOUNDS, 1000.0, 500.0);
        let mut mover = Mover::new(false);
        mover.zoom_by(&camera, &limits, 4.0, 250.0, 125.0);
        let (zoomed, frames) = run(&mut mover, camera, &limits);
        assert!((2..60).contains(&frames), "{frames}");
        assert!((zoomed.zoom / camera.zoom - 4.0).abs() < 1e-9);
        mover.glide(2.0, -1.0);
        let (glided, frames) = run(&mut mover, zoomed, &limits);
        assert!((2..200).contains(&frames), "{frames}");
        assert!(glided.centre_x < zoomed.centre_x && glided.centre_y > zoomed.centre_y);
        mover.fly(&glided, camera, 250.0);
        let (flown, frames) = run(&mut mover, glided, &limits);
        assert!((2..20).contains(&frames), "{frames}");
        assert_eq!(flown, camera);
    }

    #[test]
    fn a_movement_ends_where_it_aims() {
        let limits = Limits::of(&BOUNDS, 1000.0, 500.0);
        let camera = Camera::fit(&BOUNDS, 1000.0, 500.0);
        let mut mover = Mover::new(false);
        mover.zoom_by(&camera, &limits, 5.0, 700.0, 100.0);
        let first = mover.step(&camera, &limits, 0.0);
        let aim = mover.aim(&first, &limits);
        let (end, _) = run(&mut mover, first, &limits);
        let off = (end.centre_x - aim.centre_x).hypot(end.centre_y - aim.centre_y);
        assert!(off < 1e-6 && (end.zoom / aim.zoom - 1.0).abs() < 1e-9);
        mover.fly(&end, camera, 250.0);
        assert_eq!(mover.aim(&end, &limits), camera);
        assert_eq!(run(&mut mover, end, &limits).0, camera);
        assert_eq!(mover.aim(&end, &limits), end, "at rest");
    }

    #[test]
    fn a_zoom_keeps_the_point_under_the_cursor_in_every_frame() {
        let limits = Limits::of(&BOUNDS, 1000.0, 500.0);
        let mut camera = Camera::fit(&BOUNDS, 1000.0, 500.0);
        let mut mover = Mover::new(false);
        let point = camera.slide_from_screen(600.0, 200.0);
        mover.zoom_by(&camera, &limits, 9.0, 600.0, 200.0);
        for frame in 0..100 {
            camera = mover.step(&camera, &limits, f64::from(frame) * 16.0);
            let (x, y) = camera.screen_from_slide(point.0, point.1);
            assert!((x - 600.0).abs() < 1e-6 && (y - 200.0).abs() < 1e-6);
        }
        assert!(mover.is_still());
    }

    #[test]
    fn a_calm_mover_needs_one_frame_and_does_not_glide() {
        let limits = Limits::of(&BOUNDS, 1000.0, 500.0);
        let camera = Camera::fit(&BOUNDS, 1000.0, 500.0);
        let mut mover = Mover::new(true);
        mover.glide(5.0, 5.0);
        assert!(mover.is_still());
        mover.zoom_by(&camera, &limits, 2.0, 0.0, 0.0);
        assert_eq!(run(&mut mover, camera, &limits).1, 1);
        mover.fly(&camera, limits.zoom(&camera, 3.0, 0.0, 0.0), 250.0);
        assert_eq!(run(&mut mover, camera, &limits).1, 1);
    }

    #[test]
    fn who_wants_less_motion_while_something_moves_has_it_end_at_once() {
        let limits = Limits::of(&BOUNDS, 1000.0, 500.0);
        let camera = Camera::fit(&BOUNDS, 1000.0, 500.0);
        let goal = limits.zoom(&camera, 3.0, 0.0, 0.0);
        let mut mover = Mover::new(false);
        mover.fly(&camera, goal, 250.0);
        let under_way = mover.step(&camera, &limits, 0.0);
        assert!(!mover.is_still());
        mover.set_calm(true);
        assert_eq!(run(&mut mover, under_way, &limits), (goal, 1));
        mover.set_calm(false);
        mover.glide(5.0, 5.0);
        assert!(!mover.is_still());
        mover.set_calm(true);
        assert!(mover.is_still());
    }

    #[test]
    fn turning_goes_the_short_way_round() {
        let limits = Limits::of(&BOUNDS, 1000.0, 500.0);
        let camera = Camera {
            rotation: 350.0,
            ..Camera::fit(&BOUNDS, 1000.0, 500.0)
        };
        let mut mover = Mover::new(false);
        mover.fly(&camera, camera.turned_about(20.0, 500.0, 250.0), 250.0);
        let mut now = 0.0;
        let mut turned = camera;
        while !mover.is_still() {
            turned = mover.step(&turned, &limits, now);
            now += 16.0;
            assert!(turned.rotation >= 350.0 || turned.rotation <= 10.0);
        }
        assert!((turned.rotation - 10.0).abs() < 1e-9);
    }

    #[test]
    fn at_a_limit_zooming_does_not_move_the_view() {
        let limits = Limits::of(&BOUNDS, 1000.0, 500.0);
        let nearest = Camera {
            zoom: 8.0,
            ..Camera::fit(&BOUNDS, 1000.0, 500.0)
        };
        assert_eq!(limits.zoom(&nearest, 1.5, 10.0, 10.0), nearest);
        // A slide smaller than the screen may still be shown whole.
        let tiny = SlideRect {
            width: 4.0,
            height: 4.0,
            ..BOUNDS
        };
        let limits = Limits::of(&tiny, 1000.0, 500.0);
        assert!(limits.zoom_max >= limits.zoom_min);
    }
}
