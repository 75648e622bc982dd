//! The table that a person reads and the rows that a program reads.

use serde::Serialize;

use super::{Bench, Measurement};

/// One measured row, as it stands in `bench.json`.
#[derive(Debug, Serialize)]
pub struct Row {
    id: &'static str,
    what: &'static str,
    unit: &'static str,
    ours: f64,
    rival: Option<f64>,
    rival_name: Option<String>,
    /// Ours by the rival's.
    ratio: Option<f64>,
    higher_is_better: bool,
    /// In the same unit.
    target: Option<f64>,
    machine: String,
    commit: String,
}

/// A row without a figure.
pub struct NotMeasured {
    /// Which.
    pub id: &'static str,
    /// Why not.
    pub why: String,
}

impl Row {
    /// What `measurement` says of `bench`.
    pub fn new(bench: &Bench, measurement: Measurement, machine: &str, commit: &str) -> Self {
        let Measurement {
            ours,
            rival,
            target,
        } = measurement;
        Self {
            id: bench.id,
            what: bench.what,
            unit: bench.unit,
            ours,
            ratio: rival.as_ref().map(|rival| ours / rival.figure),
            rival: rival.as_ref().map(|rival| rival.figure),
            rival_name: rival.map(|rival| rival.name),
            higher_is_better: bench.higher_is_better,
            target,
            machine: machine.into(),
            commit: commit.into(),
        }
    }

    fn verdict(&self) -> &'static str {
        match self.target {
            None => "",
            Some(target) if self.higher_is_better && self.ours >= target => "met",
            Some(target) if !self.higher_is_better && self.ours <= target => "met",
            Some(_) => "missed",
        }
    }
}

/// Columns as wide as what stands in them; below it what could not be measured.
pub fn table(rows: &[Row], not_measured: &[NotMeasured]) -> String {
    let number =
        |figure: Option<f64>| figure.map_or_else(String::new, |figure| format!("{figure:.1}"));
    let mut cells = vec![
        [
            "row", "unit", "ours", "rival", "ratio", "target", "", "rival is",
        ]
        .map(String::from),
    ];
    cells.extend(rows.iter().map(|row| {
        [
            row.id.into(),
            row.unit.into(),
            number(Some(row.ours)),
            number(row.rival),
            row.ratio
                .map_or_else(String::new, |ratio| format!("{ratio:.2}")),
            row.target.map_or_else(String::new, |target| {
                format!(
                    "{} {target:.1}",
                    if row.higher_is_better { "≥" } else { "≤" }
                )
            }),
            row.verdict().into(),
            row.rival_name.clone().unwrap_or_default(),
        ]
    }));
    let widths: [usize; 8] = std::array::from_fn(|column| {
        cells
            .iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    });
    let mut text = String::new();
    for row in &cells {
        let line: Vec<_> = row
            .iter()
            .zip(widths)
            .enumerate()
            .map(|(column, (cell, width))| match column {
                2..=5 => format!("{cell:>width$}"),
                _ => format!("{cell:<width$}"),
            })
            .collect();
        text += line.join("  ").trim_end();
        text.push('\n');
    }
    for NotMeasured { id, why } in not_measured {
        text += &format!("{id}: not measured, {why}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::{Outcome, Rival};
    use super::*;

    fn row(higher_is_better: bool, ours: f64, rival: Option<f64>, target: Option<f64>) -> Row {
        let bench = Bench {
            id: "speed",
            what: "how fast",
            unit: "tiles/s",
            higher_is_better,
            measure: |_| Ok(Outcome::NotHere(String::new())),
        };
        let rival = rival.map(|figure| Rival {
            name: "other 1.0".into(),
            figure,
        });
        Row::new(
            &bench,
            Measurement {
                ours,
                rival,
                target,
            },
            "a machine",
            "abc",
        )
    }

    #[test]
    fn the_ratio_is_ours_by_the_rivals() {
        let row = row(true, 300.0, Some(400.0), Some(400.0));
        assert_eq!(row.ratio, Some(0.75));
        assert_eq!(row.verdict(), "missed");
    }

    #[test]
    fn a_target_is_met_from_the_better_side() {
        assert_eq!(row(true, 400.0, None, Some(400.0)).verdict(), "met");
        assert_eq!(row(false, 299.0, None, Some(300.0)).verdict(), "met");
        assert_eq!(row(false, 301.0, None, Some(300.0)).verdict(), "missed");
        assert_eq!(row(false, 301.0, None, None).verdict(), "");
    }

    #[test]
    fn the_table_lines_up_and_tells_what_was_not_measured() {
        let rows = [
            row(true, 312.25, Some(350.0), Some(350.0)),
            row(false, 7.0, None, Some(300.0)),
        ];
        let not_measured = [NotMeasured {
            id: "far",
            why: "no such machine".into(),
        }];
        assert_eq!(
            table(&rows, &not_measured),
            "\
row    unit      ours  rival  ratio   target          rival is
speed  tiles/s  312.2  350.0   0.89  ≥ 350.0  missed  other 1.0
speed  tiles/s    7.0                ≤ 300.0  met
far: not measured, no such machine
"
        );
    }

    #[test]
    fn a_row_has_all_its_fields_for_programs() {
        let json = serde_json::to_value(row(true, 1.0, None, None)).unwrap();
        let names: Vec<_> = json
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let mut wanted = [
            "id",
            "what",
            "unit",
            "ours",
            "rival",
            "rival_name",
            "ratio",
            "higher_is_better",
            "target",
            "machine",
            "commit",
        ];
        let mut names = names;
        names.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(names, wanted);
    }
}
