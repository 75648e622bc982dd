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
    assert!(again.status.success() && String::from_utf8_lossy(&again.stdout).contains("S-0001"));

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
        .problem(400);
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
    server.get("/api/v1/").problem(404);
    // No text in UTF-8.
    for path in [
        "/api/v1/slides/%FF",
        "/slides/%FF/000000000000/thumbnail",
        "/slides/S-0001/terms/000000000000/%FF/no-target/0",
    ] {
        server.get(path).problem(400);
    }
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
    for path in [
        file("empty.svs", b""),
        file("text.svs", b"this is no slide"),
        file("truncated.svs", &sample[..sample.len() / 3]),
        file(
            "truncated.png",
            &std::fs::read(png(&place, "whole.png")).unwrap()[..200],
        ),
        "/".to_owned(),
        "/no/such/file.svs".to_owned(),
    ] {
        let output = place.import(&[&path, "--mpp", "0.5"]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{path} was taken");
        assert!(
            said.starts_with("marrowscope: ") && !said.contains("panicked"),
            "{path}: {said}"
        );
    }
    let output = place.import(&[&png(&place, "nompp.png")]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("--mpp"));
    assert_eq!(server.json("/api/v1/slides"), serde_json::json!([]));
    assert!(!server.log().contains("panicked"), "{}", server.log());
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
    let place = Place::new();
    let assets = place.folder.path().join("assets");
    std::fs::create_dir(&assets).unwrap();
    let weights = "efficientnet-lite0-57934424.pth";
    let sample = std::fs::read(assets_dir().join("cmu_small_region.svs")).unwrap();
    std::fs::write(assets.join(weights), b"").unwrap();
    std::fs::write(assets.join("cmu_small_region.svs"), &sample[..1000]).unwrap();
    let with_assets = ["--assets-dir", assets.to_str().unwrap()];
    let small = ["--phantom-patients", "10", "--phantom-spot-px", "448"];
    let server = place.serve(&[&with_assets[..], &small].concat());
    let told = |words: &'static str| {
        server.wait_for("/api/v1/jobs", Duration::from_secs(30), move |jobs| {
            jobs.to_string().contains(words)
        })
    };
    // The sample slide is cut short. A slide of one's own is taken meanwhile, and waits for the encoder.
    told("cmu_small_region.svs");
    let path = png(&place, "image.png");
    assert!(place.import(&[&path, "--mpp", "0.5"]).status.success());
    told("empty file: delete it and run `cargo xtask assets`");
    std::fs::write(assets.join(weights), b"another file").unwrap();
    told("are not the expected file (SHA-256 ");
    assert_eq!(server.get("/readyz").status, 200);

    std::fs::copy(assets_dir().join(weights), assets.join(weights)).unwrap();
    server.wait_for("/api/v1/slides", Duration::from_secs(60), |slides| {
        let mut slides = slides.as_array().unwrap().iter();
        slides.any(|slide| slide["code"] == "S-0001" && slide["encoded"] == true)
    });
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
        jobs.to_string().contains("the disk is full")
    });
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
