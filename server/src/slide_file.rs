//! The files of a slide, opened only while they are those that were imported.

use std::fmt::Write as _;
use std::fs::File;
use std::io;
use std::path::PathBuf;

use sha2::{Digest, Sha256};
use slide::{Members, OpenOptions, Slide, SlideError};
use store::files::{Files, sha256_of};
use store::{SlideFile, Store, StoreError};

/// Why the file of a slide was not opened. The words are shown: they name no file.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// What was computed from the slide, and what browsers keep of it, is of other pixels.
    #[error("the file of this slide has changed since it was imported: import it again")]
    Changed {
        /// The files, if they had to be hashed to find it out.
        hashed: Option<Members>,
    },
    /// The operating system refused.
    #[error("the file of this slide cannot be read: {0}")]
    Unread(io::Error),
    /// The program has as many files open as it may.
    #[error("too many files are open at once: try again in a moment")]
    TooManyOpenFiles,
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
            SlideError::Changed { .. } => Self::Changed { hashed: None },
            SlideError::Io { reason, .. } => Self::Unread(reason),
            SlideError::TooManyOpenFiles => Self::TooManyOpenFiles,
            error => Self::Slide(error),
        }
    }
}

impl OpenError {
    /// Whether it is the file's fault, so that trying again mends nothing.
    pub fn is_of_the_file(&self) -> bool {
        matches!(
            self,
            Self::Changed { .. } | Self::Unread(_) | Self::Slide(_)
        )
    }
}

/// The files of a slide, as long as those that were imported.
///
/// Files of another length have changed. Those with another modification time are hashed: copied files have one too, so the
/// hash decides, and a new time that was found harmless is stored, so that this is done once.
pub struct Found {
    path: PathBuf,
    members: Members,
    modified_ns: i64,
    imported: SlideFile,
}

impl Found {
    /// Lists them. Blocks, but not for long.
    pub fn list(files: &Files, imported: SlideFile) -> Result<Self, OpenError> {
        let path = crate::import::path_of(files, &imported.path).map_err(OpenError::Broken)?;
        let members = Members::of(&path, &imported.format)?;
        if members.bytes() != imported.bytes {
            return Err(OpenError::Changed { hashed: None });
        }
        Ok(Self {
            path,
            modified_ns: modified_ns(&members),
            members,
            imported,
        })
    }

    /// Whether only their hash can tell if they are those that were imported.
    pub fn is_to_be_hashed(&self) -> bool {
        self.imported.modified_ns != Some(self.modified_ns)
    }

    /// Whether they are these, unchanged.
    pub fn are(&self, members: &Members) -> bool {
        self.members.files() == members.files()
    }

    /// Hashes them. Blocks; takes as long as reading them.
    pub fn hash(&self) -> Result<(), OpenError> {
        let found = sha256(&self.members).map_err(|reason| SlideError::io(&self.path, reason))?;
        // What was hashed is what was listed.
        self.members.check()?;
        if found == self.imported.sha256 {
            Ok(())
        } else {
            let hashed = Some(self.members.clone());
            Err(OpenError::Changed { hashed })
        }
    }

    /// Stores their time, which was found harmless.
    pub async fn remember(&self, store: &Store) -> Result<(), StoreError> {
        let (id, path) = (self.imported.id, &self.imported.path);
        store.set_slide_time(id, path, self.modified_ns).await
    }

    /// Opens the slide, at the resolution that the store keeps. Blocks.
    pub fn open(self) -> Result<Slide, OpenError> {
        let mpp = Some(self.imported.mpp);
        let slide = Slide::open_listed(&self.path, self.members, OpenOptions { mpp })?;
        slide.check_files()?;
        Ok(slide)
    }
}

/// Opens a slide off the async threads, for who works on it alone.
pub async fn open(store: &Store, files: &Files, imported: &SlideFile) -> Result<Slide, OpenError> {
    let (files, imported) = (files.clone(), imported.clone());
    let found = off_thread(move || {
        let found = Found::list(&files, imported)?;
        if found.is_to_be_hashed() {
            found.hash()?;
        }
        Ok(found)
    })
    .await?;
    if found.is_to_be_hashed() {
        found.remember(store).await?;
    }
    off_thread(|| found.open()).await
}

/// Does what blocks off the async threads. What has begun is done, whether or not anybody waits for it.
pub async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, OpenError> + Send + 'static,
) -> Result<T, OpenError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|panicked| OpenError::Broken(panicked.into()))?
}

/// What a slide goes by: the SHA-256 of its file, in hexadecimal digits. Of several files, that of all of theirs. Blocks; takes as
/// long as reading them.
pub fn sha256(members: &Members) -> io::Result<String> {
    let hashed = members.files().iter().map(|file| {
        let (sha256, _) = sha256_of(File::open(&file.path)?)?;
        Ok(sha256)
    });
    let mut hashes = hashed.collect::<io::Result<Vec<_>>>()?;
    if let [only] = &mut *hashes {
        return Ok(std::mem::take(only));
    }
    if !members.have_names() {
        // In the order of their names a copy under other names would be another slide.
        hashes.sort();
    }
    let (sha256, _) = sha256_of(hashes.join("\n").as_bytes())?;
    Ok(sha256)
}

/// When a slide's file was last modified: Unix time, ns. Of several files it is no time but a number that stands for all of their
/// times and lengths, because one that is put back may be older than another.
pub fn modified_ns(members: &Members) -> i64 {
    if let [only] = members.files() {
        return only.fingerprint.modified_ns();
    }
    let mut all = String::new();
    for file in members.files() {
        let (bytes, time) = (file.fingerprint.bytes(), file.fingerprint.modified_ns());
        // Writing to a string cannot fail.
        let _ = writeln!(all, "{bytes} {time}");
    }
    let digest: [u8; 32] = Sha256::digest(all).into();
    let [a, b, c, d, e, f, g, h, ..] = digest;
    i64::from_le_bytes([a, b, c, d, e, f, g, h])
}
