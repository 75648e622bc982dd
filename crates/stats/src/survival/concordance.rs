//! Does a higher risk score go with an earlier event?

use serde::{Deserialize, Serialize};

use super::{Survival, require_times};
use crate::StatsError;
use crate::bootstrap::{Bootstrapped, Clustered, Resampling, bootstrap, numbered};

/// One patient's risk score and follow-up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prognosis {
    /// The score; higher speaks for an earlier event.
    pub risk: f64,
    /// What came of it.
    pub survival: Survival,
}

/// A c-index and what it counts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Concordance {
    /// The share of comparable pairs in the right order, 0 to 1; chance is ½.
    pub estimate: Bootstrapped,
    /// Patients.
    pub n: usize,
    /// Patients who had the event.
    pub n_events: usize,
    /// Comparable pairs within the folds (of one repeat).
    pub n_pairs: u64,
}

/// Harrell's c-index, counting only pairs within the same test fold; `repeats[r][k]` are the patients of fold k of repeat r.
///
/// A pair is comparable when it is known who had the event first: the one with the event was followed for less long, or both
/// for as long and the other was censored (Harrell, Lee and Mark 1996, Stat Med 15:361). It is right when that one has the
/// higher risk; equal risks count half. Pairs are summed over folds, then the share is averaged over repeats. The interval
/// resamples patients, each in all repeats, with the fitted models held fixed.
///
/// # Errors
/// When there is no event, no comparable pair in a repeat, a value that is not finite, a negative time, no repeat, fewer than
/// two patients, or too few resamples with a comparable pair.
pub fn within_fold_concordance<F: AsRef<[Clustered<Prognosis>]>>(
    repeats: &[Vec<F>],
    resampling: Resampling,
) -> Result<Concordance, StatsError> {
    let (numbered, n_clusters) = numbered(repeats);
    let repeats = numbered
        .into_iter()
        .map(|folds| folds.into_iter().map(Fold::of).collect())
        .collect::<Result<Vec<Vec<Fold>>, _>>()?;
    let Some(first) = repeats.first() else {
        return Err(StatsError::TooFew {
            found: 0,
            needed: 1,
        });
    };
    let members = || first.iter().flat_map(|fold| &fold.longest_first);
    let n_events = members().filter(|member| member.event).count();
    if n_events == 0 {
        return Err(StatsError::NoEvents);
    }
    let everybody_once = vec![1; n_clusters];
    let n_pairs = first.iter().map(|fold| fold.pairs(&everybody_once).1).sum();
    let estimate = bootstrap(n_clusters, resampling, |weights| {
        let mut sum = 0.0;
        for folds in &repeats {
            let (right_doubled, pairs) = folds.iter().fold((0, 0), |sum, fold| {
                let (right_doubled, pairs) = fold.pairs(weights);
                (sum.0 + right_doubled, sum.1 + pairs)
            });
            if pairs == 0 {
                return Err(StatsError::NothingToCompare);
            }
            sum += right_doubled as f64 / 2.0 / pairs as f64;
        }
        Ok(sum / repeats.len() as f64)
    })?;
    Ok(Concordance {
        estimate,
        n: members().count(),
        n_events,
        n_pairs,
    })
}

/// One fold's patients, sorted once.
struct Fold {
    longest_first: Vec<Member>,
    n_risks: usize,
}

struct Member {
    cluster: usize,
    time: f64,
    event: bool,
    /// Place of the risk among the fold's distinct risks, from 0.
    risk: usize,
}

impl Fold {
    fn of(cases: Vec<Clustered<Prognosis>>) -> Result<Self, StatsError> {
        if let Some(index) = cases.iter().position(|own| !own.case.risk.is_finite()) {
            return Err(StatsError::NotFinite { index });
        }
        require_times(cases.iter().map(|own| own.case.survival.time))?;
        let mut risks: Vec<f64> = cases.iter().map(|own| own.case.risk).collect();
        risks.sort_by(f64::total_cmp);
        risks.dedup();
        let mut longest_first: Vec<Member> = cases
            .iter()
            .map(|own| Member {
                cluster: own.cluster,
                time: own.case.survival.time,
                event: own.case.survival.event,
                risk: risks.partition_point(|&risk| risk < own.case.risk),
            })
            .collect();
        // Of equal times the censored come first: they outlive the event.
        longest_first.sort_by(|a, b| b.time.total_cmp(&a.time).then(a.event.cmp(&b.event)));
        Ok(Self {
            longest_first,
            n_risks: risks.len(),
        })
    }

    /// Twice the weight of the pairs in the right order, ties of risk counting half, and the weight of all comparable pairs.
    fn pairs(&self, weights: &[u32]) -> (u64, u64) {
        let mut outlive = Counts::new(self.n_risks);
        let (mut right_doubled, mut pairs) = (0, 0);
        for together in self
            .longest_first
            .chunk_by(|a, b| a.time == b.time && a.event == b.event)
        {
            for member in together.iter().filter(|member| member.event) {
                let weight = u64::from(weights[member.cluster]);
                let (lower, up_to) = (outlive.below(member.risk), outlive.below(member.risk + 1));
                right_doubled += weight * (lower + up_to);
                pairs += weight * outlive.total;
            }
            for member in together {
                outlive.add(member.risk, u64::from(weights[member.cluster]));
            }
        }
        (right_doubled, pairs)
    }
}

/// Counts by place with sums over the places below (Fenwick 1994, Softw Pract Exp 24:327).
struct Counts {
    sums: Vec<u64>,
    total: u64,
}

impl Counts {
    fn new(places: usize) -> Self {
        Self {
            sums: vec![0; places + 1],
            total: 0,
        }
    }

    fn add(&mut self, place: usize, weight: u64) {
        self.total += weight;
        let mut node = place + 1;
        while let Some(sum) = self.sums.get_mut(node) {
            *sum += weight;
            node += node.isolate_lowest_one();
        }
    }

    /// The sum over the places below `place`.
    fn below(&self, place: usize) -> u64 {
        let (mut node, mut sum) = (place, 0);
        while node > 0 {
            sum += self.sums[node];
            node &= node - 1;
        }
        sum
    }
}
