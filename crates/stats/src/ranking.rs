//! Clustered cases in falling order of score, sorted once and then counted for any weights of the clusters.

use crate::StatsError;
use crate::auroc::Case;
use crate::bootstrap::{Clustered, numbered};

/// The folds of all repeats, each sorted.
pub(crate) struct Rankings {
    /// Fold by fold, repeat by repeat.
    pub repeats: Vec<Vec<Ranking>>,
    pub n_clusters: usize,
}

impl Rankings {
    /// # Errors
    /// When there is no repeat, a score is not finite, or the first repeat holds only one class.
    pub fn of<F: AsRef<[Clustered<Case>]>>(repeats: &[Vec<F>]) -> Result<Self, StatsError> {
        let (numbered, n_clusters) = numbered(repeats);
        let repeats = numbered
            .into_iter()
            .map(|folds| folds.into_iter().map(Ranking::of).collect())
            .collect::<Result<Vec<Vec<_>>, _>>()?;
        let Some(first) = repeats.first() else {
            return Err(StatsError::TooFew {
                found: 0,
                needed: 1,
            });
        };
        let count =
            |positive: bool| -> usize { first.iter().map(|fold| fold.count(positive)).sum() };
        let (positive, negative) = (count(true), count(false));
        if positive == 0 || negative == 0 {
            return Err(StatsError::OneClass { positive, negative });
        }
        Ok(Self {
            repeats,
            n_clusters,
        })
    }

    /// Mean over the repeats of numerator / denominator, both summed over the folds; `fold` gives both.
    ///
    /// # Errors
    /// When the denominator of a repeat is 0.
    pub fn mean_ratio(&self, fold: impl Fn(&Ranking) -> (f64, f64)) -> Result<f64, StatsError> {
        let mut sum = 0.0;
        for folds in &self.repeats {
            let (above, below) = folds
                .iter()
                .map(&fold)
                .fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
            if below == 0.0 {
                return Err(StatsError::NoPairs);
            }
            sum += above / below;
        }
        Ok(sum / self.repeats.len() as f64)
    }
}

/// One fold's cases.
pub(crate) struct Ranking {
    /// Highest score first.
    entries: Vec<Entry>,
    /// Where each run of equal scores ends.
    ends: Vec<usize>,
}

struct Entry {
    cluster: usize,
    positive: bool,
}

impl Ranking {
    fn of(mut cases: Vec<Clustered<Case>>) -> Result<Self, StatsError> {
        if let Some(index) = cases.iter().position(|own| !own.case.score.is_finite()) {
            return Err(StatsError::NotFinite { index });
        }
        cases.sort_by(|a, b| b.case.score.total_cmp(&a.case.score));
        let ends = (1..=cases.len())
            .filter(|&end| {
                cases
                    .get(end)
                    .is_none_or(|next| next.case.score != cases[end - 1].case.score)
            })
            .collect();
        let entries = cases
            .iter()
            .map(|own| Entry {
                cluster: own.cluster,
                positive: own.case.positive,
            })
            .collect();
        Ok(Self { entries, ends })
    }

    /// Cases of one class.
    pub fn count(&self, positive: bool) -> usize {
        self.clusters(positive).count()
    }

    /// The cluster of every case of one class.
    pub fn clusters(&self, positive: bool) -> impl Iterator<Item = usize> {
        self.entries
            .iter()
            .filter(move |entry| entry.positive == positive)
            .map(|entry| entry.cluster)
    }

    /// Weight of the positives and of the negatives of every run of equal scores, highest score first.
    fn runs(&self, weights: &[u32]) -> impl Iterator<Item = (u64, u64)> {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let (mut positive, mut negative) = (0, 0);
            for entry in &self.entries[start..end] {
                let weight = u64::from(weights[entry.cluster]);
                // Labels come in no order: a branch would be mispredicted half of the time.
                let own = weight * u64::from(entry.positive);
                positive += own;
                negative += weight - own;
            }
            start = end;
            (positive, negative)
        })
    }

    /// Pairs in the right order, a tie counting half, and all pairs.
    pub fn pairs(&self, weights: &[u32]) -> (f64, f64) {
        let (mut right_doubled, mut positives, mut negatives) = (0_u64, 0_u64, 0_u64);
        for (positive, negative) in self.runs(weights) {
            right_doubled += negative * (2 * positives + positive);
            positives += positive;
            negatives += negative;
        }
        (right_doubled as f64 / 2.0, (positives * negatives) as f64)
    }

    /// The sum over the positives of the precision at their own score, and how many positives there are; nothing without
    /// negatives, where every precision is 1 whatever the scores.
    pub fn precisions(&self, weights: &[u32]) -> (f64, f64) {
        let (mut sum, mut positives, mut negatives) = (0.0, 0_u64, 0_u64);
        for (positive, negative) in self.runs(weights) {
            positives += positive;
            negatives += negative;
            if positive > 0 {
                sum += positive as f64 * (positives as f64 / (positives + negatives) as f64);
            }
        }
        if negatives == 0 {
            (0.0, 0.0)
        } else {
            (sum, positives as f64)
        }
    }
}
