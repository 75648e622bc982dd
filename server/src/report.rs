//! How a model did on a target: from the model's card and what was observed to plots and numbers.

use std::collections::BTreeMap;

use anyhow::Context;
use app::charts;
use domain::report::{
    AlleleFrequencyReport, Axis, FoldReport, Ink, Mark, Plot, PlotPoint, Series, TargetReport,
};
use domain::view::{ModelSummary, TargetOfModel};
use model::predictor::{ModelCard, OutOfFold};
use stats::auroc::{Case, PairedCase, within_fold_auroc, within_fold_roc_curve};
use stats::calibration::calibration_curve;
use stats::correlation::spearman;
use stats::precision_recall::precision_recall_curve;
use store::{ObservedPatient, Store};

use crate::cohorts::COLOUR_ONLY;
use crate::problem::Problem;

/// Groups of the calibration curve: with tens of patients more would be noise.
const CALIBRATION_GROUPS: usize = 5;
/// Patients with a known allele frequency below which a correlation says nothing.
const FEWEST_FREQUENCIES: usize = 5;

/// A model and a target with all that is known of how they did.
pub struct Judged {
    model: ModelSummary,
    target: TargetOfModel,
    card: ModelCard,
    /// Of the card's lists per target.
    place: usize,
    /// Of the cohort, by code.
    patients: BTreeMap<String, ObservedPatient>,
    /// The colour-only model, where it is another one tested on the same folds.
    colour: Option<ModelCard>,
}

impl Judged {
    /// Reads a model and a target by their keys.
    pub async fn read(store: &Store, model: &str, target: &str) -> Result<Self, Problem> {
        let summaries = store.models().await?;
        let no_target = || Problem::not_found(format!("Model '{model}' has no target '{target}'."));
        let Some(summary) = summaries.iter().find(|summary| summary.key == model) else {
            return Err(Problem::not_found(format!("There is no model '{model}'.")));
        };
        let own = summary.targets.iter().find(|own| own.key == target);
        let own = own.cloned().ok_or_else(no_target)?;
        let stored = store.model(model).await?;
        let card = card(stored.spec)?;
        let of_key = |card: &ModelCard| card.targets.iter().position(|own| own.as_str() == target);
        let place = of_key(&card).ok_or_else(no_target)?;
        let target_id = stored.targets.get(place).copied().ok_or_else(no_target)?;
        let observed = store.observed(stored.cohort, target_id).await?;
        let colour = match summaries.iter().any(|summary| summary.key == COLOUR_ONLY) {
            true if model != COLOUR_ONLY => {
                let colour = store.model(COLOUR_ONLY).await?;
                Some(self::card(colour.spec)?)
                    .filter(|colour| has_same_folds(colour, &card) && of_key(colour) == Some(place))
            }
            _ => None,
        };
        Ok(Self {
            model: summary.clone(),
            target: own,
            card,
            place,
            patients: observed
                .into_iter()
                .map(|patient| (patient.patient.clone(), patient))
                .collect(),
            colour,
        })
    }

    /// Everything for the page.
    pub fn report(&self) -> TargetReport {
        let ModelSummary {
            key,
            title,
            predictor,
            encoder,
            training_cohort,
            ..
        } = self.model.clone();
        TargetReport {
            model: key,
            model_title: title,
            predictor,
            encoder,
            cohort: training_cohort,
            target: self.target.clone(),
            plots: self.plots().iter().filter_map(charts::for_page).collect(),
            folds: self.folds(),
            allele_frequency: self.allele_frequency(),
            provenance: self.provenance(),
        }
    }

    /// One plot by its key.
    pub fn plot(&self, key: &str) -> Option<Plot> {
        self.plots().into_iter().find(|plot| plot.key == key)
    }

    fn plots(&self) -> Vec<Plot> {
        let plots = [
            self.roc(),
            self.precision_recall(),
            self.calibration(),
            self.scores(),
            self.frequencies(),
            self.path(),
        ];
        plots.into_iter().flatten().collect()
    }

    /// Whether a patient has the finding, where that is known.
    fn finding(&self, entry: &OutOfFold) -> Option<bool> {
        self.patients
            .get(entry.patient.as_str())?
            .value
            .map(|value| value >= 0.5)
    }

