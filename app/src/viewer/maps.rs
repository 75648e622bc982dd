//! Which maps of targets are held, which is fetched next, and what happens to those that fail. No browser in here.

use domain::geometry::TileGrid;
use domain::layer::LayerSpec;
use domain::view::{ModelOnSlide, SlideDetail, TargetOnSlide};

use super::layer_setup::find_target;
use super::retry::{Failure, Refusal};
use super::told::OtherTargets;
use super::values::TargetMaps;

/// Maps held at most; each is five numbers per tile.
const MOST_MAPS: usize = 24;
/// For slides with more tiles than this, only the targets that are shown are fetched, until somebody asks for the others.
const MOST_TILES_AHEAD: usize = 20_000;

/// A target of a model by their keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetKey {
    /// Key of the model.
    pub model: String,
    /// Key of the target.
    pub target: String,
}

impl TargetKey {
    /// The targets that a layer is made of: one, of a difference two.
    pub fn of(layer: &LayerSpec) -> impl Iterator<Item = Self> {
        [Some(&layer.model), layer.minus.as_ref()]
            .into_iter()
            .flatten()
            .map(|model| Self {
                model: model.clone(),
                target: layer.target.clone(),
            })
    }
}

/// Why the maps of a target could not be had.
#[derive(Clone, Debug, PartialEq)]
pub struct MapsProblem {
    /// What went wrong, in a sentence; for what is final also what to do.
    pub text: String,
    /// Whether and when to ask again.
    pub refusal: Refusal,
}

/// What is to be done about maps.
#[derive(Clone, Debug, PartialEq)]
pub enum NextFetch {
    /// Fetch those of this target.
    Now(TargetKey),
    /// Ask again in so many ms.
    In(f64),
    /// Nothing.
    Nothing,
}

/// The maps of a slide.
#[derive(Debug, Default)]
pub struct Maps {
    /// Whether somebody has asked for all targets, however many tiles there are.
    pub wants_all: bool,
    held: Vec<(TargetKey, TargetMaps)>,
    /// What is on its way, and whether it is still of use.
    loading: Option<(TargetKey, bool)>,
    failures: Vec<(TargetKey, Failure, MapsProblem)>,
    /// What was asked for last: not given up for something fetched ahead.
    wanted: Vec<TargetKey>,
}

impl Maps {
    /// The maps of a target, when they are there.
    #[must_use]
    pub fn get(&self, key: &TargetKey) -> Option<&TargetMaps> {
        let (_, maps) = self.held.iter().find(|(other, _)| other == key)?;
        Some(maps)
    }

    /// Why those of a target are not there, and what happens or can be done about it.
    #[must_use]
    pub fn problem(&self, key: &TargetKey) -> Option<String> {
        let (failure, problem) = self.failure(key)?;
        Some(if problem.refusal.is_final {
            problem.text.clone()
        } else if failure.retry_at.is_finite() {
            [&problem.text, " Trying again…"].concat()
        } else {
            [&problem.text, " Switch it off and on to try once more."].concat()
        })
    }

    /// Forgets what could not be had, so that it is fetched once more.
    pub fn try_again(&mut self) {
        self.failures.clear();
    }

    /// Keeps what stays; of the rest not even what is on its way is of use.
    pub fn retain(&mut self, stays: impl Fn(&TargetKey) -> bool) {
        self.held.retain(|(key, _)| stays(key));
        self.failures.retain(|(key, ..)| stays(key));
        if let Some((key, is_of_use)) = &mut self.loading {
            *is_of_use &= stays(key);
        }
    }

