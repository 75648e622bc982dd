//! What a worker does with a job.

use domain::ids::{JobId, SlideId};
use domain::view::JobState;

use super::{Job, Jobs, LEASE, MAX_BACKOFF, MAX_FAILURES, MAX_LOSSES};
use crate::StoreError;

/// A job that is ours until the lease runs out.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The job.
    pub job: Job,
    lease: i64,
}

/// What a beat tells the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beat {
    /// Go on.
    Continue,
    /// A person wants it stopped: clear up and call [`Jobs::cancelled`].
    Cancel,
    /// The lease ran out and somebody else has the job: stop, write nothing more.
    Lost,
}

/// Whether trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It can: the job comes back after a while, up to [`MAX_FAILURES`] times.
    Passing,
    /// It cannot: a file that is no slide stays none.
    Final,
}

impl Jobs {
    /// Takes the next job of one of these kinds, if there is one that need not wait. Jobs of workers that are gone go
    /// back to the queue first.
    ///
    /// # Errors
    /// When Postgres refuses.
    pub async fn claim(&self, kinds: &[&str]) -> Result<Option<Claim>, StoreError> {
        self.reclaim().await?;
        let kinds: Vec<String> = kinds.iter().map(|&kind| kind.to_owned()).collect();
        let row = sqlx::query!(
            "update job set
                 state = 'running', attempts = attempts + 1,
                 lease = nextval('job_lease'), lease_until = now() + make_interval(secs => $2),
                 started_at = coalesce(started_at, now()), beat_at = now(), base_done = null, base_at = null
             where id = (
                 select id from job
                 where state = 'queued' and kind = any($1) and run_after <= now()
                 order by priority desc, id
                 limit 1
                 for update skip locked)
             returning id, kind, key, title, slide_id, done, total, attempts, payload, lease",
            &kinds,
            LEASE.as_secs_f64(),
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| Claim {
            job: Job {
                id: JobId(row.id),
                kind: row.kind,
                key: row.key,
                title: row.title,
                slide: row.slide_id.map(SlideId),
                done: row.done,
                total: row.total,
                attempts: row.attempts,
                payload: row.payload,
            },
            lease: row.lease,
        }))
    }

    /// Says how far the job is and renews the lease.
    ///
    /// # Errors
    /// When Postgres refuses. While it is only unavailable, the worker may go on until the lease runs out.
    pub async fn beat(&self, claim: &Claim, done: i64, total: i64) -> Result<Beat, StoreError> {
        let cancel = sqlx::query_scalar!(
            "update job set
                 lease_until = now() + make_interval(secs => $5), beat_at = now(), done = $3, total = $4,
                 base_done = coalesce(base_done, $3), base_at = coalesce(base_at, now()),
                 failures = case when $3 > furthest then 0 else failures end,
                 losses = case when $3 > furthest then 0 else losses end,
                 furthest = greatest(furthest, $3)
             where id = $1 and lease = $2 and state = 'running'
             returning cancel",
            claim.job.id.0,
            claim.lease,
            done,
            total,
            LEASE.as_secs_f64(),
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(match cancel {
            None => Beat::Lost,
            Some(true) => Beat::Cancel,
            Some(false) => Beat::Continue,
        })
    }

    /// Marks the job as done.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when somebody else has it meanwhile.
    pub async fn finish(&self, claim: &Claim) -> Result<(), StoreError> {
        let finished = sqlx::query!(
            "update job set
                 state = 'done', done = greatest(done, total), lease_until = null, ended_at = now(), error = null
             where id = $1 and lease = $2 and state = 'running'",
            claim.job.id.0,
            claim.lease,
        )
        .execute(&self.pool)
        .await?;
        claim.check(finished.rows_affected())
    }

    /// Keeps the reason and decides whether the job comes back, waiting twice as long after each failure in a row.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when somebody else has it meanwhile.
    pub async fn fail(
        &self,
        claim: &Claim,
        reason: &str,
        failure: Failure,
    ) -> Result<JobState, StoreError> {
        let state = sqlx::query_scalar!(
            "update job set
                 failures = failures + 1, error = $3, lease_until = null,
                 state = case
                     when cancel then 'cancelled'
                     when $4 or failures + 1 >= $5 then 'failed'
                     else 'queued' end,
                 ended_at = case when cancel or $4 or failures + 1 >= $5 then now() end,
                 run_after = now() + make_interval(secs => least(2 ^ (failures + 1), $6))
             where id = $1 and lease = $2 and state = 'running'
             returning state",
            claim.job.id.0,
            claim.lease,
            reason,
            failure == Failure::Final,
            MAX_FAILURES,
            MAX_BACKOFF.as_secs_f64(),
        )
        .fetch_optional(&self.pool)
        .await?
        .ok_or(StoreError::LeaseLost { job: claim.job.id })?;
        JobState::parse(&state).ok_or_else(|| StoreError::corrupt("job state", state))
    }

    /// Confirms that the job was stopped as [`Beat::Cancel`] asked.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when somebody else has it meanwhile.
    pub async fn cancelled(&self, claim: &Claim) -> Result<(), StoreError> {
        let stopped = sqlx::query!(
            "update job set state = 'cancelled', lease_until = null, ended_at = now()
             where id = $1 and lease = $2 and state = 'running'",
            claim.job.id.0,
            claim.lease,
        )
        .execute(&self.pool)
        .await?;
        claim.check(stopped.rows_affected())
    }

    /// Gives the job back, as a server does that is asked to stop: no failure, and the next one takes it at once.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when somebody else has it meanwhile.
    pub async fn release(&self, claim: &Claim) -> Result<(), StoreError> {
        let released = sqlx::query!(
            "update job set state = 'queued', lease_until = null, run_after = now()
             where id = $1 and lease = $2 and state = 'running'",
            claim.job.id.0,
            claim.lease,
        )
        .execute(&self.pool)
        .await?;
        claim.check(released.rows_affected())
    }

    /// Puts the jobs whose lease ran out back into the queue, or gives them up. Returns how many there were.
    async fn reclaim(&self) -> Result<u64, StoreError> {
        let lost = sqlx::query!(
            "update job set
                 losses = losses + 1, lease_until = null,
                 state = case
                     when cancel then 'cancelled'
                     when losses + 1 >= $1 then 'failed'
                     else 'queued' end,
                 ended_at = case when cancel or losses + 1 >= $1 then now() end,
                 error = case
                     when losses + 1 >= $1
                     then format('the server was lost %s times in the middle of it', losses + 1)
                     else error end,
                 -- The first losses are a person who stops and starts the server; later ones look like our doing.
                 run_after = now() + make_interval(secs => case when losses < 3 then 0 else 2 ^ (losses - 2) end)
             where id in (
                 select id from job where state = 'running' and lease_until < now() for update skip locked)",
            MAX_LOSSES,
        )
        .execute(&self.pool)
        .await?
        .rows_affected();
        if lost > 0 {
            tracing::warn!("{lost} jobs went back to the queue: their leases ran out");
        }
        Ok(lost)
    }

    /// Ends all leases: only for who knows that nobody else can be at work.
    pub(crate) async fn expire_leases(&self) -> Result<(), StoreError> {
        sqlx::query!(
            "update job set lease_until = now() - interval '1 second' where state = 'running'"
        )
        .execute(&self.pool)
        .await?;
        self.reclaim().await?;
        // What was done is told by its result; the rows would grow for ever.
        sqlx::query!(
            "delete from job where state = 'done' and ended_at < now() - interval '30 days'"
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

impl Claim {
    fn check(&self, rows: u64) -> Result<(), StoreError> {
        if rows == 1 {
            Ok(())
        } else {
            Err(StoreError::LeaseLost { job: self.job.id })
        }
    }
}
