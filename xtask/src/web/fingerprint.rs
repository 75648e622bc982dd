//! Whether source files have changed: a hash over their names and contents, not their times.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// A hash over `sources` (files, or folders with all in them) below `root`. One that does not exist counts too.
pub fn fingerprint(root: &Path, sources: &[&str]) -> Result<String> {
    let mut hasher = Sha256::new();
    for source in sources {
        let source = Path::new(source);
        let path = root.join(source);
        let files = if path.is_dir() {
            files(&path)?
                .into_iter()
                .map(|file| source.join(file))
                .collect()
        } else {
            vec![source.to_owned()]
        };
        hasher.update((files.len() as u64).to_le_bytes());
        for file in files {
            let content = match fs::read(root.join(&file)) {
                Ok(content) => Some(content),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(error) => {
                    return Err(error).with_context(|| format!("cannot read {}", file.display()));
                }
            };
            // Lengths keep apart what would run into each other.
            let name = file.as_os_str().as_encoded_bytes();
            hasher.update((name.len() as u64).to_le_bytes());
            hasher.update(name);
            hasher.update(
                content
                    .as_ref()
                    .map_or(u64::MAX, |content| content.len() as u64)
                    .to_le_bytes(),
            );
            hasher.update(content.unwrap_or_default());
        }
    }
    Ok(crate::hash::hex(&hasher.finalize()))
}

/// All files below `folder`, relative to it, sorted; hidden ones (an editor's) left out. None when it does not exist.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(inner) = folders.pop() {
        let path = folder.join(&inner);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        for entry in entries {
            let entry = entry?;
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let inner = inner.join(entry.file_name());
            if entry.path().is_dir() {
                folders.push(inner)
            } else {
                found.push(inner)
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("app/src")).unwrap();
        fs::write(root.path().join("app/src/lib.rs"), "one").unwrap();
        fs::write(root.path().join("lock"), "two").unwrap();
        root
    }

    const SOURCES: &[&str] = &["app", "lock", "absent"];

    #[test]
    fn the_same_files_have_the_same_fingerprint_wherever_and_whenever() {
        assert_eq!(
            fingerprint(project().path(), SOURCES).unwrap(),
            fingerprint(project().path(), SOURCES).unwrap()
        );
    }

    #[test]
    fn every_kind_of_change_is_seen() {
        type Change = fn(&Path);
        let changes: [(&str, Change); 6] = [
            ("a changed file", |root| {
                fs::write(root.join("app/src/lib.rs"), "own").unwrap()
            }),
            ("a new file", |root| {
                fs::write(root.join("app/new.rs"), "").unwrap()
            }),
            ("a renamed file", |root| {
                fs::rename(root.join("app/src/lib.rs"), root.join("app/src/lob.rs")).unwrap()
            }),
            ("a removed file", |root| {
                fs::remove_file(root.join("lock")).unwrap()
            }),
            ("a file that was absent", |root| {
                fs::write(root.join("absent"), "").unwrap()
            }),
            ("bytes moved to the next file", |root| {
                fs::write(root.join("app/src/lib.rs"), "onet").unwrap();
                fs::write(root.join("lock"), "wo").unwrap();
            }),
        ];
        let before = fingerprint(project().path(), SOURCES).unwrap();
        for (what, change) in changes {
            let root = project();
            change(root.path());
            assert_ne!(fingerprint(root.path(), SOURCES).unwrap(), before, "{what}");
        }
    }

    #[test]
    fn an_editors_hidden_file_is_no_change() {
        let root = project();
        let before = fingerprint(root.path(), SOURCES).unwrap();
        fs::write(root.path().join("app/.lib.rs.swp"), "…").unwrap();
        assert_eq!(fingerprint(root.path(), SOURCES).unwrap(), before);
    }
}
