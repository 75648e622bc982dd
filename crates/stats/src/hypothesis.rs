//! Could it be chance? P-values of a ranking, of many targets at once, and by refitting to permuted findings.

use serde::{Deserialize, Serialize};

use crate::auroc::{Case, count};
use crate::distribution::{normal_two_sided, normal_upper};
use crate::error::{require_equal_lengths, require_finite, require_probabilities};
use crate::rank::midranks;
use crate::{SplitMix64, StatsError};

/// Against what the null hypothesis is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Alternative {
    /// Scores differ between patients with and without the finding, in either direction.
    TwoSided,
    /// Patients with the finding score higher: the question to a predictor, whose direction is fixed before it is tested.
    Greater,
}

/// A Wilcoxon (Mann-Whitney) test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Wilcoxon {
    /// Σ over folds of the Mann-Whitney statistic Uₖ (pairs in the right order, a tie counting half); mean over the repeats.
    pub statistic: f64,
    /// The statistic minus its mean under the null hypothesis, over its standard deviation; 0 where all scores are equal.
    pub z: f64,
    /// From the normal approximation.
    pub p: f64,
    /// Against what.
    pub alternative: Alternative,
    /// Patients with the finding.
    pub n_positive: usize,
    /// Patients without it.
    pub n_negative: usize,
}

/// Tests the within-fold AUROC against ½: a Wilcoxon rank-sum test (Wilcoxon 1945, Biometrics Bull 1:80) stratified by fold.
///
/// Under the null hypothesis findings are exchangeable within a fold, so Σ Uₖ has the mean Σ mₖnₖ/2 and, with midranks r of
/// the fold's Nₖ scores, the variance Σ mₖnₖ/(Nₖ(Nₖ − 1)) · Σ(r − (Nₖ+1)/2)², which is the usual formula with its correction
/// for ties (Lehmann 1975, Nonparametrics, sections 1.4 and 3.3, with Uₖ not weighted so that Σ Uₖ / Σ mₖnₖ is
/// [`crate::auroc::within_fold_auroc`]). Z has no continuity correction. Over repeats the deviation of the mean is
/// bounded by the mean of the deviations, so that repeating never makes p smaller by itself.
///
/// The normal approximation calls 5.3 % of chance targets significant at 5 % with 12 positives among 50 patients in five folds;
/// with fewer than ten positives it is rougher, the more so the smaller p, and [`permutation_p`] is the exact way. Equal scores everywhere give p = 1, as all permutations do alike.
///
/// # Errors
/// When a class is empty, no fold of a repeat holds a pair, a score is not finite, or there is no repeat.
pub fn within_fold_wilcoxon<F: AsRef<[Case]>>(
    repeats: &[Vec<F>],
    alternative: Alternative,
) -> Result<Wilcoxon, StatsError> {
    let sums = repeats
        .iter()
        .map(|folds| RankSum::of(folds))
        .collect::<Result<Vec<_>, _>>()?;
    let Some(first) = sums.first() else {
        return Err(StatsError::TooFew {
            found: 0,
            needed: 1,
        });
    };
    let mean = |of: fn(&RankSum) -> f64| sums.iter().map(of).sum::<f64>() / sums.len() as f64;
    let deviation = mean(|sum| sum.variance.sqrt());
    let z = if deviation == 0.0 {
        0.0
    } else {
        mean(|sum| sum.excess) / deviation
    };
    let p = match alternative {
        Alternative::TwoSided => normal_two_sided(z),
        Alternative::Greater if deviation == 0.0 => 1.0,
        Alternative::Greater => normal_upper(z),
    };
    Ok(Wilcoxon {
        statistic: mean(|sum| sum.statistic),
        z,
        p,
        alternative,
        n_positive: first.n_positive,
        n_negative: first.n_negative,
    })
}

/// What the folds of one repeat sum up to.
struct RankSum {
    n_positive: usize,
    n_negative: usize,
    statistic: f64,
    /// The statistic minus its mean under the null hypothesis.
    excess: f64,
    variance: f64,
}

