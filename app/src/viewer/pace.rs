//! How often the picture is drawn anew while tiles come one by one. A graphics card draws it in no time; without one each
//! picture takes from the processor what the next tiles need, and all of them come sooner when few are drawn in between.

/// A frame that follows its request this soon cost nothing, ms.
const PROMPT: f64 = 25.0;
/// So many times as long as a frame takes, nothing is drawn after it.
const REST: f64 = 4.0;
/// However slow: this often it is seen that tiles come, ms.
const LONGEST_REST: f64 = 500.0;
/// What is left of an old measurement at each new one.
const MEMORY: f64 = 0.8;

/// The pace of drawing. All times in ms.
#[derive(Debug, Default)]
pub struct Pace {
    asked_at: Option<f64>,
    drawn_at: f64,
    /// How long a frame lets itself be waited for.
    wait: f64,
}

impl Pace {
    /// A frame is asked for.
    pub fn asked(&mut self, now: f64) {
        self.asked_at.get_or_insert(now);
    }

    /// It is drawn.
    pub fn drawn(&mut self, now: f64) {
        if let Some(asked_at) = self.asked_at.take() {
            // In a tab that is not seen there are no frames at all.
            let wait = (now - asked_at).clamp(0.0, LONGEST_REST);
            self.wait = wait.max(self.wait * MEMORY);
        }
        self.drawn_at = now;
    }

    /// How long what has come should wait to be drawn; 0 for not at all.
    #[must_use]
    pub fn rest(&self, now: f64) -> f64 {
        if self.wait <= PROMPT {
            return 0.0;
        }
        let rest = (self.wait * REST).min(LONGEST_REST);
        (self.drawn_at + rest - now).clamp(0.0, LONGEST_REST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames that take so long, one after the other, from 0 on.
    fn after(times: &[f64]) -> (Pace, f64) {
        let mut pace = Pace::default();
        let mut now = 0.0;
        for time in times {
            pace.asked(now);
            now += time;
            pace.drawn(now);
        }
        (pace, now)
    }

    #[test]
    fn with_a_graphics_card_every_tile_is_drawn_at_once() {
        let (pace, now) = after(&[16.0, 17.0, 4.0, 16.0]);
        assert_eq!(pace.rest(now), 0.0);
    }

    #[test]
    fn slow_frames_are_few_and_the_rest_ends() {
        let (pace, now) = after(&[16.0, 80.0]);
        assert_eq!(pace.rest(now), 320.0);
        assert_eq!(pace.rest(now + 300.0), 20.0);
        assert_eq!(pace.rest(now + 400.0), 0.0);
        let (pace, now) = after(&[10_000.0]);
        assert_eq!(pace.rest(now), LONGEST_REST);
    }

    #[test]
    fn one_slow_frame_is_forgotten() {
        let (pace, now) = after(&[100.0, 16.0, 16.0, 16.0, 16.0, 16.0, 16.0, 16.0]);
        assert_eq!(pace.rest(now), 0.0);
    }

    #[test]
    fn a_second_request_for_the_same_frame_does_not_count() {
        let mut pace = Pace::default();
        pace.asked(0.0);
        pace.asked(70.0);
        pace.drawn(80.0);
        assert!(pace.rest(80.0) > 0.0);
    }
}
