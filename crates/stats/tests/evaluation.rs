//! What an evaluation prints agrees with other implementations (`fixtures/evaluation.py` made `fixtures/evaluation.json`).
//!
//! Both sides add up a few hundred numbers in double precision, and the bootstrap draws the same resamples: agreement is to
//! 1e-10 unless said otherwise.

use serde::Deserialize;
use stats::auroc::{
    AurocDifference, Case, PairedCase, clustered_auroc, paired_difference, roc_curve,
};
use stats::bootstrap::{Bootstrapped, Clustered, Resampling};
use stats::calibration::{
    Coefficient, calibration_curve, calibration_in_the_large, recalibration, scaled_brier,
};
use stats::correlation::{Correlation, mean_absolute_error, pearson, spearman};
use stats::hypothesis::{Alternative, benjamini_hochberg, within_fold_wilcoxon};
use stats::linkage::{Dendrogram, Linkage, correlation_distances, euclidean_distances};
use stats::precision_recall::{average_precision, precision_recall_curve};
use stats::{Interval, proportion::wilson_interval};

#[derive(Deserialize)]
struct Reference {
    resamples: usize,
    seed: u64,
    ranking: Vec<RankingReference>,
    paired: Vec<PairedReference>,
    wilcoxon: Vec<WilcoxonReference>,
    stratified: StratifiedReference,
    multiple: MultipleReference,
    calibration: Vec<CalibrationReference>,
    correlation: Vec<CorrelationReference>,
    clustering: ClusteringReference,
}

impl Reference {
    fn read() -> Self {
        serde_json::from_str(include_str!("../fixtures/evaluation.json"))
            .expect("the committed fixture is valid")
    }

    fn resampling(&self) -> Resampling {
        Resampling {
            resamples: self.resamples,
            seed: self.seed,
        }
    }
}

#[derive(Deserialize)]
struct BootstrapReference {
    value: f64,
    interval: [f64; 2],
    undefined: usize,
}

#[derive(Deserialize)]
struct RankingReference {
    score: Vec<f64>,
    label: Vec<bool>,
    patient: Vec<usize>,
    fold: Vec<usize>,
    auroc: BootstrapReference,
    average_precision: BootstrapReference,
    roc: RocReference,
    precision_recall: PrecisionRecallReference,
}

#[derive(Deserialize)]
struct RocReference {
    fpr: Vec<f64>,
    tpr: Vec<f64>,
    threshold: Vec<f64>,
}

#[derive(Deserialize)]
struct PrecisionRecallReference {
    precision: Vec<f64>,
    recall: Vec<f64>,
    threshold: Vec<f64>,
}

#[derive(Deserialize)]
struct PairedReference {
    first: Vec<f64>,
    second: Vec<f64>,
    label: Vec<bool>,
    fold: Vec<usize>,
    plain: DifferenceReference,
    within_folds: DifferenceReference,
}

#[derive(Deserialize)]
struct DifferenceReference {
    first: f64,
    second: f64,
    interval: [f64; 2],
    p: f64,
}

#[derive(Deserialize)]
struct WilcoxonReference {
    score: Vec<f64>,
    label: Vec<bool>,
    statistic: f64,
    #[serde(rename = "two-sided")]
    two_sided: f64,
    greater: f64,
}

#[derive(Deserialize)]
struct StratifiedReference {
    score: Vec<f64>,
    label: Vec<bool>,
    fold: Vec<usize>,
    statistic: f64,
    z: f64,
}

#[derive(Deserialize)]
struct MultipleReference {
    p: Vec<f64>,
    adjusted: Vec<f64>,
}

#[derive(Deserialize)]
struct CalibrationReference {
    probability: Vec<f64>,
    finding: Vec<bool>,
    slope: [f64; 3],
    intercept: [f64; 3],
    in_the_large: [f64; 3],
    share: Vec<f64>,
    mean_probability: Vec<f64>,
    scaled_brier: f64,
}

#[derive(Deserialize)]
struct CorrelationReference {
    x: Vec<f64>,
    y: Vec<f64>,
    pearson: [f64; 4],
    spearman: [f64; 4],
    mean_absolute_error: BootstrapReference,
}

#[derive(Deserialize)]
struct ClusteringReference {
    rows: Vec<Vec<f64>>,
    correlations: Vec<Vec<f64>>,
    average_of_correlations: TreeReference,
    ward_of_rows: TreeReference,
}

#[derive(Deserialize)]
struct TreeReference {
    order: Vec<usize>,
    heights: Vec<f64>,
}

