//! One view, or two side by side: which of them is acted upon, and how one follows the other.

use domain::address::{Beside, PaneSpec, Place, ViewSpec};
use domain::camera::{Camera, normal_degrees};
use domain::geometry::Mpp;
use domain::view::SlideDetail;
use leptos::prelude::*;

use super::state::{Command, ViewState};

/// One of the two views.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The view of the page's slide.
    First,
    /// The view beside it.
    Second,
}

impl Side {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }

    /// What the screen calls it.
    #[must_use]
    pub const fn letter(self) -> &'static str {
        match self {
            Self::First => "A",
            Self::Second => "B",
        }
    }
}

/// The views of the slide page.
#[derive(Clone, Copy)]
pub struct Panes {
    first: ViewState,
    second: ViewState,
    /// The slide of the first view, as it is known now.
    pub slide: RwSignal<SlideDetail>,
    /// The slide of the second view, as it is known now, once it is known.
    pub slide_beside: RwSignal<Option<RwSignal<SlideDetail>>>,
    /// Code of the slide beside; `None` while nothing is compared.
    pub beside: RwSignal<Option<String>>,
    /// Whether both views move together.
    pub synchronised: RwSignal<bool>,
    /// The view that was acted upon last: it leads, and the controls are about it.
    pub active: RwSignal<Side>,
    /// How they lie to each other while they do; `None` until that is taken from where they are.
    relation: RwSignal<Option<Relation>>,
}

/// How the second view lies to the first while they move together: two points, one of each slide, that stay together on the
/// screen.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Relation {
    first: (f64, f64),
    second: (f64, f64),
    /// How much further the second is turned while the first is not mirrored, degrees. Mirroring the screen turns it round.
    turn: f64,
    /// Whether one is the mirror image of the other.
    mirrored: bool,
}

impl Relation {
    /// As the views lie now.
    fn of(first: &Camera, second: &Camera) -> Self {
        Self {
            first: (first.centre_x, first.centre_y),
            second: (second.centre_x, second.centre_y),
            turn: if first.flipped {
                first.rotation - second.rotation
            } else {
                second.rotation - first.rotation
            },
            mirrored: first.flipped != second.flipped,
        }
    }

    /// The same place of the same slide.
    const SAME: Self = Self {
        first: (0.0, 0.0),
        second: (0.0, 0.0),
        turn: 0.0,
        mirrored: false,
    };

    /// Where the view on `side` is led to by the other one: both at the same µm per screen px.
    fn follow(
        &self,
        side: Side,
        led: &Camera,
        leader: &Camera,
        mpp: Mpp,
        leader_mpp: Mpp,
    ) -> Camera {
        let (anchor, leader_anchor, first_is_flipped, turn) = match side {
            Side::Second => (self.second, self.first, leader.flipped, self.turn),
            Side::First => {
                let first_is_flipped = leader.flipped != self.mirrored;
                (self.first, self.second, first_is_flipped, -self.turn)
            }
        };
        let turn = if first_is_flipped { -turn } else { turn };
        let (x, y) = leader.screen_from_slide(leader_anchor.0, leader_anchor.1);
        let x = x + (led.width - leader.width) / 2.0;
        let y = y + (led.height - leader.height) / 2.0;
        Camera {
            zoom: leader.zoom * mpp.mean() / leader_mpp.mean(),
            rotation: normal_degrees(leader.rotation + turn),
            flipped: leader.flipped != self.mirrored,
            ..*led
        }
        .with_under(anchor, x, y)
    }
}

impl Panes {
    /// Makes the views of an address available to every component below.
    pub fn provide(slide: SlideDetail, spec: &ViewSpec) -> Self {
        let beside = spec.beside.as_ref();
        let second = beside.map_or_else(PaneSpec::default, |beside| beside.pane.clone());
        let panes = Self {
            first: ViewState::new(&spec.first),
            second: ViewState::new(&second),
            slide: RwSignal::new(slide),
            slide_beside: RwSignal::new(None),
            beside: RwSignal::new(beside.map(|beside| beside.slide.clone())),
            synchronised: RwSignal::new(beside.is_none_or(|beside| beside.synchronised)),
            active: RwSignal::new(Side::First),
            relation: RwSignal::new(None),
        };
        provide_context(panes);
        let is_there = Memo::new(move |_| {
            let led = panes.of(panes.active.get().other());
            led.camera.with(Option::is_some)
        });
        Effect::new(move |_| panes.lead(is_there));
        panes
    }

