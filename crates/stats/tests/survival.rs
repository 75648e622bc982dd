//! Survival statistics agree with lifelines (`fixtures/evaluation.py` made `fixtures/evaluation.json`) and with their own laws.

use proptest::prelude::*;
use serde::Deserialize;
use stats::StatsError;
use stats::bootstrap::{Clustered, Resampling};
use stats::survival::{KaplanMeier, Prognosis, Survival, log_rank, within_fold_concordance};

#[derive(Deserialize)]
struct Reference {
    resamples: usize,
    seed: u64,
    survival: Vec<SurvivalReference>,
}

#[derive(Deserialize)]
struct SurvivalReference {
    risk: Vec<f64>,
    time: Vec<f64>,
    event: Vec<bool>,
    fold: Vec<usize>,
    group: Vec<usize>,
    concordance: BootstrapReference,
    steps: StepsReference,
    median: [Option<f64>; 3],
    two_groups: [f64; 2],
    three_groups: [f64; 2],
}

#[derive(Deserialize)]
struct BootstrapReference {
    value: f64,
    interval: [f64; 2],
    undefined: usize,
}

#[derive(Deserialize)]
struct StepsReference {
    time: Vec<f64>,
    at_risk: Vec<usize>,
    events: Vec<usize>,
    censored: Vec<usize>,
    survival: Vec<f64>,
    lower: Vec<Option<f64>>,
    upper: Vec<Option<f64>>,
}

impl SurvivalReference {
    fn survival(&self) -> Vec<Survival> {
        let of = |(&time, &event)| Survival { time, event };
        self.time.iter().zip(&self.event).map(of).collect()
    }

    fn groups(&self, of: impl Fn(usize) -> usize) -> Vec<Vec<Survival>> {
        let n = self
            .group
            .iter()
            .map(|&group| of(group))
            .max()
            .expect("patients")
            + 1;
        let mut groups = vec![Vec::new(); n];
        for (own, &group) in self.survival().into_iter().zip(&self.group) {
            groups[of(group)].push(own);
        }
        groups
    }
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("../fixtures/evaluation.json"))
        .expect("the committed fixture is valid")
}

/// Both sides multiply and add a few dozen numbers in double precision.
#[track_caller]
fn assert_close(found: f64, expected: f64) {
    assert!(
        (found - expected).abs() <= 1e-10,
        "{found} is not {expected}"
    );
}

fn prognoses(risks: &[f64], survival: &[Survival]) -> Vec<Clustered<Prognosis>> {
    risks
        .iter()
        .zip(survival)
        .enumerate()
        .map(|(cluster, (&risk, &survival))| Clustered {
            cluster,
            case: Prognosis { risk, survival },
        })
        .collect()
}

const RESAMPLING: Resampling = Resampling {
    resamples: 100,
    seed: 1,
};

#[test]
fn concordance_within_folds_agrees_with_lifelines_in_every_resample() {
    let reference = reference();
    let resampling = Resampling {
        resamples: reference.resamples,
        seed: reference.seed,
    };
    for case in reference.survival {
        let mut folds = vec![Vec::new(); case.fold.iter().max().expect("patients") + 1];
        for (own, &fold) in prognoses(&case.risk, &case.survival())
            .into_iter()
            .zip(&case.fold)
        {
            folds[fold].push(own);
        }
        let found = within_fold_concordance(&[folds], resampling).expect("events");
        let expected = case.concordance;
        assert_close(found.estimate.value, expected.value);
        let interval = found.estimate.interval.expect("resamples differ");
        assert_close(interval.lower, expected.interval[0]);
        assert_close(interval.upper, expected.interval[1]);
        assert_eq!(found.estimate.undefined, expected.undefined);
    }
}

#[test]
fn kaplan_meier_curves_agree_with_lifelines() {
    for case in reference().survival {
        let found = KaplanMeier::of(&case.survival()).expect("patients");
        let expected = case.steps;
        assert_eq!(found.steps.len(), expected.time.len());
        for (place, step) in found.steps.iter().enumerate() {
            assert_eq!(
                (step.time, step.at_risk, step.events, step.censored),
                (
                    expected.time[place],
                    expected.at_risk[place],
                    expected.events[place],
                    expected.censored[place]
                )
            );
            assert_close(step.survival, expected.survival[place]);
            match step.interval {
                Some(interval) => {
                    assert_close(interval.lower, expected.lower[place].expect("a bound"));
                    assert_close(interval.upper, expected.upper[place].expect("a bound"));
                }
                None => assert!(step.survival == 0.0 || step.survival == 1.0),
            }
        }
        let median = found.median.expect("enough events");
        assert_eq!([Some(median.time), median.lower, median.upper], case.median);
    }
}

