//! One view, or two side by side: which of them is acted upon, and how one follows the other.

use domain::address::{Beside, PaneSpec, Place, ViewSpec};
use domain::camera::{Camera, normal_degrees};
use domain::geometry::Mpp;
use domain::view::SlideDetail;
use leptos::prelude::*;

use super::command::Command;
use super::state::ViewState;

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
    pub slide_beside: RwSignal<Option<ArcRwSignal<SlideDetail>>>,
    /// Code of the slide beside; `None` while nothing is compared.
    pub beside: RwSignal<Option<String>>,
    /// Whether both views move together.
    pub synchronised: RwSignal<bool>,
    /// The view that was acted upon last: it leads, and the controls are about it.
    pub active: RwSignal<Side>,
    /// How they lie to each other while they do.
    bond: RwSignal<Bond>,
}

/// What keeps two views together.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Bond {
    /// How they lie to each other once both are there; where they were opened together, at the same µm per screen px.
    Open { at_one_scale: bool },
    /// This.
    Tied(Relation),
}

/// How the second view lies to the first while they move together: of two points, one of each slide, the way to the middle of
/// their view stays the same.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Relation {
    first: (f64, f64),
    second: (f64, f64),
    /// How much further the second is turned while the first is not mirrored, degrees. Mirroring the screen turns it round.
    turn: f64,
    /// Whether one is the mirror image of the other.
    mirrored: bool,
    /// How much larger the second shows a µm.
    scale: f64,
}

impl Relation {
    /// As the views lie now, each with the resolution of its slide.
    fn of((first, first_mpp): (&Camera, Mpp), (second, second_mpp): (&Camera, Mpp)) -> Self {
        Self {
            first: (first.centre_x, first.centre_y),
            second: (second.centre_x, second.centre_y),
            turn: if first.flipped {
                first.rotation - second.rotation
            } else {
                second.rotation - first.rotation
            },
            mirrored: first.flipped != second.flipped,
            scale: second.zoom / second_mpp.mean() * first_mpp.mean() / first.zoom,
        }
    }

    /// The same points in the middle, but equal in scale and turn, and neither mirrored against the other.
    fn aligned(self) -> Self {
        Self {
            first: self.first,
            second: self.second,
            ..Self::SAME
        }
    }

    /// The same place of the same slide.
    const SAME: Self = Self {
        first: (0.0, 0.0),
        second: (0.0, 0.0),
        turn: 0.0,
        mirrored: false,
        scale: 1.0,
    };

