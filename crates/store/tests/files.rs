//! The file store: whole files or none, bags that survive a kill.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends where something is not as it should be"
)]

use std::error::Error;
use std::fs;
use std::io::{self, Seek, Write};
use std::process::Command;

use half::f16;
use store::files::{BagKey, FileError, Files, sha256_of};

const KEY: BagKey = [7; 32];
/// SHA-256 of "abc", from FIPS 180-2, appendix B.1.
const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn files() -> (tempfile::TempDir, Files) {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::open(folder.path()).unwrap();
    (folder, files)
}

/// Names of all files below the store, sorted.
fn names(folder: &tempfile::TempDir) -> Vec<String> {
    let root = folder.path().join("files");
    let mut names = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                let path = entry.path();
                names.push(path.strip_prefix(&root).unwrap().display().to_string());
            }
        }
    }
    names.sort();
    names
}

#[test]
fn what_is_put_is_read_back_until_it_is_deleted() {
    let (_folder, files) = files();
    let stored = files.put("models/a.json", b"abc").unwrap();
    assert_eq!((stored.sha256.as_str(), stored.bytes), (ABC, 3));
    assert_eq!(files.get("models/a.json").unwrap(), b"abc");
    files.put("models/a.json", b"other").unwrap();
    assert_eq!(files.get("models/a.json").unwrap(), b"other");
    files.delete("models/a.json").unwrap();
    files.delete("models/a.json").unwrap();
    assert!(!files.contains("models/a.json"));
    let missing = files.get("models/a.json").unwrap_err();
    assert!(matches!(missing, FileError::NotFound { .. }), "{missing}");
}

#[test]
fn what_is_made_may_go_back_to_what_was_written_and_is_whole_or_not_there() {
    let (folder, files) = files();
    let stored = files
        .put_made("slides/a.tif", |mut file| -> Result<(), Box<dyn Error>> {
            file.write_all(b"?bc")?;
            file.rewind()?;
            file.write_all(b"a")?;
            Ok(())
        })
        .unwrap();
    assert_eq!((stored.sha256.as_str(), stored.bytes), (ABC, 3));
    assert_eq!(files.get("slides/a.tif").unwrap(), b"abc");
    let cut_off = files.put_made("slides/a.tif", |mut file| -> Result<(), Box<dyn Error>> {
        file.write_all(b"half of it")?;
        Err("the image breaks off".into())
    });
    assert_eq!(cut_off.unwrap_err().to_string(), "the image breaks off");
    // What was there stays, and nothing else.
    assert_eq!(files.get("slides/a.tif").unwrap(), b"abc");
    assert_eq!(names(&folder), ["slides/a.tif"]);
}

#[test]
fn no_name_leads_out_of_the_folder() {
    let (_folder, files) = files();
    for bad in [
        "",
        "..",
        "../x",
        "a/../b",
        "/etc/passwd",
        "a//b",
        "a/.hidden",
        "a b",
        "incoming/x",
        "a\0",
        "é",
    ] {
        let refused = files.put(bad, b"x").unwrap_err();
        assert!(
            matches!(refused, FileError::Name { .. }),
            "{bad}: {refused}"
        );
    }
}

#[test]
fn a_writer_that_fails_half_way_leaves_what_was_there() {
    let (folder, files) = files();
    files.put("a", b"old").unwrap();
    let failed = files.put_with("a", |out| {
        out.write_all(&[1; 100_000])?;
        Err(io::Error::other("the source ended"))
    });
    assert!(failed.is_err());
    assert_eq!(files.get("a").unwrap(), b"old");
    assert_eq!(names(&folder), ["a"]);
}

/// The name by which this test program calls itself with a limit on file sizes, which fails like a full disk.
const LIMITED: &str = "a_full_disk_is_named_and_leaves_nothing_half_written";

