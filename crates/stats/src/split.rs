//! Which patients are tested in which fold.
//!
//! Iterative stratification (Sechidis, Tsoumakas and Vlahavas 2011, ECML PKDD, algorithm 1): the rarest observation is
//! dealt out first, each time to the fold that still lacks most of it. Every target counts as two kinds of observation,
//! present and absent, so that patients whose target was never measured are spread evenly too. Beyond the paper, the sizes
//! of the folds are fixed beforehand and differ by at most one.

use crate::{SplitMix64, StatsError};

/// Assigns every patient to exactly one test fold.
///
/// `observations[patient][target]` is the finding, or `None` where it was not measured; a patient may have fewer targets
/// than others. Returned is the fold of every patient, 0 to `folds` − 1; it depends on nothing but the arguments.
///
/// # Errors
/// With fewer than two folds, or more folds than patients.
pub fn stratified_folds(
    observations: &[Vec<Option<bool>>],
    folds: usize,
    seed: u64,
) -> Result<Vec<usize>, StatsError> {
    if folds < 2 {
        return Err(StatsError::TooFew {
            found: folds,
            needed: 2,
        });
    }
    if observations.len() < folds {
        return Err(StatsError::TooFew {
            found: observations.len(),
            needed: folds,
        });
    }
    let mut random = SplitMix64::new(seed);
    let mut waiting: Vec<usize> = (0..observations.len()).collect();
    random.shuffle(&mut waiting);

    let n_targets = observations.iter().map(Vec::len).max().unwrap_or(0);
    let has = |patient: usize, kind: usize| {
        observations[patient].get(kind / 2).copied().flatten() == Some(kind.is_multiple_of(2))
    };
    let count = |patients: &[usize], kind: usize| {
        patients
            .iter()
            .filter(|&&patient| has(patient, kind))
            .count()
    };

    // Which folds get one patient more is left to chance, or the first folds would always be the large ones.
    let mut order: Vec<usize> = (0..folds).collect();
    random.shuffle(&mut order);
    let mut room = vec![observations.len() / folds; folds];
    for &fold in &order[..observations.len() % folds] {
        room[fold] += 1;
    }
    // desired[fold][kind]: how many observations of the kind the fold still lacks.
    let mut desired: Vec<Vec<f64>> = room
        .iter()
        .map(|&size| {
            let share = size as f64 / observations.len() as f64;
            (0..2 * n_targets)
                .map(|kind| share * count(&waiting, kind) as f64)
                .collect()
        })
        .collect();

    let mut assigned = vec![0; observations.len()];
    while !waiting.is_empty() {
        let rarest = (0..2 * n_targets)
            .map(|kind| (count(&waiting, kind), kind))
            .filter(|(left, _)| *left > 0)
            .min();
        let (next, waits): (Vec<usize>, Vec<usize>) = match rarest {
            Some((_, kind)) => waiting.iter().partition(|&&patient| has(patient, kind)),
            None => (std::mem::take(&mut waiting), Vec::new()),
        };
        waiting = waits;
        for patient in next {
            random.shuffle(&mut order);
            let lack = |fold: usize| rarest.map_or(0.0, |(_, kind)| desired[fold][kind]);
            // `max_by` takes the last of equals; the order was just shuffled.
            let chosen = order
                .iter()
                .copied()
                .filter(|&fold| room[fold] > 0)
                .max_by(|&a, &b| lack(a).total_cmp(&lack(b)).then(room[a].cmp(&room[b])))
                .expect("the folds have room for exactly as many patients as there are");
            assigned[patient] = chosen;
            room[chosen] -= 1;
            for kind in (0..2 * n_targets).filter(|&kind| has(patient, kind)) {
                desired[chosen][kind] -= 1.0;
            }
        }
    }
    Ok(assigned)
}

/// Repeats [`stratified_folds`] with seeds drawn from `seed`; the outer list is the repeats.
///
/// # Errors
/// As [`stratified_folds`].
pub fn repeated_stratified_folds(
    observations: &[Vec<Option<bool>>],
    folds: usize,
    repeats: usize,
    seed: u64,
) -> Result<Vec<Vec<usize>>, StatsError> {
    let mut random = SplitMix64::new(seed);
    (0..repeats)
        .map(|_| stratified_folds(observations, folds, random.next_u64()))
        .collect()
}