#[test]
fn log_rank_test_of_two_and_three_groups_agrees_with_lifelines() {
    for case in reference().survival {
        for (groups, expected) in [
            (case.groups(|group| group.min(1)), case.two_groups),
            (case.groups(|group| group), case.three_groups),
        ] {
            let found = log_rank(&groups).expect("events");
            assert_eq!(found.degrees, groups.len() - 1);
            assert_close(found.chi_squared, expected[0]);
            assert_close(found.p, expected[1]);
            let events: usize = found.groups.iter().map(|group| group.events).sum();
            let expected: f64 = found.groups.iter().map(|group| group.expected).sum();
            assert_close(expected, events as f64);
        }
    }
}

/// Few distinct times, so that ties are common.
fn some_survival() -> impl Strategy<Value = Vec<Survival>> {
    prop::collection::vec((0_u32..12, any::<bool>()), 2..40).prop_map(|cases| {
        cases
            .into_iter()
            .map(|(time, event)| Survival {
                time: f64::from(time),
                event,
            })
            .collect()
    })
}

/// The c-index from its definition, pair by pair.
fn pairs_by_hand(cases: &[Clustered<Prognosis>]) -> Option<f64> {
    let (mut right, mut pairs) = (0.0, 0.0);
    for first in cases {
        for second in cases {
            let (a, b) = (first.case.survival, second.case.survival);
            if a.event && (a.time < b.time || (a.time == b.time && !b.event)) {
                pairs += 1.0;
                right += match first.case.risk.total_cmp(&second.case.risk) {
                    std::cmp::Ordering::Greater => 1.0,
                    std::cmp::Ordering::Equal => 0.5,
                    std::cmp::Ordering::Less => 0.0,
                };
            }
        }
    }
    (pairs > 0.0).then(|| right / pairs)
}

proptest! {
    #[test]
    fn without_censoring_the_curve_is_one_minus_the_empirical_distribution(cases in some_survival()) {
        let all: Vec<Survival> = cases.iter().map(|case| Survival { event: true, ..*case }).collect();
        for step in KaplanMeier::of(&all).expect("patients").steps {
            let later = all.iter().filter(|case| case.time > step.time).count() as f64;
            prop_assert!((step.survival - later / all.len() as f64).abs() < 1e-12);
        }
    }

    #[test]
    fn the_curve_falls_and_its_interval_holds_it(cases in some_survival()) {
        let found = KaplanMeier::of(&cases).expect("patients");
        let mut before = 1.0;
        for step in &found.steps {
            prop_assert!(step.survival <= before);
            before = step.survival;
            if let Some(interval) = step.interval {
                prop_assert!(0.0 <= interval.lower && interval.upper <= 1.0);
                prop_assert!(interval.lower < step.survival && step.survival < interval.upper);
            }
            prop_assert_eq!(found.at_risk(step.time), step.at_risk);
        }
        if let Some(median) = found.median {
            prop_assert!(median.lower.is_some_and(|lower| lower <= median.time));
            prop_assert!(median.upper.is_none_or(|upper| median.time <= upper));
        }
    }

    #[test]
    fn concordance_is_what_counting_pairs_gives(cases in some_survival(), risks in prop::collection::vec(-3_i32..3, 40)) {
        let risks: Vec<f64> = risks.into_iter().map(f64::from).collect();
        let cases = prognoses(&risks, &cases);
        match (pairs_by_hand(&cases), within_fold_concordance(&[vec![&cases[..]]], RESAMPLING)) {
            (Some(expected), Ok(found)) => prop_assert!((found.estimate.value - expected).abs() < 1e-12),
            (None, Err(StatsError::NoEvents | StatsError::NothingToCompare)) => {}
            // Hardly any resample of a handful of patients holds a comparable pair.
            (Some(_), Err(StatsError::TooFew { .. })) => {}
            (expected, found) => prop_assert!(false, "{:?} {:?}", expected, found),
        }
    }

    #[test]
    fn log_rank_does_not_depend_on_the_order_of_groups(first in some_survival(), second in some_survival(), third in some_survival()) {
        let straight = log_rank(&[&first, &second, &third]);
        let turned = log_rank(&[&third, &first, &second]);
        match (straight, turned) {
            (Ok(straight), Ok(turned)) => {
                prop_assert_eq!(straight.degrees, turned.degrees);
                prop_assert!((straight.chi_squared - turned.chi_squared).abs() < 1e-8 * (1.0 + straight.chi_squared));
                prop_assert!((0.0..=1.0).contains(&straight.p));
            }
            (straight, turned) => prop_assert_eq!(straight.err(), turned.err()),
        }
    }
}