    fn cases(&self, card: &ModelCard) -> Vec<Vec<Vec<Case>>> {
        let mut repeats = vec![vec![Vec::new(); card.training.folds]; card.training.repeats];
        for entry in &card.out_of_fold {
            let fold = repeats
                .get_mut(entry.repeat)
                .and_then(|folds| folds.get_mut(entry.fold));
            if let (Some(fold), Some(positive), Some(&score)) =
                (fold, self.finding(entry), entry.scores.get(self.place))
            {
                fold.push(Case { score, positive });
            }
        }
        repeats
    }

    fn roc(&self) -> Option<Plot> {
        let curve = |card: &ModelCard| -> Option<Vec<PlotPoint>> {
            let curve = within_fold_roc_curve(&self.cases(card)).ok()?;
            let point = |point: stats::auroc::RocPoint| {
                PlotPoint::at(point.false_positive_rate, point.true_positive_rate)
            };
            Some(curve.into_iter().map(point).collect())
        };
        let own = curve(&self.card)?;
        let mut series = vec![guide(&[(0.0, 0.0), (1.0, 1.0)])];
        if let Some(colour) = self.colour.as_ref().and_then(curve) {
            series.push(line("colour only", Ink::Second, colour));
        }
        series.push(line(&self.model.title, Ink::First, own));
        Some(Plot {
            key: "roc",
            title: "ROC",
            note: "Pairs of patients of the same fold only; the curve is the mean of the folds’, weighted by their pairs, and its area the AUROC above. The diagonal is chance.".to_owned(),
            x: share("False positives among those without"),
            y: share("True positives among those with"),
            series,
        })
    }

    /// One calibrated probability per patient, the mean over repeats, with what was found.
    fn probabilities(&self) -> Vec<(&ObservedPatient, f64, bool)> {
        let mut sums = BTreeMap::<&str, (f64, u32)>::new();
        for entry in &self.card.out_of_fold {
            if let Some(Some(probability)) = entry.probabilities.get(self.place) {
                let (sum, count) = sums.entry(entry.patient.as_str()).or_default();
                *sum += probability;
                *count += 1;
            }
        }
        sums.into_iter()
            .filter_map(|(code, (sum, count))| {
                let patient = self.patients.get(code)?;
                Some((patient, sum / f64::from(count), patient.value? >= 0.5))
            })
            .collect()
    }

    fn precision_recall(&self) -> Option<Plot> {
        let cases: Vec<Case> = self
            .probabilities()
            .iter()
            .map(|&(_, score, positive)| Case { score, positive })
            .collect();
        let curve = precision_recall_curve(&cases).ok()?;
        let with = cases.iter().filter(|case| case.positive).count() as f64 / cases.len() as f64;
        let points = curve
            .into_iter()
            .map(|point| PlotPoint::at(point.recall, point.precision))
            .collect();
        Some(Plot {
            key: "precision-recall",
            title: "Precision and recall",
            note: "By calibrated probabilities, which may be compared across folds. The dashed line is the share with the finding: what chance would give.".to_owned(),
            x: share("Recall: share of those with that are called"),
            y: share("Precision: share of the called with"),
            series: vec![
                guide(&[(0.0, with), (1.0, with)]),
                line(&self.model.title, Ink::First, points),
            ],
        })
    }

    fn calibration(&self) -> Option<Plot> {
        let (probabilities, findings): (Vec<f64>, Vec<bool>) = self
            .probabilities()
            .iter()
            .map(|&(_, probability, finding)| (probability, finding))
            .unzip();
        let groups = calibration_curve(&probabilities, &findings, CALIBRATION_GROUPS).ok()?;
        let sizes: Vec<String> = groups.iter().map(|group| group.n.to_string()).collect();
        let points = groups
            .iter()
            .map(|group| PlotPoint {
                interval: Some((group.interval.lower, group.interval.upper)),
                ..PlotPoint::at(group.mean_probability, group.share)
            })
            .collect();
        Some(Plot {
            key: "calibration",
            title: "Calibration",
            note: format!(
                "Patients in groups of similar probability ({} patients), with Wilson’s 95 % intervals. On the diagonal a probability is what it says.",
                sizes.join(", ")
            ),
            x: share("Predicted probability, mean of the group"),
            y: share("Share with the finding"),
            series: vec![
                guide(&[(0.0, 0.0), (1.0, 1.0)]),
                Series {
                    name: self.model.title.clone(),
                    mark: Mark::Dots,
                    ink: Ink::First,
                    points,
                },
            ],
        })
    }

