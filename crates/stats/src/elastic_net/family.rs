//! What each family says of linear predictors: how likely the responses are, and its derivatives.

use std::ops::Range;

use super::Response;
use crate::StatsError;

/// Parts of a row's weight below which a curvature is not believed: the solver only needs its rough size, and a row that
/// is predicted with certainty would have none.
const LEAST_CURVATURE: f64 = 1e-6;

/// A family with its responses; rows as [`Family::row_order`] puts them, `weights` sum to 1.
#[derive(Debug)]
pub(super) struct Family {
    weights: Vec<f64>,
    kind: Kind,
    /// Linear predictors in the response's units are `centre` + `unit` times those here.
    pub(super) centre: f64,
    /// See `centre`; as glmnet does, a Gaussian response is standardised.
    pub(super) unit: f64,
    /// The loss of a model that fits every row as well as can be.
    pub(super) saturated: f64,
}

#[derive(Debug)]
enum Kind {
    Gaussian { y: Vec<f64> },
    Binomial { y: Vec<f64> },
    Cox { event: Vec<bool>, ties: Vec<Tie> },
}

/// The rows of one time.
#[derive(Debug)]
struct Tie {
    rows: Range<usize>,
    /// Weight of its events.
    event_weight: f64,
}

/// The loss at some linear predictors, and its derivatives there.
#[derive(Debug, Clone)]
pub(super) struct Evaluation {
    /// Minus the log-likelihood per unit of weight.
    pub(super) loss: f64,
    /// Minus the loss's gradient by the linear predictors.
    pub(super) residual: Vec<f32>,
    /// The diagonal of the loss's second derivative, without the part of `risk_sets`.
    pub(super) curvature: Vec<f32>,
    /// What Cox's second derivative has beside a diagonal.
    pub(super) risk_sets: Option<RiskSets>,
}

/// The means of features over those at risk at each event's time, whose weighted products the second derivative lacks.
#[derive(Debug, Clone, Default)]
pub(super) struct RiskSets {
    /// Risk of every row, in order of time.
    risk: Vec<f64>,
    /// First row at risk, and the sum of risks, at each time with an event; latest first.
    sets: Vec<(usize, f64)>,
    /// Weight of the events at each.
    pub(super) event_weights: Vec<f32>,
}

impl RiskSets {
    /// The mean of `column` in every set.
    pub(super) fn means(&self, column: &[f32]) -> Vec<f32> {
        let mut sum = 0.0;
        let mut end = column.len();
        let means = self.sets.iter().map(|&(first, at_risk)| {
            let joining = self.risk[first..end].iter().zip(&column[first..end]);
            sum += joining
                .map(|(risk, &value)| risk * f64::from(value))
                .sum::<f64>();
            end = first;
            (sum / at_risk) as f32
        });
        means.collect()
    }
}

impl Family {
    /// The rows, ordered as the family needs them: by time for Cox.
    pub(super) fn row_order(response: &Response, mut rows: Vec<usize>) -> Vec<usize> {
        if let Response::Cox { time, .. } = response {
            rows.sort_by(|&a, &b| time[a].total_cmp(&time[b]));
        }
        rows
    }

    /// Of the chosen rows, which [`Family::row_order`] has put in order.
    pub(super) fn new(
        response: &Response,
        rows: &[usize],
        weights: Vec<f64>,
    ) -> Result<Self, StatsError> {
        let mut saturated = 0.0;
        let (mut centre, mut unit) = (0.0, 1.0);
        let kind = match *response {
            Response::Gaussian(y) => {
                let mut y: Vec<f64> = rows.iter().map(|&row| y[row]).collect();
                if y.iter().all(|value| *value == y[0]) {
                    return Err(StatsError::Constant);
                }
                let mean = |y: &[f64]| y.iter().zip(&weights).map(|(y, w)| y * w).sum::<f64>();
                centre = mean(&y);
                y.iter_mut().for_each(|y| *y -= centre);
                let squares: Vec<f64> = y.iter().map(|y| y * y).collect();
                unit = mean(&squares).sqrt();
                if unit == 0.0 {
                    return Err(StatsError::Constant);
                }
                y.iter_mut().for_each(|y| *y /= unit);
                Kind::Gaussian { y }
            }
            Response::Binomial(y) => {
                let positive = rows.iter().filter(|&&row| y[row]).count();
                if positive == 0 || positive == rows.len() {
                    return Err(StatsError::OneClass {
                        positive,
                        negative: rows.len() - positive,
                    });
                }
                Kind::Binomial {
                    y: rows
                        .iter()
                        .map(|&row| f64::from(u8::from(y[row])))
                        .collect(),
                }
            }
            Response::Cox { time, event } => {
                let event: Vec<bool> = rows.iter().map(|&row| event[row]).collect();
                if !event.contains(&true) {
                    return Err(StatsError::NoEvents);
                }
                let mut ties: Vec<Tie> = Vec::new();
                let mut begin = 0;
                for same in rows.chunk_by(|&a, &b| time[a] == time[b]) {
                    let rows = begin..begin + same.len();
                    let event_weight: f64 = rows
                        .clone()
                        .filter(|&row| event[row])
                        .map(|row| weights[row])
                        .sum();
                    if event_weight > 0.0 {
                        saturated += event_weight * event_weight.ln();
                    }
                    begin = rows.end;
                    ties.push(Tie { rows, event_weight });
                }
                Kind::Cox { event, ties }
            }
        };
        Ok(Self {
            weights,
            kind,
            centre,
            unit,
            saturated,
        })
    }

