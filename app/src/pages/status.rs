//! The models with their evaluation, and the state of the server.

use domain::view::Status;
use leptos::prelude::*;
use leptos_meta::Title;

use crate::api;
use crate::components::{Failure, ModelNote, ModelTable, ProgressPanel};
use crate::format;
use crate::live::Live;

/// The page at `/status`.
#[component]
pub fn StatusPage() -> impl IntoView {
    let live = Live::get();
    let status = Resource::new(move || live.generation(), |_| api::status());
    let body = move || {
        status.get().map(|answer| match answer {
            Err(error) => {
                super::respond_with(&error);
                view! { <Failure error=error retry=move |()| status.refetch() /> }.into_any()
            }
            Ok(status) => view! { <Body status=status /> }.into_any(),
        })
    };
    view! {
        <Title text="Models and status" />
        <div class="page">
            <h1 class="page__title">"Models and status"</h1>
            <ProgressPanel />
            <Transition fallback=|| view! { <p class="soft" aria-busy="true">"Loading…"</p> }>{body}</Transition>
        </div>
    }
    .into_any()
}

#[component]
fn Body(status: Status) -> impl IntoView {
    let models = status.models.clone();
    let models = if models.is_empty() {
        view! { <p class="soft">"No model has been trained yet."</p> }.into_any()
    } else {
        view! {
            {models.into_iter().map(|model| view! { <ModelTable model=model /> }).collect_view()}
            <ModelNote />
        }
        .into_any()
    };
    view! {
        <section class="block" id="models">
            <h2 class="block__title">"Models"</h2>
            {models}
        </section>
        <section class="block">
            <h2 class="block__title">"Server"</h2>
            <ServerFacts status=status />
        </section>
    }
    .into_any()
}

#[component]
fn ServerFacts(status: Status) -> impl IntoView {
    let memory = status
        .resident_bytes
        .map_or_else(|| "not known".to_owned(), format::bytes);
    let device = match status.device {
        None => view! { <dd>"Not chosen yet: that happens when a model is first needed."</dd> }
            .into_any(),
        Some(device) => view! {
            <dd>
                {format!("{}: {}, {}", device.kind, device.name, device.backend)}
                <p class="soft">{device.reason}</p>
            </dd>
        }
        .into_any(),
    };
    view! {
        <dl class="facts">
            <dt>"Version"</dt>
            <dd class="num">{status.version}</dd>
            <dt>"Running for"</dt>
            <dd class="num">{format::duration(status.uptime_seconds as f64)}</dd>
            <dt>"Device"</dt>
            {device}
            <dt>"Memory in use"</dt>
            <dd class="num">{memory}</dd>
            <dt>"Database"</dt>
            <dd>{status.database}</dd>
            <dt>"Slides"</dt>
            <dd class="num">{format::thousands(status.slides.into())}</dd>
            <dt>"Tiles encoded"</dt>
            <dd class="num">{format::thousands(status.tiles_encoded.cast_signed())}</dd>
            <dt>"Interface"</dt>
            <dd>
                <a href="/api/v1/openapi.json" rel="external">
                    "Description of the JSON interface (OpenAPI)"
                </a>
            </dd>
        </dl>
    }
    .into_any()
}
