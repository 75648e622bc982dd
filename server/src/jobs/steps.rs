//! How a job tells how far it is and learns that it should stop: counters that its own thread writes and one task carries
//! to the database, so that progress costs the work nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use store::Store;
use store::jobs::{Beat, Claim};
use tokio_util::sync::CancellationToken;

/// How often progress is written and the lease renewed.
const BEAT: Duration = Duration::from_millis(500);

/// Counters of a running job.
#[derive(Clone)]
pub struct Steps {
    counters: Arc<Counters>,
    stopping: CancellationToken,
}

#[derive(Default)]
struct Counters {
    done: AtomicI64,
    total: AtomicI64,
    cancelled: AtomicBool,
    lost: AtomicBool,
}

/// Why a job ended before it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// A person stopped it.
    #[error("cancelled")]
    Cancelled,
    /// The server stops; the job goes back into the queue.
    #[error("the server stops")]
    ServerStops,
    /// Another server has taken the job over.
    #[error("the job was taken over")]
    LeaseLost,
}

impl Steps {
    /// Counters at zero.
    pub fn new(stopping: CancellationToken) -> Self {
        Self {
            counters: Arc::default(),
            stopping,
        }
    }

    /// Says how far the job is, and learns whether it should go on.
    pub fn at(&self, done: usize, total: usize) -> Result<(), Stopped> {
        self.counters
            .done
            .store(i64::try_from(done).unwrap_or(i64::MAX), Ordering::Relaxed);
        self.counters
            .total
            .store(i64::try_from(total).unwrap_or(i64::MAX), Ordering::Relaxed);
        self.go_on()
    }

    /// Whether the job should go on.
    pub fn go_on(&self) -> Result<(), Stopped> {
        if self.counters.cancelled.load(Ordering::Relaxed) {
            Err(Stopped::Cancelled)
        } else if self.counters.lost.load(Ordering::Relaxed) {
            Err(Stopped::LeaseLost)
        } else if self.stopping.is_cancelled() {
            Err(Stopped::ServerStops)
        } else {
            Ok(())
        }
    }

    /// Done and total.
    pub fn counts(&self) -> (i64, i64) {
        (
            self.counters.done.load(Ordering::Relaxed),
            self.counters.total.load(Ordering::Relaxed),
        )
    }
}

/// Renews the lease and writes the progress until it is aborted.
pub async fn keep_lease(claim: Claim, store: Store, steps: Steps) {
    loop {
        tokio::time::sleep(BEAT).await;
        let (done, total) = steps.counts();
        match store.jobs().beat(&claim, done, total).await {
            Ok(Beat::Continue) => {}
            Ok(Beat::Cancel) => steps.counters.cancelled.store(true, Ordering::Relaxed),
            Ok(Beat::Lost) => steps.counters.lost.store(true, Ordering::Relaxed),
            // The lease lasts longer than a short absence of the database; if it does not, the job is taken over.
            Err(error) => tracing::debug!(%error, "progress not written"),
        }
    }
}
