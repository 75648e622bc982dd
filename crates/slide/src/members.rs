//! The files that a slide is made of: of most formats one, of some the file that is named and those that it leads to.
//!
//! The reader keeps to itself which files it found, so each format's way to find them is followed here as far as it decides
//! which there are. Files that hold only a label or an overview are none of the slide's.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use crate::error::SlideError;
use crate::files::{self, Fingerprint};

/// Files of one slide at most: more than the reader takes of any format.
const MAX_MEMBERS: usize = 8192;
/// Where a DICOM file says what it belongs to: long before its pixels.
const DICOM_HEAD_BYTES: u64 = 1 << 16;
/// Longest file of the kind that names others.
const KEY_FILE_BYTES: u64 = 1 << 20;

/// Image Type (0008,0008), Study Instance UID (0020,000D) and Series Instance UID (0020,000E), little endian.
const IMAGE_TYPE: [u8; 4] = [0x08, 0, 0x08, 0];
const STUDY_UID: [u8; 4] = [0x20, 0, 0x0D, 0];
const SERIES_UID: [u8; 4] = [0x20, 0, 0x0E, 0];

/// A file of a slide, as it was when it was listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Where it lies.
    pub path: PathBuf,
    /// What it was.
    pub fingerprint: Fingerprint,
}

/// The files that a slide's pixels come from, in the order of their paths; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Members {
    files: Vec<Member>,
    have_names: bool,
}

impl Members {
    /// Lists the files of a slide by the file that was named for it and its format, as [`crate::Slide::format`] says it. Reads the
    /// start of a few files at most. Blocks.
    ///
    /// # Errors
    /// [`SlideError::Io`] when one of them cannot be asked for; [`SlideError::TooLarge`] when there are too many.
    pub fn of(path: &Path, format: &str) -> Result<Self, SlideError> {
        let found = match format {
            "dicom" => of_dicom_series(path),
            "mirax" => below_mirax(path),
            "olympus" => below_vsi(path),
            "hamamatsu" => named_in_key_file(path),
            _ => Ok(Vec::new()),
        };
        let mut paths = found.map_err(|reason| SlideError::io(path, reason))?;
        if format != "dicom" || paths.is_empty() {
            paths.push(path.to_path_buf());
        }
        if paths.len() > MAX_MEMBERS {
            return Err(SlideError::too_large(
                path,
                format!("{} files; at most {MAX_MEMBERS}", paths.len()),
            ));
        }
        paths.sort();
        paths.dedup();
        let listed = paths.into_iter().map(|path| {
            let metadata =
                std::fs::metadata(&path).map_err(|reason| SlideError::io(&path, reason))?;
            let fingerprint = Fingerprint::of(&metadata);
            Ok(Member { path, fingerprint })
        });
        Ok(Self {
            files: listed.collect::<Result<_, SlideError>>()?,
            have_names: format != "dicom",
        })
    }

    /// All of them.
    #[must_use]
    pub fn files(&self) -> &[Member] {
        &self.files
    }

    /// Whether the slide finds them by their names. Else they say themselves what they are, and under other names they are the
    /// same slide.
    #[must_use]
    pub fn have_names(&self) -> bool {
        self.have_names
    }

    /// Their length together, bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let lengths = self.files.iter().map(|file| file.fingerprint.bytes());
        lengths.fold(0, u64::saturating_add)
    }

    /// Whether they are still what they were. Asks the system, not the disk; a microsecond for each.
    ///
    /// # Errors
    /// [`SlideError::Changed`], or [`SlideError::Io`] when one is gone.
    pub fn check(&self) -> Result<(), SlideError> {
        let mut files = self.files.iter();
        files.try_for_each(|file| files::check(&file.path, file.fingerprint))
    }
}

/// DICOM: the files beside the named one that hold a level of the same series.
fn of_dicom_series(path: &Path) -> io::Result<Vec<PathBuf>> {
    let own = start_of(path, DICOM_HEAD_BYTES)?;
    let Some(series) = series_uid(&own) else {
        return Ok(Vec::new());
    };
    let mut levels = Vec::new();
    for entry in std::fs::read_dir(folder_of(path))? {
        let entry = entry?;
        let is_named = Some(&*entry.file_name()) == path.file_name();
        if !(is_named || entry.file_type()?.is_file()) {
            continue;
        }
        // The reader passes over what it cannot read, too.
        if let Ok(head) = start_of(&entry.path(), DICOM_HEAD_BYTES)
            && series_uid(&head) == Some(series)
            && holds_a_level(&head)
        {
            levels.push(entry.path());
        }
    }
    Ok(levels)
}

