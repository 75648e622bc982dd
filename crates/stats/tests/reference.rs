//! The statistics agree with other implementations: `fixtures/reference.py` made `fixtures/reference.json`.

use serde::Deserialize;
use stats::auroc::{Case, IntervalMethod, auroc, within_fold_auroc};
use stats::calibration::{Platt, brier};
use stats::correlation::spearman;
use stats::proportion::wilson_interval;

#[derive(Deserialize)]
struct Reference {
    auroc: Vec<AurocReference>,
    spearman: Vec<SpearmanReference>,
    platt: Vec<PlattReference>,
    brier: BrierReference,
    wilson: Vec<WilsonReference>,
}

#[derive(Deserialize)]
struct AurocReference {
    score: Vec<f64>,
    label: Vec<bool>,
    fold: Vec<usize>,
    delong: Estimate,
    within_folds: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    value: f64,
    interval: [f64; 2],
}

#[derive(Deserialize)]
struct SpearmanReference {
    x: Vec<f64>,
    y: Vec<f64>,
    rho: f64,
}

#[derive(Deserialize)]
struct PlattReference {
    score: Vec<f64>,
    label: Vec<bool>,
    slope: f64,
    intercept: f64,
}

#[derive(Deserialize)]
struct BrierReference {
    probability: Vec<f64>,
    finding: Vec<bool>,
    value: f64,
}

#[derive(Deserialize)]
struct WilsonReference {
    successes: u64,
    trials: u64,
    interval: [f64; 2],
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("../fixtures/reference.json"))
        .expect("the committed fixture is valid")
}

fn cases(scores: &[f64], labels: &[bool]) -> Vec<Case> {
    scores
        .iter()
        .zip(labels)
        .map(|(&score, &positive)| Case { score, positive })
        .collect()
}

#[track_caller]
fn assert_close(found: f64, expected: f64, tolerance: f64) {
    assert!(
        (found - expected).abs() <= tolerance,
        "{found} is not {expected}"
    );
}

#[test]
fn auroc_and_delong_interval_agree_with_the_definition_pair_by_pair() {
    for case in reference().auroc {
        let found = auroc(&cases(&case.score, &case.label)).expect("both classes are there");
        assert_eq!(found.method, IntervalMethod::LogitDelong);
        assert_close(found.value, case.delong.value, 1e-12);
        assert_close(found.interval.lower, case.delong.interval[0], 1e-10);
        assert_close(found.interval.upper, case.delong.interval[1], 1e-10);
    }
}

#[test]
fn within_fold_auroc_agrees_with_the_definition_pair_by_pair() {
    for case in reference().auroc {
        let mut folds = vec![Vec::new(); 3];
        for (one, &fold) in cases(&case.score, &case.label).into_iter().zip(&case.fold) {
            folds[fold].push(one);
        }
        let found = within_fold_auroc(&folds).expect("both classes are there");
        assert_eq!(found.method, IntervalMethod::LogitDelong);
        assert_close(found.value, case.within_folds.value, 1e-12);
        assert_close(found.interval.lower, case.within_folds.interval[0], 1e-10);
        assert_close(found.interval.upper, case.within_folds.interval[1], 1e-10);
    }
}

#[test]
fn spearman_agrees_with_scipy_with_and_without_ties() {
    for case in reference().spearman {
        assert_close(
            spearman(&case.x, &case.y)
                .expect("nothing is constant")
                .value,
            case.rho,
            1e-12,
        );
    }
}

#[test]
fn platt_scaling_agrees_with_a_general_optimiser() {
    for case in reference().platt {
        let found = Platt::fit(&cases(&case.score, &case.label)).expect("both classes are there");
        // Nelder and Mead's simplex stops where the loss is flat to rounding, some 1e-7 from the optimum.
        assert_close(found.slope, case.slope, 1e-6 * case.slope.abs().max(1.0));
        assert_close(
            found.intercept,
            case.intercept,
            1e-6 * case.intercept.abs().max(1.0),
        );
    }
}

#[test]
fn brier_score_agrees_with_scikit_learn() {
    let case = reference().brier;
    assert_close(
        brier(&case.probability, &case.finding).expect("probabilities"),
        case.value,
        1e-12,
    );
}

#[test]
fn wilson_interval_agrees_with_statsmodels() {
    for case in reference().wilson {
        let found = wilson_interval(case.successes, case.trials).expect("a valid share");
        assert_close(found.lower, case.interval[0], 1e-12);
        assert_close(found.upper, case.interval[1], 1e-12);
    }
}