    fn scores(&self) -> Option<Plot> {
        let all = self.probabilities();
        if all.is_empty() {
            return None;
        }
        let of = |wanted: bool| {
            let mut own: Vec<(&ObservedPatient, f64)> = all
                .iter()
                .filter(|(_, _, finding)| *finding == wanted)
                .map(|&(patient, probability, _)| (patient, probability))
                .collect();
            own.sort_by(|one, other| one.1.total_cmp(&other.1));
            let n = own.len() as f64;
            let points = own
                .into_iter()
                .enumerate()
                .map(|(rank, (patient, probability))| PlotPoint {
                    link: link(patient, probability),
                    ..PlotPoint::at((rank as f64 + 0.5) / n, probability)
                });
            points.collect::<Vec<_>>()
        };
        let dots = |name: &str, ink, points| Series {
            name: name.to_owned(),
            mark: Mark::Dots,
            ink,
            points,
        };
        Some(Plot {
            key: "patients",
            title: "Every patient",
            note: "Calibrated probability by rank among patients with and among those without the finding. A point leads to the patient’s slide.".to_owned(),
            x: share("Rank within the group, as a share"),
            y: share("Probability"),
            series: vec![
                dots("without", Ink::Second, of(false)),
                dots("with", Ink::First, of(true)),
            ],
        })
    }

    /// Probability and allele frequency of those with the finding.
    fn with_frequency(&self) -> Vec<(&ObservedPatient, f64, f64)> {
        self.probabilities()
            .into_iter()
            .filter(|(_, _, finding)| *finding)
            .filter_map(|(patient, probability, _)| {
                Some((patient, patient.allele_frequency?, probability))
            })
            .collect()
    }

    fn frequencies(&self) -> Option<Plot> {
        let points = self.with_frequency();
        if points.len() < FEWEST_FREQUENCIES {
            return None;
        }
        let points = points
            .into_iter()
            .map(|(patient, frequency, probability)| PlotPoint {
                link: link(patient, probability),
                ..PlotPoint::at(frequency, probability)
            })
            .collect();
        Some(Plot {
            key: "allele-frequency",
            title: "Allele frequency",
            note: "Patients with the finding only: those without have none. A point leads to the patient’s slide.".to_owned(),
            x: share("Share of alleles, or of metaphases"),
            y: share("Probability"),
            series: vec![Series {
                name: String::new(),
                mark: Mark::Dots,
                ink: Ink::First,
                points,
            }],
        })
    }

    fn allele_frequency(&self) -> Option<AlleleFrequencyReport> {
        let known = self.with_frequency();
        if known.len() < FEWEST_FREQUENCIES {
            return None;
        }
        let (frequencies, probabilities): (Vec<f64>, Vec<f64>) = known
            .iter()
            .map(|&(_, frequency, probability)| (frequency, probability))
            .unzip();
        let found = spearman(&probabilities, &frequencies).ok()?;
        let interval = found.interval?;
        Some(AlleleFrequencyReport {
            rho: found.value,
            low: interval.lower,
            high: interval.upper,
            p: found.p,
            patients: found.n as u32,
        })
    }

