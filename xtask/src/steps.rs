//! Tells a person what is being done and how long it took.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Something that takes a while; its end is told by [`Step::done`].
#[must_use = "a step that is never done tells nobody how long it took"]
pub struct Step {
    what: String,
    started: Instant,
}

impl Step {
    /// Tells that `what` begins.
    pub fn begin(what: impl Into<String>) -> Self {
        let what = what.into();
        eprintln!("[{}] {what} …", clock(STARTED.elapsed()));
        Self {
            what,
            started: Instant::now(),
        }
    }

    /// Tells that it ended well, and after how long.
    pub fn done(self) {
        let took = self.started.elapsed();
        if took >= Duration::from_secs(1) {
            eprintln!(
                "[{}] {}: done in {}",
                clock(STARTED.elapsed()),
                self.what,
                clock(took)
            );
        }
    }
}

/// Minutes and seconds since the command was started, for its last line.
pub fn elapsed() -> String {
    clock(STARTED.elapsed())
}

fn clock(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_shows_minutes_and_two_digits_of_seconds() {
        assert_eq!(clock(Duration::from_millis(900)), "0:00");
        assert_eq!(clock(Duration::from_secs(65)), "1:05");
        assert_eq!(clock(Duration::from_secs(3 * 3600)), "180:00");
    }
}
