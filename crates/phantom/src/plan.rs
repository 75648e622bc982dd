//! Which cell lies where: megakaryocytes first, then erythroid islands, then granulopoiesis and the rest, at last red
//! cells in what is left.

use crate::ground::Ground;
use crate::packing::Packing;
use crate::random::Dice;
use crate::shape::Disc;
use crate::signs::{DEL5Q, SF3B1, Signs};
use crate::truth::CellClass;

/// A cell that has its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Planned {
    pub(crate) class: CellClass,
    pub(crate) disc: Disc,
    /// Its number in the packing.
    pub(crate) number: usize,
    /// Key of the target whose sign it shows.
    pub(crate) affected: Option<&'static str>,
    /// Direction of its long axis or of what lies beside its middle.
    pub(crate) direction: [f32; 2],
}

/// All cells but fat cells, and their packing.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) cells: Vec<Planned>,
    pub(crate) packing: Packing,
}

impl Plan {
    pub(crate) fn new(ground: &Ground, signs: &Signs, dice: &mut Dice) -> Self {
        let mut settlers = Settlers {
            ground,
            dice,
            um: ground.px_per_um,
            plan: Self {
                cells: Vec::new(),
                packing: Packing::new(ground.size_px, ground.margin_px, 9.0 * ground.px_per_um),
            },
        };
        settlers.megakaryocytes(signs);
        settlers.spindle_cells();
        settlers.bone_cells();
        settlers.erythroid_islands(signs);
        settlers.granulopoiesis(signs);
        settlers.red_cells();
        settlers.plan
    }
}

struct Settlers<'a> {
    ground: &'a Ground,
    dice: &'a mut Dice,
    um: f32,
    plan: Plan,
}

