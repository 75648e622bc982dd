//! The tables that people read and the rows that a program reads.

use serde::Serialize;

use super::Bench;
use super::figure::{Aim, Latency, Load, Measurement};

/// One measured row, as it stands in `bench.json`.
#[derive(Debug, Serialize)]
pub struct Row {
    id: &'static str,
    what: &'static str,
    /// Which of the bench's figures; empty where there is only one.
    case: String,
    unit: &'static str,
    ours: f64,
    rival: Option<f64>,
    rival_name: Option<String>,
    /// Ours by the rival's.
    ratio: Option<f64>,
    higher_is_better: bool,
    /// In the same unit; where the aim is a multiple of the rival's figure, that multiple.
    target: Option<f64>,
    /// The multiple, where the aim is one.
    target_ratio: Option<f64>,
    is_met: Option<bool>,
    /// Speed and latency as the load generator saw them, at ours and at the rival.
    load: Option<Load>,
    rival_load: Option<Load>,
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
            case,
            quantity,
            ours,
            rival,
            aim,
            load,
        } = measurement;
        let rival_figure = rival.as_ref().map(|rival| rival.figure);
        let (target, target_ratio) = match aim {
            None => (None, None),
            Some(Aim::Figure(figure)) => (Some(figure), None),
            Some(Aim::Ratio(ratio)) => (rival_figure.map(|rival| ratio * rival), Some(ratio)),
        };
        Self {
            id: bench.id,
            what: bench.what,
            case,
            unit: quantity.unit,
            ours,
            rival: rival_figure,
            ratio: rival_figure.map(|rival| ours / rival),
            higher_is_better: quantity.higher_is_better,
            target,
            target_ratio,
            is_met: target.map(|target| {
                if quantity.higher_is_better {
                    ours >= target
                } else {
                    ours <= target
                }
            }),
            load,
            rival_load: rival.as_ref().and_then(|rival| rival.load),
            rival_name: rival.map(|rival| rival.name),
            machine: machine.into(),
            commit: commit.into(),
        }
    }

    fn verdict(&self) -> &'static str {
        match self.is_met {
            None => "",
            Some(true) => "met",
            Some(false) => "missed",
        }
    }

    fn aim(&self) -> String {
        let sign = if self.higher_is_better { '≥' } else { '≤' };
        match (self.target_ratio, self.target) {
            (Some(ratio), _) => format!("{sign} {} ×", plain(ratio)),
            (None, Some(target)) => format!("{sign} {}", rounded(target)),
            (None, None) => String::new(),
        }
    }
}

