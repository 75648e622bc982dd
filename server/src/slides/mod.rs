//! Slides opened once and their pyramid tiles: a bounded registry, a byte-bounded cache in which each tile is made by one
//! request only, and decoding off the async threads with a bounded queue.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use moka::future::Cache;
use moka::policy::EvictionPolicy;
use slide::{PyramidTile, Slide};
use store::Store;
use store::files::Files;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::problem::Problem;
use crate::slide_file::{self, OpenError};

/// Bytes that the open slides may hold together: a flat image is held decoded, a tiled one brings its caches.
const OPEN_BYTES: u64 = 256 << 20;
/// Bytes of encoded pyramid tiles and thumbnails kept at most.
const CACHE_BYTES: u64 = 48 << 20;
/// How long a request may wait for its turn to decode before it is told to come again.
const PATIENCE: Duration = Duration::from_secs(8);
/// Long side of a thumbnail, px.
const THUMBNAIL_PX: u32 = 512;

/// What a picture shows, of a slide by code and version.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Picture {
    Tile {
        slide: String,
        level: u32,
        column: u32,
        row: u32,
    },
    Thumbnail {
        slide: String,
    },
}

/// A picture ready to be sent.
#[derive(Clone)]
pub struct Encoded {
    /// The file.
    pub bytes: Bytes,
    /// Its media type.
    pub media_type: &'static str,
}

/// The open slides of a server.
#[derive(Clone)]
pub struct Slides {
    store: Store,
    files: Files,
    open: Cache<String, Arc<Slide>>,
    pictures: Cache<Picture, Encoded>,
    decoders: Arc<Semaphore>,
}

impl Slides {
    /// An empty registry over the slides that the store knows.
    pub fn new(store: Store, files: Files) -> Self {
        let decoders = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            store,
            files,
            open: registry(OPEN_BYTES),
            pictures: Cache::builder()
                .max_capacity(CACHE_BYTES)
                .weigher(|_, picture: &Encoded| {
                    u32::try_from(picture.bytes.len()).unwrap_or(u32::MAX)
                })
                .build(),
            decoders: Arc::new(Semaphore::new(decoders)),
        }
    }

    /// The slide of a code and version, opened if it is not open yet. A version other than the slide's is not found: its
    /// pixels are not here.
    pub async fn get(&self, code: &str, version: &str) -> Result<Arc<Slide>, Problem> {
        self.open
            .try_get_with(name(code, version), self.open_slide(code, version))
            .await
            .map_err(|problem: Arc<Problem>| (*problem).clone())
    }

    async fn open_slide(&self, code: &str, version: &str) -> Result<Arc<Slide>, Problem> {
        let file = self.store.slide_file(code).await?;
        if file.version != version {
            return Err(Problem::not_found(format!(
                "Slide {code} has no version {version}."
            )));
        }
        // Opening a flat image decodes it.
        let _permit = self.turn().await?;
        slide_file::open(&self.store, &self.files, &file)
            .await
            .map(Arc::new)
            .map_err(|error| not_opened(code, error))
    }

    /// One pyramid tile, as it is stored where that can be shown, else encoded once.
    pub async fn tile(
        &self,
        code: &str,
        version: &str,
        level: u32,
        column: u32,
        row: u32,
    ) -> Result<Encoded, Problem> {
        let key = Picture::Tile {
            slide: name(code, version),
            level,
            column,
            row,
        };
        self.picture(key, self.get(code, version), move |slide| {
            let tile = slide.pyramid_tile(level as usize, column, row)?;
            Ok(Encoded {
                bytes: tile.bytes.into(),
                media_type: PyramidTile::MEDIA_TYPE,
            })
        })
        .await
    }

    /// A JPEG of the whole slide, 512 px on its long side.
    pub async fn thumbnail(&self, code: &str, version: &str) -> Result<Encoded, Problem> {
        let slide = name(code, version);
        // A list of slides is no reason to keep them all open.
        let opened = async {
            match self.open.get(&slide).await {
                Some(slide) => Ok(slide),
                None => self.open_slide(code, version).await,
            }
        };
        let key = Picture::Thumbnail {
            slide: slide.clone(),
        };
        self.picture(key, opened, |slide| {
            let image = slide.thumbnail(THUMBNAIL_PX)?;
            let mut jpeg = Vec::new();
            image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 85)
                .encode_image(&image)
                .map_err(|error| Problem::internal(&error))?;
            Ok(Encoded {
                bytes: jpeg.into(),
                media_type: "image/jpeg",
            })
        })
        .await
    }

    /// Waits for a turn to decode, as many at once as there are processors.
    async fn turn(&self) -> Result<OwnedSemaphorePermit, Problem> {
        tokio::time::timeout(PATIENCE, self.decoders.clone().acquire_owned())
            .await
            .map_err(|_| {
                Problem::unavailable("Too many tiles are asked for at once. Try again in a moment.")
            })?
            .map_err(|closed| Problem::internal(&closed))
    }

    async fn picture(
        &self,
        key: Picture,
        slide: impl Future<Output = Result<Arc<Slide>, Problem>>,
        make: impl FnOnce(&Slide) -> Result<Encoded, Problem> + Send + 'static,
    ) -> Result<Encoded, Problem> {
        self.pictures
            .try_get_with(key, async {
                let slide = slide.await?;
                let permit = self.turn().await?;
                tokio::task::spawn_blocking(move || {
                    let _permit = permit;
                    make(&slide)
                })
                .await
                .map_err(|panicked| Problem::internal(&panicked))?
            })
            .await
            .map_err(|problem: Arc<Problem>| (*problem).clone())
    }
}

