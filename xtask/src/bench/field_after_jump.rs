//! From an input to the last sharp pixel of a whole screen, in Chromium: our viewer against OpenSeadragon.

use anyhow::{Context, Result};
use serde::Deserialize;

use super::Outcome;
use super::figure::{Aim, MILLIS, Measurement, Rival};
use super::server::{self, Server, Start};
use super::slides;
use crate::e2e::Tools;
use crate::process::Checked;
use crate::workspace::Workspace;

const TARGET_MS: f64 = 250.0;

/// What `end2end/bench/field.mjs` says in its last line.
#[derive(Debug, Deserialize)]
struct Field {
    rival: String,
    ours_ms: f64,
    rival_ms: f64,
}

/// The median of some twenty jumps each.
pub fn measure(workspace: &Workspace) -> Result<Outcome> {
    let Ok(tools) = Tools::find(workspace) else {
        return Ok(Outcome::NotHere(
            "Node.js or Chromium is not installed (`scripts/bootstrap.sh test` installs both)"
                .into(),
        ));
    };
    let folder = workspace.root.join("end2end");
    tools.install_packages(&folder)?;
    server::build(workspace)?;
    let server = Server::start(workspace, &Start::default())?;
    let slide = server.import(&slides::large(workspace)?)?;
    server.quieten()?;
    let said = tools
        .node(&folder)
        .arg("bench/field.mjs")
        .args([server.url(""), slide.code])
        .env("MARROWSCOPE_CHROMIUM", tools.chromium())
        .output_checked()?;
    server.stop()?;
    let field = read(&said)?;
    eprintln!(
        "  {:.0} ms ours, {:.0} ms {}",
        field.ours_ms, field.rival_ms, field.rival
    );
    // Ahead of the other, and quick enough for a person.
    let most = TARGET_MS.min(field.rival_ms);
    Ok(Outcome::Measured(vec![
        Measurement::of(MILLIS, field.ours_ms)
            .beside(Rival::new(field.rival, field.rival_ms))
            .aiming_at(Aim::Figure(most)),
    ]))
}

fn read(said: &str) -> Result<Field> {
    let line = said.trim_end().lines().last().unwrap_or_default();
    serde_json::from_str(line).with_context(|| format!("not a figure: {line:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_the_script_is_its_figure() {
        let json = r#"{"rival": "x 1", "ours_ms": 90.5, "rival_ms": 120.0, "ours_all_ms": [1.0]}"#;
        let field = read(&format!("told\n{json}\n")).unwrap();
        assert_eq!((field.ours_ms, field.rival_ms), (90.5, 120.0));
        assert!(read("no figure").is_err());
    }
}
