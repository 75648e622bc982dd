//! The program as others meet it: answers, refusals, and what happens when things go wrong.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::time::Duration;

use support::{Place, Server, assets_dir};

const QUIET: [&str; 1] = ["--no-first-run"];

fn png(place: &Place, name: &str) -> String {
    let path = place.folder.path().join(name);
    let image = image::RgbImage::from_fn(600, 500, |x, y| {
        image::Rgb([
            180 + (x % 60) as u8,
            80 + (y % 90) as u8,
            150 + ((x * y) % 80) as u8,
        ])
    });
    image.save(&path).unwrap();
    path.to_str().unwrap().to_owned()
}

fn told(output: &[u8]) -> String {
    String::from_utf8_lossy(output).into_owned()
}

fn origin(server: &Server) -> String {
    format!("http://{}", server.address())
}

#[test]
fn the_sample_slide_is_imported_encoded_and_served() {
    let place = Place::new();
    let server = place.serve(&QUIET);
    let sample = assets_dir().join("cmu_small_region.svs");
    let output = place.import(&[sample.to_str().unwrap(), "--tissue", "skin"]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(String::from_utf8_lossy(&output.stdout).contains("S-0001"));
    // Again is the same slide.
    let again = place.import(&[sample.to_str().unwrap()]);
    assert!(again.status.success() && told(&again.stdout).contains("S-0001"));

    let slides = server.wait_for("/api/v1/slides", Duration::from_secs(60), |slides| {
        slides[0]["encoded"] == true
    });
    assert_eq!(slides.as_array().unwrap().len(), 1);
    assert_eq!(slides[0]["tissue"], "skin");
    let version = slides[0]["version"].as_str().unwrap();
    let text = slides.to_string();
    assert!(
        !text.contains("cmu_small"),
        "the file's name is shown: {text}"
    );

    let tile = server.get(&format!("/slides/S-0001/{version}/tiles/0/0/0"));
    assert_eq!(
        (tile.status, tile.content_type.as_str()),
        (200, "image/jpeg")
    );
    assert!(tile.cache_control.contains("immutable"));
    assert_eq!(&tile.body[..2], [0xff, 0xd8]);
    let thumbnail = server.get(&format!("/slides/S-0001/{version}/thumbnail"));
    let thumbnail = image::load_from_memory(&thumbnail.body).unwrap();
    assert_eq!(thumbnail.height(), 512);

    let stains = server.get(&format!("/slides/S-0001/{version}/stains"));
    assert_eq!(
        (stains.status, stains.content_type.as_str()),
        (200, "application/json")
    );
    assert!(stains.cache_control.contains("immutable"));
    let stains: serde_json::Value = serde_json::from_slice(&stains.body).unwrap();
    let red = |stain: &str| stains["stains"][stain][0].as_f64().unwrap();
    assert!(red("haematoxylin") > red("eosin") + 0.1, "{stains}");
    server
        .get("/slides/S-0001/000000000000/stains")
        .problem(404);

    let detail = server
        .get(&format!("/slides/S-0001/{version}/tiles/0/10/0"))
        .problem(404);
    assert!(detail.contains("columns go from 0 to 9"), "{detail}");
    server
        .get(&format!("/slides/S-0001/{version}/tiles/7/0/0"))
        .problem(404);
    server
        .get(&format!("/slides/S-0001/{version}/tiles/-1/0/0"))
        .problem(400);
    server
        .get(&format!("/slides/S-0001/{version}/tiles/0/99999999999/0"))
        .problem(404);
    // One tile has one address.
    for column in ["007", "+1"] {
        server
            .get(&format!("/slides/S-0001/{version}/tiles/0/{column}/0"))
            .problem(400);
    }
    server
        .get("/slides/S-0001/000000000000/tiles/0/0/0")
        .problem(404);
    server
        .get("/slides/NO-1/000000000000/thumbnail")
        .problem(404);
    server
        .get("/slides/S-0001/terms/000000000000/no-model/no-target/0")
        .problem(404);
    server.get("/api/v1/slides/NO-1").problem(404);
    server.get("/api/v1/no-such-thing").problem(404);
    assert!(server.stop().success());
}

#[test]
fn only_pages_of_our_own_may_change_something() {
    let place = Place::new();
    let server = place.serve(&QUIET);
    let ours = origin(&server);
    server
        .get_with("/api/v1/slides", &[("host", "evil.example")])
        .problem(421);
    server.post("/api/v1/jobs/1/cancel", &[], "").problem(403);
    server
        .post(
            "/api/v1/jobs/1/cancel",
            &[("origin", "http://evil.example")],
            "",
        )
        .problem(403);
    let json = ("content-type", "application/json");
    let body = r#"{"path":"/etc/hostname","mpp":0.5,"patient":null,"tissue":"marrow"}"#;
    for (route, body) in [
        ("/fn/cancel-job", "id=1"),
        ("/fn/retry-job", "id=1"),
        ("/api/v1/jobs/1/retry", ""),
        ("/api/v1/slides", body),
    ] {
        let evil = [("origin", "http://evil.example"), json];
        let said = server.post(route, &evil, body).problem(403);
        assert!(said.contains("same origin"), "{route}: {said}");
    }
    // From our own page it is allowed, but there is no such job.
    server
        .post("/api/v1/jobs/1/cancel", &[("origin", &ours)], "")
        .problem(404);
    // A file by its path needs the key, also from our own page.
    server
        .post("/api/v1/slides", &[("origin", &ours), json], body)
        .problem(403);
    server
        .post(
            "/api/v1/slides",
            &[("origin", &ours), json, ("authorization", "Bearer 0")],
            body,
        )
        .problem(403);
    assert_eq!(server.json("/api/v1/slides"), serde_json::json!([]));
}

#[test]
fn every_refusal_is_a_problem_in_json() {
    let place = Place::new();
    let server = place.serve(&QUIET);
    let ours = origin(&server);
    let import = |content_type, body| {
        let headers = [("origin", ours.as_str()), ("content-type", content_type)];
        server.post("/api/v1/slides", &headers, body)
    };
    import("application/json", "{").problem(400);
    let said = import("application/json", "{}").problem(422);
    assert!(said.contains("path"), "{said}");
    import("text/plain", "{}").problem(415);

    let post = |path| server.post(path, &[("origin", &ours)], "");
    for path in ["/api/v1/models", "/", "/events", "/readyz", "/pkg/a.js"] {
        post(path).problem(405);
    }
    server.get("/api/v1/jobs/1/cancel").problem(405);
    post("/api/v1/no-such-thing").problem(404);
    for path in ["/api/v1", "/api/v1/", "/fn", "/fn/", "/fn/no-such-function"] {
        server.get(path).problem(404);
        post(path).problem(404);
    }
    // No text in UTF-8.
    for path in [
        "/api/v1/slides/%FF",
        "/slides/%FF/000000000000/thumbnail",
        "/slides/%FF/000000000000/stains",
        "/slides/S-0001/%FF/tiles/0/0/0",
        "/slides/S-0001/terms/000000000000/%FF/no-target/0",
        // No number.
        "/slides/S-0001/000000000000/tiles/0/x/0",
        "/slides/S-0001/terms/000000000000/no-model/no-target/x",
    ] {
        server.get(path).problem(400);
    }
    for path in [
        "/slides/S-0001/000000000000/stains",
        "/slides/S-0001/000000000000/thumbnail",
        "/slides/S-0001/000000000000/tiles/0/0/0",
        "/slides/S-0001/terms/000000000000/no-model/no-target/0",
        "/slides/S-0001.dzi",
    ] {
        server.get(path).problem(404);
        post(path).problem(405);
    }
    // A little more than is read: with much more the connection may close under a client that still sends.
    let long = format!("{{\"path\":\"{}\"}}", "a".repeat(2 << 20));
    import("application/json", &long).problem(413);
    assert!(!server.log().contains("request failed"), "{}", server.log());
}

#[test]
fn only_a_file_that_is_there_is_kept_for_ever() {
    let place = Place::new();
    std::fs::write(place.folder.path().join("site/pkg/a.js"), "let a;").unwrap();
    let server = place.serve(&QUIET);
    let found = server.get("/pkg/a.js");
    assert_eq!((found.status, &*found.body), (200, &b"let a;"[..]));
    assert!(found.cache_control.contains("immutable"));
    for path in ["/pkg/b.js", "/public/b.svg"] {
        let missing = server.get(path);
        missing.problem(404);
        assert_eq!(missing.cache_control, "no-store", "{path}");
    }
}

#[test]
fn the_stream_of_progress_ends_when_nothing_runs() {
    let place = Place::new();
    let server = place.serve(&QUIET);
    let started = std::time::Instant::now();
    let stream = server.get("/events");
    assert_eq!(stream.status, 200);
    assert!(stream.content_type.starts_with("text/event-stream"));
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "after {:?}",
        started.elapsed()
    );
}

