//! The files that a slide is made of: of most formats one, of some the file that is named and those that it leads to.
//!
//! The reader keeps to itself which files it found, so each format's way to find them is followed here as far as it decides
//! which there are. Files that hold only a label or an overview are none of the slide's.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use crate::error::{SlideError, is_for_want_of_files};
use crate::files::{self, Fingerprint};

/// Files of one slide at most: more than the reader takes of any format.
const MAX_MEMBERS: usize = 8192;
/// How far a DICOM file is read to learn what it belongs to: mostly a page is enough, and where others are named or a maker's
/// own data stand before it, more.
const DICOM_HEAD_BYTES: [u64; 3] = [1 << 12, 1 << 16, 1 << 20];
/// Longest file of the kind that names others.
const KEY_FILE_BYTES: u64 = 1 << 20;

/// The number of a DICOM element: group and element.
type Number = (u16, u16);
/// "Image Type".
const IMAGE_TYPE: Number = (0x0008, 0x0008);
/// "Series Instance UID".
const SERIES_UID: Number = (0x0020, 0x000E);
/// Items of sequences and their ends, which have no type.
const ITEMS: u16 = 0xFFFE;
const ITEM_END: Number = (ITEMS, 0xE00D);
const SEQUENCE_END: Number = (ITEMS, 0xE0DD);
/// The length of what ends where an element says so (PS3.5, 7.5).
const UNDEFINED: u32 = u32::MAX;
/// Types whose length has 32 bits (PS3.5, table 7.1-1).
const LONG_TYPES: [&[u8; 2]; 13] = [
    b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV",
];

/// A file of a slide, as it was when it was listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Where it lies.
    pub path: PathBuf,
    /// What it was.
    pub fingerprint: Fingerprint,
}

/// The files that a slide's pixels come from, in the order of their paths; at least one.
#[derive(Clone, Debug)]
pub struct Members {
    files: Vec<Member>,
    format: String,
    /// The folder that they were looked for in, if they were, as it was before.
    folder: Option<(PathBuf, Fingerprint)>,
}

impl Members {
    /// Lists the files of a slide by the file that was named for it and its format, as [`crate::Slide::format`] says it. Reads the
    /// start of a few files at most. Blocks.
    ///
    /// # Errors
    /// [`SlideError::Io`] when one of them cannot be asked for; [`SlideError::TooLarge`] when there are too many.
    pub fn of(path: &Path, format: &str) -> Result<Self, SlideError> {
        let folder = match format {
            "dicom" => Some(folder_of(path).to_path_buf()),
            "mirax" => Some(path.with_extension("")),
            "olympus" => Some(below_of_vsi(path)),
            _ => None,
        };
        let folder = match folder {
            Some(folder) => {
                let before = fingerprint(&folder)?;
                Some((folder, before))
            }
            None => None,
        };
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
            let fingerprint = fingerprint(&path)?;
            Ok(Member { path, fingerprint })
        });
        Ok(Self {
            files: listed.collect::<Result<_, SlideError>>()?,
            format: format.to_owned(),
            folder,
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
        self.format != "dicom"
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

    /// Whether listing the files of a slide anew would find these, unchanged. They are listed anew only where something was put
    /// into their folder or taken out of it since, or the format is another than it was taken for.
    ///
    /// # Errors
    /// As [`Members::check`].
    pub(crate) fn check_listed(&self, path: &Path, format: &str) -> Result<(), SlideError> {
        self.check()?;
        let has_same_files = match &self.folder {
            Some((folder, before)) => files::check(folder, *before).is_ok(),
            None => true,
        };
        if (has_same_files && format == self.format) || Self::of(path, format)?.files == self.files
        {
            Ok(())
        } else {
            Err(SlideError::Changed {
                path: path.to_path_buf(),
            })
        }
    }
}

fn fingerprint(path: &Path) -> Result<Fingerprint, SlideError> {
    let metadata = std::fs::metadata(path).map_err(|reason| SlideError::io(path, reason))?;
    Ok(Fingerprint::of(&metadata))
}

/// DICOM: the files beside the named one that hold a level of the same series.
fn of_dicom_series(path: &Path) -> io::Result<Vec<PathBuf>> {
    let own = start_of_dicom(path)?;
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
        let head = match start_of_dicom(&entry.path()) {
            Ok(head) => head,
            // It may be one of them.
            Err(error) if is_for_want_of_files(&error) => return Err(error),
            // The reader passes over what it cannot read, too.
            Err(_) => continue,
        };
        if series_uid(&head) == Some(series) && holds_a_level(&head) {
            levels.push(entry.path());
        }
    }
    Ok(levels)
}

