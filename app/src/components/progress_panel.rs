//! What runs, how far it is, and what has failed or was cancelled: the head of the slide list while there is work.

use domain::view::{JobState, JobView, Progress};
use leptos::prelude::*;

use crate::components::{Icon, IconName, JobList};
use crate::erase::Erase;
use crate::format;
use crate::live::{Live, is_active};

/// The queue in full; nothing when it is empty and all jobs are done.
#[component]
pub fn ProgressPanel() -> impl IntoView {
    view! {
        <Transition>
            <Queue />
        </Transition>
    }
    .erase()
}

#[component]
fn Queue() -> impl IntoView {
    let live = Live::get();
    let progress = Memo::new(move |_| live.progress().unwrap_or_default());
    let active = Memo::new(move |_| progress.with(is_active));
    let queued = Memo::new(move |_| progress.with(|progress| progress.counts.queued));
    let jobs = move |waiting: bool| {
        Signal::derive(move || {
            let of_kind = |job: &&JobView| (job.state == JobState::Queued) == waiting;
            progress.with(|progress| progress.jobs.iter().filter(of_kind).cloned().collect())
        })
    };
    let (others, waiting) = (jobs(false), jobs(true));
    let shown =
        Memo::new(move |_| active.get() || progress.with(|progress| !progress.jobs.is_empty()));
    let has_failed = Memo::new(move |_| progress.with(|progress| progress.counts.failed > 0));
    let title = move || {
        let (icon, words) = if active.get() {
            (IconName::Work, "At work")
        } else if has_failed.get() {
            (IconName::Warning, "Needs attention")
        } else {
            (IconName::Stop, "No jobs running")
        };
        view! {
            <Icon name=icon />
            {words}
        }
    };
    let bar = move || {
        active.get().then(|| {
            view! {
                <progress
                    class="bar"
                    max=move || progress.with(all).to_string()
                    value=move || progress.with(|progress| progress.finished.to_string())
                    aria-label="Jobs done"
                />
            }
        })
    };
    // The list of waiting jobs may be cut short; the count is not.
    let waiting_list = move || {
        (queued.get() > 0).then(|| {
            view! {
                <details class="queue__waiting">
                    <summary class="num">
                        {move || format!("{} waiting", format::count(queued.get(), "job", "jobs"))}
                    </summary>
                    <JobList jobs=waiting />
                </details>
            }
        })
    };
    let lost = move || {
        live.is_lost().then(
            || view! { <p class="queue__lost">"No connection to the server. Trying again…"</p> },
        )
    };
    let queue = move || {
        view! {
            <section class="queue" id="progress" aria-labelledby="queue-title">
                <div class="queue__head">
                    <h2 class="queue__title" id="queue-title">
                        {title}
                    </h2>
                    <p class="num">{move || progress.with(headline)}</p>
                    {lost}
                </div>
                {bar}
                <JobList jobs=others />
                {waiting_list}
            </section>
        }
        .erase()
    };
    move || shown.get().then(queue)
}

/// All jobs since the queue was last empty, of those that neither failed nor were cancelled.
fn all(progress: &Progress) -> u32 {
    progress.counts.queued + progress.counts.running + progress.finished
}

/// `3 of 9 jobs done, 1 cancelled`: each part only where there is one.
fn headline(progress: &Progress) -> String {
    let counts = progress.counts;
    let mut parts = Vec::new();
    if is_active(progress) {
        let all = format::count(all(progress), "job", "jobs");
        parts.push(format!("{} of {all} done", progress.finished));
    }
    for (number, word) in [(counts.failed, "failed"), (counts.cancelled, "cancelled")] {
        if number > 0 && parts.is_empty() {
            parts.push(format!("{} {word}", format::count(number, "job", "jobs")));
        } else if number > 0 {
            parts.push(format!("{} {word}", format::thousands(number.into())));
        }
    }
    if parts.is_empty() {
        "All jobs have ended".to_owned()
    } else {
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::view::JobCounts;

    #[test]
    fn the_headline_counts_what_is_done_what_has_failed_and_what_was_cancelled() {
        let headline = |queued, running, failed, cancelled| {
            headline(&Progress {
                counts: JobCounts {
                    queued,
                    running,
                    failed,
                    cancelled,
                },
                finished: 3,
                jobs: Vec::new(),
            })
        };
        assert_eq!(headline(2, 1, 0, 0), "3 of 6 jobs done");
        assert_eq!(headline(5, 1, 0, 1), "3 of 9 jobs done, 1 cancelled");
        assert_eq!(
            headline(0, 1, 1, 2),
            "3 of 4 jobs done, 1 failed, 2 cancelled"
        );
        assert_eq!(headline(0, 0, 2, 0), "2 jobs failed");
        assert_eq!(headline(0, 0, 2, 1), "2 jobs failed, 1 cancelled");
        assert_eq!(headline(0, 0, 0, 1), "1 job cancelled");
        assert_eq!(headline(0, 0, 0, 0), "All jobs have ended");
    }
}
