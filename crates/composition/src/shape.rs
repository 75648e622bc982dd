//! Size and shape of labelled pixels.

use std::f64::consts::SQRT_2;

/// Size and shape of one label, in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shape {
    /// Mean of its pixels' middles; the first pixel's middle is at 0.5.
    pub(crate) x: f64,
    /// As `x`, downwards.
    pub(crate) y: f64,
    /// Number of pixels.
    pub(crate) area: f64,
    /// Length of the edge: from the middle of one edge pixel to the next, by their neighbourhoods (Benkrid and Crookes
    /// 2000, "Design and FPGA implementation of a perimeter estimator"; as scikit-image's `perimeter`, 4 neighbours).
    pub(crate) perimeter: f64,
    /// Axis of the ellipse of the same second moments.
    pub(crate) long_axis: f64,
    /// Axis of the ellipse of the same second moments.
    pub(crate) short_axis: f64,
    /// Of the same ellipse: distance of the foci over the long axis; 0 of a circle.
    pub(crate) eccentricity: f64,
    /// Area over the area of the convex hull of the pixels' corners.
    pub(crate) solidity: f64,
}

/// Sums over the pixels of a label.
#[derive(Clone, Debug)]
struct Sums {
    n: f64,
    x: f64,
    y: f64,
    xx: f64,
    yy: f64,
    xy: f64,
    top: usize,
    /// Per row from `top` on: the first column and the one after the last.
    rows: Vec<[u32; 2]>,
    perimeter: f64,
}

/// Shapes of the labels 1 to `count` (at `label − 1`) in rows of `width` pixels; `None` for a label without a pixel, and
/// larger labels are passed over.
pub(crate) fn shapes(labels: &[u32], width: usize, count: usize) -> Vec<Option<Shape>> {
    let mut sums: Vec<Option<Sums>> = vec![None; count];
    let mut edge = vec![false; labels.len()];
    for (y, row) in labels.chunks_exact(width.max(1)).enumerate() {
        for (x, &label) in row.iter().enumerate() {
            let Some(sums) = number(label).and_then(|number| sums.get_mut(number)) else {
                continue;
            };
            let sums = sums.get_or_insert_with(|| Sums::from_row(y));
            sums.add(x, y);
            let here = y * width + x;
            edge[here] = beside(labels, width, here, x).any(|neighbour| neighbour != Some(label));
        }
    }
    for (here, _) in edge.iter().enumerate().filter(|(_, is_edge)| **is_edge) {
        let label = labels[here];
        if let Some(Some(sums)) = number(label).and_then(|number| sums.get_mut(number)) {
            let column = here % width;
            let is_edge = |rows: isize, columns: isize| {
                let x = column.checked_add_signed(columns).filter(|x| *x < width);
                let place = here.checked_add_signed(rows * width as isize + columns);
                x.zip(place).is_some_and(|(_, place)| {
                    edge.get(place) == Some(&true) && labels.get(place) == Some(&label)
                })
            };
            let count = |places: [(isize, isize); 4]| {
                places
                    .into_iter()
                    .filter(|&(dy, dx)| is_edge(dy, dx))
                    .count()
            };
            sums.perimeter += weight(
                count([(-1, 0), (1, 0), (0, -1), (0, 1)]),
                count([(-1, -1), (-1, 1), (1, -1), (1, 1)]),
            );
        }
    }
    sums.into_iter().map(|sums| sums.map(Sums::shape)).collect()
}

fn number(label: u32) -> Option<usize> {
    (label as usize).checked_sub(1)
}

/// Labels that share an edge with a pixel; none beyond the image.
fn beside(
    labels: &[u32],
    width: usize,
    here: usize,
    column: usize,
) -> impl Iterator<Item = Option<u32>> {
    [
        (column > 0).then(|| labels[here - 1]),
        (column + 1 < width).then(|| labels[here + 1]),
        here.checked_sub(width).map(|above| labels[above]),
        labels.get(here + width).copied(),
    ]
    .into_iter()
}

/// What an edge pixel with so many edge pixels beside and across adds to the perimeter: the table of scikit-image.
fn weight(beside: usize, across: usize) -> f64 {
    match (beside, across) {
        (2 | 3, 0..=2) => 1.0,
        (0, 2) | (1, 3) => SQRT_2,
        (1, 1 | 2) => f64::midpoint(1.0, SQRT_2),
        _ => 0.0,
    }
}

impl Sums {
    fn from_row(top: usize) -> Self {
        Self {
            n: 0.0,
            x: 0.0,
            y: 0.0,
            xx: 0.0,
            yy: 0.0,
            xy: 0.0,
            top,
            rows: Vec::new(),
            perimeter: 0.0,
        }
    }

