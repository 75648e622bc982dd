//! The queue: nobody works twice on one job, and no job is lost.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends where something is not as it should be"
)]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use domain::ids::JobId;
use domain::view::JobState;
use serde::{Deserialize, Serialize};
use store::jobs::{Beat, Claim, Failure, Jobs, MAX_FAILURES, MAX_LOSSES, NewJob};
use store::testing::TestDatabase;
use store::{Rule, StoreError};

fn job(key: &str) -> NewJob {
    NewJob::new("encode", key, format!("Encode {key}"))
}

async fn claim(jobs: &Jobs) -> Claim {
    jobs.claim(&["encode"]).await.unwrap().expect("a job")
}

async fn state(jobs: &Jobs, id: JobId) -> JobState {
    jobs.get(id).await.unwrap().state
}

/// Lets time pass for the queue: leases run out, waits end.
async fn let_time_pass(database: &TestDatabase, statement: &'static str) {
    use sqlx::Connection;
    let mut connection = sqlx::PgConnection::connect(&database.url()).await.unwrap();
    sqlx::raw_sql(statement)
        .execute(&mut connection)
        .await
        .unwrap();
}

const LEASES_END: &str =
    "update job set lease_until = now() - interval '1 ms' where state = 'running'";
const WAITS_END: &str = "update job set run_after = now() where state = 'queued'";

#[tokio::test]
async fn asking_twice_is_asking_once_while_the_job_is_queued_or_running() {
    let database = TestDatabase::new().await;
    let jobs = database.store().jobs();
    let first = jobs.enqueue(&job("a")).await.unwrap();
    assert_eq!(jobs.enqueue(&job("a")).await.unwrap(), first);
    let claim = claim(&jobs).await;
    assert_eq!(jobs.enqueue(&job("a")).await.unwrap(), first);
    jobs.finish(&claim).await.unwrap();
    assert_ne!(jobs.enqueue(&job("a")).await.unwrap(), first);
}