#[test]
fn what_is_no_slide_is_refused_with_a_reason() {
    let place = Place::new();
    let server = place.serve(&QUIET);
    let file = |name: &str, bytes: &[u8]| {
        let path = place.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let sample = std::fs::read(assets_dir().join("cmu_small_region.svs")).unwrap();
    let cut = &std::fs::read(png(&place, "whole.png")).unwrap()[..200];
    let no_slide = "the file is not a slide: ";
    for (path, words) in [
        (file("empty.svs", b""), [no_slide, "it is empty"]),
        (
            file("text.svs", b"this is no slide"),
            [no_slide, "no reader knows it. Known are SVS, "],
        ),
        (
            file("truncated.svs", &sample[..sample.len() / 3]),
            ["the file is damaged: ", "Was it copied whole?"],
        ),
        (file("truncated.png", cut), ["the file is damaged: ", ""]),
        (
            "/".to_owned(),
            [no_slide, "it is no file; name the slide's own file"],
        ),
        (
            "/no/such/file.svs".to_owned(),
            ["cannot find /no/such/file.svs", "No such file"],
        ),
    ] {
        let output = place.import(&[&path, "--mpp", "0.5"]);
        let said = told(&output.stderr);
        assert!(!output.status.success(), "{path} was taken");
        assert!(said.starts_with("marrowscope: "), "{path}: {said}");
        // Who named the file is told which one it was.
        for expected in words.into_iter().chain([path.as_str()]) {
            assert!(said.contains(expected), "{path}: no '{expected}' in {said}");
        }
    }
    let output = place.import(&[&png(&place, "nompp.png")]);
    assert!(!output.status.success());
    let said = told(&output.stderr);
    assert!(said.contains("nompp.png: the file does not say how many micrometres"));
    assert!(said.contains("--mpp"), "{said}");
    // A patient of the synthetic cohort, which may not be drawn yet.
    let own = png(&place, "own.png");
    let output = place.import(&[&own, "--mpp", "0.5", "--patient", "P-0001"]);
    assert!(!output.status.success());
    let said = told(&output.stderr);
    assert!(said.contains("those of the synthetic patients"), "{said}");
    assert_eq!(server.json("/api/v1/slides"), serde_json::json!([]));
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

#[test]
fn another_word_about_a_file_that_is_a_slide_already_is_refused() {
    let place = Place::new();
    let path = png(&place, "image.png");
    let as_it_was = ["--mpp", "0.5", "--patient", "A-7", "--tissue", "spleen"];
    let import = |words: &[&str]| place.import(&[&[path.as_str()], words].concat());
    assert!(import(&as_it_was).status.success());
    let server = place.serve(&QUIET);
    let again = import(&as_it_was);
    assert!(again.status.success(), "{}", told(&again.stderr));
    assert!(told(&again.stdout).contains("S-0001"));
    assert!(import(&["--mpp", "0.5"]).status.success());
    for (words, difference) in [
        (["--mpp", "0.25"], "resolution is 0.5 × 0.5 µm/px, not 0.25"),
        (["--patient", "A-8"], "patient is A-7, not A-8"),
        (["--tissue", "marrow"], "tissue is 'spleen', not 'marrow'"),
    ] {
        let mut with_mpp = words.to_vec();
        if words[0] != "--mpp" {
            with_mpp.extend(["--mpp", "0.5"]);
        }
        let output = import(&with_mpp);
        let said = told(&output.stderr);
        assert!(
            !output.status.success(),
            "{words:?}: {}",
            told(&output.stdout)
        );
        assert!(said.contains("slide S-0001 already"), "{said}");
        assert!(said.contains(difference), "{said}");
    }
    let (ours, key) = (origin(&server), format!("Bearer {}", place.key()));
    let headers = [
        ("origin", ours.as_str()),
        ("content-type", "application/json"),
        ("authorization", key.as_str()),
    ];
    let body = serde_json::json!({ "path": path, "mpp": 0.25 }).to_string();
    let said = server.post("/api/v1/slides", &headers, &body).problem(409);
    assert!(said.contains("resolution"), "{said}");
    let slides = server.json("/api/v1/slides");
    assert_eq!(slides.as_array().unwrap().len(), 1);
    assert_eq!(slides[0]["patient"], "A-7");
    assert_eq!(slides[0]["tissue"], "spleen");
}

#[test]
fn where_a_damaged_file_lies_is_never_told() {
    let place = Place::new();
    let path = place.folder.path().join("jane-doe.svs");
    std::fs::copy(assets_dir().join("cmu_small_region.svs"), &path).unwrap();
    let bytes = std::fs::metadata(&path).unwrap().len() as usize;
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    let inside = (bytes / 8) as u64;
    std::os::unix::fs::FileExt::write_all_at(&file, &vec![0; bytes / 4], inside).unwrap();
    drop(file);
    // Importing reads no pixels.
    let server = place.serve(&QUIET);
    let output = place.import(&[path.to_str().unwrap()]);
    assert!(output.status.success(), "{}", told(&output.stderr));
    let slides = server.json("/api/v1/slides");
    let version = slides[0]["version"].as_str().unwrap();
    let tiles = format!("/slides/S-0001/{version}/tiles/0");
    let folder = place.folder.path().to_str().unwrap();
    let (mut failed, mut served) = (0, 0);
    for (column, row) in (0..10).flat_map(|column| (0..12).map(move |row| (column, row))) {
        let answer = server.get(&format!("{tiles}/{column}/{row}"));
        if answer.status != 200 {
            let said = answer.problem(422);
            assert!(
                said.starts_with("level 0 of the slide cannot be read at"),
                "{said}"
            );
            assert!(!said.contains(folder) && !said.contains("jane"), "{said}");
            failed += 1;
        } else {
            served += 1;
        }
    }
    assert!(
        failed > 10 && served > 10,
        "{failed} tiles failed, {served} did not"
    );
    // Its encoding was done before, or fails now; it is not told there either.
    let jobs = server.wait_for("/api/v1/jobs", Duration::from_secs(60), |jobs| {
        jobs["jobs"] == serde_json::json!([]) || jobs["jobs"][0]["error"].is_string()
    });
    let jobs = jobs.to_string();
    assert!(!jobs.contains(folder) && !jobs.contains("jane"), "{jobs}");
}

#[test]
fn a_file_that_changed_after_its_import_is_not_served_as_the_slide() {
    let place = Place::new();
    let (changed, copied) = (png(&place, "changed.png"), png(&place, "copied.png"));
    // Other pixels, or both files would be the same slide.
    let other = image::RgbImage::from_pixel(600, 500, image::Rgb([200, 90, 160]));
    other.save(&copied).unwrap();
    for path in [&changed, &copied] {
        assert!(place.import(&[path, "--mpp", "0.5"]).status.success());
    }
    let mut bytes = std::fs::read(&changed).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&changed, bytes).unwrap();
    // The same content with another time, as a copied folder has it.
    let file = std::fs::File::options().write(true).open(&copied).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH)
        .unwrap();

    let server = place.serve(&QUIET);
    let slides = server.wait_for("/api/v1/slides", Duration::from_secs(60), |slides| {
        slides[0]["jobs"]["failed"] == 1 && slides[1]["encoded"] == true
    });
    let tile = |slide: usize| {
        let (code, version) = (&slides[slide]["code"], &slides[slide]["version"]);
        let (code, version) = (code.as_str().unwrap(), version.as_str().unwrap());
        server.get(&format!("/slides/{code}/{version}/tiles/0/0/0"))
    };
    let said = tile(0).problem(409);
    assert!(
        said.contains("has changed since it was imported: import it again"),
        "{said}"
    );
    assert_eq!(tile(1).status, 200);
    let jobs = server.json("/api/v1/jobs").to_string();
    assert!(jobs.contains("has changed since it was imported"), "{jobs}");
}

