//! Intervals over resampled patients, curves and comparisons keep the laws that tie them to the plain AUROC.

use proptest::prelude::*;
use stats::auroc::{
    Case, IntervalMethod, PairedCase, RocPoint, Scope, auroc, clustered_auroc, paired_difference,
    repeated_within_fold_auroc, roc_curve, within_fold_roc_curve,
};
use stats::bootstrap::{Clustered, Resampling, bootstrap, bootstrap_mean};
use stats::precision_recall::{average_precision, precision_recall_curve};
use stats::{SplitMix64, StatsError};

const RESAMPLING: Resampling = Resampling {
    resamples: 200,
    seed: 5,
};

/// Few distinct scores, so that ties are common; both classes are there, several times each.
fn some_cases() -> impl Strategy<Value = Vec<Case>> {
    let case = (-6_i32..6, any::<bool>()).prop_map(|(score, positive)| Case {
        score: f64::from(score) / 2.0,
        positive,
    });
    prop::collection::vec(case, 6..40).prop_filter("both classes", |cases| {
        let positives = cases.iter().filter(|case| case.positive).count();
        positives > 1 && cases.len() - positives > 1
    })
}

fn clustered(cases: &[Case], per_patient: usize) -> Vec<Clustered<Case>> {
    let of = |(place, &case)| Clustered {
        cluster: place / per_patient,
        case,
    };
    cases.iter().enumerate().map(of).collect()
}

fn area_below(curve: &[RocPoint]) -> f64 {
    curve
        .windows(2)
        .map(|pair| {
            (pair[1].false_positive_rate - pair[0].false_positive_rate)
                * (pair[0].true_positive_rate + pair[1].true_positive_rate)
                / 2.0
        })
        .sum()
}

fn assert_rising(curve: &[RocPoint]) {
    for pair in curve.windows(2) {
        assert!(pair[0].false_positive_rate <= pair[1].false_positive_rate);
        assert!(pair[0].true_positive_rate <= pair[1].true_positive_rate + 1e-12);
    }
    let ends = [curve[0], curve[curve.len() - 1]];
    let rates = ends.map(|end| (end.false_positive_rate, end.true_positive_rate));
    assert_eq!(rates[0], (0.0, 0.0));
    assert!(rates[1].0 == 1.0 && (rates[1].1 - 1.0).abs() < 1e-12);
}

