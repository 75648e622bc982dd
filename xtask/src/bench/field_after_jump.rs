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
    rival: String,
    ours_ms: f64,
    rival_ms: f64,
}

/// The medians of some twenty jumps each.
pub fn measure(workspace: &Workspace) -> Result<Outcome> {
    let file = slides::large(workspace)?;
    match browser::run(workspace, "bench/field.mjs", &file)? {
        browser::Said::Figure(line) => {
            let field =
                serde_json::from_str(&line).with_context(|| format!("not a figure: {line:?}"))?;
            Ok(Outcome::Measured(vec![row(field)]))
        }
        browser::Said::NotHere(why) => Ok(Outcome::NotHere(why)),
    }
}

/// Ahead of the other, and quick enough for a person.
fn row(field: Field) -> Measurement {
    Measurement::of(MILLIS, field.ours_ms)
        .aiming_at(Aim::Figure(TARGET_MS.min(field.rival_ms)))
        .beside(Rival::new(field.rival, field.rival_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_aim_is_to_be_ahead_and_quick() {
        let aim = |rival_ms| {
            let json = format!(
                r#"{{"rival": "x 1", "ours_ms": 90.5, "rival_ms": {rival_ms}, "ours_all_ms": [1.0]}}"#
            );
            row(serde_json::from_str(&json).unwrap()).aim
        };
        assert_eq!(aim(120.0), Some(Aim::Figure(120.0)));
        assert_eq!(aim(900.0), Some(Aim::Figure(250.0)));
    }
}
