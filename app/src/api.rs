//! The server functions: small typed data for the pages. Each is a public endpoint under `/fn`; what reads is a GET.

use domain::report::TargetReport;
use domain::view::{ModelSummary, Progress, SlideDetail, SlideSummary, Status};
use leptos::prelude::server;
use leptos::server_fn::codec::GetUrl;

use crate::error::AppError;

/// All slides.
#[server(prefix = "/fn", endpoint = "slides", input = GetUrl)]
pub async fn list_slides() -> Result<Vec<SlideSummary>, AppError> {
    crate::backend::backend()?.list_slides().await
}

/// One slide with what the models say of it.
#[server(prefix = "/fn", endpoint = "slide", input = GetUrl)]
pub async fn slide(
    /// Its code.
    code: String,
) -> Result<SlideDetail, AppError> {
    let code = code
        .parse()
        .map_err(|_| {
            AppError::not_found(
                "No slide has this code: codes are made of letters, digits, '-', '_' and '.'.",
            )
        })
        .inspect_err(status_of)?;
    let slide = crate::backend::backend()?.slide(code).await;
    slide.inspect_err(status_of)
}

/// Gives the answer to a request of such a function the status of its error. Where the server calls the function for a page
/// the page decides: the rest of it may be of use.
#[cfg(feature = "ssr")]
fn status_of(error: &AppError) {
    let request = leptos::prelude::use_context::<axum::http::request::Parts>();
    if request.is_some_and(|request| request.uri.path().starts_with("/fn/")) {
        crate::pages::respond_with(error);
    }
}

/// All models with their evaluation.
#[server(prefix = "/fn", endpoint = "models", input = GetUrl)]
pub async fn models() -> Result<Vec<ModelSummary>, AppError> {
    crate::backend::backend()?.models().await
}

/// How a model did on a target.
#[server(name = ReadTarget, prefix = "/fn", endpoint = "target-report", input = GetUrl)]
pub async fn target_report(
    /// Key of the model.
    model: String,
    /// Key of the target.
    target: String,
) -> Result<TargetReport, AppError> {
    let report = crate::backend::backend()?
        .target_report(model, target)
        .await;
    report.inspect_err(status_of)
}

/// The state of the server.
#[server(name = ReadStatus, prefix = "/fn", endpoint = "status", input = GetUrl)]
pub async fn status() -> Result<Status, AppError> {
    crate::backend::backend()?.status().await
}

/// The state of the queue.
#[server(name = ReadProgress, prefix = "/fn", endpoint = "progress", input = GetUrl)]
pub async fn progress() -> Result<Progress, AppError> {
    crate::backend::backend()?.progress().await
}

/// Asks a job to stop.
#[server(prefix = "/fn", endpoint = "cancel-job")]
pub async fn cancel_job(
    /// Its id.
    id: i64,
) -> Result<(), AppError> {
    crate::backend::backend()?
        .cancel_job(domain::ids::JobId(id))
        .await
}

/// Puts a failed or cancelled job back into the queue.
#[server(prefix = "/fn", endpoint = "retry-job")]
pub async fn retry_job(
    /// Its id.
    id: i64,
) -> Result<(), AppError> {
    crate::backend::backend()?
        .retry_job(domain::ids::JobId(id))
        .await
}
