//! Planted truth: what was drawn, and where.

use domain::geometry::SlideRect;
use serde::{Deserialize, Serialize};

/// The kinds of cell that are drawn, by the names of haematology.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CellClass {
    /// Myeloblast: large vesicular nucleus with nucleoli, little cytoplasm.
    Blast,
    /// Promyelocyte.
    Promyelocyte,
    /// Myelocyte: round to oval nucleus beside the middle.
    Myelocyte,
    /// Metamyelocyte: bean-shaped nucleus.
    Metamyelocyte,
    /// Band neutrophil.
    BandNeutrophil,
    /// Segmented neutrophil: two to five lobes.
    SegmentedNeutrophil,
    /// Eosinophil: two lobes, strongly eosinophilic granules.
    Eosinophil,
    /// Proerythroblast or basophilic erythroblast.
    EarlyErythroblast,
    /// Polychromatic or orthochromatic erythroblast: small, round, dark.
    LateErythroblast,
    /// Lymphocyte.
    Lymphocyte,
    /// Plasma cell: round nucleus at one side, clumps like a clock face.
    PlasmaCell,
    /// Macrophage.
    Macrophage,
    /// Megakaryocyte.
    Megakaryocyte,
    /// Erythrocyte.
    RedCell,
    /// Adipocyte.
    FatCell,
    /// Endothelial or stromal spindle cell.
    SpindleCell,
    /// Osteocyte or bone-lining cell.
    BoneCell,
}

impl CellClass {
    /// Whether it is a nucleated cell of the blood's lines.
    #[must_use]
    pub const fn is_haematopoietic(self) -> bool {
        !matches!(
            self,
            Self::RedCell | Self::FatCell | Self::SpindleCell | Self::BoneCell | Self::Macrophage
        )
    }

    /// Whether it belongs to the red line and has a nucleus.
    #[must_use]
    pub const fn is_erythroid(self) -> bool {
        matches!(self, Self::EarlyErythroblast | Self::LateErythroblast)
    }
}

/// An ellipse around a cell's or nucleus's own centre.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "[f32; 5]", into = "[f32; 5]")]
pub struct Ellipse {
    /// Middle, slide px.
    pub x: f32,
    /// Middle, slide px.
    pub y: f32,
    /// Half of the long axis, px.
    pub long: f32,
    /// Half of the short axis, px.
    pub short: f32,
    /// Direction of the long axis, radians from x towards y.
    pub angle: f32,
}

impl From<[f32; 5]> for Ellipse {
    fn from([x, y, long, short, angle]: [f32; 5]) -> Self {
        Self {
            x,
            y,
            long,
            short,
            angle,
        }
    }
}

impl From<Ellipse> for [f32; 5] {
    fn from(e: Ellipse) -> Self {
        [
            tenth(e.x),
            tenth(e.y),
            tenth(e.long),
            tenth(e.short),
            (e.angle * 100.0).round() / 100.0,
        ]
    }
}

/// The edge of a cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Outline {
    /// Small cells: an ellipse of the area that was painted; its edge follows the neighbours only roughly.
    Ellipse(Ellipse),
    /// Megakaryocytes and fat cells: corners in order, slide px, clipped to the image.
    Polygon(Vec<[f32; 2]>),
}

impl Outline {
    /// Area, px².
    #[must_use]
    pub fn area(&self) -> f32 {
        match self {
            Self::Ellipse(e) => std::f32::consts::PI * e.long * e.short,
            Self::Polygon(corners) => {
                let next = corners.iter().cycle().skip(1);
                let twice: f32 = corners
                    .iter()
                    .zip(next)
                    .map(|(a, b)| a[0] * b[1] - b[0] * a[1])
                    .sum();
                twice.abs() / 2.0
            }
        }
    }
}

/// One planted cell whose middle lies inside the image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "PackedCell", into = "PackedCell")]
pub struct Cell {
    /// What it is.
    pub class: CellClass,
    /// Middle of the cell, slide px.
    pub x: f32,
    /// Middle of the cell, slide px.
    pub y: f32,
    /// Edge of the cell.
    pub outline: Outline,
    /// The nucleus: the ellipse around all lobes. None where there is none to see.
    pub nucleus: Option<Ellipse>,
    /// Lobes of the nucleus; 0 without one.
    pub lobes: u8,
    /// Key of the target whose sign the cell shows. A cell may show a sign without the patient having the finding.
    pub affected: Option<String>,
}

/// A cell as it is written: an array instead of named fields, for there are thousands.
#[derive(Serialize, Deserialize)]
struct PackedCell(
    CellClass,
    [f32; 2],
    Outline,
    Option<Ellipse>,
    u8,
    Option<String>,
);

impl From<PackedCell> for Cell {
    fn from(PackedCell(class, [x, y], outline, nucleus, lobes, affected): PackedCell) -> Self {
        Self {
            class,
            x,
            y,
            outline,
            nucleus,
            lobes,
            affected,
        }
    }
}

impl From<Cell> for PackedCell {
    fn from(cell: Cell) -> Self {
        let outline = match cell.outline {
            Outline::Polygon(corners) => {
                Outline::Polygon(corners.into_iter().map(|c| c.map(tenth)).collect())
            }
            ellipse @ Outline::Ellipse(_) => ellipse,
        };
        Self(
            cell.class,
            [tenth(cell.x), tenth(cell.y)],
            outline,
            cell.nucleus,
            cell.lobes,
            cell.affected,
        )
    }
}

fn tenth(px: f32) -> f32 {
    (px * 10.0).round() / 10.0
}

/// What a pixel shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PixelClass {
    /// Nucleated cells, cytoplasm and nucleus ("WBC" of the study).
    Nucleated,
    /// Red cells.
    Red,
    /// Fat cells.
    Fat,
    /// Ground substance, fibres, vessel walls.
    Stroma,
    /// Bone.
    Bone,
    /// Glass: clefts and empty sinusoids.
    Background,
}

impl PixelClass {
    /// All classes, in the order of their numbers.
    pub const ALL: [Self; 6] = [
        Self::Nucleated,
        Self::Red,
        Self::Fat,
        Self::Stroma,
        Self::Bone,
        Self::Background,
    ];
}

/// Shares of the pixels; they sum to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PixelFractions {
    /// Nucleated cells.
    pub nucleated: f32,
    /// Red cells.
    pub red: f32,
    /// Fat cells.
    pub fat: f32,
    /// Ground substance.
    pub stroma: f32,
    /// Bone.
    pub bone: f32,
    /// Glass.
    pub background: f32,
}

/// All that was planted into one spot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// Width and height of the image, px.
    pub size_px: u32,
    /// Micrometres per pixel.
    pub mpp: f64,
    /// Every cell whose middle lies inside the image.
    pub cells: Vec<Cell>,
    /// What share of the image each pixel class has.
    pub fractions: PixelFractions,
}

impl Truth {
    /// Whether a cell that shows the target's sign has its middle in the rectangle.
    #[must_use]
    pub fn holds_affected_cell(&self, target: &str, rect: &SlideRect) -> bool {
        self.affected_cells(target)
            .any(|cell| rect.contains(f64::from(cell.x), f64::from(cell.y)))
    }

    /// The cells that show the target's sign.
    pub fn affected_cells<'a>(&'a self, target: &'a str) -> impl Iterator<Item = &'a Cell> {
        self.cells
            .iter()
            .filter(move |cell| cell.affected.as_deref() == Some(target))
    }

    /// The cells of a class.
    pub fn cells_of(&self, class: CellClass) -> impl Iterator<Item = &Cell> {
        self.cells.iter().filter(move |cell| cell.class == class)
    }
}