/// The start of a file, up to where a DICOM file has said what it belongs to.
fn start_of_dicom(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let mut head = Vec::new();
    for most_bytes in DICOM_HEAD_BYTES {
        let more = most_bytes.saturating_sub(head.len() as u64);
        let read = (&mut file).take(more).read_to_end(&mut head)?;
        if (read as u64) < more || !is_dicom(&head) || says_its_series(&head) {
            break;
        }
    }
    Ok(head)
}

/// Whether the elements that a DICOM file has of its own have come to its series, or past the place where that would be.
fn says_its_series(head: &[u8]) -> bool {
    own_elements(head).any(|(number, _)| number >= SERIES_UID)
}

/// The series that a DICOM file says it is of. In its sequences others may be referred to.
pub(crate) fn series_uid(head: &[u8]) -> Option<&[u8]> {
    let mut elements = own_elements(head);
    let (_, uid) = elements.find(|(number, _)| *number == SERIES_UID)?;
    Some(uid.strip_suffix(b"\0").unwrap_or(uid))
}

/// Whether a DICOM file is part of the pyramid, and no label, overview or thumbnail.
pub(crate) fn holds_a_level(head: &[u8]) -> bool {
    own_elements(head)
        .find(|(number, _)| *number == IMAGE_TYPE)
        .is_some_and(|(_, types)| types.split(|b| *b == b'\\').any(|kind| kind == b"VOLUME"))
}

fn is_dicom(head: &[u8]) -> bool {
    after_preamble(head).is_some()
}

fn after_preamble(head: &[u8]) -> Option<&[u8]> {
    let at_once = head.strip_prefix(b"DICM");
    at_once.or_else(|| head.get(128..)?.strip_prefix(b"DICM"))
}

/// The elements that a DICOM file has of its own, not within sequences, in the order of their numbers: as far as the bytes go,
/// little endian, with types or without.
fn own_elements(head: &[u8]) -> OwnElements<'_> {
    OwnElements {
        rest: after_preamble(head).unwrap_or_default(),
        open: 0,
    }
}

struct OwnElements<'a> {
    rest: &'a [u8],
    /// Sequences and items of undefined length that have begun.
    open: u32,
}

impl<'a> Iterator for OwnElements<'a> {
    type Item = (Number, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (&[a, b, c, d], rest) = self.rest.split_first_chunk()?;
            let number = (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]));
            let (length, rest) = length_of(number, rest)?;
            if matches!(number, ITEM_END | SEQUENCE_END) {
                self.open = self.open.saturating_sub(1);
                self.rest = rest;
            } else if length == UNDEFINED {
                self.open = self.open.saturating_add(1);
                self.rest = rest;
            } else {
                let (value, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
                self.rest = rest;
                if self.open == 0 {
                    return Some((number, value));
                }
            }
        }
    }
}

/// The length of an element's value, bytes, and what follows it, of what follows its number.
fn length_of((group, _): Number, bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (&[a, b, c, d], rest) = bytes.split_first_chunk()?;
    let has_type = group != ITEMS && a.is_ascii_uppercase() && b.is_ascii_uppercase();
    if !has_type {
        Some((u32::from_le_bytes([a, b, c, d]), rest))
    } else if LONG_TYPES.contains(&&[a, b]) {
        let (length, rest) = rest.split_first_chunk()?;
        Some((u32::from_le_bytes(*length), rest))
    } else {
        Some((u16::from_le_bytes([c, d]).into(), rest))
    }
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
    let scenes = children(&below_of_vsi(path))?;
    let mut files: Vec<_> = scenes.iter().map(|s| s.join("frame_t.ets")).collect();
    files.retain(|file| file.is_file());
    Ok(files)
}

