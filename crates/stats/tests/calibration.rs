//! Calibrated probabilities behave as probabilities should.

use proptest::prelude::*;
use stats::StatsError;
use stats::auroc::Case;
use stats::calibration::{
    Platt, brier, calibration_curve, calibration_in_the_large, recalibration, scaled_brier,
};

fn some_cases() -> impl Strategy<Value = Vec<Case>> {
    prop::collection::vec((-50.0_f64..50.0, any::<bool>()), 2..40)
        .prop_map(|cases| {
            cases
                .into_iter()
                .map(|(score, positive)| Case { score, positive })
                .collect()
        })
        .prop_filter("both classes", |cases: &Vec<Case>| {
            cases.iter().any(|case| case.positive) && cases.iter().any(|case| !case.positive)
        })
}

/// The loss that is minimised, from its definition.
fn loss(platt: &Platt, cases: &[Case]) -> f64 {
    let positive = cases.iter().filter(|case| case.positive).count() as f64;
    let negative = cases.len() as f64 - positive;
    cases
        .iter()
        .map(|case| {
            let target = if case.positive {
                (positive + 1.0) / (positive + 2.0)
            } else {
                1.0 / (negative + 2.0)
            };
            let logit = platt.slope * case.score + platt.intercept;
            logit.max(0.0) + (-logit.abs()).exp().ln_1p() - target * logit
        })
        .sum()
}

proptest! {
    #[test]
    fn no_calibration_nearby_with_a_slope_from_zero_up_is_better(
        cases in some_cases(), d_slope in -0.1_f64..0.1, d_intercept in -0.1_f64..0.1,
    ) {
        let found = Platt::fit(&cases).expect("both classes");
        prop_assert!(found.slope >= 0.0);
        let other =
            Platt { slope: (found.slope + d_slope).max(0.0), intercept: found.intercept + d_intercept };
        prop_assert!(loss(&found, &cases) <= loss(&other, &cases) + 1e-9);
    }

    #[test]
    fn probabilities_do_not_depend_on_the_scale_of_the_scores(
        cases in some_cases(), factor in 0.01_f64..100.0, shift in -10.0_f64..10.0,
    ) {
        let scaled: Vec<Case> =
            cases.iter().map(|case| Case { score: factor * case.score + shift, ..*case }).collect();
        let (found, other) = (Platt::fit(&cases).expect("both classes"), Platt::fit(&scaled).expect("both classes"));
        for (case, scaled) in cases.iter().zip(&scaled) {
            prop_assert!((found.probability(case.score) - other.probability(scaled.score)).abs() < 1e-6);
        }
    }
}

#[test]
fn a_model_that_ranks_backwards_is_calibrated_to_the_share() {
    let cases: Vec<Case> = (0..12)
        .map(|score| Case {
            score: f64::from(score),
            positive: score < 3,
        })
        .collect();
    let found = Platt::fit(&cases).expect("both classes");
    assert_eq!(found.slope, 0.0);
    // Mean of Platt's targets: (3 · 4/5 + 9 · 1/11) / 12.
    assert!((found.probability(123.0) - (3.0 * 0.8 + 9.0 / 11.0) / 12.0).abs() < 1e-12);
}

#[test]
fn separated_classes_keep_a_finite_slope() {
    let cases: Vec<Case> = (0..10)
        .map(|score| Case {
            score: f64::from(score),
            positive: score >= 5,
        })
        .collect();
    let found = Platt::fit(&cases).expect("both classes");
    assert!(found.slope.is_finite() && found.slope > 0.0);
    assert!(found.probability(9.0) < 1.0);
}

#[test]
fn equal_scores_are_calibrated_to_the_share() {
    let cases = [
        Case {
            score: 2.0,
            positive: true,
        },
        Case {
            score: 2.0,
            positive: false,
        },
    ];
    assert_eq!(
        Platt::fit(&cases),
        Ok(Platt {
            slope: 0.0,
            intercept: 0.0
        })
    );
}

#[test]
fn what_cannot_be_calibrated_is_refused() {
    let case = Case {
        score: 1.0,
        positive: true,
    };
    assert_eq!(
        Platt::fit(&[case]),
        Err(StatsError::OneClass {
            positive: 1,
            negative: 0
        })
    );
    let broken = Case {
        score: f64::INFINITY,
        positive: false,
    };
    assert_eq!(
        Platt::fit(&[case, broken]),
        Err(StatsError::NotFinite { index: 1 })
    );
}

#[test]
fn the_brier_score_is_zero_for_certainty_and_a_quarter_for_a_coin() {
    assert_eq!(brier(&[1.0, 0.0], &[true, false]), Ok(0.0));
    assert_eq!(brier(&[0.5, 0.5], &[true, false]), Ok(0.25));
    assert_eq!(
        brier(&[1.5], &[true]),
        Err(StatsError::NotAProbability { index: 0 })
    );
    assert_eq!(
        brier(&[0.5], &[]),
        Err(StatsError::LengthsDiffer { left: 1, right: 0 })
    );
    assert_eq!(
        brier(&[], &[]),
        Err(StatsError::TooFew {
            found: 0,
            needed: 1
        })
    );
}

