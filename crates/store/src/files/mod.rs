//! Large things as files under the data folder: put whole, read, deleted, by name or by SHA-256.
//!
//! A file is written beside its place, synced and renamed into it: whoever finds it finds all of it, and a full disk or
//! a kill leaves nothing under its name. All use goes through [`Files`], so that an object store can take its place.

mod bag;

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

pub use bag::{Bag, BagKey, BagWriter};

/// Why a file could not be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// There is no such file.
    #[error("there is no file '{name}' in the data folder")]
    NotFound {
        /// Its name.
        name: String,
    },
    /// No room, or none allowed.
    #[error(
        "the disk of the data folder is full: '{name}' was not written. Make room and try again"
    )]
    Full {
        /// Its name.
        name: String,
        /// Where room is needed.
        folder: PathBuf,
    },
    /// A name that could lead elsewhere.
    #[error("'{name}' is not a file name: letters, digits, '-', '_', '.' and '/' between parts")]
    Name {
        /// The name.
        name: String,
    },
    /// The content is not what the name promises.
    #[error("'{name}' is damaged: {why}")]
    Damaged {
        /// Its name.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// A feature that is not a finite number, or none in 16 bits.
    #[error("feature {feature} of tile {tile} is {value}, which is not finite in 16 bits")]
    NotFinite {
        /// Index of the tile.
        tile: u64,
        /// Index of the feature.
        feature: usize,
        /// What it is.
        value: f32,
    },
    /// Rows that do not fit the bag.
    #[error("'{name}' {why}")]
    Rows {
        /// Name of the bag.
        name: String,
        /// What does not fit.
        why: String,
    },
    /// The file system refused.
    #[error("cannot {what} '{name}'")]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        name: String,
        /// Why it did not work.
        source: io::Error,
    },
}

/// The files of one data folder. Cheap to clone. Everything here blocks: keep it off the async threads.
#[derive(Clone, Debug)]
pub struct Files {
    root: PathBuf,
}

/// A whole file, as it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its name.
    pub name: String,
    /// SHA-256 of its content, 64 hexadecimal digits.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
}

impl Files {
    /// The files under a data folder, which is made when it is not there. What killed writers left is cleared away.
    ///
    /// # Errors
    /// When the folder cannot be made or written to.
    pub fn open(data_dir: &Path) -> Result<Self, FileError> {
        let files = Self {
            root: data_dir.join("files"),
        };
        let incoming = files.incoming();
        fs::create_dir_all(&incoming).map_err(|source| files.fault("make", "files", source))?;
        for entry in fs::read_dir(&incoming).into_iter().flatten().flatten() {
            // Another server on the same folder may be writing: only what nobody has touched for a day is a leftover.
            let age = entry.metadata().and_then(|data| data.modified());
            if age.is_ok_and(|at| at.elapsed().is_ok_and(|age| age.as_secs() > 86_400)) {
                // Best effort: a leftover costs only room.
                fs::remove_file(entry.path()).ok();
            }
        }
        Ok(files)
    }

    /// Stores bytes whole under a name; what was there is replaced.
    ///
    /// # Errors
    /// See [`FileError`]; what was there stays then.
    pub fn put(&self, name: &str, bytes: &[u8]) -> Result<Stored, FileError> {
        self.put_with(name, |file| file.write_all(bytes))
    }

    /// As [`Files::put`], for content that is written piece by piece.
    ///
    /// # Errors
    /// See [`FileError`]; what was there stays then.
    pub fn put_with(
        &self,
        name: &str,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<Stored, FileError> {
        let path = self.path(name)?;
        let (incoming, sha256, bytes) = self.receive(name, write)?;
        self.put_in_place(name, incoming, &path)?;
        Ok(Stored {
            name: name.to_owned(),
            sha256,
            bytes,
        })
    }

    /// As [`Files::put`], for content that has to go back to places written before, such as a header's. `make` is given an empty
    /// file.
    ///
    /// # Errors
    /// Whatever `make` says; see [`FileError`]. What was there stays then.
    pub fn put_made<E: From<FileError>>(
        &self,
        name: &str,
        make: impl FnOnce(&File) -> Result<(), E>,
    ) -> Result<Stored, E> {
        let path = self.path(name)?;
        let fault = |source| self.fault("write", name, source);
        let incoming = tempfile::NamedTempFile::new_in(self.incoming()).map_err(fault)?;
        make(incoming.as_file())?;
        incoming.as_file().sync_all().map_err(fault)?;
        let written = File::open(incoming.path()).map_err(fault)?;
        let (sha256, bytes) = sha256_of(written).map_err(fault)?;
        self.put_in_place(name, incoming, &path)?;
        Ok(Stored {
            name: name.to_owned(),
            sha256,
            bytes,
        })
    }

    /// The content of a file.
    ///
    /// # Errors
    /// When there is none.
    pub fn get(&self, name: &str) -> Result<Vec<u8>, FileError> {
        fs::read(self.path(name)?).map_err(|source| self.fault("read", name, source))
    }

    /// Whether there is such a file.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.path(name).is_ok_and(|path| path.is_file())
    }

