//! What a layer shows, in words. No browser in here.

use domain::geometry::Mpp;
use domain::layer::{Grading, LayerSpec, Quantity};
use domain::score::Scale;
use leptos::prelude::*;

use super::format::{length, number, signed};
use super::state::ViewState;
use super::told::{LayerSummary, OverlayStatus, TopTile};
use crate::format::{count, percent, thousands};

/// The chosen layer of a view, while it is drawn.
pub fn shown_summary(state: ViewState) -> Memo<Option<LayerSummary>> {
    Memo::new(move |_| match state.chosen_status() {
        OverlayStatus::Shown(summary) => Some(*summary),
        _ => None,
    })
}

/// What a layer shows of its target: a quantity, or the difference of two models in it.
#[must_use]
pub fn quantity_title(quantity: Quantity, is_difference: bool) -> String {
    let difference = if is_difference {
        ", first \u{2212} second model"
    } else {
        ""
    };
    [quantity.title(), difference].concat()
}

/// The model, or the two of a difference.
#[must_use]
pub fn models_title(model: &str, minus: Option<&str>) -> String {
    match minus {
        Some(minus) => [model, " \u{2212} ", minus].concat(),
        None => model.to_owned(),
    }
}

/// Name of a layer.
#[must_use]
pub fn layer_title(target: &str, quantity: Quantity, is_difference: bool) -> String {
    [target, ", ", &quantity_title(quantity, is_difference)].concat()
}

/// Writes a value: with its sign where zero has a meaning.
#[must_use]
pub fn value_text(is_signed: bool, value: f64) -> String {
    if is_signed {
        signed(value)
    } else {
        number(value)
    }
}

/// The unit of a quantity, as it follows a number.
#[must_use]
pub const fn unit(quantity: Quantity, scale: Scale) -> &'static str {
    match quantity {
        Quantity::TileProbability => "uncalibrated probability",
        _ => quantity.unit(scale),
    }
}

/// The unit of what colours and threshold are laid out along.
#[must_use]
pub fn grade_unit(summary: &LayerSummary) -> &'static str {
    match (summary.grading, summary.signed) {
        (Grading::Value, _) => unit(summary.quantity, summary.scale),
        (Grading::Percentile, false) => "percentile",
        (Grading::Percentile, true) => "percentile of size",
    }
}

/// From where to where, with the unit.
#[must_use]
pub fn span(is_signed: bool, (low, high): (f64, f64), unit: &str) -> String {
    [
        &value_text(is_signed, low),
        " to ",
        &value_text(is_signed, high),
        " ",
        unit,
    ]
    .concat()
}

/// A number of tiles.
fn tiles(number: usize) -> String {
    count(number as i64, "tile", "tiles")
}

/// How many tiles are drawn, and which.
#[must_use]
pub fn drawn(summary: &LayerSummary, threshold: Option<(f64, f64)>) -> String {
    let all = tiles(summary.tiles);
    match threshold {
        None => ["Showing all ", &all].concat(),
        Some(threshold) => [
            "Showing ",
            &thousands(summary.drawn as i64),
            " of ",
            &all,
            ", ",
            &span(summary.signed, threshold, grade_unit(summary)),
        ]
        .concat(),
    }
}

/// How values became colours.
#[must_use]
pub fn normalisation(summary: &LayerSummary, layer: &LayerSpec) -> String {
    let tiles = tiles(summary.tiles);
    let reach = summary.extremes.map_or_else(String::new, |extremes| {
        let unit = unit(summary.quantity, summary.scale);
        [" (", &span(summary.signed, extremes, unit), ")"].concat()
    });
    let rule = if layer.range.is_some() {
        "Ends set by hand, what lies beyond has their colours; this slide\u{2019}s "
    } else {
        match (summary.grading, summary.signed, summary.quantity) {
            (Grading::Percentile, false, _) => "By rank among this slide\u{2019}s ",
            (Grading::Percentile, true, _) => {
                "By rank of the size, on either side of 0, among this slide\u{2019}s "
            }
            (_, true, _) => "Symmetrical about 0, as far as the farthest of this slide\u{2019}s ",
            (_, _, Quantity::TileProbability) => "Fixed range 0 to 1; this slide\u{2019}s ",
            _ => "From 0 to the largest of this slide\u{2019}s ",
        }
    };
    let by_rank = if layer.range.is_some() && summary.grading == Grading::Percentile {
        ", by rank"
    } else {
        ""
    };
    let middle = if summary.signed {
        ". Near 0 the tissue shows through."
    } else {
        "."
    };
    let pale = if layer.range.is_none() && is_pale(summary) {
        " A few tiles lie so far out that nearly all others are pale: the percentile scale tells those apart."
    } else {
        ""
    };
    let smooth = if layer.smooth {
        " Colours flow from tile to tile; between their middles nothing was measured."
    } else {
        ""
    };
    [rule, &tiles, &reach, by_rank, middle, pale, smooth].concat()
}

