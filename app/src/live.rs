//! Live progress: one event stream per browser, open only while something runs.
//!
//! A browser allows six connections to a host, so ten open tabs must not hold ten streams. Tabs compete for a Web Lock;
//! the one that gets it opens the stream and passes every event on to the others over a broadcast channel. When nothing
//! is left to do it closes the stream and gives the lock back; each tab then asks a few times more, in case that was only
//! the pause between two jobs. Where there are no locks, a tab has a stream of its own.

use domain::view::{JobView, Progress};
use leptos::prelude::*;

use crate::api;
use crate::load::{Loaded, load};

mod stream;

/// The progress of the jobs as this tab knows it.
#[derive(Clone, Copy)]
pub struct Live {
    /// As the page was rendered.
    initial: Loaded<Progress>,
    /// The latest word of the stream.
    latest: RwSignal<Option<Progress>>,
    /// Counts up when jobs have ended, so that pages read their data anew.
    generation: RwSignal<u32>,
    /// The stream has broken off and is being opened again.
    lost: RwSignal<bool>,
}

impl Live {
    /// Makes the progress available to every component below, and follows it in the browser.
    pub fn provide() -> Self {
        let live = Self {
            initial: load(|| (), |()| api::progress()),
            latest: RwSignal::new(None),
            generation: RwSignal::new(0),
            lost: RwSignal::new(false),
        };
        provide_context(live);
        Effect::new(move |_| stream::start(live));
        Effect::new(move |_| {
            if let Some(Ok(progress)) = live.initial.get() {
                live.set(progress);
            }
        });
        let active = Memo::new(move |_| {
            live.latest
                .with(|latest| latest.as_ref().is_some_and(is_active))
        });
        // Between two jobs, and before the first is planned, the queue is empty for a moment.
        Effect::new(move |_| {
            if active.get() {
                stream::follow(live);
            } else {
                stream::ask_again(live);
            }
        });
        live
    }

    /// The progress provided above.
    ///
    /// # Panics
    /// Outside of [`crate::App`].
    #[must_use]
    pub fn get() -> Self {
        expect_context()
    }

    /// How far the queue is, once known. Read it under a `Suspense` or `Transition`.
    #[must_use]
    pub fn progress(self) -> Option<Progress> {
        let initial = self.initial.get();
        self.latest.get().or_else(|| initial.and_then(Result::ok))
    }

    /// The unfinished, failed and cancelled jobs of one slide.
    #[must_use]
    pub fn jobs_of(self, slide: &str) -> Vec<JobView> {
        let jobs = self.progress().map(|progress| progress.jobs);
        let of_slide = |job: &JobView| job.slide.as_deref() == Some(slide);
        jobs.unwrap_or_default()
            .into_iter()
            .filter(of_slide)
            .collect()
    }

    /// Counts up when jobs have ended: a source for resources that should then be read anew.
    #[must_use]
    pub fn generation(self) -> u32 {
        self.generation.get()
    }

    /// Whether the stream has broken off.
    #[must_use]
    pub fn is_lost(self) -> bool {
        self.lost.get()
    }

    /// Asks the server how far the queue is; follows it when something runs.
    pub fn refresh(self) {
        stream::refresh(self);
    }

    fn is_active_now(self) -> bool {
        self.latest
            .with_untracked(|latest| latest.as_ref().is_some_and(is_active))
    }

    fn set(self, progress: Progress) {
        let known = self
            .latest
            .with_untracked(|latest| latest.as_ref().map(|known| (known.finished, known.counts)));
        if known.is_some_and(|known| known != (progress.finished, progress.counts)) {
            stream::count_up_soon(self.generation);
        }
        self.latest.set(Some(progress));
    }
}

/// Whether anything runs or waits.
#[must_use]
pub fn is_active(progress: &Progress) -> bool {
    progress.counts.queued + progress.counts.running > 0
}
