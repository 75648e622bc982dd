//! How each class of cell looks: size and shape of the nucleus, chromatin, cytoplasm.

use crate::canvas::{Dye, dye};
use crate::plan::Planned;
use crate::random::{Dice, turn};
use crate::shape::{Lobe, Nucleus};
use crate::truth::CellClass;

/// Cytoplasm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plasm {
    pub(crate) dye: Dye,
    /// Contrast of granules.
    pub(crate) grain: f32,
    /// How much of it is vacuoles, 0 to 1.
    pub(crate) foam: f32,
}

/// Chromatin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chromatin {
    /// Haematoxylin in the middle.
    pub(crate) haem: f32,
    /// Contrast of clumps.
    pub(crate) clumps: f32,
    /// Additional haematoxylin at the membrane.
    pub(crate) rim: f32,
    pub(crate) nucleoli: u8,
}

const fn plasm(haem: f32, eosin: f32, grain: f32, foam: f32) -> Plasm {
    Plasm {
        dye: dye(haem, eosin),
        grain,
        foam,
    }
}

const fn chromatin(haem: f32, clumps: f32, rim: f32, nucleoli: u8) -> Chromatin {
    Chromatin {
        haem,
        clumps,
        rim,
        nucleoli,
    }
}

/// The look of a class; red and fat cells are painted by rules of their own.
pub(crate) fn look(class: CellClass) -> (Plasm, Chromatin) {
    use CellClass as C;
    match class {
        C::Blast => (plasm(0.34, 0.34, 0.10, 0.0), chromatin(1.15, 0.26, 0.9, 2)),
        C::Promyelocyte => (plasm(0.24, 0.48, 0.24, 0.0), chromatin(1.25, 0.30, 0.8, 1)),
        C::Myelocyte => (plasm(0.16, 0.52, 0.22, 0.1), chromatin(1.50, 0.34, 0.6, 0)),
        C::Metamyelocyte => (plasm(0.09, 0.50, 0.18, 0.1), chromatin(1.85, 0.30, 0.45, 0)),
        C::BandNeutrophil => (plasm(0.06, 0.44, 0.14, 0.0), chromatin(2.25, 0.20, 0.3, 0)),
        C::SegmentedNeutrophil => (plasm(0.05, 0.40, 0.14, 0.0), chromatin(2.60, 0.14, 0.1, 0)),
        C::Eosinophil => (plasm(0.02, 0.88, 0.24, 0.0), chromatin(2.20, 0.16, 0.2, 0)),
        C::EarlyErythroblast => (plasm(0.46, 0.34, 0.10, 0.0), chromatin(2.00, 0.24, 0.4, 0)),
        C::LateErythroblast => (plasm(0.12, 0.46, 0.06, 0.0), chromatin(2.70, 0.14, 0.0, 0)),
        C::Lymphocyte => (plasm(0.16, 0.26, 0.08, 0.0), chromatin(2.30, 0.24, 0.3, 0)),
        C::PlasmaCell => (plasm(0.50, 0.52, 0.08, 0.0), chromatin(1.95, 0.42, 0.5, 0)),
        C::Macrophage => (plasm(0.05, 0.24, 0.20, 0.8), chromatin(1.05, 0.20, 0.7, 1)),
        C::Megakaryocyte => (plasm(0.15, 0.74, 0.11, 0.0), chromatin(1.80, 0.32, 0.5, 0)),
        C::SpindleCell | C::BoneCell => {
            (plasm(0.05, 0.40, 0.10, 0.0), chromatin(2.10, 0.18, 0.2, 0))
        }
        C::RedCell | C::FatCell => (plasm(0.0, 0.45, 0.04, 0.0), chromatin(0.0, 0.0, 0.0, 0)),
    }
}

/// The nucleus of a cell; None for red cells.
pub(crate) fn nucleus(cell: &Planned, dice: &mut Dice) -> Option<Nucleus> {
    use CellClass as C;
    let maker = Maker { cell, dice };
    Some(match cell.class {
        C::RedCell | C::FatCell => return None,
        C::Blast => maker.round(0.74, 0.06, 1.10),
        C::Promyelocyte => maker.round(0.66, 0.16, 1.12),
        C::Myelocyte => maker.round(0.60, 0.24, 1.20),
        C::Metamyelocyte => maker.bean(),
        C::BandNeutrophil => maker.chain(3, 0.26, 0.42, 1.6),
        C::SegmentedNeutrophil => maker.segmented(),
        C::Eosinophil => maker.chain(2, 0.36, 0.40, 0.8),
        C::EarlyErythroblast | C::LateErythroblast if cell.affected.is_some() => maker.dysplastic(),
        C::EarlyErythroblast => maker.round(0.80, 0.03, 1.06),
        C::LateErythroblast => maker.round(0.74, 0.08, 1.08),
        C::Lymphocyte => maker.round(0.84, 0.04, 1.10),
        C::PlasmaCell => maker.round(0.52, 0.40, 1.05),
        C::Macrophage => maker.round(0.36, 0.25, 1.25),
        C::Megakaryocyte if cell.affected.is_some() => maker.round(0.50, 0.22, 1.10),
        C::Megakaryocyte => maker.lobulated(),
        C::SpindleCell | C::BoneCell => maker.spindle(),
    })
}

