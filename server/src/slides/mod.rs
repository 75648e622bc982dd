//! Slides opened once and their pictures. Stored tiles go out as they lie in the file, past every line and cache; what has to
//! be decoded is made by one request for all that wait for it, in its turn, and kept in a byte-bounded cache.

mod flights;
mod picture;
mod registry;
#[cfg(test)]
mod tests;
mod turns;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::geometry::Pyramid;
use domain::ids::Code;
use slide::{Fetch, Fingerprint, Slide, SlideError, StoredTile};
use store::files::Files;
use store::{SlideFile, Store};

use self::flights::Flights;
pub use self::picture::{Asked, How, Served};
use self::picture::{Drawn, Picture, Shows, Unmade, changed};
pub use self::registry::Opened;
use self::registry::Registry;
pub use self::turns::Load;
use self::turns::{Bounds, Turns};
use crate::deepzoom::DeepZoom;
use crate::import::path_of;
use crate::metrics::Metrics;
use crate::problem::Problem;
use crate::slide_file::{self, OpenError};

/// Long side of a thumbnail, px.
const THUMBNAIL_PX: u32 = 512;
/// Reads that wait for a disk at once. They do not compute, so they have turns of their own.
const READS_AT_ONCE: usize = 16;
/// Requests that wait in line.
const WAITING: usize = 512;
/// Requests that wait in line for one slide: more than eight browsers ask for at once, over six connections each.
const WAITING_PER_SLIDE: usize = 64;
/// How long a request may wait for its turn before it is told to come again.
const PATIENCE: Duration = Duration::from_secs(8);
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
    /// Files that were hashed and found changed: the hash is not taken again until they change again.
    found_changed: moka::sync::Cache<Arc<str>, Fingerprint>,
    memory: Memory,
    pictures: moka::sync::Cache<Picture, Bytes>,
    drawing: Flights<Picture, Drawn>,
    decoders: Turns,
    readers: Turns,
}

impl Slides {
    /// An empty registry over the slides that the store knows.
    pub fn new(store: Store, files: Files, memory: Memory, metrics: Arc<Metrics>) -> Self {
        let turns = |at_once| {
            Turns::new(Bounds {
                at_once,
                waiting: WAITING,
                waiting_per_slide: WAITING_PER_SLIDE,
                patience: PATIENCE,
            })
        };
        Self(Arc::new(Inner {
            store,
            files,
            metrics,
            registry: Registry::new(memory.slides),
            opening: Flights::new(),
            versions: moka::sync::Cache::builder()
                .max_capacity(10_000)
                .time_to_live(VERSION_TRUSTED)
                .build(),
            found_changed: moka::sync::Cache::new(10_000),
            memory,
            pictures: moka::sync::Cache::builder()
                .max_capacity(memory.pictures)
                .weigher(|_, bytes: &Bytes| u32::try_from(bytes.len()).unwrap_or(u32::MAX))
                .support_invalidation_closures()
                .build(),
            drawing: Flights::new(),
            decoders: turns(std::thread::available_parallelism().map_or(2, usize::from)),
            readers: turns(READS_AT_ONCE),
        }))
    }

    /// One tile. When the slide's files turn out to have changed it is opened anew, once: that finds out whether only their
    /// times have.
    pub async fn tile(&self, code: &str, version: &str, asked: Asked) -> Result<Served, Problem> {
        let opened = self.get(code, version).await?;
        match self.tile_of(&opened, asked).await {
            Err(Unmade::Changed) => {
                self.let_go(&opened);
                let opened = self.get(code, version).await?;
                self.tile_of(&opened, asked).await.map_err(changed)
            }
            other => other.map_err(changed),
        }
    }

