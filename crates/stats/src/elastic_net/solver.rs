//! The penalised optimum at one lambda, from that at the lambda before.
//!
//! A proximal Newton method (Lee, Sun and Saunders 2014, SIAM J Optim 24:1420): the loss is replaced by a quadratic, whose
//! penalised minimum coordinate descent finds on the products of the working columns alone, n rows away; the step there is
//! shortened until the loss itself falls. The products are kept from lambda to lambda while their weights hardly change:
//! a quadratic that is slightly off costs a further step, never exactness, since every step starts from the loss's own
//! gradient and the end is judged by it. Which columns work is decided by the sequential strong rule with the check of all
//! (Tibshirani et al. 2012, J R Stat Soc B 74:245, section 7).

use super::columns::Columns;
use super::family::{Evaluation, Family};
use super::gram::{Gram, Penalty, Step};

/// Steps that it takes with the right products.
const STEPS_WHEN_FRESH: usize = 3;
/// Share of the weights that may differ without a step more.
const LEAST_DRIFT: f64 = 0.02;
/// Columns at which making the products anew costs as much as one step, as measured. They are made when steps to that worth
/// have been lost: never more than twice what knowing the future would have cost.
const COLUMNS_PER_STEP: usize = 40;
/// What columns and residuals in f32 leave of a gradient, both of standard deviation about 1.
const ROUNDING_OF_GRADIENT: f64 = 2e-7;
/// Steps at one lambda.
const MOST_STEPS: usize = 500;
/// Halvings of one step.
const MOST_HALVINGS: usize = 30;
/// Of the decrease that a step promises, the part that it must keep (Armijo's rule).
const KEPT_PROMISE: f64 = 1e-4;
/// Relative differences of a loss below this are rounding.
const ROUNDING: f64 = 1e-14;

/// The state of a path.
#[derive(Debug)]
pub(super) struct Solver<'a> {
    columns: &'a Columns,
    family: &'a Family,
    alpha: f64,
    tolerance: f64,
    /// Coefficient of every standardised column.
    pub(super) beta: Vec<f64>,
    /// For standardised columns.
    pub(super) intercept: f64,
    /// The linear predictor of every row.
    pub(super) eta: Vec<f64>,
    /// The family at `eta`.
    pub(super) at: Evaluation,
    /// Minus the loss's gradient by every coefficient.
    gradient: Vec<f64>,
    gram: Gram,
    /// Steps that better products would have spared.
    steps_lost: usize,
}

/// A lambda at which [`Solver::solve`] gave up.
#[derive(Debug)]
pub(super) struct NotConverged;

impl<'a> Solver<'a> {
    /// At the model without features. The optimality conditions will hold within `tolerance` times the largest gradient
    /// there.
    pub(super) fn new(
        columns: &'a Columns,
        family: &'a Family,
        alpha: f64,
        tolerance: f64,
    ) -> Self {
        let intercept = family.null_intercept();
        let eta = vec![intercept; family.n_rows()];
        let at = family.evaluate(&eta);
        let gradient: Vec<f64> = (0..columns.len())
            .map(|column| columns.table.dot(column, &at.residual))
            .collect();
        let mut solver = Self {
            columns,
            family,
            alpha,
            tolerance,
            beta: vec![0.0; columns.len()],
            intercept,
            eta,
            gram: Gram::new(&at, columns.len()),
            at,
            gradient,
            steps_lost: 0,
        };
        // Where hardly anything goes with the response the part of that would be less than f32 can tell.
        solver.tolerance = (tolerance * solver.largest_gradient()).max(ROUNDING_OF_GRADIENT);
        solver
    }

    /// The largest absolute gradient by a coefficient.
    pub(super) fn largest_gradient(&self) -> f64 {
        self.gradient.iter().fold(0.0, |most, g| most.max(g.abs()))
    }

    /// Goes to the optimum at `lambda` from that at `lambda_before`.
    pub(super) fn solve(&mut self, lambda: f64, lambda_before: f64) -> Result<(), NotConverged> {
        let penalty = Penalty {
            absolute: lambda * self.alpha,
            square: lambda * (1.0 - self.alpha),
        };
        let strong_bound = self.alpha * (2.0 * lambda - lambda_before);
        self.admit(|gradient| gradient.abs() >= strong_bound);
        let mut steps = 0;
        loop {
            self.descend(penalty, &mut steps)?;
            for column in 0..self.columns.len() {
                if !self.gram.is_working(column) {
                    self.gradient[column] = self.columns.table.dot(column, &self.at.residual);
                }
            }
            let bound = self.tolerance;
            if !self.admit(|gradient| penalty.violation(0.0, gradient) > bound) {
                return Ok(());
            }
        }
    }

