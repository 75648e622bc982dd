//! What the pages ask of the server, answered.

use std::sync::Arc;

use app::backend::{Answer, Backend};
use app::error::AppError;
use axum::http::StatusCode;
use domain::ids::{Code, JobId};
use domain::report::TargetReport;
use domain::view::{ModelSummary, Progress, SlideDetail, SlideSummary, Status};

use crate::problem::Problem;
use crate::report::Judged;
use crate::state::{ALL_SLIDES, AppState};

/// The server as the pages see it.
pub struct AppBackend {
    state: AppState,
}

impl AppBackend {
    /// As a context of `app`.
    pub fn shared(state: AppState) -> Arc<dyn Backend> {
        Arc::new(Self { state })
    }
}

impl From<Problem> for AppError {
    fn from(problem: Problem) -> Self {
        let message = problem.detail().to_owned();
        match problem.status() {
            StatusCode::NOT_FOUND => Self::not_found(message),
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::INSUFFICIENT_STORAGE => {
                Self::unavailable(message)
            }
            StatusCode::INTERNAL_SERVER_ERROR => Self::internal(message),
            _ => Self::invalid(message),
        }
    }
}

impl Backend for AppBackend {
    fn list_slides(&self) -> Answer<'_, Vec<SlideSummary>> {
        Box::pin(async {
            Ok(self
                .state
                .store
                .slides(ALL_SLIDES)
                .await
                .map_err(Problem::from)?)
        })
    }

    fn slide(&self, code: Code) -> Answer<'_, SlideDetail> {
        Box::pin(async move {
            Ok(self
                .state
                .store
                .slide(code.as_str())
                .await
                .map_err(Problem::from)?)
        })
    }

    fn models(&self) -> Answer<'_, Vec<ModelSummary>> {
        Box::pin(async { Ok(self.state.store.models().await.map_err(Problem::from)?) })
    }

    fn target_report(&self, model: String, target: String) -> Answer<'_, TargetReport> {
        Box::pin(async move {
            let judged = Judged::read(&self.state.store, &model, &target).await?;
            Ok(judged.report())
        })
    }

    fn status(&self) -> Answer<'_, Status> {
        Box::pin(async { Ok(self.state.status().await?) })
    }

    fn progress(&self) -> Answer<'_, Progress> {
        Box::pin(async {
            Ok(self
                .state
                .store
                .jobs()
                .progress()
                .await
                .map_err(Problem::from)?)
        })
    }

    fn cancel_job(&self, id: JobId) -> Answer<'_, ()> {
        Box::pin(async move { Ok(self.state.cancel_job(id).await?) })
    }

    fn retry_job(&self, id: JobId) -> Answer<'_, ()> {
        Box::pin(async move { Ok(self.state.retry_job(id).await?) })
    }
}