/// Whether a few tiles set the ends of the colours so far out that nine in ten of the others keep within a quarter of the way.
fn is_pale(summary: &LayerSummary) -> bool {
    if summary.grading != Grading::Value || summary.quantity == Quantity::TileProbability {
        return false;
    }
    let ((low, high), bins) = (summary.full_range, summary.histogram.len() as f64);
    let farthest = low.abs().max(high.abs());
    let near = summary.histogram.iter().enumerate().filter(|(bin, _)| {
        let middle = low + (high - low) * (*bin as f64 + 0.5) / bins;
        middle.abs() < 0.25 * farthest
    });
    let near: u32 = near.map(|(_, tiles)| tiles).sum();
    f64::from(near) >= 0.9 * summary.tiles as f64
}

/// How many fold models speak.
#[must_use]
pub fn fold_models((own, minus): (usize, Option<usize>)) -> String {
    let models = |count: usize| match count {
        1 => "one fold model".to_owned(),
        count => ["mean of ", &count.to_string(), " fold models"].concat(),
    };
    match minus {
        Some(minus) => [
            "First model: ",
            &models(own),
            "; second model: ",
            &models(minus),
            ".",
        ]
        .concat(),
        None if own == 1 => "One fold model.".to_owned(),
        None => ["Mean of ", &own.to_string(), " fold models."].concat(),
    }
}

/// The middle of a tile, from the slide's top left corner.
#[must_use]
pub fn place(tile: &TopTile, mpp: Mpp) -> String {
    let x = (tile.rect.x + tile.rect.width / 2.0) * mpp.x;
    let y = (tile.rect.y + tile.rect.height / 2.0) * mpp.y;
    [&length(x), ", ", &length(y)].concat()
}

/// What the layer says, for those who do not see it.
#[must_use]
pub fn in_words(summary: &LayerSummary, mpp: Mpp) -> String {
    let of = match summary.quantity {
        Quantity::Attention => "Attention for ",
        Quantity::Contribution => "Contribution to ",
        Quantity::RemovalEffect => "Removal effect on ",
        Quantity::TileProbability => "Tile probability of ",
        Quantity::ZScore => "z-score for ",
    };
    let minus = match &summary.minus {
        Some(minus) => [", ", &summary.model, " minus ", minus].concat(),
        None => String::new(),
    };
    let Some(extremes) = summary.extremes else {
        return [of, &summary.target, &minus, ": no tile has a value."].concat();
    };
    let unit = unit(summary.quantity, summary.scale);
    let reach = span(summary.signed, extremes, unit);
    let first = summary.top.first().map_or_else(String::new, |tile| {
        let value = value_text(summary.signed, tile.value);
        let place = place(tile, mpp);
        [
            " The most telling one, ",
            &value,
            " ",
            unit,
            ", lies at ",
            &place,
            ".",
        ]
        .concat()
    });
    [
        of,
        &summary.target,
        &minus,
        ": ",
        &tiles(summary.tiles),
        ", ",
        &reach,
        ".",
        &first,
        &of_the_top(summary),
    ]
    .concat()
}