#[test]
fn a_full_disk_is_named_and_leaves_nothing_half_written() {
    if let Some(folder) = std::env::var_os("STORE_TEST_LIMITED") {
        let files = Files::open(folder.as_ref()).unwrap();
        files.put("small", &[1; 1_000]).unwrap();
        let full = files.put("large", &vec![1; 4_000_000]).unwrap_err();
        assert!(matches!(full, FileError::Full { .. }), "{full:?}");
        assert!(full.to_string().contains("is full"), "{full}");

        let mut bag = files.bag_writer("bag", KEY, 1000, 1000).unwrap();
        let row = vec![0.5; 1000];
        let (rows, full) = (0..1000)
            .find_map(|row_number| bag.append(&row).err().map(|error| (row_number, error)))
            .unwrap();
        assert!(matches!(full, FileError::Full { .. }), "{full:?}");
        assert_eq!(bag.rows(), rows);
        bag.sync().unwrap();
        return;
    }
    let (folder, files) = files();
    // SIGXFSZ would end the program before the error is seen.
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 1024; exec \"$@\"", "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", LIMITED, "--nocapture"])
        .env("STORE_TEST_LIMITED", folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
    assert_eq!(names(&folder), ["bag.part", "small"]);

    // With room again the bag goes on where it stopped.
    let mut bag = files.bag_writer("bag", KEY, 1000, 1000).unwrap();
    let rows = bag.rows();
    assert!(rows > 100 && rows < 1000, "{rows}");
    bag.append(&vec![0.25; (1000 - rows as usize) * 1000])
        .unwrap();
    bag.finish().unwrap();
    let bag = files.bag("bag").unwrap();
    assert_eq!(
        bag.read(rows - 1..rows + 1).unwrap()[999..1001],
        [f16::from_f32(0.5), f16::from_f32(0.25)]
    );
}

/// Features that tell tile and place.
fn features(tiles: std::ops::Range<u64>, dim: usize) -> Vec<f32> {
    tiles
        .flat_map(|tile| (0..dim).map(move |feature| (tile * 10) as f32 + feature as f32 / 16.0))
        .collect()
}

#[test]
fn a_bag_is_read_back_whole_and_in_pieces() {
    let (folder, files) = files();
    let mut writer = files.bag_writer("bags/1.bag", KEY, 8, 30).unwrap();
    writer.append(&features(0..13, 8)).unwrap();
    assert!(!files.contains("bags/1.bag"), "not before it is complete");
    writer.append(&features(13..30, 8)).unwrap();
    let stored = writer.finish().unwrap();
    assert_eq!(stored.bytes, 64 + 30 * 8 * 2);
    assert_eq!(names(&folder), ["bags/1.bag"]);
    let content = files.get("bags/1.bag").unwrap();
    assert_eq!(sha256_of(&content[..]).unwrap().0, stored.sha256);

    let bag = files.bag("bags/1.bag").unwrap();
    assert_eq!((bag.tiles(), bag.dim(), bag.key()), (30, 8, &KEY));
    let expected: Vec<f16> = features(0..30, 8).into_iter().map(f16::from_f32).collect();
    assert_eq!(bag.read_all().unwrap(), expected);
    assert_eq!(bag.read(5..7).unwrap(), expected[40..56]);
    assert_eq!(bag.read(30..30).unwrap(), []);
    for beyond in [29..31, 31..31, 0..u64::MAX] {
        assert!(matches!(bag.read(beyond), Err(FileError::Rows { .. })));
    }
}

#[test]
fn a_killed_writer_goes_on_where_the_header_says_and_the_result_is_the_same() {
    let (_, straight) = (0, files());
    let mut writer = straight.1.bag_writer("bag", KEY, 4, 20).unwrap();
    writer.append(&features(0..20, 4)).unwrap();
    let expected = writer.finish().unwrap();

    let (folder, files) = files();
    let part = folder.path().join("files/bag.part");
    let mut writer = files.bag_writer("bag", KEY, 4, 20).unwrap();
    writer.append(&features(0..7, 4)).unwrap();
    writer.sync().unwrap();
    // Rows that the header does not count yet, the last of them torn.
    writer.append(&features(7..9, 4)).unwrap();
    drop(writer);
    fs::File::options()
        .append(true)
        .open(&part)
        .unwrap()
        .write_all(&[9; 3])
        .unwrap();

    let mut writer = files.bag_writer("bag", KEY, 4, 20).unwrap();
    assert_eq!(writer.rows(), 7);
    assert_eq!(fs::metadata(&part).unwrap().len(), 64 + 7 * 8);
    writer.append(&features(7..20, 4)).unwrap();
    assert_eq!(writer.finish().unwrap(), expected);

    // Killed after the end, before anybody knew: nothing is computed again. Other work is.
    let again = files.bag_writer("bag", KEY, 4, 20).unwrap();
    assert_eq!(again.rows(), 20);
    assert_eq!(again.finish().unwrap(), expected);
    assert_eq!(files.bag_writer("bag", [8; 32], 4, 20).unwrap().rows(), 0);
    assert_eq!(files.bag("bag").unwrap().tiles(), 20);
}