/// What a slide's pictures go by.
fn name(code: &str, version: &str) -> String {
    format!("{code}/{version}")
}

/// Open slides by code and version, at most so many bytes of them, each until nobody has asked for it for five minutes. What
/// is asked for now is kept, in place of what was asked for longest ago: opening a slide anew for each of its tiles would
/// be worse than any other choice. A slide that exceeds the bound alone is kept alone.
fn registry(most_bytes: u64) -> Cache<String, Arc<Slide>> {
    // A weight is 32 bits wide; in KiB that suffices for any slide.
    let most = most_bytes >> 10;
    Cache::builder()
        .max_capacity(most)
        .eviction_policy(EvictionPolicy::lru())
        .weigher(move |_, slide: &Arc<Slide>| {
            u32::try_from((slide.resident_bytes() >> 10).min(most)).unwrap_or(u32::MAX)
        })
        .time_to_idle(Duration::from_secs(300))
        .build()
}

fn not_opened(code: &str, error: OpenError) -> Problem {
    if error.is_of_the_file() {
        tracing::warn!(slide = code, %error, "slide {code} could not be opened");
    }
    match error {
        OpenError::Changed => Problem::conflict(
            "The file of this slide has changed since it was imported: import it again.",
        ),
        OpenError::Unread(_) | OpenError::Slide(_) => Problem::unusable(
            "The file of this slide cannot be read any more. Was it moved since it was imported?",
        ),
        OpenError::Store(error) => error.into(),
        OpenError::Broken(error) => Problem::internal(&error),
    }
}

#[cfg(test)]
mod tests {
    use domain::geometry::Mpp;
    use slide::OpenOptions;

    use super::*;

    #[tokio::test]
    async fn open_slides_are_bounded_by_what_they_hold() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image.png");
        image::RgbImage::new(500, 400).save(&path).unwrap();
        let mpp = Some(Mpp::square(0.5));
        let open = registry(2_000_000);
        for number in 0..10 {
            let slide = Arc::new(Slide::open(&path, OpenOptions { mpp }).unwrap());
            assert_eq!(slide.resident_bytes(), 600_000);
            open.insert(number.to_string(), slide).await;
            open.run_pending_tasks().await;
            assert!(open.entry_count() <= 3);
        }
        assert_eq!(open.entry_count(), 3);
        // The last one is among them, and one that exceeds the bound alone stays, too.
        assert!(open.get("9").await.is_some());
        let small = registry(100_000);
        let slide = Arc::new(Slide::open(&path, OpenOptions { mpp }).unwrap());
        small.insert("large".to_owned(), slide).await;
        small.run_pending_tasks().await;
        assert!(small.get("large").await.is_some());
    }
}
