//! Every route on one page.

mod api;
mod events;
mod extract;
mod health;
mod pictures;
mod terms;

use axum::Router;
use axum::handler::HandlerWithoutStateExt;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::get;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::trace::TraceLayer;

use crate::backend::AppBackend;
use crate::guard::{Hosts, guard};
use crate::problem::Problem;
use crate::state::AppState;

/// What has the content's version in its address never changes.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// The whole server.
pub fn router(state: AppState, hosts: Hosts) -> Router {
    let files = ServeDir::new(state.site.dir.join("pkg"))
        .precompressed_br()
        .precompressed_gzip()
        .fallback(no_such_file.into_service())
        .call_fallback_on_method_not_allowed(true);
    let public = ServeDir::new(state.site.dir.join("public"))
        .fallback(no_such_file.into_service())
        .call_fallback_on_method_not_allowed(true);

    let pictures = Router::new()
        .route(
            "/slides/{code}/{version}/tiles/{level}/{column}/{row}",
            get(pictures::tile),
        )
        .route(
            "/slides/{code}/{version}/thumbnail",
            get(pictures::thumbnail),
        )
        .route(
            "/slides/{code}/terms/{version}/{model}/{target}/{spot}",
            get(terms::terms),
        );

    let text = CompressionLayer::new().compress_when(
        SizeAbove::new(1024)
            .and(NotForContentType::IMAGES)
            .and(NotForContentType::SSE)
            .and(NotForContentType::const_new("application/octet-stream")),
    );

    let pages = app::router(AppBackend::shared(state.clone()), state.site.assets.clone());

    Router::new()
        .merge(api::router())
        .merge(pages.with_state(()))
        .layer(text)
        .merge(pictures)
        .route("/events", get(events::events))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .nest(
            "/pkg",
            Router::new()
                .fallback_service(files)
                .layer(SetResponseHeaderLayer::if_not_present(
                    header::CACHE_CONTROL,
                    immutable_if_found,
                )),
        )
        .nest_service("/public", public)
        .method_not_allowed_fallback(|| std::future::ready(Problem::method_not_allowed()))
        .layer(from_fn_with_state(hosts, guard))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ))
        .layer(SetResponseHeaderLayer::if_not_present(
            HeaderName::from_static("referrer-policy"),
            HeaderValue::from_static("same-origin"),
        ))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::X_FRAME_OPTIONS,
            HeaderValue::from_static("SAMEORIGIN"),
        ))
        .layer(TraceLayer::new_for_http())
        .with_state(state)
}

/// What is not there today may be there tomorrow.
fn immutable_if_found(response: &Response) -> Option<HeaderValue> {
    response.status().is_success().then_some(IMMUTABLE)
}

async fn no_such_file(method: Method) -> Problem {
    if matches!(method, Method::GET | Method::HEAD) {
        Problem::not_found("There is no such file. Was the server updated? Reload the page.")
    } else {
        Problem::method_not_allowed()
    }
}

/// A path's number, or a problem that names it.
fn number(what: &str, text: &str) -> Result<u32, Problem> {
    text.parse()
        .map_err(|_| Problem::invalid(format!("{what} must be a whole number from 0 on.")))
}
