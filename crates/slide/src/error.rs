//! What can go wrong with a slide, told by kind and place.
//!
//! The words are shown to people who look at slides in a browser. A path may hold a name, so none is ever among them: whoever
//! talks to the person that named the file says which one it was.

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use wsi_rs::WsiError;

/// Why a slide could not be opened or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SlideError {
    /// The operating system refused.
    #[error("the file cannot be read: {reason}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// No reader knows this file.
    #[error("the file is not a slide: {reason}")]
    NotASlide {
        /// The file.
        path: PathBuf,
        /// What was found instead.
        reason: String,
    },
    /// A known format, but the file contradicts itself or ends too soon.
    #[error("the file is damaged: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A known format, but a kind of image that is not read.
    #[error("the slide cannot be shown: {reason}")]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// Which kind it is.
        reason: String,
    },
    /// Refused before any memory was taken.
    #[error("the slide is too large: {reason}")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// What is too large, and how large it may be.
        reason: String,
    },
    /// The program, or the system, has as many files open as it may. Nothing is wrong with the slide: it is to be tried again.
    #[error("too many files are open at once: try again in a moment")]
    TooManyOpenFiles,
    /// The file is not the one that was opened any more: other pixels may be in it.
    #[error("the file of this slide has changed since it was opened")]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The file does not say how large its pixels are, and guessing would make every measure wrong.
    #[error(
        "the file does not say how many micrometres a pixel spans. Say it with --mpp, for example --mpp 0.5 (20× objective) or --mpp 0.25 (40×)"
    )]
    MissingMpp {
        /// The file.
        path: PathBuf,
    },
    /// The resolution given by hand is not one of a microscope.
    #[error(
        "{um_per_px} µm per pixel is not a resolution of a microscope slide; --mpp takes 0.01 to 100"
    )]
    ImplausibleMpp {
        /// The value given, of the axis that it does not fit.
        um_per_px: f64,
    },
    /// A pyramid tile that does not exist was asked for.
    #[error("there is no pyramid tile at level {level}, column {column}, row {row}: {allowed}")]
    OutOfBounds {
        /// Level asked for.
        level: usize,
        /// Column asked for.
        column: u32,
        /// Row asked for.
        row: u32,
        /// What exists.
        allowed: String,
    },
    /// A region that cannot be drawn was asked for.
    #[error("the region cannot be drawn: {reason}")]
    InvalidRegion {
        /// What is wrong with it.
        reason: String,
    },
    /// A part of an otherwise good slide could not be read.
    #[error("level {level} of the slide cannot be read at ({x}, {y}): {reason}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Level read, among the stored ones.
        level: usize,
        /// Left edge of the part, px of the level.
        x: u32,
        /// Top edge of the part, px of the level.
        y: u32,
        /// What the decoder said.
        reason: String,
    },
    /// A slide could not be written.
    #[error("the slide cannot be written: {reason}")]
    Write {
        /// What the system said.
        reason: io::Error,
    },
    /// A slide could not be written for want of room. Nothing of it is left.
    #[error("the disk is full: the slide was not written. Make room and try again")]
    DiskFull,
}

impl SlideError {
    pub(crate) fn from_writing(reason: io::Error) -> Self {
        match reason.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Self::DiskFull,
            _ => Self::Write { reason },
        }
    }

    /// What the operating system said of a file.
    #[must_use]
    pub fn io(path: &Path, reason: io::Error) -> Self {
        if is_for_want_of_files(&reason) {
            return Self::TooManyOpenFiles;
        }
        Self::Io {
            path: path.to_path_buf(),
            reason,
        }
    }

    pub(crate) fn damaged(path: &Path, reason: impl Into<String>) -> Self {
        Self::Damaged {
            path: path.to_path_buf(),
            reason: reason.into(),
        }
    }

    pub(crate) fn unsupported(path: &Path, reason: impl Into<String>) -> Self {
        Self::Unsupported {
            path: path.to_path_buf(),
            reason: reason.into(),
        }
    }

    pub(crate) fn too_large(path: &Path, reason: impl Into<String>) -> Self {
        Self::TooLarge {
            path: path.to_path_buf(),
            reason: reason.into(),
        }
    }

    /// A file that ends before its own offsets do is damaged; the system did nothing wrong.
    pub(crate) fn from_reading(path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => {
                Self::damaged(path, source.to_string())
            }
            _ => Self::io(path, source),
        }
    }

    /// What the reader said of a part of a level, by the part's left and top edge, px of the level.
    pub(crate) fn from_part(
        path: &Path,
        level: usize,
        (x, y): (u32, u32),
        error: &WsiError,
    ) -> Self {
        let is_for_want_of_files = match error {
            WsiError::Io(source) => is_for_want_of_files(source),
            WsiError::IoWithPath { source, .. } => is_for_want_of_files(source),
            _ => false,
        };
        if is_for_want_of_files {
            return Self::TooManyOpenFiles;
        }
        Self::Read {
            path: path.to_path_buf(),
            level,
            x,
            y,
            reason: reason_of(path, error),
        }
    }

    /// Sorts what the reader said at opening into our kinds.
    pub(crate) fn from_open(path: &Path, error: WsiError) -> Self {
        match error {
            WsiError::Io(source) => Self::from_reading(path, source),
            WsiError::IoWithPath { source, .. } => {
                let same = match source.raw_os_error() {
                    Some(code) => io::Error::from_raw_os_error(code),
                    None => io::Error::new(source.kind(), source.to_string()),
                };
                Self::from_reading(path, same)
            }
            WsiError::UnsupportedFormat(_) => Self::NotASlide {
                path: path.to_path_buf(),
                reason: "no reader knows it. Known are SVS, NDPI, SCN, BIF, MIRAX, Philips, VSI, CZI, DICOM, OME-TIFF, TIFF, PNG and JPEG"
                    .into(),
            },
            WsiError::Unsupported { reason } => {
                Self::unsupported(path, without_places(path, reason))
            }
            WsiError::ResourceLimit { .. } => Self::too_large(path, error.to_string()),
            other => Self::damaged(path, reason_of(path, &other)),
        }
    }
}

