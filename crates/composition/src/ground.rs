//! What is no cell: fat, glass, bone, by shape rather than by colour.

use crate::distance::{distance_to, nearest_label, opened};
use crate::labels::{Connected, connected, fill_holes};
use crate::levels::Levels;
use crate::optics::Optics;
use crate::plane::Plane;
use crate::split::{Cut, split};

/// What fills a bright place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hole {
    /// It is none, or too narrow to be more than a gap between cells.
    None,
    /// A fat cell's droplet.
    Fat,
    /// Glass.
    Glass,
}

/// Resolution at which holes are looked at: walls between fat cells are about 1 µm.
const HOLE_UM_PER_PX: f64 = 1.0;
/// Specks in bright places up to this are part of them.
const SPECK_UM2: f64 = 12.0;
/// Narrower than a disc of this radius is no fat.
const FAT_NECK_UM: f64 = 5.0;
/// Radius of the largest disc inside a fat cell.
const FAT_RADIUS_UM: std::ops::RangeInclusive<f64> = 8.0..=75.0;
/// Area of a fat cell over that of its largest disc. An ellipse twice as long as wide has 2.
const FAT_STRETCH: f64 = 2.6;
/// Fat cells whose wall is torn meet on a neck narrower than this share of the smaller one.
const FAT_CUT: Cut = Cut {
    neck: 0.82,
    drop: 1.0,
};
/// Narrower than a disc of this radius is a gap between cells and no cleft.
const CLEFT_UM: f64 = 1.5;

/// Bone is looked at in squares of this side.
const BONE_UM_PER_PX: f64 = 4.0;
/// Bone has at least this share of the eosin of ordinary tissue, and at most so much haematoxylin for its eosin.
const BONE_EOSIN: f32 = 0.65;
const BONE_HAEMATOXYLIN: f32 = 0.4;
/// Standard deviation of eosin within a square over its mean.
const BONE_UNEVEN: f32 = 0.42;
/// Osteocytes and the creases between lamellae are holes up to this.
const OSTEOCYTES_UM2: f64 = 150.0;
/// A disc of this radius fits in, which the cytoplasm of a megakaryocyte around its nucleus does not hold.
const BONE_RADIUS_UM: f64 = 14.0;
const BONE_UM2: f64 = 3000.0;

/// Bright places at about 1 µm/px, and how many pixels of the image make one of theirs along each side.
pub(crate) fn holes(density: &Plane<f32>, optics: &Optics, levels: Levels) -> (Plane<Hole>, usize) {
    let factor = (HOLE_UM_PER_PX / optics.um_per_px()).round().max(1.0) as usize;
    let um_per_px = optics.um_per_px() * factor as f64;
    let px = |um: f64| (um / um_per_px) as f32;
    let mut bright = density
        .reduced(factor)
        .map(|&density| density < levels.bright);
    fill_holes(&mut bright, SPECK_UM2 / um_per_px.powi(2));
    let most = 2.0 * *FAT_RADIUS_UM.end();
    let depth = distance_to(&bright, px(most), |bright| !bright);

    // What a disc can enter is parted at its necks, and each part is judged by itself.
    let neck = px(FAT_NECK_UM);
    let within = depth.map(|&depth| (depth - neck).max(0.0));
    let heights = Plane {
        values: depth
            .values
            .iter()
            .zip(&within.values)
            .map(|(&depth, &within)| if within > 0.0 { depth } else { 0.0 })
            .collect(),
        ..depth
    };
    let (parts, sizes) = split(&heights, FAT_CUT);
    let mut radii = vec![0.0f32; sizes.len()];
    for (&part, &height) in parts.values.iter().zip(&heights.values) {
        if part > 0 {
            let radius = &mut radii[part as usize - 1];
            *radius = radius.max(height);
        }
    }
    let (grown, reach) = nearest_label(&parts, neck + 1.0);
    let mut areas = vec![0u32; sizes.len()];
    for ((&part, &reach), &bright) in grown.values.iter().zip(&reach.values).zip(&bright.values) {
        if part > 0 && bright && reach <= neck {
            areas[part as usize - 1] += 1;
        }
    }
    let is_fat: Vec<bool> = radii
        .iter()
        .zip(&areas)
        .map(|(&radius, &area)| {
            let disc = std::f64::consts::PI * f64::from(radius).powi(2);
            FAT_RADIUS_UM.contains(&(f64::from(radius) * um_per_px))
                && f64::from(area) <= FAT_STRETCH * disc
        })
        .collect();
    let wide = opened(&bright, px(CLEFT_UM));
    let mut holes = Plane::filled(bright.width, bright.height, Hole::None);
    for (place, hole) in holes.values.iter_mut().enumerate() {
        let part = grown.values[place];
        // The wall belongs to the fat cell: half a pixel or more beyond what is bright.
        let in_part =
            part > 0 && reach.values[place] <= neck + if bright.values[place] { 0.0 } else { 1.0 };
        if in_part && is_fat[part as usize - 1] {
            *hole = Hole::Fat;
        } else if bright.values[place] && wide.values[place] {
            *hole = Hole::Glass;
        }
    }
    (holes, factor)
}

/// Where bone is, at about 4 µm/px, and how many pixels of the image make one of its along each side.
pub(crate) fn bone(
    haematoxylin: &Plane<f32>,
    eosin: &Plane<f32>,
    optics: &Optics,
    levels: Levels,
) -> (Plane<bool>, usize) {
    let factor = (BONE_UM_PER_PX / optics.um_per_px()).round().max(1.0) as usize;
    let um_per_px = optics.um_per_px() * factor as f64;
    let mean_haematoxylin = haematoxylin.reduced(factor);
    let mean = eosin.reduced(factor);
    let squares = eosin.map(|value| value * value).reduced(factor);
    let mut smooth = Plane {
        values: (0..mean.values.len())
            .map(|place| {
                let (haematoxylin, eosin) = (mean_haematoxylin.values[place], mean.values[place]);
                let sd = (squares.values[place] - eosin * eosin).max(0.0).sqrt();
                eosin > BONE_EOSIN * levels.eosin
                    && haematoxylin < BONE_HAEMATOXYLIN * eosin
                    && sd < BONE_UNEVEN * eosin
            })
            .collect(),
        width: mean.width,
        height: mean.height,
    };
    // Osteocytes are holes of a square or two.
    fill_holes(&mut smooth, OSTEOCYTES_UM2 / um_per_px.powi(2));
    let core = opened(&smooth, (BONE_RADIUS_UM / um_per_px) as f32);
    let (parts, sizes) = connected(&core, Connected::ByCorners);
    let least = BONE_UM2 / um_per_px.powi(2);
    let bone = parts.map(|&part| part > 0 && f64::from(sizes[part as usize - 1]) >= least);
    (bone, factor)
}
