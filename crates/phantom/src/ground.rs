//! The lie of the land: bone, fat cells, sinusoids, clefts, and the zones in which cells settle.

use crate::noise::Field;
use crate::packing::wall;
use crate::random::Dice;
use crate::shape::{Body, Disc, Lobe};

/// What the marrow is made of besides cells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recipe {
    /// Share of the image that is fat, 0 to 0.92.
    pub(crate) fat: f32,
    /// Whether a trabecula may come in from an edge.
    pub(crate) bone: bool,
}

/// Where things lie, before a cell is placed. Depths are px, positive inside.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(crate) size_px: f32,
    pub(crate) px_per_um: f32,
    /// How far outside of the image things are still laid, px.
    pub(crate) margin_px: f32,
    /// Depth in bone.
    pub(crate) bone: Option<Field>,
    pub(crate) fat_cells: Vec<Body>,
    /// Depth in the nearest fat cell.
    pub(crate) fat: Field,
    /// Depth in a sinusoid.
    pub(crate) sinusoid: Field,
    /// Depth in a cleft.
    pub(crate) cleft: Field,
    /// How full sinusoids and the tissue around them are of red cells, about −1 to 1.
    pub(crate) blood: Field,
    /// How dense nucleated cells lie, about −1 to 1.
    pub(crate) crowd: Field,
    /// How immature granulopoiesis is here, about −1 to 1, besides what the nearness of bone and fat adds.
    pub(crate) youth: Field,
}

const MARGIN_UM: f32 = 45.0;
const FIELD_STEP_UM: f32 = 2.0;

impl Ground {
    pub(crate) fn new(dice: &mut Dice, size_px: u32, px_per_um: f32, recipe: Recipe) -> Self {
        let um = px_per_um;
        let (size_px, margin_px, step_px) = (size_px as f32, MARGIN_UM * um, FIELD_STEP_UM * um);
        let noise = |dice: &mut Dice, feature_um: f32| {
            Field::noise(dice, size_px, margin_px, step_px, feature_um * um)
        };

        let rough = noise(dice, 70.0);
        let has_bone = dice.chance(0.4);
        let [cos, sin] = dice.direction();
        let deep = (dice.range(50.0, 150.0) * um).min(0.28 * size_px);
        let bone = (recipe.bone && has_bone).then(|| {
            let far = 0.5 * size_px * (cos.abs() + sin.abs());
            Field::from_fn(size_px, margin_px, step_px, |x, y| {
                let along = (x - 0.5 * size_px) * cos + (y - 0.5 * size_px) * sin;
                along - (far - deep) + 26.0 * um * rough.at(x, y)
            })
        });

        let fat_cells = fat_cells(dice, size_px, margin_px, um, recipe.fat, bone.as_ref());
        let fat = fat_field(&fat_cells, size_px, margin_px, step_px);

        let ridge = noise(dice, 105.0);
        let width = noise(dice, 80.0);
        let sinusoid = tubes(
            &ridge,
            |x, y| (3.0 + 11.0 * width.at(x, y)) * um,
            size_px,
            margin_px,
            step_px,
        );
        let sinusoid = apart_from(
            &sinusoid,
            bone.as_ref(),
            6.0 * um,
            size_px,
            margin_px,
            step_px,
        );
        let cracks = noise(dice, 60.0);
        let crack_width = noise(dice, 95.0);
        let cleft = tubes(
            &cracks,
            |x, y| (9.0 * crack_width.at(x, y) - 3.6) * um,
            size_px,
            margin_px,
            step_px,
        );
        let cleft = apart_from(&cleft, bone.as_ref(), 0.0, size_px, margin_px, step_px);

        Self {
            size_px,
            px_per_um,
            margin_px,
            bone,
            fat_cells,
            fat,
            sinusoid,
            cleft,
            blood: noise(dice, 130.0),
            crowd: noise(dice, 90.0),
            youth: noise(dice, 120.0),
        }
    }

    /// Depth in bone; far outside where there is none.
    pub(crate) fn bone_depth(&self, x: f32, y: f32) -> f32 {
        self.bone.as_ref().map_or(-1e6, |bone| bone.at(x, y))
    }

    /// Distance to the nearest fat cell, bone or cleft, px; negative inside one.
    pub(crate) fn room(&self, x: f32, y: f32) -> f32 {
        (-self.fat.at(x, y))
            .min(-self.bone_depth(x, y))
            .min(-self.cleft.at(x, y))
    }

    /// Whether a point lies inside the image.
    pub(crate) fn in_image(&self, x: f32, y: f32) -> bool {
        (0.0..self.size_px).contains(&x) && (0.0..self.size_px).contains(&y)
    }
}

