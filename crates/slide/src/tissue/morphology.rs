//! Closing, filling and cleaning of a mask, in pixels. Masks are row by row, `size` is (width, height).

/// Closes gaps: dilates by a disc of `radius`, then erodes by the same. Never takes a pixel away; the outside of the mask
/// counts as neither.
pub(super) fn close_gaps(mask: &[bool], size: (usize, usize), radius: f64) -> Vec<bool> {
    let limit = (radius * radius) as f32;
    let near: Vec<bool> = squared_distance(mask, size)
        .into_iter()
        .map(|distance| distance <= limit)
        .collect();
    let far: Vec<bool> = near.iter().map(|&near| !near).collect();
    squared_distance(&far, size)
        .into_iter()
        .zip(mask)
        .map(|(distance, &was)| was || distance > limit)
        .collect()
}

/// Fills holes of at most `max_px` that do not touch the border.
pub(super) fn fill_holes(mut mask: Vec<bool>, size: (usize, usize), max_px: f64) -> Vec<bool> {
    for_each_component(&mask.clone(), size, false, |component| {
        if !component.touches_border && component.pixels.len() as f64 <= max_px {
            for &pixel in component.pixels {
                mask[pixel] = true;
            }
        }
    });
    mask
}

/// Removes islands smaller than `min_px`.
pub(super) fn remove_specks(mut mask: Vec<bool>, size: (usize, usize), min_px: f64) -> Vec<bool> {
    for_each_component(&mask.clone(), size, true, |component| {
        if (component.pixels.len() as f64) < min_px {
            for &pixel in component.pixels {
                mask[pixel] = false;
            }
        }
    });
    mask
}

struct Component<'a> {
    pixels: &'a [usize],
    touches_border: bool,
}

/// Visits the components of all pixels that equal `value`; neighbours share an edge.
fn for_each_component(
    mask: &[bool],
    (width, height): (usize, usize),
    value: bool,
    mut visit: impl FnMut(Component),
) {
    let mut seen = vec![false; mask.len()];
    let mut pixels = Vec::new();
    for start in 0..mask.len() {
        if seen[start] || mask[start] != value {
            continue;
        }
        seen[start] = true;
        pixels.clear();
        pixels.push(start);
        let mut touches_border = false;
        let mut next = 0;
        while let Some(&pixel) = pixels.get(next) {
            next += 1;
            let (x, y) = (pixel % width, pixel / width);
            let inside = [x > 0, x + 1 < width, y > 0, y + 1 < height];
            touches_border |= inside.contains(&false);
            let neighbours = [
                pixel.wrapping_sub(1),
                pixel + 1,
                pixel.wrapping_sub(width),
                pixel + width,
            ];
            for (neighbour, inside) in neighbours.into_iter().zip(inside) {
                if inside && !seen[neighbour] && mask[neighbour] == value {
                    seen[neighbour] = true;
                    pixels.push(neighbour);
                }
            }
        }
        visit(Component {
            pixels: &pixels,
            touches_border,
        });
    }
}

/// Squared distance of each pixel to the nearest that is set, infinite when none is (Felzenszwalb & Huttenlocher 2012).
fn squared_distance(mask: &[bool], (width, height): (usize, usize)) -> Vec<f32> {
    let mut distance: Vec<f32> = mask
        .iter()
        .map(|&set| if set { 0.0 } else { f32::INFINITY })
        .collect();
    let mut envelope = Envelope::new(width.max(height));
    let mut line = vec![0.0; height];
    for x in 0..width {
        for (y, value) in line.iter_mut().enumerate() {
            *value = distance[y * width + x];
        }
        envelope.transform(&mut line);
        for (y, &value) in line.iter().enumerate() {
            distance[y * width + x] = value;
        }
    }
    for row in distance.chunks_exact_mut(width) {
        envelope.transform(row);
    }
    distance
}

