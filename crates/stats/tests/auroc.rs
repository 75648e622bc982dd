//! What must hold of every AUROC, and its edges by hand.

use proptest::prelude::*;
use stats::StatsError;
use stats::auroc::{
    Auroc, Case, IntervalMethod, Scope, auroc, repeated_within_fold_auroc, within_fold_auroc,
};

fn cases(positives: &[f64], negatives: &[f64]) -> Vec<Case> {
    let with = positives.iter().map(|&score| Case {
        score,
        positive: true,
    });
    with.chain(negatives.iter().map(|&score| Case {
        score,
        positive: false,
    }))
    .collect()
}

/// Few distinct scores, so that ties are common; both classes are there.
fn some_cases() -> impl Strategy<Value = Vec<Case>> {
    prop::collection::vec((-6_i32..6, any::<bool>()), 2..40)
        .prop_map(|cases| {
            cases
                .into_iter()
                .map(|(score, positive)| Case {
                    score: f64::from(score) / 2.0,
                    positive,
                })
                .collect()
        })
        .prop_filter("both classes", |cases: &Vec<Case>| {
            cases.iter().any(|case| case.positive) && cases.iter().any(|case| !case.positive)
        })
}

fn assert_mirrored(left: &Auroc, right: &Auroc) {
    assert_eq!(left.method, right.method);
    for (a, b) in [
        (left.value, right.value),
        (left.interval.lower, right.interval.upper),
        (left.interval.upper, right.interval.lower),
    ] {
        assert!((a + b - 1.0).abs() < 1e-9, "{left:?} {right:?}");
    }
}

proptest! {
    #[test]
    fn auroc_does_not_change_under_a_rising_transform(cases in some_cases()) {
        let bent: Vec<Case> =
            cases.iter().map(|case| Case { score: (case.score / 3.0).exp() - 7.0, ..*case }).collect();
        prop_assert_eq!(auroc(&cases), auroc(&bent));
    }

    #[test]
    fn flipping_labels_or_scores_mirrors_auroc_and_interval(cases in some_cases()) {
        let straight = auroc(&cases).expect("both classes");
        let labels: Vec<Case> = cases.iter().map(|case| Case { positive: !case.positive, ..*case }).collect();
        let scores: Vec<Case> = cases.iter().map(|case| Case { score: -case.score, ..*case }).collect();
        assert_mirrored(&straight, &auroc(&labels).expect("both classes"));
        assert_mirrored(&straight, &auroc(&scores).expect("both classes"));
    }

    #[test]
    fn the_interval_holds_the_value_and_stays_within_0_and_1(cases in some_cases()) {
        let found = auroc(&cases).expect("both classes");
        prop_assert!(0.0 <= found.interval.lower && found.interval.upper <= 1.0);
        prop_assert!(found.interval.lower <= found.value && found.value <= found.interval.upper);
        prop_assert!(found.interval.lower < found.interval.upper, "{:?}", found);
    }

    #[test]
    fn shifting_the_scores_of_a_whole_fold_changes_nothing(first in some_cases(), second in some_cases()) {
        let shifted: Vec<Case> = second.iter().map(|case| Case { score: case.score + 100.0, ..*case }).collect();
        prop_assert_eq!(within_fold_auroc(&[first.clone(), second]), within_fold_auroc(&[first, shifted]));
    }

    #[test]
    fn one_fold_is_plain_auroc(cases in some_cases()) {
        let plain = auroc(&cases).expect("both classes");
        let one_fold = within_fold_auroc(&[cases]).expect("both classes");
        prop_assert_eq!(Auroc { scope: Scope::TheseModels, ..plain }, one_fold);
    }
}

#[test]
fn four_pairs_are_counted_by_hand() {
    // Pairs: 3>1 right, 3>2 right, 1.5>1 right, 1.5>2 wrong.
    let found = auroc(&cases(&[3.0, 1.5], &[1.0, 2.0])).expect("both classes");
    assert_eq!(
        (
            found.value,
            found.n_positive,
            found.n_negative,
            found.n_pairs
        ),
        (0.75, 2, 2, 4)
    );
    // Placement values 1, 1/2 and 1, 1/2: variance 1/8 each, so DeLong's is 1/8.
    let half = 1.959_963_984_540_054 * 0.125_f64.sqrt() / (0.75 * 0.25);
    let lower = 1.0 / (1.0 + (half - 3.0_f64.ln()).exp());
    assert!((found.interval.lower - lower).abs() < 1e-12);
}

#[test]
fn a_perfect_ranking_is_not_certain() {
    // 0.025^(1/12): twelve disjoint pairs, all right.
    let positives: Vec<f64> = (0..12).map(|score| f64::from(score) + 10.0).collect();
    let negatives: Vec<f64> = (0..36).map(|score| -f64::from(score)).collect();
    let found = auroc(&cases(&positives, &negatives)).expect("both classes");
    assert_eq!(
        (found.value, found.method),
        (1.0, IntervalMethod::DisjointPairs)
    );
    assert_eq!(found.interval.upper, 1.0);
    assert!((found.interval.lower - 0.735_35).abs() < 1e-4, "{found:?}");
}

