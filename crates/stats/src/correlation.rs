//! Correlation of two measurements of the same cases.

use crate::StatsError;
use crate::error::{require_equal_lengths, require_finite};
use crate::rank::midranks;

/// Spearman's rank correlation, −1 to 1: Pearson's correlation of the midranks, so that ties are treated right.
///
/// # Errors
/// When the lists differ in length, hold fewer than two cases or a value that is not finite, or one of them is constant.
pub fn spearman(left: &[f64], right: &[f64]) -> Result<f64, StatsError> {
    require_equal_lengths(left.len(), right.len())?;
    require_finite(left)?;
    require_finite(right)?;
    if left.len() < 2 {
        return Err(StatsError::TooFew {
            found: left.len(),
            needed: 2,
        });
    }
    let middle = (left.len() as f64 + 1.0) / 2.0;
    let (mut covariance, mut left_square, mut right_square) = (0.0, 0.0, 0.0);
    for (a, b) in midranks(left).into_iter().zip(midranks(right)) {
        covariance += (a - middle) * (b - middle);
        left_square += (a - middle) * (a - middle);
        right_square += (b - middle) * (b - middle);
    }
    if left_square == 0.0 || right_square == 0.0 {
        return Err(StatsError::Constant);
    }
    Ok((covariance / (left_square * right_square).sqrt()).clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rising_and_falling_together_are_one_and_minus_one() {
        let x = [0.1, 0.2, 5.0, 7.0];
        assert_eq!(spearman(&x, &[1.0, 8.0, 27.0, 1e6]), Ok(1.0));
        assert_eq!(spearman(&x, &[4.0, 3.0, 2.0, 1.0]), Ok(-1.0));
    }

    #[test]
    fn a_constant_list_is_refused() {
        assert_eq!(
            spearman(&[1.0, 1.0, 1.0], &[1.0, 2.0, 3.0]),
            Err(StatsError::Constant)
        );
    }

    #[test]
    fn lists_of_different_length_are_refused() {
        assert_eq!(
            spearman(&[1.0], &[1.0, 2.0]),
            Err(StatsError::LengthsDiffer { left: 1, right: 2 })
        );
    }
}
