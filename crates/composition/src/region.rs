//! Takes one region apart: the class of every pixel, and every nucleus.

use domain::geometry::SlideRect;

use crate::class::PixelClass;
use crate::distance::nearest_label;
use crate::error::CompositionError;
use crate::feature::{FEATURE_COUNT, Nucleus, Spread};
use crate::ground::{Hole, bone, holes};
use crate::levels::Levels;
use crate::nuclei::nuclei;
use crate::optics::Optics;
use crate::plane::Plane;
use crate::shape::{Shape, shapes};

/// Most pixels along a side: some 60 bytes are held for each.
const MOST_PX: u32 = 4096;
/// Standard deviation by which dyes are smoothed before nuclei are sought and a pixel's class is told.
const SMOOTHING_UM: f64 = 0.5;
/// How far cytoplasm reaches beyond a nucleus, unless another is nearer.
const CYTOPLASM_UM: f64 = 2.4;
/// Nuclei larger than this are megakaryocytes', with a wide, evenly eosinophilic cytoplasm.
const LARGE_NUCLEUS_UM2: f64 = 110.0;
const LARGE_CYTOPLASM_UM: f64 = 9.0;
const LARGE_CYTOPLASM_EOSIN: f32 = 1.1;
/// Red cells have at least this share of the eosin of ordinary tissue, and at most so much more haematoxylin for their eosin
/// than pure eosin seems to have.
const RED_EOSIN: f32 = 0.85;
const RED_HAEMATOXYLIN: f32 = 0.12;

/// Pixels of a slide.
#[derive(Clone, Copy, Debug)]
pub struct Region<'a> {
    /// Red, green, blue of each pixel, row by row.
    pub rgb: &'a [u8],
    /// Width, px.
    pub width: u32,
    /// Height, px.
    pub height: u32,
    /// Where they lie.
    pub rect: SlideRect,
}

/// Taken apart: what lies in the core of a region.
#[derive(Clone, Debug, PartialEq)]
pub struct RegionComposition {
    /// Columns of pixels whose middles lie in the core.
    pub width: u32,
    /// Rows of such pixels.
    pub height: u32,
    /// Where they lie.
    pub rect: SlideRect,
    /// Micrometres per pixel.
    pub um_per_px: f64,
    /// Class of each, row by row.
    pub classes: Vec<PixelClass>,
    /// Nuclei whose middles lie in the core, from the top.
    pub nuclei: Vec<Nucleus>,
}

/// Takes regions of one slide apart.
#[derive(Clone, Debug)]
pub struct Analyser {
    optics: Optics,
    levels: Levels,
}

impl Region<'_> {
    /// Whether the bytes are those of so many pixels and the place is one.
    ///
    /// # Errors
    /// [`CompositionError::Size`], [`CompositionError::Bytes`] or [`CompositionError::Place`] when not.
    pub fn check(&self) -> Result<(), CompositionError> {
        let (width, height) = (self.width, self.height);
        let sides = 1..=MOST_PX;
        if !sides.contains(&width) || !sides.contains(&height) {
            return Err(CompositionError::Size {
                width,
                height,
                most: MOST_PX,
            });
        }
        let expected = width as usize * height as usize * 3;
        let found = self.rgb.len();
        if found != expected {
            return Err(CompositionError::Bytes {
                width,
                height,
                expected,
                found,
            });
        }
        if !is_area(&self.rect) {
            return Err(CompositionError::Place);
        }
        Ok(())
    }
}

fn is_area(rect: &SlideRect) -> bool {
    rect.x.is_finite()
        && rect.y.is_finite()
        && [rect.width, rect.height]
            .iter()
            .all(|side| side.is_finite() && *side > 0.0)
}

/// Amounts of dye of a region's pixels.
pub(crate) struct Planes {
    pub(crate) haematoxylin: Plane<f32>,
    pub(crate) eosin: Plane<f32>,
    pub(crate) density: Plane<f32>,
    pub(crate) smooth_haematoxylin: Plane<f32>,
    pub(crate) smooth_eosin: Plane<f32>,
}