proptest! {
    #[test]
    fn resampling_patients_leaves_the_value_of_the_auroc_alone(
        first in some_cases(), second in some_cases(), per_patient in 1_usize..3,
    ) {
        let plain = repeated_within_fold_auroc(&[vec![&first, &second], vec![&second]]).expect("both classes");
        let folds = [vec![clustered(&first, per_patient), clustered(&second, per_patient)], vec![clustered(&second, per_patient)]];
        let found = clustered_auroc(&folds, RESAMPLING).expect("both classes");
        prop_assert!((found.value - plain.value).abs() < 1e-12);
        prop_assert_eq!((found.n_positive, found.n_negative, found.n_pairs), (plain.n_positive, plain.n_negative, plain.n_pairs));
        prop_assert_eq!(found.scope, Scope::TheseModels);
        prop_assert!(0.0 <= found.interval.lower && found.interval.lower < found.interval.upper && found.interval.upper <= 1.0);
    }

    #[test]
    fn the_same_seed_gives_the_same_interval_whatever_the_order_of_cases(cases in some_cases(), seed in any::<u64>()) {
        let resampling = Resampling { seed, ..RESAMPLING };
        let straight = clustered(&cases, 2);
        let mut turned = straight.clone();
        turned.reverse();
        prop_assert_eq!(
            clustered_auroc(&[vec![&straight[..]]], resampling), clustered_auroc(&[vec![&turned[..]]], resampling)
        );
        let precision = |cases: &[Clustered<Case>]| average_precision(&[vec![cases]], resampling);
        prop_assert_eq!(precision(&straight), precision(&turned));
    }

    #[test]
    fn the_area_below_the_roc_curve_is_the_auroc(cases in some_cases()) {
        let curve = roc_curve(&cases).expect("both classes");
        assert_rising(&curve);
        let plain = auroc(&cases).expect("both classes");
        prop_assert!((area_below(&curve) - plain.value).abs() < 1e-12);
    }

    #[test]
    fn the_area_below_the_mean_roc_curve_is_the_within_fold_auroc(
        first in some_cases(), second in some_cases(), third in some_cases(),
    ) {
        let repeats = [vec![&first, &second], vec![&second, &third]];
        let curve = within_fold_roc_curve(&repeats).expect("both classes");
        assert_rising(&curve);
        let plain = repeated_within_fold_auroc(&repeats).expect("both classes");
        prop_assert!((area_below(&curve) - plain.value).abs() < 1e-12);
    }

    #[test]
    fn the_area_of_the_steps_of_precision_is_the_average_precision(cases in some_cases()) {
        let curve = precision_recall_curve(&cases).expect("both classes");
        let mut before = 0.0;
        let mut area = 0.0;
        for point in &curve {
            prop_assert!(before <= point.recall && (0.0..=1.0).contains(&point.precision));
            area += (point.recall - before) * point.precision;
            before = point.recall;
        }
        prop_assert_eq!(before, 1.0);
        let found = average_precision(&[vec![clustered(&cases, 1)]], RESAMPLING).expect("both classes");
        prop_assert!((found.value - area).abs() < 1e-12);
    }

    #[test]
    fn swapping_the_scores_mirrors_the_difference(cases in some_cases(), second in prop::collection::vec(-4_i32..4, 40)) {
        let pair = |(case, &second): (&Case, &i32)| PairedCase {
            first: case.score, second: f64::from(second), positive: case.positive,
        };
        let pairs: Vec<PairedCase> = cases.iter().zip(&second).map(pair).collect();
        let swapped: Vec<PairedCase> =
            pairs.iter().map(|case| PairedCase { first: case.second, second: case.first, ..*case }).collect();
        let straight = paired_difference(&[vec![pairs]]).expect("both classes");
        let mirrored = paired_difference(&[vec![swapped]]).expect("both classes");
        prop_assert!((straight.value + mirrored.value).abs() < 1e-12);
        prop_assert!((straight.interval.lower + mirrored.interval.upper).abs() < 1e-12);
        prop_assert!((straight.p - mirrored.p).abs() < 1e-12);
        prop_assert!((straight.value - (straight.first - straight.second)).abs() < 1e-12);
        prop_assert!((auroc(&cases).expect("both classes").value - straight.first).abs() < 1e-12);
        prop_assert!((0.0..=1.0).contains(&straight.p));
    }

    #[test]
    fn a_score_does_not_differ_from_itself_and_that_is_not_certain(cases in some_cases()) {
        let pairs: Vec<PairedCase> = cases
            .iter()
            .map(|case| PairedCase { first: case.score, second: 3.0 * case.score + 1.0, positive: case.positive })
            .collect();
        let found = paired_difference(&[vec![pairs]]).expect("both classes");
        prop_assert_eq!((found.value, found.p, found.method), (0.0, 1.0, IntervalMethod::Hoeffding));
        prop_assert!(found.interval.lower < 0.0 && 0.0 < found.interval.upper);
    }
}

#[test]
fn a_perfect_ranking_of_tiles_is_as_uncertain_as_its_few_patients() {
    // Three patients of 50 tiles with the finding above six without.
    let cases: Vec<Clustered<Case>> = (0..450)
        .map(|tile| Clustered {
            cluster: tile / 50,
            case: Case {
                score: -(tile as f64),
                positive: tile < 150,
            },
        })
        .collect();
    let found = clustered_auroc(&[vec![cases.clone()]], RESAMPLING).expect("both classes");
    assert_eq!(
        (found.value, found.method, found.scope),
        (1.0, IntervalMethod::DisjointPairs, Scope::Patients)
    );
    assert!((found.interval.lower - 0.025_f64.powf(1.0 / 3.0)).abs() < 1e-12);
    let precision = average_precision(&[vec![cases]], RESAMPLING).expect("both classes");
    assert_eq!((precision.value, precision.interval), (1.0, None));
}

