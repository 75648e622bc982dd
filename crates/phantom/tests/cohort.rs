//! What a cohort promises: known prevalence, findings independent of each other and of the stain.

use domain::target::SignKind;
use phantom::stain::STAIN_BATCHES;
use phantom::{Cohort, TARGETS};

#[test]
fn the_same_seed_gives_the_same_patients() {
    assert_eq!(Cohort::new(1, 48), Cohort::new(1, 48));
    assert_ne!(Cohort::new(1, 48), Cohort::new(2, 48));
    let codes: Vec<String> = Cohort::new(1, 3)
        .patients
        .into_iter()
        .map(|patient| patient.code)
        .collect();
    assert_eq!(codes, ["P-0001", "P-0002", "P-0003"]);
}

#[test]
fn every_target_has_its_prevalence() {
    for seed in 0..20 {
        let cohort = Cohort::new(seed, 48);
        for target in &TARGETS {
            let positives = cohort
                .patients
                .iter()
                .filter(|patient| patient.is_positive(target.key))
                .count();
            assert!(
                (15..=33).contains(&positives),
                "{}: {positives}",
                target.key
            );
            for patient in &cohort.patients {
                let observation = patient.observation(target.key).unwrap();
                let (low, high) = target.allele_frequency;
                assert_eq!(observation.positive, observation.allele_frequency.is_some());
                assert!(
                    observation
                        .allele_frequency
                        .is_none_or(|f| (low..=high).contains(&f))
                );
            }
        }
    }
}

#[test]
fn findings_are_independent_of_each_other_and_of_the_stain() {
    // Phi coefficients over many patients: their standard error is 1/sqrt(n) = 0.016.
    let cohort = Cohort::new(5, 4000);
    let column = |test: &dyn Fn(&phantom::Patient) -> bool| -> Vec<f64> {
        cohort
            .patients
            .iter()
            .map(|patient| f64::from(u8::from(test(patient))))
            .collect()
    };
    let mut columns: Vec<Vec<f64>> = TARGETS
        .iter()
        .map(|target| column(&|patient| patient.is_positive(target.key)))
        .collect();
    columns.extend(
        (1..STAIN_BATCHES.len()).map(|batch| column(&|patient| patient.stain_batch == batch)),
    );
    for a in 0..TARGETS.len() {
        for b in a + 1..columns.len() {
            let phi = correlation(&columns[a], &columns[b]);
            assert!(phi.abs() < 0.06, "columns {a} and {b}: {phi}");
        }
    }
}

#[test]
fn every_planted_sign_has_a_citation_and_the_null_target_has_none() {
    for target in &TARGETS {
        let cited = matches!(target.sign, SignKind::Established | SignKind::Reported);
        assert_eq!(cited, !target.citation.is_empty(), "{}", target.key);
    }
    assert!(TARGETS.iter().any(|target| target.sign == SignKind::Null));
}

#[test]
fn an_empty_cohort_is_empty() {
    assert!(Cohort::new(1, 0).patients.is_empty());
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len() as f64;
    let (mean_a, mean_b) = (a.iter().sum::<f64>() / n, b.iter().sum::<f64>() / n);
    let product = |x: &[f64], mx: f64, y: &[f64], my: f64| -> f64 {
        x.iter().zip(y).map(|(x, y)| (x - mx) * (y - my)).sum()
    };
    product(a, mean_a, b, mean_b)
        / (product(a, mean_a, a, mean_a) * product(b, mean_b, b, mean_b)).sqrt()
}
