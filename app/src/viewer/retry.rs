//! What happens to what could not be had: when it is asked for again, and when it is given up. No browser in here.

/// How often something is asked for before it is given up.
const MOST_ATTEMPTS: u32 = 5;
/// For how long a tile that was given up is left alone, ms.
const PEACE: f64 = 10_000.0;
/// The longest that a server may have us wait, ms: whoever looks at a slide would rather have it tried.
const MOST_WAIT: f64 = 30_000.0;

/// Why something could not be had.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// Whether asking again is useless.
    pub is_final: bool,
    /// How long to wait at least before asking again, ms, where the server has said so.
    pub wait: Option<f64>,
    /// What the server says of it, in sentences.
    pub detail: Option<String>,
}

impl Refusal {
    /// What asking again may mend.
    pub const AGAIN: Self = Self {
        is_final: false,
        wait: None,
        detail: None,
    };
    /// What asking again cannot mend.
    pub const FINAL: Self = Self {
        is_final: true,
        wait: None,
        detail: None,
    };
}

/// Reads a Retry-After header (RFC 9110, section 10.2.3) in seconds, as our server writes it; ms. Its other form, a date, is
/// not read: the clocks of server and browser differ.
#[must_use]
pub fn wait_of(header: &str) -> Option<f64> {
    let seconds: u32 = header.trim().parse().ok()?;
    Some(f64::from(seconds) * 1000.0)
}

/// What has become of something that could not be had: a tile, or the maps of a target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Failure {
    /// How often it was tried.
    pub attempts: u32,
    /// When it was tried last, ms.
    pub tried_at: f64,
    /// When to try again, ms; infinite once given up.
    pub retry_at: f64,
}

impl Failure {
    /// After one more attempt has failed at `now`, ms. What is not there is not asked for again; a server that says when to
    /// come again is not asked before, as far as that is within half a minute.
    #[must_use]
    pub fn after(before: Option<Self>, now: f64, refusal: &Refusal) -> Self {
        let attempts = before.map_or(0, |failure| failure.attempts) + 1;
        let retry_at = if refusal.is_final || attempts >= MOST_ATTEMPTS {
            f64::INFINITY
        } else {
            let pause = 500.0 * f64::from(1 << (attempts - 1));
            now + refusal
                .wait
                .map_or(pause, |wait| pause.max(wait.min(MOST_WAIT)))
        };
        Self {
            attempts,
            tried_at: now,
            retry_at,
        }
    }

    /// Whether whoever moves the view may have it tried from the start.
    #[must_use]
    pub fn is_over(&self, now: f64) -> bool {
        self.retry_at.is_infinite() && now - self.tried_at > PEACE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_wait_longer_each_time_and_end() {
        let mut failure = None;
        let mut waits = Vec::new();
        for _ in 0..MOST_ATTEMPTS {
            let next = Failure::after(failure, 100.0, &Refusal::AGAIN);
            waits.push(next.retry_at - 100.0);
            failure = Some(next);
        }
        assert_eq!(waits, [500.0, 1000.0, 2000.0, 4000.0, f64::INFINITY]);
        assert_eq!(
            Failure::after(None, 0.0, &Refusal::FINAL).retry_at,
            f64::INFINITY
        );
        let given_up = failure.unwrap();
        assert!(!given_up.is_over(200.0) && given_up.is_over(100.1 + PEACE));
        assert!(
            !Failure::after(None, 100.0, &Refusal::AGAIN).is_over(1e9),
            "it is still tried"
        );
    }

    #[test]
    fn a_server_that_says_when_to_come_again_is_not_asked_before() {
        let waits = |header: &str| {
            let refusal = Refusal {
                wait: wait_of(header),
                ..Refusal::AGAIN
            };
            let first = Failure::after(None, 100.0, &refusal);
            let second = Failure::after(Some(first), 100.0, &refusal);
            let third = Failure::after(Some(second), 100.0, &refusal);
            [first, second, third].map(|failure| failure.retry_at - 100.0)
        };
        assert_eq!(waits("2"), [2000.0; 3]);
        assert_eq!(waits(" 1 "), [1000.0, 1000.0, 2000.0]);
        assert_eq!(waits("86400"), [30_000.0; 3], "not for a day");
        let unread = [500.0, 1000.0, 2000.0];
        for header in ["", "0", "-3", "1.5", "Wed, 21 Oct 2026 07:28:00 GMT"] {
            assert_eq!(waits(header), unread, "{header}");
        }
    }
}
