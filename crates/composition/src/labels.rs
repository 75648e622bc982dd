//! Connected parts of a mask.

use crate::plane::Plane;

/// Which neighbours belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Connected {
    /// Those that share an edge.
    ByEdges,
    /// Those that share an edge or a corner.
    ByCorners,
}

/// Trees whose roots stand for sets.
#[derive(Debug, Default)]
pub(crate) struct Sets {
    parents: Vec<u32>,
}

impl Sets {
    /// A new set of its own.
    pub(crate) fn add(&mut self) -> u32 {
        let number = self.parents.len() as u32;
        self.parents.push(number);
        number
    }

    pub(crate) fn root(&mut self, member: u32) -> u32 {
        let mut at = member;
        while self.parents[at as usize] != at {
            let above = self.parents[self.parents[at as usize] as usize];
            self.parents[at as usize] = above;
            at = above;
        }
        at
    }

    /// Puts the set of `other` under the root of `into`.
    pub(crate) fn join(&mut self, into: u32, other: u32) {
        let (into, other) = (self.root(into), self.root(other));
        self.parents[other as usize] = into;
    }
}

/// Numbers the connected parts of a mask from 1, in the order of their first pixels; 0 is outside. Returns their pixels'
/// numbers too: `sizes[label − 1]`.
pub(crate) fn connected(mask: &Plane<bool>, by: Connected) -> (Plane<u32>, Vec<u32>) {
    let (width, height) = (mask.width, mask.height);
    let mut labels = Plane::filled(width, height, 0u32);
    let mut sets = Sets::default();
    sets.add();
    for y in 0..height {
        for x in 0..width {
            let here = y * width + x;
            if !mask.values[here] {
                continue;
            }
            let corners = by == Connected::ByCorners && y > 0;
            let before = [
                if x > 0 { labels.values[here - 1] } else { 0 },
                if y > 0 {
                    labels.values[here - width]
                } else {
                    0
                },
                if corners && x > 0 {
                    labels.values[here - width - 1]
                } else {
                    0
                },
                if corners && x + 1 < width {
                    labels.values[here - width + 1]
                } else {
                    0
                },
            ];
            let mut label = 0;
            for other in before.into_iter().filter(|&other| other > 0) {
                if label == 0 {
                    label = other;
                } else if label != other {
                    sets.join(label, other);
                }
            }
            labels.values[here] = if label == 0 { sets.add() } else { label };
        }
    }
    let sizes = renumber(&mut labels, |label| sets.root(label));
    (labels, sizes)
}

/// Takes what is outside but enclosed, and at most so large, into the mask.
pub(crate) fn fill_holes(mask: &mut Plane<bool>, most_px: f64) {
    let (holes, sizes) = connected(&mask.map(|inside| !inside), Connected::ByEdges);
    for (inside, &hole) in mask.values.iter_mut().zip(&holes.values) {
        *inside |= hole > 0 && f64::from(sizes[hole as usize - 1]) <= most_px;
    }
}

/// Gives labels that stand for the same root one number, from 1 in the order of first pixels, and counts pixels. A root
/// of 0 leaves the label out.
pub(crate) fn renumber(labels: &mut Plane<u32>, mut root: impl FnMut(u32) -> u32) -> Vec<u32> {
    let most = labels.values.iter().copied().max().unwrap_or(0) as usize;
    let mut numbers = vec![0u32; most + 1];
    let mut sizes = Vec::new();
    for label in labels.values.iter_mut().filter(|label| **label > 0) {
        let root = root(*label) as usize;
        if root == 0 {
            *label = 0;
            continue;
        }
        if numbers[root] == 0 {
            sizes.push(0);
            numbers[root] = sizes.len() as u32;
        }
        *label = numbers[root];
        sizes[*label as usize - 1] += 1;
    }
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_join_only_where_they_are_asked_to() {
        let rows = ["#..##", ".#..#", "#.#.#", "####."];
        let mask = Plane {
            width: 5,
            height: 4,
            values: rows
                .iter()
                .flat_map(|row| row.bytes().map(|b| b == b'#'))
                .collect(),
        };
        let (_, by_edges) = connected(&mask, Connected::ByEdges);
        assert_eq!(by_edges, [1, 4, 1, 6]);
        let (labels, by_corners) = connected(&mask, Connected::ByCorners);
        assert_eq!(by_corners, [12]);
        assert!(labels.values.iter().all(|&label| label <= 1));
    }
}
