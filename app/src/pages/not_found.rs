//! The page for addresses that lead nowhere.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::components::Failure;
use crate::error::AppError;

/// There is no such page.
#[component]
pub fn NotFound() -> impl IntoView {
    let error = AppError::not_found("There is no page at this address.");
    super::respond_with(&error);
    view! {
        <Title text="Not found" />
        <div class="page">
            <h1 class="page__title">"Page not found"</h1>
            <Failure error=error />
        </div>
    }
}
