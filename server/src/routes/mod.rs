//! Every route on one page.

mod api;
mod conditional;
mod deepzoom;
mod events;
mod extract;
mod health;
mod metrics;
mod pictures;
mod rules;
mod stains;
mod terms;
mod timing;

use axum::Router;
use axum::handler::HandlerWithoutStateExt;
use axum::http::{HeaderValue, Method, header};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{any, get};
use tower::ServiceBuilder;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::trace::TraceLayer;

use crate::backend::AppBackend;
use crate::guard::Hosts;
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
        .route("/slides/{code}/{version}/stains", get(stains::stains))
        .with_state(state.for_pictures());
    let terms = Router::new()
        .route(
            "/slides/{code}/terms/{version}/{model}/{target}/{spot}",
            get(terms::terms),
        )
        .with_state(state.for_terms());
    let rules = rules::Rules::new(hosts, state.for_pictures());

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
        .route("/fn", any(no_such_function))
        .route("/fn/", any(no_such_function))
        .route("/fn/{*rest}", any(no_such_function))
        .route("/metrics", get(metrics::metrics))
        .layer(text)
        .merge(pictures)
        .merge(terms)
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
        // In one stack: each layer of its own would be one more allocation per request.
        .layer(
            ServiceBuilder::new()
                .layer(TraceLayer::new_for_http())
                .layer(from_fn_with_state(rules, rules::apply)),
        )
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

async fn no_such_function() -> Problem {
    Problem::not_found("There is no such function. Was the server updated? Reload the page.")
}

/// A path's number, or a problem that names it.
fn number(what: &str, text: &str) -> Result<u32, Problem> {
    // One number has one address: no sign, no leading zeros.
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit())
        && !text.is_empty()
        && (text == "0" || !text.starts_with('0'));
    if !is_plain {
        return Err(Problem::invalid(format!(
            "{what} must be a whole number from 0 on."
        )));
    }
    text.parse()
        .map_err(|_| Problem::not_found(format!("{what} {text} is not there.")))
}