    fn add(&mut self, x: usize, y: usize) {
        self.rows.resize(y - self.top + 1, [u32::MAX, 0]);
        if let Some([first, end]) = self.rows.last_mut() {
            *first = (*first).min(x as u32);
            *end = (*end).max(x as u32 + 1);
        }
        let (x, y) = (x as f64 + 0.5, y as f64 + 0.5);
        self.n += 1.0;
        self.x += x;
        self.y += y;
        self.xx += x * x;
        self.yy += y * y;
        self.xy += x * y;
    }

    fn shape(self) -> Shape {
        let (x, y) = (self.x / self.n, self.y / self.n);
        let (xx, yy) = (self.xx / self.n - x * x, self.yy / self.n - y * y);
        let xy = self.xy / self.n - x * y;
        // Eigenvalues of the covariance of the pixels' middles.
        let middle = f64::midpoint(xx, yy);
        let half = (0.5 * (xx - yy)).hypot(xy);
        let (long, short) = ((middle + half).max(0.0), (middle - half).max(0.0));
        let hull = self.hull_area();
        Shape {
            x,
            y,
            area: self.n,
            perimeter: self.perimeter,
            long_axis: 4.0 * long.sqrt(),
            short_axis: 4.0 * short.sqrt(),
            eccentricity: if long > 0.0 {
                (1.0 - short / long).max(0.0).sqrt()
            } else {
                0.0
            },
            solidity: if hull > 0.0 {
                (self.n / hull).min(1.0)
            } else {
                1.0
            },
        }
    }

    /// Area of the convex hull of the corners of all pixels (Andrew's monotone chain over the rows).
    fn hull_area(&self) -> f64 {
        let ends = self
            .rows
            .iter()
            .enumerate()
            .filter(|(_, [first, end])| first < end);
        let corners = |side: usize| {
            ends.clone().flat_map(move |(row, ends)| {
                [
                    [f64::from(ends[side]), row as f64],
                    [f64::from(ends[side]), row as f64 + 1.0],
                ]
            })
        };
        let left = chain(corners(0), -1.0);
        let mut outline = chain(corners(1), 1.0);
        outline.extend(left.into_iter().rev());
        let next = outline.iter().cycle().skip(1);
        let twice: f64 = outline
            .iter()
            .zip(next)
            .map(|(a, b)| a[0] * b[1] - b[0] * a[1])
            .sum();
        0.5 * twice.abs()
    }
}

/// Corners from top to bottom without those that bend inwards; `side` is 1 for the right side, −1 for the left.
fn chain(corners: impl Iterator<Item = [f64; 2]>, side: f64) -> Vec<[f64; 2]> {
    let mut chain: Vec<[f64; 2]> = Vec::new();
    for corner in corners {
        while let [.., before, last] = chain.as_slice() {
            let turn = (last[0] - before[0]) * (corner[1] - before[1])
                - (last[1] - before[1]) * (corner[0] - before[0]);
            if turn * side > 0.0 {
                break;
            }
            chain.pop();
        }
        chain.push(corner);
    }
    chain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rectangle_is_measured_as_by_hand() {
        let (width, height) = (12, 9);
        let labels: Vec<u32> = (0..width * height)
            .map(|place| {
                u32::from((2..8).contains(&(place % width)) && (3..7).contains(&(place / width)))
            })
            .collect();
        let shape = shapes(&labels, width, 1)[0].unwrap();
        assert_eq!((shape.x, shape.y, shape.area), (5.0, 5.0, 24.0));
        assert_eq!(shape.perimeter, 16.0);
        assert_eq!(shape.solidity, 1.0);
        assert!((shape.long_axis - 4.0 * (35.0f64 / 12.0).sqrt()).abs() < 1e-12);
        assert!((shape.short_axis - 4.0 * (15.0f64 / 12.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn an_angle_is_less_solid_than_its_hull() {
        // Two bars of 10 × 2 in an L: 36 px in a hull of 10 × 10 less the triangle of 8 × 8.
        let labels: Vec<u32> = (0..100u32)
            .map(|place| u32::from(place % 10 < 2 || place / 10 >= 8))
            .collect();
        let shape = shapes(&labels, 10, 1)[0].unwrap();
        assert!(
            (shape.solidity - 36.0 / 68.0).abs() < 1e-12,
            "{}",
            shape.solidity
        );
    }

    #[test]
    fn one_pixel_and_no_pixel_have_no_wild_numbers() {
        let shape = shapes(&[0, 1, 0, 0], 2, 2);
        let one = shape[0].unwrap();
        assert_eq!((one.area, one.eccentricity, one.solidity), (1.0, 0.0, 1.0));
        assert_eq!(shape[1], None);
    }
}