impl Planes {
    /// Of a region that was checked.
    pub(crate) fn of(region: &Region<'_>, optics: &Optics) -> Self {
        let (width, height) = (region.width as usize, region.height as usize);
        let plane = || Plane::filled(width, height, 0.0f32);
        let (mut haematoxylin, mut eosin, mut density) = (plane(), plane(), plane());
        let outs = haematoxylin
            .values
            .iter_mut()
            .zip(&mut eosin.values)
            .zip(&mut density.values);
        let (pixels, _) = region.rgb.as_chunks::<3>();
        for (&pixel, ((haematoxylin, eosin), density)) in pixels.iter().zip(outs) {
            if Optics::is_opaque(pixel) {
                continue;
            }
            let amounts = optics.amounts(pixel);
            *haematoxylin = amounts.haematoxylin;
            *eosin = amounts.eosin;
            *density = amounts.density;
        }
        let sigma = optics.px(SMOOTHING_UM);
        Self {
            smooth_haematoxylin: haematoxylin.smoothed(sigma),
            smooth_eosin: eosin.smoothed(sigma),
            haematoxylin,
            eosin,
            density,
        }
    }
}

impl Analyser {
    /// For a slide that is stained like this.
    #[must_use]
    pub const fn new(optics: Optics, levels: Levels) -> Self {
        Self { optics, levels }
    }

    /// Takes a region apart. Of what is found, only what lies in `core` is returned: with [`crate::MARGIN_UM`] of the slide
    /// around it, neighbouring cores find the same nuclei and each is returned once.
    ///
    /// # Errors
    /// As [`Region::check`]; [`CompositionError::Place`] when the core is no rectangle either.
    pub fn region(
        &self,
        region: &Region<'_>,
        core: &SlideRect,
    ) -> Result<RegionComposition, CompositionError> {
        region.check()?;
        if !is_area(core) {
            return Err(CompositionError::Place);
        }
        let planes = Planes::of(region, &self.optics);
        let (labels, count) = nuclei(&planes.smooth_haematoxylin, &self.optics, self.levels);
        let shapes = shapes(&labels.values, labels.width, count);
        let cells = self.cells(&planes, &labels, &shapes);
        let frame = Frame::new(region, core);
        let classes = self.classes(&planes, &cells, &frame);
        Ok(RegionComposition {
            width: frame.columns.len() as u32,
            height: frame.rows.len() as u32,
            rect: frame.core_rect(),
            um_per_px: self.optics.um_per_px(),
            classes,
            nuclei: self.measured(&planes, &labels, &cells, &shapes, &frame, core),
        })
    }

    /// Nuclei with the cytoplasm around them, by the labels of the nuclei.
    fn cells(&self, planes: &Planes, labels: &Plane<u32>, shapes: &[Option<Shape>]) -> Plane<u32> {
        let um_per_px = self.optics.um_per_px();
        let is_large: Vec<bool> = shapes
            .iter()
            .map(|shape| {
                shape.is_some_and(|shape| shape.area * um_per_px.powi(2) > LARGE_NUCLEUS_UM2)
            })
            .collect();
        let reach_um = if is_large.contains(&true) {
            LARGE_CYTOPLASM_UM
        } else {
            CYTOPLASM_UM
        };
        let (mut cells, distance) = nearest_label(labels, self.optics.px(reach_um));
        let near = self.optics.px(CYTOPLASM_UM);
        for (place, cell) in cells.values.iter_mut().enumerate() {
            if *cell == 0 || labels.values[place] > 0 {
                continue;
            }
            let is_far = distance.values[place] > near;
            let is_large = is_large[*cell as usize - 1];
            let eosin = planes.eosin.values[place];
            let in_reach =
                !is_far || (is_large && eosin > LARGE_CYTOPLASM_EOSIN * self.levels.eosin);
            if !in_reach || planes.density.values[place] < self.levels.bright {
                *cell = 0;
            }
        }
        cells
    }

    fn classes(&self, planes: &Planes, cells: &Plane<u32>, frame: &Frame) -> Vec<PixelClass> {
        let (holes, hole_px) = holes(&planes.density, &self.optics, self.levels);
        let (bone, bone_px) = bone(
            &planes.haematoxylin,
            &planes.eosin,
            &self.optics,
            self.levels,
        );
        let red_eosin = RED_EOSIN * self.levels.eosin;
        let red_haematoxylin = self.levels.pure_eosin + RED_HAEMATOXYLIN;
        let mut classes = Vec::with_capacity(frame.columns.len() * frame.rows.len());
        for y in frame.rows.clone() {
            let holes = &holes.values[y / hole_px * holes.width..];
            let bone = &bone.values[y / bone_px * bone.width..];
            for x in frame.columns.clone() {
                let place = y * cells.width + x;
                let (haematoxylin, eosin) = (
                    planes.smooth_haematoxylin.values[place],
                    planes.smooth_eosin.values[place],
                );
                classes.push(if cells.values[place] > 0 {
                    PixelClass::Nucleated
                } else if bone[x / bone_px] {
                    PixelClass::Bone
                } else if holes[x / hole_px] == Hole::Fat {
                    PixelClass::Fat
                } else if holes[x / hole_px] == Hole::Glass {
                    PixelClass::Background
                } else if eosin > red_eosin && haematoxylin < red_haematoxylin * eosin {
                    PixelClass::Red
                } else {
                    PixelClass::Stroma
                });
            }
        }
        classes
    }

