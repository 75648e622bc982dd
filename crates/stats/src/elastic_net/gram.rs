//! A quadratic that stands for the loss near some point: weighted products of the working columns.

use super::columns::Table;
use super::family::{Evaluation, RiskSets};

/// A full sweep that moves nothing by more ends the descent; parts of the violation that the descent starts from.
const SWEEP_TOLERANCE: f64 = 0.02;
/// Sweeps after which the caller does better to look at the loss itself again.
const MOST_SWEEPS: usize = 400;

/// Part of a product of a column with itself that is added to it, so that rounding leaves no direction without curvature.
const STEADYING: f32 = 1e-5;

/// Σ over rows of weight · column i · column j for the working columns, less what the intercept or, for Cox, the baseline
/// hazard takes up.
#[derive(Debug)]
pub(super) struct Gram {
    weights: Vec<f32>,
    total: f64,
    /// The working columns, in the order of `rows`.
    working: Vec<usize>,
    is_working: Vec<bool>,
    /// Σ over rows of weight · column; 0 for Cox, which has no intercept.
    sums: Vec<f64>,
    risk_sets: Option<RiskSets>,
    /// Mean of every working column in every risk set.
    risk_means: Table,
    /// `[n_working, n_working]`.
    rows: Vec<Vec<f32>>,
}

/// An elastic-net penalty: `absolute` |b| + `square`/2 b² for every coefficient b.
#[derive(Debug, Clone, Copy)]
pub(super) struct Penalty {
    pub(super) absolute: f64,
    pub(super) square: f64,
}

impl Penalty {
    /// Of one coefficient.
    pub(super) fn of(self, coefficient: f64) -> f64 {
        self.absolute * coefficient.abs() + 0.5 * self.square * coefficient * coefficient
    }

    /// How far a coefficient is from optimal, given minus the loss's gradient by it (the subgradient condition).
    pub(super) fn violation(self, coefficient: f64, gradient: f64) -> f64 {
        let gradient = gradient - self.square * coefficient;
        if coefficient == 0.0 {
            (gradient.abs() - self.absolute).max(0.0)
        } else {
            (gradient - self.absolute * coefficient.signum()).abs()
        }
    }
}

/// Where the quadratic has its minimum, as seen from here.
#[derive(Debug)]
pub(super) struct Step {
    /// Columns whose coefficients change, and by how much.
    pub(super) steps: Vec<(usize, f64)>,
    /// By how much the intercept changes.
    pub(super) intercept: f64,
}

