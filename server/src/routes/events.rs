//! The progress stream: server-sent events, only while something runs. A browser keeps one of them for all its tabs.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures::Stream;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::WatchStream;

use crate::state::AppState;

/// `GET /events`: the JSON of `domain::view::Progress` at every change, at most four a second. When nothing runs any more
/// that is said once and the stream ends; the client comes back when it sees unfinished jobs.
pub async fn events(
    State(state): State<AppState>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let mut idle = false;
    let stop = state.stopping.clone();
    let changes = WatchStream::new(state.progress.subscribe())
        .take_while(move |progress| {
            let go_on = !idle;
            idle = progress.is_idle();
            go_on
        })
        .map(|progress| Ok(Event::default().json_data(&*progress).unwrap_or_default()));
    let until_stop = futures::StreamExt::take_until(changes, async move { stop.cancelled().await });
    Sse::new(until_stop).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}
