//! How a model did on one target, with all that is needed to believe or doubt it, and the plots of it.

use serde::{Deserialize, Serialize};

use crate::view::{CohortSummary, TargetOfModel};

/// A plot in its own words, drawn by the server and handed out as numbers, too.
#[derive(Clone, Debug, PartialEq)]
pub struct Plot {
    /// Its name in addresses and files.
    pub key: &'static str,
    /// Its title.
    pub title: &'static str,
    /// What it shows, for those who do not see it, and what must be known to read it.
    pub note: String,
    /// From left to right.
    pub x: Axis,
    /// From below upwards.
    pub y: Axis,
    /// What is drawn, the lowest first.
    pub series: Vec<Series>,
}

/// One axis of a plot.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// What is laid out along it, with the unit.
    pub label: String,
    /// Its two ends.
    pub ends: (f64, f64),
}

/// What of a plot belongs together.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its name in the key; none where it needs no word.
    pub name: String,
    /// How it is drawn.
    pub mark: Mark,
    /// Which of the colours it has.
    pub ink: Ink,
    /// Its points.
    pub points: Vec<PlotPoint>,
}

/// How a series is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Points joined by straight lines.
    Line,
    /// The same, dashed: for what is only compared with.
    Dashes,
    /// A dot per point, with its interval where there is one.
    Dots,
}

/// The colours of plots: they mean something, and follow the theme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// The model itself, or patients with the finding.
    First,
    /// What it is compared with, or patients without the finding.
    Second,
    /// Lines that help to read.
    Guide,
}

/// One point of a plot.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct PlotPoint {
    /// Along the x axis.
    pub x: f64,
    /// Along the y axis.
    pub y: f64,
    /// The ends of its interval along the y axis.
    pub interval: Option<(f64, f64)>,
    /// What it is, and where it leads to.
    pub link: Option<(String, String)>,
}

impl PlotPoint {
    /// A point that leads nowhere.
    #[must_use]
    pub fn at(x: f64, y: f64) -> Self {
        Self {
            x,
            y,
            ..Self::default()
        }
    }
}

impl Plot {
    /// All numbers as CSV (RFC 4180): series, x, y, the ends of the interval, what the point is.
    #[must_use]
    pub fn csv(&self) -> String {
        let mut lines = vec![
            [
                "series",
                &self.x.label,
                &self.y.label,
                "low",
                "high",
                "point",
            ]
            .map(quoted)
            .join(","),
        ];
        for series in &self.series {
            for point in &series.points {
                let (low, high) = match point.interval {
                    Some((low, high)) => (low.to_string(), high.to_string()),
                    None => (String::new(), String::new()),
                };
                let name = point.link.as_ref().map_or("", |(name, _)| name);
                lines.push(
                    [
                        &quoted(&series.name),
                        &point.x.to_string(),
                        &point.y.to_string(),
                        &low,
                        &high,
                        &quoted(name),
                    ]
                    .map(String::as_str)
                    .join(","),
                );
            }
        }
        lines.join("\r\n") + "\r\n"
    }
}

/// A field of CSV. One that a spreadsheet would take for a formula is led by an apostrophe.
fn quoted(text: &str) -> String {
    let text = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

/// A plot as the page shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DrawnPlot {
    /// Its name in addresses and files.
    pub key: String,
    /// Its title.
    pub title: String,
    /// What it shows.
    pub note: String,
    /// The drawing: an `svg` element whose colours are custom properties of the page.
    pub svg: String,
    /// Width and height of the drawing, px.
    pub size: (u32, u32),
    /// The points that lead somewhere.
    pub links: Vec<PlotLink>,
}

/// A point of a drawing that leads somewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlotLink {
    /// Its middle in the drawing, px.
    pub at: (i32, i32),
    /// What it is.
    pub name: String,
    /// Where it leads to.
    pub href: String,
}

/// How one model did on one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetReport {
    /// Key of the model.
    pub model: String,
    /// Its title.
    pub model_title: String,
    /// Which predictor, in words.
    pub predictor: String,
    /// Which encoder, in words.
    pub encoder: String,
    /// The cohort that it was trained on.
    pub cohort: CohortSummary,
    /// The target with its evaluation.
    pub target: TargetOfModel,
    /// What there is to see.
    pub plots: Vec<DrawnPlot>,
    /// The folds, repeat after repeat.
    pub folds: Vec<FoldReport>,
    /// Correlation of the score with the allele frequency among patients with the finding, where it could be computed.
    pub allele_frequency: Option<AlleleFrequencyReport>,
    /// What the numbers rest on, as name and value.
    pub provenance: Vec<(String, String)>,
}

/// What was tested in one fold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FoldReport {
    /// Repeat of the cross-validation, from 1.
    pub repeat: u32,
    /// Fold, from 1.
    pub fold: u32,
    /// Test patients with the finding.
    pub positives: u32,
    /// Test patients without it.
    pub negatives: u32,
    /// AUROC among them; none with one kind only.
    pub auroc: Option<f64>,
    /// Epochs of training, for what is trained in epochs.
    pub epochs: Option<u32>,
    /// Penalty and coefficients that are not 0, for what has a penalty.
    pub penalty: Option<(f64, u32)>,
}

/// Spearman's ρ of score and allele frequency.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlleleFrequencyReport {
    /// ρ.
    pub rho: f64,
    /// Lower end of its 95 % interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Two-sided p that it is 0.
    pub p: f64,
    /// Patients with the finding and a known frequency.
    pub patients: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_handed_out_as_csv_that_no_spreadsheet_runs() {
        let plot = Plot {
            key: "k",
            title: "T",
            note: String::new(),
            x: Axis {
                label: "1 − specificity".to_owned(),
                ends: (0.0, 1.0),
            },
            y: Axis {
                label: "a, b".to_owned(),
                ends: (0.0, 1.0),
            },
            series: vec![Series {
                name: "=cmd()".to_owned(),
                mark: Mark::Dots,
                ink: Ink::First,
                points: vec![
                    PlotPoint::at(0.25, 0.5),
                    PlotPoint {
                        interval: Some((0.1, 0.9)),
                        link: Some(("P-1 \"x\"".to_owned(), "/slides/P-1".to_owned())),
                        ..PlotPoint::at(1.0, 2.0)
                    },
                ],
            }],
        };
        assert_eq!(
            plot.csv(),
            "series,1 − specificity,\"a, b\",low,high,point\r\n'=cmd(),0.25,0.5,,,\r\n'=cmd(),1,2,0.1,0.9,\"P-1 \"\"x\"\"\"\r\n"
        );
    }
}
