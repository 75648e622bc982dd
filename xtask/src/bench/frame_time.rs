//! What a frame costs the browser's main thread while the slide is panned under two layers.

use anyhow::{Context, Result};
use serde::Deserialize;

use super::figure::{Aim, FRAMES, MILLIS, Measurement, REQUESTS};
use super::{Outcome, browser, slides};
use crate::workspace::Workspace;

const TARGET_MS: f64 = 4.0;

/// What `end2end/bench/frame.mjs` says in its last line.
#[derive(Debug, Deserialize)]
struct Frame {
    /// How many layers the page could be made to show.
    layers: u32,
    tiles: u32,
    /// All that the main thread does: for how long it had a processor.
    main_thread_cpu_ms: f64,
    /// The same by the clock, which runs on while the thread waits for a processor.
    main_thread_wall_ms: f64,
    /// Our own code's share.
    own_p95_ms: f64,
    colours: Redraw,
    threshold: Redraw,
}

/// What a change of a control takes, at most.
#[derive(Debug, Deserialize)]
struct Redraw {
    /// Until it is drawn.
    frames: f64,
    requests: f64,
}

/// The mean of all that the main thread does by two clocks, of which the aim is about its own work, the 95th percentile of our own code, and what another colour map and another
/// threshold take.
pub fn measure(workspace: &Workspace) -> Result<Outcome> {
    let file = slides::large(workspace)?;
    match browser::run(workspace, "bench/frame.mjs", &file)? {
        browser::Said::Figure(line) => {
            let frame =
                serde_json::from_str(&line).with_context(|| format!("not a figure: {line:?}"))?;
            Ok(Outcome::Measured(rows(&frame)))
        }
        browser::Said::NotHere(why) => Ok(Outcome::NotHere(why)),
    }
}

fn rows(frame: &Frame) -> Vec<Measurement> {
    let layers = match frame.layers {
        1 => "1 layer".to_owned(),
        layers => format!("{layers} layers"),
    };
    let layers = format!("{layers} of {} tiles", frame.tiles);
    let figure = |quantity, figure, what: &str| {
        Measurement::of(quantity, figure).in_case(format!("{layers}, {what}"))
    };
    let row =
        |quantity, ours, what, most| figure(quantity, ours, what).aiming_at(Aim::Figure(most));
    vec![
        row(
            MILLIS,
            frame.main_thread_cpu_ms,
            "panning, main thread per frame, its own processor time, mean",
            TARGET_MS,
        ),
        figure(
            MILLIS,
            frame.main_thread_wall_ms,
            "panning, main thread per frame, by the clock, with waits for a processor, mean",
        ),
        row(
            MILLIS,
            frame.own_p95_ms,
            "panning, our own code per frame, by the clock, p95",
            TARGET_MS,
        ),
        row(
            FRAMES,
            frame.colours.frames,
            "until a colour map is drawn",
            1.0,
        ),
        row(
            REQUESTS,
            frame.colours.requests,
            "for another colour map",
            0.0,
        ),
        row(
            FRAMES,
            frame.threshold.frames,
            "until a threshold is drawn",
            1.0,
        ),
        row(
            REQUESTS,
            frame.threshold.requests,
            "for another threshold",
            0.0,
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_how_many_layers_there_really_were() {
        let json = r#"{"layers": 1, "tiles": 100489, "frames": 180, "main_thread_cpu_ms": 2.5, "main_thread_wall_ms": 9.5, "own_p95_ms": 4.5,
            "colours": {"frames": 1, "requests": 0}, "threshold": {"frames": 2, "requests": 3}}"#;
        let rows = rows(&serde_json::from_str(json).unwrap());
        assert!(
            rows.iter()
                .all(|row| row.case.starts_with("1 layer of 100489 tiles, "))
        );
        let figures: Vec<_> = rows.iter().map(|row| row.ours).collect();
        assert_eq!(figures, [2.5, 9.5, 4.5, 1.0, 0.0, 2.0, 3.0]);
        let aims = rows.iter().filter(|row| row.aim.is_some()).count();
        assert_eq!(aims, 6, "time that is spent waiting has no aim");
    }
}
