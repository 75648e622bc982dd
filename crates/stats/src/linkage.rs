//! An order of rows that puts like beside like, for drawing a matrix.
//!
//! Agglomerative clustering: the two nearest clusters are joined until one is left, with distances to a joined cluster by the
//! formula of Lance and Williams (1967, Comput J 9:373). Time n³, so for hundreds of rows, not thousands.

use serde::{Deserialize, Serialize};

use crate::StatsError;
use crate::error::{require_equal_lengths, require_finite};

/// How far apart two clusters are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Linkage {
    /// The mean distance of their members (Sokal and Michener 1958).
    Average,
    /// By how much joining them raises the sum of squares, as R's `ward.D2` and SciPy's `ward` have it (Murtagh and Legendre
    /// 2014, J Classif 31:274). Meant for Euclidean distances.
    WardD2,
}

/// What was joined with what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dendrogram {
    /// The rows in the order to draw them.
    pub order: Vec<usize>,
    /// One fewer than rows, nearest first.
    pub merges: Vec<Merge>,
}

/// Two clusters become one. Clusters below the number n of rows are single rows, n + i is what merge i made.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Merge {
    /// The cluster with the smaller number, drawn first.
    pub left: usize,
    /// The other.
    pub right: usize,
    /// Their distance.
    pub height: f64,
}

impl Dendrogram {
    /// Joins rows by a square matrix of distances, of which the part above the diagonal is read. Of equally near clusters the
    /// pair with the smallest numbers is joined, so the result depends on the distances only.
    ///
    /// # Errors
    /// Without rows, when the matrix is not square, or a distance is not finite or negative.
    pub fn of(distances: &[Vec<f64>], linkage: Linkage) -> Result<Self, StatsError> {
        let n = distances.len();
        if n == 0 {
            return Err(StatsError::TooFew {
                found: 0,
                needed: 1,
            });
        }
        for row in distances {
            require_equal_lengths(row.len(), n)?;
            require_finite(row)?;
            if let Some(index) = row.iter().position(|distance| *distance < 0.0) {
                return Err(StatsError::Negative { index });
            }
        }
        // A place holds a cluster: its number and its rows in their order.
        let mut clusters: Vec<Option<(usize, Vec<usize>)>> =
            (0..n).map(|row| Some((row, vec![row]))).collect();
        let mut between: Vec<Vec<f64>> = (0..n)
            .map(|i| (0..n).map(|j| distances[i.min(j)][i.max(j)]).collect())
            .collect();
        let mut merges: Vec<Merge> = Vec::with_capacity(n - 1);
        for number in n..2 * n - 1 {
            let live: Vec<(usize, usize)> = clusters
                .iter()
                .enumerate()
                .filter_map(|(place, cluster)| Some((place, cluster.as_ref()?.0)))
                .collect();
            let nearest = live
                .iter()
                .flat_map(|&a| live.iter().map(move |&b| (a, b)))
                .filter(|(a, b)| a.1 < b.1)
                .min_by(|(a, b), (c, d)| {
                    between[a.0][b.0]
                        .total_cmp(&between[c.0][d.0])
                        .then((a.1, b.1).cmp(&(c.1, d.1)))
                });
            let Some((a, b)) = nearest else { break };
            let (Some((_, mut rows)), Some((_, more))) =
                (clusters[a.0].take(), clusters[b.0].take())
            else {
                break;
            };
            let height = between[a.0][b.0];
            let sizes = (rows.len() as f64, more.len() as f64);
            for (place, cluster) in clusters.iter().enumerate() {
                if let Some((_, others)) = cluster {
                    let to = (between[a.0][place], between[b.0][place]);
                    let joined = linkage.joined(to, height, sizes, others.len() as f64);
                    between[a.0][place] = joined;
                    between[place][a.0] = joined;
                }
            }
            rows.extend(more);
            clusters[a.0] = Some((number, rows));
            merges.push(Merge {
                left: a.1,
                right: b.1,
                height,
            });
        }
        let order = clusters
            .into_iter()
            .flatten()
            .flat_map(|(_, rows)| rows)
            .collect();
        Ok(Self { order, merges })
    }
}

impl Linkage {
    /// The distance of another cluster of size `others` to two joined ones of `sizes`, to which it had the distances `to`.
    fn joined(self, to: (f64, f64), height: f64, sizes: (f64, f64), others: f64) -> f64 {
        let (a, b) = sizes;
        match self {
            Self::Average => (a * to.0 + b * to.1) / (a + b),
            Self::WardD2 => {
                let squares = (a + others) * to.0.powi(2) + (b + others) * to.1.powi(2)
                    - others * height.powi(2);
                // Below 0 by rounding, or where the distances are not Euclidean.
                (squares / (a + b + others)).max(0.0).sqrt()
            }
        }
    }
}

/// 1 − |ρ| of a matrix of correlations: what always rises or falls together is at 0.
pub fn correlation_distances(correlations: &[Vec<f64>]) -> Vec<Vec<f64>> {
    correlations
        .iter()
        .map(|row| row.iter().map(|rho| 1.0 - rho.abs()).collect())
        .collect()
}

/// Euclidean distances of rows.
///
/// # Errors
/// When rows differ in length.
pub fn euclidean_distances(rows: &[Vec<f64>]) -> Result<Vec<Vec<f64>>, StatsError> {
    let distance = |a: &[f64], b: &[f64]| -> Result<f64, StatsError> {
        require_equal_lengths(a.len(), b.len())?;
        let squares: f64 = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum();
        Ok(squares.sqrt())
    };
    rows.iter()
        .map(|a| rows.iter().map(|b| distance(a, b)).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_row_is_drawn_once_and_merges_grow(
            rows in prop::collection::vec(prop::collection::vec(-5_i32..5, 3), 1..30),
        ) {
            let rows: Vec<Vec<f64>> =
                rows.into_iter().map(|row| row.into_iter().map(f64::from).collect()).collect();
            let distances = euclidean_distances(&rows).expect("equal rows");
            for linkage in [Linkage::Average, Linkage::WardD2] {
                let found = Dendrogram::of(&distances, linkage).expect("distances");
                let mut drawn = found.order.clone();
                drawn.sort_unstable();
                prop_assert_eq!(drawn, (0..rows.len()).collect::<Vec<_>>());
                prop_assert_eq!(found.merges.len(), rows.len() - 1);
                for pair in found.merges.windows(2) {
                    prop_assert!(pair[0].height <= pair[1].height + 1e-9);
                }
            }
        }
    }

    #[test]
    fn what_is_no_matrix_of_distances_is_refused() {
        let refused = |distances: &[Vec<f64>]| {
            Dendrogram::of(distances, Linkage::Average).expect_err("no distances")
        };
        let too_few = StatsError::TooFew {
            found: 0,
            needed: 1,
        };
        assert_eq!(refused(&[]), too_few);
        assert_eq!(
            refused(&[vec![0.0, 1.0]]),
            StatsError::LengthsDiffer { left: 2, right: 1 }
        );
        assert_eq!(
            refused(&[vec![0.0, f64::NAN], vec![1.0, 0.0]]),
            StatsError::NotFinite { index: 1 }
        );
        assert_eq!(
            refused(&[vec![0.0, -1.0], vec![1.0, 0.0]]),
            StatsError::Negative { index: 1 }
        );
    }

    #[test]
    fn opposite_rows_are_as_near_as_equal_ones() {
        assert_eq!(
            correlation_distances(&[vec![1.0, -1.0], vec![0.25, 1.0]]),
            [[0.0, 0.0], [0.75, 0.0]]
        );
    }
}
