//! What the pages need from the server that they are rendered in.

use std::pin::Pin;
use std::sync::Arc;

use domain::ids::{Code, JobId};
use domain::report::TargetReport;
use domain::view::{ModelSummary, Progress, SlideDetail, SlideSummary, Status};
use leptos::prelude::use_context;

use crate::error::AppError;

/// An answer that takes a while.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, AppError>> + Send + 'a>>;

/// The source of all that the pages show. The server puts an `Arc<dyn Backend>` into the context of every request.
pub trait Backend: Send + Sync + 'static {
    /// All slides, in the order of their codes.
    fn list_slides(&self) -> Answer<'_, Vec<SlideSummary>>;
    /// One slide with what the models say of it.
    fn slide(&self, code: Code) -> Answer<'_, SlideDetail>;
    /// All models with their evaluation.
    fn models(&self) -> Answer<'_, Vec<ModelSummary>>;
    /// How a model did on a target, by their keys.
    fn target_report(&self, model: String, target: String) -> Answer<'_, TargetReport>;
    /// The state of the server.
    fn status(&self) -> Answer<'_, Status>;
    /// The state of the queue; the first event of `/events` says the same.
    fn progress(&self) -> Answer<'_, Progress>;
    /// Asks a job to stop; one that has ended stays as it is.
    fn cancel_job(&self, id: JobId) -> Answer<'_, ()>;
    /// Puts a failed or cancelled job back into the queue.
    fn retry_job(&self, id: JobId) -> Answer<'_, ()>;
}

/// The backend of the request at hand.
pub(crate) fn backend() -> Result<Arc<dyn Backend>, AppError> {
    use_context::<Arc<dyn Backend>>()
        .ok_or_else(|| AppError::internal("The server was started without its data."))
}