/// The series that a DICOM file says it is of. Elsewhere in the file others may be referred to: its own is the last for which a
/// study is named first, because the elements are in the order of their numbers.
pub(crate) fn series_uid(head: &[u8]) -> Option<&[u8]> {
    let (uid, _) = elements(head, STUDY_UID)
        .filter_map(|(_, rest)| element(rest.strip_prefix(&SERIES_UID)?))
        .last()?;
    Some(uid.strip_suffix(b"\0").unwrap_or(uid))
}

/// Whether a DICOM file is part of the pyramid, and no label, overview or thumbnail.
pub(crate) fn holds_a_level(head: &[u8]) -> bool {
    let mut types = elements(head, IMAGE_TYPE);
    let is_volume = |(value, _): (&[u8], _)| value.split(|b| *b == b'\\').any(|v| v == b"VOLUME");
    types.next().is_some_and(is_volume)
}

/// The values of an element wherever its number stands, and what follows each.
fn elements(bytes: &[u8], number: [u8; 4]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let places = bytes.windows(4).enumerate();
    places
        .filter(move |(_, window)| *window == number)
        .filter_map(|(at, _)| element(bytes.get(at + 4..)?))
}

/// The value of an element and what follows it, of the bytes after its number. With and without its type the value begins at the
/// same place.
fn element(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[a, b, c, d], rest) = bytes.split_first_chunk()?;
    let length = if a.is_ascii_uppercase() && b.is_ascii_uppercase() {
        u16::from_le_bytes([c, d]).into()
    } else {
        u32::from_le_bytes([a, b, c, d])
    };
    rest.split_at_checked(usize::try_from(length).ok()?)
}

/// MIRAX: what lies in the folder of the same name.
fn below_mirax(path: &Path) -> io::Result<Vec<PathBuf>> {
    let is_of_slide = |path: &PathBuf| {
        let kind = path.extension().map(|kind| kind.to_ascii_lowercase());
        path.is_file() && kind.is_some_and(|kind| kind == "dat" || kind == "ini")
    };
    let mut files = children(&path.with_extension(""))?;
    files.retain(is_of_slide);
    Ok(files)
}

/// Olympus: one file in each folder of the folder that is named after it.
fn below_vsi(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut name = OsString::from("_");
    name.push(path.file_stem().unwrap_or_default());
    name.push("_");
    let scenes = children(&folder_of(path).join(name))?;
    let mut files: Vec<_> = scenes.iter().map(|s| s.join("frame_t.ets")).collect();
    files.retain(|file| file.is_file());
    Ok(files)
}

/// Hamamatsu VMS and VMU: what the key file names. NDPI is one file.
fn named_in_key_file(path: &Path) -> io::Result<Vec<PathBuf>> {
    let key_file = start_of(path, KEY_FILE_BYTES)?;
    if key_file.starts_with(b"II") || key_file.starts_with(b"MM") {
        return Ok(Vec::new());
    }
    let key_file = String::from_utf8_lossy(&key_file);
    let lines = key_file.lines().filter_map(|line| line.split_once('='));
    let named = lines
        .filter(|(key, _)| key.trim() != "MacroImage")
        .map(|(_, name)| Path::new(name.trim()))
        .filter(|name| {
            let mut parts = name.components();
            parts.all(|part| matches!(part, Component::Normal(_)))
        })
        .map(|name| folder_of(path).join(name))
        .filter(|file| file.is_file());
    Ok(named.collect())
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn children(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)?;
    entries.map(|entry| Ok(entry?.path())).collect()
}

