//! Files that take long to make, made anew when what makes them has changed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::process::Checked;
use crate::steps::Step;
use crate::web::fingerprint;
use crate::workspace::Workspace;

/// What the examples that draw slides are made of, beside their own file.
const DRAWN_BY: [&str; 2] = ["crates/phantom/src", "crates/slide/src"];

/// What `make` told when it made `file`: now, unless that was done before from the very same `sources` (files and folders of
/// the workspace).
pub fn ensure(
    root: &Path,
    file: &Path,
    sources: &[&str],
    make: impl FnOnce(&Path) -> Result<String>,
) -> Result<String> {
    let made_of = fingerprint(root, sources)?;
    let stamp = stamp(file);
    if file.is_file()
        && let Ok(known) = fs::read_to_string(&stamp)
        && let Some((known, told)) = known.split_once('\n')
        && known == made_of
    {
        return Ok(told.to_owned());
    }
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    // What breaks off must not pass for what was there before.
    if stamp.exists() {
        fs::remove_file(&stamp).with_context(|| format!("cannot remove {}", stamp.display()))?;
    }
    let told = make(file)?;
    fs::write(&stamp, format!("{made_of}\n{told}"))
        .with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(told)
}

/// A slide that an example of the server draws; returns what the example tells of it in its last line.
pub fn drawn(workspace: &Workspace, example: &str, slide: &Path) -> Result<String> {
    let source = format!("server/examples/{example}.rs");
    let sources = [&*source, DRAWN_BY[0], DRAWN_BY[1]];
    ensure(&workspace.root, slide, &sources, |slide| {
        let step = Step::begin(format!("Drawing a slide ({example})"));
        let said = workspace
            .cargo()
            .args(["run", "--quiet", "--example", example, "--"])
            .arg(slide)
            .output_checked()?;
        step.done();
        Ok(said
            .trim_end()
            .lines()
            .last()
            .unwrap_or_default()
            .to_owned())
    })
}

/// Stands beside the file: what it was made of, and in the lines after it what was told.
fn stamp(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".made-of");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_made_again_only_when_it_is_gone_or_its_sources_have_changed() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        fs::write(root.join("source"), "1").unwrap();
        let file = root.join("folder/file");
        let made = |word: &str| {
            ensure(root, &file, &["source"], |file| {
                fs::write(file, word)?;
                Ok(format!("{word}\nand more"))
            })
            .unwrap()
        };
        assert_eq!(made("first"), "first\nand more");
        assert_eq!(made("second"), "first\nand more");
        fs::write(root.join("source"), "2").unwrap();
        assert_eq!(made("third"), "third\nand more");
        fs::remove_file(&file).unwrap();
        assert_eq!(made("fourth"), "fourth\nand more");
        assert_eq!(fs::read_to_string(&file).unwrap(), "fourth");
    }

    #[test]
    fn what_failed_to_be_made_is_made_the_next_time() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let file = root.join("file");
        ensure(root, &file, &[], |_| Ok("long ago".into())).unwrap();
        let failed = ensure(root, &file, &[], |file| {
            fs::write(file, "half of it")?;
            anyhow::bail!("no room")
        });
        assert!(failed.is_err() && file.exists());
        let made = ensure(root, &file, &[], |_| Ok("whole".into())).unwrap();
        assert_eq!(made, "whole");
    }
}
