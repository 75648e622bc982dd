//! Where things that touch are cut apart.

use crate::labels::{Sets, renumber};
use crate::plane::Plane;

/// When two hills are two.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    /// The pass between them is at most this share of the lower hill's height …
    pub(crate) neck: f32,
    /// … and at least so much lower.
    pub(crate) drop: f32,
}

/// Heights are told apart in steps of this.
const STEP: f32 = 1.0 / 16.0;

/// Parts a mask, which is where `heights` are above 0, along the valleys between its hills: a watershed from the summits
/// downwards in which two hills that meet on a high pass become one (their "dynamics", Grimaud 1992, SPIE 1769, 292–305).
/// With distances to the edge as heights, necks are cut and bays are not. Labels from 1, and their pixels' numbers.
pub(crate) fn split(heights: &Plane<f32>, cut: Cut) -> (Plane<u32>, Vec<u32>) {
    let (width, height) = (heights.width, heights.height);
    let mut labels = Plane::filled(width, height, 0u32);
    let mut sets = Sets::default();
    sets.add();
    let mut summits = vec![0.0f32];
    for place in downwards(heights) {
        let place = place as usize;
        let (x, y) = (place % width, place / width);
        let here = heights.values[place];
        // The set of the highest neighbour takes the pixel.
        let mut best = (0, f32::NEG_INFINITY);
        let mut meeting = [0u32; 8];
        let mut met = 0;
        for ny in y.saturating_sub(1)..(y + 2).min(height) {
            for nx in x.saturating_sub(1)..(x + 2).min(width) {
                let neighbour = ny * width + nx;
                let label = labels.values[neighbour];
                if label == 0 || neighbour == place {
                    continue;
                }
                let root = sets.root(label);
                if heights.values[neighbour] > best.1 {
                    best = (root, heights.values[neighbour]);
                }
                if !meeting[..met].contains(&root) {
                    meeting[met] = root;
                    met += 1;
                }
            }
        }
        if met == 0 {
            labels.values[place] = sets.add();
            summits.push(here);
            continue;
        }
        labels.values[place] = best.0;
        for &other in &meeting[1..met] {
            let (one, other) = (sets.root(meeting[0]), sets.root(other));
            let (high, low) = if summits[one as usize] >= summits[other as usize] {
                (one, other)
            } else {
                (other, one)
            };
            let lower = summits[low as usize];
            if one != other && (here > cut.neck * lower || lower - here < cut.drop) {
                sets.join(high, low);
            }
        }
    }
    let sizes = renumber(&mut labels, |label| sets.root(label));
    (labels, sizes)
}

/// Places of all heights above 0, the highest first, equal ones from the top left.
fn downwards(heights: &Plane<f32>) -> Vec<u32> {
    let step = |height: f32| (height / STEP) as usize;
    let most = heights.values.iter().copied().fold(0.0, f32::max);
    let mut starts = vec![0u32; step(most) + 2];
    for &height in heights.values.iter().filter(|height| **height > 0.0) {
        starts[step(most) - step(height) + 1] += 1;
    }
    for at in 1..starts.len() {
        starts[at] += starts[at - 1];
    }
    let mut places = vec![0u32; starts.last().map_or(0, |&count| count as usize)];
    for (place, &height) in heights.values.iter().enumerate() {
        if height > 0.0 {
            let at = &mut starts[step(most) - step(height)];
            places[*at as usize] = place as u32;
            *at += 1;
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distance::distance_to;

    const CUT: Cut = Cut {
        neck: 0.8,
        drop: 0.5,
    };

    fn discs(discs: &[(f32, f32, f32)]) -> Plane<f32> {
        let mut mask = Plane::filled(64, 40, false);
        for (place, inside) in mask.values.iter_mut().enumerate() {
            let (x, y) = ((place % 64) as f32, (place / 64) as f32);
            *inside = discs.iter().any(|(cx, cy, r)| (x - cx).hypot(y - cy) <= *r);
        }
        distance_to(&mask, 60.0, |inside| !inside)
    }

    #[test]
    fn discs_that_overlap_a_little_are_two_and_those_that_overlap_much_are_one() {
        let (_, sizes) = split(&discs(&[(18.0, 20.0, 9.0), (34.0, 20.0, 9.0)]), CUT);
        assert_eq!(sizes.len(), 2);
        assert!(sizes[0].abs_diff(sizes[1]) < 20, "{sizes:?}");
        let (_, sizes) = split(&discs(&[(18.0, 20.0, 9.0), (24.0, 20.0, 9.0)]), CUT);
        assert_eq!(sizes.len(), 1);
    }

    #[test]
    fn three_in_a_row_are_three() {
        let heights = discs(&[(12.0, 20.0, 8.0), (27.0, 20.0, 8.0), (42.0, 20.0, 8.0)]);
        assert_eq!(split(&heights, CUT).1.len(), 3);
    }

    #[test]
    fn nothing_is_parted_into_nothing() {
        let (labels, sizes) = split(&Plane::filled(5, 4, 0.0), CUT);
        assert!(sizes.is_empty() && labels.values.iter().all(|&label| label == 0));
    }
}
