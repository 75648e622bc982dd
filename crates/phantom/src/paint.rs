//! Puts the ground and the cells onto the canvas, from below upwards.

use crate::canvas::{Canvas, Dye, dye};
use crate::ground::Ground;
use crate::looks::{Chromatin, look, nucleus};
use crate::noise::{Textures, smoothstep};
use crate::plan::{Plan, Planned};
use crate::random::Dice;
use crate::shape::{Body, Lobe, Nucleus, cover};
use crate::truth::{Cell, CellClass, Ellipse, Outline, PixelClass};

/// The painter of one spot.
pub(crate) struct Painter<'a> {
    pub(crate) canvas: Canvas,
    pub(crate) ground: &'a Ground,
    pub(crate) textures: Textures,
    pub(crate) dice: Dice,
    pub(crate) um: f32,
}

/// A texture's value at a pixel, moved by a random offset so that no two cells look alike.
macro_rules! texture {
    ($tile:expr, $offset:expr, $x:expr, $y:expr) => {
        $tile.at(
            ($x as u32).wrapping_add($offset),
            ($y as u32).wrapping_add($offset >> 16),
        )
    };
}

impl Painter<'_> {
    /// Paints everything and returns the cells whose middle lies in the image.
    pub(crate) fn paint(&mut self, plan: &Plan) -> Vec<Cell> {
        let mut cells = Vec::with_capacity(plan.cells.len());
        self.matrix();
        self.sinusoids();
        let bodies: Vec<Option<(Body, Outline)>> = plan
            .cells
            .iter()
            .map(|cell| self.body(cell, plan))
            .collect();
        self.clefts();
        self.bone();
        self.fat(&mut cells);
        for (cell, body) in plan.cells.iter().zip(bodies) {
            let nucleus = nucleus(cell, &mut self.dice);
            if let Some(nucleus) = &nucleus {
                self.nucleus(cell, nucleus);
            }
            let (x, y) = (cell.disc.x, cell.disc.y);
            if !self.ground.in_image(x, y) {
                continue;
            }
            let ellipse = nucleus.as_ref().and_then(Nucleus::ellipse);
            let outline = match (body, ellipse) {
                (Some((_, outline)), _) => outline,
                (None, Some(ellipse)) => Outline::Ellipse(ellipse),
                (None, None) => continue,
            };
            cells.push(Cell {
                class: cell.class,
                x,
                y,
                outline,
                nucleus: ellipse,
                lobes: nucleus.map_or(0, |nucleus| nucleus.lobes.len() as u8),
                affected: cell.affected.map(str::to_owned),
            });
        }
        cells
    }

    /// Ground substance: pale, mottled, with vacuoles.
    fn matrix(&mut self) {
        let (a, b) = (self.dice.bits(), self.dice.bits());
        let Self {
            canvas,
            textures,
            ground,
            ..
        } = self;
        canvas.lay(canvas.whole(), None, |x, y| {
            let mottle = texture!(textures.mottle, a, x, y);
            let holes = texture!(textures.wobble, b, x, y);
            let grain = texture!(textures.grain, b, x, y);
            let solid = smoothstep(
                -1.1,
                0.5,
                0.55 * mottle - 0.8 * holes + 0.5 * ground.crowd.at(x, y),
            );
            Some((
                1.0,
                dye(0.02 + 0.08 * solid, 0.05 + (0.30 + 0.05 * grain) * solid),
            ))
        });
    }

    /// Lumen, and a thin wall around it.
    fn sinusoids(&mut self) {
        let (um, a) = (self.um, self.dice.bits());
        let Self {
            canvas,
            textures,
            ground,
            ..
        } = self;
        canvas.lay(canvas.whole(), Some(PixelClass::Background), |x, y| {
            let depth = ground.sinusoid.at(x, y) + 0.8 * um * texture!(textures.wobble, a, x, y);
            (depth > -1.0).then(|| {
                let wall = 1.0 - (depth / (0.9 * um)).abs().min(1.0);
                let plasma = 0.035 + 0.02 * texture!(textures.mottle, a, x, y);
                (
                    cover(depth, 1.2),
                    dye(0.02 + 0.12 * wall, plasma + 0.34 * wall),
                )
            })
        });
    }

    /// Retraction: empty glass.
    fn clefts(&mut self) {
        let (um, a) = (self.um, self.dice.bits());
        let Self {
            canvas,
            textures,
            ground,
            ..
        } = self;
        canvas.lay(canvas.whole(), Some(PixelClass::Background), |x, y| {
            let depth = ground.cleft.at(x, y) + 0.9 * um * texture!(textures.wobble, a, x, y);
            (depth > -1.0).then(|| (cover(depth, 1.4), dye(0.01, 0.02)))
        });
    }

    /// Lamellae parallel to the edge, a seam of osteoid, a cleft where marrow has shrunk away from it.
    fn bone(&mut self) {
        let Some(bone) = &self.ground.bone else {
            return;
        };
        let (um, a) = (self.um, self.dice.bits());
        let Self {
            canvas, textures, ..
        } = self;
        canvas.lay(canvas.whole(), Some(PixelClass::Background), |x, y| {
            let outside = -bone.at(x, y);
            let width = (2.2 * texture!(textures.mottle, a, x, y) - 0.4) * um;
            (outside > -2.0 && outside < 8.0 * um)
                .then(|| (cover(width - outside, 1.5), dye(0.01, 0.02)))
        });
        canvas.lay(canvas.whole(), Some(PixelClass::Bone), |x, y| {
            let depth = bone.at(x, y) + 0.5 * um * texture!(textures.wobble, a, x, y);
            (depth > -1.0).then(|| {
                let mottle = texture!(textures.mottle, a, x, y);
                let phase = (depth / um + 1.6 * mottle) * 0.105;
                let lamella = 1.0 - 4.0 * (phase - phase.floor() - 0.5).abs();
                let seam = 1.0 - smoothstep(0.0, 2.2 * um, depth);
                let grain = texture!(textures.grain, a, x, y);
                let eosin = 0.52 + 0.045 * lamella + 0.035 * mottle + 0.02 * grain + 0.14 * seam;
                (
                    cover(depth, 1.2),
                    dye(0.05 + 0.05 * seam + 0.015 * lamella, eosin),
                )
            })
        });
    }

    /// Fat cells: nearly empty, thin walls, faint folds of the film they leave.
    fn fat(&mut self, cells: &mut Vec<Cell>) {
        let (um, ground) = (self.um, self.ground);
        for body in &ground.fat_cells {
            let (x0, y0) = (body.lobe.x, body.lobe.y);
            let offset = self.dice.bits();
            let haze = self.dice.range(0.008, 0.032);
            let folds: Vec<([f32; 2], f32, f32)> = (0..self.dice.below(4))
                .map(|_| {
                    let at = self.dice.range(-0.7, 0.7) * body.reach();
                    (self.dice.direction(), at, self.dice.range(0.008, 0.035))
                })
                .collect();
            let wall = self.dice.range(0.30, 0.62);
            let Self {
                canvas, textures, ..
            } = self;
            let area = canvas.around(x0, y0, body.reach() + 2.0);
            canvas.lay(area, Some(PixelClass::Fat), |x, y| {
                let depth = body.depth(x, y) + 0.35 * um * texture!(textures.mottle, offset, x, y);
                if depth < -1.5 || ground.bone_depth(x, y) > 0.0 {
                    return None;
                }
                let mottle = texture!(textures.mottle, offset, x, y);
                let mut film = haze * (1.0 + 0.4 * mottle);
                for ([cos, sin], at, strength) in &folds {
                    let across = (x - x0) * cos + (y - y0) * sin - at + 1.2 * um * mottle;
                    let crease = 1.0 - (across / (0.8 * um)).abs().min(1.0);
                    film += strength * (crease + 0.45 * smoothstep(0.0, 9.0 * um, across));
                }
                let edge = 1.0 - smoothstep(0.1 * um, 1.1 * um, depth);
                Some((
                    cover(depth, 1.3),
                    dye(film + 0.10 * edge, 0.5 * film + wall * edge),
                ))
            });
            if ground.in_image(x0, y0) && ground.bone_depth(x0, y0) < 0.0 {
                cells.push(Cell {
                    class: CellClass::FatCell,
                    x: x0,
                    y: y0,
                    outline: Outline::Polygon(body.polygon(24, ground.size_px)),
                    nucleus: None,
                    lobes: 0,
                    affected: None,
                });
            }
        }
    }

    /// The body of a cell and its outline; None for those that are all nucleus.
    fn body(&mut self, cell: &Planned, plan: &Plan) -> Option<(Body, Outline)> {
        if matches!(cell.class, CellClass::SpindleCell | CellClass::BoneCell) {
            return None;
        }
        let um = self.um;
        let red = cell.class == CellClass::RedCell;
        let large = cell.class == CellClass::Megakaryocyte;
        let (grow, gap_um, corner_um) = match cell.class {
            CellClass::RedCell => (1.30, 0.5, 1.5),
            CellClass::Megakaryocyte => (1.0, 0.6, 4.0),
            _ => (1.18, 0.5, 2.2),
        };
        let r = cell.disc.r * grow;
        let stretch = self.dice.range(
            1.0,
            if cell.class == CellClass::PlasmaCell {
                1.25
            } else {
                1.08
            },
        );
        let walls = if large {
            Vec::new()
        } else {
            plan.packing.walls(cell.number, r * stretch, gap_um * um)
        };
        let lobe = Lobe::new(
            cell.disc.x,
            cell.disc.y,
            r * stretch,
            r / stretch,
            cell.direction,
        );
        let body = Body {
            lobe,
            walls,
            corner: corner_um * um,
        };
        let offset = self.dice.bits();
        let tone = 1.0 + 0.11 * self.dice.bell();
        let (plasm, _) = look(cell.class);
        let class = if red {
            PixelClass::Red
        } else {
            PixelClass::Nucleated
        };
        let softness = self.dice.range(1.0, 1.9);
        // A large cell has a slowly waving edge, a small one is uneven.
        let (waves, ragged) = if large {
            (1.1 * um, 0.25 * um)
        } else {
            (0.0, 0.3 * um)
        };
        let Self {
            canvas, textures, ..
        } = self;
        let area = canvas.around(lobe.x, lobe.y, body.reach() + 4.0 * um);
        if large {
            // A megakaryocyte often stands in a pale halo.
            canvas.lay(area, None, |x, y| {
                let depth =
                    body.depth(x, y) + (1.6 + 1.1 * texture!(textures.mottle, offset, x, y)) * um;
                (depth > -1.0).then(|| (0.8 * cover(depth, 2.0), dye(0.01, 0.05)))
            });
        }
        let covered = canvas.lay(area, Some(class), |x, y| {
            let mottle = texture!(textures.mottle, offset, x, y);
            let wobble = texture!(textures.wobble, offset, x, y);
            let depth = body.depth(x, y) + waves * mottle + ragged * wobble;
            (depth > -1.0).then(|| {
                let grain = texture!(textures.grain, offset, x, y);
                let Dye { haem, eosin } = plasm.dye;
                let shade = if red {
                    // Biconcave: pale in the middle, a rim, and light at the very edge.
                    0.72 + 0.5 * (1.0 - (depth / (1.5 * um) - 0.5).abs().min(1.0))
                } else {
                    let membrane = 0.22 * (1.0 - (depth / (0.8 * um)).min(1.0));
                    let vacuole = plasm.foam * smoothstep(0.2, 1.2, wobble);
                    (1.0 + plasm.grain * grain + 0.06 * mottle + membrane) * (1.0 - 0.8 * vacuole)
                };
                (
                    cover(depth, softness),
                    dye(haem * shade, eosin * shade * tone),
                )
            })
        });
        let outline = if large {
            Outline::Polygon(body.polygon(24, self.ground.size_px))
        } else {
            let scale = (covered / (std::f32::consts::PI * lobe.a * lobe.b))
                .sqrt()
                .min(1.0);
            let Ellipse {
                x,
                y,
                long,
                short,
                angle,
            } = lobe.ellipse();
            Outline::Ellipse(Ellipse {
                x,
                y,
                long: long * scale,
                short: short * scale,
                angle,
            })
        };
        Some((body, outline))
    }

    fn nucleus(&mut self, cell: &Planned, nucleus: &Nucleus) {
        let (_, mut chromatin) = look(cell.class);
        chromatin.haem *= 1.0 + 0.09 * self.dice.bell();
        // Some nuclei are cut at their edge or lie out of focus: paler and softer.
        let grazed = self.dice.chance(0.13) && cell.class != CellClass::Megakaryocyte;
        let softness = if grazed {
            self.dice.range(2.4, 4.0)
        } else {
            self.dice.range(1.0, 1.9)
        };
        if grazed {
            chromatin.haem *= self.dice.range(0.5, 0.8);
        }
        if cell.class == CellClass::Megakaryocyte && nucleus.lobes.len() > 1 {
            self.chromatin(cell, nucleus, chromatin, softness, 0.35);
            for &lobe in &nucleus.lobes {
                self.chromatin(cell, &Nucleus::single(lobe), chromatin, softness + 0.8, 0.8);
            }
        } else {
            self.chromatin(cell, nucleus, chromatin, softness, 1.0);
        }
    }

    /// Paints chromatin of the given opacity.
    fn chromatin(
        &mut self,
        cell: &Planned,
        nucleus: &Nucleus,
        look: Chromatin,
        softness: f32,
        opacity: f32,
    ) {
        let (um, offset) = (self.um, self.dice.bits());
        let (x0, y0) = (cell.disc.x, cell.disc.y);
        let nucleoli: Vec<Lobe> = nucleus
            .lobes
            .first()
            .map(|lobe| {
                (0..look.nucleoli)
                    .map(|_| {
                        let [cos, sin] = self.dice.direction();
                        let away = self.dice.range(0.1, 0.5);
                        let r = self.dice.range(0.55, 0.95) * um;
                        Lobe::new(
                            lobe.x + cos * away * lobe.a,
                            lobe.y + sin * away * lobe.b,
                            r,
                            r,
                            [1.0, 0.0],
                        )
                    })
                    .collect()
            })
            .unwrap_or_default();
        let ragged = 0.22 * um;
        let Self {
            canvas, textures, ..
        } = self;
        let area = canvas.around(x0, y0, nucleus.reach_from(x0, y0) + 3.0);
        canvas.lay(area, Some(PixelClass::Nucleated), |x, y| {
            let depth = nucleus.depth(x, y) + ragged * texture!(textures.wobble, offset, x, y);
            (depth > -2.0).then(|| {
                let clump = texture!(textures.clump, offset, x, y);
                let rim = look.rim * (1.0 - ((depth - 0.5 * um) / (0.8 * um)).abs().min(1.0));
                let mut haem = look.haem * (1.0 + look.clumps * clump) + rim;
                for nucleolus in &nucleoli {
                    haem += 0.9 * cover(nucleolus.depth(x, y), 1.2);
                }
                (
                    opacity * cover(depth, softness),
                    dye(haem, 0.12 + 0.05 * haem),
                )
            })
        });
    }
}
