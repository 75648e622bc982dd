//! What people do with jobs: look, cancel, retry.

use domain::ids::JobId;
use domain::view::{JobCounts, JobState, JobView, Progress};
use sqlx::PgConnection;

use super::{Jobs, settle};
use crate::{StoreError, count};

/// The most jobs that one answer carries.
const SHOWN: i64 = 50;

impl Jobs {
    /// Stops a job: at once while it waits, at its next beat while it runs. Returns where it stands now; a job that has
    /// ended stays as it is.
    ///
    /// # Errors
    /// When there is no such job.
    pub async fn cancel(&self, job: JobId) -> Result<JobState, StoreError> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query!(
            "update job set
                 cancel = true,
                 state = case state when 'queued' then 'cancelled' else state end,
                 ended_at = case state when 'queued' then now() end
             where id = $1 and state in ('queued', 'running')",
            job.0,
        )
        .execute(&mut *transaction)
        .await?;
        let state = state(&mut transaction, job).await?;
        settle(&mut transaction).await?;
        transaction.commit().await?;
        Ok(state)
    }

    /// Puts a job that failed or was cancelled back into the queue, and those that failed only because it did. Any
    /// other stays as it is.
    ///
    /// # Errors
    /// When there is no such job, or [`crate::Rule::JobTaken`] when the same work was asked for anew meanwhile.
    pub async fn retry(&self, job: JobId) -> Result<JobState, StoreError> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query!(
            "with recursive back (id) as (
                 select id from job where id = $1 and state in ('failed', 'cancelled')
                 union
                 select job.id from job join back on job.failed_with = back.id where job.state = 'failed')
             update job set
                 state = 'queued', failures = 0, losses = 0, run_after = now(), cancel = false, error = null,
                 failed_with = null, ended_at = null
             where id in (select id from back)",
            job.0,
        )
        .execute(&mut *transaction)
        .await?;
        // One that also waits for another failed job falls again.
        settle(&mut transaction).await?;
        let state = state(&mut transaction, job).await?;
        transaction.commit().await?;
        Ok(state)
    }

    /// A job as the screen shows it.
    ///
    /// # Errors
    /// When there is no such job.
    pub async fn get(&self, job: JobId) -> Result<JobView, StoreError> {
        self.views(&[job.0])
            .await?
            .pop()
            .ok_or_else(|| StoreError::not_found("job", job))
    }

    /// The last jobs, newest first, at most 50 of them; those before `before` when it is given.
    ///
    /// # Errors
    /// When Postgres refuses.
    pub async fn recent(&self, before: Option<JobId>) -> Result<Vec<JobView>, StoreError> {
        let ids = sqlx::query_scalar!(
            "select id from job where id < coalesce($1, 9223372036854775807) order by id desc limit $2",
            before.map(|job| job.0),
            SHOWN,
        )
        .fetch_all(&self.pool)
        .await?;
        self.views(&ids).await
    }

    /// Kind and key of the jobs that are left alone until a person retries them: those that failed for good or were
    /// cancelled, and were not asked for anew.
    ///
    /// # Errors
    /// When Postgres refuses.
    pub async fn given_up(&self) -> Result<Vec<(String, String)>, StoreError> {
        let rows = sqlx::query!(
            r#"select kind as "kind!", key as "key!" from job_now where state in ('failed', 'cancelled')"#
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|row| (row.kind, row.key)).collect())
    }

    /// How far the queue is. A failed or cancelled job that was asked for anew is not counted.
    ///
    /// # Errors
    /// When Postgres refuses.
    pub async fn progress(&self) -> Result<Progress, StoreError> {
        let counts = sqlx::query!(
            r#"select
                 count(*) filter (where state = 'queued') as "queued!",
                 count(*) filter (where state = 'running') as "running!",
                 count(*) filter (where state = 'failed') as "failed!",
                 (select count(*) from job where state = 'done' and batch = (select max(batch) from job)) as "finished!"
             from job_now where state in ('queued', 'running', 'failed')"#
        )
        .fetch_one(&self.pool)
        .await?;
        let ids = sqlx::query_scalar!(
            r#"select id as "id!" from job_now where state in ('queued', 'running', 'failed')
             order by array_position(array['running', 'queued', 'failed'], state), priority desc, id limit $1"#,
            SHOWN,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(Progress {
            counts: JobCounts {
                queued: count(counts.queued),
                running: count(counts.running),
                failed: count(counts.failed),
                cancelled: 0,
            },
            finished: count(counts.finished),
            jobs: self.views(&ids).await?,
        })
    }

    /// The jobs as the screen shows them, in the order of the ids.
    pub(super) async fn views(&self, ids: &[i64]) -> Result<Vec<JobView>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows = sqlx::query!(
            r#"select job.id, job.kind, job.title, slide.code as "slide?", job.state, job.done, job.total, job.unit,
                 job.attempts, job.error,
                 case when job.state = 'running'
                     then (job.done - job.base_done) / nullif(extract(epoch from job.beat_at - job.base_at), 0)::float8
                 end as per_second
             from unnest($1::bigint[]) with ordinality asked (id, place)
             join job on job.id = asked.id
             left join slide on slide.id = job.slide_id
             order by asked.place"#,
            ids,
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                let per_second = row.per_second.filter(|&speed| speed > 0.0);
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "a count of tiles is far below 2^52"
                )]
                let left = (row.total > 0).then(|| (row.total - row.done).max(0) as f64);
                Ok(JobView {
                    id: row.id,
                    kind: row.kind,
                    title: row.title,
                    slide: row.slide,
                    state: JobState::parse(&row.state)
                        .ok_or_else(|| StoreError::corrupt("job state", row.state))?,
                    done: row.done,
                    total: row.total,
                    unit: row.unit,
                    per_second,
                    seconds_left: left.zip(per_second).map(|(left, speed)| left / speed),
                    attempts: row.attempts,
                    error: row.error,
                })
            })
            .collect()
    }
}

async fn state(connection: &mut PgConnection, job: JobId) -> Result<JobState, StoreError> {
    let state = sqlx::query_scalar!("select state from job where id = $1", job.0)
        .fetch_optional(connection)
        .await?
        .ok_or_else(|| StoreError::not_found("job", job))?;
    JobState::parse(&state).ok_or_else(|| StoreError::corrupt("job state", state))
}
