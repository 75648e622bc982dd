//! One file per page.

mod models;
mod not_found;
mod slide_list;
mod slide_page;
pub(crate) mod slide_part;
mod status;
mod target;

pub use models::ModelsPage;
pub use not_found::NotFound;
pub use slide_list::{SlideList, provide_list_view};
use slide_page::SlidePage;
pub use status::StatusPage;
pub use target::TargetPage;

/// Gives the response that a page is part of the status of the error that the page shows. Nothing in the browser.
pub(crate) fn respond_with(error: &crate::error::AppError) {
    #[cfg(feature = "ssr")]
    if let Some(response) = leptos::prelude::use_context::<leptos_axum::ResponseOptions>()
        && let Ok(status) = axum::http::StatusCode::from_u16(error.kind.status())
    {
        response.set_status(status);
    }
    #[cfg(not(feature = "ssr"))]
    let _ = error;
}
