//! The JSON API, described at `/api/v1/openapi.json`.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{any, get};
use axum::{Json, Router};
use domain::view::{ModelSummary, Progress, SlideDetail, SlideSummary, Status};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{JsonBody, Path};
use crate::import::{self, ImportRequest};
use crate::problem::{Problem, ProblemBody};
use crate::report::Judged;
use crate::state::{ALL_SLIDES, AppState};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Marrowscope",
        description = "What a model sees in H&E bone-marrow slides. For research and teaching only, not for diagnosis."
    ),
    components(schemas(ProblemBody))
)]
struct Description;

/// The routes under `/api/v1` and their description.
pub fn router() -> Router<AppState> {
    let (router, description) = OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(slides, import_slide))
        .routes(routes!(slide))
        .routes(routes!(models))
        .routes(routes!(plot))
        .routes(routes!(jobs))
        .routes(routes!(cancel))
        .routes(routes!(retry))
        .routes(routes!(status))
        .split_for_parts();
    router
        .route(
            "/api/v1/openapi.json",
            get(move || std::future::ready(Json(description.clone()))),
        )
        .route("/api/v1", any(no_such_route))
        .route("/api/v1/", any(no_such_route))
        .route("/api/v1/{*rest}", any(no_such_route))
}

async fn no_such_route() -> Problem {
    Problem::not_found("The API has no such route; /api/v1/openapi.json lists them.")
}

/// All slides.
#[utoipa::path(get, path = "/api/v1/slides", responses((status = 200, body = Vec<SlideSummary>), (status = 503, body = ProblemBody)))]
async fn slides(State(state): State<AppState>) -> Result<Json<Vec<SlideSummary>>, Problem> {
    Ok(Json(state.store.slides(ALL_SLIDES).await?))
}

/// One slide with its pyramid, tile grids, models and predictions.
#[utoipa::path(get, path = "/api/v1/slides/{code}", params(("code" = String, Path, description = "Code of the slide")),
    responses((status = 200, body = SlideDetail), (status = 404, body = ProblemBody)))]
async fn slide(
    State(state): State<AppState>,
    Path(code): Path<String>,
) -> Result<Json<SlideDetail>, Problem> {
    Ok(Json(state.store.slide(&code).await?))
}

/// All models with their evaluation.
#[utoipa::path(get, path = "/api/v1/models", responses((status = 200, body = Vec<ModelSummary>)))]
async fn models(State(state): State<AppState>) -> Result<Json<Vec<ModelSummary>>, Problem> {
    Ok(Json(state.store.models().await?))
}

/// A plot of how a model did on a target, as a drawing or as numbers.
#[utoipa::path(get, path = "/api/v1/models/{model}/targets/{target}/plots/{file}",
    params(("model" = String, Path, description = "Key of the model"), ("target" = String, Path, description = "Key of the target"),
        ("file" = String, Path, description = "Name of the plot with .svg or .csv, for example roc.svg")),
    responses((status = 200, description = "SVG, or CSV in UTF-8", content_type = "image/svg+xml"),
        (status = 404, body = ProblemBody)))]
async fn plot(
    State(state): State<AppState>,
    Path((model, target, file)): Path<(String, String, String)>,
) -> Result<impl IntoResponse, Problem> {
    let no_file = || {
        Problem::not_found(format!(
            "There is no plot '{file}' of this model and target."
        ))
    };
    let (key, kind) = file.rsplit_once('.').ok_or_else(no_file)?;
    let judged = Judged::read(&state.store, &model, &target).await?;
    let plot = judged.plot(key).ok_or_else(no_file)?;
    let (content_type, body) = match kind {
        "svg" => (
            "image/svg+xml",
            app::charts::for_file(&plot).ok_or_else(no_file)?,
        ),
        "csv" => ("text/csv; charset=utf-8", plot.csv()),
        _ => return Err(no_file()),
    };
    let name = format!("attachment; filename=\"{model}-{target}-{file}\"");
    Ok((
        [
            (header::CONTENT_TYPE, content_type.to_owned()),
            (header::CONTENT_DISPOSITION, name),
        ],
        body,
    ))
}

/// How far the queue is.
#[utoipa::path(get, path = "/api/v1/jobs", responses((status = 200, body = Progress)))]
async fn jobs(State(state): State<AppState>) -> Result<Json<Progress>, Problem> {
    Ok(Json(state.store.jobs().progress().await?))
}

/// Stops a job. What it finished stays.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/cancel", params(("id" = i64, Path, description = "Id of the job")),
    responses((status = 204), (status = 404, body = ProblemBody)))]
async fn cancel(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    state.cancel_job(job_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Queues a failed or cancelled job again.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/retry", params(("id" = i64, Path, description = "Id of the job")),
    responses((status = 204), (status = 404, body = ProblemBody)))]
async fn retry(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    state.retry_job(job_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn job_id(text: &str) -> Result<domain::ids::JobId, Problem> {
    text.parse()
        .map(domain::ids::JobId)
        .map_err(|_| Problem::invalid("The id of a job is a whole number."))
}

/// The state of the server.
#[utoipa::path(get, path = "/api/v1/status", responses((status = 200, body = Status)))]
async fn status(State(state): State<AppState>) -> Result<Json<Status>, Problem> {
    Ok(Json(state.status().await?))
}

/// What became of an import.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Imported {
    /// Code of the slide.
    pub code: String,
}

/// Imports a file of the machine that the server runs on. Only for who can read the server's key file.
#[utoipa::path(post, path = "/api/v1/slides", request_body = ImportRequest,
    responses((status = 201, body = Imported), (status = 403, body = ProblemBody), (status = 409, body = ProblemBody),
        (status = 422, body = ProblemBody)))]
async fn import_slide(
    State(state): State<AppState>,
    headers: HeaderMap,
    JsonBody(request): JsonBody<ImportRequest>,
) -> Result<(StatusCode, Json<Imported>), Problem> {
    let shown = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if !state.key.opens(shown) {
        return Err(Problem::refused(
            "Importing a file by its path needs the server's key: use `marrowscope import FILE`.",
        ));
    }
    let code = import::import(&state.store, &state.files, request).await?;
    state.work.wake();
    Ok((StatusCode::CREATED, Json(Imported { code })))
}
