//! Implicit shapes: how deep inside a shape a point lies, px; negative outside.

use crate::random::{Dice, turn};
use crate::truth::Ellipse;

/// An ellipse with an exact edge and a nearly exact depth.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lobe {
    pub(crate) x: f32,
    pub(crate) y: f32,
    /// Half axis along (cos, sin), px.
    pub(crate) a: f32,
    /// Half axis across, px.
    pub(crate) b: f32,
    pub(crate) cos: f32,
    pub(crate) sin: f32,
}

impl Lobe {
    pub(crate) fn new(x: f32, y: f32, a: f32, b: f32, [cos, sin]: [f32; 2]) -> Self {
        Self {
            x,
            y,
            a,
            b,
            cos,
            sin,
        }
    }

    /// Distance to the edge, positive inside (first order at the edge, exact for a circle).
    #[inline]
    pub(crate) fn depth(&self, x: f32, y: f32) -> f32 {
        let (dx, dy) = (x - self.x, y - self.y);
        let u = (dx * self.cos + dy * self.sin) / self.a;
        let v = (dy * self.cos - dx * self.sin) / self.b;
        let level = (u * u + v * v).sqrt();
        let (gu, gv) = (u / self.a, v / self.b);
        let slope = (gu * gu + gv * gv).sqrt();
        if slope < 1e-6 {
            return self.a.min(self.b);
        }
        level * (1.0 - level) / slope
    }

    /// The lobe as planted truth.
    pub(crate) fn ellipse(&self) -> Ellipse {
        let angle = self.sin.atan2(self.cos);
        let (long, short, angle) = if self.a >= self.b {
            (self.a, self.b, angle)
        } else {
            (self.b, self.a, angle + std::f32::consts::FRAC_PI_2)
        };
        Ellipse {
            x: self.x,
            y: self.y,
            long,
            short,
            angle,
        }
    }
}

/// The side of a neighbour: what lies beyond belongs to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wall {
    /// Unit vector towards the neighbour.
    pub(crate) nx: f32,
    pub(crate) ny: f32,
    /// Distance from the middle of the cell to the wall, px.
    pub(crate) at: f32,
}

/// The body of a cell: an ellipse pressed flat by its neighbours, with rounded corners.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    pub(crate) lobe: Lobe,
    pub(crate) walls: Vec<Wall>,
    /// Radius of the corners, px.
    pub(crate) corner: f32,
}

impl Body {
    #[inline]
    pub(crate) fn depth(&self, x: f32, y: f32) -> f32 {
        let mut depth = self.lobe.depth(x, y);
        let (dx, dy) = (x - self.lobe.x, y - self.lobe.y);
        for wall in &self.walls {
            depth = soft_min(depth, wall.at - (dx * wall.nx + dy * wall.ny), self.corner);
        }
        depth
    }

    /// How far from its middle the body can reach, px.
    pub(crate) fn reach(&self) -> f32 {
        self.lobe.a.max(self.lobe.b)
    }

    /// The edge as corners: where rays from the middle leave `depth`, clipped to the image.
    pub(crate) fn polygon(&self, corners: usize, size_px: f32) -> Vec<[f32; 2]> {
        let reach = self.reach() * 1.1;
        (0..corners)
            .map(|corner| {
                let [cos, sin] = turn(corner as f32 / corners as f32);
                let (mut inside, mut outside) = (0.0, reach);
                for _ in 0..12 {
                    let middle = 0.5 * (inside + outside);
                    if self.depth(self.lobe.x + cos * middle, self.lobe.y + sin * middle) > 0.0 {
                        inside = middle;
                    } else {
                        outside = middle;
                    }
                }
                [
                    (self.lobe.x + cos * inside).clamp(0.0, size_px),
                    (self.lobe.y + sin * inside).clamp(0.0, size_px),
                ]
            })
            .collect()
    }
}

