//! Folds are fair to patients and targets.

use proptest::prelude::*;
use stats::StatsError;
use stats::split::{repeated_stratified_folds, stratified_folds};

fn observations(n: usize) -> impl Strategy<Value = Vec<Vec<Option<bool>>>> {
    let one = prop_oneof![2 => Just(Some(true)), 5 => Just(Some(false)), 2 => Just(None)];
    prop::collection::vec(prop::collection::vec(one, 3), 5..n)
}

proptest! {
    #[test]
    fn every_patient_is_tested_once_per_repeat_and_folds_differ_by_one_at_most(
        observations in observations(80), folds in 2_usize..6, seed in any::<u64>(),
    ) {
        prop_assume!(observations.len() >= folds);
        let repeats = repeated_stratified_folds(&observations, folds, 3, seed).expect("enough patients");
        prop_assert_eq!(repeats.len(), 3);
        for assigned in repeats {
            // One fold per patient is what the type says; every fold must be used, none twice as much as another.
            prop_assert_eq!(assigned.len(), observations.len());
            let sizes: Vec<usize> =
                (0..folds).map(|fold| assigned.iter().filter(|&&own| own == fold).count()).collect();
            prop_assert_eq!(sizes.iter().sum::<usize>(), observations.len());
            prop_assert!(sizes.iter().max().expect("folds") - sizes.iter().min().expect("folds") <= 1, "{:?}", sizes);
        }
    }

    #[test]
    fn the_seed_decides(observations in observations(40), seed in any::<u64>()) {
        prop_assert_eq!(stratified_folds(&observations, 4, seed), stratified_folds(&observations, 4, seed));
    }

    #[test]
    fn a_single_target_is_spread_as_evenly_as_counts_allow(
        labels in prop::collection::vec(any::<bool>(), 10..80), seed in any::<u64>(),
    ) {
        let observations: Vec<Vec<Option<bool>>> = labels.iter().map(|&label| vec![Some(label)]).collect();
        let assigned = stratified_folds(&observations, 5, seed).expect("enough patients");
        let counts: Vec<usize> = (0..5)
            .map(|fold| labels.iter().zip(&assigned).filter(|&(&label, &own)| label && own == fold).count())
            .collect();
        prop_assert!(counts.iter().max().expect("folds") - counts.iter().min().expect("folds") <= 1, "{:?}", counts);
    }
}

#[test]
fn three_targets_at_once_are_spread_over_the_folds_of_the_first_run() {
    // 48 patients: 16 with the first, 14 with the second, 20 with the third finding, which overlap.
    let observations: Vec<Vec<Option<bool>>> = (0..48)
        .map(|patient| {
            vec![
                Some(patient % 3 == 0),
                Some(patient % 7 < 2),
                Some((patient * 5) % 12 < 5),
            ]
        })
        .collect();
    for seed in 0..50 {
        let assigned = stratified_folds(&observations, 5, seed).expect("enough patients");
        for target in 0..3 {
            let total = observations
                .iter()
                .filter(|own| own[target] == Some(true))
                .count() as f64;
            for fold in 0..5 {
                let here = observations
                    .iter()
                    .zip(&assigned)
                    .filter(|&(own, &of)| of == fold && own[target] == Some(true))
                    .count() as f64;
                assert!(
                    (here - total / 5.0).abs() < 2.0,
                    "seed {seed}, target {target}, fold {fold}: {here} of {total}"
                );
            }
        }
    }
}

#[test]
fn another_seed_gives_another_split() {
    let observations: Vec<Vec<Option<bool>>> = (0..48)
        .map(|patient| vec![Some(patient % 3 == 0)])
        .collect();
    let splits = repeated_stratified_folds(&observations, 5, 2, 1).expect("enough patients");
    assert_ne!(splits[0], splits[1]);
    assert_ne!(
        splits[0],
        stratified_folds(&observations, 5, 99).expect("enough patients")
    );
}

#[test]
fn too_few_patients_or_folds_are_refused() {
    assert_eq!(
        stratified_folds(&[vec![], vec![]], 3, 0),
        Err(StatsError::TooFew {
            found: 2,
            needed: 3
        })
    );
    assert_eq!(
        stratified_folds(&[vec![], vec![]], 1, 0),
        Err(StatsError::TooFew {
            found: 1,
            needed: 2
        })
    );
}

#[test]
fn patients_without_any_observation_are_dealt_out_too() {
    let assigned = stratified_folds(&vec![vec![None, None]; 10], 5, 3).expect("enough patients");
    assert!(
        (0..5).all(|fold| assigned.iter().filter(|&&own| own == fold).count() == 2),
        "{assigned:?}"
    );
}