    /// Where the view on `side` is led to by the other one.
    fn follow(
        &self,
        side: Side,
        led: &Camera,
        leader: &Camera,
        mpp: Mpp,
        leader_mpp: Mpp,
    ) -> Camera {
        let (anchor, leader_anchor, first_is_flipped, turn, scale) = match side {
            Side::Second => (
                self.second,
                self.first,
                leader.flipped,
                self.turn,
                self.scale,
            ),
            Side::First => {
                let first_is_flipped = leader.flipped != self.mirrored;
                let scale = 1.0 / self.scale;
                (self.first, self.second, first_is_flipped, -self.turn, scale)
            }
        };
        let turn = if first_is_flipped { -turn } else { turn };
        let (x, y) = leader.screen_from_slide(leader_anchor.0, leader_anchor.1);
        let x = (x - leader.width / 2.0) * scale + led.width / 2.0;
        let y = (y - leader.height / 2.0) * scale + led.height / 2.0;
        Camera {
            zoom: leader.zoom * mpp.mean() / leader_mpp.mean() * scale,
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
            bond: RwSignal::new(Bond::Open {
                at_one_scale: false,
            }),
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
        self.bond.set(Bond::Open {
            at_one_scale: false,
        });
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
        let is_same_slide = self.is_of_same_slide(Some(&slide));
        self.bond.set(if is_same_slide {
            Bond::Tied(Relation::SAME)
        } else {
            Bond::Open { at_one_scale: true }
        });
        self.synchronised.set(true);
        self.set_beside(Some(slide));
        self.second.show(&pane);
    }

    /// Closes the second view.
    pub fn close_beside(&self) {
        self.set_beside(None);
    }

    /// Has a view lead and the controls be about it from now on. Neither moves by that: where the one that was led could not
    /// follow, as at the edge of its slide, they are tied anew as they lie.
    pub fn activate(&self, side: Side) {
        if self.active.get_untracked() == side {
            return;
        }
        if let Bond::Tied(relation) = self.bond.get_untracked()
            && self.way(&relation).is_some()
            && let Some(present) = self.present()
        {
            self.bond.set(Bond::Tied(present));
        }
        self.active.set(side);
    }

    fn set_beside(&self, slide: Option<String>) {
        if self.beside.with_untracked(|beside| *beside != slide) {
            // The other one goes, and nothing may be set up or said of it until the new one is there, if that comes at all.
            self.active.set(Side::First);
            self.slide_beside.set(None);
            self.second.forget_slide();
            self.beside.set(slide);
        }
    }

    /// Lets both views move together, as they lie now, or each for itself. Neither is moved by that.
    pub fn synchronise(&self, together: bool) {
        self.bond.set(self.present().map_or(
            Bond::Open {
                at_one_scale: false,
            },
            Bond::Tied,
        ));
        self.synchronised.set(together);
    }

    /// Brings the view that is not acted upon to the scale and turn of the other one and, where both are of the same slide, to
    /// its place. The other one stays.
    pub fn align(&self) {
        let beside = self.beside.get_untracked();
        let relation = if self.is_of_same_slide(beside.as_ref()) {
            Some(Relation::SAME)
        } else {
            self.present().map(Relation::aligned)
        };
        if let Some(relation) = relation {
            self.bond.set(Bond::Tied(relation));
            self.bring(&relation);
        }
    }

    /// How the views lie to each other now, once both are there.
    fn present(&self) -> Option<Relation> {
        let (first, second) = (
            self.first.camera.get_untracked()?,
            self.second.camera.get_untracked()?,
        );
        Some(Relation::of(
            (&first, self.first.mpp.get_untracked()),
            (&second, self.second.mpp.get_untracked()),
        ))
    }

    /// Whether a slide beside is the one of the page.
    fn is_of_same_slide(&self, beside: Option<&String>) -> bool {
        self.slide
            .with_untracked(|slide| beside == Some(&slide.summary.code))
    }

    /// Moves the view that is not acted upon.
    fn lead(&self, is_there: Memo<bool>) {
        let side = self.active.get();
        self.of(side).camera.track();
        let is_on = self.synchronised.get() && self.beside.with(Option::is_some);
        // Where the led one goes by itself is nothing that it is led by; only that it is there counts.
        if !(is_there.get() && is_on) {
            return;
        }
        let relation = match self.bond.get() {
            Bond::Tied(relation) => relation,
            Bond::Open { at_one_scale } => {
                // Whoever has yet to go where it was told is not there: it is waited for, and heard of by its camera.
                self.of(side.other()).camera.track();
                let is_told = |side| self.of(side).command.with_untracked(Option::is_some);
                if is_told(Side::First) || is_told(Side::Second) {
                    return;
                }
                let Some(mut relation) = self.present() else {
                    return;
                };
                // How large a slide is that is shown whole depends on the room that it has, which may just be changing.
                let is_whole = |side| self.of(side).is_whole.get_untracked();
                if at_one_scale || is_whole(Side::First) || is_whole(Side::Second) {
                    relation.scale = 1.0;
                }
                self.bond.set(Bond::Tied(relation));
                relation
            }
        };
        self.bring(&relation);
    }

    /// Moves the view that is not acted upon to where it belongs.
    fn bring(&self, relation: &Relation) {
        if let Some(place) = self.way(relation) {
            let led = self.of(self.active.get_untracked().other());
            led.command.set(Some(Command::Go(place)));
        }
    }

    /// Where the view that is not acted upon belongs, unless it is there.
    fn way(&self, relation: &Relation) -> Option<Place> {
        let side = self.active.get_untracked();
        let (leader, led) = (self.of(side), self.of(side.other()));
        let (leading, own) = (leader.camera.get_untracked()?, led.camera.get_untracked()?);
        let goal = relation.follow(
            side.other(),
            &own,
            &leading,
            led.mpp.get_untracked(),
            leader.mpp.get_untracked(),
        );
        let place = Place::of(&goal);
        (!is_near(&place, &Place::of(&own))).then_some(place)
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
            let open = Bond::Open {
                at_one_scale: false,
            };
            assert_eq!(panes.bond.get(), open);
            go(Side::First, 1000.0, 2000.0);
            assert_eq!(panes.bond.get(), open, "the second is not there yet");
            go(Side::Second, 7000.0, 100.0);
            let Bond::Tied(relation) = panes.bond.get() else {
                panic!("they are not tied");
            };
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
            let relation = Relation::of((&first, mpp), (&second, mpp));
            let same = relation.follow(Side::Second, &second, &first, mpp, mpp);
            assert!(is_near(&Place::of(&same), &Place::of(&second)));
            let led = relation.follow(Side::Second, &second, &first.mirrored(), mpp, mpp);
            assert!(is_near(&Place::of(&led), &Place::of(&second.mirrored())));
            let back = relation.follow(Side::First, &first, &second.mirrored(), mpp, mpp);
            assert!(is_near(&Place::of(&back), &Place::of(&first.mirrored())));
        }
    }

