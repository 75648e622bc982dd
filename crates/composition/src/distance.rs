//! How far it is to the nearest pixel of a kind.

use crate::plane::Plane;

/// Farther than anything in a region.
const FAR: f32 = 1e12;

/// For every pixel the Euclidean distance to the middle of the nearest one for which `is_source` holds, px; `most` where
/// there is none so near. Beyond the edges there are no sources.
///
/// Felzenszwalb and Huttenlocher 2012, "Distance transforms of sampled functions", Theory of Computing 8, 415–428.
pub(crate) fn distance_to<T: Copy>(
    plane: &Plane<T>,
    most: f32,
    is_source: impl Fn(T) -> bool,
) -> Plane<f32> {
    let (width, height) = (plane.width, plane.height);
    // Down and up each column first: there the distances are whole numbers and no envelope is needed.
    let mut squares = plane.map(|&value| if is_source(value) { 0.0 } else { FAR });
    for y in 1..height {
        let (above, here) = squares.values.split_at_mut(y * width);
        for (here, above) in here[..width].iter_mut().zip(&above[(y - 1) * width..]) {
            *here = here.min(above + 1.0);
        }
    }
    for y in (0..height.saturating_sub(1)).rev() {
        let (here, below) = squares.values.split_at_mut((y + 1) * width);
        for (here, below) in here[y * width..].iter_mut().zip(&below[..width]) {
            *here = here.min(below + 1.0);
        }
    }
    let most_squared = most * most;
    let mut envelope = Envelope::default();
    let mut line = vec![0.0; width];
    for row in squares.values.chunks_exact_mut(width.max(1)) {
        if row.iter().all(|&value| value == 0.0) {
            continue;
        }
        for (line, &value) in line.iter_mut().zip(row.iter()) {
            *line = value * value;
        }
        envelope.lowest(&line, most_squared, row);
        for value in row {
            *value = value.min(most_squared).sqrt();
        }
    }
    squares
}

/// Parabolas of which each is the lowest somewhere.
#[derive(Default)]
struct Envelope {
    /// Places of their feet.
    feet: Vec<usize>,
    /// From where on each is the lowest.
    starts: Vec<f32>,
}

impl Envelope {
    /// For every place x the least of `line[q] + (x − q)²` over all places q.
    fn lowest(&mut self, line: &[f32], most: f32, out: &mut [f32]) {
        self.feet.clear();
        self.starts.clear();
        for (q, &height) in line.iter().enumerate() {
            // What is farther than anybody asks for shapes nothing.
            if height >= most {
                continue;
            }
            let mut start = f32::NEG_INFINITY;
            while let (Some(&foot), Some(&since)) = (self.feet.last(), self.starts.last()) {
                let (q, p) = (q as f32, foot as f32);
                start = ((height + q * q) - (line[foot] + p * p)) / (2.0 * (q - p));
                if start > since {
                    break;
                }
                self.feet.pop();
                self.starts.pop();
                start = f32::NEG_INFINITY;
            }
            self.feet.push(q);
            self.starts.push(start);
        }
        let mut at = 0;
        for (x, out) in out.iter_mut().enumerate() {
            while self.starts.get(at + 1).is_some_and(|&next| next < x as f32) {
                at += 1;
            }
            *out = match self.feet.get(at) {
                Some(&foot) => line[foot] + (x as f32 - foot as f32).powi(2),
                None => most,
            };
        }
    }
}

