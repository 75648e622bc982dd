//! Bags: the features of a grid's tiles, `[n_tiles, dim]` in f16, written over hours and resumed after a kill.
//!
//! A header of 64 bytes, then the rows: the magic `MSBAG1`, zeros to byte 8; dim u32; zeros to byte 16; tiles in all
//! u64; rows done u64; the [`BagKey`], 32 bytes. Little-endian. The header's count is written after the rows that it
//! counts are on the disk, so what it counts is there, and what follows may be a torn row and is cut off on resuming.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use half::f16;

use super::{FileError, Files, Stored, sha256_of, sync_folder};

const MAGIC: [u8; 8] = *b"MSBAG1\0\0";
const HEADER_BYTES: u64 = 64;
const SYNC_EVERY: Duration = Duration::from_secs(3);

/// What the features were computed from: SHA-256 over slide, grid and encoder. A part of another key is not resumed.
pub type BagKey = [u8; 32];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    dim: u32,
    tiles: u64,
    done: u64,
    key: BagKey,
}

impl Header {
    fn to_bytes(self) -> [u8; HEADER_BYTES as usize] {
        let mut bytes = [0; HEADER_BYTES as usize];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&self.dim.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.tiles.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.done.to_le_bytes());
        bytes[32..].copy_from_slice(&self.key);
        bytes
    }

    fn from_bytes(bytes: &[u8; HEADER_BYTES as usize]) -> Option<Self> {
        let u64_at = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let header = Self {
            dim: u32::from_le_bytes(bytes[8..12].try_into().ok()?),
            tiles: u64_at(16)?,
            done: u64_at(24)?,
            key: bytes[32..].try_into().ok()?,
        };
        (bytes.starts_with(&MAGIC) && header.dim > 0 && header.done <= header.tiles)
            .then_some(header)
    }

    fn row_bytes(&self) -> u64 {
        u64::from(self.dim) * 2
    }

    /// Where a row begins; none when no file can be that long.
    fn offset(&self, row: u64) -> Option<u64> {
        row.checked_mul(self.row_bytes())?.checked_add(HEADER_BYTES)
    }
}

impl Files {
    /// Begins a bag, or goes on with it where a killed writer stopped. `tiles` rows of `dim` features are expected.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn bag_writer(
        &self,
        name: &str,
        key: BagKey,
        dim: u32,
        tiles: u64,
    ) -> Result<BagWriter, FileError> {
        BagWriter::open(self, name, key, dim, tiles)
    }

    /// Opens a complete bag.
    ///
    /// # Errors
    /// When there is none, or it is damaged.
    pub fn bag(&self, name: &str) -> Result<Bag, FileError> {
        Bag::open(self, name)
    }
}

/// A bag that is being written: `<name>.part` until it is complete.
#[derive(Debug)]
pub struct BagWriter {
    files: Files,
    name: String,
    part: PathBuf,
    file: File,
    header: Header,
    /// Rows in the file; the header follows at every sync.
    rows: u64,
    synced_at: Instant,
    buffer: Vec<u8>,
}

impl BagWriter {
    fn open(
        files: &Files,
        name: &str,
        key: BagKey,
        dim: u32,
        tiles: u64,
    ) -> Result<Self, FileError> {
        let fault = |source| files.fault("write", name, source);
        let mut part = files.path(name)?.into_os_string();
        part.push(".part");
        let part = PathBuf::from(part);
        if let Some(folder) = part.parent() {
            super::make_folder(folder).map_err(fault)?;
        }
        let fresh = Header {
            dim,
            tiles,
            done: 0,
            key,
        };
        // Complete, but its owner was killed before it could note that: nothing is left to do but to finish it again.
        let place = files.path(name)?;
        if !part.exists() && File::open(&place).is_ok_and(|bag| resumable(&bag, fresh).is_some()) {
            fs::rename(&place, &part).map_err(fault)?;
        }
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&part)
            .map_err(fault)?;
        if dim == 0 || fresh.offset(tiles).is_none() {
            return Err(FileError::Rows {
                name: name.to_owned(),
                why: format!("cannot hold {tiles} rows of {dim} features"),
            });
        }
        let header = resumable(&file, fresh).unwrap_or(fresh);
        let mut writer = Self {
            files: files.clone(),
            name: name.to_owned(),
            part,
            file,
            header,
            rows: header.done,
            synced_at: Instant::now(),
            buffer: Vec::new(),
        };
        writer.cut().map_err(fault)?;
        Ok(writer)
    }

    /// Leaves what the header counts and nothing else.
    fn cut(&mut self) -> io::Result<()> {
        let end = self.header.offset(self.rows).unwrap_or(HEADER_BYTES);
        self.file.write_all_at(&self.header.to_bytes(), 0)?;
        self.file.set_len(end)
    }

    /// Rows that are there: where to go on after [`Files::bag_writer`].
    #[must_use]
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// Appends rows, row by row, as f16. Every few seconds they are made safe against a loss of power.
    ///
    /// # Errors
    /// When a feature is not finite in f16 (nothing of these rows is kept then), when there are too many rows or a part
    /// of one, or when the disk is full: what was appended before is kept, and the same rows can be appended again.
    pub fn append(&mut self, features: &[f32]) -> Result<(), FileError> {
        let dim = self.header.dim as usize;
        let rows = (features.len() / dim) as u64;
        if !features.len().is_multiple_of(dim) || rows > self.header.tiles - self.rows {
            return Err(FileError::Rows {
                name: self.name.clone(),
                why: format!(
                    "has room for {} more rows of {dim} features, not for {} numbers",
                    self.header.tiles - self.rows,
                    features.len()
                ),
            });
        }
        self.buffer.clear();
        for (index, &value) in features.iter().enumerate() {
            let stored = f16::from_f32(value);
            if !stored.is_finite() {
                return Err(FileError::NotFinite {
                    tile: self.rows + (index / dim) as u64,
                    feature: index % dim,
                    value,
                });
            }
            self.buffer.extend_from_slice(&stored.to_le_bytes());
        }
        let end = self.header.offset(self.rows).unwrap_or(u64::MAX);
        self.file
            .write_all_at(&self.buffer, end)
            .map_err(|source| self.files.fault("write", &self.name, source))?;
        self.rows += rows;
        if self.synced_at.elapsed() > SYNC_EVERY {
            self.sync()?;
        }
        Ok(())
    }

    /// Makes the rows so far safe against a loss of power.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn sync(&mut self) -> Result<(), FileError> {
        let fault = |source| self.files.fault("write", &self.name, source);
        self.file.sync_data().map_err(fault)?;
        self.header.done = self.rows;
        self.file
            .write_all_at(&self.header.to_bytes(), 0)
            .map_err(fault)?;
        self.file.sync_data().map_err(fault)?;
        self.synced_at = Instant::now();
        Ok(())
    }

    /// Puts the complete bag in its place.
    ///
    /// # Errors
    /// When rows are missing, or the disk refuses.
    pub fn finish(mut self) -> Result<Stored, FileError> {
        if self.rows != self.header.tiles {
            return Err(FileError::Rows {
                name: self.name.clone(),
                why: format!("has {} of {} rows", self.rows, self.header.tiles),
            });
        }
        self.sync()?;
        let fault = |source| self.files.fault("write", &self.name, source);
        self.file.seek(SeekFrom::Start(0)).map_err(fault)?;
        let (sha256, bytes) = sha256_of(&self.file).map_err(fault)?;
        let place = self.files.path(&self.name)?;
        fs::rename(&self.part, &place).map_err(fault)?;
        if let Some(folder) = place.parent() {
            sync_folder(folder).map_err(fault)?;
        }
        Ok(Stored {
            name: self.name,
            sha256,
            bytes,
        })
    }
}