    #[test]
    fn who_ties_two_views_of_a_slide_moves_neither_and_who_aligns_them_moves_the_other() {
        let owner = Owner::new();
        owner.with(|| {
            let panes = Panes::provide(test_slide::slide(Vec::new()), &ViewSpec::default());
            let code = panes.slide.with(|slide| slide.summary.code.clone());
            panes.compare_with(code, PaneSpec::default());
            panes.synchronise(false);
            let first = camera(1000.0, 2000.0, 0.5, 0.0, 640.0);
            let second = camera(1400.0, 2300.0, 1.0, 90.0, 640.0);
            let is_there = Memo::new(|_| true);
            let be_at = |side: Side, camera| {
                let view = panes.of(side);
                view.command.set(None);
                view.camera.set(Some(camera));
                panes.lead(is_there);
            };
            let told = |side: Side| match panes.of(side).command.get() {
                Some(Command::Go(place)) => Some(place),
                _ => None,
            };
            be_at(Side::First, first);
            be_at(Side::Second, second);
            assert_eq!(told(Side::Second), None, "each moves for itself");

            panes.synchronise(true);
            panes.lead(is_there);
            assert_eq!((told(Side::First), told(Side::Second)), (None, None));
            // 40 px to the right in one, and the same way on the slide in the other, which shows it twice as large.
            be_at(Side::First, first.panned(-40.0, 0.0));
            let goal = told(Side::Second).unwrap();
            assert_eq!((goal.zoom, goal.rotation), (1.0, 90.0));
            let (x, y) = second.screen_from_slide(goal.x, goal.y);
            assert!((x - 400.0).hypot(y - 250.0) < 1e-6, "{x} {y}");
            // The other one leads when it is acted upon.
            be_at(Side::Second, second.panned(-80.0, 0.0));
            panes.of(Side::First).command.set(None);
            panes.active.set(Side::Second);
            be_at(Side::Second, second);
            let goal = told(Side::First).unwrap();
            assert!(is_near(&goal, &Place::of(&first)), "{goal:?}");

            be_at(Side::First, first);
            panes.of(Side::Second).command.set(None);
            panes.align();
            assert_eq!(told(Side::Second), None, "the one that is acted upon stays");
            assert!(is_near(&told(Side::First).unwrap(), &Place::of(&second)));
        });
    }

