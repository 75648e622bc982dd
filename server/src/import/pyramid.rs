//! Images without a usable pyramid get one at import: a copy in the data folder, which is the slide from then on.
//!
//! What is shown and analysed is the copy, and so the slide's hash and version are the copy's: whoever has an address of it has
//! these pixels. The copy is named by the hash of the file that it was made of: the same file again is the same slide.

use std::path::Path;

use anyhow::Context;
use domain::geometry::Mpp;
use slide::{Conversion, Fingerprint, OpenOptions, SlideError};
use store::Store;
use store::files::{FileError, Files};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{Checked, ImportRequest, as_text, check};
use crate::nice::be_nice;
use crate::problem::Problem;
use crate::slide_file;
use crate::turns::too_many;

/// Files that are looked at, wait for that, or wait for a conversion: who imports a folder file by file has one of them. Of those
/// who send all files at once, whoever comes when it is full is told to come again.
const MOST_IN_LINE: usize = 16;
/// Places in that line.
static LINE: Semaphore = Semaphore::const_new(MOST_IN_LINE);
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
    let stored = as_text(&request.path)?;
    let (path, mpp) = (request.path.clone(), request.mpp);
    let place = LINE.try_acquire().map_err(|_| {
        Problem::unavailable(format!(
            "{MOST_IN_LINE} files wait to be imported already, and nothing was done with this one. Try again when some of them are \
             done."
        ))
    })?;
    let look = (place, turn(&LOOK).await?);
    // Kept to the end of the work, even when nobody waits for it any more.
    let (found, look) = blocking(move || Ok((find(&path, mpp)?, look))).await?;
    let (conversion, original) = match found {
        Found::Slide(checked) => {
            return Ok(Taken {
                checked,
                place: stored.to_owned(),
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
        let members = conversion.members().clone();
        let made = blocking(move || {
            members.check()?;
            check(&copy, None)
        })
        .await;
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
    /// With the SHA-256 of the file, which is the one that the conversion reads.
    NoPyramid(Box<Conversion>, String),
}

fn find(path: &Path, mpp: Option<f64>) -> anyhow::Result<Found> {
    let options = OpenOptions {
        mpp: mpp.map(Mpp::square),
    };
    let fingerprint = || -> anyhow::Result<Fingerprint> {
        let metadata = std::fs::metadata(path).context("the file cannot be read")?;
        Ok(Fingerprint::of(&metadata))
    };
    let before = fingerprint()?;
    let Some(conversion) = Conversion::needed(path, options)? else {
        let checked = check(path, mpp)?;
        // What was opened twice is one file.
        if fingerprint()? != before {
            let path = path.to_owned();
            return Err(SlideError::Changed { path }.into());
        }
        return Ok(Found::Slide(checked));
    };
    let members = conversion.members();
    let sha256 = slide_file::sha256(members).map_err(|reason| SlideError::io(path, reason))?;
    members.check()?;
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
            if matches!(error.downcast_ref(), Some(SlideError::Changed { .. })) {
                return Problem::conflict(
                    "The file changed while it was being imported, and nothing of it was kept. Import it again when no program \
                     writes to it any more.",
                );
            }
            if matches!(error.downcast_ref(), Some(SlideError::TooManyOpenFiles)) {
                return too_many();
            }
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
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::time::Duration;

    use axum::http::StatusCode;
    use image::{GrayImage, Luma};
    use store::testing::TestDatabase;
    use tokio::sync::Mutex;
    use tokio::task::JoinHandle;

    use super::*;

    /// All imports of a process stand in one line: the tests that look at it, too.
    static ALONE: Mutex<()> = Mutex::const_new(());

    struct Importer {
        database: TestDatabase,
        folder: tempfile::TempDir,
        files: Files,
    }

    impl Importer {
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            Self {
                database: TestDatabase::new().await,
                files: Files::open(&folder.path().join("data")).unwrap(),
                folder,
            }
        }

        /// An image of one grey, 4200 px high.
        fn image(&self, name: &str, width: u32, grey: u8) -> ImportRequest {
            let path = self.folder.path().join(name);
            let image = GrayImage::from_pixel(width, 4200, Luma([grey]));
            image.save(&path).unwrap();
            ImportRequest {
                path,
                mpp: Some(0.5),
                patient: None,
                tissue: None,
            }
        }

        fn import(&self, request: &ImportRequest) -> JoinHandle<Result<String, Problem>> {
            let (store, files) = (self.database.store().clone(), self.files.clone());
            let request = request.clone();
            tokio::spawn(async move { take(&store, &files, &request).await.map(|t| t.place) })
        }

        /// Files in the data folder, unfinished ones too.
        fn stored(&self) -> usize {
            let data = self.folder.path().join("data/files");
            let in_folder = |name| {
                std::fs::read_dir(data.join(name))
                    .map_or(0, |entries| entries.filter(|entry| entry.is_ok()).count())
            };
            in_folder("slides") + in_folder("incoming")
        }
    }

    #[tokio::test]
    async fn images_wait_undecoded_for_a_conversion_and_slides_do_not_wait_for_one() {
        let _alone = ALONE.lock().await;
        let importer = Importer::new().await;
        let small = importer.image("small.png", 300, 0);
        let large = importer.image("large.png", 4200, 0);

        let converting = turn(&CONVERT).await.ok().unwrap();
        importer.import(&small).await.unwrap().ok().unwrap();
        // One may be looked at and wait; what comes after it is not even looked at.
        let waits = importer.import(&large);
        while LOOK.available_permits() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let next = importer.import(&small);
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(!waits.is_finished() && !next.is_finished());
        // Who leaves makes way.
        waits.abort();
        next.await.unwrap().ok().unwrap();
        drop(converting);
    }

    #[tokio::test]
    async fn who_finds_the_line_full_is_told_to_come_again_and_the_others_are_served() {
        let _alone = ALONE.lock().await;
        let importer = Importer::new().await;
        let small = importer.image("small.png", 300, 0);

        let looking = turn(&LOOK).await.ok().unwrap();
        let waiting: Vec<_> = (0..MOST_IN_LINE).map(|_| importer.import(&small)).collect();
        while LINE.available_permits() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let refused = importer.import(&small).await.unwrap().unwrap_err();
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(refused.detail().contains("Try again"), "{refused:?}");
        assert!(waiting.iter().all(|import| !import.is_finished()));
        drop(looking);
        for import in waiting {
            import.await.unwrap().ok().unwrap();
        }
        importer.import(&small).await.unwrap().ok().unwrap();
        assert_eq!(LINE.available_permits(), MOST_IN_LINE);
    }

    #[tokio::test]
    async fn a_file_that_changes_while_it_waits_for_its_conversion_is_refused_and_leaves_nothing() {
        let _alone = ALONE.lock().await;
        let importer = Importer::new().await;
        let large = importer.image("large.png", 4200, 40);

        let converting = turn(&CONVERT).await.ok().unwrap();
        let waits = importer.import(&large);
        while LOOK.available_permits() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        importer.image("large.png", 4200, 200);
        drop(converting);
        let refused = waits.await.unwrap().unwrap_err();
        assert_eq!(refused.status(), StatusCode::CONFLICT);
        assert!(refused.detail().contains("changed while"), "{refused:?}");
        assert_eq!(importer.stored(), 0);

        importer.import(&large).await.unwrap().ok().unwrap();
        assert_eq!(importer.stored(), 1);
    }

    #[tokio::test]
    async fn a_file_whose_name_is_no_text_is_refused_and_not_taken_for_another() {
        let _alone = ALONE.lock().await;
        let importer = Importer::new().await;
        let mut request = importer.image("scan-\u{FFFD}.png", 300, 0);
        importer.import(&request).await.unwrap().ok().unwrap();
        request
            .path
            .set_file_name(OsStr::from_bytes(b"scan-\xFF.png"));
        let refused = importer.import(&request).await.unwrap().unwrap_err();
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
        assert!(refused.detail().contains("UTF-8"), "{refused:?}");
    }

    #[test]
    fn no_copy_is_kept_of_a_file_that_is_not_the_one_that_was_hashed() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::open(&folder.path().join("data")).unwrap();
        let path = folder.path().join("large.png");
        let save = |grey| {
            let image = GrayImage::from_pixel(4200, 4200, Luma([grey]));
            image.save(&path).unwrap();
        };
        let found = || match find(&path, Some(0.5)).unwrap() {
            Found::NoPyramid(conversion, sha256) => (conversion, sha256),
            Found::Slide(_) => panic!("it has no pyramid"),
        };
        save(40);
        let (conversion, original) = found();
        save(200);
        let error = convert(&files, &conversion, &original).unwrap_err();
        let is_changed = matches!(error.downcast_ref(), Some(SlideError::Changed { .. }));
        assert!(is_changed, "{error:#}");
        assert!(!files.contains(&name(&original)));

        let (conversion, other) = found();
        assert_ne!(other, original);
        convert(&files, &conversion, &other).unwrap();
        assert!(files.contains(&name(&other)));
    }
}
