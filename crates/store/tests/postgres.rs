//! Reaching Postgres, and losing it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends where something is not as it should be"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use domain::view::JobState;
use rustix::process::{Pid, Signal, kill_process};
use store::jobs::NewJob;
use store::testing::TestDatabase;
use store::{OpenError, Postgres, StoreError};

fn data_dir() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn postmaster(data: &tempfile::TempDir) -> Option<Pid> {
    let file = data.path().join("postgres/cluster/postmaster.pid");
    let text = fs::read_to_string(file).ok()?;
    Pid::from_raw(text.lines().next()?.parse().ok()?)
}

#[tokio::test]
async fn a_private_cluster_is_made_with_its_tables_and_stopped() {
    let data = data_dir();
    let postgres = Postgres::open(None, data.path()).await.unwrap();
    assert!(postgres.place().contains("private cluster in"));
    assert_eq!(postgres.store().totals().await.unwrap().slides, 0);
    assert!(postmaster(&data).is_some());
    let store = postgres.store().clone();
    postgres.stop().await.unwrap();
    assert_eq!(postmaster(&data), None);
    assert!(store.ping().await.unwrap_err().is_unavailable());

    let again = Postgres::open(None, data.path()).await.unwrap();
    again.stop().await.unwrap();
}

#[tokio::test]
async fn what_a_lost_server_was_working_on_goes_on_at_once() {
    let data = data_dir();
    let postgres = Postgres::open(None, data.path()).await.unwrap();
    let jobs = postgres.store().jobs();
    let id = jobs
        .enqueue(&NewJob::new("encode", "a", "Encode"))
        .await
        .unwrap();
    let claim = jobs.claim(&["encode"]).await.unwrap().unwrap();
    jobs.beat(&claim, 5, 10).await.unwrap();
    // As a killed server leaves it: the job claimed, its lease running.
    postgres.stop().await.unwrap();

    let postgres = Postgres::open(None, data.path()).await.unwrap();
    let jobs = postgres.store().jobs();
    assert_eq!(jobs.get(id).await.unwrap().state, JobState::Queued);
    let claim = jobs.claim(&["encode"]).await.unwrap().unwrap();
    assert_eq!((claim.job.done, claim.job.attempts), (5, 2));
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn postgres_gone_while_serving_is_said_in_seconds_and_comes_back_with_all_that_was_committed()
{
    let data = data_dir();
    let postgres = Postgres::open(None, data.path()).await.unwrap();
    let store = postgres.store();
    let jobs = store.jobs();
    let id = jobs
        .enqueue(&NewJob::new("encode", "a", "Encode"))
        .await
        .unwrap();
    for _ in 0..2 {
        let killed = postmaster(&data).unwrap();
        kill_process(killed, Signal::QUIT).unwrap();
        let begin = Instant::now();
        let gone = loop {
            // Until the shutdown has reached this session.
            if let Err(gone) = store.ping().await {
                break gone;
            }
            assert!(begin.elapsed() < Duration::from_secs(20));
        };
        assert!(matches!(gone, StoreError::Unavailable { .. }), "{gone:?}");
        assert_eq!(gone.to_string(), "the database does not answer");
        while store.ping().await.is_err() {
            assert!(begin.elapsed() < Duration::from_secs(20));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_ne!(postmaster(&data).unwrap(), killed);
        assert_eq!(jobs.get(id).await.unwrap().state, JobState::Queued);
    }
    postgres.stop().await.unwrap();
    assert_eq!(postmaster(&data), None);
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_given_up_within_seconds() {
    let data = data_dir();
    let postgres = Postgres::open(None, data.path()).await.unwrap();
    let url = cluster_url(&data);
    let given = Postgres::open(Some(&url), data.path()).await.unwrap();
    let jobs = given.store().jobs();
    postgres.stop().await.unwrap();
    let begin = Instant::now();
    let refused = jobs.enqueue(&NewJob::new("encode", "b", "Encode")).await;
    assert!(refused.unwrap_err().is_unavailable());
    assert!(begin.elapsed() < Duration::from_secs(10));
    given.stop().await.unwrap();
}

fn cluster_url(data: &tempfile::TempDir) -> String {
    store::cluster::Cluster::find_running(data.path()).unwrap()
}

#[tokio::test]
async fn a_given_address_is_used_as_it_is_and_not_stopped() {
    let database = TestDatabase::new().await;
    let nowhere = std::path::Path::new("/nonexistent");
    let url = database.url();
    let postgres = Postgres::open(Some(&url), nowhere).await.unwrap();
    assert!(!postgres.place().contains("private"));
    postgres.store().ping().await.unwrap();
    postgres.stop().await.unwrap();
    database.store().ping().await.unwrap();
}

#[tokio::test]
async fn an_address_that_cannot_be_read_or_where_nobody_answers_is_named_without_its_password() {
    let folder = data_dir();
    let unread = Postgres::open(Some("not an address"), folder.path())
        .await
        .unwrap_err();
    assert!(matches!(unread, OpenError::Url { .. }), "{unread}");
    assert!(unread.to_string().contains("postgres://user:password@host"));

    let silent = "postgres://me:secret@127.0.0.1:1/db";
    let silent = Postgres::open(Some(silent), folder.path())
        .await
        .unwrap_err();
    assert!(matches!(silent, OpenError::Connect { .. }), "{silent}");
    let message = silent.to_string();
    assert!(
        message.contains("127.0.0.1:1/db") && !message.contains("secret"),
        "{message}"
    );
}

#[tokio::test]
async fn tables_of_a_newer_program_are_left_alone() {
    use sqlx::Connection;
    let database = TestDatabase::new().await;
    let mut connection = sqlx::PgConnection::connect(&database.url()).await.unwrap();
    sqlx::raw_sql(
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
         values (9999, 'from the future', true, '\\x00', 0)",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    let refused = Postgres::open(Some(&database.url()), std::path::Path::new("/nonexistent")).await;
    let refused = refused.unwrap_err();
    assert!(matches!(refused, OpenError::Migrate { .. }), "{refused}");
    assert!(
        refused
            .to_string()
            .contains("a newer version of this program")
    );
}

#[tokio::test]
async fn every_test_has_an_empty_database_of_its_own() {
    let (one, other) = (TestDatabase::new().await, TestDatabase::new().await);
    assert_ne!(one.url(), other.url());
    let job = NewJob::new("encode", "a", "Encode");
    one.store().jobs().enqueue(&job).await.unwrap();
    assert!(other.store().jobs().standing().await.unwrap().is_empty());
}