    #[test]
    fn a_view_that_could_not_follow_leads_from_where_it_is() {
        let owner = Owner::new();
        owner.with(|| {
            let panes = Panes::provide(test_slide::slide(Vec::new()), &ViewSpec::default());
            let code = panes.slide.with(|slide| slide.summary.code.clone());
            panes.compare_with(code, PaneSpec::default());
            let is_there = Memo::new(|_| true);
            let be_at = |side: Side, camera| {
                let view = panes.of(side);
                view.command.set(None);
                view.camera.set(Some(camera));
                panes.lead(is_there);
            };
            let start = camera(1000.0, 2000.0, 0.5, 0.0, 640.0);
            be_at(Side::First, start);
            be_at(Side::Second, start);
            panes.activate(Side::Second);
            assert_eq!(panes.bond.get(), Bond::Tied(Relation::SAME), "it lies so");
            panes.activate(Side::First);
            // The second one stops at its edge.
            let (far, edge) = (start.panned(-400.0, 0.0), start.panned(-100.0, 0.0));
            be_at(Side::First, far);
            be_at(Side::Second, edge);
            panes.of(Side::Second).command.set(None);

            panes.activate(Side::Second);
            panes.lead(is_there);
            assert_eq!(panes.of(Side::First).command.get(), None, "no jump");
            be_at(Side::Second, edge.panned(50.0, 0.0));
            let Some(Command::Go(place)) = panes.of(Side::First).command.get() else {
                panic!("the first does not follow");
            };
            assert!(is_near(&place, &Place::of(&far.panned(50.0, 0.0))));
        });
    }

    #[test]
    fn two_slides_are_aligned_in_scale_and_turn_where_they_are() {
        let (mpp, other_mpp) = (Mpp::square(0.5), Mpp::square(0.25));
        let first = camera(1000.0, 2000.0, 0.5, 20.0, 800.0);
        let second = Camera {
            flipped: true,
            ..camera(7000.0, 100.0, 3.0, 110.0, 800.0)
        };
        let relation = Relation::of((&first, mpp), (&second, other_mpp)).aligned();
        let goal = relation.follow(Side::Second, &second, &first, other_mpp, mpp);
        assert_eq!(
            (goal.zoom, goal.rotation, goal.flipped),
            (0.25, 20.0, false)
        );
        let away = (goal.centre_x - 7000.0).hypot(goal.centre_y - 100.0);
        assert!(away < 1e-6, "{goal:?}");
    }

    #[test]
    fn another_slide_keeps_its_distance_and_its_scale() {
        let (mpp, other_mpp) = (Mpp::square(0.5), Mpp::square(0.25));
        let first = camera(1000.0, 2000.0, 0.5, 0.0, 800.0);
        let second = camera(7000.0, 100.0, 3.0, 90.0, 800.0);
        let relation = Relation::of((&first, mpp), (&second, other_mpp));
        let moved = first.panned(-100.0, 40.0);
        let goal = relation.follow(Side::Second, &second, &moved, other_mpp, mpp);
        // 1 µm is 12 times as long in the second, and so is the way that its point has moved on the screen.
        assert!((goal.zoom - 3.0).abs() < 1e-12);
        let (x, y) = goal.screen_from_slide(7000.0, 100.0);
        assert!(
            (x - (400.0 - 1200.0)).abs() < 1e-9 && (y - (250.0 + 480.0)).abs() < 1e-9,
            "{x} {y}"
        );
        assert_eq!(goal.rotation, 90.0);
        // And the other way round.
        let back = relation.follow(Side::First, &first, &goal, mpp, other_mpp);
        assert!(is_near(&Place::of(&back), &Place::of(&moved)));
    }
}