impl Settlers<'_> {
    fn put(
        &mut self,
        class: CellClass,
        disc: Disc,
        affected: Option<&'static str>,
        direction: [f32; 2],
    ) {
        let number = self.plan.packing.put(disc);
        self.plan.cells.push(Planned {
            class,
            disc,
            number,
            affected,
            direction,
        });
    }

    /// Area over which things are laid, µm².
    fn laid_um2(&self) -> f32 {
        let side = (self.ground.size_px + 2.0 * self.ground.margin_px) / self.um;
        side * side
    }

    /// How many, of so many per mm²: scattered by about a sixth.
    fn count(&mut self, per_mm2: f32) -> usize {
        let mean = per_mm2 * self.laid_um2() / 1e6;
        (mean * (1.0 + 0.16 * self.dice.bell()) + self.dice.unit()).max(0.0) as usize
    }

    fn anywhere(&mut self, r_um: f32) -> Disc {
        Disc::anywhere(
            self.dice,
            self.ground.size_px,
            self.ground.margin_px,
            r_um * self.um,
        )
    }

    fn megakaryocytes(&mut self, signs: &Signs) {
        for _ in 0..self.count(signs.megakaryocytes_per_mm2) {
            let small = self.dice.chance(signs.hypolobated);
            let r = if small {
                self.dice.range(7.8, 11.0)
            } else {
                self.dice.range(16.0, 22.5)
            };
            let affected = small.then_some(DEL5Q);
            for attempt in 0..400 {
                let disc = self.anywhere(r);
                // At the first attempts the whole cell must fit, later it may be pressed a little.
                let share = if attempt < 200 { 0.95 } else { 0.6 };
                let room = self
                    .ground
                    .room(disc.x, disc.y)
                    .min(-self.ground.sinusoid.at(disc.x, disc.y) + 4.0 * self.um);
                if room > share * disc.r && self.plan.packing.fits(disc, 1.15) {
                    let direction = self.dice.direction();
                    self.put(CellClass::Megakaryocyte, disc, affected, direction);
                    break;
                }
            }
        }
    }

    /// Along sinusoids, and flat against fat cells.
    fn spindle_cells(&mut self) {
        let um = self.um;
        for _ in 0..(self.laid_um2() * 0.02) as usize {
            let disc = self.anywhere(1.9);
            let (x, y) = (disc.x, disc.y);
            let lines = if self.dice.chance(0.6) {
                &self.ground.sinusoid
            } else {
                &self.ground.fat
            };
            let beside_um = lines.at(x, y) / um;
            if !(-1.8..-0.4).contains(&beside_um) || !self.dice.chance(0.22) {
                continue;
            }
            let (gx, gy) = (
                lines.at(x + 2.0 * um, y) - lines.at(x - 2.0 * um, y),
                lines.at(x, y + 2.0 * um) - lines.at(x, y - 2.0 * um),
            );
            let steep = (gx * gx + gy * gy).sqrt().max(1e-3);
            let free = self.ground.room(x, y) > 0.3 * um && self.ground.sinusoid.at(x, y) < 0.0;
            if free
                && self.plan.packing.fits(
                    Disc {
                        r: 3.0 * um,
                        ..disc
                    },
                    1.0,
                )
            {
                self.put(
                    CellClass::SpindleCell,
                    disc,
                    None,
                    [-gy / steep, gx / steep],
                );
            }
        }
    }

    /// Osteocytes in the bone, flat lining cells on it.
    fn bone_cells(&mut self) {
        let Some(bone) = &self.ground.bone else {
            return;
        };
        let um = self.um;
        for _ in 0..(self.laid_um2() * 0.012) as usize {
            let disc = self.anywhere(2.0);
            let (x, y) = (disc.x, disc.y);
            let depth_um = bone.at(x, y) / um;
            let lining = (-1.6..0.2).contains(&depth_um) && self.dice.chance(0.6);
            let inside = depth_um > 8.0 && self.dice.chance(0.09);
            let gx = bone.at(x + 2.0 * um, y) - bone.at(x - 2.0 * um, y);
            let gy = bone.at(x, y + 2.0 * um) - bone.at(x, y - 2.0 * um);
            let steep = (gx * gx + gy * gy).sqrt().max(1e-3);
            if (lining || inside)
                && self.plan.packing.fits(
                    Disc {
                        r: 4.0 * um,
                        ..disc
                    },
                    1.0,
                )
            {
                self.put(CellClass::BoneCell, disc, None, [-gy / steep, gx / steep]);
            }
        }
    }

    fn erythroid_islands(&mut self, signs: &Signs) {
        let um = self.um;
        let mut islands: Vec<Disc> = Vec::new();
        for _ in 0..self.count(signs.islands_per_mm2) {
            let r = self.dice.range(20.0, 33.0) * signs.island_scale;
            let ground = self.ground;
            let found = (0..60).map(|_| self.anywhere(r)).find(|island| {
                let apart = islands.iter().all(|other| {
                    (island.x - other.x).hypot(island.y - other.y) > 0.7 * (island.r + other.r)
                });
                apart
                    && ground.room(island.x, island.y) > 9.0 * um
                    && ground.sinusoid.at(island.x, island.y) < -6.0 * um
            });
            let Some(island) = found else { continue };
            islands.push(island);
            if self.dice.chance(0.5) {
                let macrophage = Disc {
                    r: 6.5 * um,
                    ..island
                };
                self.settle(CellClass::Macrophage, macrophage, None, 0.95);
            }
            let area_um2 = std::f32::consts::PI * r * r;
            for _ in 0..(area_um2 * 0.13) as usize {
                let [cos, sin] = self.dice.direction();
                let away = self.dice.unit().sqrt() * 0.5 + self.dice.unit() * 0.5;
                let (x, y) = (
                    island.x + cos * away * island.r,
                    island.y + sin * away * island.r,
                );
                self.erythroblast(signs, x, y, 0.55 - 0.5 * away);
            }
        }
    }

    /// An erythroblast, early with the given probability.
    fn erythroblast(&mut self, signs: &Signs, x: f32, y: f32, early: f32) {
        let early = self.dice.chance(0.5 * early);
        let dysplastic = self.dice.chance(signs.dysplastic);
        let (class, r) = if early {
            (CellClass::EarlyErythroblast, self.dice.range(4.6, 5.8))
        } else {
            (CellClass::LateErythroblast, self.dice.range(3.2, 4.2))
        };
        let r = if dysplastic { r * 1.35 } else { r };
        let disc = Disc {
            x,
            y,
            r: r * self.um,
        };
        self.settle(class, disc, dysplastic.then_some(SF3B1), 0.9);
    }

    /// Puts a cell where it has room.
    fn settle(
        &mut self,
        class: CellClass,
        disc: Disc,
        affected: Option<&'static str>,
        closeness: f32,
    ) {
        let clear = self.ground.room(disc.x, disc.y) > 0.72 * disc.r
            && self.ground.sinusoid.at(disc.x, disc.y) < -0.5 * disc.r;
        if clear && self.plan.packing.fits(disc, closeness) {
            let direction = self.dice.direction();
            self.put(class, disc, affected, direction);
        }
    }

    /// Granulopoiesis, immature towards bone and fat, mature in between; lymphocytes, plasma cells, macrophages and
    /// scattered erythroblasts among it; a few white cells in sinusoids.
    fn granulopoiesis(&mut self, signs: &Signs) {
        use CellClass::{
            BandNeutrophil, Blast, EarlyErythroblast, Eosinophil, Lymphocyte, Macrophage,
            Metamyelocyte, Myelocyte, PlasmaCell, Promyelocyte, SegmentedNeutrophil,
        };
        let um = self.um;
        for attempt in 0..(self.laid_um2() * 0.18) as usize {
            let spot = self.anywhere(0.0);
            let (x, y) = (spot.x, spot.y);
            let room_um = self.ground.room(x, y) / um;
            if room_um < 2.0 || !self.dice.chance(0.65 + 0.55 * self.ground.crowd.at(x, y)) {
                continue;
            }
            if self.ground.sinusoid.at(x, y) > -um {
                if self.dice.chance(0.012) && self.ground.sinusoid.at(x, y) > 2.0 * um {
                    let disc = Disc {
                        r: 4.8 * um,
                        ..spot
                    };
                    if self.plan.packing.fits(disc, 0.95) {
                        let direction = self.dice.direction();
                        self.put(SegmentedNeutrophil, disc, None, direction);
                    }
                }
                continue;
            }
            let near_edge = (1.0 - room_um / 22.0).clamp(0.0, 1.0);
            let young =
                (0.35 + 0.45 * near_edge + 0.55 * self.ground.youth.at(x, y)).clamp(0.0, 1.0);
            let old = 1.0 - young;
            let classes = [
                (Blast, 0.03 + 0.05 * young, (5.6, 7.0)),
                (Promyelocyte, 0.02 + 0.16 * young, (6.2, 7.8)),
                (Myelocyte, 0.08 + 0.28 * young, (5.6, 7.0)),
                (Metamyelocyte, 0.10 + 0.08 * old, (5.0, 6.0)),
                (BandNeutrophil, 0.04 + 0.16 * old, (4.4, 5.2)),
                (SegmentedNeutrophil, 0.03 + 0.30 * old, (4.1, 5.0)),
                (Eosinophil, 0.035, (4.6, 5.6)),
                (Lymphocyte, 0.075, (3.3, 4.2)),
                (PlasmaCell, 0.022, (4.8, 6.0)),
                (Macrophage, 0.012, (7.0, 9.0)),
                (EarlyErythroblast, 0.10, (0.0, 0.0)),
            ];
            let (class, _, (low, high)) =
                classes[self.dice.weighted(&classes.map(|(_, weight, _)| weight))];
            if class == EarlyErythroblast {
                self.erythroblast(signs, x, y, 0.2);
                continue;
            }
            // Small cells fit anywhere: held back at first, or no large one would find room.
            let first = attempt < (self.laid_um2() * 0.05) as usize;
            let closeness = if first { 0.96 } else { 0.9 };
            let disc = Disc {
                x,
                y,
                r: self.dice.range(low, high) * um,
            };
            self.settle(class, disc, None, closeness);
        }
    }

    /// Packed in sinusoids that hold blood, and strayed between the other cells.
    fn red_cells(&mut self) {
        let um = self.um;
        for _ in 0..(self.laid_um2() * 0.2) as usize {
            let spot = self.anywhere(2.0);
            let disc = Disc {
                r: self.dice.range(2.7, 3.4) * um,
                ..spot
            };
            let blood = self.ground.blood.at(disc.x, disc.y);
            let in_sinusoid = self.ground.sinusoid.at(disc.x, disc.y) > 1.2 * um;
            let density = if in_sinusoid {
                0.85 + 1.2 * blood
            } else {
                0.30 + 0.8 * blood
            };
            if self.dice.chance(density.clamp(0.0, 1.0))
                && self.ground.room(disc.x, disc.y) > 0.8 * disc.r
                && self.plan.packing.fits(disc, 0.88)
            {
                let direction = self.dice.direction();
                self.put(CellClass::RedCell, disc, None, direction);
            }
        }
    }
}
