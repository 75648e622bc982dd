//! Who asks for much does not keep out who asks for little.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use support::{Place, Server};

/// Clients that hammer, each at a slide of its own.
const BUSY: usize = 8;
/// Requests that each of them has under way: more than may wait for one slide.
const AT_ONCE: usize = 72;
/// Tiles of the ninth client.
const TILES: usize = 24;
/// Tiles of a slide, one below the other: two for each request, because requests for the same tile wait together.
const ROWS: usize = 2 * AT_ONCE;

/// Writes an image of which every tile has to be encoded, and is large.
fn write_image(path: &Path, seed: u32) {
    let mut state = seed + 1;
    let image = image::RgbImage::from_fn(96, 256 * u32::try_from(ROWS).unwrap(), |_, _| {
        // Numerical Recipes, 2nd edition, 7.1: a quick generator will do.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [a, b, c, _] = state.to_be_bytes();
        image::Rgb([a, b, c])
    });
    image.save(path).unwrap();
}

/// The tiles of a slide in their address, without the number of the row.
fn import(place: &Place, server: &Server, number: usize) -> String {
    let path = place.folder.path().join(format!("{number}.png"));
    write_image(&path, u32::try_from(number).unwrap());
    let output = place.import(&[path.to_str().unwrap(), "--mpp", "0.5"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let slides = server.json("/api/v1/slides");
    let code = format!("S-{number:04}");
    let slide = slides
        .as_array()
        .unwrap()
        .iter()
        .find(|slide| slide["code"] == *code)
        .unwrap();
    let version = slide["version"].as_str().unwrap();
    let address = server.address();
    format!("http://{address}/slides/{code}/{version}/tiles/0/0")
}

/// Status of a tile, and whether it was encoded for this request.
fn tile(agent: &ureq::Agent, tiles: &str, row: usize) -> (u16, bool) {
    let mut answer = agent.get(format!("{tiles}/{row}")).call().unwrap();
    let timing = answer.headers().get("server-timing");
    let is_encoded = timing.is_some_and(|value| value.as_bytes().starts_with(b"cache;desc=miss"));
    answer.body_mut().read_to_vec().unwrap();
    (answer.status().as_u16(), is_encoded)
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(60)))
        .build()
        .new_agent()
}

fn waiting(server: &Server) -> f64 {
    let text = String::from_utf8(server.get("/metrics").body).unwrap();
    let name = "marrowscope_turns_waiting{work=\"decode\"} ";
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap().parse().unwrap()
}

#[test]
fn eight_clients_that_ask_for_all_they_can_do_not_starve_the_ninth() {
    let place = Place::new();
    // No tile is kept: every one waits for its turn.
    let server = place.serve(&["--no-first-run", "--tile-cache", "0"]);
    let slides: Vec<_> = (1..=BUSY + 1)
        .map(|number| import(&place, &server, number))
        .collect();
    let (ninth, busy) = slides.split_last().unwrap();
    // All are open: what is tried are tiles.
    for tiles in &slides {
        assert_eq!(tile(&agent(), tiles, 0).0, 200);
    }
    let (is_over, encoded) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for (number, tiles) in (0..).zip(busy.iter().flat_map(|tiles| [tiles; AT_ONCE])) {
            let (is_over, encoded) = (&is_over, &encoded);
            scope.spawn(move || {
                let agent = agent();
                for step in 0usize.. {
                    if is_over.load(Ordering::Relaxed) {
                        return;
                    }
                    match tile(&agent, tiles, number % AT_ONCE + step % 2 * AT_ONCE) {
                        (200, true) => _ = encoded.fetch_add(1, Ordering::Relaxed),
                        (200, false) => {}
                        (503, _) => std::thread::sleep(Duration::from_millis(50)),
                        (status, _) => panic!("{status}"),
                    }
                }
            });
        }
        // Whatever fails below, the others end.
        let tried = std::panic::catch_unwind(|| {
            let started = Instant::now();
            while waiting(&server) < 500.0 {
                assert!(
                    started.elapsed() < Duration::from_secs(60),
                    "{}",
                    waiting(&server)
                );
            }
            let agent = agent();
            let before = encoded.load(Ordering::Relaxed);
            for row in 1..=TILES {
                assert_eq!(tile(&agent, ninth, row), (200, true), "row {row}");
            }
            let others = encoded.load(Ordering::Relaxed) - before;
            assert!(waiting(&server) > 400.0, "{}", waiting(&server));
            others
        });
        is_over.store(true, Ordering::Relaxed);
        let others = tried.unwrap_or_else(|error| std::panic::resume_unwind(error));
        // One of each other slide comes before each of the ninth's, and some more are counted late; in one line for all it would
        // be 512.
        let most = TILES * 4 * BUSY;
        println!("{others} tiles of others came before {TILES} of the ninth's; at most {most}");
        assert!(others <= most, "{others} > {most}");
    });
    assert!(!server.log().contains("panicked"), "{}", server.log());
}
