//! What runs, how far it is, and what has failed: the head of the slide list while there is work.

use domain::view::{JobState, JobView, Progress};
use leptos::prelude::*;

use crate::components::{Icon, IconName, JobList};
use crate::erase::Erase;
use crate::format;
use crate::live::{Live, is_active};

/// The queue in full; nothing when it is empty and nothing has failed.
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
    let title = move || {
        let (icon, words) = if active.get() {
            (IconName::Work, "At work")
        } else {
            (IconName::Warning, "Needs attention")
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

/// All jobs since the queue was last empty, of those that have not failed.
fn all(progress: &Progress) -> u32 {
    progress.counts.queued + progress.counts.running + progress.finished
}

fn headline(progress: &Progress) -> String {
    let failed = progress.counts.failed;
    let failed_words = format!("{} failed", format::count(failed, "job", "jobs"));
    if is_active(progress) {
        let done = format!(
            "{} of {} done",
            progress.finished,
            format::count(all(progress), "job", "jobs")
        );
        if failed > 0 {
            format!("{done}, {failed_words}")
        } else {
            done
        }
    } else if failed > 0 {
        failed_words
    } else {
        "All jobs have ended".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::view::JobCounts;

    #[test]
    fn the_headline_counts_what_is_done_and_what_has_failed() {
        let progress = |queued, running, failed| Progress {
            counts: JobCounts {
                queued,
                running,
                failed,
                cancelled: 0,
            },
            finished: 7,
            jobs: Vec::new(),
        };
        assert_eq!(headline(&progress(2, 1, 0)), "7 of 10 jobs done");
        assert_eq!(
            headline(&progress(0, 1, 1)),
            "7 of 8 jobs done, 1 job failed"
        );
        assert_eq!(headline(&progress(0, 0, 2)), "2 jobs failed");
        assert_eq!(headline(&progress(0, 0, 0)), "All jobs have ended");
    }
}