/// The lower envelope of parabolas rooted at the finite values of a line.
struct Envelope {
    /// Place and height of each parabola, and where it begins to be the lowest.
    parabolas: Vec<(f64, f64, f64)>,
}

impl Envelope {
    fn new(length: usize) -> Self {
        Self {
            parabolas: Vec::with_capacity(length),
        }
    }

    /// Replaces each value by the least of all values plus squared distances.
    fn transform(&mut self, line: &mut [f32]) {
        self.parabolas.clear();
        for (place, &height) in line.iter().enumerate() {
            if height.is_infinite() {
                continue;
            }
            let (place, height) = (place as f64, f64::from(height));
            let mut begins = f64::NEG_INFINITY;
            while let Some(&(last_place, last_height, last_begins)) = self.parabolas.last() {
                begins = (height - last_height + place * place - last_place * last_place)
                    / (2.0 * (place - last_place));
                if begins > last_begins {
                    break;
                }
                self.parabolas.pop();
                begins = f64::NEG_INFINITY;
            }
            self.parabolas.push((place, height, begins));
        }
        let mut current = 0;
        for (place, value) in line.iter_mut().enumerate() {
            let place = place as f64;
            while self
                .parabolas
                .get(current + 1)
                .is_some_and(|next| next.2 < place)
            {
                current += 1;
            }
            *value = self
                .parabolas
                .get(current)
                .map_or(f32::INFINITY, |&(root, height, _)| {
                    (height + (place - root) * (place - root)) as f32
                });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SIZE: (usize, usize) = (60, 40);

    fn mask(set: impl Fn(i32, i32) -> bool) -> Vec<bool> {
        (0..40)
            .flat_map(|y| (0..60).map(move |x| (x, y)))
            .map(|(x, y)| set(x, y))
            .collect()
    }

    #[test]
    fn narrow_gaps_close_and_wide_ones_stay() {
        let strips = |gap: i32| mask(move |x, _| x < 20 || x >= 20 + gap);
        assert!(close_gaps(&strips(8), SIZE, 4.5).iter().all(|&set| set));
        assert_eq!(close_gaps(&strips(12), SIZE, 4.5), strips(12));
    }

    #[test]
    fn small_holes_fill_unless_they_are_open_to_the_border() {
        let hole = mask(|x, y| !((10..15).contains(&x) && (10..15).contains(&y)));
        assert!(fill_holes(hole.clone(), SIZE, 25.0).iter().all(|&set| set));
        assert_eq!(fill_holes(hole.clone(), SIZE, 24.0), hole);
        let bay = mask(|x, y| !((10..15).contains(&x) && y < 5));
        assert_eq!(fill_holes(bay.clone(), SIZE, 1000.0), bay);
    }

    #[test]
    fn specks_go_and_islands_stay() {
        let speck = |x: i32, y: i32| (3..5).contains(&x) && (3..5).contains(&y);
        let island = |x: i32, y: i32| (20..30).contains(&x) && (20..30).contains(&y);
        let both = mask(|x, y| speck(x, y) || island(x, y));
        assert_eq!(remove_specks(both, SIZE, 5.0), mask(island));
    }

    proptest! {
        #[test]
        fn distances_are_those_found_by_looking_at_every_pixel(
            set in prop::collection::vec((0usize..13, 0usize..9), 0..6),
        ) {
            let size = (13, 9);
            let mut mask = vec![false; size.0 * size.1];
            for &(x, y) in &set {
                mask[y * size.0 + x] = true;
            }
            let distance = squared_distance(&mask, size);
            for y in 0..size.1 {
                for x in 0..size.0 {
                    let expected = set.iter()
                        .map(|&(sx, sy)| (sx.abs_diff(x).pow(2) + sy.abs_diff(y).pow(2)) as f32)
                        .fold(f32::INFINITY, f32::min);
                    prop_assert_eq!(distance[y * size.0 + x], expected);
                }
            }
        }
    }
}