/// Columns as wide as what stands in them; below it what could not be measured.
pub fn table(rows: &[Row], not_measured: &[NotMeasured]) -> String {
    let mut cells = vec![
        [
            "row", "case", "unit", "ours", "rival", "ratio", "aim", "", "rival is",
        ]
        .map(String::from),
    ];
    cells.extend(rows.iter().map(|row| {
        [
            row.id.into(),
            row.case.clone(),
            row.unit.into(),
            rounded(row.ours),
            row.rival.map_or_else(String::new, rounded),
            row.ratio.map_or_else(String::new, rounded_ratio),
            row.aim(),
            row.verdict().into(),
            row.rival_name.clone().unwrap_or_default(),
        ]
    }));
    // A column in which nothing stands is left out.
    let widths: Vec<usize> = (0..cells[0].len())
        .map(|column| {
            let width = |row: &[String; 9]| row[column].chars().count();
            let below = cells[1..].iter().map(width).max().unwrap_or(0);
            if below == 0 {
                0
            } else {
                below.max(width(&cells[0]))
            }
        })
        .collect();
    let mut text = String::new();
    for row in &cells {
        let line: Vec<_> = row
            .iter()
            .zip(&widths)
            .enumerate()
            .filter(|(_, (_, width))| **width > 0)
            .map(|(column, (cell, &width))| match column {
                3..=6 => format!("{cell:>width$}"),
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

/// The table of the README: figures that belong to one case of ours share a line, with megapixels and the p50, p95 and p99 of
/// the latency behind the speed of a load.
pub fn markdown(rows: &[Row], not_measured: &[NotMeasured]) -> String {
    let mut text = String::from(
        "| row | what | ours | rival | ratio | aim |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for group in rows.chunk_by(|a, b| {
        !a.case.is_empty() && (a.id, &a.case, a.unit, a.ours) == (b.id, &b.case, b.unit, b.ours)
    }) {
        let Some(first) = group.first() else { continue };
        let each = |cell: &dyn Fn(&Row) -> String| {
            let cells: Vec<_> = group.iter().map(cell).collect();
            if cells.iter().all(String::is_empty) {
                String::new()
            } else {
                cells.join("<br>")
            }
        };
        let what = if first.case.is_empty() {
            first.what
        } else {
            &first.case
        };
        let line = [
            format!("`{}`", first.id),
            format!("{what}, {}", first.unit),
            with_load(first.ours, first.load),
            each(&|row| match (&row.rival_name, row.rival) {
                (Some(name), Some(figure)) => {
                    format!("{name}: {}", with_load(figure, row.rival_load))
                }
                _ => String::new(),
            }),
            each(&|row| row.ratio.map_or_else(String::new, rounded_ratio)),
            each(&|row| match row.is_met {
                Some(false) => format!("{} **missed**", row.aim()),
                _ => row.aim(),
            }),
        ];
        text += &format!("| {} |\n", line.join(" | "));
    }
    for NotMeasured { id, why } in not_measured {
        text += &format!("| `{id}` | not measured, {why} | | | | |\n");
    }
    text
}

/// With megapixels and the p50, p95 and p99 of the latency, where the figure is the speed of a load.
fn with_load(figure: f64, load: Option<Load>) -> String {
    match load {
        Some(load) if load.tiles_per_s == figure => {
            let Latency { p50, p95, p99 } = load.latency_ms;
            let percentiles = [p50, p95, p99].map(rounded).join(" / ");
            let mpx_per_s = rounded(load.mpx_per_s);
            format!("{} ({mpx_per_s} Mpx/s; {percentiles} ms)", rounded(figure))
        }
        _ => rounded(figure),
    }
}

/// As many digits as mean something: benches repeat within some per cent.
fn rounded(figure: f64) -> String {
    match figure.abs() {
        size if size >= 100.0 => format!("{figure:.0}"),
        size if size >= 10.0 => format!("{figure:.1}"),
        _ => format!("{figure:.2}"),
    }
}

fn rounded_ratio(ratio: f64) -> String {
    if ratio >= 10.0 {
        format!("{ratio:.0}")
    } else {
        format!("{ratio:.2}")
    }
}

/// Without digits behind the point that say nothing.
fn plain(figure: f64) -> String {
    format!("{figure}")
}

#[cfg(test)]
mod tests {
    use super::super::Outcome;
    use super::super::figure::{MILLIS, Rival, TILES_PER_S};
    use super::*;

    fn row(measurement: Measurement) -> Row {
        let bench = Bench {
            id: "speed",
            what: "how fast",
            measure: |_| Ok(Outcome::NotHere(String::new())),
        };
        Row::new(&bench, measurement, "a machine", "abc")
    }

    fn beside(ours: f64, rival: f64) -> Measurement {
        Measurement::of(TILES_PER_S, ours).beside(Rival::new("other 1.0", rival))
    }

    #[test]
    fn the_ratio_is_ours_by_the_rivals() {
        let row = row(beside(300.0, 400.0).aiming_at(Aim::Figure(400.0)));
        assert_eq!(row.ratio, Some(0.75));
        assert_eq!(row.verdict(), "missed");
    }

    #[test]
    fn a_target_is_met_from_the_better_side() {
        let verdict = |quantity, ours, aim: Option<f64>| {
            let mut measurement = Measurement::of(quantity, ours);
            measurement.aim = aim.map(Aim::Figure);
            row(measurement).verdict()
        };
        assert_eq!(verdict(TILES_PER_S, 400.0, Some(400.0)), "met");
        assert_eq!(verdict(MILLIS, 299.0, Some(300.0)), "met");
        assert_eq!(verdict(MILLIS, 301.0, Some(300.0)), "missed");
        assert_eq!(verdict(MILLIS, 301.0, None), "");
    }

    #[test]
    fn an_aim_may_be_a_multiple_of_the_rivals_figure() {
        let row = |ours| row(beside(ours, 10.0).aiming_at(Aim::Ratio(50.0)));
        assert_eq!(
            (row(499.0).verdict(), row(500.0).verdict()),
            ("missed", "met")
        );
        assert_eq!(
            (row(1.0).target, row(1.0).target_ratio),
            (Some(500.0), Some(50.0))
        );
        let alone = Measurement::of(TILES_PER_S, 1.0).aiming_at(Aim::Ratio(2.0));
        assert_eq!(
            super::tests::row(alone).verdict(),
            "",
            "nobody to compare with"
        );
    }

    #[test]
    fn the_table_lines_up_and_tells_what_was_not_measured() {
        let rows = [
            row(beside(312.25, 350.0)
                .aiming_at(Aim::Figure(350.0))
                .in_case("few")),
            row(Measurement::of(MILLIS, 7.0).aiming_at(Aim::Figure(2.5))),
        ];
        let not_measured = [NotMeasured {
            id: "far",
            why: "no such machine".into(),
        }];
        assert_eq!(
            table(&rows, &not_measured),
            "\
row    case  unit     ours  rival  ratio     aim          rival is
speed  few   tiles/s   312    350   0.89   ≥ 350  missed  other 1.0
speed        ms       7.00                ≤ 2.50  missed
far: not measured, no such machine
"
        );
        let only = &rows[1..];
        assert_eq!(
            table(only, &[]),
            "\
row    unit  ours     aim
speed  ms    7.00  ≤ 2.50  missed
"
        );
    }

    #[test]
    fn rivals_of_one_case_share_a_line_of_the_readmes_table() {
        let load = |tiles_per_s| Load {
            tiles_per_s,
            mpx_per_s: tiles_per_s / 10.0,
            latency_ms: Latency {
                p50: 1.0,
                p95: 2.0,
                p99: 3.0,
            },
        };
        let against = |name: &str, figure, aim| {
            let rival = Rival {
                load: Some(load(figure)),
                ..Rival::new(name, figure)
            };
            row(Measurement::of(TILES_PER_S, 1000.0)
                .in_case("many")
                .under(load(1000.0))
                .beside(rival)
                .aiming_at(Aim::Ratio(aim)))
        };
        let rows = [
            against("slow", 10.0, 50.0),
            against("fast", 500.0, 3.0),
            row(Measurement::of(MILLIS, 1.5)),
        ];
        let not_measured = [NotMeasured {
            id: "far",
            why: "no such machine".into(),
        }];
        assert_eq!(
            markdown(&rows, &not_measured),
            "\
| row | what | ours | rival | ratio | aim |
| --- | --- | --- | --- | --- | --- |
| `speed` | many, tiles/s | 1000 (100 Mpx/s; 1.00 / 2.00 / 3.00 ms) | slow: 10.0 (1.00 Mpx/s; 1.00 / 2.00 / 3.00 ms)<br>fast: 500 (50.0 Mpx/s; 1.00 / 2.00 / 3.00 ms) | 100<br>2.00 | ≥ 50 ×<br>≥ 3 × **missed** |
| `speed` | how fast, ms | 1.50 |  |  |  |
| `far` | not measured, no such machine | | | | |
"
        );
    }

    #[test]
    fn a_row_has_all_its_fields_for_programs() {
        let json = serde_json::to_value(row(Measurement::of(TILES_PER_S, 1.0))).unwrap();
        let mut names: Vec<_> = json
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let mut wanted = [
            "id",
            "what",
            "case",
            "unit",
            "ours",
            "rival",
            "rival_name",
            "ratio",
            "higher_is_better",
            "target",
            "target_ratio",
            "is_met",
            "load",
            "rival_load",
            "machine",
            "commit",
        ];
        names.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(names, wanted);
    }
}
