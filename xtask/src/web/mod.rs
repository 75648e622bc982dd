//! Builds what the browser is served into `target/site`: WebAssembly and its JavaScript, the style sheet, static files.
//!
//! ```text
//! target/site/
//!   manifest.json                 {"js": "/pkg/0123abcd/marrowscope.js", "wasm": …, "css": …}: URLs, read by the server
//!   inputs.json                   what each part was made from, so that nothing is made twice
//!   pkg/<hash8>/                  WebAssembly and JavaScript, which name each other: their folder changes with the content
//!   pkg/marrowscope.<hash8>.css   so does this name: the browser may keep all of them for ever
//!   pkg/….br, pkg/….gz            the same, compressed
//!   public/                       a copy of the folder `public`
//! ```

mod compress;
mod fingerprint;
mod scripts;
mod sections;
mod styles;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::steps::Step;
use crate::workspace::Workspace;

pub use fingerprint::fingerprint;
use scripts::Scripts;

/// The brotli form of a file of the site.
pub fn brotli_form(file: &Path) -> PathBuf {
    let [brotli, _] = compress::forms(file);
    brotli
}

/// Where the parts that a page needs are, as URLs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The ES module that loads the WebAssembly.
    pub js: String,
    /// The WebAssembly.
    pub wasm: String,
    /// The style sheet.
    pub css: String,
    /// The modules that `js` imports.
    pub modules: Vec<String>,
    /// The WebAssembly that only the page of a slide needs.
    pub slide: Vec<String>,
}

impl Manifest {
    /// What every page loads, in the folder of the site.
    pub fn files_of_every_page(&self, site: &Path) -> Vec<PathBuf> {
        [&self.js, &self.wasm, &self.css]
            .into_iter()
            .chain(&self.modules)
            .map(|url| file(site, url))
            .collect()
    }

    /// What the page of a slide loads, in the folder of the site.
    pub fn files_of_slide_page(&self, site: &Path) -> Vec<PathBuf> {
        let mut files = self.files_of_every_page(site);
        files.extend(self.slide.iter().map(|url| file(site, url)));
        files
    }
}

fn file(site: &Path, url: &str) -> PathBuf {
    site.join(url.trim_start_matches('/'))
}

/// Part of the site → fingerprint of what it was made from.
type Inputs = BTreeMap<String, String>;

const SCRIPT_SOURCES: &[&str] = &[
    "app",
    "frontend",
    "crates/domain",
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain.toml",
    ".cargo/config.toml",
    "xtask/src/web",
];
const STYLE_SOURCES: &[&str] = &["style", "xtask/src/web"];
const PUBLIC_SOURCES: &[&str] = &["public", "xtask/src/web"];

/// For whom the site is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// What is served to people: `target/site`.
    Product,
    /// For `cargo xtask dev`, in `target/dev-site`: pages reload when the server has been away.
    Dev,
}

/// Every page of the development site runs this as well.
const RELOAD: &str = "
let away = false;
setInterval(() => fetch('/healthz').then(() => away && location.reload(), () => { away = true; }), 200);
";

impl Variant {
    /// Where it is built.
    pub fn folder(self, workspace: &Workspace) -> PathBuf {
        workspace.target.join(match self {
            Self::Product => "site",
            Self::Dev => "dev-site",
        })
    }
}

/// Builds the parts whose sources have changed.
pub fn build(workspace: &Workspace, variant: Variant) -> Result<Manifest> {
    let (root, site) = (&workspace.root, variant.folder(workspace));
    let pkg = site.join("pkg");
    fs::create_dir_all(&pkg)
        .with_context(|| format!("cannot make the folder {}", pkg.display()))?;
    let before: Manifest = read_json(&site.join("manifest.json")).unwrap_or_default();
    let mut inputs: Inputs = read_json(&site.join("inputs.json")).unwrap_or_default();
    let mut manifest = before.clone();

    let scripts = fingerprint(root, SCRIPT_SOURCES)?;
    if inputs.get("scripts") != Some(&scripts)
        || !before
            .files_of_slide_page(&site)
            .iter()
            .all(|file| is_whole(file))
    {
        let mut made = scripts::make(workspace)?;
        if variant == Variant::Dev
            && let Some(js) = made.files.get_mut(Path::new(scripts::JS))
        {
            js.extend_from_slice(RELOAD.as_bytes());
        }
        let step = Step::begin("Compressing it");
        put_scripts(&pkg, &made, &mut manifest)?;
        inputs.insert("scripts".into(), scripts);
        step.done();
    }

    let styles = fingerprint(root, STYLE_SOURCES)?;
    if inputs.get("styles") != Some(&styles) || !is_whole(&file(&site, &before.css)) {
        manifest.css = put(&pkg, "css", &styles::make(root)?)?;
        inputs.insert("styles".into(), styles);
    }

    let public = fingerprint(root, PUBLIC_SOURCES)?;
    if inputs.get("public") != Some(&public) || !site.join("public").is_dir() {
        copy_public(&root.join("public"), &site)?;
        inputs.insert("public".into(), public);
    }

    if manifest != before {
        write_json(&site.join("manifest.json"), &manifest)?;
        // A server that was started before still serves the parts that it knows.
        remove_others(
            &pkg,
            &[&before, &manifest]
                .map(|manifest| manifest.files_of_slide_page(&site))
                .concat(),
        )?;
    }
    write_json(&site.join("inputs.json"), &inputs)?;
    Ok(manifest)
}

