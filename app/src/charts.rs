//! Plots drawn by plotters, on the server. Colours go through plotters as stand-ins and come out as custom properties of the
//! page, so that a drawing follows the theme, or as those of the light theme for a file of its own.

use domain::report::{Axis, DrawnPlot, Ink, Mark, Plot, PlotLink, Series};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

/// Width and height of a drawing, px.
const SIZE: (u32, u32) = (420, 340);
/// About as large as the running text of the page; plotters divides by 1.24.
const FONT_SIZE: f64 = 14.5;
/// Length of a dash and of the gap after it, px.
const DASH: (i32, i32) = (5, 4);

const FIRST: RGBColor = RGBColor(1, 0, 1);
const SECOND: RGBColor = RGBColor(2, 0, 1);
const GUIDE: RGBColor = RGBColor(3, 0, 1);
const GRID: RGBColor = RGBColor(4, 0, 1);
const TEXT: RGBColor = RGBColor(5, 0, 1);

/// Stand-in, custom property, and the colour of the light theme.
const COLOURS: [(RGBColor, &str, &str); 5] = [
    (FIRST, "var(--chart-mark)", "#0b6072"),
    (SECOND, "var(--chart-second)", "#a4551b"),
    (GUIDE, "var(--chart-chance)", "#7c8083"),
    (GRID, "var(--chart-grid)", "#dcdee0"),
    (TEXT, "var(--text-soft)", "#4a4e51"),
];

type Canvas<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
type Failure<'a> = DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>;

/// Draws a plot for a page; `None` when plotters refuses, which it does for an axis without length.
#[must_use]
pub fn for_page(plot: &Plot) -> Option<DrawnPlot> {
    let (svg, links) = drawn(plot)?;
    Some(DrawnPlot {
        key: plot.key.to_owned(),
        title: plot.title.to_owned(),
        note: plot.note.clone(),
        svg: coloured(&svg, |(_, property, _)| property),
        size: SIZE,
        links,
    })
}

/// Draws a plot as a file of its own, in the colours of the light theme on white; `None` as [`for_page`].
#[must_use]
pub fn for_file(plot: &Plot) -> Option<String> {
    let (svg, _) = drawn(plot)?;
    let svg = coloured(&svg, |(_, _, colour)| colour);
    let start = svg.find('>')? + 1;
    let (head, rest) = svg.split_at(start);
    Some(
        [
            head,
            "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>",
            rest,
        ]
        .concat(),
    )
}

fn coloured(
    svg: &str,
    choose: impl Fn(&(RGBColor, &'static str, &'static str)) -> &'static str,
) -> String {
    COLOURS.iter().fold(svg.to_owned(), |svg, colour| {
        let RGBColor(red, green, blue) = colour.0;
        svg.replace(&format!("#{red:02X}{green:02X}{blue:02X}"), choose(colour))
    })
}

fn drawn(plot: &Plot) -> Option<(String, Vec<PlotLink>)> {
    let mut svg = String::new();
    let links = draw(plot, &mut svg).ok()?;
    Some((svg, links))
}

fn draw<'a>(plot: &Plot, svg: &'a mut String) -> Result<Vec<PlotLink>, Failure<'a>> {
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    let font = ("sans-serif", FONT_SIZE).into_font().color(&TEXT);
    let mut chart = ChartBuilder::on(&root)
        .margin(8)
        .margin_right(16)
        .x_label_area_size(44)
        .y_label_area_size(56)
        .build_cartesian_2d(range(&plot.x), range(&plot.y))?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(GUIDE)
        .label_style(font.clone())
        .axis_desc_style(font.clone())
        .x_desc(&plot.x.label)
        .y_desc(&plot.y.label)
        .x_labels(6)
        .y_labels(6)
        .x_label_formatter(&|value| tick(*value))
        .y_label_formatter(&|value| tick(*value))
        .draw()?;
    for series in &plot.series {
        draw_series(&mut chart, series)?;
    }
    if plot.series.iter().any(|series| !series.name.is_empty()) {
        chart
            .configure_series_labels()
            .label_font(font)
            .legend_area_size(22)
            .position(SeriesLabelPosition::LowerRight)
            .draw()?;
    }
    let links = plot
        .series
        .iter()
        .flat_map(|series| &series.points)
        .filter_map(|point| {
            let (name, href) = point.link.clone()?;
            Some(PlotLink {
                at: chart.backend_coord(&(point.x, point.y)),
                name,
                href,
            })
        })
        .collect();
    root.present()?;
    Ok(links)
}