#[test]
fn tiles_of_one_patient_are_not_further_patients() {
    // Ten copies of every patient's case must leave the interval as it is.
    let mut random = SplitMix64::new(3);
    let cases: Vec<Clustered<Case>> = (0..40)
        .map(|cluster| Clustered {
            cluster,
            case: Case {
                score: random.below(1000) as f64,
                positive: cluster % 3 == 0,
            },
        })
        .collect();
    let copies: Vec<Clustered<Case>> = cases.iter().flat_map(|&case| [case; 10]).collect();
    let once = clustered_auroc(&[vec![cases]], RESAMPLING).expect("both classes");
    let often = clustered_auroc(&[vec![copies]], RESAMPLING).expect("both classes");
    assert_eq!((once.value, once.interval), (often.value, often.interval));
}

#[test]
fn a_hundred_thousand_tiles_are_resampled_a_thousand_times() {
    let mut random = SplitMix64::new(9);
    let cases: Vec<Clustered<Case>> = (0..100_000)
        .map(|tile| {
            let cluster = tile % 334;
            let positive = cluster % 5 == 0;
            Clustered {
                cluster,
                case: Case {
                    score: random.below(1 << 40) as f64 + if positive { 1e11 } else { 0.0 },
                    positive,
                },
            }
        })
        .collect();
    let resampling = Resampling {
        resamples: 1000,
        seed: 1,
    };
    let found = clustered_auroc(&[vec![&cases[..]]], resampling).expect("both classes");
    let plain: Vec<Case> = cases.iter().map(|own| own.case).collect();
    assert_eq!(found.value, auroc(&plain).expect("both classes").value);
    assert!(found.interval.lower < found.value && found.value < found.interval.upper);
}