fn below_of_vsi(path: &Path) -> PathBuf {
    let mut name = OsString::from("_");
    name.push(path.file_stem().unwrap_or_default());
    name.push("_");
    folder_of(path).join(name)
}

/// Hamamatsu VMS and VMU: what the key file names. NDPI is one file.
fn named_in_key_file(path: &Path) -> io::Result<Vec<PathBuf>> {
    if matches!(&*start_of(path, 2)?, b"II" | b"MM") {
        return Ok(Vec::new());
    }
    let key_file = start_of(path, KEY_FILE_BYTES)?;
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

    const STUDY_UID: Number = (0x0020, 0x000D);
    /// "Referenced Series Sequence", where a file names others.
    const REFERENCED: Number = (0x0008, 0x1115);
    const ITEM: Number = (ITEMS, 0xE000);
    /// A maker's own data.
    const PRIVATE: Number = (0x0019, 0x1001);

    fn number((group, element): Number) -> [u8; 4] {
        let ([a, b], [c, d]) = (group.to_le_bytes(), element.to_le_bytes());
        [a, b, c, d]
    }

    fn with_type(of: Number, kind: &[u8; 2], value: &[u8]) -> Vec<u8> {
        let length = if LONG_TYPES.contains(&kind) {
            [
                &[0, 0],
                &u32::try_from(value.len()).unwrap().to_le_bytes()[..],
            ]
            .concat()
        } else {
            u16::try_from(value.len()).unwrap().to_le_bytes().to_vec()
        };
        [&number(of), &kind[..], &length, value].concat()
    }

    fn without_type(of: Number, value: &[u8]) -> Vec<u8> {
        let length = u32::try_from(value.len()).unwrap().to_le_bytes();
        [&number(of), &length[..], value].concat()
    }

    /// A sequence of one item, both of which end where an element says so.
    fn open_ended(of: Number, content: &[u8]) -> Vec<u8> {
        let undefined = UNDEFINED.to_le_bytes();
        let [sequence, item] = [of, ITEM].map(number);
        let [item_end, sequence_end] = [ITEM_END, SEQUENCE_END].map(|end| without_type(end, b""));
        let start = [sequence, *b"SQ\0\0", undefined, item, undefined];
        [&start.concat(), content, &item_end, &sequence_end].concat()
    }

    /// The start of a file that refers to other series before it says its own, and has so much of a maker's data before that.
    fn dicom_after(private_bytes: usize, image_type: &str, series: &str) -> Vec<u8> {
        let uids = |series: &[u8]| {
            let study = with_type(STUDY_UID, b"UI", b"1.2\0");
            [study, with_type(SERIES_UID, b"UI", series)].concat()
        };
        [
            vec![0; 128],
            b"DICM".to_vec(),
            with_type((0x0002, 0x0010), b"UI", b"1.2.840.10008.1.2.1\0"),
            with_type(IMAGE_TYPE, b"CS", image_type.as_bytes()),
            open_ended(REFERENCED, &open_ended(REFERENCED, &uids(b"9.9\0"))),
            with_type(REFERENCED, b"SQ", &without_type(ITEM, &uids(b"8.8\0"))),
            with_type(PRIVATE, b"OB", &vec![b'A'; private_bytes]),
            uids(series.as_bytes()),
            open_ended((0x0020, 0x9221), &uids(b"7.7\0")),
            with_type((0x0028, 0x0010), b"US", b"\x10\0"),
        ]
        .concat()
    }

    fn dicom(image_type: &str, series: &str) -> Vec<u8> {
        dicom_after(10, image_type, series)
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
    fn a_level_that_says_its_series_only_after_much_else_is_of_the_slide() {
        let late = |bytes| dicom_after(bytes, LEVEL, "1.3.5\0");
        let folder = folder(&[
            ("a.dcm", &late(10)),
            ("late.dcm", &late(5_000)),
            ("later.dcm", &late(200_000)),
            ("too_late.dcm", &late(2_000_000)),
        ]);
        for named in ["a.dcm", "later.dcm"] {
            let found = names(folder.path(), named, "dicom");
            assert_eq!(found, ["a.dcm", "late.dcm", "later.dcm"]);
        }
        let found = names(folder.path(), "too_late.dcm", "dicom");
        assert_eq!(found, ["too_late.dcm"]);
        // No more is read than needed.
        let read = |name: &str| start_of_dicom(&folder.path().join(name)).unwrap().len();
        std::fs::write(
            folder.path().join("long.dcm"),
            [late(10), vec![0; 9_000]].concat(),
        )
        .unwrap();
        std::fs::write(folder.path().join("other"), vec![b'x'; 9_000]).unwrap();
        assert_eq!([read("long.dcm"), read("other")], [1 << 12; 2]);
        assert_eq!(read("too_late.dcm"), 1 << 20);
    }

    #[test]
    fn a_series_is_found_with_and_without_types() {
        let preamble = [&[0; 128], &b"DICM"[..]].concat();
        let reference = without_type(REFERENCED, &without_type(SERIES_UID, b"9.9\0"));
        let own = without_type(SERIES_UID, b"1.3.5\0");
        let without = [&preamble, &reference[..], &own].concat();
        assert_eq!(series_uid(&without), Some(&b"1.3.5"[..]));
        assert_eq!(series_uid(&dicom(LEVEL, "1.3.55")), Some(&b"1.3.55"[..]));
        // Without its own it is a series that the file only refers to.
        assert_eq!(series_uid(&[&preamble, &reference[..]].concat()), None);
        assert_eq!(series_uid(&without[..without.len() - 1]), None);
        assert_eq!(series_uid(&without[132..]), None);
        assert_eq!(series_uid(&without[128..]), Some(&b"1.3.5"[..]));
    }

    #[test]
    fn files_are_listed_anew_only_where_their_folder_has_changed() {
        let folder = folder(&[("a.dcm", &dicom(LEVEL, "1.3.5\0"))]);
        let path = folder.path().join("a.dcm");
        let members = Members::of(&path, "dicom").unwrap();
        members.check_listed(&path, "dicom").unwrap();
        // A file beside it that is none of the slide's changes nothing, a level does.
        std::fs::write(folder.path().join("notes.txt"), "x").unwrap();
        members.check_listed(&path, "dicom").unwrap();
        std::fs::write(folder.path().join("b"), dicom(LEVEL, "1.3.5\0")).unwrap();
        members.check().unwrap();
        let now = members.check_listed(&path, "dicom");
        assert!(matches!(now, Err(SlideError::Changed { .. })));
        // Of one that was taken for something else, the files are others.
        let members = Members::of(&path, "aperio").unwrap();
        members.check_listed(&path, "aperio").unwrap();
        let now = members.check_listed(&path, "dicom");
        assert!(matches!(now, Err(SlideError::Changed { .. })));
        std::fs::remove_file(folder.path().join("b")).unwrap();
        members.check_listed(&path, "dicom").unwrap();
        std::fs::remove_file(&path).unwrap();
        let now = members.check_listed(&path, "dicom");
        assert!(matches!(now, Err(SlideError::Io { .. })));
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
            let head = [&head[..cut.min(head.len())], &noise, &number(SERIES_UID), &noise].concat();
            crate::fuzz_targets::dicom_start(&head);
            // What was said is not unsaid by what follows.
            if says_its_series(&head) {
                let longer = [&head[..], &noise].concat();
                prop_assert_eq!(series_uid(&longer), series_uid(&head));
                prop_assert_eq!(holds_a_level(&longer), holds_a_level(&head));
            }
        }
    }
}