/// For every pixel within `reach_px` of a labelled one the label of the nearest, else 0, and how far that is, px.
///
/// By chamfers of 3 and 4 thirds of a pixel (Borgefors 1986, "Distance transformations in digital images", CVGIP 34,
/// 344–371): at most 8 % off, which does not matter to a ring of cytoplasm.
pub(crate) fn nearest_label(labels: &Plane<u32>, reach_px: f32) -> (Plane<u32>, Plane<f32>) {
    const BESIDE: u32 = 3;
    const ACROSS: u32 = 4;
    let (width, height) = (labels.width, labels.height);
    let reach = (reach_px * 3.0) as u32;
    let mut nearest = labels.clone();
    let mut thirds = labels.map(|&label| if label > 0 { 0 } else { u32::MAX / 2 });
    let mut relax = |here: usize, from: usize, step: u32| {
        let there = thirds.values[from] + step;
        if there < thirds.values[here] && there <= reach {
            thirds.values[here] = there;
            nearest.values[here] = nearest.values[from];
        }
    };
    for y in 0..height {
        for x in 0..width {
            let here = y * width + x;
            if x > 0 {
                relax(here, here - 1, BESIDE);
            }
            if y > 0 {
                relax(here, here - width, BESIDE);
                if x > 0 {
                    relax(here, here - width - 1, ACROSS);
                }
                if x + 1 < width {
                    relax(here, here - width + 1, ACROSS);
                }
            }
        }
    }
    for y in (0..height).rev() {
        for x in (0..width).rev() {
            let here = y * width + x;
            if x + 1 < width {
                relax(here, here + 1, BESIDE);
            }
            if y + 1 < height {
                relax(here, here + width, BESIDE);
                if x + 1 < width {
                    relax(here, here + width + 1, ACROSS);
                }
                if x > 0 {
                    relax(here, here + width - 1, ACROSS);
                }
            }
        }
    }
    let distance = thirds.map(|&thirds| thirds.min(reach + 3) as f32 / 3.0);
    (nearest, distance)
}

/// What of a mask discs of this radius can cover without leaving it: morphological opening. Beyond the edges all belongs to
/// the mask.
pub(crate) fn opened(mask: &Plane<bool>, radius_px: f32) -> Plane<bool> {
    let depth = distance_to(mask, radius_px + 2.0, |inside| !inside);
    distance_to(&depth, radius_px + 2.0, |depth| depth > radius_px)
        .map(|&distance| distance <= radius_px)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_that_trying_all_sources_finds() {
        let (width, height) = (23, 17);
        let mut plane = Plane::filled(width, height, false);
        for place in [3, 40, 41, 190, 300, 377] {
            plane.values[place] = true;
        }
        let found = distance_to(&plane, 100.0, |source| source);
        for (place, &distance) in found.values.iter().enumerate() {
            let nearest = plane
                .values
                .iter()
                .enumerate()
                .filter(|(_, source)| **source)
                .map(|(other, _)| {
                    let dx = (place % width) as f32 - (other % width) as f32;
                    let dy = (place / width) as f32 - (other / width) as f32;
                    dx.hypot(dy)
                })
                .fold(f32::MAX, f32::min);
            assert!(
                (distance - nearest).abs() < 1e-4,
                "{place}: {distance} {nearest}"
            );
        }
    }

    #[test]
    fn without_a_source_everything_is_as_far_as_was_asked_for() {
        let plane = Plane::filled(4, 3, false);
        let found = distance_to(&plane, 9.0, |source| source);
        assert!(found.values.iter().all(|&distance| distance == 9.0));
    }

    #[test]
    fn labels_spread_as_far_as_they_may_and_meet_in_the_middle() {
        let mut labels = Plane::filled(11, 1, 0u32);
        labels.values[0] = 1;
        labels.values[10] = 2;
        let (nearest, distance) = nearest_label(&labels, 4.0);
        assert_eq!(nearest.values, [1, 1, 1, 1, 1, 0, 2, 2, 2, 2, 2]);
        assert_eq!(distance.values[3], 3.0);
    }

    #[test]
    fn opening_takes_away_what_is_narrower_than_the_disc() {
        let mut mask = Plane::filled(30, 21, false);
        for y in 5..16 {
            for x in 4..15 {
                mask.values[y * 30 + x] = true;
            }
        }
        for x in 15..28 {
            mask.values[10 * 30 + x] = true;
        }
        let opened = opened(&mask, 3.0);
        assert!(opened.values[10 * 30 + 9]);
        assert!(!opened.values[10 * 30 + 25]);
    }
}
