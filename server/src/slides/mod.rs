//! Slides opened once and their pictures. Stored tiles go out as they lie in the file, past every line and cache; what has to
//! be decoded is made by one request for all that wait for it, in its turn, and kept in a byte-bounded cache.

mod drawing;
mod flights;
mod opening;
mod picture;
mod registry;
#[cfg(test)]
mod tests;
mod thumbnail;

use std::sync::Arc;
use std::time::Duration;

use domain::geometry::Pyramid;
use domain::ids::Code;
use slide::Members;
use store::Store;
use store::files::Files;

use self::flights::Flights;
use self::opening::name;
pub use self::picture::{Asked, How, Served};
use self::picture::{Drawn, Kept, Picture, Shows, Unmade, changed};
pub use self::registry::Opened;
use self::registry::{Registry, most_open};
use crate::metrics::Metrics;
use crate::problem::Problem;
use crate::turns::{Bounds, Load, Turns};

/// Reads that wait for a disk at once. They do not compute, so they have turns of their own.
const READS_AT_ONCE: usize = 16;
/// Slides that are hashed at once. That takes a disk and a processor for as long as reading all of their files: with the turns
/// of others, few such slides would hold up all that is read.
const HASHES_AT_ONCE: usize = 2;
/// How long a slide waits to be hashed: longer than several others take. Whoever gave up and came again would stand at the end of
/// the line, behind those who came later.
const HASH_PATIENCE: Duration = Duration::from_secs(600);
/// How long the version of a code is remembered for addresses that do not name it.
const VERSION_TRUSTED: Duration = Duration::from_secs(1);

/// How much memory slides may take.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Bytes that the open slides may hold together.
    pub slides: u64,
    /// Bytes of encoded pictures kept.
    pub pictures: u64,
}

/// The open slides of a server.
#[derive(Clone)]
pub struct Slides(Arc<Inner>);

struct Inner {
    store: Store,
    files: Files,
    metrics: Arc<Metrics>,
    registry: Registry,
    opening: Flights<Arc<str>, Result<Arc<Opened>, Problem>>,
    versions: moka::sync::Cache<Code, Arc<str>>,
    /// Files that were hashed and found changed: the hash is not taken again until they change again, or the slide is imported
    /// from another place.
    found_changed: moka::sync::Cache<Arc<str>, Arc<Members>>,
    memory: Memory,
    pictures: moka::sync::Cache<Picture, Kept>,
    drawing: Flights<Picture, Drawn>,
    decoders: Turns,
    readers: Turns,
    hashers: Turns,
}

impl Slides {
    /// An empty registry over the slides that the store knows.
    pub fn new(store: Store, files: Files, memory: Memory, metrics: Arc<Metrics>) -> Self {
        let processors = std::thread::available_parallelism().map_or(2, usize::from);
        Self(Arc::new(Inner {
            store,
            files,
            metrics,
            registry: Registry::new(memory.slides, most_open()),
            opening: Flights::new(),
            versions: moka::sync::Cache::builder()
                .max_capacity(10_000)
                .time_to_live(VERSION_TRUSTED)
                .build(),
            found_changed: moka::sync::Cache::new(10_000),
            memory,
            pictures: moka::sync::Cache::builder()
                .max_capacity(memory.pictures)
                .weigher(|_, kept: &Kept| u32::try_from(kept.bytes.len()).unwrap_or(u32::MAX))
                .support_invalidation_closures()
                .build(),
            drawing: Flights::new(),
            decoders: Turns::new(Bounds::of(processors)),
            readers: Turns::new(Bounds::of(READS_AT_ONCE)),
            hashers: Turns::new(Bounds {
                patience: HASH_PATIENCE,
                ..Bounds::of(HASHES_AT_ONCE)
            }),
        }))
    }

    /// One tile.
    pub async fn tile(&self, code: &str, version: &str, asked: Asked) -> Result<Served, Problem> {
        self.shown(code, version, Shows::Tile(asked)).await
    }

    /// The stain vectors of a slide as JSON: a [`domain::stain::StainEstimate`].
    pub async fn stains(&self, code: &str, version: &str) -> Result<Served, Problem> {
        self.shown(code, version, Shows::Stains).await
    }

    /// What shows something of a slide that somebody looks at. When the slide's files turn out to have changed it is opened anew,
    /// once: that finds out whether only their times have.
    async fn shown(&self, code: &str, version: &str, shows: Shows) -> Result<Served, Problem> {
        let name = name(code, version);
        let opened = self.get(&name, code, version).await?;
        opened.look_at();
        match self.made(&opened, shows).await {
            Err(Unmade::Changed) => {
                self.let_go(&opened);
                let opened = self.get(&name, code, version).await?;
                opened.look_at();
                self.made(&opened, shows).await.map_err(changed)
            }
            other => other.map_err(changed),
        }
    }

    /// The levels of a slide, without opening it. A version other than the slide's is not found.
    pub async fn pyramid(&self, code: &str, version: &str) -> Result<Pyramid, Problem> {
        match self.0.registry.get(&name(code, version)) {
            Some(opened) => Ok(opened.slide.pyramid().clone()),
            None => Ok(self.0.file_of(code, version).await?.pyramid),
        }
    }

    /// The version of a slide, at most a second old.
    pub async fn version(&self, code: &Code) -> Result<Arc<str>, Problem> {
        if let Some(version) = self.0.versions.get(code) {
            return Ok(version);
        }
        let file = self.0.store.slide_file(code.as_str()).await?;
        let version: Arc<str> = file.version.into();
        self.0.versions.insert(code.clone(), Arc::clone(&version));
        Ok(version)
    }

    /// How many slides are open, the bytes that they hold, and the most that they may.
    pub fn open(&self) -> (usize, u64, u64) {
        let (open, bytes) = self.0.registry.size();
        (open, bytes, self.0.registry.most_bytes())
    }

    /// The bytes of pictures kept, and the most that may be.
    pub fn kept_bytes(&self) -> (u64, u64) {
        self.0.pictures.run_pending_tasks();
        (self.0.pictures.weighted_size(), self.0.memory.pictures)
    }

    /// How busy decoding is, reading from the disk, and hashing.
    pub fn load(&self) -> [Load; 3] {
        let Inner {
            decoders,
            readers,
            hashers,
            ..
        } = &*self.0;
        [decoders, readers, hashers].map(Turns::load)
    }
}