/// Writes the scripts and their compressed forms into a folder whose name is made of the hash of all of them.
fn put_scripts(pkg: &Path, scripts: &Scripts, manifest: &mut Manifest) -> Result<()> {
    let hash = crate::hash::sha256(
        scripts
            .files
            .iter()
            .map(|(path, content)| format!("{} {}\n", crate::hash::sha256(content), path.display()))
            .collect::<String>()
            .as_bytes(),
    );
    let folder = &hash[..8];
    for (path, content) in &scripts.files {
        compress::write(&pkg.join(folder).join(path), content)?;
    }
    let url = |path: &Path| format!("/pkg/{folder}/{}", path.display());
    manifest.js = url(Path::new(scripts::JS));
    manifest.wasm = url(Path::new(scripts::WASM));
    manifest.modules = scripts.modules().map(url).collect();
    manifest.slide = scripts.slide.iter().map(|path| url(path)).collect();
    Ok(())
}

/// Writes `content` and its compressed forms under a name made of its hash; returns the URL.
fn put(pkg: &Path, extension: &str, content: &[u8]) -> Result<String> {
    let hash = crate::hash::sha256(content);
    let name = format!("marrowscope.{}.{extension}", &hash[..8]);
    compress::write(&pkg.join(&name), content)?;
    Ok(format!("/pkg/{name}"))
}

/// Whether a file and its compressed forms are there.
fn is_whole(file: &Path) -> bool {
    file.is_file() && compress::forms(file).iter().all(|form| form.is_file())
}

fn copy_public(from: &Path, site: &Path) -> Result<()> {
    let (to, part) = (site.join("public"), site.join(".public"));
    remove_folder(&part)?;
    fs::create_dir_all(&part)?;
    for path in fingerprint::files(from)? {
        let content = fs::read(from.join(&path))
            .with_context(|| format!("cannot read {}", path.display()))?;
        let target = part.join(&path);
        if compress::is_worth_it(&path) {
            compress::write(&target, &content)?;
        } else {
            compress::write_plain(&target, &content)?;
        }
    }
    remove_folder(&to)?;
    fs::rename(&part, &to).with_context(|| format!("cannot make {}", to.display()))
}

