//! A database of its own for every test, on one throw-away cluster that all tests of a run share.
//!
//! The first test process starts the cluster; others, at the same time or soon after, use it. Each process holds a
//! shared lock for as long as it lives, however it ends; a watcher takes the exclusive lock when nobody has held it for
//! a few seconds, stops the cluster and removes it.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use cluster::{Cluster, Throwaway};
use sha2::{Digest, Sha256};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};

use crate::Store;
use crate::files::hex;
use crate::postgres::{MIGRATIONS, pool};

type Anyhow = Box<dyn std::error::Error + Send + Sync>;

/// The cluster that the tests of a run share.
#[derive(Debug)]
pub struct TestCluster {
    url: String,
    template: String,
    /// Held until the process ends.
    _in_use: File,
}

/// An empty database with the tables in it, removed when it is dropped.
#[derive(Debug)]
pub struct TestDatabase {
    store: Store,
    options: PgConnectOptions,
    server: PgConnectOptions,
    name: String,
}

impl TestCluster {
    /// The cluster of this run, started by whoever comes first.
    ///
    /// # Panics
    /// When it cannot be had: a test cannot go on without.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<TestCluster> = OnceLock::new();
        #[expect(
            clippy::panic,
            reason = "only tests come here, and they end when they have no database"
        )]
        SHARED.get_or_init(|| {
            // Away from the runtime of the test, which may have one thread only.
            std::thread::spawn(Self::find_or_start)
                .join()
                .unwrap_or_else(|_| panic!("the test cluster could not be started"))
                .unwrap_or_else(|error| panic!("no test cluster: {error}"))
        })
    }

    /// A new database, made from a template, in some 30 ms.
    ///
    /// # Panics
    /// When it cannot be had.
    pub async fn database(&self) -> TestDatabase {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{}_{number}", std::process::id());
        #[expect(
            clippy::panic,
            reason = "only tests come here, and they end when they have no database"
        )]
        self.make(name)
            .await
            .unwrap_or_else(|error| panic!("no test database: {error}"))
    }

    async fn make(&self, name: String) -> Result<TestDatabase, Anyhow> {
        let server = PgConnectOptions::from_str(&self.url)?;
        let mut connection = server.connect().await?;
        // A process of the same number may have died here before.
        execute(
            &mut connection,
            format!("drop database if exists {name} with (force)"),
        )
        .await?;
        execute(
            &mut connection,
            format!("create database {name} template {}", self.template),
        )
        .await?;
        connection.close().await?;
        let options = server.clone().database(&name);
        Ok(TestDatabase {
            store: Store {
                pool: pool(options.clone()),
            },
            options,
            server,
            name,
        })
    }

    fn find_or_start() -> Result<Self, Anyhow> {
        let account = rustix::process::geteuid().as_raw();
        let place = std::env::temp_dir().join(format!("marrowscope-tests-{account}"));
        fs::create_dir_all(&place)?;
        let in_use = lock_file(&place.join("in-use"))?;
        // Waits while a watcher clears up.
        in_use.lock_shared()?;
        let one_at_a_time = lock_file(&place.join("start"))?;
        one_at_a_time.lock()?;
        let folder = place.join("cluster");
        let url = match Cluster::find_running(&folder) {
            Some(url) => url,
            None => start(&place, &folder)?,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let template = runtime.block_on(template(&url))?;
        Ok(Self {
            url,
            template,
            _in_use: in_use,
        })
    }
}

impl TestDatabase {
    /// A database of its own.
    ///
    /// # Panics
    /// When it cannot be had.
    pub async fn new() -> Self {
        TestCluster::shared().database().await
    }

    /// The queries.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// Its address, as `DATABASE_URL` takes it.
    #[must_use]
    pub fn url(&self) -> String {
        self.options.to_url_lossy().to_string()
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        let dropped = std::thread::spawn(move || -> Result<(), Anyhow> {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async {
                let mut connection = server.connect().await?;
                execute(
                    &mut connection,
                    format!("drop database {name} with (force)"),
                )
                .await?;
                Ok(connection.close().await?)
            })
        });
        if !matches!(dropped.join(), Ok(Ok(()))) {
            tracing::debug!("database {} stays until the test cluster goes", self.name);
        }
    }
}

async fn execute(connection: &mut PgConnection, statement: String) -> Result<(), sqlx::Error> {
    // Only names that are made here stand in it.
    sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(connection)
        .await?;
    Ok(())
}

fn lock_file(path: &Path) -> std::io::Result<File> {
    File::options().create(true).append(true).open(path)
}

/// Starts the cluster and its watcher; both outlive this process.
fn start(place: &Path, folder: &PathBuf) -> Result<String, Anyhow> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    let cluster = Throwaway::open(folder)?;
    let url = cluster.url();
    let pid = cluster.pid().to_string();
    Command::new("sh")
        .arg("-c")
        .arg(
            // Nobody in two looks, five seconds apart: the next test program may be about to start.
            r#"exec 9>>"$1/in-use"
            while sleep 5; do
                flock -n -x 9 || continue
                flock -u 9; sleep 5
                flock -n -x 9 || continue
                kill -INT "$2"
                while kill -0 "$2" 2>/dev/null && [ -e "$1/cluster/postgres/cluster/postmaster.pid" ]; do sleep 0.1; done
                rm -rf "$1/cluster" "$3"
                exit
            done"#,
        )
        .arg("sh")
        .args([place.as_os_str(), pid.as_ref(), cluster.socket_folder().as_os_str()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()?;
    cluster.leave_running();
    Ok(url)
}

/// The database that the others are copied from; a new one when the migrations have changed.
async fn template(url: &str) -> Result<String, Anyhow> {
    let mut hash = Sha256::new();
    for migration in MIGRATIONS.iter() {
        hash.update(migration.checksum.as_ref());
    }
    let name = format!("template_{}", hex(&hash.finalize()[..6]));
    let server = PgConnectOptions::from_str(url)?;
    let mut connection = server.connect().await?;
    let there = sqlx::query_scalar!(
        "select datname::text from pg_database where datname = $1::text::name",
        name
    )
    .fetch_optional(&mut connection)
    .await?
    .is_some();
    if !there {
        execute(
            &mut connection,
            "drop database if exists template_new with (force)".to_owned(),
        )
        .await?;
        execute(&mut connection, "create database template_new".to_owned()).await?;
        let mut new = server.clone().database("template_new").connect().await?;
        MIGRATIONS.run(&mut new).await?;
        new.close().await?;
        execute(
            &mut connection,
            format!("alter database template_new rename to {name}"),
        )
        .await?;
    }
    connection.close().await?;
    Ok(name)
}
