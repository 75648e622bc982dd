//! The pages and their server functions.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::IntoResponse;
use axum::routing::post;
use leptos::prelude::provide_context;
use leptos_axum::{LeptosRoutes, generate_route_list, handle_server_fns_with_context};

use crate::backend::AppBackend;
use crate::state::AppState;

/// Every page of `app`, its server functions under `/fn`, and a page for what is not there.
pub fn router(state: &AppState) -> Router<AppState> {
    let backend = AppBackend::shared(state.clone());
    let context = {
        let (backend, assets) = (backend.clone(), state.site.assets.clone());
        move || {
            provide_context(backend.clone());
            provide_context(assets.clone());
        }
    };
    let leptos = state.leptos.clone();
    let shell = move || app::shell(leptos.clone());
    let server_functions = {
        let context = context.clone();
        move |request: Request<Body>| handle_server_fns_with_context(context, request)
    };
    let fallback = {
        let (context, shell) = (context.clone(), shell.clone());
        leptos_axum::render_app_to_stream_with_context(context, shell)
    };
    Router::new()
        .route("/fn/{*name}", post(server_functions.clone()).get(server_functions))
        .leptos_routes_with_context(state, generate_route_list(app::App), context, shell)
        .fallback(move |State(_): State<AppState>, request: Request<Body>| async move {
            fallback(request).await.into_response()
        })
}