#[test]
fn a_part_of_other_work_or_with_fewer_rows_than_it_says_is_begun_anew() {
    let (folder, files) = files();
    let begin = |key, dim, tiles| {
        let mut writer = files.bag_writer("bag", KEY, 4, 20).unwrap();
        writer.append(&features(writer.rows()..9, 4)).unwrap();
        writer.sync().unwrap();
        drop(writer);
        files.bag_writer("bag", key, dim, tiles).unwrap().rows()
    };
    assert_eq!(begin(KEY, 4, 20), 9);
    assert_eq!(begin([8; 32], 4, 20), 0);
    assert_eq!(begin(KEY, 5, 20), 0);
    assert_eq!(begin(KEY, 4, 21), 0);

    let part = folder.path().join("files/bag.part");
    begin(KEY, 4, 20);
    fs::File::options()
        .write(true)
        .open(&part)
        .unwrap()
        .set_len(64 + 5 * 8)
        .unwrap();
    assert_eq!(files.bag_writer("bag", KEY, 4, 20).unwrap().rows(), 0);
    fs::write(&part, b"no bag").unwrap();
    assert_eq!(files.bag_writer("bag", KEY, 4, 20).unwrap().rows(), 0);
}

#[test]
fn a_feature_that_is_not_finite_in_16_bits_is_named_and_nothing_of_its_rows_is_kept() {
    let (_folder, files) = files();
    let mut writer = files.bag_writer("bag", KEY, 3, 10).unwrap();
    writer.append(&features(0..2, 3)).unwrap();
    for bad in [f32::NAN, f32::INFINITY, 70_000.0, -1e30] {
        let mut rows = features(2..5, 3);
        rows[7] = bad;
        let refused = writer.append(&rows).unwrap_err();
        assert!(
            matches!(
                refused,
                FileError::NotFinite {
                    tile: 4,
                    feature: 1,
                    ..
                }
            ),
            "{refused}"
        );
        assert_eq!(writer.rows(), 2);
    }
    writer.append(&features(2..10, 3)).unwrap();
    writer.finish().unwrap();
}

#[test]
fn rows_must_be_whole_not_too_many_and_all_there_in_the_end() {
    let (_folder, files) = files();
    let mut writer = files.bag_writer("bag", KEY, 3, 2).unwrap();
    for wrong in [&[0.0; 4][..], &[0.0; 9]] {
        assert!(matches!(writer.append(wrong), Err(FileError::Rows { .. })));
    }
    writer.append(&[0.0; 3]).unwrap();
    let early = writer.finish().unwrap_err();
    assert!(early.to_string().contains("1 of 2 rows"), "{early}");
    assert!(matches!(
        files.bag_writer("none", KEY, 0, 2),
        Err(FileError::Rows { .. })
    ));
    assert!(matches!(
        files.bag_writer("endless", KEY, u32::MAX, u64::MAX),
        Err(FileError::Rows { .. })
    ));
}

#[test]
fn a_damaged_bag_is_refused() {
    let (_folder, files) = files();
    let mut writer = files.bag_writer("bag", KEY, 3, 2).unwrap();
    writer.append(&[0.0; 6]).unwrap();
    writer.finish().unwrap();
    let whole = files.get("bag").unwrap();
    for damaged in [
        &whole[..40],
        &whole[..70],
        &[whole.clone(), vec![0]].concat()[..],
        &[0; 76][..],
    ] {
        files.put("bag", damaged).unwrap();
        let refused = files.bag("bag").unwrap_err();
        assert!(matches!(refused, FileError::Damaged { .. }), "{refused}");
    }
    assert!(matches!(
        files.bag("other"),
        Err(FileError::NotFound { .. })
    ));
}
