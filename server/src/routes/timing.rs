//! `Server-Timing`: what was done for an answer, and how long it took.

use std::time::{Duration, Instant};

use axum::http::HeaderName;

use crate::slides::How;

/// The header, as a part of an answer.
pub type Timing = [(HeaderName, String); 1];

const NAME: HeaderName = HeaderName::from_static("server-timing");

/// Of what shows a slide, asked for at a time.
pub fn of_slide(how: How, asked: Instant) -> Timing {
    [(NAME, words(how, asked.elapsed()))]
}

/// Of something that took so long to be read from the database, asked for at a time.
pub fn of_reading(read: Duration, asked: Instant) -> Timing {
    let waited = asked.elapsed().saturating_sub(read);
    let (read, waited) = (millis(read), millis(waited));
    [(NAME, format!("read;dur={read:.1}, wait;dur={waited:.1}"))]
}

/// Of something that was asked for at a time, in one piece.
pub fn of_all(asked: Instant) -> Timing {
    [(NAME, format!("total;dur={:.3}", millis(asked.elapsed())))]
}

/// What was done, and how long the request waited besides.
fn words(how: How, total: Duration) -> String {
    match how {
        How::PassedThrough(read) => format!("read;dur={:.3}", millis(read)),
        How::Decoded(decode) => format!(
            "cache;desc=miss, decode;dur={:.1}, wait;dur={:.1}",
            millis(decode),
            millis(total.saturating_sub(decode))
        ),
        How::Cached => "cache;desc=hit".to_owned(),
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_tile_took_is_told() {
        let total = Duration::from_micros(5_250);
        let decoded = How::Decoded(Duration::from_micros(3_120));
        assert_eq!(
            words(decoded, total),
            "cache;desc=miss, decode;dur=3.1, wait;dur=2.1"
        );
        let read = How::PassedThrough(Duration::from_micros(210));
        assert_eq!(words(read, total), "read;dur=0.210");
        assert_eq!(words(How::Cached, total), "cache;desc=hit");
    }
}
