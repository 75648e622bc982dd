//! From an input to the last sharp pixel of a whole screen, in Chromium: our viewer against OpenSeadragon.

use anyhow::{Context, Result};
use serde::Deserialize;

use super::figure::{Aim, MILLIS, Measurement, Rival};
use super::{Outcome, browser, slides};
use crate::workspace::Workspace;

const TARGET_MS: f64 = 250.0;

/// What `end2end/bench/field.mjs` says in its last line.
#[derive(Debug, Deserialize)]
struct Field {
    ours: Viewer,
    rivals: Vec<Viewer>,
}

/// The median of a viewer.
#[derive(Debug, Deserialize)]
struct Viewer {
    name: String,
    ms: f64,
}

/// A row for each way in which the other draws.
pub fn measure(workspace: &Workspace) -> Result<Outcome> {
    let file = slides::large(workspace)?;
    match browser::run(workspace, "bench/field.mjs", &file)? {
        browser::Said::Figure(line) => {
            let field =
                serde_json::from_str(&line).with_context(|| format!("not a figure: {line:?}"))?;
            Ok(Outcome::Measured(rows(field)))
        }
        browser::Said::NotHere(why) => Ok(Outcome::NotHere(why)),
    }
}

/// Ahead of each other, and quick enough for a person.
fn rows(field: Field) -> Vec<Measurement> {
    let Field { ours, rivals } = field;
    rivals
        .into_iter()
        .map(|rival| {
            Measurement::of(MILLIS, ours.ms)
                .in_case("median of the jumps")
                .aiming_at(Aim::Figure(TARGET_MS.min(rival.ms)))
                .beside(Rival::new(rival.name, rival.ms))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_aim_is_to_be_ahead_and_quick() {
        let json = r#"{"ours": {"name": "ours", "ms": 90.5, "all_ms": [90.5]},
            "rivals": [{"name": "x 1", "ms": 120.0}, {"name": "y 1", "ms": 900.0}]}"#;
        let rows = rows(serde_json::from_str(json).unwrap());
        let aims: Vec<_> = rows.iter().map(|row| (row.ours, row.aim)).collect();
        assert_eq!(
            aims,
            [
                (90.5, Some(Aim::Figure(120.0))),
                (90.5, Some(Aim::Figure(250.0)))
            ]
        );
    }
}
