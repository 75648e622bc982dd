//! Turns to do work: so much at once, a bounded line in front of it, and no slide's line before another's.
//!
//! Whoever looks at one slide may ask for many tiles at a time. So requests wait in one line per slide and the lines take
//! turns: somebody at another slide waits for one tile, not for all of them. Within a slide first come is first served. When
//! all lines together are full, who comes to a shorter line takes the place of the last in the longest.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::problem::Problem;

/// Requests that wait in line.
const WAITING: usize = 512;
/// Requests that wait in line for one slide: more than eight browsers ask for at once, over six connections each.
pub const WAITING_PER_SLIDE: usize = 64;
/// How long a request may wait for its turn before it is told to come again.
const PATIENCE: Duration = Duration::from_secs(8);

/// How many may work and wait.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Turns at once.
    pub at_once: usize,
    /// Requests that wait, all slides together.
    pub waiting: usize,
    /// Requests that wait for one slide.
    pub waiting_per_slide: usize,
    /// How long a request may wait before it is told to come again.
    pub patience: Duration,
}

impl Bounds {
    /// The usual line in front of so many turns.
    pub fn of(at_once: usize) -> Self {
        Self {
            at_once,
            waiting: WAITING,
            waiting_per_slide: WAITING_PER_SLIDE,
            patience: PATIENCE,
        }
    }
}

/// Turns to be taken.
#[derive(Clone)]
pub struct Turns(Arc<Inner>);

struct Inner {
    bounds: Bounds,
    state: Mutex<State>,
}

struct State {
    free: usize,
    waiting: usize,
    refused: u64,
    next_id: u64,
    /// The slide whose turn is next comes first.
    lines: VecDeque<Line>,
}

struct Line {
    slide: Arc<str>,
    requests: VecDeque<(u64, oneshot::Sender<Turn>)>,
}

/// A turn; passed on when dropped.
pub struct Turn(Option<Arc<Inner>>);

/// How busy it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Turns taken.
    pub in_use: usize,
    /// Requests that wait.
    pub waiting: usize,
    /// Requests refused since the start, because too many waited or one waited too long.
    pub refused: u64,
}

impl State {
    /// Takes its place back from the last in the longest line, if that has at least so many. Whether it had.
    fn take_back(&mut self, at_least: usize) -> bool {
        let longest = self.lines.iter_mut().max_by_key(|line| line.requests.len());
        let Some(longest) = longest.filter(|line| line.requests.len() >= at_least) else {
            return false;
        };
        longest.requests.pop_back();
        self.waiting -= 1;
        self.refused += 1;
        true
    }
}

impl Turns {
    /// All turns free.
    pub fn new(bounds: Bounds) -> Self {
        let state = State {
            free: bounds.at_once,
            waiting: 0,
            refused: 0,
            next_id: 0,
            lines: VecDeque::new(),
        };
        Self(Arc::new(Inner {
            bounds,
            state: Mutex::new(state),
        }))
    }

    /// What it was made with.
    #[cfg(test)]
    pub fn bounds(&self) -> Bounds {
        self.0.bounds
    }

    /// How busy it is now.
    pub fn load(&self) -> Load {
        let state = self.0.state();
        Load {
            in_use: self.0.bounds.at_once - state.free,
            waiting: state.waiting,
            refused: state.refused,
        }
    }

    /// Waits for a turn for a slide. Dropping the future leaves the line.
    ///
    /// # Errors
    /// 503 when the line is full, the place is wanted for another slide, or the turn does not come in time.
    pub async fn take(&self, slide: &Arc<str>) -> Result<Turn, Problem> {
        let mut place = match self.0.enter(slide) {
            Entered::Turn(turn) => return Ok(turn),
            Entered::Line(place) => place,
            Entered::Full => return Err(too_many()),
        };
        match tokio::time::timeout(self.0.bounds.patience, &mut place.turn).await {
            // Another slide's shorter line took the place, and counted that.
            Ok(turn) => turn.map_err(|_closed| too_many()),
            Err(_) => {
                self.0.state().refused += 1;
                Err(too_many())
            }
        }
    }
}

/// What is told to who asks for more than there are turns for.
pub fn too_many() -> Problem {
    Problem::unavailable("Too much is asked for at once. Try again in a moment.")
}

enum Entered {
    Turn(Turn),
    Line(Place),
    Full,
}

