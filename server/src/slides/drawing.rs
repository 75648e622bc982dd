//! Pictures of an open slide: stored bytes, or drawn in turn, once for all that wait, and kept.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use slide::{Fetch, Slide, SlideError, StoredTile};

use super::picture::{Asked, Drawn, How, Kept, Picture, Served, Shows, Unmade};
use super::{Inner, Opened, Slides, thumbnail};
use crate::deepzoom::DeepZoom;
use crate::problem::Problem;
use crate::turns::Turn;

impl Slides {
    /// What shows something of an open slide.
    pub(super) async fn made(&self, opened: &Arc<Opened>, shows: Shows) -> Result<Served, Unmade> {
        match shows {
            Shows::Tile(asked) => self.tile_of(opened, asked).await,
            Shows::Thumbnail => self.picture(opened, shows, thumbnail::draw).await,
            Shows::Stains => self.picture(opened, shows, stains).await,
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

    /// A picture that is kept, or is drawn for all that wait for it. A place in line that nobody waits for any more is given up;
    /// what has begun is drawn on.
    pub(super) async fn picture(
        &self,
        opened: &Arc<Opened>,
        shows: Shows,
        draw: impl FnOnce(&Slide) -> Result<Vec<u8>, SlideError> + Send + 'static,
    ) -> Result<Served, Unmade> {
        let key = Picture {
            slide: Arc::clone(&opened.name),
            shows,
        };
        let kept = self.0.pictures.get(&key);
        self.0.metrics.looked_up(kept.is_some());
        if let Some(Kept { bytes, .. }) = kept {
            let how = How::Cached;
            return Ok(Served { bytes, how });
        }
        let work = {
            let (inner, opened, key) = (Arc::clone(&self.0), Arc::clone(opened), key.clone());
            async move {
                let turn = inner.decoders.take(&opened.name).await?;
                inner.drawn(opened, key, turn, draw).await
            }
        };
        self.once(&key, work).await
    }

    /// What is drawn once for all that wait for it.
    pub(super) async fn once(
        &self,
        key: &Picture,
        work: impl Future<Output = Drawn> + Send + 'static,
    ) -> Result<Served, Unmade> {
        let done = || Some(Ok((self.0.pictures.get(key)?.bytes, Duration::ZERO)));
        let (bytes, took) = self.0.drawing.join(key, done, work).await?;
        let how = How::Decoded(took);
        Ok(Served { bytes, how })
    }
}

impl Inner {
    /// Draws off the async threads. The turn is held until that is done, whether or not anybody waits for it.
    pub(super) async fn drawn(
        self: Arc<Self>,
        opened: Arc<Opened>,
        key: Picture,
        turn: Turn,
        draw: impl FnOnce(&Slide) -> Result<Vec<u8>, SlideError> + Send + 'static,
    ) -> Drawn {
        self.drawing.go_on(&key);
        let drawing = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            self.draw(&opened, key, draw)
        });
        drawing
            .await
            .map_err(|panicked| Problem::internal(&panicked))?
    }

    /// Blocks. What was drawn is kept, whether or not anybody still waits for it.
    fn draw(
        &self,
        opened: &Arc<Opened>,
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
        let is_thumbnail = key.shows == Shows::Thumbnail;
        let drawn_from = is_thumbnail.then(|| Arc::new(opened.slide.members().clone()));
        let kept = Kept {
            bytes: bytes.clone(),
            drawn_from,
        };
        self.pictures.insert(key, kept);
        if is_thumbnail && !opened.is_looked_at() {
            self.registry.let_go(opened);
        }
        self.registry.trim();
        Ok((bytes, started.elapsed()))
    }
}

fn stains(slide: &Slide) -> Result<Vec<u8>, SlideError> {
    let estimate = slide.stain_estimate()?;
    serde_json::to_vec(&estimate).map_err(|error| SlideError::InvalidRegion {
        reason: error.to_string(),
    })
}
