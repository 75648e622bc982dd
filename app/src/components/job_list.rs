//! Jobs in a list: what each does, how far it is, and what can be done about it.

use domain::view::{JobState, JobView};
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::api;
use crate::components::{Icon, IconName};
use crate::erase::Erase;
use crate::format;
use crate::live::Live;

/// Jobs, one line each. A line stays while its job changes, so that a button keeps its focus and its answer.
#[component]
pub fn JobList(
    /// The jobs.
    #[prop(into)]
    jobs: Signal<Vec<JobView>>,
) -> impl IntoView {
    let row = move |job: JobView| {
        let id = job.id;
        let latest = Memo::new(move |_| {
            let now = jobs.with(|jobs| jobs.iter().find(|job| job.id == id).cloned());
            now.unwrap_or_else(|| job.clone())
        });
        view! { <JobRow job=latest /> }
    };
    view! {
        <ul class="jobs">
            <For each=move || jobs.get() key=|job| job.id children=row />
        </ul>
    }
    .erase()
}

#[component]
fn JobRow(job: Memo<JobView>) -> impl IntoView {
    let state = Memo::new(move |_| job.with(|job| job.state));
    let class = move || {
        if state.get() == JobState::Failed {
            "job job--failed"
        } else {
            "job"
        }
    };
    let state_words = move || {
        let (icon, word) = match state.get() {
            JobState::Queued => (IconName::Clock, "waits"),
            JobState::Running => (IconName::Work, "runs"),
            JobState::Done => (IconName::Check, "done"),
            JobState::Failed => (IconName::Warning, "failed"),
            JobState::Cancelled => (IconName::Stop, "cancelled"),
        };
        view! {
            <Icon name=icon />
            {word}
        }
    };
    let slide = job.with_untracked(|job| job.slide.clone()).map(|code| {
        view! {
            <a class="job__slide" href=format!("/slides/{code}")>
                {code.clone()}
            </a>
        }
    });
    let measured =
        Memo::new(move |_| job.with(|job| job.state == JobState::Running && job.total > 0));
    let bar = move || {
        measured.get().then(|| {
            view! {
                <progress
                    class="bar"
                    max=move || job.with(|job| job.total.to_string())
                    value=move || job.with(|job| job.done.to_string())
                    aria-label=move || job.with(|job| job.title.clone())
                />
            }
        })
    };
    let error = move || {
        job.with(failure_words)
            .map(|text| view! { <p class="job__error">{text}</p> })
    };
    view! {
        <li class=class>
            <span class="job__state">{state_words}</span>
            <span class="job__title">{move || job.with(|job| job.title.clone())}</span>
            {slide}
            <span class="job__numbers num">{move || job.with(how_far)}</span>
            <JobActions job=job state=state />
            {bar}
            {error}
        </li>
    }
    .erase()
}

#[component]
fn JobActions(job: Memo<JobView>, state: Memo<JobState>) -> impl IntoView {
    let live = Live::get();
    let pending = RwSignal::new(false);
    let refusal = RwSignal::new(None::<String>);
    let (id, title) = job.with_untracked(|job| (job.id, job.title.clone()));
    let ask = move |again: bool| {
        pending.set(true);
        spawn_local(async move {
            let answer = if again {
                api::retry_job(id).await
            } else {
                api::cancel_job(id).await
            };
            // Nobody listens any more when the job has left the list meanwhile.
            let _ = refusal.try_set(answer.err().map(|error| error.message));
            let _ = pending.try_set(false);
            live.refresh();
        });
    };
    let refusal = move || {
        refusal.get().map(|message| {
            view! {
                <span class="job__answer" role="alert">
                    {message}
                </span>
            }
        })
    };
    let button = move || {
        let (icon, word) = match state.get() {
            JobState::Queued | JobState::Running => (IconName::Stop, "Cancel"),
            JobState::Failed | JobState::Cancelled => (IconName::Retry, "Retry"),
            JobState::Done => return None,
        };
        Some(view! {
            <button
                class="button button--small"
                aria-label=format!("{word}: {title}")
                disabled=move || pending.get()
                on:click=move |_| ask(icon == IconName::Retry)
            >
                <Icon name=icon />
                {word}
            </button>
        })
    };
    view! { <span class="job__actions">{refusal} {button}</span> }.erase()
}

/// Why a job failed, and how often it was tried.
fn failure_words(job: &JobView) -> Option<String> {
    let error = job.error.as_ref()?;
    Some(if job.attempts > 1 {
        format!("{error} ({} tries)", job.attempts)
    } else {
        error.clone()
    })
}

/// `120 of 400 tiles · 34 tiles/s · 8 s left`, as far as it is known.
fn how_far(job: &JobView) -> String {
    let mut parts = Vec::new();
    let shows_count = matches!(
        job.state,
        JobState::Running | JobState::Failed | JobState::Cancelled
    );
    if shows_count && job.total > 0 {
        parts.push(format!(
            "{} of {} {}",
            format::thousands(job.done),
            format::thousands(job.total),
            job.unit
        ));
    }
    if job.state == JobState::Running {
        parts.extend(job.per_second.map(|speed| format::rate(speed, &job.unit)));
        parts.extend(
            job.seconds_left
                .map(|left| format!("{} left", format::duration(left))),
        );
    }
    parts.join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(state: JobState) -> JobView {
        JobView {
            id: 1,
            kind: "encode".to_owned(),
            title: "Encode".to_owned(),
            slide: None,
            state,
            done: 120,
            total: 1400,
            unit: "tiles".to_owned(),
            per_second: Some(34.2),
            seconds_left: Some(37.4),
            attempts: 1,
            error: None,
        }
    }

    #[test]
    fn a_running_job_tells_how_far_how_fast_and_how_long() {
        assert_eq!(
            how_far(&job(JobState::Running)),
            "120 of 1,400 tiles · 34 tiles/s · 37 s left"
        );
    }

    #[test]
    fn a_failure_tells_how_often_it_was_tried() {
        let failed = JobView {
            error: Some("No room on the disk.".to_owned()),
            ..job(JobState::Failed)
        };
        assert_eq!(failure_words(&failed).unwrap(), "No room on the disk.");
        let again = JobView {
            attempts: 3,
            ..failed
        };
        assert_eq!(
            failure_words(&again).unwrap(),
            "No room on the disk. (3 tries)"
        );
    }

    #[test]
    fn what_is_not_known_is_not_said() {
        let unknown = JobView {
            total: 0,
            per_second: None,
            seconds_left: None,
            ..job(JobState::Running)
        };
        assert_eq!(how_far(&unknown), "");
        assert_eq!(how_far(&job(JobState::Queued)), "");
        for ended in [JobState::Failed, JobState::Cancelled] {
            assert_eq!(how_far(&job(ended)), "120 of 1,400 tiles");
        }
    }
}