/// Whether the system refused because too many files are open, by this process or by all.
pub(crate) fn is_for_want_of_files(reason: &io::Error) -> bool {
    Errno::from_io_error(reason).is_some_and(|code| code == Errno::MFILE || code == Errno::NFILE)
}

/// What the reader said of a file, without the places of files.
fn reason_of(path: &Path, error: &WsiError) -> String {
    let said = match error {
        WsiError::Tiff { message, .. } | WsiError::InvalidSlide { message, .. } => message.clone(),
        WsiError::IoWithPath { source, .. } => source.to_string(),
        other => other.to_string(),
    };
    without_places(path, said)
}

/// Formats of several files name those that belong to the slide: they lie in its folder or below.
fn without_places(path: &Path, said: String) -> String {
    let said = said.replace(&*path.to_string_lossy(), "the file");
    let folder = path.parent().unwrap_or(path).to_string_lossy();
    if !folder.is_empty() && said.contains(&*folder) {
        return "a file that belongs to it cannot be used".into();
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_error_tells_where_the_file_lies() {
        let path = Path::new("/home/jane/biopsies/smith.mrxs");
        let unread = || io::Error::from(io::ErrorKind::PermissionDenied);
        let in_folder = "missing /home/jane/biopsies/smith/Slidedat.ini".to_owned();
        let of_file = "no level in /home/jane/biopsies/smith.mrxs".to_owned();
        let said_by_the_reader = [
            WsiError::Io(unread()),
            WsiError::IoWithPath {
                source: unread().into(),
                path: path.into(),
            },
            WsiError::UnsupportedFormat(of_file.clone()),
            WsiError::Unsupported {
                reason: in_folder.clone(),
            },
            WsiError::Tiff {
                path: path.into(),
                message: of_file.clone(),
            },
            WsiError::InvalidSlide {
                path: path.into(),
                message: in_folder.clone(),
            },
            WsiError::TileRead {
                col: 0,
                row: 0,
                level: 0,
                reason: in_folder,
            },
            WsiError::Jpeg(of_file),
        ];
        let mut told: Vec<String> = said_by_the_reader
            .iter()
            .map(|error| reason_of(path, error))
            .collect();
        let opened = said_by_the_reader.map(|error| SlideError::from_open(path, error));
        told.extend(opened.iter().map(ToString::to_string));
        let of_our_own = [
            SlideError::io(path, unread()),
            SlideError::from_reading(path, unread()),
            SlideError::damaged(path, "it ends too soon"),
            SlideError::too_large(path, "it has many pixels"),
            SlideError::MissingMpp { path: path.into() },
            SlideError::Changed { path: path.into() },
            SlideError::NotASlide {
                path: path.into(),
                reason: "it is empty".into(),
            },
            SlideError::Read {
                path: path.into(),
                level: 1,
                x: 2,
                y: 3,
                reason: "it ends too soon".into(),
            },
        ];
        told.extend(of_our_own.iter().map(ToString::to_string));
        for words in told {
            assert!(
                !words.contains("jane") && !words.contains("smith"),
                "{words}"
            );
        }
    }

    #[test]
    fn too_many_open_files_are_no_fault_of_the_slide_whoever_says_so() {
        let path = Path::new("scan.tif");
        for code in [Errno::MFILE, Errno::NFILE] {
            let said = || io::Error::from_raw_os_error(code.raw_os_error());
            let by_path = || WsiError::IoWithPath {
                source: said().into(),
                path: path.into(),
            };
            for error in [
                SlideError::io(path, said()),
                SlideError::from_reading(path, said()),
                SlideError::from_open(path, WsiError::Io(said())),
                SlideError::from_open(path, by_path()),
                SlideError::from_part(path, 0, (0, 0), &WsiError::Io(said())),
                SlideError::from_part(path, 0, (0, 0), &by_path()),
            ] {
                assert!(matches!(error, SlideError::TooManyOpenFiles), "{error}");
            }
        }
        let other = SlideError::io(path, io::ErrorKind::PermissionDenied.into());
        assert!(matches!(other, SlideError::Io { .. }), "{other}");
    }

    #[test]
    fn what_the_reader_says_of_the_file_itself_is_kept() {
        let error = WsiError::Tiff {
            path: "scan.tif".into(),
            message: "no level in scan.tif".into(),
        };
        let error = SlideError::from_open(Path::new("scan.tif"), error);
        assert_eq!(
            error.to_string(),
            "the file is damaged: no level in the file"
        );
    }
}
