//! Slides opened once and their pyramid tiles: a bounded registry, a byte-bounded cache in which each tile is made by one
//! request only, and decoding off the async threads with a bounded queue.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use moka::future::Cache;
use slide::{PyramidTile, Slide};
use store::Store;
use store::files::Files;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::problem::Problem;
use crate::slide_file::{self, OpenError};

/// Bytes that the open slides may hold together: a flat image is held decoded, a tiled one brings its caches.
const OPEN_BYTES: u64 = 512 << 20;
/// Bytes of encoded pyramid tiles and thumbnails kept at most.
const CACHE_BYTES: u64 = 48 << 20;
/// How long a request may wait for its turn to decode before it is told to come again.
const PATIENCE: Duration = Duration::from_secs(8);
/// Long side of a thumbnail, px.
const THUMBNAIL_PX: u32 = 512;

#[derive(Clone, PartialEq, Eq, Hash)]
enum Picture {
    Tile {
        version: String,
        level: u32,
        column: u32,
        row: u32,
    },
    Thumbnail {
        version: String,
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
            .try_get_with(format!("{code}/{version}"), async {
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
            })
            .await
            .map_err(|problem: Arc<Problem>| (*problem).clone())
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
            version: version.to_owned(),
            level,
            column,
            row,
        };
        self.picture(key, code, version, move |slide| {
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
        let key = Picture::Thumbnail {
            version: version.to_owned(),
        };
        self.picture(key, code, version, |slide| {
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
        code: &str,
        version: &str,
        make: impl FnOnce(&Slide) -> Result<Encoded, Problem> + Send + 'static,
    ) -> Result<Encoded, Problem> {
        let slide = self.get(code, version).await?;
        self.pictures
            .try_get_with(key, async {
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

/// Open slides by code and version, at most so many bytes of them, each until nobody has asked for it for ten minutes.
fn registry(most_bytes: u64) -> Cache<String, Arc<Slide>> {
    // A weight is 32 bits wide; in KiB that suffices for any slide.
    Cache::builder()
        .max_capacity(most_bytes >> 10)
        .weigher(|_, slide: &Arc<Slide>| {
            u32::try_from(slide.resident_bytes() >> 10).unwrap_or(u32::MAX)
        })
        .time_to_idle(Duration::from_secs(600))
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
    }
}
