//! The queue of long work: a table that several servers can share.
//!
//! A job is claimed by exactly one worker (`for update skip locked`) under a lease of [`LEASE`], which
//! [`Jobs::beat`] renews with the progress. A worker that is gone lets its lease run out, and the job goes back to the
//! queue. Finishing a job and putting its follow-ups into the queue is one transaction, so no kill loses a step.
//!
//! Every job must be idempotent: after a kill it runs again.

mod control;
mod watch;
mod work;

use std::time::Duration;

use domain::ids::{JobId, SlideId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::{PgConnection, PgPool};

use crate::StoreError;

pub use watch::{Changes, Cursor, JobListener};
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
    slide: Option<SlideId>,
    priority: i32,
    after: Vec<JobId>,
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
            after: Vec::new(),
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

    /// The slide that it works on; the job goes when the slide goes.
    #[must_use]
    pub const fn on_slide(mut self, slide: SlideId) -> Self {
        self.slide = Some(slide);
        self
    }

    /// Higher goes first; 0 unless told otherwise. Equal ones go in the order of asking.
    #[must_use]
    pub const fn with_priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// Waits until these are done; fails if one of them fails or is cancelled, and comes back when that is retried.
    #[must_use]
    pub fn after(mut self, jobs: impl IntoIterator<Item = JobId>) -> Self {
        self.after.extend(jobs);
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
        let mut transaction = self.pool.begin().await?;
        let id = enqueue(&mut transaction, job).await?;
        transaction.commit().await?;
        Ok(id)
    }

    /// Puts several into the queue, all or none.
    ///
    /// # Errors
    /// As [`Jobs::enqueue`].
    pub async fn enqueue_all(&self, jobs: &[NewJob]) -> Result<Vec<JobId>, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let ids = enqueue_all(&mut transaction, jobs).await?;
        transaction.commit().await?;
        Ok(ids)
    }
}

async fn enqueue_all(
    connection: &mut PgConnection,
    jobs: &[NewJob],
) -> Result<Vec<JobId>, StoreError> {
    let mut ids = Vec::with_capacity(jobs.len());
    for job in jobs {
        ids.push(enqueue(connection, job).await?);
    }
    Ok(ids)
}

async fn enqueue(connection: &mut PgConnection, job: &NewJob) -> Result<JobId, StoreError> {
    let payload = job
        .payload
        .as_ref()
        .map_err(|why| StoreError::unfit("job payload", why))?;
    loop {
        let inserted = sqlx::query_scalar!(
            "insert into job (kind, key, title, unit, payload, slide_id, priority, batch)
             values ($1, $2, $3, $4, $5, $6, $7, coalesce(
                 (select max(batch) from job where state in ('queued', 'running')),
                 (select max(batch) + 1 from job),
                 1))
             on conflict (kind, key) where state in ('queued', 'running') do nothing
             returning id",
            job.kind,
            job.key,
            job.title,
            job.unit,
            payload,
            job.slide.map(|slide| slide.0),
            job.priority,
        )
        .fetch_optional(&mut *connection)
        .await?;
        if let Some(id) = inserted {
            if !job.after.is_empty() {
                let after: Vec<i64> = job.after.iter().map(|job| job.0).collect();
                sqlx::query!(
                    "insert into job_wait (job_id, waits_for) select $1, unnest($2::bigint[]) on conflict do nothing",
                    id,
                    &after,
                )
                .execute(&mut *connection)
                .await?;
                settle(connection).await?;
            }
            return Ok(JobId(id));
        }
        let existing = sqlx::query_scalar!(
            "select id from job where kind = $1 and key = $2 and state in ('queued', 'running')",
            job.kind,
            job.key,
        )
        .fetch_optional(&mut *connection)
        .await?;
        if let Some(id) = existing {
            return Ok(JobId(id));
        }
        // It ended between the two queries: now there is room for ours.
    }
}

/// Fails the queued jobs that wait for one that failed or was cancelled, and those that wait for them.
async fn settle(connection: &mut PgConnection) -> Result<(), StoreError> {
    loop {
        let fallen = sqlx::query!(
            "update job set
                 state = 'failed', ended_at = now(), failed_with = first.id,
                 error = format('''%s'' must come first and %s', first.title,
                     case first.state when 'cancelled' then 'was cancelled' else 'failed' end)
             from job_wait
             join job first on first.id = job_wait.waits_for
             where job_wait.job_id = job.id and job.state = 'queued' and first.state in ('failed', 'cancelled')"
        )
        .execute(&mut *connection)
        .await?;
        if fallen.rows_affected() == 0 {
            return Ok(());
        }
    }
}
