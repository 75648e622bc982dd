//! Whether the files of an open slide are still those that were opened.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::error::SlideError;

/// What tells a file from another, and from itself after a change: length, modification time, inode and device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    bytes: u64,
    modified: (i64, i64),
    inode: (u64, u64),
}

impl Fingerprint {
    /// That of the file that these metadata are of.
    #[must_use]
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            bytes: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            inode: (metadata.dev(), metadata.ino()),
        }
    }

    /// The length, bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// When the file was last modified: Unix time, ns.
    #[must_use]
    pub fn modified_ns(&self) -> i64 {
        let (seconds, ns) = self.modified;
        seconds.saturating_mul(1_000_000_000).saturating_add(ns)
    }
}

/// How far a read may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetch {
    /// Only what the system holds in memory: never waits for a disk, so that an async thread may ask.
    FromMemory,
    /// Waits for the disk. Not for async threads.
    FromDisk,
}

/// An opened file and its fingerprint.
#[derive(Debug)]
pub(crate) struct OpenFile {
    path: PathBuf,
    file: File,
    opened: Fingerprint,
}

impl OpenFile {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        Ok(Self {
            path: path.to_path_buf(),
            opened: Fingerprint::of(&file.metadata()?),
            file,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether so many further files could be opened now, as far as this program's limit goes.
    ///
    /// # Errors
    /// [`SlideError::TooManyOpenFiles`].
    pub(crate) fn check_room(&self, files: usize) -> Result<(), SlideError> {
        let handles = (0..files).map(|_| self.file.try_clone());
        let handles: io::Result<Vec<File>> = handles.collect();
        match handles {
            Ok(_) => Ok(()),
            Err(reason) => Err(SlideError::io(&self.path, reason)),
        }
    }

    /// What it was when it was opened.
    pub(crate) fn opened(&self) -> Fingerprint {
        self.opened
    }

    /// So many bytes from an offset on; `None` when a disk would have to be waited for and must not.
    ///
    /// # Errors
    /// [`SlideError::Changed`] when the file was written to since it was opened; else what the system says.
    pub(crate) fn read(
        &self,
        offset: u64,
        length: usize,
        fetch: Fetch,
    ) -> Result<Option<Vec<u8>>, SlideError> {
        let mut bytes = vec![0; length];
        let read = match fetch {
            Fetch::FromMemory if !read_from_memory(&self.file, &mut bytes, offset) => {
                return Ok(None);
            }
            Fetch::FromMemory => Ok(()),
            Fetch::FromDisk => self.file.read_exact_at(&mut bytes, offset),
        };
        // After the read: what was read before a change is of the file as it was opened. What takes the file's place under its
        // name leaves the open one alone, and is noticed by `check`.
        let error = |reason| SlideError::io(&self.path, reason);
        let now = Fingerprint::of(&self.file.metadata().map_err(error)?);
        if now != self.opened {
            return Err(SlideError::Changed {
                path: self.path.clone(),
            });
        }
        read.map_err(|reason| SlideError::from_reading(&self.path, reason))?;
        Ok(Some(bytes))
    }

    /// Whether the file under this name is still the one that was opened.
    pub(crate) fn check(&self) -> Result<(), SlideError> {
        check(&self.path, self.opened)
    }
}

/// Whether the file of a name is still the one that a fingerprint was taken of.
pub(crate) fn check(path: &Path, opened: Fingerprint) -> Result<(), SlideError> {
    let metadata = std::fs::metadata(path).map_err(|reason| SlideError::io(path, reason))?;
    if Fingerprint::of(&metadata) == opened {
        Ok(())
    } else {
        Err(SlideError::Changed {
            path: path.to_path_buf(),
        })
    }
}

/// Fills `bytes` from an offset on if all of them are in the page cache.
#[cfg(target_os = "linux")]
fn read_from_memory(file: &File, bytes: &mut [u8], offset: u64) -> bool {
    let length = bytes.len();
    let into = &mut [io::IoSliceMut::new(bytes)];
    rustix::io::preadv2(file, into, offset, rustix::io::ReadWriteFlags::NOWAIT)
        .is_ok_and(|read| read == length)
}

#[cfg(not(target_os = "linux"))]
fn read_from_memory(_file: &File, _bytes: &mut [u8], _offset: u64) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_memory_is_read_without_waiting_and_a_change_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, b"0123456789").unwrap();
        let open = OpenFile::open(&path).unwrap();
        let read = |fetch| open.read(2, 3, fetch);
        assert_eq!(read(Fetch::FromDisk).unwrap().unwrap(), b"234");
        // Not every file system can tell; those that cannot say "not in memory".
        if let Some(bytes) = read(Fetch::FromMemory).unwrap() {
            assert_eq!(bytes, b"234");
        }
        assert!(open.read(8, 3, Fetch::FromMemory).unwrap().is_none());
        assert!(matches!(
            open.read(8, 3, Fetch::FromDisk),
            Err(SlideError::Damaged { .. })
        ));
        open.check().unwrap();

        std::fs::write(folder.path().join("other"), b"0123456789").unwrap();
        std::fs::rename(folder.path().join("other"), &path).unwrap();
        assert!(matches!(open.check(), Err(SlideError::Changed { .. })));
        assert_eq!(read(Fetch::FromDisk).unwrap().unwrap(), b"234");
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(open.check(), Err(SlideError::Io { .. })));
    }

    #[test]
    fn nothing_is_read_of_a_file_that_was_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, b"0123456789").unwrap();
        let open = OpenFile::open(&path).unwrap();
        // A time of its own, since two writes may share a tick of the clock.
        let file = File::options().write(true).open(&path).unwrap();
        file.write_all_at(b"x", 3).unwrap();
        file.set_modified(std::time::SystemTime::UNIX_EPOCH)
            .unwrap();
        let read = open.read(2, 3, Fetch::FromDisk);
        assert!(matches!(read, Err(SlideError::Changed { .. })));
        file.set_len(1).unwrap();
        let read = open.read(2, 3, Fetch::FromDisk);
        assert!(matches!(read, Err(SlideError::Changed { .. })));
    }
}
