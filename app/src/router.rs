//! The pages and the server functions as routes of axum.

use std::sync::Arc;

use axum::Router;
use leptos::config::LeptosOptions;
use leptos::prelude::provide_context;
use leptos_axum::{LeptosRoutes, generate_route_list, render_app_async_with_context};

use crate::App;
use crate::backend::Backend;
use crate::shell::{SiteAssets, shell};

/// The pages at their addresses, the server functions below `/fn`, and the page "Not found" for all that no other route
/// takes.
pub fn router(backend: Arc<dyn Backend>, assets: SiteAssets) -> Router {
    // Leptos asks for options that only its own build tool needs; the shell takes the names of the files instead.
    let options = LeptosOptions::builder().output_name("marrowscope").build();
    let context = move || provide_context(Arc::clone(&backend));
    let document = move || shell(&assets);
    Router::new()
        .leptos_routes_with_context(
            &options,
            generate_route_list(App),
            context.clone(),
            document.clone(),
        )
        .fallback(render_app_async_with_context(context, document))
        .with_state(options)
}
