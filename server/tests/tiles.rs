//! Tiles and DeepZoom as clients meet them: what is sent, what is not sent again, what is refused.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::time::Duration;

use support::{Answer, Place, Server, assets_dir};

const QUIET: [&str; 1] = ["--no-first-run"];

/// A copy of the sample slide, imported as S-0001, and its version.
fn with_sample(place: &Place) -> (Server, String) {
    let path = place.folder.path().join("slide.svs");
    std::fs::copy(assets_dir().join("cmu_small_region.svs"), &path).unwrap();
    let server = place.serve(&QUIET);
    let version = import(place, &server, path.to_str().unwrap(), "S-0001");
    (server, version)
}

/// Imports a file and returns its version.
fn import(place: &Place, server: &Server, path: &str, code: &str) -> String {
    let output = place.import(&[path, "--mpp", "0.5"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let slides = server.json("/api/v1/slides");
    let mut slides = slides.as_array().unwrap().iter();
    let slide = slides.find(|slide| slide["code"] == code).unwrap();
    slide["version"].as_str().unwrap().to_owned()
}

fn size(answer: &Answer) -> (u32, u32) {
    assert_eq!((answer.status, &*answer.content_type), (200, "image/jpeg"));
    let image = image::load_from_memory(&answer.body).unwrap();
    (image.width(), image.height())
}

#[test]
fn what_a_client_has_is_not_sent_again() {
    let place = Place::new();
    let (server, version) = with_sample(&place);
    let tiles = format!("/slides/S-0001/{version}/tiles");
    for path in [
        format!("{tiles}/0/3/3"),
        format!("{tiles}/1/0/0"),
        format!("/slides/S-0001/{version}/thumbnail"),
        "/slides/S-0001.dzi".to_owned(),
        "/slides/S-0001_files/12/3_3.jpeg".to_owned(),
        "/slides/S-0001_files/10/0_0.jpeg".to_owned(),
    ] {
        let tile = server.get(&path);
        assert_eq!(tile.status, 200, "{path}");
        let etag = tile.header("etag").to_owned();
        assert!(etag.starts_with('"') && etag.contains(&version), "{etag}");
        let has_version = path.contains(&version);
        assert_eq!(tile.cache_control.contains("immutable"), has_version);
        assert!(has_version || tile.cache_control == "no-cache");
        let head = server.head(&path);
        assert_eq!((head.status, head.header("etag")), (200, &*etag), "{path}");
        assert_eq!(head.header("content-length"), tile.body.len().to_string());
        assert!(head.body.is_empty());
        for known in [
            etag.clone(),
            format!("W/{etag}"),
            format!("\"x\", {etag}"),
            "*".to_owned(),
        ] {
            let again = server.get_with(&path, &[("if-none-match", &known)]);
            assert_eq!((again.status, again.body.len()), (304, 0), "{path} {known}");
            assert_eq!(again.header("etag"), etag);
            assert_eq!(again.cache_control, tile.cache_control);
        }
        let other = server.get_with(&path, &[("if-none-match", "\"x\"")]);
        assert_eq!(other.status, 200, "{path}");
    }
    // Nothing is "known" that is not there.
    for missing in [
        format!("{tiles}/0/10/0"),
        format!("{tiles}/9/0/0"),
        "/slides/S-0001/000000000000/tiles/0/0/0".to_owned(),
        "/slides/S-0001_files/13/0_0.jpeg".to_owned(),
        "/slides/NO-1.dzi".to_owned(),
    ] {
        let answer = server.get_with(&missing, &[("if-none-match", "*")]);
        answer.problem(404);
    }
    let timing = |path: &str| server.get(path).header("server-timing").to_owned();
    assert!(timing(&format!("{tiles}/0/3/3")).starts_with("read;dur="));
    assert_eq!(timing(&format!("{tiles}/1/0/0")), "cache;desc=hit");
    assert!(timing(&format!("{tiles}/1/1/1")).starts_with("cache;desc=miss, decode;dur="));
    let stains = format!("/slides/S-0001/{version}/stains");
    assert!(timing(&stains).starts_with("cache;desc=miss, decode;dur="));
    assert_eq!(timing(&stains), "cache;desc=hit");
    assert!(timing("/slides/S-0001.dzi").starts_with("total;dur="));
}

#[test]
fn a_304_needs_neither_the_file_nor_a_decoder() {
    let place = Place::new();
    let (server, version) = with_sample(&place);
    std::fs::remove_file(place.folder.path().join("slide.svs")).unwrap();
    let path = format!("/slides/S-0001/{version}/tiles/0/3/3");
    let etag = format!("\"{version}-0-3-3\"");
    let known = server.get_with(&path, &[("if-none-match", &etag)]);
    assert_eq!(known.status, 304);
    let said = server.get(&path).problem(422);
    assert!(said.contains("cannot be read any more"), "{said}");
}

#[test]
fn other_viewers_are_served_by_deepzoom() {
    let place = Place::new();
    let (server, version) = with_sample(&place);
    let descriptor = server.get("/slides/S-0001.dzi");
    assert_eq!(descriptor.content_type, "application/xml");
    let xml = String::from_utf8(descriptor.body).unwrap();
    for part in [
        "xmlns=\"http://schemas.microsoft.com/deepzoom/2008\"",
        "TileSize=\"240\" Overlap=\"0\" Format=\"jpeg\"",
        "<Size Width=\"2220\" Height=\"2967\"/>",
    ] {
        assert!(xml.contains(part), "no {part} in {xml}");
    }
    let tile = |place: &str| server.get(&format!("/slides/S-0001_files/{place}.jpeg"));
    // A whole tile is the stored one; one at the edge is cropped, which the stored one is not.
    let own = |place: &str| server.get(&format!("/slides/S-0001/{version}/tiles/{place}"));
    assert_eq!(tile("12/3_4").body, own("0/3/4").body);
    assert!(tile("12/3_4").header("server-timing").starts_with("read"));
    assert_eq!(size(&own("0/9/12")), (240, 240));
    assert_eq!(size(&tile("12/9_12")), (60, 87));
    assert_eq!(size(&tile("12/9_0")), (60, 240));
    assert_eq!(size(&tile("11/4_6")), (150, 44));
    assert_eq!(size(&tile("1/0_0")), (2, 2));
    assert_eq!(size(&tile("0/0_0")), (1, 1));
    // The pixels of the cropped tile are those of the stored one, but for what JPEG loses twice.
    let pixels = |answer: &Answer| image::load_from_memory(&answer.body).unwrap().into_rgb8();
    let (cropped, stored) = (pixels(&tile("12/9_12")), pixels(&own("0/9/12")));
    let differences = cropped.enumerate_pixels().map(|(x, y, pixel)| {
        let other = stored.get_pixel(x, y);
        let channels = pixel.0.iter().zip(other.0);
        channels.map(|(a, b)| u64::from(a.abs_diff(b))).sum::<u64>()
    });
    let mean = differences.sum::<u64>() as f64 / f64::from(60 * 87 * 3);
    assert!(mean < 4.0, "{mean}");

    for missing in ["13/0_0", "12/10_0", "12/0_13", "0/1_0", "x/0_0", "12/0_0_0"] {
        tile(missing).problem(404);
    }
    for path in [
        "/slides/S-0001_files/12/0_0.png",
        "/slides/S-0001_files/12",
        "/slides/S-0002.dzi",
        "/slides/.dzi",
        "/slides/%2e%2e.dzi",
        "/slides/_files/0/0_0.jpeg",
    ] {
        server.get(path).problem(404);
    }
    let origin = format!("http://{}", server.address());
    server
        .post("/slides/S-0001.dzi", &[("origin", &origin)], "")
        .problem(405);
    assert_eq!(server.head("/slides/NO-1.dzi").status, 404);
    // The page of the slide is where it was.
    let page = server.get("/slides/S-0001");
    assert!(page.content_type.starts_with("text/html"));
}

#[test]
fn a_slide_that_is_changed_or_deleted_while_it_is_open_is_not_served_on() {
    let place = Place::new();
    let (server, version) = with_sample(&place);
    let path = place.folder.path().join("slide.svs");
    let stored = format!("/slides/S-0001/{version}/tiles/0/3/3");
    let drawn = format!("/slides/S-0001/{version}/tiles/1/0/0");
    let before = [server.get(&stored).body, server.get(&drawn).body];
    // Another time alone is no change: it is hashed once and served on.
    let set_modified = |seconds| {
        let time = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(time).unwrap();
    };
    set_modified(1);
    assert_eq!(server.get(&stored).body, before[0]);
    assert_eq!(server.get(&drawn).body, before[1]);
    // Nor for what else is drawn of it, although it is found out only when that is drawn.
    for (seconds, what) in [(3, "thumbnail"), (4, "stains")] {
        server.get(&stored);
        set_modified(seconds);
        let answer = server.get(&format!("/slides/S-0001/{version}/{what}"));
        assert_eq!(answer.status, 200, "{what}");
    }

    // Written to in place: no byte of it goes out from then on, not even within the second between two checks.
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    let last = std::fs::metadata(&path).unwrap().len() - 1;
    std::os::unix::fs::FileExt::write_all_at(&file, b"x", last).unwrap();
    set_modified(5);
    let said = server.get(&stored).problem(409);
    assert!(said.contains("import it again"), "{said}");
    server.get(&drawn).problem(409);
    server.get("/slides/S-0001_files/12/3_3.jpeg").problem(409);

    // Put back, it is the slide again; replaced by another file, it is not.
    let sample = assets_dir().join("cmu_small_region.svs");
    std::fs::copy(&sample, &path).unwrap();
    assert_eq!(server.get(&stored).body, before[0]);
    let other = place.folder.path().join("other");
    let mut bytes = std::fs::read(&sample).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&other, bytes).unwrap();
    std::fs::rename(&other, &path).unwrap();
    refused_soon(&server, &stored, &before[0], 409);
    std::fs::copy(&sample, &path).unwrap();
    assert_eq!(server.get(&drawn).body, before[1]);
    std::fs::remove_file(&path).unwrap();
    refused_soon(&server, &drawn, &before[1], 422);
    refused_soon(&server, &stored, &before[0], 422);
}

#[test]
fn a_slide_of_several_files_is_all_of_them() {
    let place = Place::new();
    let server = place.serve(&QUIET);
    let folder = place.folder.path().join("dicom");
    std::fs::create_dir(&folder).unwrap();
    for entry in std::fs::read_dir(assets_dir().join("formats/dicom")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
    }
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    // The largest holds level 0, the second level 1.
    files.sort_by_key(|path| std::cmp::Reverse(std::fs::metadata(path).unwrap().len()));
    let (named, level_1) = (files[0].to_str().unwrap(), &files[1]);
    let version = import(&place, &server, named, "S-0001");
    let tile = |level: u32| server.get(&format!("/slides/S-0001/{version}/tiles/{level}/0/0"));
    let before = [tile(0).body, tile(1).body];
    for level in [0, 1] {
        assert!(tile(level).header("server-timing").starts_with("read;dur="));
    }
    // Whichever of its files is named, and whatever they are called, it is the same slide.
    let renamed = folder.join("renamed");
    std::fs::rename(level_1, &renamed).unwrap();
    let again = import(&place, &server, renamed.to_str().unwrap(), "S-0001");
    assert_eq!(again, version);
    assert_eq!(server.json("/api/v1/slides").as_array().unwrap().len(), 1);
    std::fs::rename(&renamed, level_1).unwrap();
    import(&place, &server, named, "S-0001");

    // A byte of another file than the named one: no tile of the slide goes out from then on.
    let good = std::fs::read(level_1).unwrap();
    let mut changed = good.clone();
    *changed.last_mut().unwrap() ^= 1;
    std::fs::write(level_1, &changed).unwrap();
    for level in [0, 1] {
        let path = format!("/slides/S-0001/{version}/tiles/{level}/0/0");
        refused_soon(&server, &path, &before[level], 409);
        // It is not hashed again for every request, and stays refused.
        server.get(&path).problem(409);
    }
    std::fs::write(level_1, &good).unwrap();
    assert_eq!([tile(0).body, tile(1).body], before);
    // Taken in with the change it is another slide.
    std::fs::write(level_1, &changed).unwrap();
    assert_ne!(import(&place, &server, named, "S-0002"), version);
    std::fs::remove_file(level_1).unwrap();
    let path = format!("/slides/S-0001/{version}/tiles/0/0/0");
    refused_soon(&server, &path, &before[0], 409);
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

/// Waits until a tile is refused; before that it may be sent, but only as it was.
fn refused_soon(server: &Server, path: &str, before: &[u8], status: u16) {
    let started = std::time::Instant::now();
    loop {
        let answer = server.get(path);
        if answer.status == status {
            return;
        }
        assert_eq!((answer.status, &*answer.body), (200, before), "{path}");
        assert!(started.elapsed() < Duration::from_secs(30), "{path}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn no_address_leaves_the_data_folder() {
    let place = Place::new();
    let (server, version) = with_sample(&place);
    std::fs::write(place.folder.path().join("secret"), "confidential").unwrap();
    std::fs::write(place.data_dir().join("secret"), "confidential").unwrap();
    std::fs::write(place.folder.path().join("site/secret"), "confidential").unwrap();
    let long = "a".repeat(3000);
    let absolute = place.folder.path().join("secret");
    let absolute = absolute.to_str().unwrap();
    let encoded = absolute.replace('/', "%2f");
    for (path, statuses) in [
        (
            format!("/slides/../../secret/{version}/thumbnail"),
            &[404][..],
        ),
        (
            format!("/slides/..%2f..%2fsecret/{version}/thumbnail"),
            &[404],
        ),
        (format!("/slides/{encoded}/{version}/thumbnail"), &[404]),
        (format!("/slides/{encoded}.dzi"), &[404]),
        ("/slides/..%2f..%2fsecret.dzi".into(), &[404]),
        ("/slides/..%2fsecret_files/0/0_0.jpeg".into(), &[404]),
        (format!("/slides/S-0001/..%2f{version}/tiles/0/0/0"), &[404]),
        (
            format!("/slides/S-0001/{version}/tiles/../../../secret"),
            &[404],
        ),
        (format!("/slides/S-0001/{version}/tiles/..%2f0/0/0"), &[400]),
        (format!("/slides/S-0001%00/{version}/tiles/0/0/0"), &[400]),
        (format!("/slides/%00/{version}/thumbnail"), &[400]),
        ("/slides/S-0001%00.dzi".into(), &[400]),
        ("/api/v1/slides/%00".into(), &[400]),
        ("/api/v1/slides/..%2f..%2fsecret".into(), &[404]),
        (format!("/slides/{long}/{version}/thumbnail"), &[414]),
        (format!("/slides/{long}.dzi"), &[414]),
        (
            format!("/slides/{}/{version}/thumbnail", &long[..600]),
            &[404],
        ),
        (format!("/slides/{}.dzi", &long[..600]), &[404]),
        ("/pkg/../secret".into(), &[404]),
        ("/pkg/..%2fsecret".into(), &[404]),
        ("/pkg/%2e%2e/%2e%2e/secret".into(), &[404]),
        (format!("/pkg/{absolute}"), &[404]),
        (format!("/pkg/{encoded}"), &[404]),
        ("/public/..%2f..%2fsecret".into(), &[404]),
        ("/public/%00".into(), &[400]),
        ("//secret".into(), &[404]),
    ] {
        let answer = server.get_raw(&path);
        let status: u16 = answer.split(' ').nth(1).unwrap().parse().unwrap();
        assert!(statuses.contains(&status), "{path}: {answer}");
        assert!(!answer.contains("confidential"), "{path}: {answer}");
    }
    assert!(!server.log().contains("request failed"), "{}", server.log());
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

#[test]
fn what_the_server_counts_can_be_read_by_prometheus() {
    let place = Place::new();
    let path = place.folder.path().join("slide.svs");
    std::fs::copy(assets_dir().join("cmu_small_region.svs"), &path).unwrap();
    let server = place.serve(&[
        "--no-first-run",
        "--slide-memory",
        "64",
        "--tile-cache",
        "8",
    ]);
    let version = import(&place, &server, path.to_str().unwrap(), "S-0001");
    for tile in ["0/0/0", "1/0/0", "1/0/0", "0/99/0"] {
        server.get(&format!("/slides/S-0001/{version}/tiles/{tile}"));
    }
    let answer = server.get("/metrics");
    assert_eq!(answer.status, 200);
    assert!(
        answer
            .content_type
            .starts_with("application/openmetrics-text")
    );
    let text = String::from_utf8(answer.body).unwrap();
    // Every line is a comment or `name{labels} number`.
    let mut samples = std::collections::HashMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
        let bare = name.split('{').next().unwrap();
        assert!(bare.starts_with("marrowscope_"), "{line}");
        assert!(samples.insert(name.to_owned(), value).is_none(), "{line}");
    }
    assert!(text.ends_with("# EOF\n"));
    let value = |name: &str| {
        let name = format!("marrowscope_{name}");
        *samples
            .get(&name)
            .unwrap_or_else(|| panic!("no {name} in\n{text}"))
    };
    let route = "/slides/{code}/{version}/tiles/{level}/{column}/{row}";
    let requests = |status| {
        value(&format!(
            "http_requests_total{{route=\"{route}\",status=\"{status}\"}}"
        ))
    };
    assert_eq!((requests(200), requests(404)), (3.0, 1.0));
    for kind in ["passed_through", "decoded", "cached"] {
        let count = value(&format!("tile_latency_seconds_count{{kind=\"{kind}\"}}"));
        assert_eq!(count, 1.0, "{kind}");
    }
    assert_eq!(value("tile_cache_hits_total"), 1.0);
    assert!(value("tile_cache_misses_total") >= 1.0);
    assert_eq!(value("tile_cache_bound_bytes"), f64::from(8 << 20));
    assert!(value("tile_cache_held_bytes") > 1000.0);
    assert_eq!(value("open_slides"), 1.0);
    assert_eq!(value("open_slides_bound_bytes"), f64::from(64 << 20));
    assert!(value("open_slides_held_bytes") > 1000.0);
    assert_eq!(value("turns_waiting{work=\"decode\"}"), 0.0);
    assert_eq!(value("turns_in_use{work=\"terms\"}"), 0.0);
    assert_eq!(value("turns_refused_total{work=\"read\"}"), 0.0);
    assert!(value("resident_bytes") > 1e6);
    assert!(text.contains("marrowscope_build_info{version="));
    assert!(text.contains("marrowscope_jobs{state=\"queued\"}"));
}
