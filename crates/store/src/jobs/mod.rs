//! The queue of long work: a table that several servers can share.
//!
//! A job is claimed by exactly one worker (`for update skip locked`) under a lease of [`LEASE`], which
//! [`Jobs::beat`] renews with the progress. A worker that is gone lets its lease run out, and the job goes back to the
//! queue. What is wanted next follows from what is there and is asked for again after every job, so no kill loses a step.
//!
//! Every job must be idempotent: after a kill it runs again.

mod control;
mod work;

use std::time::Duration;

use domain::ids::{JobId, SlideId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::PgPool;

use crate::StoreError;

pub use work::{Beat, Claim, Failure};

/// How long a claim lasts without a beat. Beat every few seconds.
pub const LEASE: Duration = Duration::from_secs(15);

/// After so many failures without getting any further a job is given up.
pub const MAX_FAILURES: i32 = 5;

/// After so many servers lost without getting any further a job is given up: it is what ends them.
pub const MAX_LOSSES: i32 = 10;

/// The longest wait before a retry. The first waits 2 s, each next twice as long.
pub const MAX_BACKOFF: Duration = Duration::from_secs(300);

/// The queue. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Jobs {
    pool: PgPool,
}

/// A job to be put into the queue.
#[derive(Clone, Debug)]
pub struct NewJob {
    kind: String,
    key: String,
    title: String,
    unit: String,
    payload: Payload,
    slide: Option<String>,
    priority: i32,
}

/// What a job needs to know, as JSON; an error is kept until the job is put into the queue.
type Payload = Result<serde_json::Value, String>;

impl NewJob {
    /// A job of a kind about a key. While one with the same kind and key is queued or running, asking again is asking
    /// once: so the key names everything that makes the work another one, versions too.
    #[must_use]
    pub fn new(kind: impl Into<String>, key: impl Into<String>, title: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            key: key.into(),
            title: title.into(),
            unit: "steps".to_owned(),
            payload: Ok(serde_json::Value::Null),
            slide: None,
            priority: 0,
        }
    }

    /// What the job needs to know.
    #[must_use]
    pub fn with_payload(mut self, payload: &impl Serialize) -> Self {
        self.payload = serde_json::to_value(payload).map_err(|error| error.to_string());
        self
    }

    /// What its progress counts; `steps` unless told otherwise.
    #[must_use]
    pub fn counting(mut self, unit: impl Into<String>) -> Self {
        self.unit = unit.into();
        self
    }

    /// The slide that it works on, by its code; the job goes when the slide goes.
    #[must_use]
    pub fn on_slide(mut self, slide: impl Into<String>) -> Self {
        self.slide = Some(slide.into());
        self
    }

    /// Higher goes first; 0 unless told otherwise. Equal ones go in the order of asking.
    #[must_use]
    pub const fn with_priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }
}

/// A job as its worker sees it.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// What it does.
    pub kind: String,
    /// What it is about.
    pub key: String,
    /// In words.
    pub title: String,
    /// The slide that it works on.
    pub slide: Option<SlideId>,
    /// How far the last attempt came.
    pub done: i64,
    /// Units in all, as the last attempt knew.
    pub total: i64,
    /// How often it was started, this time included.
    pub attempts: i32,
    payload: serde_json::Value,
}

impl Job {
    /// What [`NewJob::with_payload`] was given.
    ///
    /// # Errors
    /// When it is something else.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, StoreError> {
        T::deserialize(&self.payload).map_err(|error| StoreError::corrupt("job payload", error))
    }
}

impl Jobs {
    pub(crate) const fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Puts a job into the queue; when one of the same kind and key is queued or running, that is the one.
    ///
    /// # Errors
    /// When the payload is not JSON or Postgres refuses.
    pub async fn enqueue(&self, job: &NewJob) -> Result<JobId, StoreError> {
        let payload = job
            .payload
            .as_ref()
            .map_err(|why| StoreError::unfit("job payload", why))?;
        loop {
            // Numbers are drawn only for rows that go in, hence the question first; the index decides a race.
            let inserted = sqlx::query_scalar!(
                "insert into job (kind, key, title, unit, payload, slide_id, priority, batch)
                 select $1, $2, $3, $4, $5, (select id from slide where code = $6), $7, coalesce(
                     (select max(batch) from job where state in ('queued', 'running')),
                     (select max(batch) + 1 from job),
                     1)
                 where not exists (
                     select from job where kind = $1 and key = $2 and state in ('queued', 'running'))
                 on conflict (kind, key) where state in ('queued', 'running') do nothing
                 returning id",
                job.kind,
                job.key,
                job.title,
                job.unit,
                payload,
                job.slide,
                job.priority,
            )
            .fetch_optional(&self.pool)
            .await?;
            if let Some(id) = inserted {
                return Ok(JobId(id));
            }
            let existing = sqlx::query_scalar!(
                "select id from job where kind = $1 and key = $2 and state in ('queued', 'running')",
                job.kind,
                job.key,
            )
            .fetch_optional(&self.pool)
            .await?;
            if let Some(id) = existing {
                return Ok(JobId(id));
            }
            // It ended between the two queries: now there is room for ours.
        }
    }
}