fn range(axis: &Axis) -> std::ops::Range<f64> {
    axis.ends.0..axis.ends.1
}

/// A tick's number as the rest of the screen writes it, without digits that say nothing.
fn tick(value: f64) -> String {
    let rounded = (value * 1e6).round() / 1e6;
    let text = rounded.abs().to_string();
    if rounded < 0.0 {
        ["\u{2212}", &text].concat()
    } else {
        text
    }
}

fn draw_series<'b>(chart: &mut Canvas<'b, 'b>, series: &Series) -> Result<(), Failure<'b>> {
    let ink = match series.ink {
        Ink::First => FIRST,
        Ink::Second => SECOND,
        Ink::Guide => GUIDE,
    };
    let style = ink.stroke_width(2);
    let points = || series.points.iter().map(|point| (point.x, point.y));
    let annotation = match series.mark {
        Mark::Line => chart.draw_series(LineSeries::new(points(), style))?,
        Mark::Dashes => {
            let (dash, gap) = DASH;
            chart.draw_series(DashedLineSeries::new(
                points(),
                dash,
                gap,
                ink.stroke_width(1),
            ))?
        }
        Mark::Dots => {
            for point in &series.points {
                if let Some((low, high)) = point.interval {
                    let whisker = [(point.x, low), (point.x, high)];
                    chart.draw_series(LineSeries::new(whisker, ink.stroke_width(1)))?;
                }
            }
            chart.draw_series(points().map(|point| Circle::new(point, 3, ink.filled())))?
        }
    };
    if !series.name.is_empty() {
        let is_dots = series.mark == Mark::Dots;
        annotation.label(&series.name).legend(move |(x, y)| {
            let line = if is_dots {
                [(x + 7, y), (x + 7, y)]
            } else {
                [(x, y), (x + 16, y)]
            };
            let radius = if is_dots { 3 } else { 0 };
            EmptyElement::at((0, 0))
                + PathElement::new(line, ink.stroke_width(2))
                + Circle::new((x + 7, y), radius, ink.filled())
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::report::PlotPoint;

    fn plot() -> Plot {
        let axis = |label: &str| Axis {
            label: label.to_owned(),
            ends: (0.0, 1.0),
        };
        let dot = PlotPoint {
            interval: Some((0.2, 0.8)),
            link: Some(("P-0001".to_owned(), "/slides/PH-0001".to_owned())),
            ..PlotPoint::at(0.5, 0.5)
        };
        Plot {
            key: "roc",
            title: "ROC",
            note: String::new(),
            x: axis("1 \u{2212} specificity"),
            y: axis("Sensitivity"),
            series: vec![
                Series {
                    name: String::new(),
                    mark: Mark::Dashes,
                    ink: Ink::Guide,
                    points: vec![PlotPoint::at(0.0, 0.0), PlotPoint::at(1.0, 1.0)],
                },
                Series {
                    name: "Model <b>".to_owned(),
                    mark: Mark::Dots,
                    ink: Ink::First,
                    points: vec![dot],
                },
            ],
        }
    }

    #[test]
    fn a_drawing_on_a_page_has_the_colours_of_the_page() {
        let drawn = for_page(&plot()).unwrap();
        assert!(drawn.svg.contains("var(--chart-mark)") && drawn.svg.contains("var(--text-soft)"));
        assert!(!drawn.svg.contains("#01"), "a stand-in was left");
        assert!(drawn.svg.contains("Sensitivity"));
        assert!(!drawn.svg.contains("<b>"), "names are text");
    }

    #[test]
    fn a_file_stands_by_itself() {
        let file = for_file(&plot()).unwrap();
        assert!(!file.contains("var(") && file.contains("#0b6072"));
        assert!(file.starts_with("<svg") && file.contains("fill=\"#ffffff\""));
    }

    #[test]
    fn a_link_lies_where_its_point_is_drawn() {
        let drawn = for_page(&plot()).unwrap();
        let [link] = drawn.links.as_slice() else {
            panic!("one point leads somewhere");
        };
        assert_eq!(link.href, "/slides/PH-0001");
        let (x, y) = link.at;
        assert!(
            drawn.svg.contains(&format!("cx=\"{x}\" cy=\"{y}\"")),
            "{}",
            drawn.svg
        );
    }

    #[test]
    fn ticks_are_short() {
        assert_eq!(tick(0.300_000_000_000_000_04), "0.3");
        assert_eq!(tick(-2.0), "\u{2212}2");
        assert_eq!(tick(-0.0), "0");
    }
}
