//! What travels between database, server and browser: the pages' data, and the JSON of `/api/v1`.

use serde::{Deserialize, Serialize};

use crate::geometry::{Mpp, Pyramid, SlideRect, TileGrid};
use crate::score::Readout;
use crate::target::{SignKind, TargetKind};

/// A slide in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SlideSummary {
    /// The slide's code, as in its address.
    pub code: String,
    /// First 12 hex digits of the file's SHA-256: part of every address whose content depends on the pixels.
    pub version: String,
    /// Code of its patient.
    pub patient: String,
    /// Code of its specimen.
    pub specimen: String,
    /// Its cohort.
    pub cohort: CohortSummary,
    /// What tissue it shows, one word: `marrow`, `skin`.
    pub tissue: String,
    /// Width of level 0, px.
    pub width: u32,
    /// Height of level 0, px.
    pub height: u32,
    /// Micrometres per level-0 pixel.
    pub mpp: Mpp,
    /// Magnification of the objective, where the file names it.
    pub objective: Option<f64>,
    /// Number of tiles once the grid is laid.
    pub tiles: Option<u32>,
    /// Whether its bag is complete.
    pub encoded: bool,
    /// How many models have predicted it.
    pub models: u32,
    /// Titles of the targets that were observed in its specimen or patient.
    pub findings: Vec<String>,
    /// Its unfinished, failed and cancelled jobs.
    pub jobs: JobCounts,
}

/// A cohort, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CohortSummary {
    /// Its key, as in addresses.
    pub key: String,
    /// Its title.
    pub title: String,
    /// Whether its slides are drawn, not photographed. The word "synthetic" stands beside every such slide.
    pub synthetic: bool,
}

/// Jobs by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobCounts {
    /// Waiting for their turn.
    pub queued: u32,
    /// Under way.
    pub running: u32,
    /// Given up, with a reason.
    pub failed: u32,
    /// Stopped by a person, and not asked for anew since.
    pub cancelled: u32,
}

/// Everything that the slide page shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SlideDetail {
    /// As in the list.
    pub summary: SlideSummary,
    /// Its levels.
    pub pyramid: Pyramid,
    /// Name of the file format.
    pub format: String,
    /// Where the slide comes from, one sentence.
    pub source: String,
    /// Its spots, at least one.
    pub spots: Vec<SpotView>,
    /// The models that have predicted it, newest last.
    pub models: Vec<ModelOnSlide>,
}

/// One spot of a slide.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SpotView {
    /// Its number on the slide, from 0.
    pub number: u32,
    /// The part of the slide that it covers.
    pub rect: SlideRect,
    /// Its tile grid, once laid.
    pub grid: Option<TileGrid>,
}

/// What one model says of a slide.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ModelOnSlide {
    /// Its key, as in addresses.
    pub key: String,
    /// Its title.
    pub title: String,
    /// Which predictor, in words.
    pub predictor: String,
    /// Which encoder, in words.
    pub encoder: String,
    /// The cohort that it was trained on.
    pub training_cohort: CohortSummary,
    /// Number of training patients.
    pub training_patients: u32,
    /// Content version of its terms on this slide: part of their address.
    pub terms_version: String,
    /// Whether the slide's patient belongs to the training cohort; then only fold models that never saw them speak.
    pub in_training_cohort: bool,
    /// The number of fold models that are entitled to speak of this slide.
    pub entitled_models: u32,
    /// Its targets, in the model's order.
    pub targets: Vec<TargetOnSlide>,
}

/// One target of one model on a slide.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TargetOnSlide {
    /// Its key, as in addresses.
    pub key: String,
    /// Its name on the screen.
    pub title: String,
    /// What kind of finding it is.
    pub kind: TargetKind,
    /// The sign planted for it in the training cohort, when that is synthetic.
    pub sign: Option<Sign>,
    /// What is known of this slide's specimen or patient.
    pub observation: Option<ObservationView>,
    /// How the model did on its training cohort, out of fold.
    pub evaluation: Evaluation,
    /// What the model says of this slide.
    pub prediction: Option<PredictionView>,
    /// One per entitled fold model, in the order of the terms.
    pub readouts: Vec<Readout>,
}

/// A planted sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Sign {
    /// How it is known.
    pub kind: SignKind,
    /// What was drawn, one sentence.
    pub text: String,
    /// Where it is described, for the kinds that are.
    pub citation: Option<String>,
}

/// The measured truth of a target.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ObservationView {
    /// Whether the finding is there.
    pub present: bool,
    /// Share of reads that carry the mutation, or of metaphases that carry the aberration, 0 to 1.
    pub allele_frequency: Option<f64>,
}