    /// What there is of the targets of a model.
    #[must_use]
    pub fn others(&self, slide: &SlideDetail, model: &ModelOnSlide) -> OtherTargets {
        let is_missing = |target: &&TargetOnSlide| self.get(&key_of(model, target)).is_none();
        let missing = model.targets.iter().filter(is_missing).count();
        let is_given_up =
            |(_, failure, _): &(TargetKey, Failure, MapsProblem)| failure.retry_at.is_infinite();
        match missing {
            0 => OtherTargets::Here,
            _ if self.held.len() >= MOST_MAPS => OtherTargets::NoRoom(missing),
            _ if !self.fetches_all(slide) || self.failures.iter().any(is_given_up) => {
                OtherTargets::WhenAsked(missing)
            }
            _ => OtherTargets::Coming,
        }
    }

    fn fetches_all(&self, slide: &SlideDetail) -> bool {
        let grids = slide.spots.iter().filter_map(|spot| spot.grid.as_ref());
        let tiles: usize = grids.map(TileGrid::len).sum();
        self.wants_all || tiles <= MOST_TILES_AHEAD
    }

    /// What must be fetched next at `now`, ms: the targets that are wanted, then, for small slides or upon request, the others
    /// of their models. What failed is tried again after a pause that grows; meanwhile nothing is fetched ahead.
    #[must_use]
    pub fn next_fetch(&mut self, slide: &SlideDetail, wanted: &[TargetKey], now: f64) -> NextFetch {
        self.wanted = wanted.to_vec();
        if self.loading.is_some() {
            return NextFetch::Nothing;
        }
        let exists = |key: &&TargetKey| find_target(slide, &key.model, &key.target).is_some();
        let mut missing: Vec<TargetKey> = wanted
            .iter()
            .filter(exists)
            .filter(|key| self.get(key).is_none())
            .cloned()
            .collect();
        let is_all_there = missing.is_empty();
        let has_failures = self
            .failures
            .iter()
            .any(|(_, failure, _)| failure.retry_at.is_finite());
        if is_all_there && has_failures {
            missing.extend(self.failures.iter().map(|(key, ..)| key.clone()));
        } else if is_all_there
            && self.failures.is_empty()
            && let Some(ahead) = wanted.iter().find_map(|key| self.next_ahead(slide, key))
        {
            missing.push(ahead);
        }
        let mut wait = f64::INFINITY;
        for key in missing {
            let retry_at = self
                .failure(&key)
                .map_or(now, |(failure, _)| failure.retry_at);
            if retry_at <= now {
                self.loading = Some((key.clone(), true));
                return NextFetch::Now(key);
            }
            wait = wait.min(retry_at - now);
        }
        if wait.is_finite() {
            NextFetch::In(wait)
        } else {
            NextFetch::Nothing
        }
    }

    /// Takes at `now`, ms, what was fetched, or why it could not be.
    pub fn came(&mut self, key: TargetKey, maps: Result<TargetMaps, MapsProblem>, now: f64) {
        if self.loading.take().is_some_and(|(_, is_of_use)| !is_of_use) {
            return;
        }
        let before = self.failure(&key).map(|(failure, _)| failure);
        self.failures.retain(|(other, ..)| *other != key);
        match maps {
            Ok(maps) => {
                if self.held.len() >= MOST_MAPS {
                    let is_spare = |(key, _): &(TargetKey, TargetMaps)| !self.wanted.contains(key);
                    let oldest = self.held.iter().position(is_spare).unwrap_or(0);
                    self.held.remove(oldest);
                }
                self.held.push((key, maps));
            }
            Err(problem) => {
                let failure = Failure::after(before, now, &problem.refusal);
                self.failures.push((key, failure, problem));
            }
        }
    }

    fn failure(&self, key: &TargetKey) -> Option<(Failure, &MapsProblem)> {
        let (_, failure, problem) = self.failures.iter().find(|(other, ..)| other == key)?;
        Some((*failure, problem))
    }

    /// A target of the model that is not held yet.
    fn next_ahead(&self, slide: &SlideDetail, wanted: &TargetKey) -> Option<TargetKey> {
        let (model, _) = find_target(slide, &wanted.model, &wanted.target)?;
        if !self.fetches_all(slide) || self.held.len() >= MOST_MAPS {
            return None;
        }
        model
            .targets
            .iter()
            .map(|target| key_of(model, target))
            .find(|key| self.get(key).is_none() && self.failure(key).is_none())
    }
}

