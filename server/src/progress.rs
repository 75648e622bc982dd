//! How far the queue is, published to whoever listens: one reader of the database for all browsers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::view::Progress;
use store::Store;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

/// What was last read.
#[derive(Clone, Default)]
struct Published {
    progress: Arc<Progress>,
    /// How many subscriptions had begun before it was read.
    answers: u64,
}

/// Publishes the state of the queue.
#[derive(Clone)]
pub struct ProgressHub {
    published: watch::Sender<Published>,
    subscriptions: Arc<AtomicU64>,
    wake: Arc<Notify>,
}

impl ProgressHub {
    /// Starts the task that reads the queue: four times a second while something runs and somebody listens, else when it
    /// is woken.
    pub fn start(store: Store, stopping: CancellationToken) -> Self {
        let hub = Self::new();
        let this = hub.clone();
        tokio::spawn(async move {
            loop {
                let answers = this.subscriptions.load(Ordering::SeqCst);
                match store.jobs().progress().await {
                    Ok(progress) => this.publish(progress, answers),
                    Err(error) => tracing::debug!(%error, "progress not read"),
                }
                let idle = is_idle(&this.published.borrow().progress)
                    || this.published.receiver_count() == 0;
                let pause = if idle {
                    Duration::from_secs(5)
                } else {
                    Duration::from_millis(250)
                };
                tokio::select! {
                    () = stopping.cancelled() => break,
                    () = this.wake.notified() => tokio::time::sleep(Duration::from_millis(50)).await,
                    () = tokio::time::sleep(pause) => {}
                }
            }
        });
        hub
    }

    fn new() -> Self {
        Self {
            published: watch::Sender::default(),
            subscriptions: Arc::default(),
            wake: Arc::default(),
        }
    }

    fn publish(&self, progress: Progress, answers: u64) {
        self.published.send_if_modified(|published| {
            let is_awaited = answers > published.answers;
            published.answers = answers;
            let is_new = *published.progress != progress;
            if is_new {
                published.progress = Arc::new(progress);
            }
            is_new || is_awaited
        });
    }

    /// Reads the queue again now.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// The state of the queue from now on.
    pub fn subscribe(&self) -> Subscription {
        let number = self.subscriptions.fetch_add(1, Ordering::SeqCst) + 1;
        self.wake();
        Subscription {
            published: self.published.subscribe(),
            number,
            last: None,
        }
    }
}

/// The state of the queue for one listener: nothing that was read before the listener came, nothing twice, and nothing
/// after the word that nothing runs.
pub struct Subscription {
    published: watch::Receiver<Published>,
    number: u64,
    last: Option<Arc<Progress>>,
}

impl Subscription {
    /// Waits for the next state; `None` once there will be none.
    pub async fn next(&mut self) -> Option<Arc<Progress>> {
        let (number, last) = (self.number, &self.last);
        if last.as_ref().is_some_and(|last| is_idle(last)) {
            return None;
        }
        let is_news = |published: &Published| {
            let is_last = |last: &Arc<Progress>| Arc::ptr_eq(last, &published.progress);
            published.answers >= number && !last.as_ref().is_some_and(is_last)
        };
        let progress = Arc::clone(&self.published.wait_for(is_news).await.ok()?.progress);
        self.last = Some(Arc::clone(&progress));
        Some(progress)
    }
}

/// Whether nothing is queued or running.
fn is_idle(progress: &Progress) -> bool {
    progress.counts.queued == 0 && progress.counts.running == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::view::JobCounts;
    use futures::FutureExt;

    fn running(finished: u32) -> Progress {
        Progress {
            counts: JobCounts {
                running: 1,
                ..JobCounts::default()
            },
            finished,
            jobs: Vec::new(),
        }
    }

    /// What the listener has been told by now: `None` while it waits, `Some(None)` when its stream has ended.
    fn told(subscription: &mut Subscription) -> Option<Option<Progress>> {
        let next = subscription.next().now_or_never()?;
        Some(next.map(|progress| Progress::clone(&progress)))
    }

    #[test]
    fn the_word_that_nothing_runs_is_the_last() {
        let hub = ProgressHub::new();
        let mut listener = hub.subscribe();
        hub.publish(running(1), 1);
        assert_eq!(told(&mut listener), Some(Some(running(1))));
        assert_eq!(told(&mut listener), None, "nothing new");
        hub.publish(running(2), 1);
        assert_eq!(told(&mut listener), Some(Some(running(2))));
        hub.publish(Progress::default(), 1);
        assert_eq!(told(&mut listener), Some(Some(Progress::default())));
        assert_eq!(told(&mut listener), Some(None), "ended at once");
        hub.publish(running(3), 1);
        assert_eq!(told(&mut listener), Some(None));
    }

    #[test]
    fn a_listener_is_told_nothing_that_was_read_before_it_came() {
        let hub = ProgressHub::new();
        let before = hub.subscriptions.load(Ordering::SeqCst);
        let mut listener = hub.subscribe();
        assert_eq!(told(&mut listener), None, "what was read last is stale");
        // A read that was under way when the listener came.
        hub.publish(Progress::default(), before);
        assert_eq!(told(&mut listener), None);
        hub.publish(running(1), before + 1);
        assert_eq!(told(&mut listener), Some(Some(running(1))));
    }

    #[test]
    fn a_new_listener_is_answered_even_when_nothing_has_changed_and_the_others_are_not_disturbed() {
        let hub = ProgressHub::new();
        let mut first = hub.subscribe();
        hub.publish(running(1), 1);
        assert_eq!(told(&mut first), Some(Some(running(1))));
        let mut second = hub.subscribe();
        hub.publish(running(1), 2);
        assert_eq!(told(&mut second), Some(Some(running(1))));
        assert_eq!(told(&mut first), None);
    }

    #[test]
    fn a_listener_ends_with_its_hub() {
        let hub = ProgressHub::new();
        let mut listener = hub.subscribe();
        drop(hub);
        assert_eq!(told(&mut listener), Some(None));
    }
}
