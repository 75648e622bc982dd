//! The file of a slide, opened only while it is the one that was imported.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use slide::{Fingerprint, OpenOptions, Slide, SlideError};
use store::files::{Files, sha256_of};
use store::{SlideFile, Store, StoreError};

/// Why the file of a slide was not opened. The words are shown: they name no file.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// What was computed from the slide, and what browsers keep of it, is of other pixels.
    #[error("the file of this slide has changed since it was imported: import it again")]
    Changed,
    /// The operating system refused.
    #[error("the file of this slide cannot be read: {0}")]
    Unread(io::Error),
    /// It is no slide any more.
    #[error(transparent)]
    Slide(SlideError),
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A fault of the program.
    #[error("opening the file of this slide broke off: {0}")]
    Broken(anyhow::Error),
}

impl From<SlideError> for OpenError {
    fn from(error: SlideError) -> Self {
        match error {
            SlideError::Changed { .. } => Self::Changed,
            error => Self::Slide(error),
        }
    }
}

impl OpenError {
    /// Whether it is the file's fault, so that trying again mends nothing.
    pub fn is_of_the_file(&self) -> bool {
        matches!(self, Self::Changed | Self::Unread(_) | Self::Slide(_))
    }
}

/// Opens a slide off the async threads, at the resolution that the store keeps.
///
/// A file of another length has changed. One with another modification time is hashed: copied files have one too, so the
/// hash decides, and a new time that was found harmless is stored, so that this is done once.
pub async fn open(store: &Store, files: &Files, imported: &SlideFile) -> Result<Slide, OpenError> {
    let path = crate::import::path_of(files, &imported.path).map_err(OpenError::Broken)?;
    let expected = imported.clone();
    let (slide, modified_ns) =
        tokio::task::spawn_blocking(move || open_unchanged(&path, &expected))
            .await
            .map_err(|panicked| OpenError::Broken(panicked.into()))??;
    if imported.modified_ns != Some(modified_ns) {
        store
            .set_slide_file(imported.id, &imported.path, modified_ns)
            .await?;
    }
    Ok(slide)
}

/// When a file was last modified: Unix time, ns.
pub fn modified_ns(file: &File) -> io::Result<i64> {
    let metadata = file.metadata()?;
    let seconds = metadata.mtime().saturating_mul(1_000_000_000);
    Ok(seconds.saturating_add(metadata.mtime_nsec()))
}

/// The slide, and when its file was last modified.
fn open_unchanged(path: &Path, imported: &SlideFile) -> Result<(Slide, i64), OpenError> {
    let file = File::open(path).map_err(OpenError::Unread)?;
    let modified_ns = modified_ns(&file).map_err(OpenError::Unread)?;
    let metadata = file.metadata().map_err(OpenError::Unread)?;
    if metadata.len() != imported.bytes {
        return Err(OpenError::Changed);
    }
    if imported.modified_ns != Some(modified_ns) {
        let (sha256, _) = sha256_of(file).map_err(OpenError::Unread)?;
        if sha256 != imported.sha256 {
            return Err(OpenError::Changed);
        }
    }
    let mpp = Some(imported.mpp);
    let slide = Slide::open(path, OpenOptions { mpp })?;
    // What was opened is what was just found right, and nothing was put in its place meanwhile.
    if slide.fingerprint() != Fingerprint::of(&metadata) {
        return Err(OpenError::Changed);
    }
    slide.check_files()?;
    Ok((slide, modified_ns))
}
