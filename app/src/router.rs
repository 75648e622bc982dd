//! The pages and the server functions as routes of axum.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use leptos::config::LeptosOptions;
use leptos::prelude::provide_context;
use leptos_axum::{LeptosRoutes, render_app_async_with_context};

use crate::backend::Backend;
use crate::shell::{SiteAssets, shell};

/// The pages at their addresses, the server functions below `/fn`, and the page "Not found" for all that no other route
/// takes.
pub fn router(backend: Arc<dyn Backend>, assets: SiteAssets) -> Router {
    // Leptos asks for options that only its own build tool needs; the shell takes the names of the files instead.
    let options = LeptosOptions::builder().output_name("marrowscope").build();
    let context = move || provide_context(Arc::clone(&backend));
    let document = move || shell(&assets);
    let page = render_app_async_with_context(context.clone(), document.clone());
    Router::new()
        .leptos_routes_with_context(&options, Vec::new(), context, document)
        .route("/", get(page.clone()))
        .route("/slides/{code}", get(page.clone()))
        .route("/models", get(page.clone()))
        .route("/models/{model}/{target}", get(page.clone()))
        .route("/status", get(page.clone()))
        .fallback(page)
        .with_state(options)
}