fn remove_folder(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// Removes the files and folders of earlier builds.
fn remove_others(pkg: &Path, kept: &[PathBuf]) -> Result<()> {
    for entry in fs::read_dir(pkg)? {
        let path = entry?.path();
        let belongs = kept
            .iter()
            .any(|file| file.starts_with(&path) || compress::forms(file).contains(&path));
        if belongs {
            continue;
        }
        if path.is_dir() {
            remove_folder(&path)?;
        } else {
            fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    Ok(())
}

fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> Option<T> {
    // Absent, cut short or of an older form: then everything is made again.
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let folder = path.parent().context("a file has a folder")?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    crate::assets::make_readable(file.as_file())?;
    serde_json::to_writer_pretty(&mut file, value)?;
    file.write_all(b"\n")?;
    file.persist(path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_follows_the_content_and_the_compressed_forms_lie_beside_it() {
        let pkg = tempfile::tempdir().unwrap();
        let url = put(pkg.path(), "css", b"a{}").unwrap();
        assert_eq!(url, put(pkg.path(), "css", b"a{}").unwrap());
        assert_ne!(url, put(pkg.path(), "css", b"b{}").unwrap());
        let file = pkg.path().join(url.strip_prefix("/pkg/").unwrap());
        assert!(is_whole(&file));
        fs::remove_file(&compress::forms(&file)[0]).unwrap();
        assert!(!is_whole(&file));
    }

    #[test]
    fn only_this_and_the_previous_build_are_kept() {
        let site = tempfile::tempdir().unwrap();
        let pkg = site.path().join("pkg");
        fs::create_dir(&pkg).unwrap();
        let manifests = [b"1", b"2", b"3"].map(|content| {
            let mut manifest = Manifest {
                css: put(&pkg, "css", b"the same").unwrap(),
                ..Manifest::default()
            };
            put_scripts(&pkg, &scripts(content), &mut manifest).unwrap();
            manifest
        });
        fs::write(pkg.join("left.over"), "").unwrap();
        let files = |manifest: &Manifest| manifest.files_of_slide_page(site.path());
        remove_others(
            &pkg,
            &manifests[1..].iter().flat_map(files).collect::<Vec<_>>(),
        )
        .unwrap();
        assert!(
            manifests[1..]
                .iter()
                .flat_map(files)
                .all(|file| is_whole(&file))
        );
        assert!(!files(&manifests[0])[0].exists());
        // Two folders, and the style sheet in three forms.
        assert_eq!(fs::read_dir(&pkg).unwrap().count(), 2 + 3);
    }

    fn scripts(wasm: &[u8]) -> Scripts {
        let file = |path: &str, content: &[u8]| (PathBuf::from(path), content.to_owned());
        Scripts {
            files: BTreeMap::from([
                file(scripts::JS, b"import './parts.js'"),
                file(scripts::WASM, wasm),
                file("parts.js", b"fetch('slide.wasm')"),
                file("slide.wasm", b"part"),
                file("snippets/own/lock.js", b"export {}"),
            ]),
            slide: vec!["slide.wasm".into()],
        }
    }

    #[test]
    fn scripts_lie_in_a_folder_named_after_all_of_them_and_only_a_slide_needs_its_part() {
        let site = tempfile::tempdir().unwrap();
        let pkg = site.path().join("pkg");
        let put = |scripts: &Scripts| {
            let mut manifest = Manifest {
                css: put(&pkg, "css", b"a{}").unwrap(),
                ..Manifest::default()
            };
            put_scripts(&pkg, scripts, &mut manifest).unwrap();
            manifest
        };
        let one = put(&scripts(b"one"));
        assert_eq!(one, put(&scripts(b"one")));
        let mut other = scripts(b"one");
        other.files.insert("slide.wasm".into(), b"other".to_vec());
        // The address of every file changes with any of them.
        assert_ne!(one.js, put(&other).js);

        let folder = one.js.strip_suffix("marrowscope.js").unwrap();
        assert_eq!(
            one.modules,
            ["parts.js", "snippets/own/lock.js"].map(|name| format!("{folder}{name}"))
        );
        assert_eq!(one.slide, [format!("{folder}slide.wasm")]);
        let of_slide = one.files_of_slide_page(site.path());
        assert!(of_slide.iter().all(|file| is_whole(file)));
        let of_every = one.files_of_every_page(site.path());
        assert_eq!((of_every.len(), of_slide.len()), (5, 6));
        assert!(of_slide.starts_with(&of_every));
    }

    #[test]
    fn static_files_are_copied_and_text_among_them_is_compressed() {
        let (public, site) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir(public.path().join("icons")).unwrap();
        fs::write(public.path().join("icons/mark.svg"), "<svg/>".repeat(100)).unwrap();
        fs::write(public.path().join("photo.png"), "png").unwrap();
        fs::create_dir(site.path().join("public")).unwrap();
        fs::write(site.path().join("public/old.txt"), "gone").unwrap();
        copy_public(public.path(), site.path()).unwrap();
        let copied = fingerprint::files(&site.path().join("public")).unwrap();
        let names: Vec<_> = copied.iter().map(|path| path.to_str().unwrap()).collect();
        assert_eq!(
            names,
            [
                "icons/mark.svg",
                "icons/mark.svg.br",
                "icons/mark.svg.gz",
                "photo.png"
            ]
        );
    }

    #[test]
    fn a_damaged_manifest_counts_as_none() {
        let site = tempfile::tempdir().unwrap();
        let path = site.path().join("manifest.json");
        fs::write(&path, "{\"js\": \"/pk").unwrap();
        assert_eq!(read_json::<Manifest>(&path), None);
        let manifest = Manifest {
            js: "/pkg/a.js".into(),
            wasm: "/pkg/a.wasm".into(),
            css: "/pkg/a.css".into(),
            modules: vec!["/pkg/b.js".into()],
            slide: vec!["/pkg/b.wasm".into()],
        };
        write_json(&path, &manifest).unwrap();
        assert_eq!(read_json(&path), Some(manifest));
    }
}