/// Winding tubes along the zero lines of a noise, with a half width that varies from place to place.
fn tubes(
    ridge: &Field,
    half_width_px: impl Fn(f32, f32) -> f32,
    size_px: f32,
    margin_px: f32,
    step_px: f32,
) -> Field {
    let distance = ridge.map_with_slope(|value, slope| value.abs() / slope.max(1e-5));
    Field::from_fn(size_px, margin_px, step_px, |x, y| {
        half_width_px(x, y) - distance.at(x, y)
    })
}

fn apart_from(
    field: &Field,
    bone: Option<&Field>,
    gap_px: f32,
    size_px: f32,
    margin_px: f32,
    step_px: f32,
) -> Field {
    match bone {
        Some(bone) => Field::from_fn(size_px, margin_px, step_px, |x, y| {
            field.at(x, y).min(-bone.at(x, y) - gap_px)
        }),
        None => field.clone(),
    }
}

/// Fat cells: darts first, then all radii scaled by one factor until the share of the image is as asked. Cells that
/// come to touch press each other flat.
fn fat_cells(
    dice: &mut Dice,
    size_px: f32,
    margin_px: f32,
    um: f32,
    share: f32,
    bone: Option<&Field>,
) -> Vec<Body> {
    let clumps = Field::noise(dice, size_px, margin_px, 8.0 * um, 190.0 * um);
    let side = size_px + 2.0 * margin_px;
    let wanted = share * side * side;
    let (mut laid, mut discs) = (0.0, Vec::<(Disc, f32, [f32; 2])>::new());
    for _ in 0..60_000 {
        if laid >= wanted {
            break;
        }
        let r = if dice.chance(0.12) {
            dice.range(13.0, 22.0)
        } else {
            dice.range(24.0, 37.0)
        } * um;
        let disc = Disc::anywhere(dice, size_px, margin_px, r);
        let (ratio, direction) = (dice.range(1.0, 1.16), dice.direction());
        let liking = 0.12 + 0.88 * (0.5 + 0.9 * clumps.at(disc.x, disc.y)).clamp(0.0, 1.0);
        let keep = dice.chance(liking.max(share - 0.2));
        let off_bone = bone.is_none_or(|bone| bone.at(disc.x, disc.y) < -0.7 * r);
        let free = |(other, ..): &(Disc, f32, [f32; 2])| {
            let far = 0.94 * (r + other.r);
            (disc.x - other.x).powi(2) + (disc.y - other.y).powi(2) >= far * far
        };
        if keep && off_bone && discs.iter().all(free) {
            laid += std::f32::consts::PI * r * r;
            discs.push((disc, ratio, direction));
        }
    }

    let bodies = |scale: f32| -> Vec<Body> {
        let scaled = |(disc, ratio, direction): (Disc, f32, [f32; 2])| {
            (
                Disc {
                    r: disc.r * scale,
                    ..disc
                },
                ratio,
                direction,
            )
        };
        discs
            .iter()
            .enumerate()
            .map(|(number, &cell)| {
                let (disc, ratio, direction) = scaled(cell);
                let walls = discs
                    .iter()
                    .enumerate()
                    .filter(|&(other, _)| other != number)
                    .filter_map(|(_, &other)| wall(disc, scaled(other).0, 1.5 * um))
                    .filter(|wall| wall.at < disc.r * ratio)
                    .collect();
                Body {
                    lobe: Lobe::new(disc.x, disc.y, disc.r * ratio, disc.r / ratio, direction),
                    walls,
                    corner: 7.0 * um,
                }
            })
            .collect()
    };
    let (mut low, mut high) = (0.5, 2.2);
    for _ in 0..9 {
        let scale = 0.5 * (low + high);
        let field = fat_field(&bodies(scale), size_px, margin_px, 5.0 * um);
        let reached = field.share(size_px, |x, y, depth| {
            depth > 0.0 && bone.is_none_or(|b| b.at(x, y) < 0.0)
        });
        if reached < share {
            low = scale;
        } else {
            high = scale;
        }
    }
    bodies(0.5 * (low + high))
}

fn fat_field(cells: &[Body], size_px: f32, margin_px: f32, step_px: f32) -> Field {
    let mut field = Field::from_fn(size_px, margin_px, step_px, |_, _| -1e6);
    for cell in cells {
        // Beyond the edge the depth is still needed, as the distance to the nearest fat cell.
        let reach = cell.reach() + margin_px;
        field.raise(cell.lobe.x, cell.lobe.y, reach, |x, y| cell.depth(x, y));
    }
    field
}
