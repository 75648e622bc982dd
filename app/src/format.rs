//! Numbers as the screen writes them.

use domain::geometry::Mpp;
use domain::view::{Interval, SlideSummary};

/// A count with its noun: `1 tile`, `1,204 tiles`.
#[must_use]
pub fn count(number: impl Into<i64>, singular: &str, plural: &str) -> String {
    let number = number.into();
    let noun = if number == 1 { singular } else { plural };
    format!("{} {noun}", thousands(number))
}

/// A whole number with commas: `12,204`.
#[must_use]
pub fn thousands(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    if number < 0 {
        text.push('−');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A probability with two digits that never claims certainty: `0.83`, `< 0.01`, `> 0.99`.
#[must_use]
pub fn probability(value: f64) -> String {
    if value < 0.005 {
        "< 0.01".to_owned()
    } else if value > 0.995 {
        "> 0.99".to_owned()
    } else {
        format!("{value:.2}")
    }
}

/// A range of probabilities: `0.71–0.86`.
#[must_use]
pub fn probability_range((low, high): (f64, f64)) -> String {
    format!("{low:.2}–{high:.2}")
}

/// An estimate with its interval: `0.93 (0.85–0.98)`.
#[must_use]
pub fn interval(interval: &Interval) -> String {
    format!(
        "{:.2} ({:.2}–{:.2})",
        interval.estimate, interval.low, interval.high
    )
}

/// A share as a percentage: `32 %`, `0.4 %`.
#[must_use]
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent != 0.0 && percent.abs() < 1.0 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.0} %")
    }
}

/// A score with its sign: `+1.24`, `−0.30`.
#[must_use]
pub fn signed(value: f64) -> String {
    let rounded = format!("{:.2}", value.abs());
    if rounded == "0.00" {
        rounded
    } else if value < 0.0 {
        format!("−{rounded}")
    } else {
        format!("+{rounded}")
    }
}

/// A length of time, as exact as is of use: `42 s`, `3 min`, `1 h 20 min`, `2 d 3 h`.
#[must_use]
pub fn duration(seconds: f64) -> String {
    let seconds = seconds.max(0.0).round() as u64;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..600 => {
            let (minutes, rest) = (seconds / 60, seconds % 60 / 10 * 10);
            if rest == 0 {
                format!("{minutes} min")
            } else {
                format!("{minutes} min {rest} s")
            }
        }
        600..3600 => format!("{} min", seconds / 60),
        3600..86_400 => match (seconds / 3600, seconds % 3600 / 60) {
            (hours, 0) => format!("{hours} h"),
            (hours, minutes) => format!("{hours} h {minutes} min"),
        },
        _ => match (seconds / 86_400, seconds % 86_400 / 3600) {
            (days, 0) => format!("{days} d"),
            (days, hours) => format!("{days} d {hours} h"),
        },
    }
}

/// A speed with its unit: `34 tiles/s`, `0.8 steps/s`.
#[must_use]
pub fn rate(per_second: f64, unit: &str) -> String {
    if per_second >= 9.95 {
        format!("{} {unit}/s", thousands(per_second.round() as i64))
    } else {
        format!("{per_second:.1} {unit}/s")
    }
}

/// An amount of memory: `148 MB`, `1.2 GB`.
#[must_use]
pub fn bytes(bytes: u64) -> String {
    let megabytes = bytes as f64 / 1e6;
    if megabytes >= 1000.0 {
        format!("{:.1} GB", megabytes / 1000.0)
    } else {
        format!("{megabytes:.0} MB")
    }
}

/// A resolution: `0.499 µm/px`.
#[must_use]
pub fn mpp(mpp: Mpp) -> String {
    let text = format!("{:.3}", mpp.mean());
    let short = text.strip_suffix('0').unwrap_or(&text);
    format!("{short} µm/px")
}

/// A size in pixels: `2,220 × 2,967 px`.
#[must_use]
pub fn size_px(width: u32, height: u32) -> String {
    format!(
        "{} × {} px",
        thousands(width.into()),
        thousands(height.into())
    )
}

/// The size of a slide on the glass: `1.1 × 1.5 mm`.
#[must_use]
pub fn size_mm(slide: &SlideSummary) -> String {
    format!(
        "{:.1} × {:.1} mm",
        f64::from(slide.width) * slide.mpp.x / 1000.0,
        f64::from(slide.height) * slide.mpp.y / 1000.0
    )
}