fn start_of(path: &Path, most_bytes: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most_bytes).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn with_type(number: [u8; 4], kind: &[u8; 2], value: &str) -> Vec<u8> {
        let length = u16::try_from(value.len()).unwrap().to_le_bytes();
        [&number, &kind[..], &length, value.as_bytes()].concat()
    }

    fn without_type(number: [u8; 4], value: &str) -> Vec<u8> {
        let length = u32::try_from(value.len()).unwrap().to_le_bytes();
        [&number, &length[..], value.as_bytes()].concat()
    }

    /// The start of a file that refers to another series before it says its own.
    fn dicom(image_type: &str, series: &str) -> Vec<u8> {
        [
            vec![0; 128],
            b"DICM".to_vec(),
            with_type(IMAGE_TYPE, b"CS", image_type),
            with_type(STUDY_UID, b"UI", "1.2\0"),
            with_type(SERIES_UID, b"UI", "9.9\0"),
            with_type(SERIES_UID, b"UI", "8.8\0"),
            with_type(STUDY_UID, b"UI", "1.2\0"),
            with_type(SERIES_UID, b"UI", series),
            with_type(SERIES_UID, b"UI", "7.7\0"),
        ]
        .concat()
    }

    const LEVEL: &str = "DERIVED\\PRIMARY\\VOLUME\\RESAMPLED";

    /// Lists the files of a slide, by their names below the folder.
    fn names(folder: &Path, named: &str, format: &str) -> Vec<String> {
        let members = Members::of(&folder.join(named), format).unwrap();
        let below = |file: &Member| file.path.strip_prefix(folder).unwrap().to_owned();
        let files = members.files().iter();
        files
            .map(|file| below(file).to_str().unwrap().to_owned())
            .collect()
    }

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        folder
    }

    #[test]
    fn a_dicom_slide_is_the_levels_of_one_series_whichever_of_them_is_named() {
        let folder = folder(&[
            ("a.dcm", &dicom(LEVEL, "1.3.5\0")),
            ("b", &dicom("ORIGINAL\\PRIMARY\\VOLUME\\NONE ", "1.3.5\0")),
            (
                "label.dcm",
                &dicom("ORIGINAL\\PRIMARY\\LABEL\\NONE", "1.3.5\0"),
            ),
            ("other.dcm", &dicom(LEVEL, "1.3.55")),
            ("notes.txt", b"1.3.5"),
        ]);
        for named in ["a.dcm", "b", "label.dcm"] {
            assert_eq!(names(folder.path(), named, "dicom"), ["a.dcm", "b"]);
        }
        assert_eq!(names(folder.path(), "notes.txt", "dicom"), ["notes.txt"]);
        assert_eq!(names(folder.path(), "a.dcm", "aperio"), ["a.dcm"]);
        let members = Members::of(&folder.path().join("b"), "dicom").unwrap();
        let length = |name| std::fs::metadata(folder.path().join(name)).unwrap().len();
        assert_eq!(members.bytes(), length("a.dcm") + length("b"));
        members.check().unwrap();
        std::fs::write(folder.path().join("a.dcm"), b"x").unwrap();
        assert!(matches!(members.check(), Err(SlideError::Changed { .. })));
    }

    #[test]
    fn a_series_is_found_with_and_without_types() {
        let without = [
            without_type(STUDY_UID, "1.2\0"),
            without_type(SERIES_UID, "1.3.5\0"),
        ];
        assert_eq!(series_uid(&without.concat()), Some(&b"1.3.5"[..]));
        assert_eq!(series_uid(&dicom(LEVEL, "1.3.55")), Some(&b"1.3.55"[..]));
        // Without its study it is a series that the file only refers to.
        assert_eq!(series_uid(&without[1]), None);
        let cut = without.concat();
        assert_eq!(series_uid(&cut[..cut.len() - 1]), None);
    }

    #[test]
    fn companions_are_found_by_name() {
        let folder = folder(&[
            ("one.mrxs", b"" as &[u8]),
            ("one/Slidedat.ini", b"[GENERAL]"),
            ("one/Data0000.DAT", b"0"),
            ("one/Thumbs.db", b"0"),
            ("two/Data0000.dat", b"0"),
            ("scan.vsi", b""),
            ("_scan_/stack1/frame_t.ets", b"0"),
            ("_scan_/stack1/notes.txt", b"0"),
            (
                "key.vms",
                b"[Virtual Microscope Specimen]\r\nImageFile=key-0.jpg\r\nMapFile = key_map.jpg\r\nMacroImage=key_macro.jpg\r\nOptimisationFile=../one/Slidedat.ini\r\n",
            ),
            ("key-0.jpg", b"0"),
            ("key_map.jpg", b"0"),
            ("key_macro.jpg", b"0"),
            ("one.ndpi", b"II*\0=key-0.jpg"),
        ]);
        let names = |named, format| names(folder.path(), named, format);
        assert_eq!(
            names("one.mrxs", "mirax"),
            ["one/Data0000.DAT", "one/Slidedat.ini", "one.mrxs"]
        );
        assert_eq!(
            names("scan.vsi", "olympus"),
            ["_scan_/stack1/frame_t.ets", "scan.vsi"]
        );
        assert_eq!(
            names("key.vms", "hamamatsu"),
            ["key-0.jpg", "key.vms", "key_map.jpg"]
        );
        assert_eq!(names("one.ndpi", "hamamatsu"), ["one.ndpi"]);
        let gone = Members::of(&folder.path().join("gone.mrxs"), "mirax");
        assert!(matches!(gone, Err(SlideError::Io { .. })));
    }

    proptest! {
        #[test]
        fn no_start_of_a_file_ends_the_program(
            noise in prop::collection::vec(any::<u8>(), 0..64),
            cut in 0usize..400,
        ) {
            let head = dicom(LEVEL, "1.3.5\0");
            let head = [&head[..cut.min(head.len())], &noise, &STUDY_UID, &noise].concat();
            crate::fuzz_targets::dicom_start(&head);
        }
    }
}