    /// The nuclei with their middles in the core.
    fn measured(
        &self,
        planes: &Planes,
        labels: &Plane<u32>,
        cells: &Plane<u32>,
        shapes: &[Option<Shape>],
        frame: &Frame,
        core: &SlideRect,
    ) -> Vec<Nucleus> {
        let mut spreads = vec![[Spread::NONE; 4]; shapes.len()];
        for (place, &cell) in cells.values.iter().enumerate() {
            if cell == 0 {
                continue;
            }
            let (haematoxylin, eosin) = (
                planes.haematoxylin.values[place],
                planes.eosin.values[place],
            );
            let [nucleus_h, nucleus_e, ring_h, ring_e] = &mut spreads[cell as usize - 1];
            if labels.values[place] > 0 {
                nucleus_h.add(haematoxylin);
                nucleus_e.add(eosin);
            } else {
                ring_h.add(haematoxylin);
                ring_e.add(eosin);
            }
        }
        let um = self.optics.um_per_px();
        shapes
            .iter()
            .zip(&spreads)
            .filter_map(|(shape, spreads)| {
                let shape = (*shape)?;
                let (x, y) = frame.slide_from_px(shape.x, shape.y);
                core.contains(x, y).then(|| Nucleus {
                    x,
                    y,
                    values: values(&shape, spreads, um),
                })
            })
            .collect()
    }
}

/// In the order of [`crate::FEATURES`].
fn values(shape: &Shape, spreads: &[Spread; 4], um: f64) -> [Option<f32>; FEATURE_COUNT] {
    let circularity = if shape.perimeter > 0.0 {
        (4.0 * std::f64::consts::PI * shape.area / shape.perimeter.powi(2)).min(1.0)
    } else {
        1.0
    };
    let cell_area = shape.area + spreads[2].count();
    let of_shape = [
        shape.area * um * um,
        shape.perimeter * um,
        circularity,
        shape.long_axis * um,
        shape.short_axis * um,
        shape.eccentricity,
        shape.solidity,
    ];
    let of_cell = [cell_area * um * um, shape.area / cell_area];
    let mut values = of_shape
        .into_iter()
        .map(|value| Some(value as f32))
        .chain(
            spreads
                .iter()
                .flat_map(|spread| spread.values().map_or([None; 4], |values| values.map(Some))),
        )
        .chain(of_cell.into_iter().map(|value| Some(value as f32)));
    std::array::from_fn(|_| values.next().flatten())
}

/// Which pixels of a region belong to its core, and where they lie.
struct Frame {
    columns: std::ops::Range<usize>,
    rows: std::ops::Range<usize>,
    rect: SlideRect,
    slide_per_px: (f64, f64),
}

impl Frame {
    fn new(region: &Region<'_>, core: &SlideRect) -> Self {
        let rect = region.rect;
        let slide_per_px = (
            rect.width / f64::from(region.width),
            rect.height / f64::from(region.height),
        );
        // A pixel belongs where its middle lies; its left and upper edge count as inside.
        let range = |from: f64, to: f64, size: u32| {
            let at = |px: f64| (px - 0.5).ceil().clamp(0.0, f64::from(size)) as usize;
            at(from)..at(to).max(at(from))
        };
        let (left, top) = (
            (core.x - rect.x) / slide_per_px.0,
            (core.y - rect.y) / slide_per_px.1,
        );
        Self {
            columns: range(left, left + core.width / slide_per_px.0, region.width),
            rows: range(top, top + core.height / slide_per_px.1, region.height),
            rect,
            slide_per_px,
        }
    }

    fn slide_from_px(&self, x: f64, y: f64) -> (f64, f64) {
        (
            self.rect.x + x * self.slide_per_px.0,
            self.rect.y + y * self.slide_per_px.1,
        )
    }

    fn core_rect(&self) -> SlideRect {
        let (x, y) = self.slide_from_px(self.columns.start as f64, self.rows.start as f64);
        SlideRect {
            x,
            y,
            width: self.columns.len() as f64 * self.slide_per_px.0,
            height: self.rows.len() as f64 * self.slide_per_px.1,
        }
    }
}