/// Tiles share their patient's shift. Of normal scores the tile-level AUROC is Φ(1 / √(2 (1 + 1))) = Φ(½).
#[test]
fn clustered_intervals_cover_the_truth_about_as_often_as_they_say() {
    let truth = 0.691_462;
    let mut random = SplitMix64::new(17);
    let mut uniform = || (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    let mut normal = || {
        let (radius, angle) = (
            (-2.0 * (1.0 - uniform()).ln()).sqrt(),
            std::f64::consts::TAU * uniform(),
        );
        radius * angle.cos()
    };
    let (trials, mut covered) = (400_u32, 0_u32);
    for seed in 0..u64::from(trials) {
        let mut cases = Vec::new();
        for cluster in 0..60 {
            let positive = cluster % 3 == 0;
            let patient = normal() + if positive { 1.0 } else { 0.0 };
            for _ in 0..8 {
                cases.push(Clustered {
                    cluster,
                    case: Case {
                        score: patient + normal(),
                        positive,
                    },
                });
            }
        }
        let resampling = Resampling {
            resamples: 400,
            seed,
        };
        let found = clustered_auroc(&[vec![cases]], resampling).expect("both classes");
        covered += u32::from(found.interval.lower <= truth && truth <= found.interval.upper);
    }
    // Percentile intervals of 20 positive patients are known to be a little short.
    let coverage = f64::from(covered) / f64::from(trials);
    assert!((0.90..=0.98).contains(&coverage), "{coverage}");
}

#[test]
fn a_resample_without_positives_is_left_out_and_counted() {
    let cases = [(3.0, true), (2.0, true), (1.0, false), (2.5, false)]
        .map(|(score, positive)| Case { score, positive });
    let resampling = Resampling {
        resamples: 1000,
        ..RESAMPLING
    };
    let found = average_precision(&[vec![clustered(&cases, 1)]], resampling).expect("both classes");
    // One class only in 2 · (1/2)⁴ of the resamples: 125 of 1,000, with a deviation of 10.
    assert!((85..=165).contains(&found.undefined), "{found:?}");
    assert_eq!(found.resamples + found.undefined, 1000);
}

#[test]
fn what_has_no_answer_is_refused() {
    let case = |score, positive| Case { score, positive };
    let of = |cases: &[Case]| vec![vec![clustered(cases, 1)]];
    let too_few = |found, needed| Err(StatsError::TooFew { found, needed });
    let one_class = Err(StatsError::OneClass {
        positive: 2,
        negative: 0,
    });
    let both = [case(1.0, true), case(0.0, false), case(2.0, true)];
    let positives = [case(1.0, true), case(2.0, true)];
    let nan = [case(1.0, true), case(f64::NAN, false)];

    for (cases, expected) in [
        (&positives[..], one_class.clone()),
        (&nan[..], Err(StatsError::NotFinite { index: 1 })),
    ] {
        assert_eq!(
            clustered_auroc(&of(cases), RESAMPLING).map(|_| ()),
            expected
        );
        assert_eq!(
            average_precision(&of(cases), RESAMPLING).map(|_| ()),
            expected
        );
        assert_eq!(roc_curve(cases).map(|_| ()), expected);
        assert_eq!(within_fold_roc_curve(&[vec![cases]]).map(|_| ()), expected);
        assert_eq!(precision_recall_curve(cases).map(|_| ()), expected);
        let pairs: Vec<PairedCase> = cases
            .iter()
            .map(|case| PairedCase {
                first: 0.0,
                second: case.score,
                positive: case.positive,
            })
            .collect();
        assert_eq!(paired_difference(&[vec![pairs]]).map(|_| ()), expected);
    }
    assert_eq!(
        within_fold_roc_curve::<Vec<Case>>(&[]).map(|_| ()),
        too_few(0, 1)
    );
    assert_eq!(
        paired_difference::<Vec<PairedCase>>(&[]).map(|_| ()),
        too_few(0, 1)
    );
    let none: [Vec<Vec<Clustered<Case>>>; 0] = [];
    assert_eq!(
        clustered_auroc(&none, RESAMPLING).map(|_| ()),
        too_few(0, 1)
    );
    assert_eq!(
        within_fold_roc_curve(&[vec![&both[..1], &both[1..2]]]).map(|_| ()),
        Err(StatsError::NoPairs)
    );
    let split = [vec![clustered(&both[..1], 1), clustered(&both[1..2], 1)]];
    assert_eq!(
        clustered_auroc(&split, RESAMPLING).map(|_| ()),
        Err(StatsError::NoPairs)
    );
    // All tiles are one patient's.
    assert_eq!(
        clustered_auroc(&[vec![clustered(&both, 3)]], RESAMPLING).map(|_| ()),
        too_few(1, 2)
    );
    let few = Resampling {
        resamples: 20,
        seed: 0,
    };
    assert_eq!(
        bootstrap_mean(&[1.0, 2.0], few).map(|_| ()),
        too_few(20, 100)
    );
    assert_eq!(bootstrap_mean(&[], RESAMPLING).map(|_| ()), too_few(0, 2));
    assert_eq!(
        bootstrap_mean(&[1.0], RESAMPLING).map(|_| ()),
        too_few(1, 2)
    );
    assert_eq!(
        bootstrap_mean(&[1.0, f64::INFINITY], RESAMPLING).map(|_| ()),
        Err(StatsError::NotFinite { index: 1 })
    );
    assert_eq!(
        bootstrap(5, RESAMPLING, |_| Err(StatsError::Constant)).map(|_| ()),
        Err(StatsError::Constant)
    );
}
