//! The first run, whole and small: draws, encodes, trains, predicts; and survives being killed anywhere.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::time::{Duration, Instant};

use serde_json::Value;
use support::{Place, Server};

const SMALL: [&str; 4] = ["--phantom-patients", "12", "--phantom-spot-px", "448"];
const LIMIT: Duration = Duration::from_secs(300);

fn finished(slides: &Value) -> bool {
    let slides = slides.as_array().unwrap();
    slides.len() == 13 && slides.iter().all(|slide| slide["models"] == 4)
}

/// Everything that the models say, without what differs from run to run by design (none of it does).
fn all_predictions(server: &Server) -> Vec<(String, Value)> {
    let slides = server.json("/api/v1/slides");
    slides
        .as_array()
        .unwrap()
        .iter()
        .map(|slide| {
            let code = slide["code"].as_str().unwrap().to_owned();
            let detail = server.json(&format!("/api/v1/slides/{code}"));
            let said = detail["models"]
                .as_array()
                .unwrap()
                .iter()
                .map(|model| {
                    let targets = model["targets"].as_array().unwrap();
                    targets
                        .iter()
                        .map(|target| target["prediction"].clone())
                        .collect::<Value>()
                })
                .collect::<Value>();
            (code, said)
        })
        .collect()
}

/// A target that the model does not know is told, not answered with another's numbers.
fn terms_are_served_by_target(server: &Server, slide: &str) {
    let model = &server.json(&format!("/api/v1/slides/{slide}"))["models"][0];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (version, key) = (text(&model["terms_version"]), text(&model["key"]));
    let terms = |target: &str| {
        let path = format!("/slides/{slide}/terms/{version}/{key}/{target}/0");
        server.get(&path)
    };
    let known = terms(&text(&model["targets"][0]["key"]));
    assert!(known.status == 200 && !known.body.is_empty());
    let timing = known.header("server-timing");
    assert!(timing.starts_with("read;dur=") && timing.contains(", wait;dur="));
    let said = terms("no-such-target").problem(404);
    assert!(said.contains("no-such-target"), "{said}");
    // What a client has is not sent again, as long as it is what the model says.
    let again = |version: &str, target: &str, etag: &str| {
        let path = format!("/slides/{slide}/terms/{version}/{key}/{target}/0");
        server.get_with(&path, &[("if-none-match", etag)])
    };
    let (target, etag) = (text(&model["targets"][0]["key"]), known.header("etag"));
    for etag in [etag, "*"] {
        let answer = again(&version, &target, etag);
        assert_eq!((answer.status, answer.body.len()), (304, 0));
        assert_eq!(answer.header("etag"), known.header("etag"));
    }
    let said = again("000000000000", &target, "*").problem(404);
    assert!(said.contains("predicted this slide anew"), "{said}");
    again(&version, "no-such-target", "*").problem(404);
    assert_eq!(again(&version, &target, "\"x\"").body, known.body);
}

#[test]
fn killed_at_random_moments_the_first_run_says_the_same_as_undisturbed() {
    let undisturbed = Place::new();
    let started = Instant::now();
    let server = undisturbed.serve(&SMALL);
    server.wait_for("/api/v1/slides", LIMIT, finished);
    let whole = started.elapsed();
    let expected = all_predictions(&server);
    assert_eq!(expected.len(), 13);
    let jobs = server.json("/api/v1/jobs");
    assert_eq!(jobs["counts"]["failed"], 0, "{jobs:#}");
    // Nothing twice: the sample slide, 12 drawings, 13 encodings, 4 trainings, 4 models on 13 slides.
    assert_eq!(jobs["finished"], 1 + 12 + 13 + 4 + 52, "{jobs:#}");
    terms_are_served_by_target(&server, &expected[0].0);
    assert!(server.stop().success());

    let place = Place::new();
    let mut seed = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .unwrap()
        .as_nanos() as u64;
    println!("kills at moments drawn from the seed {seed}");
    let mut finished_early = false;
    for _ in 0..6 {
        let server = place.serve(&SMALL);
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let share = (seed >> 33) as f64 / f64::from(1u32 << 31);
        std::thread::sleep(whole.mul_f64(0.05 + 0.35 * share));
        finished_early |= finished(&server.json("/api/v1/slides"));
        server.kill();
    }
    let server = place.serve(&SMALL);
    server.wait_for("/api/v1/slides", LIMIT, finished);
    println!("finished before the last kill: {finished_early}");
    let jobs = server.json("/api/v1/jobs");
    assert_eq!(jobs["counts"]["failed"], 0, "{jobs:#}");
    // Nothing twice: the sample slide, 12 drawings, 13 encodings, 4 trainings, 4 models on 13 slides.
    assert_eq!(jobs["finished"], 1 + 12 + 13 + 4 + 52, "{jobs:#}");
    for ((code, expected), (other, found)) in expected.iter().zip(all_predictions(&server)) {
        assert_eq!(code, &other);
        assert_eq!(expected, &found, "slide {code}");
    }
    assert!(server.stop().success());
}