/// Probabilities from the nearly impossible to the nearly certain, and findings.
fn some_probabilities() -> impl Strategy<Value = (Vec<f64>, Vec<bool>)> {
    let probability = prop_oneof![
        4 => 0.05_f64..0.95,
        1 => prop::sample::select(vec![0.3, 0.5, 1e-300, 1e-9, 1.0 - 1e-9, 1.0 - f64::EPSILON, 0.0, 1.0]),
    ];
    prop::collection::vec((probability, any::<bool>()), 1..40)
        .prop_map(|cases| cases.into_iter().unzip())
}

proptest! {
    #[test]
    fn recalibrated_probabilities_need_no_recalibration((probabilities, findings) in some_probabilities()) {
        let Ok(found) = recalibration(&probabilities, &findings) else { return Ok(()) };
        let logits: Vec<f64> = probabilities
            .iter()
            .map(|p| found.intercept.value + found.slope.value * (p / (1.0 - p)).ln())
            .collect();
        // Beyond, a probability next to 1 has hardly a digit of its logit left.
        prop_assume!(logits.iter().all(|logit| logit.abs() < 12.0) && found.slope.value.abs() > 1e-3);
        let mended: Vec<f64> = logits.iter().map(|logit| 1.0 / (1.0 + (-logit).exp())).collect();
        let again = recalibration(&mended, &findings).expect("neither equal nor separated");
        prop_assert!((again.slope.value - 1.0).abs() < 1e-6, "{:?}", again);
        prop_assert!(again.intercept.value.abs() < 1e-6, "{:?}", again);
    }

    #[test]
    fn an_answer_about_probabilities_is_a_number((probabilities, findings) in some_probabilities(), groups in 0_usize..12) {
        let mut numbers = Vec::new();
        if let Ok(found) = recalibration(&probabilities, &findings) {
            for coefficient in [found.slope, found.intercept] {
                numbers.extend([coefficient.interval.lower, coefficient.value, coefficient.interval.upper]);
            }
        }
        if let Ok(found) = calibration_in_the_large(&probabilities, &findings) {
            numbers.extend([found.interval.lower, found.value, found.interval.upper]);
        }
        numbers.extend(scaled_brier(&probabilities, &findings));
        if let Ok(curve) = calibration_curve(&probabilities, &findings, groups) {
            prop_assert!(curve.len() <= groups);
            prop_assert_eq!(curve.iter().map(|group| group.n).sum::<usize>(), probabilities.len());
            for pair in curve.windows(2) {
                prop_assert!(pair[0].mean_probability < pair[1].mean_probability);
            }
            for group in &curve {
                numbers.extend([group.mean_probability, group.share, group.interval.lower, group.interval.upper]);
            }
        }
        prop_assert!(numbers.iter().all(|number| number.is_finite()), "{:?}", numbers);
    }
}

#[test]
fn in_the_large_the_expected_positives_are_the_positives() {
    let probabilities = [0.1, 0.2, 0.3, 0.9, 1e-200];
    let findings = [true, false, true, true, false];
    let found = calibration_in_the_large(&probabilities, &findings).expect("both classes");
    let expected: f64 = probabilities
        .iter()
        .map(|p| 1.0 / (1.0 + (-found.value).exp() * (1.0 - p) / p))
        .sum();
    assert!((expected - 3.0).abs() < 1e-12, "{expected}");
}

#[test]
fn a_share_for_everybody_has_a_scaled_brier_score_of_nought() {
    let findings = [true, false, false, false];
    let found = scaled_brier(&[0.25; 4], &findings).expect("both classes");
    assert!(found.abs() < 1e-12, "{found}");
    assert_eq!(scaled_brier(&[1.0, 0.0, 0.0, 0.0], &findings), Ok(1.0));
}

#[test]
fn a_recalibration_without_an_answer_is_refused() {
    let refused = |probabilities: &[f64], findings: &[bool]| {
        recalibration(probabilities, findings).expect_err("no answer")
    };
    let findings = [false, false, true, true];
    assert_eq!(
        refused(&[0.1, 0.2, 0.3, 0.4], &findings),
        StatsError::Separated
    );
    assert_eq!(
        refused(&[0.9, 0.8, 0.3, 0.2], &findings),
        StatsError::Separated
    );
    // The one value that both classes have does not hold the slope back.
    assert_eq!(
        refused(&[0.1, 0.3, 0.3, 0.4], &findings),
        StatsError::Separated
    );
    assert_eq!(refused(&[0.3; 4], &findings), StatsError::Constant);
    assert_eq!(
        refused(&[0.1, 0.2, 1.0, 0.4], &findings),
        StatsError::Certain { index: 2 }
    );
    assert_eq!(
        refused(&[0.1, f64::NAN], &[true, false]),
        StatsError::NotAProbability { index: 1 }
    );
    let one_class = StatsError::OneClass {
        positive: 2,
        negative: 0,
    };
    assert_eq!(refused(&[0.1, 0.2], &[true, true]), one_class);
    assert_eq!(
        calibration_in_the_large(&[0.1, 0.2], &[true, true]).map(|_| ()),
        Err(one_class.clone())
    );
    assert_eq!(
        scaled_brier(&[0.1, 0.2], &[true, true]).map(|_| ()),
        Err(one_class)
    );
    let too_few = |found, needed| Err(StatsError::TooFew { found, needed });
    assert_eq!(
        calibration_curve(&[0.5], &[true], 2).map(|_| ()),
        too_few(1, 2)
    );
    assert_eq!(
        calibration_curve(&[0.5], &[true], 0).map(|_| ()),
        too_few(0, 1)
    );
}
