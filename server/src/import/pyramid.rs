//! Images without a usable pyramid get one at import: a copy in the data folder, which is the slide from then on.
//!
//! What is shown and analysed is the copy, and so the slide's hash and version are the copy's: whoever has an address of it has
//! these pixels. The copy is named by the hash of the file that it was made of: the same file again is the same slide.

use std::fs::File;
use std::path::Path;

use anyhow::Context;
use domain::geometry::Mpp;
use slide::{Conversion, OpenOptions, SlideError};
use store::Store;
use store::files::{FileError, Files, sha256_of};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{Checked, ImportRequest, check};
use crate::nice::be_nice;
use crate::problem::Problem;

/// Looking at a file may decode it whole: one at a time. Who found an image to be converted keeps this turn while waiting for the
/// other, so that of all images that are imported together at most two are in memory; and a slide, which waits for no
/// conversion, is not held up by one.
static LOOK: Semaphore = Semaphore::const_new(1);
/// Each conversion takes some hundred megabytes and all processors: one at a time.
static CONVERT: Semaphore = Semaphore::const_new(1);

/// A file that may become a slide.
pub(super) struct Taken {
    /// What was found.
    pub checked: Checked,
    /// Where it lies, as it is stored.
    pub place: String,
    /// Where it comes from, one sentence.
    pub source: String,
}

/// Checks a file, and gives it a pyramid when it has no usable one.
pub(super) async fn take(
    store: &Store,
    files: &Files,
    request: &ImportRequest,
) -> Result<Taken, Problem> {
    let (path, mpp) = (request.path.clone(), request.mpp);
    let look = turn(&LOOK).await?;
    // Kept to the end of the work, even when nobody waits for it any more.
    let (found, look) = blocking(move || Ok((find(&path, mpp)?, look))).await?;
    let (conversion, original) = match found {
        Found::Slide(checked) => {
            return Ok(Taken {
                checked,
                place: request.path.to_string_lossy().into_owned(),
                source: "Imported from a file on this machine.".into(),
            });
        }
        Found::NoPyramid(conversion, sha256) => (conversion, sha256),
    };
    let taken = |checked| Taken {
        checked,
        place: name(&original),
        source: format!(
            "Imported from a file on this machine that has no pyramid (SHA-256 {}…); what is shown and analysed is a copy of it \
             with one, in JPEG of quality 90.",
            original.get(..12).unwrap_or(&original)
        ),
    };
    let convert_turn = turn(&CONVERT).await?;
    drop(look);
    if files.contains(&name(&original)) {
        let copy = files
            .path(&name(&original))
            .map_err(|error| Problem::internal(&error))?;
        let made = blocking(move || check(&copy, None)).await;
        if let Ok(checked) = made {
            let is_slide = store.slide_with_hash(&checked.sha256).await?.is_some();
            // Made by an import that was cut off: of use unless something else was said then.
            if is_slide || checked.mpp == conversion.mpp() {
                return Ok(taken(checked));
            }
        }
    }
    let (files, sha256) = (files.clone(), original.clone());
    let checked = blocking(move || {
        let _turn = convert_turn;
        convert(&files, &conversion, &sha256)
    })
    .await?;
    Ok(taken(checked))
}

async fn turn(turns: &'static Semaphore) -> Result<SemaphorePermit<'static>, Problem> {
    let turn = turns.acquire().await;
    turn.map_err(|closed| Problem::internal(&closed))
}

enum Found {
    Slide(Checked),
    /// With the SHA-256 of the file.
    NoPyramid(Box<Conversion>, String),
}

fn find(path: &Path, mpp: Option<f64>) -> anyhow::Result<Found> {
    let options = OpenOptions {
        mpp: mpp.map(Mpp::square),
    };
    let Some(conversion) = Conversion::needed(path, options)? else {
        return Ok(Found::Slide(check(path, mpp)?));
    };
    let file = File::open(path).context("the file cannot be read")?;
    let (sha256, _) = sha256_of(file).context("the file cannot be read")?;
    Ok(Found::NoPyramid(Box::new(conversion), sha256))
}

/// What the copy of a file goes by.
fn name(original_sha256: &str) -> String {
    format!("slides/{original_sha256}.ome.tif")
}

fn convert(files: &Files, conversion: &Conversion, original: &str) -> anyhow::Result<Checked> {
    let (width, height) = conversion.size_px();
    tracing::info!("giving an image of {width}×{height} px a pyramid");
    let description = format!(
        "A copy in JPEG of quality 90, made by Marrowscope, of the file with the SHA-256 {original}."
    );
    let mut tenth = 0;
    let mut progress = |rows: u32| {
        let reached = u64::from(rows) * 10 / u64::from(height.max(1));
        if reached > tenth {
            tenth = reached;
            tracing::info!("{reached}0 % of the pyramid is made");
        }
    };
    // Threads of its own, so that those who look at slides go first.
    let pool = rayon::ThreadPoolBuilder::new()
        .start_handler(|_| be_nice())
        .build()
        .context("no threads to make the pyramid with")?;
    let name = name(original);
    files.put_made(&name, |file| {
        pool.install(|| conversion.write(file, &description, &mut progress))
            .map(drop)
            .map_err(anyhow::Error::from)
    })?;
    check(&files.path(&name)?, None)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|panicked| Problem::internal(&panicked))?
        .map_err(|error| {
            let full = matches!(error.downcast_ref(), Some(SlideError::DiskFull))
                || matches!(error.downcast_ref(), Some(FileError::Full { .. }));
            if full {
                Problem::unusable(
                    "The disk of the data folder is full: the pyramid of this image could not be stored, and nothing of it is \
                     left. Make room and try again.",
                )
            } else {
                Problem::unusable(format!("{error:#}"))
            }
        })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use store::testing::TestDatabase;

    use super::*;

    #[tokio::test]
    async fn images_wait_undecoded_for_a_conversion_and_slides_do_not_wait_for_one() {
        let database = TestDatabase::new().await;
        let folder = tempfile::tempdir().unwrap();
        let files = Files::open(folder.path()).unwrap();
        let image = |name: &str, width| {
            let path = folder.path().join(name);
            image::GrayImage::new(width, 4200).save(&path).unwrap();
            ImportRequest {
                path,
                mpp: Some(0.5),
                patient: None,
                tissue: None,
            }
        };
        let (small, large) = (image("small.png", 300), image("large.png", 4200));
        let import = |request: &ImportRequest| {
            let (store, files, request) =
                (database.store().clone(), files.clone(), request.clone());
            tokio::spawn(async move { take(&store, &files, &request).await.map(|t| t.place) })
        };

        let converting = turn(&CONVERT).await.ok().unwrap();
        import(&small).await.unwrap().ok().unwrap();
        // One may be looked at and wait; what comes after it is not even looked at.
        let waits = import(&large);
        while LOOK.available_permits() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let next = import(&small);
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(!waits.is_finished() && !next.is_finished());
        // Who leaves makes way.
        waits.abort();
        next.await.unwrap().ok().unwrap();
        drop(converting);
    }
}
