//! Numbers as the screen writes them.

/// Three significant digits, with a real minus; in powers of ten below 0.0001 and above a million.
#[must_use]
pub fn number(value: f64) -> String {
    if value.is_nan() {
        return "\u{2013}".to_owned();
    }
    let size = value.abs();
    let text = if size == 0.0 {
        "0".to_owned()
    } else if !(1e-4..1e6).contains(&size) {
        return power_of_ten(value);
    } else {
        let digits = 2 - size.log10().floor() as i32;
        format!("{value:.*}", digits.clamp(0, 7) as usize)
    };
    text.replace('-', "\u{2212}")
}

/// As `1.23×10⁻⁵`.
fn power_of_ten(value: f64) -> String {
    let text = format!("{value:.2e}");
    let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
    let raised: String = power
        .chars()
        .map(|char| match char {
            '-' => '⁻',
            '1' => '¹',
            '2' => '²',
            '3' => '³',
            '4'..='9' => char::from_u32('⁰' as u32 + char as u32 - '0' as u32).unwrap_or(char),
            _ => '⁰',
        })
        .collect();
    [&digits.replace('-', "\u{2212}"), "×10", &raised].concat()
}

/// As [`number`], with a plus before what is above zero.
#[must_use]
pub fn signed(value: f64) -> String {
    let text = number(value);
    if value > 0.0 {
        ["+", &text].concat()
    } else {
        text
    }
}

/// All digits, for programs: reads back as the same f64.
#[must_use]
pub fn exact(value: f64) -> String {
    value.to_string()
}

/// A length: µm, from a millimetre on mm.
#[must_use]
pub fn length(um: f64) -> String {
    if um.abs() >= 1000.0 {
        [&number(um / 1000.0), " mm"].concat()
    } else {
        [&number(um), " µm"].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        for (value, text) in [
            (0.0, "0"),
            (0.012_345, "0.0123"),
            (-1.5, "\u{2212}1.50"),
            (12.34, "12.3"),
            (123_456.0, "123456"),
            (0.000_012_3, "1.23×10⁻⁵"),
            (-4.56e17, "\u{2212}4.56×10¹⁷"),
            (f64::NAN, "\u{2013}"),
        ] {
            assert_eq!(number(value), text);
        }
        assert_eq!(signed(0.5), "+0.500");
        assert_eq!(signed(0.0), "0");
        assert_eq!(length(250.0), "250 µm");
        assert_eq!(length(2500.0), "2.50 mm");
        let third = 1.0 / 3.0;
        assert_eq!(exact(third).parse::<f64>().unwrap(), third);
    }
}
