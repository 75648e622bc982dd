//! What stands in the place of data that could not be had.

use std::time::Duration;

use leptos::prelude::*;

use crate::components::{Icon, IconName};
use crate::erase::Erase;
use crate::error::{AppError, ErrorKind};

/// How long after a failure that may pass the page tries by itself.
const AGAIN: Duration = Duration::from_secs(5);

/// An error in words, with what to do about it.
#[component]
pub fn Failure(
    /// What went wrong.
    error: AppError,
    /// Tries once more, where that can help.
    #[prop(optional, into)]
    retry: Option<Callback<()>>,
    /// Closes the part of the page that it stands in, where the rest is of use.
    #[prop(optional, into)]
    close: Option<Callback<()>>,
) -> impl IntoView {
    let can_pass = matches!(error.kind, ErrorKind::Unavailable | ErrorKind::Internal);
    let retry = retry.filter(|_| can_pass);
    // A server that is away comes back: nobody need press anything. Made anew with every failure, so it goes on.
    Effect::new(move |_| {
        let again = retry.filter(|_| error.kind == ErrorKind::Unavailable);
        let timer =
            again.and_then(|retry| set_timeout_with_handle(move || retry.run(()), AGAIN).ok());
        on_cleanup(move || {
            if let Some(timer) = timer {
                timer.clear();
            }
        });
    });
    // Where a part can be closed the address is right, but for that part.
    let advice = (close.is_none() || can_pass).then(|| error.kind.advice());
    view! {
        <section class="notice notice--bad" role="alert">
            <h2 class="notice__title">
                <Icon name=IconName::Warning />
                {error.kind.title()}
            </h2>
            <p>{error.message}</p>
            {advice.map(|advice| view! { <p class="soft">{advice}</p> })}
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
                {match close {
                    Some(close) => {
                        view! {
                            <button class="button" on:click=move |_| close.run(())>
                                "Close this view"
                            </button>
                        }
                            .into_any()
                    }
                    None => {
                        view! {
                            <a class="button" href="/">
                                "All slides"
                            </a>
                        }
                            .into_any()
                    }
                }}
            </div>
        </section>
    }
    .erase()
}