/// What the most telling tiles have in common.
fn of_the_top(summary: &LayerSummary) -> String {
    let top = &summary.top;
    if top.len() < 2 {
        return String::new();
    }
    if summary.signed {
        let above = top.iter().filter(|tile| tile.value > 0.0).count();
        let below = top.iter().filter(|tile| tile.value < 0.0).count();
        return [
            " Of the ",
            &top.len().to_string(),
            " most telling, ",
            &above.to_string(),
            " are above zero and ",
            &below.to_string(),
            " below.",
        ]
        .concat();
    }
    // The weights of one spot's tiles add up to 1; those of several spots are shares of different wholes.
    let some: Vec<&TopTile> = top.iter().take(5).collect();
    let is_one_spot = some
        .iter()
        .all(|tile| Some(tile.spot) == top.first().map(|first| first.spot));
    if summary.quantity != Quantity::Attention || !is_one_spot {
        return String::new();
    }
    let share = percent(some.iter().map(|tile| tile.value).sum());
    let count = some.len().to_string();
    [
        " The ",
        &count,
        " with the most attention hold ",
        &share,
        " of their spot\u{2019}s weight.",
    ]
    .concat()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::viewer::layer_setup::default_layer;
    use domain::geometry::SlideRect;

    fn tile(spot: u32, value: f64) -> TopTile {
        TopTile {
            spot,
            tile: 0,
            rect: SlideRect {
                x: 0.0,
                y: 1000.0,
                width: 200.0,
                height: 200.0,
            },
            value,
            percentile: 100.0,
        }
    }

    /// 2,025 tiles between −0.5 and 0.25.
    pub(crate) fn summary(quantity: Quantity) -> LayerSummary {
        LayerSummary {
            model: "One".to_owned(),
            minus: None,
            target: "del(5q)".to_owned(),
            quantity,
            signed: quantity.is_signed(),
            scale: Scale::Logit,
            grading: Grading::Value,
            range: (-0.5, 0.5),
            full_range: (-0.5, 0.5),
            extremes: Some((-0.5, 0.25)),
            tiles: 2025,
            drawn: 120,
            histogram: vec![2025],
            top: vec![tile(0, -0.5), tile(0, 0.25), tile(0, 0.125)],
            fold_models: (1, None),
            notes: Vec::new(),
        }
    }

    #[test]
    fn the_legend_says_how_it_was_normalised() {
        let layer = default_layer(String::new(), String::new());
        let text = normalisation(&summary(Quantity::Contribution), &layer);
        assert!(text.contains("Symmetrical about 0") && text.contains("2,025 tiles"));
        assert!(
            text.contains("(\u{2212}0.500 to +0.250 log odds). Near 0"),
            "{text}"
        );
        let of = |quantity| normalisation(&summary(quantity), &layer);
        assert!(of(Quantity::TileProbability).contains("Fixed range 0 to 1"));
        assert!(of(Quantity::Attention).contains("From 0"));
        let mut ranks = summary(Quantity::ZScore);
        ranks.grading = Grading::Percentile;
        assert!(normalisation(&ranks, &layer).contains("By rank of the size"));
        let by_hand = LayerSpec {
            range: Some((-1.0, 1.0)),
            smooth: true,
            ..layer
        };
        let text = normalisation(&ranks, &by_hand);
        assert!(text.contains("set by hand") && text.contains("), by rank. Near 0"));
        assert!(text.ends_with("nothing was measured."));
    }

    #[test]
    fn it_is_said_when_a_few_tiles_take_the_colours_from_all_others() {
        let layer = default_layer(String::new(), String::new());
        let mut pale = summary(Quantity::Contribution);
        pale.histogram = vec![5, 0, 0, 0, 2010, 10, 0, 0, 0, 0];
        let told = |summary: &LayerSummary| normalisation(summary, &layer).contains("are pale");
        assert!(told(&pale));
        pale.histogram = vec![5, 0, 300, 0, 1710, 10, 0, 0, 0, 0];
        assert!(!told(&pale), "one in seven has a colour");
        pale.histogram = vec![5, 0, 0, 0, 2010, 10, 0, 0, 0, 0];
        pale.grading = Grading::Percentile;
        assert!(!told(&pale), "ranks are spread evenly");
    }

    #[test]
    fn the_fold_models_of_both_sides_of_a_difference_are_named() {
        assert_eq!(fold_models((1, None)), "One fold model.");
        assert_eq!(fold_models((3, None)), "Mean of 3 fold models.");
        assert_eq!(
            fold_models((5, Some(1))),
            "First model: mean of 5 fold models; second model: one fold model."
        );
    }

    #[test]
    fn it_is_said_how_many_tiles_are_drawn() {
        let summary = summary(Quantity::Contribution);
        assert_eq!(drawn(&summary, None), "Showing all 2,025 tiles");
        assert_eq!(
            drawn(&summary, Some((0.1, 0.25))),
            "Showing 120 of 2,025 tiles, +0.100 to +0.250 log odds"
        );
    }

    #[test]
    fn a_layer_is_told_in_words() {
        let mpp = Mpp::square(0.5);
        assert_eq!(
            in_words(&summary(Quantity::Contribution), mpp),
            "Contribution to del(5q): 2,025 tiles, \u{2212}0.500 to +0.250 log odds. The most telling one, \u{2212}0.500 log odds, lies at 50.0 µm, 550 µm. Of the 3 most telling, 2 are above zero and 1 below."
        );
        let mut difference = summary(Quantity::ZScore);
        difference.minus = Some("Other".to_owned());
        assert!(in_words(&difference, mpp).starts_with("z-score for del(5q), One minus Other: "));
        difference.extremes = None;
        assert!(in_words(&difference, mpp).ends_with("no tile has a value."));
    }

    #[test]
    fn shares_of_attention_are_added_within_one_spot_only() {
        let mpp = Mpp::square(0.5);
        let mut attention = summary(Quantity::Attention);
        attention.top = vec![tile(3, 0.25), tile(3, 0.15)];
        let text = in_words(&attention, mpp);
        assert!(
            text.ends_with(
                "The 2 with the most attention hold 40 % of their spot\u{2019}s weight."
            ),
            "{text}"
        );
        attention.top[1].spot = 4;
        assert!(!in_words(&attention, mpp).contains('%'));
    }
}