    /// A JPEG of the whole slide, 512 px on its long side.
    pub async fn thumbnail(&self, code: &str, version: &str) -> Result<Served, Problem> {
        let key = Picture {
            slide: name(code, version),
            shows: Shows::Thumbnail,
        };
        if let Some(bytes) = self.kept(&key) {
            return Ok(bytes);
        }
        // A list of slides is no reason to keep them all open.
        let opened = match self.0.registry.get(&key.slide) {
            Some(_) => self.get(code, version).await?,
            None => self.0.open(&key.slide, code, version).await?,
        };
        self.picture(&opened, Shows::Thumbnail, |slide| {
            let image = slide.thumbnail(THUMBNAIL_PX)?;
            let mut jpeg = Vec::new();
            // Smaller than a tile of the same quality would be: lists show many.
            image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 85)
                .encode_image(&image)
                .map_err(|error| SlideError::InvalidRegion {
                    reason: error.to_string(),
                })?;
            Ok(jpeg)
        })
        .await
        .map_err(changed)
    }

    /// The stain vectors of a slide as JSON: a [`domain::stain::StainEstimate`]. Opened anew as for [`Self::tile`].
    pub async fn stains(&self, code: &str, version: &str) -> Result<Served, Problem> {
        let opened = self.get(code, version).await?;
        match self.stains_of(&opened).await {
            Err(Unmade::Changed) => {
                self.let_go(&opened);
                let opened = self.get(code, version).await?;
                self.stains_of(&opened).await.map_err(changed)
            }
            other => other.map_err(changed),
        }
    }

    async fn stains_of(&self, opened: &Arc<Opened>) -> Result<Served, Unmade> {
        self.picture(opened, Shows::Stains, |slide| {
            let estimate = slide.stain_estimate()?;
            serde_json::to_vec(&estimate).map_err(|error| SlideError::InvalidRegion {
                reason: error.to_string(),
            })
        })
        .await
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

    /// How busy decoding is, and reading from the disk.
    pub fn load(&self) -> (Load, Load) {
        (self.0.decoders.load(), self.0.readers.load())
    }

    /// The slide of a code and version, opened if it is not open yet, and found unchanged a second ago at most.
    async fn get(&self, code: &str, version: &str) -> Result<Arc<Opened>, Problem> {
        let name = name(code, version);
        if let Some(opened) = self.0.registry.get(&name) {
            if !self.0.registry.is_due(&opened) {
                return Ok(opened);
            }
            let asked = Arc::clone(&opened);
            let same = tokio::task::spawn_blocking(move || asked.slide.check_files()).await;
            if same
                .map_err(|panicked| Problem::internal(&panicked))?
                .is_ok()
            {
                return Ok(opened);
            }
            self.let_go(&opened);
        }
        let work = {
            let (inner, name) = (Arc::clone(&self.0), Arc::clone(&name));
            let (code, version) = (code.to_owned(), version.to_owned());
            async move {
                let opened = inner.open(&name, &code, &version).await?;
                inner.registry.keep(Arc::clone(&opened));
                Ok(opened)
            }
        };
        let open = || self.0.registry.get(&name).map(Ok);
        let flight = self.0.opening.join(&name, open, work);
        flight.await
    }

    /// Lets go of a slide that is not what it was, and of all that was made of it.
    fn let_go(&self, opened: &Arc<Opened>) {
        tracing::info!(slide = %opened.name, "the file of slide {} has changed", opened.name);
        self.0.registry.let_go(opened);
        let name = Arc::clone(&opened.name);
        let of_slide = move |picture: &Picture, _: &Bytes| picture.slide == name;
        if let Err(error) = self.0.pictures.invalidate_entries_if(of_slide) {
            tracing::error!(%error, "pictures of a changed slide stay in the cache");
        }
    }

    async fn tile_of(&self, opened: &Arc<Opened>, asked: Asked) -> Result<Served, Unmade> {
        let place = match asked {
            Asked::Tile(level, column, row) => {
                return self.pyramid_tile(opened, level, column, row).await;
            }
            Asked::DeepZoom(place) => place,
        };
        let Some(tile) = DeepZoom::of(opened.slide.pyramid()).tile(place) else {
            return Err(Problem::not_found("The slide has no such DeepZoom tile.").into());
        };
        let (column, row) = (place.column, place.row);
        match tile.level {
            Some(level) if tile.is_whole => self.pyramid_tile(opened, level, column, row).await,
            // The stored tile is padded, and DeepZoom's is not.
            Some(level) => {
                self.picture(opened, Shows::Tile(asked), move |slide| {
                    slide::encode_jpeg(&slide.tile_pixels(level as usize, column, row)?)
                })
                .await
            }
            None => {
                self.picture(opened, Shows::Tile(asked), move |slide| {
                    slide::encode_jpeg(&slide.region(tile.rect, tile.size_px)?)
                })
                .await
            }
        }
    }

    /// A pyramid tile, as it is stored where that can be shown, else encoded once.
    async fn pyramid_tile(
        &self,
        opened: &Arc<Opened>,
        level: u32,
        column: u32,
        row: u32,
    ) -> Result<Served, Unmade> {
        let started = Instant::now();
        let at = level as usize;
        let mut stored = opened
            .slide
            .stored_tile(at, column, row, Fetch::FromMemory)?;
        if stored == StoredTile::OnDisk {
            let turn = self.0.readers.take(&opened.name).await?;
            let opened = Arc::clone(opened);
            let read = tokio::task::spawn_blocking(move || {
                let _turn = turn;
                opened.slide.stored_tile(at, column, row, Fetch::FromDisk)
            });
            stored = read
                .await
                .map_err(|panicked| Problem::internal(&panicked))??;
        }
        if let StoredTile::Jpeg(bytes) = stored {
            let how = How::PassedThrough(started.elapsed());
            let bytes = bytes.into();
            return Ok(Served { bytes, how });
        }
        let shows = Shows::Tile(Asked::Tile(level, column, row));
        self.picture(opened, shows, move |slide| {
            slide.drawn_tile(at, column, row)
        })
        .await
    }

    /// What is kept of pictures.
    fn kept(&self, key: &Picture) -> Option<Served> {
        let bytes = self.0.pictures.get(key);
        self.0.metrics.looked_up(bytes.is_some());
        bytes.map(|bytes| Served {
            bytes,
            how: How::Cached,
        })
    }

    /// A picture that is kept, or is drawn for all that wait for it. It is drawn on when its client has gone, as long as
    /// another waits; a place in line that nobody waits for any more is given up.
    async fn picture(
        &self,
        opened: &Arc<Opened>,
        shows: Shows,
        draw: impl FnOnce(&Slide) -> Result<Vec<u8>, SlideError> + Send + 'static,
    ) -> Result<Served, Unmade> {
        let key = Picture {
            slide: Arc::clone(&opened.name),
            shows,
        };
        if let Some(served) = self.kept(&key) {
            return Ok(served);
        }
        let work = {
            let (inner, opened, key) = (Arc::clone(&self.0), Arc::clone(opened), key.clone());
            async move {
                let turn = inner.decoders.take(&opened.name).await?;
                let drawing = tokio::task::spawn_blocking(move || {
                    let _turn = turn;
                    inner.draw(&opened, key, draw)
                });
                drawing
                    .await
                    .map_err(|panicked| Problem::internal(&panicked))?
            }
        };
        let done = || {
            let bytes = self.0.pictures.get(&key)?;
            Some(Ok((bytes, Duration::ZERO)))
        };
        let flight = self.0.drawing.join(&key, done, work);
        let (bytes, took) = flight.await?;
        let how = How::Decoded(took);
        Ok(Served { bytes, how })
    }
}

