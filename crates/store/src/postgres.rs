//! Reaching Postgres: a given one, or the private cluster of the data folder.

use std::path::Path;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cluster::{Cluster, ClusterError, Interrupt};
use sqlx::PgPool;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::task::JoinHandle;

use crate::{Store, StoreError};

/// The schema, as the program carries it.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations");

/// Connections: more would not make one machine faster, and a private cluster admits 40.
const CONNECTIONS: u32 = 16;

/// How long a query waits for a connection before the database counts as unavailable.
const PATIENCE: Duration = Duration::from_secs(3);

/// How often the private cluster is looked after.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The longest pause between attempts to start it again.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The oldest supported version, as `server_version_num` counts.
const OLDEST: i32 = 140_000;

/// Why there is no database to work with. Every one of these ends the start of the program.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The private cluster.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The address cannot be read.
    #[error(
        "DATABASE_URL cannot be read; it looks like postgres://user:password@host:5432/database"
    )]
    Url {
        /// Why.
        source: sqlx::Error,
    },
    /// Nobody answers there.
    #[error("cannot connect to {place}")]
    Connect {
        /// Where, without a password.
        place: String,
        /// Why.
        source: sqlx::Error,
    },
    /// Too old.
    #[error("{place} is Postgres {version}, but at least 14 is needed")]
    TooOld {
        /// Where.
        place: String,
        /// Its version.
        version: String,
    },
    /// The schema cannot be brought up to date.
    #[error(
        "the tables in {place} cannot be brought up to date; if a newer version of this program wrote them, use that one"
    )]
    Migrate {
        /// Where.
        place: String,
        /// Why.
        source: MigrateError,
    },
    /// The start was no longer wanted; what it had started is stopped.
    #[error("the start was interrupted")]
    Interrupted,
    /// Anything else.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A Postgres with our tables in it, up to date.
#[derive(Debug)]
pub struct Postgres {
    store: Store,
    private: Option<Private>,
    place: String,
}

/// The cluster, until it is stopped.
type Ward = Arc<Mutex<Option<Cluster>>>;

/// A cluster of our own and the task that looks after it.
#[derive(Debug)]
struct Private {
    cluster: Ward,
    nurse: JoinHandle<()>,
}

impl Postgres {
    /// Connects to `database_url`; without one, starts or adopts the private cluster of the data folder. Brings the
    /// tables up to date.
    ///
    /// # Errors
    /// See [`OpenError`]; each says what to do.
    pub async fn open(database_url: Option<&str>, data_dir: &Path) -> Result<Self, OpenError> {
        Self::open_unless(database_url, data_dir, std::future::pending()).await
    }

    /// As [`Postgres::open`], but given up when `stop` is ready first. Returns only when nothing is left running.
    ///
    /// # Errors
    /// See [`OpenError`]; [`OpenError::Interrupted`] when it was given up.
    pub async fn open_unless(
        database_url: Option<&str>,
        data_dir: &Path,
        stop: impl Future<Output = ()>,
    ) -> Result<Self, OpenError> {
        let interrupt = Interrupt::default();
        let mut opening = Box::pin(Self::open_either(database_url, data_dir, &interrupt));
        tokio::select! {
            opened = &mut opening => return opened,
            () = stop => interrupt.set(),
        }
        // A given Postgres is left as it is. A private one may just be starting on a thread that cannot be dropped.
        if database_url.is_none()
            && let Ok(opened) = opening.await
        {
            opened.stop().await?;
        }
        Err(OpenError::Interrupted)
    }

    async fn open_either(
        database_url: Option<&str>,
        data_dir: &Path,
        interrupt: &Interrupt,
    ) -> Result<Self, OpenError> {
        match database_url {
            Some(url) => {
                let options =
                    PgConnectOptions::from_str(url).map_err(|source| OpenError::Url { source })?;
                let place = format!("the Postgres at {}", address(&options));
                let store = connect(options, &place).await?;
                Ok(Self {
                    store,
                    private: None,
                    place,
                })
            }
            None => Self::open_private(data_dir, interrupt).await,
        }
    }