/// A nucleus: lobes grown together, perhaps with a notch.
#[derive(Clone, Debug)]
pub(crate) struct Nucleus {
    pub(crate) lobes: Vec<Lobe>,
    pub(crate) notch: Option<Lobe>,
    /// How far lobes grow together, px.
    pub(crate) bridge: f32,
}

impl Nucleus {
    pub(crate) fn single(lobe: Lobe) -> Self {
        Self {
            lobes: vec![lobe],
            notch: None,
            bridge: 0.1,
        }
    }

    #[inline]
    pub(crate) fn depth(&self, x: f32, y: f32) -> f32 {
        let mut depth = f32::MIN;
        for lobe in &self.lobes {
            let next = lobe.depth(x, y);
            depth = if depth == f32::MIN {
                next
            } else {
                -soft_min(-depth, -next, self.bridge)
            };
        }
        match &self.notch {
            Some(notch) => soft_min(depth, -notch.depth(x, y), 1.0),
            None => depth,
        }
    }

    /// The ellipse that holds all lobes, by their second moments.
    pub(crate) fn ellipse(&self) -> Option<Ellipse> {
        if let [lobe] = self.lobes.as_slice() {
            return Some(lobe.ellipse());
        }
        let weight: f32 = self.lobes.iter().map(|l| l.a * l.b).sum();
        if weight <= 0.0 {
            return None;
        }
        let mean = |value: &dyn Fn(&Lobe) -> f32| {
            self.lobes.iter().map(|l| l.a * l.b * value(l)).sum::<f32>() / weight
        };
        let (x, y) = (mean(&|l| l.x), mean(&|l| l.y));
        // Of a filled ellipse the variance along an axis is a quarter of its half axis squared.
        let own = |l: &Lobe, along: f32, across: f32| {
            0.25 * ((l.a * along).powi(2) + (l.b * across).powi(2))
        };
        let xx = mean(&|l| (l.x - x).powi(2) + own(l, l.cos, l.sin));
        let yy = mean(&|l| (l.y - y).powi(2) + own(l, l.sin, l.cos));
        let xy = mean(&|l| (l.x - x) * (l.y - y) + 0.25 * (l.a * l.a - l.b * l.b) * l.cos * l.sin);
        let spread = (0.25 * (xx - yy).powi(2) + xy * xy).sqrt();
        let middle = 0.5 * (xx + yy);
        Some(Ellipse {
            x,
            y,
            long: 2.0 * (middle + spread).sqrt(),
            short: 2.0 * (middle - spread).max(0.01).sqrt(),
            angle: 0.5 * (2.0 * xy).atan2(xx - yy),
        })
    }

    /// How far from (x, y) the nucleus can reach, px.
    pub(crate) fn reach_from(&self, x: f32, y: f32) -> f32 {
        self.lobes
            .iter()
            .map(|l| ((l.x - x).powi(2) + (l.y - y).powi(2)).sqrt() + l.a.max(l.b))
            .fold(0.0, f32::max)
            + self.bridge
    }
}

/// The smaller of two, with the corner rounded over a width of `round`.
#[inline]
pub(crate) fn soft_min(a: f32, b: f32, round: f32) -> f32 {
    let h = (round - (a - b).abs()).max(0.0);
    a.min(b) - h * h / (4.0 * round)
}

/// How much of a pixel is inside, from the depth of its middle and the softness of the edge, px.
#[inline]
pub(crate) fn cover(depth: f32, softness: f32) -> f32 {
    (depth / softness + 0.5).clamp(0.0, 1.0)
}

/// A circle in slide space.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Disc {
    pub(crate) x: f32,
    pub(crate) y: f32,
    /// Radius, px.
    pub(crate) r: f32,
}

impl Disc {
    /// A place within `margin` px of the image.
    pub(crate) fn anywhere(dice: &mut Dice, size_px: f32, margin_px: f32, r: f32) -> Self {
        Self {
            x: dice.range(-margin_px, size_px + margin_px),
            y: dice.range(-margin_px, size_px + margin_px),
            r,
        }
    }
}