    /// The views that were provided.
    #[must_use]
    pub fn get() -> Self {
        expect_context()
    }

    /// The state of one view.
    #[must_use]
    pub const fn of(&self, side: Side) -> ViewState {
        match side {
            Side::First => self.first,
            Side::Second => self.second,
        }
    }

    /// The page as an address says it.
    #[must_use]
    pub fn spec(&self) -> ViewSpec {
        ViewSpec {
            first: self.first.spec(),
            beside: self.beside.get().map(|slide| Beside {
                slide,
                pane: self.second.spec(),
                synchronised: self.synchronised.get(),
            }),
        }
    }

    /// Shows a page as an address says it.
    pub fn show(&self, spec: &ViewSpec) {
        self.relation.set(None);
        self.first.show(&spec.first);
        let beside = spec.beside.as_ref();
        if beside.is_none() {
            self.active.set(Side::First);
        }
        // Before the second view is told where to be: it is made anew for another slide, and the old one must not go there.
        self.set_beside(beside.map(|beside| beside.slide.clone()));
        if let Some(beside) = beside {
            self.second.show(&beside.pane);
            self.synchronised.set(beside.synchronised);
        }
    }

    /// Opens a view of a slide beside the first one: at the same place when it is the same slide.
    pub fn compare_with(&self, slide: String, pane: PaneSpec) {
        self.relation.set(None);
        self.synchronised.set(true);
        self.set_beside(Some(slide));
        self.second.show(&pane);
    }

    /// Closes the second view.
    pub fn close_beside(&self) {
        self.active.set(Side::First);
        self.set_beside(None);
    }

    fn set_beside(&self, slide: Option<String>) {
        if self.beside.with_untracked(|beside| *beside != slide) {
            self.slide_beside.set(None);
            self.second.forget_slide();
            self.beside.set(slide);
        }
    }

    /// Lets both views move together, as they lie now, or each for itself.
    pub fn synchronise(&self, together: bool) {
        self.relation.set(None);
        self.synchronised.set(together);
    }

    /// Moves the view that is not acted upon.
    fn lead(&self, is_there: Memo<bool>) {
        let side = self.active.get();
        let leader = self.of(side).camera.get();
        let code = self.slide.with(|slide| slide.summary.code.clone());
        let is_same_slide = self.beside.with(|beside| beside.as_ref() == Some(&code));
        let is_on = self.synchronised.get() && self.beside.with(Option::is_some);
        let led = self.of(side.other());
        // Where the led one goes by itself is nothing that it is led by; only that it is there counts.
        let is_there = is_there.get();
        let (Some(leader), Some(own), true, true) =
            (leader, led.camera.get_untracked(), is_on, is_there)
        else {
            return;
        };
        let relation = match self.relation.get() {
            Some(relation) => relation,
            None if is_same_slide => Relation::SAME,
            None => {
                // Whoever has yet to go where it was told is not there: it is waited for, and heard of by its camera.
                led.camera.track();
                let is_told = |side| self.of(side).command.with_untracked(Option::is_some);
                if is_told(Side::First) || is_told(Side::Second) {
                    return;
                }
                let relation = match side {
                    Side::First => Relation::of(&leader, &own),
                    Side::Second => Relation::of(&own, &leader),
                };
                self.relation.set(Some(relation));
                relation
            }
        };
        let leader_mpp = self.of(side).mpp.get_untracked();
        let goal = relation.follow(
            side.other(),
            &own,
            &leader,
            led.mpp.get_untracked(),
            leader_mpp,
        );
        let place = Place::of(&goal);
        if !is_near(&place, &Place::of(&own)) {
            led.command.set(Some(Command::Go(place)));
        }
    }
}

/// Whether two places differ by less than can be seen.
fn is_near(one: &Place, other: &Place) -> bool {
    let distance = (one.x - other.x).hypot(one.y - other.y) * one.zoom;
    distance < 1e-3
        && (one.zoom / other.zoom - 1.0).abs() < 1e-9
        && (one.rotation - other.rotation).abs() < 1e-9
        && one.flipped == other.flipped
}

#[cfg(test)]
mod tests {
    use super::super::test_slide;
    use super::*;

    fn camera(x: f64, y: f64, zoom: f64, rotation: f64, width: f64) -> Camera {
        Camera {
            centre_x: x,
            centre_y: y,
            zoom,
            rotation,
            flipped: false,
            width,
            height: 500.0,
        }
    }

