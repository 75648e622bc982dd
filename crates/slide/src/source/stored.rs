//! Stored tiles: where they lie, as far as they were asked for, and their bytes.
//!
//! wsi-rs finds a tile's place anew at every request, and for many TIFFs reads the start of the tile to do so. A place that
//! was found once is kept here, so that a tile that the system holds in memory is one lookup and one read.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, RwLock};

use wsi_rs::{ByteRange, EncodedCodec, EncodedUnit, StoredFraming, WsiError};

use crate::error::SlideError;
use crate::files::{Fetch, Fingerprint, OpenFile};
use crate::jpeg::{self, ColourModel};

/// Open files kept per slide; most formats have one.
const MAX_OPEN_FILES: usize = 16;
/// Files that the reader may want at once to learn what it reads. One that cannot be opened it takes for a file of another kind.
const READER_FILES: usize = 8;
/// Places kept per slide: 4 MB. When there are more, all are found anew.
const MAX_PLACES: usize = 1 << 16;
/// What a place takes in memory, bytes.
const PLACE_BYTES: u64 = 64;
/// Ways of encoding kept per slide; usually one per level.
const MAX_KINDS: usize = 64;

/// Level (among the stored ones), column, row.
pub(super) type TileId = (u32, u32, u32);

/// What is known of a tile.
#[derive(Clone)]
enum Place {
    /// One range of a file.
    At { kind: Arc<Kind>, range: ByteRange },
    /// Nothing that can be sent as it is.
    ToDraw,
}

/// What the tiles of a level share.
struct Kind {
    path: Arc<Path>,
    /// Of the file when the first of them was found.
    file: Fingerprint,
    codec: EncodedCodec,
    framing: StoredFraming,
    size: (u32, u32),
    model: ColourModel,
}

/// A stored tile, as far as it was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredTile {
    /// A JPEG that every browser reads alike, never decoded.
    Jpeg(Vec<u8>),
    /// The disk would have to be waited for: ask again with [`Fetch::FromDisk`].
    OnDisk,
    /// Has to be decoded, because it is not stored so, or because browsers might read it differently.
    ToDraw,
}

/// The stored tiles of a slide.
pub(super) struct StoredTiles {
    files: RwLock<Vec<Arc<OpenFile>>>,
    places: RwLock<HashMap<TileId, Place>>,
    kinds: RwLock<Vec<Arc<Kind>>>,
}

/// More than this no stored tile takes: what it would take as pixels, twice, and its tables and comments.
const MOST_BYTES_PER_PX: u64 = 6;
const MOST_TABLE_BYTES: u64 = 1 << 20;
/// More than this no tables take that a TIFF states once for all its tiles: there are four of one kind and eight of another, and
/// all of them have 3 KB. They go out with every tile.
const MOST_SHARED_TABLE_BYTES: u64 = 64 << 10;

impl StoredTiles {
    /// Opens the slide's own file, where the reader can open those that it needs, too.
    pub(super) fn of(path: &Path) -> Result<Self, SlideError> {
        let file = OpenFile::open(path).map_err(|reason| SlideError::io(path, reason))?;
        file.check_room(READER_FILES)?;
        Ok(Self {
            files: RwLock::new(vec![Arc::new(file)]),
            places: RwLock::default(),
            kinds: RwLock::default(),
        })
    }

    /// Bytes that the places take, and what the tiles of a level share.
    pub(super) fn resident_bytes(&self) -> u64 {
        let places = self.places.read().unwrap_or_else(|e| e.into_inner());
        let kinds = self.kinds.read().unwrap_or_else(|e| e.into_inner());
        let tables = kinds.iter().map(|kind| shared_table_bytes(&kind.codec));
        places.capacity() as u64 * PLACE_BYTES + tables.sum::<u64>()
    }

    /// Whether the files that tiles were found in are still those that were opened.
    pub(super) fn check_files(&self) -> Result<(), SlideError> {
        let files = self.files.read().unwrap_or_else(|e| e.into_inner()).clone();
        files.iter().try_for_each(|file| file.check())
    }

    /// A tile whose place is known already. `OnDisk` when it is not.
    pub(super) fn known(&self, tile: TileId, fetch: Fetch) -> Result<StoredTile, Failure> {
        let place = {
            let places = self.places.read().unwrap_or_else(|e| e.into_inner());
            places.get(&tile).cloned()
        };
        match place {
            Some(Place::At { kind, range }) => {
                let (path, codec) = (Arc::clone(&kind.path), kind.codec.clone());
                let unit = EncodedUnit::builder(path, codec, kind.size.0, kind.size.1)
                    .segment(range)
                    .framing(kind.framing)
                    .build(kind.file.bytes())?;
                let Some(file) = self.file(&kind.path, fetch)? else {
                    return Ok(StoredTile::OnDisk);
                };
                // It may have been closed and opened again since.
                if file.opened() != kind.file {
                    let path = kind.path.to_path_buf();
                    return Err(SlideError::Changed { path }.into());
                }
                self.fetched(tile, &file, &unit, kind.model, fetch)
            }
            Some(Place::ToDraw) => Ok(StoredTile::ToDraw),
            None => Ok(StoredTile::OnDisk),
        }
    }