impl RankSum {
    fn of<F: AsRef<[Case]>>(folds: &[F]) -> Result<Self, StatsError> {
        let mut sum = Self {
            n_positive: 0,
            n_negative: 0,
            statistic: 0.0,
            excess: 0.0,
            variance: 0.0,
        };
        let mut n_pairs = 0;
        for fold in folds {
            let cases = fold.as_ref();
            let scores: Vec<f64> = cases.iter().map(|case| case.score).collect();
            require_finite(&scores)?;
            let [m, n] = count(cases);
            sum.n_positive += m;
            sum.n_negative += n;
            n_pairs += m * n;
            if m * n == 0 {
                continue;
            }
            let ranks = midranks(&scores);
            let own = cases.iter().zip(&ranks).filter(|(case, _)| case.positive);
            let rank_sum: f64 = own.map(|(_, rank)| rank).sum();
            let u = rank_sum - (m * (m + 1)) as f64 / 2.0;
            let all = cases.len() as f64;
            let spread: f64 = ranks
                .iter()
                .map(|rank| (rank - (all + 1.0) / 2.0).powi(2))
                .sum();
            sum.statistic += u;
            sum.excess += u - (m * n) as f64 / 2.0;
            sum.variance += (m * n) as f64 / (all * (all - 1.0)) * spread;
        }
        if sum.n_positive == 0 || sum.n_negative == 0 {
            return Err(StatsError::OneClass {
                positive: sum.n_positive,
                negative: sum.n_negative,
            });
        }
        if n_pairs == 0 {
            return Err(StatsError::NoPairs);
        }
        Ok(sum)
    }
}

/// P-values adjusted for how many there are, so that calling those below q keeps the expected share of false calls at most q
/// (Benjamini and Hochberg 1995, J R Stat Soc B 57:289): of the i-th smallest of m, the least of pⱼ·m/j over j ≥ i, at most
/// 1. In the order given; none for none.
///
/// # Errors
/// When a value is not a probability.
pub fn benjamini_hochberg(p: &[f64]) -> Result<Vec<f64>, StatsError> {
    require_probabilities(p)?;
    let mut largest_first: Vec<usize> = (0..p.len()).collect();
    largest_first.sort_by(|&a, &b| p[b].total_cmp(&p[a]));
    let mut adjusted = vec![1.0; p.len()];
    let mut least: f64 = 1.0;
    for (larger, index) in largest_first.into_iter().enumerate() {
        // The factor is at least 1, so no rounding makes the product smaller than p.
        least = least.min(p[index] * (p.len() as f64 / (p.len() - larger) as f64));
        adjusted[index] = least;
    }
    Ok(adjusted)
}

/// Findings shuffled among the patients of the same stratum (of a fold, a batch, or both), for a refit under the null
/// hypothesis that the finding has nothing to do with the slide. `labels[i]` is what was observed of patient i, who is of
/// stratum `strata[i]`; patients in whom it was not observed are left out by the caller, as they are of the fit.
///
/// It depends on the arguments only: a permutation that was interrupted is remade from its own seed.
///
/// # Errors
/// When the lists differ in length.
pub fn permuted_within<T: Clone>(
    labels: &[T],
    strata: &[usize],
    seed: u64,
) -> Result<Vec<T>, StatsError> {
    require_equal_lengths(labels.len(), strata.len())?;
    let mut random = SplitMix64::new(seed);
    let mut permuted = labels.to_vec();
    let mut places: Vec<usize> = (0..labels.len()).collect();
    places.sort_by_key(|&place| strata[place]);
    for members in places.chunk_by(|&a, &b| strata[a] == strata[b]) {
        let mut sources = members.to_vec();
        random.shuffle(&mut sources);
        for (&to, from) in members.iter().zip(sources) {
            permuted[to] = labels[from].clone();
        }
    }
    Ok(permuted)
}

/// The p-value of a permutation test: (1 + how many permutations reach what was observed) / (1 + how many there are), which
/// is never 0 and never too small (Phipson and Smyth 2010, Stat Appl Genet Mol Biol 9:39). Larger speaks against the null
/// hypothesis.
///
/// # Errors
/// Without permutations, or when a value is not finite.
pub fn permutation_p(observed: f64, permuted: &[f64]) -> Result<f64, StatsError> {
    require_finite(&[observed])?;
    require_finite(permuted)?;
    if permuted.is_empty() {
        return Err(StatsError::TooFew {
            found: 0,
            needed: 1,
        });
    }
    let reached = permuted.iter().filter(|&&value| value >= observed).count();
    Ok((1 + reached) as f64 / (1 + permuted.len()) as f64)
}