    #[test]
    fn two_slides_stay_as_an_address_has_them_though_one_is_there_before_the_other() {
        let owner = Owner::new();
        owner.with(|| {
            let query = "at=1000,2000&zoom=0.5&beside=PH-0002&b.at=7000,100&b.zoom=0.5";
            let spec = ViewSpec::from_query(query);
            let panes = Panes::provide(test_slide::slide(Vec::new()), &ViewSpec::default());
            panes.set_beside(Some("PH-0002".to_owned()));
            let is_there = Memo::new(|_| true);
            let go = |side: Side, x, y| {
                let view = panes.of(side);
                view.command.set(None);
                view.camera.set(Some(camera(x, y, 0.5, 0.0, 800.0)));
                panes.lead(is_there);
            };
            // They were elsewhere, as far apart as it happened.
            go(Side::First, 10.0, 10.0);
            go(Side::Second, 20.0, 20.0);
            panes.show(&spec);
            assert_eq!(panes.relation.get(), None);
            go(Side::First, 1000.0, 2000.0);
            assert_eq!(panes.relation.get(), None, "the second is not there yet");
            go(Side::Second, 7000.0, 100.0);
            let relation = panes.relation.get().unwrap();
            assert_eq!(relation.first, (1000.0, 2000.0));
            assert_eq!(relation.second, (7000.0, 100.0));
            assert_eq!(panes.of(Side::Second).command.get(), None);
            go(Side::First, 1100.0, 2000.0);
            let Some(Command::Go(place)) = panes.of(Side::Second).command.get() else {
                panic!("the second does not follow");
            };
            assert!(
                (place.x - 7100.0).hypot(place.y - 100.0) < 1e-6,
                "{place:?}"
            );
        });
    }

    #[test]
    fn the_same_slide_is_shown_at_the_same_place() {
        let leader = camera(1000.0, 2000.0, 0.7, 30.0, 640.0);
        let led = camera(0.0, 0.0, 0.1, 0.0, 900.0);
        let mpp = Mpp::square(0.5);
        let goal = Relation::SAME.follow(Side::Second, &led, &leader, mpp, mpp);
        assert!(is_near(&Place::of(&goal), &Place::of(&leader)));
        assert_eq!(goal.width, 900.0);
    }

    #[test]
    fn mirroring_the_leader_mirrors_what_is_led() {
        let mpp = Mpp::square(0.5);
        for flipped in [false, true] {
            let first = Camera {
                flipped,
                ..camera(1000.0, 2000.0, 0.5, 20.0, 800.0)
            };
            let second = camera(7000.0, 100.0, 0.5, 110.0, 800.0);
            let relation = Relation::of(&first, &second);
            let same = relation.follow(Side::Second, &second, &first, mpp, mpp);
            assert!(is_near(&Place::of(&same), &Place::of(&second)));
            let led = relation.follow(Side::Second, &second, &first.mirrored(), mpp, mpp);
            assert!(is_near(&Place::of(&led), &Place::of(&second.mirrored())));
            let back = relation.follow(Side::First, &first, &second.mirrored(), mpp, mpp);
            assert!(is_near(&Place::of(&back), &Place::of(&first.mirrored())));
        }
    }

    #[test]
    fn another_slide_keeps_its_distance_on_the_screen_and_the_scale_in_micrometres() {
        let (mpp, other_mpp) = (Mpp::square(0.5), Mpp::square(0.25));
        let first = camera(1000.0, 2000.0, 0.5, 0.0, 800.0);
        let second = camera(7000.0, 100.0, 3.0, 90.0, 800.0);
        let relation = Relation::of(&first, &second);
        let moved = first.panned(-100.0, 40.0);
        let goal = relation.follow(Side::Second, &second, &moved, other_mpp, mpp);
        // 1 µm is as long in both, and the second point has moved on the screen as the first has.
        assert!((goal.zoom / other_mpp.x - moved.zoom / mpp.x).abs() < 1e-12);
        let (x, y) = goal.screen_from_slide(7000.0, 100.0);
        assert!(
            (x - 300.0).abs() < 1e-9 && (y - 290.0).abs() < 1e-9,
            "{x} {y}"
        );
        assert_eq!(goal.rotation, 90.0);
        // And the other way round.
        let back = relation.follow(Side::First, &first, &goal, mpp, other_mpp);
        assert!(is_near(&Place::of(&back), &Place::of(&moved)));
    }
}