/// The header of a part that belongs to the same work and holds what it says.
fn resumable(file: &File, fresh: Header) -> Option<Header> {
    let mut bytes = [0; HEADER_BYTES as usize];
    file.read_exact_at(&mut bytes, 0).ok()?;
    let header = Header::from_bytes(&bytes)?;
    let same_work = Header { done: 0, ..header } == fresh;
    let length = file.metadata().ok()?.len();
    (same_work && header.offset(header.done)? <= length).then_some(header)
}

/// A complete bag, read in pieces or whole.
#[derive(Debug)]
pub struct Bag {
    name: String,
    file: File,
    header: Header,
}

impl Bag {
    fn open(files: &Files, name: &str) -> Result<Self, FileError> {
        let fault = |source| files.fault("read", name, source);
        let damaged = |why: &str| FileError::Damaged {
            name: name.to_owned(),
            why: why.to_owned(),
        };
        let mut file = File::open(files.path(name)?).map_err(fault)?;
        let mut bytes = [0; HEADER_BYTES as usize];
        file.read_exact(&mut bytes)
            .map_err(|_| damaged("it is shorter than its header"))?;
        let header = Header::from_bytes(&bytes).ok_or_else(|| damaged("it is no bag"))?;
        let length = file.metadata().map_err(fault)?.len();
        if header.done != header.tiles || header.offset(header.tiles) != Some(length) {
            return Err(damaged("its length is not that of its rows"));
        }
        Ok(Self {
            name: name.to_owned(),
            file,
            header,
        })
    }

    /// Number of tiles.
    #[must_use]
    pub const fn tiles(&self) -> u64 {
        self.header.tiles
    }

    /// Number of features of a tile.
    #[must_use]
    pub const fn dim(&self) -> u32 {
        self.header.dim
    }

    /// What it was computed from.
    #[must_use]
    pub const fn key(&self) -> &BagKey {
        &self.header.key
    }

    /// The features of some tiles, `[tiles, dim]`.
    ///
    /// # Errors
    /// When the bag has fewer tiles, or cannot be read.
    pub fn read(&self, tiles: Range<u64>) -> Result<Vec<f16>, FileError> {
        let wrong = || FileError::Rows {
            name: self.name.clone(),
            why: format!("has no tiles {tiles:?}, only {}", self.header.tiles),
        };
        let range = tiles.start <= tiles.end && tiles.end <= self.header.tiles;
        let begin = self.header.offset(tiles.start).filter(|_| range);
        let rows = usize::try_from(tiles.end.saturating_sub(tiles.start)).ok();
        let (Some(begin), Some(rows)) = (begin, rows) else {
            return Err(wrong());
        };
        let mut features = vec![f16::ZERO; rows * self.header.dim as usize];
        self.file
            .read_exact_at(bytemuck::cast_slice_mut(&mut features), begin)
            .map_err(|source| FileError::Io {
                what: "read",
                name: self.name.clone(),
                source,
            })?;
        if cfg!(target_endian = "big") {
            for feature in &mut features {
                *feature = f16::from_bits(feature.to_bits().swap_bytes());
            }
        }
        Ok(features)
    }

    /// All features, `[n_tiles, dim]`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read_all(&self) -> Result<Vec<f16>, FileError> {
        self.read(0..self.header.tiles)
    }
}