    /// Takes further columns among the working ones, judged by their gradient; whether there were any.
    fn admit(&mut self, is_needed: impl Fn(f64) -> bool) -> bool {
        let admitted: Vec<usize> = (0..self.columns.len())
            .filter(|&column| !self.gram.is_working(column) && is_needed(self.gradient[column]))
            .collect();
        self.gram.extend(&self.columns.table, &admitted);
        !admitted.is_empty()
    }

    /// Goes to the optimum over the working columns, whose gradients are those at `eta` before and after.
    fn descend(&mut self, penalty: Penalty, steps: &mut usize) -> Result<(), NotConverged> {
        let first = *steps;
        while *steps < MOST_STEPS {
            *steps += 1;
            let pull = if self.family.has_intercept() {
                self.at.residual.iter().copied().map(f64::from).sum()
            } else {
                0.0f64
            };
            let mut violation = pull.abs();
            for &column in self.gram.working() {
                violation =
                    violation.max(penalty.violation(self.beta[column], self.gradient[column]));
            }
            if violation <= self.tolerance {
                return Ok(());
            }
            let (factor, drift) = self.gram.factor_and_drift(&self.at.curvature);
            if *steps - first > STEPS_WHEN_FRESH && drift > LEAST_DRIFT {
                self.steps_lost += 1;
            }
            let worth = self.gram.working().len() / COLUMNS_PER_STEP;
            let (factor, drift) = if self.steps_lost > worth {
                self.renew_gram(penalty);
                (1.0, 0.0)
            } else {
                (factor, drift)
            };
            let mut step =
                self.gram
                    .descend(penalty, &self.beta, &self.gradient, pull, factor, violation);
            if !self.family.has_intercept() {
                step.intercept = 0.0;
            }
            if self.advance(&step, penalty, pull) {
                for &column in self.gram.working() {
                    self.gradient[column] = self.columns.table.dot(column, &self.at.residual);
                }
            } else if drift == 0.0 {
                return Err(NotConverged);
            } else {
                self.renew_gram(penalty);
            }
        }
        Err(NotConverged)
    }

    /// Makes the products anew with the weights of now, for the columns that are still needed.
    fn renew_gram(&mut self, penalty: Penalty) {
        let needed: Vec<usize> = self
            .gram
            .working()
            .iter()
            .copied()
            .filter(|&j| self.beta[j] != 0.0 || penalty.violation(0.0, self.gradient[j]) > 0.0)
            .collect();
        self.gram = Gram::new(&self.at, self.columns.len());
        self.gram.extend(&self.columns.table, &needed);
        self.steps_lost = 0;
    }

    /// Goes along `step` as far as the penalised loss falls as promised; whether it did at all.
    fn advance(&mut self, step: &Step, penalty: Penalty, pull: f64) -> bool {
        let mut direction = vec![step.intercept; self.eta.len()];
        self.columns.table.add_product(&step.steps, &mut direction);
        let penalty_change = |part: f64| -> f64 {
            let changes = step.steps.iter().map(|&(column, change)| {
                penalty.of(self.beta[column] + part * change) - penalty.of(self.beta[column])
            });
            changes.sum()
        };
        let gained: f64 = step
            .steps
            .iter()
            .map(|&(column, change)| self.gradient[column] * change)
            .sum();
        let promised = penalty_change(1.0) - gained - pull * step.intercept;
        let mut part = 1.0;
        for _ in 0..MOST_HALVINGS {
            let moved = self.eta.iter().zip(&direction);
            let eta: Vec<f64> = moved.map(|(eta, change)| eta + part * change).collect();
            let at = self.family.evaluate(&eta);
            let change = at.loss - self.at.loss + penalty_change(part);
            if change <= KEPT_PROMISE * part * promised + ROUNDING * self.at.loss.abs() {
                for &(column, change) in &step.steps {
                    self.beta[column] += part * change;
                }
                self.intercept += part * step.intercept;
                self.eta = eta;
                self.at = at;
                return true;
            }
            part *= 0.5;
        }
        false
    }
}