#[tokio::test]
async fn asking_at_the_same_moment_from_many_sides_makes_one_job() {
    let database = TestDatabase::new().await;
    let jobs = database.store().jobs();
    let asked: Vec<_> = (0..12)
        .map(|_| {
            let jobs = jobs.clone();
            tokio::spawn(async move { jobs.enqueue(&job("same")).await.unwrap() })
        })
        .collect();
    let mut ids = BTreeSet::new();
    for id in asked {
        ids.insert(id.await.unwrap());
    }
    assert_eq!(ids.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_claimers_never_get_one_job() {
    let database = TestDatabase::new().await;
    let jobs = database.store().jobs();
    let mut all = BTreeSet::new();
    for number in 0..120 {
        all.insert(jobs.enqueue(&job(&number.to_string())).await.unwrap());
    }
    let workers: Vec<_> = (0..8)
        .map(|_| {
            let jobs = jobs.clone();
            tokio::spawn(async move {
                let mut mine = Vec::new();
                while let Some(claim) = jobs.claim(&["encode"]).await.unwrap() {
                    mine.push(claim.job.id);
                    if mine.len() % 2 == 0 {
                        jobs.finish(&claim).await.unwrap();
                    }
                }
                mine
            })
        })
        .collect();
    let mut claimed = Vec::new();
    for worker in workers {
        claimed.extend(worker.await.unwrap());
    }
    assert_eq!(claimed.len(), all.len(), "every job once");
    assert_eq!(claimed.into_iter().collect::<BTreeSet<_>>(), all);
}

#[tokio::test]
async fn higher_priority_goes_first_then_the_older_and_only_asked_kinds() {
    let database = TestDatabase::new().await;
    let jobs = database.store().jobs();
    jobs.enqueue(&job("old")).await.unwrap();
    jobs.enqueue(&job("young")).await.unwrap();
    jobs.enqueue(&job("urgent").with_priority(5)).await.unwrap();
    jobs.enqueue(&NewJob::new("train", "m", "Train").with_priority(9))
        .await
        .unwrap();
    for expected in ["urgent", "old", "young"] {
        assert_eq!(claim(&jobs).await.job.key, expected);
    }
    assert!(jobs.claim(&["encode"]).await.unwrap().is_none());
    assert!(jobs.claim(&["train", "encode"]).await.unwrap().is_some());
}

#[tokio::test]
async fn a_job_brings_its_payload_and_its_slide_less_title() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Work {
        slide: String,
        seed: u64,
    }
    let database = TestDatabase::new().await;
    let jobs = database.store().jobs();
    let work = Work {
        slide: "PH-0001".to_owned(),
        seed: 7,
    };
    let id = jobs
        .enqueue(&job("a").with_payload(&work).counting("tiles"))
        .await
        .unwrap();
    let claim = claim(&jobs).await;
    assert_eq!(claim.job.payload::<Work>().unwrap(), work);
    assert!(matches!(
        claim.job.payload::<Vec<u8>>(),
        Err(StoreError::Corrupt { .. })
    ));
    let view = jobs.get(id).await.unwrap();
    assert_eq!(
        (view.title.as_str(), view.unit.as_str()),
        ("Encode a", "tiles")
    );
    assert_eq!((view.attempts, view.slide), (1, None));
}

#[tokio::test]
async fn progress_is_seen_with_its_speed_and_the_time_left() {
    let database = TestDatabase::new().await;
    let jobs = database.store().jobs();
    let id = jobs.enqueue(&job("a")).await.unwrap();
    let claim = claim(&jobs).await;
    assert_eq!(jobs.beat(&claim, 100, 1000).await.unwrap(), Beat::Continue);
    assert_eq!(jobs.get(id).await.unwrap().per_second, None);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(jobs.beat(&claim, 160, 1000).await.unwrap(), Beat::Continue);
    let view = jobs.get(id).await.unwrap();
    assert_eq!((view.done, view.total), (160, 1000));
    let speed = view.per_second.unwrap();
    assert!(
        speed > 1.0 && speed <= 200.0,
        "60 in at least 0.3 s, not 160: {speed}"
    );
    assert!((view.seconds_left.unwrap() - 840.0 / speed).abs() < 1e-6);
}

#[tokio::test]
async fn a_job_whose_worker_is_gone_goes_to_another_and_the_first_finds_out() {
    let database = TestDatabase::new().await;
    let jobs = database.store().jobs();
    let id = jobs.enqueue(&job("a")).await.unwrap();
    let first = claim(&jobs).await;
    assert!(jobs.claim(&["encode"]).await.unwrap().is_none());
    let_time_pass(&database, LEASES_END).await;
    let second = claim(&jobs).await;
    assert_eq!(second.job.id, id);
    assert_eq!(second.job.attempts, 2);

    assert_eq!(jobs.beat(&first, 1, 2).await.unwrap(), Beat::Lost);
    for lost in [
        jobs.finish(&first).await,
        jobs.fail(&first, "x", Failure::Passing).await.map(|_| ()),
        jobs.cancelled(&first).await,
        jobs.release(&first).await,
    ] {
        assert!(matches!(lost, Err(StoreError::LeaseLost { job }) if job == id));
    }
    assert_eq!(jobs.beat(&second, 1, 2).await.unwrap(), Beat::Continue);
}

#[tokio::test]
async fn a_late_beat_keeps_the_job_if_nobody_took_it() {
    let database = TestDatabase::new().await;
    let jobs = database.store().jobs();
    jobs.enqueue(&job("a")).await.unwrap();
    let claim = claim(&jobs).await;
    let_time_pass(&database, LEASES_END).await;
    assert_eq!(jobs.beat(&claim, 1, 2).await.unwrap(), Beat::Continue);
    assert!(jobs.claim(&["encode"]).await.unwrap().is_none());
}

#[tokio::test]
async fn a_failure_comes_back_later_and_later_and_is_given_up_in_the_end_with_its_reason() {
    let database = TestDatabase::new().await;
    let jobs = database.store().jobs();
    let id = jobs.enqueue(&job("a")).await.unwrap();
    for attempt in 1..=MAX_FAILURES {
        let claim = claim(&jobs).await;
        assert_eq!(claim.job.attempts, attempt);
        let after = jobs
            .fail(&claim, "the disk is full", Failure::Passing)
            .await
            .unwrap();
        if attempt < MAX_FAILURES {
            assert_eq!(after, JobState::Queued);
            assert!(
                jobs.claim(&["encode"]).await.unwrap().is_none(),
                "it waits first"
            );
            let_time_pass(&database, WAITS_END).await;
        } else {
            assert_eq!(after, JobState::Failed);
        }
    }
    let view = jobs.get(id).await.unwrap();
    assert_eq!(view.error.as_deref(), Some("the disk is full"));
    assert_eq!(jobs.retry(id).await.unwrap(), JobState::Queued);
    assert_eq!(claim(&jobs).await.job.id, id);
}

#[tokio::test]
async fn the_first_retry_comes_after_two_seconds() {
    let database = TestDatabase::new().await;
    let jobs = database.store().jobs();
    jobs.enqueue(&job("a")).await.unwrap();
    let claim = claim(&jobs).await;
    let failed_at = Instant::now();
    jobs.fail(&claim, "x", Failure::Passing).await.unwrap();
    while jobs.claim(&["encode"]).await.unwrap().is_none() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let waited = failed_at.elapsed().as_secs_f64();
    assert!((1.9..10.0).contains(&waited), "{waited}");
}

#[tokio::test]
async fn a_final_failure_is_not_tried_again() {
    let database = TestDatabase::new().await;
    let jobs = database.store().jobs();
    jobs.enqueue(&job("a")).await.unwrap();
    let claim = claim(&jobs).await;
    let after = jobs
        .fail(&claim, "not a slide", Failure::Final)
        .await
        .unwrap();
    assert_eq!(after, JobState::Failed);
}

#[tokio::test]
async fn a_job_that_ends_every_server_is_given_up_unless_it_gets_further() {
    let database = TestDatabase::new().await;
    let jobs = database.store().jobs();
    let id = jobs.enqueue(&job("a")).await.unwrap();
    for further in 0..i64::from(MAX_LOSSES) + 5 {
        let claim = claim(&jobs).await;
        jobs.beat(&claim, further + 1, 100).await.unwrap();
        let_time_pass(&database, LEASES_END).await;
    }
    let mut starts = 0;
    while let Some(claim) = jobs.claim(&["encode"]).await.unwrap() {
        starts += 1;
        assert!(starts < 20);
        jobs.beat(&claim, 1, 100).await.unwrap();
        let_time_pass(&database, LEASES_END).await;
        assert!(jobs.claim(&["nothing"]).await.unwrap().is_none());
        let_time_pass(&database, WAITS_END).await;
    }
    assert_eq!(
        starts,
        MAX_LOSSES - 1,
        "the last useful attempt was the first to be lost"
    );
    let view = jobs.get(id).await.unwrap();
    assert_eq!(view.state, JobState::Failed);
    assert!(view.error.unwrap().contains("the server was lost 10 times"));
}

#[tokio::test]
async fn a_queued_job_is_cancelled_at_once_and_a_running_one_at_its_next_beat() {
    let database = TestDatabase::new().await;
    let jobs = database.store().jobs();
    let queued = jobs.enqueue(&job("a").with_priority(-1)).await.unwrap();
    let running = jobs.enqueue(&job("b")).await.unwrap();
    let claim = claim(&jobs).await;
    assert_eq!(jobs.cancel(queued).await.unwrap(), JobState::Cancelled);
    assert_eq!(jobs.cancel(running).await.unwrap(), JobState::Running);
    assert_eq!(jobs.beat(&claim, 5, 10).await.unwrap(), Beat::Cancel);
    jobs.cancelled(&claim).await.unwrap();
    assert_eq!(jobs.cancel(running).await.unwrap(), JobState::Cancelled);
    assert!(jobs.claim(&["encode"]).await.unwrap().is_none());
    assert!(matches!(
        jobs.cancel(JobId(999)).await,
        Err(StoreError::NotFound { what: "job", .. })
    ));

    assert_eq!(jobs.retry(running).await.unwrap(), JobState::Queued);
    let again = jobs.claim(&["encode"]).await.unwrap().unwrap();
    assert_eq!(jobs.beat(&again, 6, 10).await.unwrap(), Beat::Continue);
}

#[tokio::test]
async fn a_cancelled_job_of_a_lost_server_does_not_come_back() {
    let database = TestDatabase::new().await;
    let jobs = database.store().jobs();
    let id = jobs.enqueue(&job("a")).await.unwrap();
    claim(&jobs).await;
    jobs.cancel(id).await.unwrap();
    let_time_pass(&database, LEASES_END).await;
    assert!(jobs.claim(&["encode"]).await.unwrap().is_none());
    assert_eq!(state(&jobs, id).await, JobState::Cancelled);
}

#[tokio::test]
async fn a_released_job_is_taken_at_once_and_has_not_failed() {
    let database = TestDatabase::new().await;
    let jobs = database.store().jobs();
    jobs.enqueue(&job("a")).await.unwrap();
    let claimed = claim(&jobs).await;
    jobs.release(&claimed).await.unwrap();
    let view = jobs.get(claim(&jobs).await.job.id).await.unwrap();
    assert_eq!(view.error, None);
}

#[tokio::test]
async fn a_failed_job_that_was_asked_for_anew_is_neither_counted_nor_retried() {
    let database = TestDatabase::new().await;
    let jobs = database.store().jobs();
    let id = jobs.enqueue(&job("a")).await.unwrap();
    let failing = claim(&jobs).await;
    jobs.fail(&failing, "x", Failure::Final).await.unwrap();
    assert_eq!(jobs.progress().await.unwrap().counts.failed, 1);
    jobs.enqueue(&job("a")).await.unwrap();
    let counts = jobs.progress().await.unwrap().counts;
    assert_eq!((counts.queued, counts.failed), (1, 0));
    assert!(matches!(
        jobs.retry(id).await,
        Err(StoreError::Refused {
            rule: Rule::JobTaken
        })
    ));
}

#[tokio::test]
async fn progress_counts_from_when_the_queue_was_last_empty() {
    let database = TestDatabase::new().await;
    let jobs = database.store().jobs();
    assert_eq!(
        jobs.progress().await.unwrap(),
        domain::view::Progress::default()
    );
    for round in 0..2 {
        for key in ["a", "b", "c"] {
            jobs.enqueue(&job(&format!("{key}{round}"))).await.unwrap();
        }
        let first = claim(&jobs).await;
        jobs.finish(&first).await.unwrap();
        let second = claim(&jobs).await;
        let progress = jobs.progress().await.unwrap();
        assert_eq!((progress.counts.queued, progress.counts.running), (1, 1));
        assert_eq!(progress.finished, 1);
        let states: Vec<_> = progress.jobs.iter().map(|job| job.state).collect();
        assert_eq!(states, [JobState::Running, JobState::Queued]);
        jobs.finish(&second).await.unwrap();
        let third = claim(&jobs).await;
        jobs.finish(&third).await.unwrap();
        assert_eq!(jobs.progress().await.unwrap().finished, 3);
    }
}

#[tokio::test]
async fn what_waits_runs_or_was_given_up_need_not_be_asked_for_and_what_is_done_may() {
    let database = TestDatabase::new().await;
    let jobs = database.store().jobs();
    for key in ["done", "failed", "cancelled", "running", "queued"] {
        jobs.enqueue(&job(key)).await.unwrap();
    }
    let done = claim(&jobs).await;
    jobs.finish(&done).await.unwrap();
    let failing = claim(&jobs).await;
    jobs.fail(&failing, "x", Failure::Final).await.unwrap();
    let cancelled = claim(&jobs).await;
    jobs.cancelled(&cancelled).await.unwrap();
    let running = claim(&jobs).await;
    assert_eq!(running.job.key, "running");
    let mut standing: Vec<String> = jobs
        .standing()
        .await
        .unwrap()
        .into_iter()
        .map(|(_, key)| key)
        .collect();
    standing.sort();
    assert_eq!(standing, ["cancelled", "failed", "queued", "running"]);
    // What asks for a person is never cut off behind what only waits.
    let states: Vec<JobState> = jobs
        .progress()
        .await
        .unwrap()
        .jobs
        .iter()
        .map(|job| job.state)
        .collect();
    assert_eq!(
        states,
        [
            JobState::Running,
            JobState::Failed,
            JobState::Cancelled,
            JobState::Queued
        ]
    );
}

#[tokio::test]
async fn asking_again_uses_up_no_numbers() {
    let database = TestDatabase::new().await;
    let jobs = database.store().jobs();
    for _ in 0..5 {
        jobs.enqueue(&job("a")).await.unwrap();
    }
    assert_eq!(jobs.enqueue(&job("b")).await.unwrap().0, 2);
}