/// A place in a line; left when dropped.
struct Place {
    inner: Arc<Inner>,
    slide: Arc<str>,
    id: u64,
    turn: oneshot::Receiver<Turn>,
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|error| error.into_inner())
    }

    fn enter(self: &Arc<Self>, slide: &Arc<str>) -> Entered {
        let mut state = self.state();
        if state.free > 0 {
            state.free -= 1;
            return Entered::Turn(Turn(Some(Arc::clone(self))));
        }
        let line = state.lines.iter().find(|line| line.slide == *slide);
        let in_line = line.map_or(0, |line| line.requests.len());
        let has_place = in_line < self.bounds.waiting_per_slide
            && (state.waiting < self.bounds.waiting || state.take_back(in_line + 2));
        if !has_place {
            state.refused += 1;
            return Entered::Full;
        }
        let id = state.next_id;
        state.next_id += 1;
        state.waiting += 1;
        let (sender, turn) = oneshot::channel();
        match state.lines.iter_mut().find(|line| line.slide == *slide) {
            Some(line) => line.requests.push_back((id, sender)),
            None => state.lines.push_back(Line {
                slide: Arc::clone(slide),
                requests: VecDeque::from([(id, sender)]),
            }),
        }
        Entered::Line(Place {
            inner: Arc::clone(self),
            slide: Arc::clone(slide),
            id,
            turn,
        })
    }

    /// Whose turn is next; the turn is free when nobody waits.
    fn next(&self) -> Option<oneshot::Sender<Turn>> {
        let mut state = self.state();
        while let Some(mut line) = state.lines.pop_front() {
            let next = line.requests.pop_front();
            if !line.requests.is_empty() {
                state.lines.push_back(line);
            }
            if let Some((_, sender)) = next {
                state.waiting -= 1;
                return Some(sender);
            }
        }
        state.free += 1;
        None
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(inner) = self.0.take() else { return };
        while let Some(next) = inner.next() {
            match next.send(Turn(Some(Arc::clone(&inner)))) {
                Ok(()) => return,
                // Its client has gone: the turn that came back must not be passed on twice.
                Err(mut turn) => turn.0 = None,
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.inner.state();
        let mut lines = state.lines.iter_mut();
        let Some(line) = lines.find(|line| line.slide == self.slide) else {
            return;
        };
        let before = line.requests.len();
        line.requests.retain(|(id, _)| *id != self.id);
        let left = before - line.requests.len();
        state.waiting -= left;
        state.lines.retain(|line| !line.requests.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    const BOUNDS: Bounds = Bounds {
        at_once: 1,
        waiting: 5,
        waiting_per_slide: 4,
        patience: Duration::from_secs(600),
    };

    fn slide(name: &str) -> Arc<str> {
        name.into()
    }

    /// A future that waits in line already. Unconstrained, because a test asks it more often than tokio thinks good.
    macro_rules! waits {
        ($turns:expr, $slide:expr) => {{
            let (turns, slide) = ($turns.clone(), slide($slide));
            let take = async move { turns.take(&slide).await };
            let mut waiting = Box::pin(tokio::task::unconstrained(take));
            assert!((&mut waiting).now_or_never().is_none());
            waiting
        }};
    }

    #[tokio::test]
    async fn another_slide_waits_for_one_tile_and_not_for_the_whole_line() {
        let turns = Turns::new(BOUNDS);
        let busy = turns.take(&slide("a")).await.unwrap();
        let mut first = waits!(turns, "a");
        let mut second = waits!(turns, "a");
        let mut third = waits!(turns, "a");
        let mut other = waits!(turns, "b");
        assert_eq!(turns.load().waiting, 4);
        drop(busy);
        let turn = (&mut first).now_or_never().unwrap().unwrap();
        assert!((&mut other).now_or_never().is_none());
        drop(turn);
        let turn = (&mut other).now_or_never().unwrap().unwrap();
        assert!((&mut second).now_or_never().is_none());
        drop(turn);
        let turn = (&mut second).now_or_never().unwrap().unwrap();
        drop(turn);
        drop((&mut third).now_or_never().unwrap().unwrap());
        let load = turns.load();
        assert_eq!((load.in_use, load.waiting, load.refused), (0, 0, 0));
    }

    #[tokio::test]
    async fn a_full_line_refuses_at_once_and_says_when_to_come_again() {
        let turns = Turns::new(BOUNDS);
        let _busy = turns.take(&slide("a")).await.unwrap();
        let _line: Vec<_> = (0..4).map(|_| waits!(turns, "a")).collect();
        // Its own line is full, another's is not.
        let refused = turns.take(&slide("a")).await.err().unwrap();
        assert_eq!(refused.status().as_u16(), 503);
        let _other = waits!(turns, "b");
        assert_eq!(turns.load().refused, 1);
    }

    #[tokio::test]
    async fn lines_that_are_full_together_make_room_for_another_slide() {
        let turns = Turns::new(BOUNDS);
        let busy = turns.take(&slide("a")).await.unwrap();
        let mut line: Vec<_> = (0..4).map(|_| waits!(turns, "a")).collect();
        let _second = waits!(turns, "b");
        assert_eq!(turns.load().waiting, 5);
        // The last in the longest line gives way, and is told.
        let mut third = waits!(turns, "c");
        let told = line.pop().unwrap().now_or_never().unwrap();
        assert_eq!(told.err().unwrap().status().as_u16(), 503);
        let load = turns.load();
        assert_eq!((load.waiting, load.refused), (5, 1));
        // As long as its line is longer by two than that of who comes: else one would take it from the other and back.
        let _fourth = waits!(turns, "c");
        assert!(line.pop().unwrap().now_or_never().unwrap().is_err());
        for name in ["a", "b", "c"] {
            assert!(turns.take(&slide(name)).await.is_err(), "{name}");
        }
        let _fifth = waits!(turns, "d");
        assert_eq!(turns.load().waiting, 5);
        // Who was first is still first.
        drop(busy);
        assert!((&mut third).now_or_never().is_none());
        assert!((&mut line[0]).now_or_never().unwrap().is_ok());
    }

    #[tokio::test]
    async fn eight_full_lines_do_not_keep_the_ninth_slide_out() {
        let turns = Turns::new(Bounds::of(1));
        let busy = turns.take(&slide("0")).await.unwrap();
        let mut eight = Vec::new();
        for name in 0..8 {
            let name = name.to_string();
            eight.extend((0..WAITING_PER_SLIDE).map(|_| waits!(turns, &name)));
        }
        assert_eq!(turns.load().waiting, WAITING);
        let ninth: Vec<_> = (0..48).map(|_| waits!(turns, "ninth")).collect();
        assert_eq!(turns.load().waiting, WAITING);
        let before = eight.len();
        eight.retain_mut(|waiting| waiting.now_or_never().is_none());
        assert_eq!(before - eight.len(), 48);
        // Each of the ninth's turns comes after at most one of every other slide.
        drop(busy);
        let mut others = 0;
        for mut waiting in ninth {
            let turn = loop {
                if let Some(turn) = (&mut waiting).now_or_never() {
                    break turn;
                }
                others += 1;
                let mut lines = eight.iter_mut().enumerate();
                let next = lines.find_map(|(at, other)| Some((at, other.now_or_never()?)));
                let (at, turn) = next.unwrap();
                drop(turn.unwrap());
                drop(eight.remove(at));
            };
            drop(turn.unwrap());
        }
        assert!(others <= 8 * 48, "{others}");
    }

    #[tokio::test]
    async fn who_leaves_takes_no_turn() {
        let turns = Turns::new(BOUNDS);
        let busy = turns.take(&slide("a")).await.unwrap();
        let gone = waits!(turns, "a");
        let mut stays = waits!(turns, "a");
        drop(gone);
        assert_eq!(turns.load().waiting, 1);
        drop(busy);
        // It was handed the turn, and leaves before it takes it.
        let given = waits_not(&turns);
        assert_eq!(given, 1);
        let turn = (&mut stays).now_or_never().unwrap().unwrap();
        let handed = waits!(turns, "a");
        drop(turn);
        drop(handed);
        assert_eq!(turns.load().in_use, 0);
    }

    fn waits_not(turns: &Turns) -> usize {
        assert_eq!(turns.load().waiting, 0);
        turns.load().in_use
    }

    #[tokio::test]
    async fn who_waits_too_long_is_told_to_come_again() {
        let turns = Turns::new(Bounds {
            patience: Duration::from_millis(1),
            ..BOUNDS
        });
        let _busy = turns.take(&slide("a")).await.unwrap();
        assert!(turns.take(&slide("a")).await.is_err());
        let load = turns.load();
        assert_eq!((load.in_use, load.waiting, load.refused), (1, 0, 1));
    }
}