    /// Number of rows.
    pub(super) fn n_rows(&self) -> usize {
        self.weights.len()
    }

    /// Whether the model has an intercept; Cox's baseline hazard takes its place.
    pub(super) fn has_intercept(&self) -> bool {
        !matches!(self.kind, Kind::Cox { .. })
    }

    /// The intercept of the model without features.
    pub(super) fn null_intercept(&self) -> f64 {
        match &self.kind {
            Kind::Gaussian { .. } | Kind::Cox { .. } => 0.0,
            Kind::Binomial { y } => {
                let weight_of = |class: f64| -> f64 {
                    y.iter()
                        .zip(&self.weights)
                        .filter(|(y, _)| **y == class)
                        .map(|(_, w)| w)
                        .sum()
                };
                weight_of(1.0).ln() - weight_of(0.0).ln()
            }
        }
    }

    /// The loss at the linear predictors `eta`, one per row, and its derivatives.
    pub(super) fn evaluate(&self, eta: &[f64]) -> Evaluation {
        let mut at = Evaluation {
            loss: 0.0,
            residual: vec![0.0; eta.len()],
            curvature: vec![0.0; eta.len()],
            risk_sets: None,
        };
        let derivatives = at.residual.iter_mut().zip(&mut at.curvature);
        let rows = self.weights.iter().zip(eta).zip(derivatives);
        match &self.kind {
            Kind::Gaussian { y } => {
                for (((&weight, &eta), (residual, curvature)), &y) in rows.zip(y) {
                    let missing = y - eta;
                    at.loss += 0.5 * weight * missing * missing;
                    *residual = (weight * missing) as f32;
                    *curvature = weight as f32;
                }
            }
            Kind::Binomial { y } => {
                for (((&weight, &eta), (residual, curvature)), &y) in rows.zip(y) {
                    let small = (-eta.abs()).exp();
                    let likelier = 1.0 / (1.0 + small);
                    let probability = if eta >= 0.0 {
                        likelier
                    } else {
                        small * likelier
                    };
                    at.loss += weight * (eta.max(0.0) + small.ln_1p() - y * eta);
                    *residual = (weight * (y - probability)) as f32;
                    let variance = small * likelier * likelier;
                    *curvature = (weight * variance.max(LEAST_CURVATURE)) as f32;
                }
            }
            Kind::Cox { event, ties } => {
                let highest = eta.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let risk: Vec<f64> = rows
                    .map(|((w, eta), _)| w * (eta - highest).exp())
                    .collect();
                let mut risk_sets = RiskSets::default();
                let mut at_risk = 0.0;
                let mut hazards = vec![0.0; ties.len()];
                for (hazard, tie) in hazards.iter_mut().zip(ties).rev() {
                    at_risk += risk[tie.rows.clone()].iter().sum::<f64>();
                    if tie.event_weight > 0.0 {
                        // So long after the highest risk that it is 0 in f64: the least that is not keeps all finite.
                        let at_risk = f64::max(at_risk, f64::MIN_POSITIVE);
                        *hazard = tie.event_weight / at_risk;
                        at.loss += tie.event_weight * (at_risk.ln() + highest);
                        risk_sets.sets.push((tie.rows.start, at_risk));
                        risk_sets.event_weights.push(tie.event_weight as f32);
                    }
                }
                let mut hazard = 0.0f64;
                for (tie, step) in ties.iter().zip(hazards) {
                    hazard = (hazard + step).min(f64::MAX);
                    for row in tie.rows.clone() {
                        let weight = self.weights[row];
                        let expected = risk[row] * hazard;
                        let seen = if event[row] { weight } else { 0.0 };
                        at.loss -= seen * eta[row];
                        at.residual[row] = (seen - expected) as f32;
                        at.curvature[row] = expected.max(LEAST_CURVATURE * weight) as f32;
                    }
                }
                risk_sets.risk = risk;
                at.risk_sets = Some(risk_sets);
            }
        }
        at
    }

    /// Whether `eta` ranks every row of one class above every row of the other.
    pub(super) fn separates(&self, eta: &[f64]) -> bool {
        let Kind::Binomial { y } = &self.kind else {
            return false;
        };
        let of = |class: f64| {
            let rows = y.iter().zip(eta).filter(move |(y, _)| **y == class);
            rows.map(|(_, &eta)| eta)
        };
        of(1.0).fold(f64::INFINITY, f64::min) > of(0.0).fold(f64::NEG_INFINITY, f64::max)
    }

    /// 2 (loss − that of a saturated model), per unit of weight.
    pub(super) fn deviance(&self, eta: &[f64]) -> f64 {
        2.0 * (self.evaluate(eta).loss - self.saturated)
    }
}