/// A word with its first letter large, for the start of a sentence.
#[must_use]
pub fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

/// A difference with its interval: `+0.21 (+0.04 to +0.38)`.
#[must_use]
pub fn signed_interval(interval: &Interval) -> String {
    format!(
        "{} ({} to {})",
        signed(interval.estimate),
        signed(interval.low),
        signed(interval.high)
    )
}

/// An estimate of any size with its interval: `0.84 (0.31 to 1.37)`.
#[must_use]
pub fn wide_interval(interval: &Interval) -> String {
    let number = |value: f64| signed(value).trim_start_matches('+').to_owned();
    format!(
        "{} ({} to {})",
        number(interval.estimate),
        number(interval.low),
        number(interval.high)
    )
}

/// A p-value: two digits that count, never 0.
#[must_use]
pub fn p_value(p: f64) -> String {
    if p < 0.001 {
        "< 0.001".to_owned()
    } else if p < 0.1 {
        format!("{p:.3}")
    } else {
        format!("{p:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_agree_with_their_nouns() {
        assert_eq!(count(0, "tile", "tiles"), "0 tiles");
        assert_eq!(count(1, "tile", "tiles"), "1 tile");
        assert_eq!(count(1204, "tile", "tiles"), "1,204 tiles");
        assert_eq!(thousands(-1_234_567), "−1,234,567");
        assert_eq!(thousands(999), "999");
    }

    #[test]
    fn probabilities_never_claim_certainty() {
        assert_eq!(probability(0.0), "< 0.01");
        assert_eq!(probability(0.006), "0.01");
        assert_eq!(probability(0.834), "0.83");
        assert_eq!(probability(0.9949), "0.99");
        assert_eq!(probability(1.0), "> 0.99");
    }

    #[test]
    fn an_estimate_carries_its_interval() {
        let auroc = Interval {
            estimate: 0.934,
            low: 0.851,
            high: 0.976,
        };
        assert_eq!(interval(&auroc), "0.93 (0.85–0.98)");
        assert_eq!(probability_range((0.705, 0.861)), "0.70–0.86");
    }

    #[test]
    fn durations_are_as_exact_as_is_of_use() {
        let cases = [
            (-3.0, "0 s"),
            (0.4, "0 s"),
            (59.4, "59 s"),
            (59.6, "1 min"),
            (95.0, "1 min 30 s"),
            (599.0, "9 min 50 s"),
            (754.0, "12 min"),
            (3600.0, "1 h"),
            (4800.0, "1 h 20 min"),
            (90_000.0, "1 d 1 h"),
            (172_800.0, "2 d"),
        ];
        for (seconds, text) in cases {
            assert_eq!(duration(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn small_shares_keep_a_digit() {
        assert_eq!(percent(0.32), "32 %");
        assert_eq!(percent(0.004), "0.4 %");
        assert_eq!(percent(0.0), "0 %");
        assert_eq!(percent(1.0), "100 %");
    }

    #[test]
    fn a_score_that_rounds_to_nothing_has_no_sign() {
        assert_eq!(signed(1.236), "+1.24");
        assert_eq!(signed(-0.3), "−0.30");
        assert_eq!(signed(-0.001), "0.00");
    }

    #[test]
    fn speeds_sizes_and_amounts_have_units() {
        assert_eq!(rate(34.4, "tiles"), "34 tiles/s");
        assert_eq!(rate(0.83, "steps"), "0.8 steps/s");
        assert_eq!(bytes(148_400_000), "148 MB");
        assert_eq!(bytes(1_240_000_000), "1.2 GB");
        assert_eq!(mpp(Mpp::square(0.499)), "0.499 µm/px");
        assert_eq!(mpp(Mpp::square(0.5)), "0.50 µm/px");
        assert_eq!(size_px(2220, 2967), "2,220 × 2,967 px");
    }

    #[test]
    fn sentences_start_with_a_capital() {
        assert_eq!(capitalised("skin"), "Skin");
        assert_eq!(capitalised(""), "");
        assert_eq!(capitalised("µ"), "Μ");
    }

    #[test]
    fn small_ps_are_never_nothing() {
        assert_eq!(p_value(1e-9), "< 0.001");
        assert_eq!(p_value(0.0123), "0.012");
        assert_eq!(p_value(0.5), "0.50");
    }
}
