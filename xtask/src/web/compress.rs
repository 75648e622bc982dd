//! Writes a file with its brotli and gzip forms beside it, compressed once and as well as can be.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result};
use brotli::enc::BrotliEncoderParams;

/// The compressed forms of a file: brotli, gzip.
pub fn forms(file: &Path) -> [PathBuf; 2] {
    ["br", "gz"].map(|extension| {
        let mut name = file.as_os_str().to_owned();
        name.push(".");
        name.push(extension);
        name.into()
    })
}

/// Whether a file is of a kind that gets smaller.
pub fn is_worth_it(file: &Path) -> bool {
    let kinds = [
        "css",
        "html",
        "ico",
        "js",
        "json",
        "svg",
        "txt",
        "wasm",
        "webmanifest",
        "xml",
    ];
    file.extension()
        .and_then(OsStr::to_str)
        .is_some_and(|extension| kinds.contains(&extension))
}

/// Writes `content` to `file` and both compressed forms beside it.
pub fn write(file: &Path, content: &[u8]) -> Result<()> {
    let (brotli, gzip) = thread::scope(|scope| {
        let brotli = scope.spawn(|| brotli(content));
        (brotli.join(), gzip(content))
    });
    let brotli = brotli
        .map_err(|_| io::Error::other("the brotli encoder failed"))
        .flatten();
    let [brotli_file, gzip_file] = forms(file);
    // The plain file last: where it is, its forms are.
    write_plain(
        &brotli_file,
        &brotli.with_context(|| format!("cannot compress {}", file.display()))?,
    )?;
    write_plain(
        &gzip_file,
        &gzip.with_context(|| format!("cannot compress {}", file.display()))?,
    )?;
    write_plain(file, content)
}

/// Writes `content` to `file`.
pub fn write_plain(file: &Path, content: &[u8]) -> Result<()> {
    let folder = file.parent().context("a file has a folder")?;
    fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    fs::write(file, content).with_context(|| format!("cannot write {}", file.display()))
}

fn brotli(content: &[u8]) -> io::Result<Vec<u8>> {
    let parameters = BrotliEncoderParams {
        quality: 11,
        lgwin: 22,
        size_hint: content.len(),
        ..BrotliEncoderParams::default()
    };
    let mut compressed = Vec::new();
    brotli::BrotliCompress(&mut &content[..], &mut compressed, &parameters)?;
    Ok(compressed)
}

fn gzip(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(content)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn both_forms_are_smaller_and_give_the_file_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pkg/page.js");
        let content = b"const marrow = 'scope';\n".repeat(200);
        write(&file, &content).unwrap();

        let [brotli, gzip] = forms(&file);
        assert_eq!(brotli.file_name().unwrap(), "page.js.br");
        for form in [&brotli, &gzip] {
            assert!(fs::metadata(form).unwrap().len() < content.len() as u64 / 10);
        }
        let mut plain = Vec::new();
        brotli::BrotliDecompress(&mut fs::read(&brotli).unwrap().as_slice(), &mut plain).unwrap();
        assert_eq!(plain, content);
        plain.clear();
        flate2::read::GzDecoder::new(fs::read(&gzip).unwrap().as_slice())
            .read_to_end(&mut plain)
            .unwrap();
        assert_eq!(plain, content);
        assert_eq!(fs::read(&file).unwrap(), content);
    }
}
