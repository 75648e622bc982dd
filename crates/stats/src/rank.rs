//! Ranks in which tied values share the mean of their places.

/// 1-based midranks of `values`, in their order; the values must be finite.
pub(crate) fn midranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let tied = order[start..]
            .iter()
            .take_while(|&&index| values[index] == values[order[start]])
            .count();
        // Places start+1 ..= start+tied have this mean.
        let midrank = start as f64 + (tied as f64 + 1.0) / 2.0;
        for &index in &order[start..start + tied] {
            ranks[index] = midrank;
        }
        start += tied;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tied_values_share_the_mean_of_their_places() {
        assert_eq!(
            midranks(&[10.0, 20.0, 10.0, 30.0, 20.0, 20.0]),
            [1.5, 4.0, 1.5, 6.0, 4.0, 4.0]
        );
    }

    #[test]
    fn both_zeros_are_one_value() {
        assert_eq!(midranks(&[0.0, -0.0]), [1.5, 1.5]);
    }
}