#[track_caller]
fn assert_close(found: f64, expected: f64) {
    assert_near(found, expected, 1e-10);
}

#[track_caller]
fn assert_near(found: f64, expected: f64, tolerance: f64) {
    assert!(
        (found - expected).abs() <= tolerance,
        "{found} is not {expected}"
    );
}

#[track_caller]
fn assert_all_close(found: impl IntoIterator<Item = f64>, expected: &[f64]) {
    let found: Vec<f64> = found.into_iter().collect();
    assert_eq!(found.len(), expected.len(), "{found:?} {expected:?}");
    for (found, &expected) in found.into_iter().zip(expected) {
        assert_close(found, expected);
    }
}

#[track_caller]
fn assert_interval(found: Interval, expected: [f64; 2]) {
    assert_close(found.lower, expected[0]);
    assert_close(found.upper, expected[1]);
}

#[track_caller]
fn assert_bootstrapped(found: &Bootstrapped, expected: &BootstrapReference) {
    assert_close(found.value, expected.value);
    assert_interval(found.interval.expect("resamples differ"), expected.interval);
    assert_eq!(found.undefined, expected.undefined);
}

fn cases(scores: &[f64], labels: &[bool]) -> Vec<Case> {
    let case = |(&score, &positive)| Case { score, positive };
    scores.iter().zip(labels).map(case).collect()
}

/// One repeat.
fn in_folds<T: Clone>(of: &[T], fold: &[usize]) -> Vec<Vec<Vec<T>>> {
    let folds = fold.iter().max().expect("cases") + 1;
    let mut repeat = vec![Vec::new(); folds];
    for (case, &fold) in of.iter().zip(fold) {
        repeat[fold].push(case.clone());
    }
    vec![repeat]
}

fn clustered(case: &RankingReference) -> Vec<Vec<Vec<Clustered<Case>>>> {
    let clustered: Vec<Clustered<Case>> = cases(&case.score, &case.label)
        .into_iter()
        .zip(&case.patient)
        .map(|(case, &cluster)| Clustered { cluster, case })
        .collect();
    in_folds(&clustered, &case.fold)
}

#[test]
fn clustered_auroc_and_its_interval_agree_with_scikit_learn_in_every_resample() {
    let reference = Reference::read();
    for case in &reference.ranking {
        let found =
            clustered_auroc(&clustered(case), reference.resampling()).expect("both classes");
        assert_close(found.value, case.auroc.value);
        assert_interval(found.interval, case.auroc.interval);
    }
}

#[test]
fn average_precision_and_its_interval_agree_with_scikit_learn_in_every_resample() {
    let reference = Reference::read();
    for case in &reference.ranking {
        let found =
            average_precision(&clustered(case), reference.resampling()).expect("both classes");
        assert_bootstrapped(&found, &case.average_precision);
    }
}

#[test]
fn curves_agree_with_scikit_learn_point_by_point() {
    for case in Reference::read().ranking {
        let cases = cases(&case.score, &case.label);
        let roc = roc_curve(&cases).expect("both classes");
        assert_all_close(
            roc.iter().map(|point| point.false_positive_rate),
            &case.roc.fpr,
        );
        assert_all_close(
            roc.iter().map(|point| point.true_positive_rate),
            &case.roc.tpr,
        );
        assert_eq!(roc[0].threshold, None);
        assert_all_close(
            roc[1..]
                .iter()
                .map(|point| point.threshold.expect("a score")),
            &case.roc.threshold,
        );

        let curve = precision_recall_curve(&cases).expect("both classes");
        let expected = &case.precision_recall;
        assert_all_close(
            curve.iter().map(|point| point.precision),
            &expected.precision,
        );
        assert_all_close(curve.iter().map(|point| point.recall), &expected.recall);
        assert_all_close(
            curve.iter().map(|point| point.threshold),
            &expected.threshold,
        );
    }
}

#[track_caller]
fn assert_difference(found: &AurocDifference, expected: &DifferenceReference) {
    assert_close(found.first, expected.first);
    assert_close(found.second, expected.second);
    assert_close(found.value, expected.first - expected.second);
    assert_interval(found.interval, expected.interval);
    assert_close(found.p, expected.p);
}