#[test]
fn a_perfect_ranking_in_every_fold_counts_the_disjoint_pairs_of_all_folds() {
    // Folds of 2 + 6 and 1 + 3: weights 12/15 and 3/15, so L = min(2 / 0.8, 1 / 0.2) = 2.5.
    let folds = [cases(&[2.0, 3.0], &[1.0; 6]), cases(&[0.0], &[-1.0; 3])];
    let found = within_fold_auroc(&folds).expect("both classes");
    assert_eq!(found.method, IntervalMethod::DisjointPairs);
    assert!(
        (found.interval.lower - 0.025_f64.powf(1.0 / 2.5)).abs() < 1e-12,
        "{found:?}"
    );
}

#[test]
fn equal_scores_claim_nothing() {
    let found = auroc(&cases(&[1.0; 3], &[1.0; 5])).expect("both classes");
    assert_eq!(
        (found.value, found.method),
        (0.5, IntervalMethod::Hoeffding)
    );
    // √(ln 40 / 2 / 3) = 0.784.
    assert_eq!((found.interval.lower, found.interval.upper), (0.0, 1.0));
}

#[test]
fn one_positive_in_every_fold_gives_a_wide_interval_instead_of_none() {
    let folds: Vec<Vec<Case>> = (0..20)
        .map(|fold| cases(&[1.0], if fold == 0 { &[0.0, 2.0] } else { &[0.0, 0.5] }))
        .collect();
    let found = within_fold_auroc(&folds).expect("both classes");
    assert_eq!(found.method, IntervalMethod::Hoeffding);
    assert!((found.value - 0.975).abs() < 1e-12);
    let half = (40.0_f64.ln() / 2.0 / 20.0).sqrt();
    assert!(
        (found.interval.lower - (0.975 - half)).abs() < 1e-12,
        "{found:?}"
    );
}

#[test]
fn a_fold_without_a_pair_says_nothing_but_its_patients_are_counted() {
    let folds = [cases(&[2.0, 3.0, 0.0], &[1.0, 1.5]), cases(&[], &[9.0])];
    let found = within_fold_auroc(&folds).expect("both classes");
    assert_eq!(
        (found.n_positive, found.n_negative, found.n_pairs),
        (3, 3, 6)
    );
    assert_eq!(found.value, 4.0 / 6.0);
}

#[test]
fn repeating_the_same_folds_changes_neither_value_nor_interval() {
    let folds = vec![
        cases(&[2.0, 3.0, 0.0], &[1.0, 1.5, -1.0]),
        cases(&[2.0, 0.5], &[1.0, 0.0]),
    ];
    let once = within_fold_auroc(&folds).expect("both classes");
    let thrice =
        repeated_within_fold_auroc(&[folds.clone(), folds.clone(), folds]).expect("both classes");
    assert!((once.value - thrice.value).abs() < 1e-12);
    assert!((once.interval.lower - thrice.interval.lower).abs() < 1e-12);
    assert_eq!(once.n_pairs, thrice.n_pairs);
}

#[test]
fn what_has_no_answer_is_refused() {
    assert_eq!(
        auroc(&cases(&[1.0], &[])),
        Err(StatsError::OneClass {
            positive: 1,
            negative: 0
        })
    );
    assert_eq!(
        auroc(&cases(&[f64::NAN], &[0.0])),
        Err(StatsError::NotFinite { index: 0 })
    );
    assert_eq!(
        within_fold_auroc(&[cases(&[1.0], &[]), cases(&[], &[1.0])]),
        Err(StatsError::NoPairs)
    );
    assert_eq!(
        repeated_within_fold_auroc::<Vec<Case>>(&[]),
        Err(StatsError::TooFew {
            found: 0,
            needed: 1
        })
    );
}

#[test]
fn only_the_interval_of_several_models_is_conditional() {
    assert_eq!(
        Scope::TheseModels.label(),
        Some("conditional on these models")
    );
    assert_eq!(Scope::Patients.label(), None);
}

/// The intervals are meant to hold the truth 19 times in 20. Scores are normal with a shift of 1.2, AUROC Φ(1.2/√2).
#[test]
fn intervals_cover_the_truth_about_as_often_as_they_say() {
    let truth = 0.801_9;
    let mut random = stats::SplitMix64::new(11);
    let mut uniform = || (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    let mut normal = || {
        let (radius, angle) = (
            (-2.0 * (1.0 - uniform()).ln()).sqrt(),
            std::f64::consts::TAU * uniform(),
        );
        radius * angle.cos()
    };
    let (trials, mut covered) = (2000, 0);
    for _ in 0..trials {
        // Five folds as in the first run: 48 patients, 12 or 13 with the finding, each fold on its own scale.
        let folds: Vec<Vec<Case>> = (0..5)
            .map(|fold| {
                let positives: Vec<f64> = (0..2 + fold % 2)
                    .map(|_| f64::from(fold) * 5.0 + 1.2 + normal())
                    .collect();
                let negatives: Vec<f64> =
                    (0..7).map(|_| f64::from(fold) * 5.0 + normal()).collect();
                cases(&positives, &negatives)
            })
            .collect();
        let found = within_fold_auroc(&folds).expect("both classes");
        covered += usize::from(found.interval.lower <= truth && truth <= found.interval.upper);
    }
    let coverage = f64::from(u32::try_from(covered).expect("a small number")) / f64::from(trials);
    assert!((0.93..=0.995).contains(&coverage), "{coverage}");
}