/// How a model did on the patients that its fold models had not seen. A number that cannot be had, because there are too few
/// patients of a kind, is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Evaluation {
    /// Training patients with the finding.
    pub positives: u32,
    /// Training patients without it.
    pub negatives: u32,
    /// Area under the ROC curve, over pairs of patients of the same fold.
    pub auroc: Option<Interval>,
    /// One-sided p that the scores of patients with the finding are no higher than those of others, from the Wilcoxon
    /// statistic within folds.
    pub p: Option<f64>,
    /// The same, adjusted over the model's targets (Benjamini and Hochberg).
    pub adjusted_p: Option<f64>,
    /// Area under the precision-recall curve; chance is the share with the finding.
    pub average_precision: Option<Interval>,
    /// Brier score of the calibrated probabilities, 0 to 1, less is better.
    pub brier: Option<f64>,
    /// 1 − Brier score / Brier score of the share with the finding: 0 or less says nothing.
    pub scaled_brier: Option<f64>,
    /// Slope of the calibration; 1 is right, below 1 too sure.
    pub calibration_slope: Option<Interval>,
    /// Calibration in the large, log odds; 0 is right.
    pub calibration_intercept: Option<Interval>,
    /// How it compares with what colours alone give away, on the same patients and folds.
    pub beyond_colour: Option<Comparison>,
}

/// Two models on the same patients.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Comparison {
    /// AUROC of the model minus that of the other.
    pub difference: Interval,
    /// Two-sided p that there is none (DeLong, paired).
    pub p: f64,
}

/// An estimate with its 95 % interval, conditional on the fitted models.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Interval {
    /// The estimate.
    pub estimate: f64,
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

/// What a model says of a slide.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PredictionView {
    /// Mean score over the entitled fold models.
    pub score: f64,
    /// The calibrated probability, for binary targets.
    pub probability: Option<f64>,
    /// Lowest and highest score over the entitled fold models: the spread, never a confidence interval.
    pub spread: Option<(f64, f64)>,
    /// The spread as calibrated probabilities.
    pub probability_spread: Option<(f64, f64)>,
}

/// The state of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Waits for its turn, for another job or for a retry.
    Queued,
    /// Under way.
    Running,
    /// Finished.
    Done,
    /// Given up, with a reason.
    Failed,
    /// Stopped by a person.
    Cancelled,
}

impl JobState {
    /// The word stored in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads what [`JobState::as_str`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [
            Self::Queued,
            Self::Running,
            Self::Done,
            Self::Failed,
            Self::Cancelled,
        ]
        .into_iter()
        .find(|state| state.as_str() == text)
    }
}

/// A job as the screen shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobView {
    /// Its id.
    pub id: i64,
    /// What it does: `draw`, `import`, `encode`, `train`, `predict`.
    pub kind: String,
    /// What it does it to, in words.
    pub title: String,
    /// Code of its slide, for jobs of one slide.
    pub slide: Option<String>,
    /// Where it stands.
    pub state: JobState,
    /// Units done.
    pub done: i64,
    /// Units in all; 0 while not known.
    pub total: i64,
    /// What is counted: `tiles`, `steps`.
    pub unit: String,
    /// Units per second, once measured.
    pub per_second: Option<f64>,
    /// Seconds left at that speed.
    pub seconds_left: Option<f64>,
    /// How often it was started.
    pub attempts: i32,
    /// Why it failed last.
    pub error: Option<String>,
}

/// What the progress stream carries: how far the whole queue is, and the jobs under way or lately ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Progress {
    /// Number of jobs by state, of those that are not done.
    pub counts: JobCounts,
    /// Jobs finished since the queue was last empty.
    pub finished: u32,
    /// Running jobs first, then failed, cancelled and queued ones; at most 50.
    pub jobs: Vec<JobView>,
}

/// A model as the models list shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ModelSummary {
    /// Its key, as in addresses.
    pub key: String,
    /// Its title.
    pub title: String,
    /// Which predictor, in words.
    pub predictor: String,
    /// Which encoder, in words.
    pub encoder: String,
    /// The cohort that it was trained on.
    pub training_cohort: CohortSummary,
    /// Number of training patients.
    pub training_patients: u32,
    /// Number of fold models.
    pub fold_models: u32,
    /// How it did per target.
    pub targets: Vec<TargetOfModel>,
}

/// A target of a model with its evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TargetOfModel {
    /// Its key, as in addresses.
    pub key: String,
    /// Its name on the screen.
    pub title: String,
    /// What kind of finding it is.
    pub kind: TargetKind,
    /// The sign planted for it, when the cohort is synthetic.
    pub sign: Option<Sign>,
    /// How the model did, out of fold.
    pub evaluation: Evaluation,
}

/// The state of the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Status {
    /// Version of the program.
    pub version: String,
    /// Seconds since the start.
    pub uptime_seconds: u64,
    /// Where Postgres is, in words.
    pub database: String,
    /// The device that runs the models, once chosen.
    pub device: Option<DeviceView>,
    /// Resident memory of the server, bytes.
    pub resident_bytes: Option<u64>,
    /// Number of slides.
    pub slides: u32,
    /// Number of tiles encoded.
    pub tiles_encoded: u64,
}

/// The device that runs the models.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeviceView {
    /// `GPU` or `CPU`.
    pub kind: String,
    /// Name of the card or processor.
    pub name: String,
    /// Which backend of Burn.
    pub backend: String,
    /// Why this one was chosen.
    pub reason: String,
}