struct Maker<'a> {
    cell: &'a Planned,
    dice: &'a mut Dice,
}

impl Maker<'_> {
    /// A lobe at a place given in cell radii, along and across the cell's direction.
    fn lobe(&mut self, along: f32, across: f32, radius: f32, ratio: f32) -> Lobe {
        let disc = self.cell.disc;
        let [cos, sin] = self.cell.direction;
        let x = disc.x + disc.r * (along * cos - across * sin);
        let y = disc.y + disc.r * (along * sin + across * cos);
        let stretch = self.dice.range(1.0, ratio.max(1.0)).sqrt();
        Lobe::new(
            x,
            y,
            disc.r * radius * stretch,
            disc.r * radius / stretch,
            self.dice.direction(),
        )
    }

    fn round(mut self, radius: f32, aside: f32, ratio: f32) -> Nucleus {
        let radius = radius * self.dice.range(0.93, 1.07);
        Nucleus::single(self.lobe(aside, 0.0, radius, ratio * ratio))
    }

    fn bean(mut self) -> Nucleus {
        let mut lobe = self.lobe(0.16, 0.0, 0.58, 1.0);
        let [cos, sin] = self.cell.direction;
        (lobe.a, lobe.b, lobe.cos, lobe.sin) = (lobe.a * 0.86, lobe.b * 1.16, cos, sin);
        let notch = self.lobe(-0.46, 0.0, 0.36, 1.1);
        Nucleus {
            lobes: vec![lobe],
            notch: Some(notch),
            bridge: 0.1,
        }
    }

    /// Lobes along an arc around the middle.
    fn chain(mut self, lobes: usize, radius: f32, away: f32, bridge_um: f32) -> Nucleus {
        let start = self.dice.unit();
        let step = self.dice.range(0.15, 0.25) * if lobes == 2 { 1.6 } else { 1.0 };
        let lobes = (0..lobes)
            .map(|lobe| {
                let [cos, sin] = turn(start + step * lobe as f32);
                let size = radius * self.dice.range(0.88, 1.12);
                let away = away * self.dice.range(0.75, 1.2);
                self.lobe(cos * away, sin * away, size, 1.45)
            })
            .collect();
        Nucleus {
            lobes,
            notch: None,
            bridge: bridge_um * 2.0,
        }
    }

    fn segmented(self) -> Nucleus {
        let lobes = 2 + self.dice.weighted(&[0.15, 0.45, 0.3, 0.1]);
        let radius = if lobes > 3 { 0.25 } else { 0.29 };
        self.chain(lobes, radius, 0.36, 1.3)
    }

    /// Two nuclei, or one with buds.
    fn dysplastic(mut self) -> Nucleus {
        let lobes = if self.dice.chance(0.45) {
            vec![
                self.lobe(0.38, 0.0, 0.42, 1.15),
                self.lobe(-0.40, 0.0, 0.40, 1.15),
            ]
        } else {
            let bud = self.dice.range(-0.5, 0.5);
            vec![
                self.lobe(0.05, 0.0, 0.56, 1.3),
                self.lobe(0.52, bud, 0.26, 1.2),
                self.lobe(-0.35, -bud - 0.3, 0.28, 1.2),
            ]
        };
        Nucleus {
            lobes,
            notch: None,
            bridge: 1.0,
        }
    }

    /// Many lobes heaped up in the middle.
    fn lobulated(mut self) -> Nucleus {
        let n = 4 + self.dice.below(5);
        let start = self.dice.unit();
        let aside = self.dice.range(0.0, 0.14);
        let lobes = (0..n)
            .map(|lobe| {
                let [cos, sin] = turn(start + lobe as f32 / n as f32 + 0.03 * self.dice.bell());
                let away = self.dice.range(0.20, 0.42);
                let size = self.dice.range(0.19, 0.29);
                self.lobe(aside + cos * away, sin * away * 0.85, size, 1.5)
            })
            .collect();
        Nucleus {
            lobes,
            notch: None,
            bridge: 3.0,
        }
    }

    fn spindle(self) -> Nucleus {
        let disc = self.cell.disc;
        let long = disc.r * self.dice.range(1.7, 2.9);
        let short = disc.r * self.dice.range(0.42, 0.70);
        Nucleus::single(Lobe::new(disc.x, disc.y, long, short, self.cell.direction))
    }
}