    /// Deletes a file; that there is none is fine.
    ///
    /// # Errors
    /// When it cannot be deleted.
    pub fn delete(&self, name: &str) -> Result<(), FileError> {
        match fs::remove_file(self.path(name)?) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(self.fault("delete", name, error))
            }
            _ => Ok(()),
        }
    }

    /// Where a file lies, for libraries that open paths. Never write there.
    ///
    /// # Errors
    /// When it is not a file name.
    pub fn path(&self, name: &str) -> Result<PathBuf, FileError> {
        let part_is_fine = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_alphanumeric())
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        if name.len() <= 200 && name.split('/').all(part_is_fine) && !name.starts_with("incoming/")
        {
            Ok(self.root.join(name))
        } else {
            Err(FileError::Name {
                name: name.chars().take(80).collect(),
            })
        }
    }

    fn incoming(&self) -> PathBuf {
        self.root.join("incoming")
    }

    /// Writes to a file without a name of its own; it vanishes unless it is put in place.
    fn receive(
        &self,
        name: &str,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(tempfile::NamedTempFile, String, u64), FileError> {
        let fault = |source| self.fault("write", name, source);
        let mut file = tempfile::NamedTempFile::new_in(self.incoming()).map_err(fault)?;
        let (sha256, bytes) = {
            let mut hashed = Hashed {
                out: io::BufWriter::with_capacity(1 << 20, file.as_file_mut()),
                hash: Sha256::new(),
                bytes: 0,
            };
            write(&mut hashed).map_err(fault)?;
            hashed.out.flush().map_err(fault)?;
            (hex(&hashed.hash.finalize()), hashed.bytes)
        };
        file.as_file().sync_all().map_err(fault)?;
        Ok((file, sha256, bytes))
    }

    fn put_in_place(
        &self,
        name: &str,
        incoming: tempfile::NamedTempFile,
        path: &Path,
    ) -> Result<(), FileError> {
        let fault = |source| self.fault("write", name, source);
        let folder = path.parent().unwrap_or(&self.root);
        make_folder(folder).map_err(fault)?;
        incoming.persist(path).map_err(|error| fault(error.error))?;
        sync_folder(folder).map_err(fault)
    }

    fn fault(&self, what: &'static str, name: &str, source: io::Error) -> FileError {
        use io::ErrorKind::{FileTooLarge, NotFound, QuotaExceeded, StorageFull};
        let name = name.to_owned();
        match source.kind() {
            NotFound if what == "read" => FileError::NotFound { name },
            StorageFull | QuotaExceeded | FileTooLarge => FileError::Full {
                name,
                folder: self.root.clone(),
            },
            _ => FileError::Io { what, name, source },
        }
    }
}

/// SHA-256 of whatever can be read, with its length.
///
/// # Errors
/// When reading fails.
pub fn sha256_of(mut content: impl Read) -> io::Result<(String, u64)> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut bytes = 0;
    loop {
        let read = content.read(&mut buffer)?;
        if read == 0 {
            return Ok((hex(&hash.finalize()), bytes));
        }
        hash.update(&buffer[..read]);
        bytes += read as u64;
    }
}

/// Writes through and hashes on the way.
struct Hashed<W> {
    out: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let written = self.out.write(piece)?;
        self.hash.update(&piece[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        write!(text, "{byte:02x}").ok();
        text
    })
}

/// Makes a folder so that it is still there after a loss of power.
fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        make_folder(parent)?;
        match fs::create_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => sync_folder(parent)?,
        }
    }
    Ok(())
}

/// A rename is only kept for sure once its folder is written.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