#[test]
fn without_a_running_server_an_import_waits_for_the_next() {
    let place = Place::new();
    let path = png(&place, "image.png");
    let output = place.import(&[&path, "--mpp", "0.5", "--patient", "A-7"]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let server = place.serve(&QUIET);
    let slides = server.wait_for("/api/v1/slides", Duration::from_secs(60), |slides| {
        slides[0]["encoded"] == true
    });
    assert_eq!(slides[0]["patient"], "A-7");
}

#[test]
fn postgres_gone_while_serving_comes_back_and_nothing_is_lost() {
    let place = Place::new();
    let path = png(&place, "image.png");
    let server = place.serve(&QUIET);
    assert!(place.import(&[&path, "--mpp", "0.5"]).status.success());
    let before = server.json("/api/v1/slides")[0]["code"].clone();
    rustix::process::kill_process(postmaster_of(&server), rustix::process::Signal::QUIT).unwrap();
    let started = std::time::Instant::now();
    // Without a pause: it may be back within a second.
    loop {
        let ready = server.get("/readyz");
        if ready.status != 200 {
            assert!(ready.problem(503).contains("database"));
            break;
        }
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "still ready: {}",
            server.log()
        );
    }
    // In between a request may be refused, but only as "not now".
    loop {
        let answer = server.get("/api/v1/slides");
        if answer.status == 200 {
            assert_eq!(answer.json()[0]["code"], before);
            break;
        }
        let said = answer.problem(503);
        assert!(said.contains("database"), "{said}");
        assert_eq!(server.get("/healthz").status, 200);
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "still no database: {}",
            server.log()
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

#[test]
fn damaged_assets_are_named_and_the_work_goes_on_once_they_are_mended() {
    let mut place = Place::new();
    let assets = place.folder.path().join("assets");
    place.assets.clone_from(&assets);
    std::fs::create_dir(&assets).unwrap();
    let weights = "efficientnet-lite0-57934424.pth";
    let sample = std::fs::read(assets_dir().join("cmu_small_region.svs")).unwrap();
    std::fs::write(assets.join(weights), b"").unwrap();
    std::fs::write(assets.join("cmu_small_region.svs"), &sample[..1000]).unwrap();
    let server = place.serve(&["--phantom-patients", "10", "--phantom-spot-px", "448"]);
    let told = |words: &'static str| {
        server.wait_for("/api/v1/jobs", Duration::from_secs(30), move |jobs| {
            jobs.to_string().contains(words)
        })
    };
    // The sample slide is cut short. A slide of one's own is taken meanwhile, and waits for the encoder.
    told("cmu_small_region.svs in the assets folder is not the expected file");
    let path = png(&place, "image.png");
    assert!(place.import(&[&path, "--mpp", "0.5"]).status.success());
    let jobs = told("empty file: delete it and run `cargo xtask assets`");
    // Where it lies is for the log.
    let folder = place.folder.path().to_str().unwrap();
    assert!(!jobs.to_string().contains(folder), "{jobs:#}");
    assert!(
        server
            .log()
            .contains(assets.join(weights).to_str().unwrap())
    );
    std::fs::write(assets.join(weights), b"another file").unwrap();
    let jobs = told("are not the expected file (SHA-256 ");
    assert!(!jobs.to_string().contains(folder), "{jobs:#}");
    assert_eq!(server.get("/readyz").status, 200);

    // A person gives up on one slide. It stays so until the person thinks better of it.
    let jobs = server.json("/api/v1/jobs");
    let mut jobs = jobs["jobs"].as_array().unwrap().iter();
    let job = &jobs.find(|job| job["slide"] == "S-0001").unwrap()["id"];
    let origin = origin(&server);
    let ask = |what: &str| {
        let path = format!("/api/v1/jobs/{job}/{what}");
        let answer = server.post(&path, &[("origin", &origin)], "");
        assert!((200..300).contains(&answer.status), "{}", answer.status);
    };
    ask("cancel");
    std::fs::copy(assets_dir().join(weights), assets.join(weights)).unwrap();
    let encoded = |wanted: &'static str| {
        server.wait_for("/api/v1/slides", Duration::from_secs(60), move |slides| {
            let mut slides = slides.as_array().unwrap().iter();
            slides.any(|slide| slide["code"] == wanted && slide["encoded"] == true)
        })
    };
    let slides = encoded("PH-0001");
    let of_slide = |code: &str| {
        let mut slides = slides.as_array().unwrap().iter();
        slides.find(|slide| slide["code"] == code).unwrap().clone()
    };
    assert_eq!(of_slide("S-0001")["jobs"]["cancelled"], 1);
    assert_eq!(of_slide("S-0001")["encoded"], false);
    let jobs = server.json("/api/v1/jobs");
    assert_eq!(jobs["counts"]["cancelled"], 1);
    assert!(
        jobs.to_string().contains(r#""state":"cancelled""#),
        "{jobs:#}"
    );
    ask("retry");
    encoded("S-0001");
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

#[test]
fn a_full_disk_is_told_and_the_work_goes_on_once_there_is_room() {
    let place = Place::new();
    let path = png(&place, "image.png");
    // A limit on the size of files fails like a full disk, and here only for the server, not for Postgres. Its signal must
    // be ignored from the start, or it would end the program.
    let server = place.serve_through(&["sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"], &QUIET);
    server.limit_file_size(Some(8_000));
    assert!(place.import(&[&path, "--mpp", "0.5"]).status.success());
    let full = server.wait_for("/api/v1/jobs", Duration::from_secs(60), |jobs| {
        jobs.to_string()
            .contains("the disk of the data folder is full")
    });
    let folder = place.folder.path().to_str().unwrap();
    assert!(!full.to_string().contains(folder), "{full:#}");
    assert_eq!(full["jobs"].as_array().unwrap().len(), 1, "{full:#}");
    assert_eq!(server.get("/readyz").status, 200);
    server.limit_file_size(None);
    server.wait_for("/api/v1/slides", Duration::from_secs(60), |slides| {
        slides[0]["encoded"] == true
    });
}

/// The postmaster that the server started: found through the data folder on its command line.
fn postmaster_of(server: &Server) -> rustix::process::Pid {
    let log = server.log();
    let folder = log
        .lines()
        .find_map(|line| line.split_once("private cluster in '"))
        .and_then(|(_, rest)| rest.split_once('\''))
        .map(|(folder, _)| folder.to_owned())
        .expect("the log names the cluster's folder");
    let pid = std::fs::read_to_string(format!("{folder}/cluster/postmaster.pid")).unwrap();
    rustix::process::Pid::from_raw(pid.lines().next().unwrap().parse().unwrap()).unwrap()
}

#[test]
fn the_api_describes_itself() {
    let place = Place::new();
    let server = place.serve(&QUIET);
    let description = server.json("/api/v1/openapi.json");
    for path in [
        "/api/v1/slides",
        "/api/v1/slides/{code}",
        "/api/v1/models",
        "/api/v1/jobs",
        "/api/v1/status",
    ] {
        assert!(description["paths"][path]["get"].is_object(), "{path}");
    }
    let status = server.json("/api/v1/status");
    assert_eq!(status["slides"], 0);
    assert!(status["resident_bytes"].as_u64().unwrap() > 0);
}

#[test]
fn an_image_without_a_pyramid_gets_one_and_stays_the_same_slide() {
    let place = Place::new();
    let path = place.folder.path().join("large.png");
    let image = image::RgbImage::from_fn(5000, 4000, |x, y| {
        image::Rgb([(x / 20) as u8, (y / 16) as u8, 150])
    });
    image.save(&path).unwrap();
    let import = |words: &[&str]| {
        let path = path.to_str().unwrap();
        place.import(&[&[path][..], words].concat())
    };
    // The size of a pixel is asked for before anything is made.
    let said = import(&[]);
    assert!(told(&said.stderr).contains("--mpp"));
    let output = import(&["--mpp", "0.5"]);
    assert!(output.status.success(), "{}", told(&output.stderr));
    let server = place.serve(&QUIET);
    // Through the server as well, and from another place.
    assert!(told(&import(&["--mpp", "0.5"]).stdout).contains("S-0001"));
    let moved = place.folder.path().join("moved.png");
    std::fs::rename(&path, &moved).unwrap();
    let again = place.import(&[moved.to_str().unwrap(), "--mpp", "0.5"]);
    assert!(
        told(&again.stdout).contains("S-0001"),
        "{}",
        told(&again.stderr)
    );
    let other = place.import(&[moved.to_str().unwrap(), "--mpp", "0.25"]);
    assert!(told(&other.stderr).contains("slide S-0001 already"));

    // The copy is what is served: the original may go.
    std::fs::remove_file(&moved).unwrap();
    let slides = server.json("/api/v1/slides");
    assert_eq!(slides.as_array().unwrap().len(), 1);
    let detail = server.json("/api/v1/slides/S-0001");
    let source = detail["source"].as_str().unwrap();
    assert!(source.contains("JPEG of quality 90"), "{source}");
    assert_eq!(detail["pyramid"]["levels"].as_array().unwrap().len(), 5);
    let version = slides[0]["version"].as_str().unwrap();
    let tile = server.get(&format!("/slides/S-0001/{version}/tiles/4/0/0"));
    assert_eq!(tile.status, 200);
    let names: Vec<_> = std::fs::read_dir(place.data_dir().join("files/slides"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names.len(), 1, "{names:?}");
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

#[test]
fn a_file_whose_name_is_no_text_is_refused_in_words_before_anything_is_made() {
    use std::os::unix::ffi::OsStrExt;

    let place = Place::new();
    let name = std::ffi::OsStr::from_bytes(b"scan-\xFF.png");
    let path = place.folder.path().join(name);
    image::RgbImage::new(300, 200)
        .save_with_format(&path, image::ImageFormat::Png)
        .unwrap();
    let output = place
        .command()
        .arg("import")
        .arg(&path)
        .args(["--mpp", "0.5"])
        .output();
    let output = output.unwrap();
    assert!(!output.status.success());
    let said = told(&output.stderr);
    assert!(said.contains("not written in UTF-8. Rename it"), "{said}");
    assert!(!place.data_dir().exists());
}
