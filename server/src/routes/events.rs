//! The progress stream: server-sent events, only while something runs. A browser keeps one of them for all its tabs.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures::{Stream, StreamExt};

use crate::state::AppState;

/// `GET /events`: the JSON of `domain::view::Progress` as it is now and at every change, at most four a second. The word
/// that nothing runs is the last: with it the stream ends. The client comes back when it sees unfinished jobs.
pub async fn events(
    State(state): State<AppState>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let stop = state.stopping.clone();
    let changes =
        futures::stream::unfold(state.progress.subscribe(), |mut subscription| async move {
            let progress = subscription.next().await?;
            let event = Event::default().json_data(&*progress).unwrap_or_default();
            Some((Ok(event), subscription))
        });
    let until_stop = changes.take_until(async move { stop.cancelled().await });
    Sse::new(until_stop).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}
