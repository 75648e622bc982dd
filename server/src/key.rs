//! How the command line finds and speaks to the server that runs on the same data folder: a file that only its owner can
//! read holds the address and a key.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

const FILE: &str = "server.json";

#[derive(Serialize, Deserialize)]
struct Contents {
    address: SocketAddr,
    key: String,
}

/// The key of a running server. The file goes with it.
pub struct ServerKey {
    key: String,
    path: PathBuf,
}

impl ServerKey {
    /// Makes a fresh key and writes it beside the data.
    pub fn publish(data_dir: &Path, address: SocketAddr) -> anyhow::Result<Self> {
        let mut key = String::new();
        for byte in rand::random::<[u8; 16]>() {
            write!(key, "{byte:02x}")?;
        }
        let path = data_dir.join(FILE);
        let temporary = data_dir.join(".server.json.new");
        fs::remove_file(&temporary).ok();
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)
            .with_context(|| format!("cannot write {}", temporary.display()))?;
        file.write_all(&serde_json::to_vec(&Contents {
            address,
            key: key.clone(),
        })?)?;
        fs::rename(&temporary, &path)?;
        Ok(Self { key, path })
    }

    /// Whether an `Authorization` header shows this key.
    pub fn opens(&self, authorization: &str) -> bool {
        let shown = authorization
            .strip_prefix("Bearer ")
            .unwrap_or_default()
            .as_bytes();
        let differences = shown
            .iter()
            .zip(self.key.as_bytes())
            .fold(0, |sum, (a, b)| sum | (a ^ b));
        shown.len() == self.key.len() && differences == 0
    }
}

impl Drop for ServerKey {
    fn drop(&mut self) {
        fs::remove_file(&self.path).ok();
    }
}

/// Address and key of the server that runs on the data folder, if its file is there.
pub fn find(data_dir: &Path) -> Option<(SocketAddr, String)> {
    let contents: Contents = serde_json::from_slice(&fs::read(data_dir.join(FILE)).ok()?).ok()?;
    Some((contents.address, contents.key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_opens_and_nothing_else_does() {
        let folder = tempfile::tempdir().unwrap();
        let key = ServerKey::publish(folder.path(), "127.0.0.1:3000".parse().unwrap()).unwrap();
        let (address, found) = find(folder.path()).unwrap();
        assert_eq!(address.port(), 3000);
        assert!(key.opens(&format!("Bearer {found}")));
        for wrong in [
            "",
            "Bearer ",
            &found,
            &format!("Bearer {}", &found[1..]),
            &format!("Bearer {found}0"),
        ] {
            assert!(!key.opens(wrong), "{wrong}");
        }
        drop(key);
        assert!(find(folder.path()).is_none());
    }
}