fn survival(cases: &[(f64, bool)]) -> Vec<Survival> {
    let of = |&(time, event)| Survival { time, event };
    cases.iter().map(of).collect()
}

#[test]
fn a_group_without_events_has_a_flat_curve_without_an_interval() {
    let found = KaplanMeier::of(&survival(&[(3.0, false), (1.0, false)])).expect("patients");
    assert!(
        found
            .steps
            .iter()
            .all(|step| step.survival == 1.0 && step.interval.is_none())
    );
    assert_eq!((found.median, found.n, found.n_events), (None, 2, 0));
    assert_eq!(
        [0.0, 1.0, 1.5, 3.0, 3.5].map(|time| found.at_risk(time)),
        [2, 2, 1, 1, 0]
    );
}

#[test]
fn a_group_never_at_risk_with_others_costs_a_degree_of_freedom() {
    // The third group is last seen before the first event.
    let groups = [
        survival(&[(2.0, true), (5.0, true), (6.0, false)]),
        survival(&[(3.0, true), (8.0, true)]),
        survival(&[(1.0, false), (1.5, false)]),
    ];
    let three = log_rank(&groups).expect("events");
    let two = log_rank(&groups[..2]).expect("events");
    assert_eq!((three.degrees, two.degrees), (1, 1));
    assert_close(three.chi_squared, two.chi_squared);
}

#[test]
fn what_has_no_answer_is_refused() {
    let censored = survival(&[(1.0, false), (2.0, false)]);
    let one = survival(&[(1.0, true)]);
    let too_few = |found, needed| Err(StatsError::TooFew { found, needed });
    assert_eq!(KaplanMeier::of(&[]).map(|_| ()), too_few(0, 1));
    assert_eq!(
        KaplanMeier::of(&survival(&[(1.0, true), (-1.0, true)])).map(|_| ()),
        Err(StatsError::Negative { index: 1 })
    );
    assert_eq!(
        KaplanMeier::of(&survival(&[(f64::NAN, true)])).map(|_| ()),
        Err(StatsError::NotFinite { index: 0 })
    );
    assert_eq!(log_rank(&[&one]).map(|_| ()), too_few(1, 2));
    assert_eq!(log_rank(&[&one, &Vec::new()]).map(|_| ()), too_few(0, 1));
    assert_eq!(
        log_rank(&[&censored, &censored]).map(|_| ()),
        Err(StatsError::NoEvents)
    );
    // The first group is gone before anybody of the second has the event.
    assert_eq!(
        log_rank(&[
            survival(&[(1.0, false)]),
            survival(&[(2.0, true), (3.0, true)])
        ])
        .map(|_| ()),
        Err(StatsError::NothingToCompare)
    );
    let concordance = |risks: &[f64], cases: &[(f64, bool)]| {
        within_fold_concordance(&[vec![prognoses(risks, &survival(cases))]], RESAMPLING).map(|_| ())
    };
    assert_eq!(
        concordance(&[1.0, 2.0], &[(1.0, false), (2.0, false)]),
        Err(StatsError::NoEvents)
    );
    assert_eq!(
        concordance(&[1.0, 2.0], &[(1.0, true), (1.0, true)]),
        Err(StatsError::NothingToCompare)
    );
    assert_eq!(
        concordance(&[f64::NAN, 2.0], &[(1.0, true), (2.0, true)]),
        Err(StatsError::NotFinite { index: 0 })
    );
    assert_eq!(
        within_fold_concordance::<Vec<Clustered<Prognosis>>>(&[], RESAMPLING).map(|_| ()),
        too_few(0, 1)
    );
}
