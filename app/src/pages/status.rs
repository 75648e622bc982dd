//! The state of the server.

use domain::view::Status;
use leptos::prelude::*;

use crate::api;
use crate::components::{Facts, Failure, ProgressPanel};
use crate::erase::Erase;
use crate::format;
use crate::live::Live;
use crate::load::load;

/// The page at `/status`.
#[component]
pub fn StatusPage() -> impl IntoView {
    let live = Live::get();
    let status = load(move || live.generation(), |_| api::status());
    let body = move || {
        status.get().map(|answer| match answer {
            Err(error) => {
                super::respond_with(&error);
                view! { <Failure error=error retry=move |()| status.refetch() /> }.erase()
            }
            Ok(status) => view! {
                <section class="block">
                    <h2 class="block__title">"Server"</h2>
                    <ServerFacts status=status />
                </section>
            }
            .erase(),
        })
    };
    view! {
        <div class="page">
            <h1 class="page__title">"Status"</h1>
            <ProgressPanel />
            <Transition fallback=|| view! { <p class="soft" aria-busy="true">"Loading…"</p> }>{body}</Transition>
        </div>
    }
    .erase()
}

#[component]
fn ServerFacts(status: Status) -> impl IntoView {
    let memory = status
        .resident_bytes
        .map_or_else(|| "not known".to_owned(), format::bytes);
    let (device, reason) = status.device.map_or_else(
        || {
            (
                "not chosen yet: that happens when a model is first needed".to_owned(),
                None,
            )
        },
        |device| {
            (
                format!("{}: {}, {}", device.kind, device.name, device.backend),
                Some(device.reason),
            )
        },
    );
    let mut rows = vec![
        ("Version", status.version),
        (
            "Running for",
            format::duration(status.uptime_seconds as f64),
        ),
        ("Device", device),
    ];
    rows.extend(reason.map(|reason| ("Why this device", reason)));
    rows.extend([
        ("Memory in use", memory),
        ("Database", status.database),
        ("Slides", format::thousands(status.slides.into())),
        (
            "Tiles encoded",
            format::thousands(status.tiles_encoded.cast_signed()),
        ),
    ]);
    view! {
        <Facts rows=rows />
        <p>
            <a href="/api/v1/openapi.json" rel="external">
                "Description of the JSON interface (OpenAPI)"
            </a>
        </p>
    }
}
