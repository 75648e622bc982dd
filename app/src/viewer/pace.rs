//! How often the picture is drawn anew while tiles come one by one. A graphics card draws it in no time; without one each
//! picture takes from the processor what the next tiles need, and all of them come sooner when few are drawn in between.

/// A frame that follows its request this soon cost nothing, ms.
const PROMPT: f64 = 25.0;
/// So many times as long as a frame takes, nothing is drawn after it.
const REST: f64 = 4.0;
/// However slow: this often it is seen that tiles come, ms.
const LONGEST_REST: f64 = 500.0;
/// Only a frame that is asked for this soon after another one waits for that to be drawn, ms. What else lets one wait (the
/// page is being made, its tab was hidden, the computer slept) says nothing of drawing.
const CLOSE: f64 = 50.0;
/// Drawing takes no longer, ms: the tab was hidden, or the computer slept.
const PAUSE: f64 = 2000.0;
/// What is left of an old measurement at each frame that measures nothing.
const MEMORY: f64 = 0.8;

/// The pace of drawing. All times in ms.
#[derive(Debug, Default)]
pub struct Pace {
    asked_at: Option<f64>,
    drawn_at: Option<f64>,
    /// How long the last frames that say something let themselves be waited for.
    waits: [f64; 3],
    /// How long a frame takes: one alone that is slow, or quick, decides nothing.
    wait: f64,
}

impl Pace {
    /// A frame is asked for.
    pub fn asked(&mut self, now: f64) {
        self.asked_at.get_or_insert(now);
    }

    /// It is drawn.
    pub fn drawn(&mut self, now: f64) {
        let before = self.drawn_at.replace(now);
        let Some(asked_at) = self.asked_at.take() else {
            return;
        };
        let is_close = before.is_some_and(|before| asked_at - before <= CLOSE);
        let wait = now - asked_at;
        if is_close && wait <= PAUSE {
            let [_, second, third] = self.waits;
            self.waits = [second, third, wait];
            self.wait = median(self.waits);
        } else {
            self.wait *= MEMORY;
        }
    }

    /// How long what has come should wait to be drawn; 0 for not at all.
    #[must_use]
    pub fn rest(&self, now: f64) -> f64 {
        let Some(drawn_at) = self.drawn_at.filter(|_| self.wait > PROMPT) else {
            return 0.0;
        };
        let rest = (self.wait * REST).min(LONGEST_REST);
        (drawn_at + rest - now).clamp(0.0, LONGEST_REST)
    }
}

fn median([a, b, c]: [f64; 3]) -> f64 {
    a.max(b).min(a.min(b).max(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames that take so long, one after the other, from 0 on.
    fn after(times: &[f64]) -> (Pace, f64) {
        let mut pace = Pace::default();
        let now = frames(&mut pace, 0.0, times);
        (pace, now)
    }

    fn frames(pace: &mut Pace, mut now: f64, times: &[f64]) -> f64 {
        for time in times {
            pace.asked(now);
            now += time;
            pace.drawn(now);
        }
        now
    }

    #[test]
    fn with_a_graphics_card_every_tile_is_drawn_at_once() {
        let (pace, now) = after(&[16.0, 17.0, 4.0, 16.0]);
        assert_eq!(pace.rest(now), 0.0);
    }

    #[test]
    fn slow_frames_are_few_and_the_rest_ends() {
        let (pace, now) = after(&[16.0, 80.0, 80.0]);
        assert_eq!(pace.rest(now), 320.0);
        assert_eq!(pace.rest(now + 300.0), 20.0);
        assert_eq!(pace.rest(now + 400.0), 0.0);
        let (pace, now) = after(&[16.0, 900.0, 900.0]);
        assert_eq!(pace.rest(now), LONGEST_REST);
    }

    #[test]
    fn one_slow_frame_slows_nothing() {
        for slow in [40.0, 100.0, 1900.0] {
            let (pace, now) = after(&[16.0, 16.0, slow]);
            assert_eq!(pace.rest(now), 0.0, "{slow}");
            let (pace, now) = after(&[16.0, slow, 16.0, 16.0, slow]);
            assert_eq!(pace.rest(now), 0.0, "{slow}");
        }
    }

    #[test]
    fn neither_the_first_frame_nor_one_after_a_pause_says_how_long_drawing_takes() {
        let (mut pace, mut now) = after(&[900.0]);
        for pause in [100.0, 10_000.0, 3_600_000.0] {
            for _ in 0..5 {
                now = frames(&mut pace, now + pause, &[600.0]);
                assert_eq!(pace.rest(now), 0.0);
            }
        }
        // Asked for just before the tab was hidden, each time.
        for _ in 0..5 {
            now = frames(&mut pace, now + 16.0, &[60_000.0]);
            assert_eq!(pace.rest(now), 0.0);
        }
    }

    #[test]
    fn one_quick_frame_does_not_end_the_pace_but_several_do() {
        let (mut pace, now) = after(&[16.0, 100.0, 100.0, 100.0]);
        let now = frames(&mut pace, now, &[10.0]);
        assert_eq!(pace.rest(now), 400.0);
        let now = frames(&mut pace, now, &[10.0]);
        assert_eq!(pace.rest(now), 0.0);
    }

    #[test]
    fn a_pace_that_nothing_confirms_is_forgotten() {
        let (mut pace, mut now) = after(&[16.0, 100.0, 100.0]);
        assert!(pace.rest(now) > 0.0);
        for _ in 0..7 {
            now = frames(&mut pace, now + 400.0, &[5.0]);
        }
        assert_eq!(pace.rest(now), 0.0);
    }

    #[test]
    fn a_second_request_for_the_same_frame_does_not_count() {
        let (mut pace, now) = after(&[16.0, 80.0]);
        pace.asked(now);
        pace.asked(now + 70.0);
        pace.drawn(now + 80.0);
        assert!(pace.rest(now + 80.0) > 0.0);
    }
}