    /// A tile that is one stored unit of the tile's size. Waits for the disk.
    pub(super) fn found(
        &self,
        tile: TileId,
        unit: &EncodedUnit,
        model: ColourModel,
    ) -> Result<StoredTile, Failure> {
        if shared_table_bytes(unit.codec()) > MOST_SHARED_TABLE_BYTES {
            // A tile of a hundred bytes would be sent as megabytes.
            return Ok(self.to_draw(tile));
        }
        let Some(file) = self.file(unit.path(), Fetch::FromDisk)? else {
            return Ok(StoredTile::OnDisk);
        };
        let simple = matches!(
            unit.framing(),
            StoredFraming::Standalone | StoredFraming::JpegTables
        );
        if let ([range], true) = (unit.segments(), simple)
            && let Some(kind) = self.kind(&file, unit, model)
        {
            self.keep(
                tile,
                Place::At {
                    kind,
                    range: *range,
                },
            );
        }
        self.fetched(tile, &file, unit, model, Fetch::FromDisk)
    }

    /// Keeps in mind that a tile has to be decoded.
    pub(super) fn to_draw(&self, tile: TileId) -> StoredTile {
        self.keep(tile, Place::ToDraw);
        StoredTile::ToDraw
    }

    fn fetched(
        &self,
        tile: TileId,
        file: &OpenFile,
        unit: &EncodedUnit,
        model: ColourModel,
        fetch: Fetch,
    ) -> Result<StoredTile, Failure> {
        let (width, height) = unit.stored_size();
        let bytes: u64 = unit.segments().iter().map(|segment| segment.length).sum();
        if bytes > MOST_BYTES_PER_PX * u64::from(width) * u64::from(height) + MOST_TABLE_BYTES {
            // No tile takes this much: the decoder may say what is wrong with it, within its own bounds.
            return Ok(self.to_draw(tile));
        }
        let mut parts = Vec::with_capacity(unit.segments().len());
        for segment in unit.segments() {
            // wsi-rs has checked the range against the size of the file.
            let length = usize::try_from(segment.length).unwrap_or(usize::MAX);
            match file.read(segment.offset, length, fetch)? {
                Some(bytes) => parts.push(bytes),
                None => return Ok(StoredTile::OnDisk),
            }
        }
        let jpeg = match (&parts[..], unit.framing()) {
            // What most slides are made of: the reader would copy it twice before we do.
            ([stream], StoredFraming::Standalone | StoredFraming::JpegTables) => {
                let tables = unit.codec().jpeg_tables();
                jpeg::with_stated_colour(stream, tables, model, width, height)
            }
            _ => match unit.assemble(parts.iter().map(Vec::as_slice)) {
                Ok(stream) => jpeg::with_stated_colour(&stream, None, model, width, height),
                Err(WsiError::Unsupported { .. }) => None,
                Err(error) => return Err(error.into()),
            },
        };
        Ok(match jpeg {
            Some(jpeg) => StoredTile::Jpeg(jpeg),
            // Without its tables or its end the decoder may still know what to do, else it names the error.
            None => self.to_draw(tile),
        })
    }

    fn keep(&self, tile: TileId, place: Place) {
        let mut places = self.places.write().unwrap_or_else(|e| e.into_inner());
        if places.len() >= MAX_PLACES {
            places.clear();
        }
        places.insert(tile, place);
    }

    fn kind(&self, file: &OpenFile, unit: &EncodedUnit, model: ColourModel) -> Option<Arc<Kind>> {
        let same = |kind: &&Arc<Kind>| {
            *kind.path == *unit.path()
                && kind.file == file.opened()
                && kind.framing == unit.framing()
                && kind.size == unit.stored_size()
                && kind.model == model
                && kind.codec == *unit.codec()
        };
        let known = self.kinds.read().unwrap_or_else(|e| e.into_inner());
        if let Some(kind) = known.iter().find(same) {
            return Some(Arc::clone(kind));
        }
        drop(known);
        let kind = Arc::new(Kind {
            path: unit.path().into(),
            file: file.opened(),
            codec: unit.codec().clone(),
            framing: unit.framing(),
            size: unit.stored_size(),
            model,
        });
        let mut kinds = self.kinds.write().unwrap_or_else(|e| e.into_inner());
        if kinds.len() >= MAX_KINDS {
            return None;
        }
        kinds.push(Arc::clone(&kind));
        Some(kind)
    }

