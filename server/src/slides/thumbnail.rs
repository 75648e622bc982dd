//! Thumbnails: lists ask for many, of slides that nobody may want to look at.

use std::sync::Arc;

use slide::{Slide, SlideError};

use super::Slides;
use super::opening::name;
use super::picture::{Drawn, How, Kept, Picture, Served, Shows, Unmade, changed};
use crate::problem::Problem;
use crate::turns::too_many;

/// Long side of a thumbnail, px.
const THUMBNAIL_PX: u32 = 512;
/// How often a slide is opened for its thumbnail before the client is told to come again.
const ATTEMPTS: usize = 3;

impl Slides {
    /// A JPEG of the whole slide, 512 px on its long side. One that is kept is sent without opening the slide, as long as its
    /// files are those that it was drawn from.
    pub async fn thumbnail(&self, code: &str, version: &str) -> Result<Served, Problem> {
        let key = Picture {
            slide: name(code, version),
            shows: Shows::Thumbnail,
        };
        let kept = self.thumbnail_kept(&key).await?;
        self.0.metrics.looked_up(kept.is_some());
        if let Some(served) = kept {
            return Ok(served);
        }
        let work = {
            let (slides, key) = (self.clone(), key.clone());
            let (code, version) = (code.to_owned(), version.to_owned());
            async move { slides.thumbnail_of(key, &code, &version).await }
        };
        self.once(&key, work).await.map_err(changed)
    }

    /// What is kept of files that are still the same. What was drawn from others is thrown away.
    async fn thumbnail_kept(&self, key: &Picture) -> Result<Option<Served>, Problem> {
        let Some(Kept { bytes, drawn_from }) = self.0.pictures.get(key) else {
            return Ok(None);
        };
        let checked = tokio::task::spawn_blocking(move || {
            drawn_from.is_some_and(|members| members.check().is_ok())
        });
        let is_same = checked
            .await
            .map_err(|panicked| Problem::internal(&panicked))?;
        if is_same {
            let how = How::Cached;
            return Ok(Some(Served { bytes, how }));
        }
        self.0.pictures.invalidate(key);
        Ok(None)
    }

    /// Opens a slide, draws its thumbnail, and lets go of it unless somebody looks at it. It is opened, and hashed if need be,
    /// before its turn to be drawn comes, and is not held while it waits for that: the thumbnails of a long list would keep
    /// all its slides in memory.
    async fn thumbnail_of(&self, key: Picture, code: &str, version: &str) -> Drawn {
        let mut unmade = Unmade::Problem(too_many());
        for _ in 0..ATTEMPTS {
            drop(self.get(&key.slide, code, version).await?);
            let turn = self.0.decoders.take(&key.slide).await?;
            let Some(opened) = self.0.registry.get(&key.slide) else {
                // Others took its room meanwhile.
                continue;
            };
            let drawing = Arc::clone(&self.0).drawn(Arc::clone(&opened), key.clone(), turn, draw);
            match drawing.await {
                // Opened anew it is hashed: that finds out whether only the times of its files have changed.
                Err(Unmade::Changed) => self.let_go(&opened),
                drawn => return drawn,
            }
            unmade = Unmade::Changed;
        }
        Err(unmade)
    }
}

pub(super) fn draw(slide: &Slide) -> Result<Vec<u8>, SlideError> {
    let image = slide.thumbnail(THUMBNAIL_PX)?;
    let mut jpeg = Vec::new();
    // Smaller than a tile of the same quality would be: lists show many.
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 85)
        .encode_image(&image)
        .map_err(|error| SlideError::InvalidRegion {
            reason: error.to_string(),
        })?;
    Ok(jpeg)
}
