//! How far training is, and the caller's way to stop it.

use std::ops::ControlFlow;

use super::error::TrainingError;

/// How far training is. The unit is a patient shown to a network; early stopping makes `done` jump ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Done so far.
    pub done: u64,
    /// All there is to do, at most.
    pub total: u64,
}

/// Called after every step, at most 100 ms of work on two CPU cores: report, serve others that wait for the device, and
/// answer [`ControlFlow::Break`] to cancel.
pub type Report<'a> = dyn FnMut(Progress) -> ControlFlow<()> + 'a;

/// Counts steps and asks the caller whether to go on.
pub(crate) struct Ticker<'a> {
    progress: Progress,
    report: &'a mut Report<'a>,
}

impl<'a> Ticker<'a> {
    pub(crate) fn new(total: u64, report: &'a mut Report<'a>) -> Self {
        Self {
            progress: Progress { done: 0, total },
            report,
        }
    }

    /// Some patients more are done.
    pub(crate) fn tick(&mut self, patients: usize) -> Result<(), TrainingError> {
        self.go_to(self.progress.done + patients as u64)
    }

    /// Everything up to `done` is done or will not be needed.
    pub(crate) fn go_to(&mut self, done: u64) -> Result<(), TrainingError> {
        self.progress.done = done.clamp(self.progress.done, self.progress.total);
        match (self.report)(self.progress) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(TrainingError::Cancelled),
        }
    }
}