    /// A file that is open, or is opened when the disk may be waited for.
    fn file(&self, path: &Path, fetch: Fetch) -> Result<Option<Arc<OpenFile>>, Failure> {
        let find = |files: &[Arc<OpenFile>]| {
            let mut files = files.iter();
            files.find(|file| file.path() == path).map(Arc::clone)
        };
        if let Some(file) = find(&self.files.read().unwrap_or_else(|e| e.into_inner())) {
            return Ok(Some(file));
        }
        if fetch == Fetch::FromMemory {
            return Ok(None);
        }
        let file = Arc::new(OpenFile::open(path).map_err(WsiError::from)?);
        let mut files = self.files.write().unwrap_or_else(|e| e.into_inner());
        // Another thread may have been faster.
        if let Some(file) = find(&files) {
            return Ok(Some(file));
        }
        if files.len() >= MAX_OPEN_FILES {
            // The first is the slide's own.
            files.remove(1);
        }
        files.push(Arc::clone(&file));
        Ok(Some(file))
    }
}

fn shared_table_bytes(codec: &EncodedCodec) -> u64 {
    codec.jpeg_tables().map_or(0, |tables| tables.len() as u64)
}

/// Why a stored tile was not fetched.
pub(super) enum Failure {
    /// Of the file.
    Slide(SlideError),
    /// Of this tile.
    Tile(WsiError),
}

impl Failure {
    /// As an error of the tile at a place of a level.
    pub(super) fn at(self, path: &Path, level: usize, (x, y): (u32, u32)) -> SlideError {
        let reason = match self {
            Self::Slide(
                error @ (SlideError::Changed { .. }
                | SlideError::Io { .. }
                | SlideError::TooManyOpenFiles),
            ) => return error,
            Self::Slide(SlideError::Damaged { reason, .. }) => reason,
            Self::Slide(error) => error.to_string(),
            Self::Tile(error) => return SlideError::from_part(path, level, (x, y), &error),
        };
        SlideError::Read {
            path: path.to_path_buf(),
            level,
            x,
            y,
            reason,
        }
    }
}

impl From<SlideError> for Failure {
    fn from(error: SlideError) -> Self {
        Self::Slide(error)
    }
}

impl From<WsiError> for Failure {
    fn from(error: WsiError) -> Self {
        Self::Tile(error)
    }
}

#[cfg(test)]
mod tests {
    use wsi_rs::{Compression, EncodedTilePhotometricInterpretation as Photometric};

    use super::*;

    #[test]
    fn who_must_not_wait_for_the_disk_opens_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let made = |number: usize| {
            let path = folder.path().join(number.to_string());
            std::fs::write(&path, b"0").unwrap();
            path
        };
        let tiles = StoredTiles::of(&made(0)).ok().unwrap();
        let is_open = |path: &Path, fetch| tiles.file(path, fetch).ok().unwrap().is_some();
        let second = made(1);
        assert!(!is_open(&second, Fetch::FromMemory));
        assert!(is_open(&second, Fetch::FromDisk) && is_open(&second, Fetch::FromMemory));
        // Others take its place, but not that of the slide's own file.
        for number in 2..=MAX_OPEN_FILES {
            assert!(is_open(&made(number), Fetch::FromDisk));
        }
        assert!(!is_open(&second, Fetch::FromMemory));
        assert!(is_open(&folder.path().join("0"), Fetch::FromMemory));
    }

    #[test]
    fn tables_that_every_tile_would_be_sent_with_are_counted_and_not_of_any_length() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tile");
        let stream = jpeg::encode(&image::RgbImage::new(24, 16)).unwrap();
        std::fs::write(&path, &stream).unwrap();
        // A table of quantisation that is stated again and again.
        let table: Vec<u8> = [&[0xFF, 0xDB, 0, 67, 0][..], &[1; 64]].concat();
        let found = |count: usize| {
            let tables: Vec<u8> = [&[0xFF, 0xD8][..], &table.repeat(count), &[0xFF, 0xD9]].concat();
            let length = tables.len() as u64;
            let codec = EncodedCodec::new(Compression::Jpeg, 8, 3, Photometric::YbrFull422)
                .with_jpeg_tables(tables.into());
            let unit = EncodedUnit::builder(path.as_path().into(), codec, 24, 16)
                .segment(ByteRange::new(0, stream.len() as u64))
                .framing(StoredFraming::JpegTables)
                .build(stream.len() as u64)
                .unwrap();
            let tiles = StoredTiles::of(&path).ok().unwrap();
            let tile = (0, 0, 0);
            let found = tiles.found(tile, &unit, ColourModel::YCbCr).ok().unwrap();
            assert_eq!(tiles.known(tile, Fetch::FromDisk).ok().unwrap(), found);
            (found, tiles.resident_bytes(), length)
        };
        let (usual, bytes, length) = found(4);
        assert!(matches!(usual, StoredTile::Jpeg(_)));
        assert!(bytes >= length, "{bytes}");
        let (long, with_tables, length) = found(900);
        assert!(matches!(long, StoredTile::Jpeg(sent) if sent.len() as u64 > length));
        assert!(with_tables >= bytes + 50_000, "{with_tables}");
        let (longer, without, _) = found(1_000);
        assert_eq!(longer, StoredTile::ToDraw);
        assert!(without < with_tables - 50_000, "{without}");
    }
}
