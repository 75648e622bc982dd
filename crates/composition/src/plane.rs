//! Planes of numbers, row by row: smoothing, reduction.

/// Numbers on a grid of `width` × `height`, row by row.
#[derive(Clone, Debug)]
pub(crate) struct Plane<T> {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) values: Vec<T>,
}

impl<T: Copy> Plane<T> {
    pub(crate) fn filled(width: usize, height: usize, value: T) -> Self {
        Self {
            width,
            height,
            values: vec![value; width * height],
        }
    }

    pub(crate) fn map<U>(&self, of: impl FnMut(&T) -> U) -> Plane<U> {
        Plane {
            width: self.width,
            height: self.height,
            values: self.values.iter().map(of).collect(),
        }
    }

    pub(crate) fn rows(&self) -> std::slice::ChunksExact<'_, T> {
        self.values.chunks_exact(self.width.max(1))
    }
}

impl Plane<f32> {
    /// Smoothed by a Gaussian; at the edges the outermost value is repeated.
    pub(crate) fn smoothed(&self, sigma_px: f32) -> Self {
        let kernel = gaussian(sigma_px);
        let reach = kernel.len() / 2;
        let mut along = Self::filled(self.width, self.height, 0.0);
        let mut padded = vec![0.0; self.width + 2 * reach];
        for (row, out) in self
            .rows()
            .zip(along.values.chunks_exact_mut(self.width.max(1)))
        {
            let (Some(&first), Some(&last)) = (row.first(), row.last()) else {
                break;
            };
            padded[..reach].fill(first);
            padded[reach..reach + self.width].copy_from_slice(row);
            padded[reach + self.width..].fill(last);
            for (&weight, tap) in kernel.iter().zip(padded.windows(self.width)) {
                for (out, value) in out.iter_mut().zip(tap) {
                    *out += weight * value;
                }
            }
        }
        let mut both = Self::filled(self.width, self.height, 0.0);
        let rows: Vec<&[f32]> = along.rows().collect();
        for (y, out) in both.values.chunks_exact_mut(self.width.max(1)).enumerate() {
            for (tap, &weight) in kernel.iter().enumerate() {
                let from = (y + tap).saturating_sub(reach).min(self.height - 1);
                for (out, value) in out.iter_mut().zip(rows[from]) {
                    *out += weight * value;
                }
            }
        }
        both
    }

    /// The mean of each square of `factor` × `factor`; at the right and lower edge of what is left of it.
    pub(crate) fn reduced(&self, factor: usize) -> Self {
        if factor <= 1 {
            return self.clone();
        }
        let width = self.width.div_ceil(factor);
        let height = self.height.div_ceil(factor);
        let mut sums = Self::filled(width, height, 0.0);
        for (y, row) in self.rows().enumerate() {
            let out = &mut sums.values[y / factor * width..][..width];
            for (out, values) in out.iter_mut().zip(row.chunks(factor)) {
                *out += values.iter().sum::<f32>();
            }
        }
        let side = |cell: usize, size: usize| (size - cell * factor).min(factor);
        for (cell, value) in sums.values.iter_mut().enumerate() {
            *value /= (side(cell % width, self.width) * side(cell / width, self.height)) as f32;
        }
        sums
    }
}

/// Weights of a Gaussian, an odd number of them, summing to 1.
fn gaussian(sigma_px: f32) -> Vec<f32> {
    let reach = (2.5 * sigma_px).ceil().max(1.0) as i32;
    let weights: Vec<f32> = (-reach..=reach)
        .map(|tap| (-0.5 * (tap as f32 / sigma_px).powi(2)).exp())
        .collect();
    let sum: f32 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_keeps_what_is_even_and_the_sum_of_a_point() {
        let even = Plane::filled(7, 5, 0.25f32).smoothed(1.3);
        assert!(even.values.iter().all(|value| (value - 0.25).abs() < 1e-6));
        let mut point = Plane::filled(31, 31, 0.0f32);
        point.values[15 * 31 + 15] = 1.0;
        let smooth = point.smoothed(2.0);
        assert!((smooth.values.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        assert_eq!(smooth.values[15 * 31 + 12], smooth.values[12 * 31 + 15]);
    }

    #[test]
    fn reduction_is_a_mean_also_of_what_is_left_at_the_edge() {
        let plane = Plane {
            width: 3,
            height: 2,
            values: vec![1.0, 3.0, 10.0, 5.0, 7.0, 20.0],
        };
        assert_eq!(plane.reduced(2).values, [4.0, 15.0]);
    }
}
