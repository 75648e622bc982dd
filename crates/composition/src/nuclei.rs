//! Finds nuclei in smoothed haematoxylin.

use std::collections::BTreeMap;

use crate::distance::{distance_to, nearest_label};
use crate::labels::{Sets, fill_holes, renumber};
use crate::levels::Levels;
use crate::optics::Optics;
use crate::plane::Plane;
use crate::split::{Cut, split};

/// Holes up to this are filled: nucleoli and pale chromatin, not the cytoplasm between nuclei.
const HOLE_UM2: f64 = 10.0;
/// A nucleus has at least half of its own mean: at a common level the edges of dark ones would lie too far out.
const OWN_LEVEL: f32 = 0.5;
/// Smaller is dirt or a granule, larger a fold or a clump that cannot be parted.
const AREA_UM2: std::ops::RangeInclusive<f64> = 7.0..=700.0;
/// Hills of the distance to the edge are two nuclei where the neck is narrower than this share of the smaller one.
const NECK: f32 = 0.75;
const NECK_DROP_UM: f64 = 0.35;
/// Pieces so small are lobes of one granulocyte's nucleus when they lie side by side: a lobe has up to some 11 µm², the
/// smallest round nuclei (late erythroblasts, lymphocytes) 15 µm².
const LOBE_UM2: f64 = 13.0;
const LOBE_GAP_UM: f64 = 1.2;
/// Lobes of one nucleus have at most so much area together, and neighbours' middles lie at most so far apart.
const LOBES_UM2: f64 = 36.0;
const LOBES_APART_UM: f64 = 6.0;

/// Labels of nuclei from 1; their number.
pub(crate) fn nuclei(smooth: &Plane<f32>, optics: &Optics, levels: Levels) -> (Plane<u32>, usize) {
    let um2 = optics.um_per_px().powi(2);
    let mut mask = smooth.map(|&value| value > levels.haematoxylin);
    fill_holes(&mut mask, HOLE_UM2 / um2);
    let heights = distance_to(&mask, optics.px(20.0), |inside| !inside);
    let cut = Cut {
        neck: NECK,
        drop: optics.px(NECK_DROP_UM),
    };
    let (mut labels, sizes) = split(&heights, cut);
    tighten(&mut labels, &sizes, smooth);
    let sizes = renumber(&mut labels, |label| label);
    join_lobes(&mut labels, &sizes, optics);
    let sizes = renumber(&mut labels, |label| label);
    let fits: Vec<bool> = sizes
        .iter()
        .map(|&size| AREA_UM2.contains(&(f64::from(size) * um2)))
        .collect();
    let sizes = renumber(&mut labels, |label| {
        if fits[label as usize - 1] { label } else { 0 }
    });
    (labels, sizes.len())
}

/// Takes away what has less than half of the mean of its own nucleus.
fn tighten(labels: &mut Plane<u32>, sizes: &[u32], smooth: &Plane<f32>) {
    let mut sums = vec![0.0f64; sizes.len()];
    for (&label, &value) in labels.values.iter().zip(&smooth.values) {
        if label > 0 {
            sums[label as usize - 1] += f64::from(value);
        }
    }
    let own: Vec<f32> = sums
        .iter()
        .zip(sizes)
        .map(|(sum, &size)| OWN_LEVEL * (sum / f64::from(size.max(1))) as f32)
        .collect();
    for (label, &value) in labels.values.iter_mut().zip(&smooth.values) {
        if *label > 0 && value < own[*label as usize - 1] {
            *label = 0;
        }
    }
}

/// Gives lobes of one nucleus one label.
fn join_lobes(labels: &mut Plane<u32>, sizes: &[u32], optics: &Optics) {
    let um2 = optics.um_per_px().powi(2);
    let area = |label: u32| f64::from(sizes[label as usize - 1]) * um2;
    let mut middles = vec![[0.0f64; 2]; sizes.len()];
    let mut lobes = labels.clone();
    for (place, label) in lobes.values.iter_mut().enumerate() {
        if *label == 0 {
            continue;
        }
        if area(*label) > LOBE_UM2 {
            *label = 0;
            continue;
        }
        let size = f64::from(sizes[*label as usize - 1]);
        let middle = &mut middles[*label as usize - 1];
        middle[0] += (place % labels.width) as f64 / size;
        middle[1] += (place / labels.width) as f64 / size;
    }
    let (nearest, distance) = nearest_label(&lobes, optics.px(0.5 * LOBE_GAP_UM) + 0.5);
    let mut gaps: BTreeMap<(u32, u32), f32> = BTreeMap::new();
    let mut meet = |here: usize, there: usize| {
        let (a, b) = (nearest.values[here], nearest.values[there]);
        if a != b && a > 0 && b > 0 {
            let gap = distance.values[here] + distance.values[there];
            let least = gaps.entry((a.min(b), a.max(b))).or_insert(gap);
            *least = least.min(gap);
        }
    };
    for here in 0..nearest.values.len() {
        if (here + 1) % nearest.width != 0 {
            meet(here, here + 1);
        }
        if here + nearest.width < nearest.values.len() {
            meet(here, here + nearest.width);
        }
    }
    let mut pairs: Vec<(f32, u32, u32)> =
        gaps.into_iter().map(|((a, b), gap)| (gap, a, b)).collect();
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let mut sets = Sets::default();
    let mut areas = vec![0.0];
    sets.add();
    for label in 1..=sizes.len() as u32 {
        sets.add();
        areas.push(area(label));
    }
    let apart_px = LOBES_APART_UM / optics.um_per_px();
    for (gap, a, b) in pairs {
        let [m, n] = [a, b].map(|label| middles[label as usize - 1]);
        let (into, other) = (sets.root(a), sets.root(b));
        let together = areas[into as usize] + areas[other as usize];
        if gap <= optics.px(LOBE_GAP_UM)
            && into != other
            && (m[0] - n[0]).hypot(m[1] - n[1]) <= apart_px
            && together <= LOBES_UM2
        {
            sets.join(into, other);
            areas[into as usize] = together;
        }
    }
    for label in labels.values.iter_mut().filter(|label| **label > 0) {
        *label = sets.root(*label);
    }
}