    /// The path of penalties of every fold: loss of the inner folds over λ.
    fn path(&self) -> Option<Plot> {
        let paths: Vec<_> = self
            .card
            .fold_models
            .iter()
            .filter_map(|fold| fold.targets.get(self.place))
            .map(|target| &target.path)
            .filter(|path| !path.is_empty())
            .collect();
        let all = || paths.iter().flat_map(|path| path.iter());
        let ends = |values: &mut dyn Iterator<Item = f64>| {
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(value), high.max(value))
            })
        };
        let x = ends(&mut all().map(|point| point.lambda.log10()));
        let y = ends(&mut all().map(|point| point.loss));
        if !(x.0 < x.1 && y.0 < y.1) {
            return None;
        }
        let mut series: Vec<Series> = paths
            .iter()
            .map(|path| {
                let points = path
                    .iter()
                    .map(|point| PlotPoint::at(point.lambda.log10(), point.loss));
                line("", Ink::Guide, points.collect())
            })
            .collect();
        let chosen = all()
            .filter(|point| point.chosen)
            .map(|point| PlotPoint {
                interval: Some((point.loss - point.loss_se, point.loss + point.loss_se)),
                ..PlotPoint::at(point.lambda.log10(), point.loss)
            })
            .collect();
        series.push(Series {
            name: "chosen".to_owned(),
            mark: Mark::Dots,
            ink: Ink::First,
            points: chosen,
        });
        let room = 0.05 * (y.1 - y.0);
        Some(Plot {
            key: "path",
            title: "Strictness",
            note: "Per fold the cross-entropy of the inner folds along the path of penalties; the least was chosen, on the training patients alone. Bars are one standard error.".to_owned(),
            x: Axis {
                label: "log10 of the penalty λ".to_owned(),
                ends: x,
            },
            y: Axis {
                label: "Cross-entropy per patient".to_owned(),
                ends: (y.0 - room, y.1 + room),
            },
            series,
        })
    }

    fn folds(&self) -> Vec<FoldReport> {
        let repeats = self.cases(&self.card);
        self.card
            .fold_models
            .iter()
            .filter_map(|fold| {
                let cases = repeats.get(fold.repeat)?.get(fold.fold)?;
                let positives = cases.iter().filter(|case| case.positive).count();
                let auroc = within_fold_auroc(std::slice::from_ref(cases)).ok();
                let target = fold.targets.get(self.place)?;
                let chosen = target.path.iter().find(|point| point.chosen);
                Some(FoldReport {
                    repeat: fold.repeat as u32 + 1,
                    fold: fold.fold as u32 + 1,
                    positives: positives as u32,
                    negatives: (cases.len() - positives) as u32,
                    auroc: auroc.map(|auroc| auroc.value),
                    epochs: fold.epochs.map(|epochs| epochs as u32),
                    penalty: chosen.map(|point| (point.lambda, point.non_zero as u32)),
                })
            })
            .collect()
    }

    fn provenance(&self) -> Vec<(String, String)> {
        let card = &self.card;
        let settings = serde_json::to_string(&card.training).unwrap_or_default();
        [
            (
                "Trained by",
                format!("{} {}", card.software.name, card.software.version),
            ),
            ("Settings", settings),
            (
                "Encoder",
                format!("{}, SHA-256 {}", self.model.encoder, card.encoder_sha256),
            ),
            (
                "Features and observations, SHA-256",
                card.training_data_sha256.clone(),
            ),
            ("Weights, SHA-256", card.weights_sha256.clone()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }
}

/// Whether two models were tested on the same patients fold by fold.
pub fn has_same_folds(one: &ModelCard, other: &ModelCard) -> bool {
    let folds = |card: &ModelCard| {
        let mut folds: Vec<_> = card
            .out_of_fold
            .iter()
            .map(|entry| (entry.repeat, entry.fold, entry.patient.clone()))
            .collect();
        folds.sort_unstable();
        folds
    };
    folds(one) == folds(other)
}

/// The scores of two models of the same folds, `[repeat][fold]`, of the patients whose finding is known.
pub fn paired(
    one: &ModelCard,
    other: &ModelCard,
    place: usize,
    finding: impl Fn(&str) -> Option<bool>,
) -> Vec<Vec<Vec<PairedCase>>> {
    let mut repeats = vec![vec![Vec::new(); one.training.folds]; one.training.repeats];
    for entry in &one.out_of_fold {
        let same = |pair: &&OutOfFold| pair.repeat == entry.repeat && pair.patient == entry.patient;
        let pair = other.out_of_fold.iter().find(same);
        let second = pair.and_then(|pair| pair.scores.get(place));
        let fold = repeats
            .get_mut(entry.repeat)
            .and_then(|folds| folds.get_mut(entry.fold));
        if let (Some(fold), Some(&first), Some(&second), Some(positive)) = (
            fold,
            entry.scores.get(place),
            second,
            finding(entry.patient.as_str()),
        ) {
            fold.push(PairedCase {
                first,
                second,
                positive,
            });
        }
    }
    repeats
}

fn card(spec: serde_json::Value) -> Result<ModelCard, Problem> {
    serde_json::from_value(spec)
        .context("a model's card cannot be read")
        .map_err(|error| Problem::internal(&error))
}

fn share(label: &str) -> Axis {
    Axis {
        label: label.to_owned(),
        ends: (0.0, 1.0),
    }
}

fn guide(points: &[(f64, f64)]) -> Series {
    Series {
        name: String::new(),
        mark: Mark::Dashes,
        ink: Ink::Guide,
        points: points.iter().map(|&(x, y)| PlotPoint::at(x, y)).collect(),
    }
}

fn line(name: &str, ink: Ink, points: Vec<PlotPoint>) -> Series {
    Series {
        name: name.to_owned(),
        mark: Mark::Line,
        ink,
        points,
    }
}

/// From a patient's point to the patient's slide.
fn link(patient: &ObservedPatient, probability: f64) -> Option<(String, String)> {
    let slide = patient.slide.as_ref()?;
    Some((
        format!("{}, probability {probability:.2}", patient.patient),
        format!("/slides/{slide}"),
    ))
}
