//! How far the queue is, published to whoever listens: one reader of the database for all browsers.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use domain::view::Progress;
use store::Store;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

/// What was last published.
#[derive(Clone, Default)]
pub struct Published(Arc<Progress>);

impl Published {
    /// Whether nothing is queued or running.
    pub fn is_idle(&self) -> bool {
        self.0.counts.queued == 0 && self.0.counts.running == 0
    }
}

impl Deref for Published {
    type Target = Progress;

    fn deref(&self) -> &Progress {
        &self.0
    }
}

/// Publishes the state of the queue.
#[derive(Clone)]
pub struct ProgressHub {
    published: watch::Sender<Published>,
    wake: Arc<Notify>,
}

impl ProgressHub {
    /// Starts the task that reads the queue: four times a second while something runs and somebody listens, else when it
    /// is woken.
    pub fn start(store: Store, stopping: CancellationToken) -> Self {
        let hub = Self {
            published: watch::Sender::new(Published::default()),
            wake: Arc::new(Notify::new()),
        };
        let this = hub.clone();
        tokio::spawn(async move {
            loop {
                match store.jobs().progress().await {
                    Ok(progress) => {
                        this.published.send_if_modified(|published| {
                            let changed = *published.0 != progress;
                            if changed {
                                *published = Published(Arc::new(progress));
                            }
                            changed
                        });
                    }
                    Err(error) => tracing::debug!(%error, "progress not read"),
                }
                let idle =
                    this.published.borrow().is_idle() || this.published.receiver_count() == 0;
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

    /// Reads the queue again now.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// What is published, from now on.
    pub fn subscribe(&self) -> watch::Receiver<Published> {
        self.wake();
        self.published.subscribe()
    }
}