impl Inner {
    /// What the store knows of a slide's file.
    async fn file_of(&self, code: &str, version: &str) -> Result<SlideFile, Problem> {
        let file = self.store.slide_file(code).await?;
        if file.version == version {
            Ok(file)
        } else {
            // Its pixels are not here.
            Err(Problem::not_found(format!(
                "Slide {code} has no such version."
            )))
        }
    }

    async fn open(
        &self,
        name: &Arc<str>,
        code: &str,
        version: &str,
    ) -> Result<Arc<Opened>, Problem> {
        let file = self.file_of(code, version).await?;
        // Opening a flat image decodes it; anything else is read only.
        let turns = match file.format.as_str() {
            "png" | "jpeg" => &self.decoders,
            _ => &self.readers,
        };
        let _turn = turns.take(name).await?;
        let path = path_of(&self.files, &file.path).map_err(|error| Problem::internal(&error))?;
        let found = tokio::fs::metadata(path).await.ok();
        let found = found.map(|metadata| Fingerprint::of(&metadata));
        if found.is_some() && self.found_changed.get(name) == found {
            return Err(changed(Unmade::Changed));
        }
        let slide = match slide_file::open(&self.store, &self.files, &file).await {
            Ok(slide) => slide,
            Err(error) => {
                if let (OpenError::Changed, Some(found)) = (&error, found) {
                    self.found_changed.insert(Arc::clone(name), found);
                }
                return Err(not_opened(code, error));
            }
        };
        Ok(self.registry.opened(Arc::clone(name), slide))
    }

    /// Blocks. What was drawn is kept, whether or not anybody still waits for it.
    fn draw(
        &self,
        opened: &Opened,
        key: Picture,
        draw: impl FnOnce(&Slide) -> Result<Vec<u8>, SlideError>,
    ) -> Drawn {
        let started = Instant::now();
        let drawn = draw(&opened.slide);
        // Before what went wrong is told: if the file has changed, that is why. What was drawn before a change is right.
        if opened.slide.check_files().is_err() {
            return Err(Unmade::Changed);
        }
        let bytes = Bytes::from(drawn?);
        self.pictures.insert(key, bytes.clone());
        self.registry.trim();
        Ok((bytes, started.elapsed()))
    }
}

/// What a slide's pictures go by.
fn name(code: &str, version: &str) -> Arc<str> {
    format!("{code}/{version}").into()
}

fn not_opened(code: &str, error: OpenError) -> Problem {
    if error.is_of_the_file() {
        tracing::warn!(slide = code, %error, "slide {code} could not be opened");
    }
    match error {
        OpenError::Changed => changed(Unmade::Changed),
        OpenError::Unread(_) | OpenError::Slide(_) => Problem::unusable(
            "The file of this slide cannot be read any more. Was it moved since it was imported?",
        ),
        OpenError::Store(error) => error.into(),
        OpenError::Broken(error) => Problem::internal(&error),
    }
}
