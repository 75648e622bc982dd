//! What stands in the place of data that could not be had.

use leptos::prelude::*;

use crate::components::{Icon, IconName};
use crate::error::{AppError, ErrorKind};

/// An error in words, with what to do about it.
#[component]
pub fn Failure(
    /// What went wrong.
    error: AppError,
    /// Tries once more, where that can help.
    #[prop(optional, into)]
    retry: Option<Callback<()>>,
) -> impl IntoView {
    let can_pass = matches!(error.kind, ErrorKind::Unavailable | ErrorKind::Internal);
    let retry = retry.filter(|_| can_pass);
    view! {
        <section class="notice notice--bad" role="alert">
            <h2 class="notice__title">
                <Icon name=IconName::Warning />
                {error.kind.title()}
            </h2>
            <p>{error.message}</p>
            <p class="soft">{error.kind.advice()}</p>
            <div class="notice__actions">
                {retry
                    .map(|retry| {
                        view! {
                            <button class="button" on:click=move |_| retry.run(())>
                                <Icon name=IconName::Retry />
                                "Try again"
                            </button>
                        }
                    })}
                <a class="button" href="/">
                    "All slides"
                </a>
            </div>
        </section>
    }
    .into_any()
}
