//! Calibrated probabilities behave as probabilities should.

use proptest::prelude::*;
use stats::StatsError;
use stats::auroc::Case;
use stats::calibration::{Platt, brier};

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
