//! Following what becomes of jobs, without asking for everything again and again.

use std::time::Duration;

use domain::view::JobView;
use sqlx::postgres::PgListener;

use super::Jobs;
use crate::StoreError;

/// How far a follower has read. It starts with [`Cursor::default`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor(i64);

/// The jobs that changed.
#[derive(Clone, Debug)]
pub struct Changes {
    /// As they stand now. A job may come twice, but no change is left out.
    pub jobs: Vec<JobView>,
    /// Where to go on.
    pub cursor: Cursor,
}

/// Wakes up when a job changes. It keeps one connection.
#[derive(Debug)]
pub struct JobListener {
    listener: PgListener,
}

impl Jobs {
    /// The jobs that changed since the cursor.
    ///
    /// # Errors
    /// When Postgres refuses.
    pub async fn changed_since(&self, cursor: Cursor) -> Result<Changes, StoreError> {
        // Everything older than the oldest transaction under way is visible for good: that is where to go on. Numbers
        // drawn from a sequence would come out of order.
        let rows = sqlx::query!(
            r#"select id, pg_snapshot_xmin(pg_current_snapshot())::text::bigint as "cursor!"
             from job where changed >= $1::bigint::text::xid8 order by changed, id"#,
            cursor.0,
        )
        .fetch_all(&self.pool)
        .await?;
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        Ok(Changes {
            jobs: self.views(&ids).await?,
            cursor: rows.first().map_or(cursor, |row| Cursor(row.cursor)),
        })
    }

    /// Starts to listen.
    ///
    /// # Errors
    /// When Postgres refuses.
    pub async fn listen(&self) -> Result<JobListener, StoreError> {
        let mut listener = PgListener::connect_with(&self.pool).await?;
        listener.listen("job").await?;
        Ok(JobListener { listener })
    }
}

impl JobListener {
    /// Waits for a change, at most so long. A lost connection counts as a change: something may have been missed.
    ///
    /// # Errors
    /// When Postgres is gone.
    pub async fn changed(&mut self, at_most: Duration) -> Result<(), StoreError> {
        match tokio::time::timeout(at_most, self.listener.try_recv()).await {
            Ok(received) => received.map(|_| ()).map_err(StoreError::from),
            Err(_) => Ok(()),
        }
    }
}