impl Gram {
    /// For the second derivative at a point; no column is working yet.
    pub(super) fn new(at: &Evaluation, n_columns: usize) -> Self {
        let n_sets = at
            .risk_sets
            .as_ref()
            .map_or(0, |sets| sets.event_weights.len());
        Self {
            weights: at.curvature.clone(),
            risk_sets: at.risk_sets.clone(),
            risk_means: Table::empty(n_sets),
            total: at.curvature.iter().copied().map(f64::from).sum(),
            working: Vec::new(),
            is_working: vec![false; n_columns],
            sums: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// The working columns.
    pub(super) fn working(&self) -> &[usize] {
        &self.working
    }

    /// Whether a column is among them.
    pub(super) fn is_working(&self, column: usize) -> bool {
        self.is_working[column]
    }

    /// The factor that brings these weights nearest to others, and which part of those remains different.
    pub(super) fn factor_and_drift(&self, weights: &[f32]) -> (f64, f64) {
        let total: f64 = weights.iter().copied().map(f64::from).sum();
        let factor = total / self.total;
        let pairs = weights.iter().zip(&self.weights);
        let different: f64 = pairs
            .map(|(&now, &then)| (f64::from(now) - factor * f64::from(then)).abs())
            .sum();
        (factor, different / total)
    }

    /// Takes more columns among the working ones.
    pub(super) fn extend(&mut self, table: &Table, new: &[usize]) {
        let before = self.working.len();
        self.working.extend(new);
        for &column in new {
            self.is_working[column] = true;
        }
        let mut products = table.weighted_products(&self.working, before, &self.weights);
        for (index, products) in products.iter_mut().enumerate() {
            products[before + index] *= 1.0 + STEADYING;
        }
        match &self.risk_sets {
            None => {
                let sums = new.iter().map(|&column| table.dot(column, &self.weights));
                self.sums.extend(sums);
                for (products, sum) in products.iter_mut().zip(&self.sums[before..]) {
                    for (product, other) in products.iter_mut().zip(&self.sums) {
                        *product -= (sum * other / self.total) as f32;
                    }
                }
            }
            Some(sets) => {
                self.sums.resize(self.working.len(), 0.0);
                for &column in new {
                    self.risk_means.push(&sets.means(table.column(column)));
                }
                let all: Vec<usize> = (0..self.working.len()).collect();
                let of_means = self
                    .risk_means
                    .weighted_products(&all, before, &sets.event_weights);
                for (products, of_means) in products.iter_mut().zip(of_means) {
                    for (product, of_means) in products.iter_mut().zip(of_means) {
                        *product -= of_means;
                    }
                }
            }
        }
        for (index, row) in self.rows.iter_mut().enumerate() {
            row.extend(products.iter().map(|product| product[index]));
        }
        self.rows.extend(products);
    }

    /// Minimises the quadratic plus the penalty by cyclic coordinate descent, about as exactly as the quadratic stands for
    /// the loss.
    ///
    /// `gradient` is minus the loss's gradient by every column, `pull` that by the intercept (0 without one), `violation`
    /// the worst one before the descent; the quadratic's curvature is `factor` times this matrix.
    pub(super) fn descend(
        &self,
        penalty: Penalty,
        beta: &[f64],
        gradient: &[f64],
        pull: f64,
        factor: f64,
        violation: f64,
    ) -> Step {
        let mut coefficients: Vec<f64> = self.working.iter().map(|&column| beta[column]).collect();
        let pulled = self.working.iter().zip(&self.sums);
        let mut descent = Descent {
            gradient: pulled
                .map(|(&column, sum)| (gradient[column] - sum * pull / self.total) as f32)
                .collect(),
            coefficients: &mut coefficients,
            rows: &self.rows,
            factor,
            penalty,
        };
        let enough = SWEEP_TOLERANCE * violation;
        let all: Vec<usize> = (0..self.working.len()).collect();
        let mut sweeps = 0;
        while sweeps < MOST_SWEEPS && descent.sweep(&all) > enough {
            let active: Vec<usize> = all
                .iter()
                .copied()
                .filter(|&k| descent.coefficients[k] != 0.0)
                .collect();
            sweeps += 1;
            while sweeps < MOST_SWEEPS && descent.sweep(&active) > enough {
                sweeps += 1;
            }
        }

        let mut step = Step {
            steps: Vec::new(),
            intercept: pull / (factor * self.total),
        };
        for ((&column, &sum), &coefficient) in
            self.working.iter().zip(&self.sums).zip(&coefficients)
        {
            let change = coefficient - beta[column];
            if change != 0.0 {
                step.steps.push((column, change));
                step.intercept -= sum * change / self.total;
            }
        }
        step
    }
}

/// A coordinate descent under way.
struct Descent<'a> {
    /// Minus the quadratic's gradient by every coefficient.
    gradient: Vec<f32>,
    coefficients: &'a mut [f64],
    rows: &'a [Vec<f32>],
    factor: f64,
    penalty: Penalty,
}

impl Descent<'_> {
    /// Brings each of `which` to its optimum given the others; returns the largest change of a gradient that took.
    fn sweep(&mut self, which: &[usize]) -> f64 {
        let mut largest = 0.0f64;
        for &k in which {
            let row = &self.rows[k];
            let curvature = self.factor * f64::from(row[k]);
            let before = self.coefficients[k];
            let free = f64::from(self.gradient[k]) + curvature * before;
            let beyond = free.abs() - self.penalty.absolute;
            // Rounding can take a curvature to 0 or below; the loss's own decrease is asked for later.
            let stiffness = (curvature + self.penalty.square).max(1e-9);
            let after = if beyond > 0.0 {
                beyond.copysign(free) / stiffness
            } else {
                0.0
            };
            let change = after - before;
            if change != 0.0 {
                self.coefficients[k] = after;
                let change_in_f32 = (self.factor * change) as f32;
                for (gradient, product) in self.gradient.iter_mut().zip(row) {
                    *gradient -= change_in_f32 * product;
                }
                largest = largest.max(stiffness * change.abs());
            }
        }
        largest
    }
}