    async fn open_private(data_dir: &Path, interrupt: &Interrupt) -> Result<Self, OpenError> {
        let (data_dir, interrupt) = (data_dir.to_owned(), interrupt.clone());
        let cluster = blocking(move || Cluster::open_unless(&data_dir, &interrupt)).await?;
        let place = format!("the private cluster in '{}'", cluster.folder().display());
        let options = PgConnectOptions::from_str(&cluster.url())
            .map_err(|source| OpenError::Url { source })?;
        let store = connect(options, &place).await?;
        // Its lock is ours, so whoever held these leases is gone: no need to wait until they run out.
        store.jobs().expire_leases().await?;
        Ok(Self {
            store,
            private: Some(Private::new(cluster)),
            place,
        })
    }

    /// The queries.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// Where it is, in words, without a password.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Closes the connections and stops the private cluster, if it is one. Call it when nothing is served any more.
    ///
    /// # Errors
    /// When the cluster does not stop.
    pub async fn stop(self) -> Result<(), ClusterError> {
        self.store.pool.close().await;
        match self.private {
            Some(private) => private.stop().await,
            None => Ok(()),
        }
    }
}

impl Private {
    fn new(cluster: Cluster) -> Self {
        let cluster = Arc::new(Mutex::new(Some(cluster)));
        let nurse = tokio::spawn(nurse(Arc::clone(&cluster)));
        Self { cluster, nurse }
    }

    async fn stop(self) -> Result<(), ClusterError> {
        self.nurse.abort();
        // That it was aborted is what it says now.
        self.nurse.await.ok();
        blocking(move || match lock(&self.cluster).take() {
            Some(cluster) => cluster.stop(),
            None => Ok(()),
        })
        .await
    }
}

/// Starts a cluster again that ended without being asked to, as the system does to processes when memory is short. One
/// that ends again and again is left alone for longer and longer.
async fn nurse(cluster: Ward) {
    let mut pause = LOOK_EVERY;
    loop {
        tokio::time::sleep(pause).await;
        let cluster = Arc::clone(&cluster);
        match blocking(move || lock(&cluster).as_mut().map_or(Ok(false), Cluster::revive)).await {
            Ok(false) => pause = LOOK_EVERY,
            Ok(true) => {
                tracing::warn!("the private Postgres had ended and was started again");
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            Err(error) => {
                tracing::error!("the private Postgres has ended and does not start: {error}");
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

/// A panic while it was held leaves the cluster as it was.
fn lock(cluster: &Ward) -> MutexGuard<'_, Option<Cluster>> {
    cluster.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs what waits for processes and disks away from the async threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        // Only a panic of `work` leads here, and it goes on.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// A pool of connections that never waits longer than [`PATIENCE`].
pub(crate) fn pool(options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(PATIENCE)
        .connect_lazy_with(options.application_name("marrowscope"))
}

async fn connect(options: PgConnectOptions, place: &str) -> Result<Store, OpenError> {
    let pool = pool(options);
    let place = || place.to_owned();
    let version = sqlx::query!(
        r#"select current_setting('server_version_num')::int as "number!", current_setting('server_version') as "text!""#
    )
    .fetch_one(&pool)
    .await
    .map_err(|source| OpenError::Connect {
        place: place(),
        source,
    })?;
    if version.number < OLDEST {
        return Err(OpenError::TooOld {
            place: place(),
            version: version.text,
        });
    }
    MIGRATIONS
        .run(&pool)
        .await
        .map_err(|source| OpenError::Migrate {
            place: place(),
            source,
        })?;
    tracing::info!(version = version.text, "connected to {}", place());
    Ok(Store { pool })
}

fn address(options: &PgConnectOptions) -> String {
    let host = options.get_socket().map_or_else(
        || options.get_host().to_owned(),
        |socket| socket.display().to_string(),
    );
    let database = options.get_database().unwrap_or(options.get_username());
    format!("{host}:{}/{database}", options.get_port())
}