#[test]
fn paired_delong_agrees_with_its_definition_with_and_without_folds() {
    for case in Reference::read().paired {
        let pairs: Vec<PairedCase> = case
            .first
            .iter()
            .zip(&case.second)
            .zip(&case.label)
            .map(|((&first, &second), &positive)| PairedCase {
                first,
                second,
                positive,
            })
            .collect();
        let plain = paired_difference(&[vec![pairs.clone()]]).expect("both classes");
        assert_difference(&plain, &case.plain);
        let within = paired_difference(&in_folds(&pairs, &case.fold)).expect("both classes");
        assert_difference(&within, &case.within_folds);
    }
}

#[test]
fn wilcoxon_of_one_fold_agrees_with_scipy() {
    for case in Reference::read().wilcoxon {
        let folds = [vec![cases(&case.score, &case.label)]];
        let test = |alternative| within_fold_wilcoxon(&folds, alternative).expect("both classes");
        assert_close(test(Alternative::TwoSided).statistic, case.statistic);
        assert_close(test(Alternative::TwoSided).p, case.two_sided);
        assert_close(test(Alternative::Greater).p, case.greater);
    }
}

#[test]
fn wilcoxon_within_folds_has_the_mean_and_variance_of_all_permutations() {
    let case = Reference::read().stratified;
    let folds = in_folds(&cases(&case.score, &case.label), &case.fold);
    let found = within_fold_wilcoxon(&folds, Alternative::Greater).expect("both classes");
    assert_close(found.statistic, case.statistic);
    assert_close(found.z, case.z);
}

#[test]
fn benjamini_hochberg_agrees_with_scipy() {
    let case = Reference::read().multiple;
    let found = benjamini_hochberg(&case.p).expect("probabilities");
    assert_all_close(found, &case.adjusted);
}

#[track_caller]
fn assert_coefficient(found: &Coefficient, [value, lower, upper]: [f64; 3]) {
    // Iterations stop where the likelihood is flat to rounding, some 1e-8 from the optimum.
    assert_near(found.value, value, 1e-7);
    assert_near(found.interval.lower, lower, 1e-7);
    assert_near(found.interval.upper, upper, 1e-7);
}

#[test]
fn recalibration_agrees_with_statsmodels() {
    for case in Reference::read().calibration {
        let found = recalibration(&case.probability, &case.finding).expect("both classes");
        assert_coefficient(&found.slope, case.slope);
        assert_coefficient(&found.intercept, case.intercept);
        let large = calibration_in_the_large(&case.probability, &case.finding);
        assert_coefficient(&large.expect("both classes"), case.in_the_large);
    }
}

#[test]
fn calibration_curve_and_scaled_brier_score_agree_with_scikit_learn() {
    for case in Reference::read().calibration {
        let curve = calibration_curve(&case.probability, &case.finding, 5).expect("enough");
        assert_all_close(curve.iter().map(|group| group.share), &case.share);
        assert_all_close(
            curve.iter().map(|group| group.mean_probability),
            &case.mean_probability,
        );
        assert_eq!(
            curve.iter().map(|group| group.n).sum::<usize>(),
            case.finding.len()
        );
        for group in &curve {
            let wilson = wilson_interval(group.n_positive as u64, group.n as u64);
            assert_eq!(group.interval, wilson.expect("a share"));
        }
        let brier = scaled_brier(&case.probability, &case.finding).expect("both classes");
        assert_close(brier, case.scaled_brier);
    }
}

#[track_caller]
fn assert_correlation(found: &Correlation, [value, p, lower, upper]: [f64; 4]) {
    assert_close(found.value, value);
    assert_close(found.p, p);
    assert_interval(found.interval.expect("not certain"), [lower, upper]);
}

#[test]
fn correlations_agree_with_scipy() {
    let reference = Reference::read();
    for case in &reference.correlation {
        assert_correlation(&pearson(&case.x, &case.y).expect("varied"), case.pearson);
        assert_correlation(&spearman(&case.x, &case.y).expect("varied"), case.spearman);
        let error = mean_absolute_error(&case.x, &case.y, reference.resampling());
        assert_bootstrapped(&error.expect("enough"), &case.mean_absolute_error);
    }
}

#[test]
fn clustering_orders_rows_as_scipy_does() {
    let case = Reference::read().clustering;
    for (distances, linkage, expected) in [
        (
            correlation_distances(&case.correlations),
            Linkage::Average,
            case.average_of_correlations,
        ),
        (
            euclidean_distances(&case.rows).expect("equal rows"),
            Linkage::WardD2,
            case.ward_of_rows,
        ),
    ] {
        let found = Dendrogram::of(&distances, linkage).expect("distances");
        assert_eq!(found.order, expected.order);
        assert_all_close(
            found.merges.iter().map(|merge| merge.height),
            &expected.heights,
        );
    }
}