fn key_of(model: &ModelOnSlide, target: &TargetOnSlide) -> TargetKey {
    TargetKey {
        model: model.key.clone(),
        target: target.key.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_slide;
    use super::*;
    use domain::score::Scale;

    fn slide() -> SlideDetail {
        let targets = ["a", "b", "c"].map(|key| test_slide::target(key, Scale::Logit));
        test_slide::slide(vec![test_slide::model("m", targets.into())])
    }

    fn key(target: &str) -> TargetKey {
        TargetKey {
            model: "m".to_owned(),
            target: target.to_owned(),
        }
    }

    fn down() -> Result<TargetMaps, MapsProblem> {
        Err(MapsProblem {
            text: "The heatmap could not be fetched.".to_owned(),
            refusal: Refusal::AGAIN,
        })
    }

    /// Asks at every ms whether something is to be fetched, and lets each of it fail.
    fn requests_while_down(maps: &mut Maps, from: u32, until: u32) -> Vec<(u32, String)> {
        let slide = slide();
        let mut requests = Vec::new();
        for now in from..until {
            if let NextFetch::Now(next) = maps.next_fetch(&slide, &[key("a")], now.into()) {
                requests.push((now, next.target.clone()));
                maps.came(next, down(), now.into());
            }
        }
        requests
    }

    #[test]
    fn the_wanted_target_comes_first_then_the_others_of_its_model() {
        let (slide, mut maps) = (slide(), Maps::default());
        for target in ["b", "a", "c"] {
            let next = maps.next_fetch(&slide, &[key("b")], 0.0);
            assert_eq!(next, NextFetch::Now(key(target)));
            assert_eq!(
                maps.next_fetch(&slide, &[key("b")], 0.0),
                NextFetch::Nothing,
                "one at a time"
            );
            maps.came(key(target), Ok(TargetMaps::default()), 0.0);
        }
        assert_eq!(
            maps.next_fetch(&slide, &[key("b")], 0.0),
            NextFetch::Nothing
        );
    }

    #[test]
    fn a_server_that_is_down_is_asked_less_and_less_and_then_left_alone() {
        let mut maps = Maps::default();
        maps.held.push((key("a"), TargetMaps::default()));
        let ahead = requests_while_down(&mut maps, 0, 60_000);
        let times: Vec<u32> = ahead.iter().map(|(time, _)| *time).collect();
        assert_eq!(times, [0, 500, 1500, 3500, 7500]);
        assert!(
            ahead.iter().all(|(_, target)| target == "b"),
            "nothing else is fetched ahead: {ahead:?}"
        );

        let mut maps = Maps::default();
        assert_eq!(requests_while_down(&mut maps, 0, 60_000).len(), 5);
        assert!(maps.problem(&key("a")).unwrap().contains("off and on"));
        maps.try_again();
        assert_eq!(maps.problem(&key("a")), None);
        assert_eq!(
            requests_while_down(&mut maps, 60_000, 61_000).len(),
            2,
            "a person may have it tried from the start"
        );
        assert!(maps.problem(&key("a")).unwrap().contains("Trying again"));
    }

    #[test]
    fn after_a_failure_all_is_fetched_once_the_server_is_back() {
        let (slide, mut maps) = (slide(), Maps::default());
        maps.held.push((key("a"), TargetMaps::default()));
        assert_eq!(requests_while_down(&mut maps, 0, 400).len(), 1);
        assert_eq!(
            maps.next_fetch(&slide, &[key("a")], 400.0),
            NextFetch::In(100.0)
        );
        for target in ["b", "c"] {
            let next = maps.next_fetch(&slide, &[key("a")], 500.0);
            assert_eq!(next, NextFetch::Now(key(target)));
            maps.came(key(target), Ok(TargetMaps::default()), 500.0);
        }
    }

    #[test]
    fn a_target_that_is_not_there_does_not_hold_up_another_layer() {
        let (slide, mut maps) = (slide(), Maps::default());
        let wanted = [key("a"), key("zzz"), key("b")];
        let gone = MapsProblem {
            text: "There is none.".to_owned(),
            refusal: Refusal::FINAL,
        };
        assert_eq!(
            maps.next_fetch(&slide, &wanted, 0.0),
            NextFetch::Now(key("a"))
        );
        maps.came(key("a"), Err(gone), 0.0);
        assert_eq!(
            maps.next_fetch(&slide, &wanted, 0.0),
            NextFetch::Now(key("b"))
        );
        maps.came(key("b"), Ok(TargetMaps::default()), 0.0);
        assert_eq!(maps.next_fetch(&slide, &wanted, 0.0), NextFetch::Nothing);
    }

    #[test]
    fn what_is_not_there_is_asked_for_once() {
        let (slide, mut maps) = (slide(), Maps::default());
        let gone = MapsProblem {
            text: "There is none.".to_owned(),
            refusal: Refusal::FINAL,
        };
        assert_ne!(
            maps.next_fetch(&slide, &[key("a")], 0.0),
            NextFetch::Nothing
        );
        maps.came(key("a"), Err(gone), 0.0);
        assert_eq!(
            maps.next_fetch(&slide, &[key("a")], 1e9),
            NextFetch::Nothing
        );
        assert_eq!(maps.problem(&key("a")).unwrap(), "There is none.");
    }

    #[test]
    fn what_was_asked_for_before_the_slide_changed_is_not_kept() {
        let (slide, mut maps) = (slide(), Maps::default());
        let _ = maps.next_fetch(&slide, &[key("a")], 0.0);
        maps.retain(|_| false);
        maps.came(key("a"), Ok(TargetMaps::default()), 0.0);
        assert_eq!(maps.get(&key("a")), None);
        assert_eq!(
            maps.next_fetch(&slide, &[key("a")], 0.0),
            NextFetch::Now(key("a"))
        );
    }

    #[test]
    fn of_a_slide_with_many_tiles_the_other_targets_come_when_somebody_asks() {
        let (mut slide, mut maps) = (slide(), Maps::default());
        let tiles = MOST_TILES_AHEAD as u32 + 1;
        slide.spots = vec![test_slide::spot(tiles)];
        let fetched = |maps: &mut Maps| {
            let mut fetched = Vec::new();
            while let NextFetch::Now(next) = maps.next_fetch(&slide, &[key("a")], 0.0) {
                fetched.push(next.target.clone());
                maps.came(next, Ok(TargetMaps::default()), 0.0);
            }
            fetched
        };
        let model = &slide.models[0];
        assert_eq!(fetched(&mut maps), ["a"]);
        assert_eq!(maps.others(&slide, model), OtherTargets::WhenAsked(2));
        maps.wants_all = true;
        assert_eq!(maps.others(&slide, model), OtherTargets::Coming);
        assert_eq!(fetched(&mut maps), ["b", "c"]);
        assert_eq!(maps.others(&slide, model), OtherTargets::Here);
    }

    #[test]
    fn what_was_given_up_or_has_no_room_is_not_said_to_come() {
        let (slide, mut maps) = (slide(), Maps::default());
        let model = &slide.models[0];
        maps.held.push((key("a"), TargetMaps::default()));
        assert_eq!(maps.others(&slide, model), OtherTargets::Coming);
        requests_while_down(&mut maps, 0, 60_000);
        assert_eq!(maps.others(&slide, model), OtherTargets::WhenAsked(2));
        maps.try_again();
        assert_eq!(maps.others(&slide, model), OtherTargets::Coming);
        for other in 0..MOST_MAPS {
            maps.held
                .push((key(&other.to_string()), TargetMaps::default()));
        }
        assert_eq!(maps.others(&slide, model), OtherTargets::NoRoom(2));
    }
}
