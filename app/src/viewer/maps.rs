//! Which maps of targets are held, which is fetched next, and what happens to those that fail. No browser in here.

use domain::geometry::TileGrid;
use domain::layer::LayerSpec;
use domain::view::SlideDetail;

use super::overlay::TargetMaps;
use super::schedule::Failure;
use super::state::find_target;

/// Maps held at most; each is five numbers per tile.
const MOST_MAPS: usize = 24;
/// For slides with more tiles than this, only the target that is shown is fetched.
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapsProblem {
    /// What went wrong, in a sentence; for what is final also what to do.
    pub text: String,
    /// Whether asking again is useless.
    pub is_final: bool,
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
        Some(if problem.is_final {
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

    /// What must be fetched next at `now`, ms: the targets that are wanted, then, for small slides, the others of the first
    /// one's model. What failed is tried again after a pause that grows; meanwhile nothing is fetched ahead.
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
            && let Some(ahead) = wanted
                .first()
                .and_then(|first| self.next_ahead(slide, first))
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
                let failure = Failure::after(before, now, problem.is_final);
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
        let grids = slide.spots.iter().filter_map(|spot| spot.grid.as_ref());
        let tiles: usize = grids.map(TileGrid::len).sum();
        if tiles > MOST_TILES_AHEAD || self.held.len() >= MOST_MAPS {
            return None;
        }
        model
            .targets
            .iter()
            .map(|target| TargetKey {
                model: model.key.clone(),
                target: target.key.clone(),
            })
            .find(|key| self.get(key).is_none() && self.failure(key).is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::geometry::{Mpp, Pyramid};
    use domain::target::TargetKind;
    use domain::view::{
        CohortSummary, Evaluation, JobCounts, ModelOnSlide, SlideSummary, TargetOnSlide,
    };

    fn slide() -> SlideDetail {
        let cohort = CohortSummary {
            key: String::new(),
            title: String::new(),
            synthetic: true,
        };
        let target = |key: &str| TargetOnSlide {
            key: key.to_owned(),
            title: key.to_owned(),
            kind: TargetKind::Gene,
            sign: None,
            observation: None,
            evaluation: Evaluation {
                positives: 0,
                negatives: 0,
                auroc: None,
            },
            prediction: None,
            readouts: Vec::new(),
        };
        let model = ModelOnSlide {
            key: "m".to_owned(),
            title: String::new(),
            predictor: String::new(),
            encoder: String::new(),
            training_cohort: cohort.clone(),
            training_patients: 0,
            terms_version: "1".to_owned(),
            in_training_cohort: false,
            entitled_models: 1,
            targets: ["a", "b", "c"].map(target).into(),
        };
        SlideDetail {
            summary: SlideSummary {
                code: "S".to_owned(),
                version: String::new(),
                patient: String::new(),
                specimen: String::new(),
                cohort,
                tissue: "marrow".to_owned(),
                width: 1,
                height: 1,
                mpp: Mpp::square(0.5),
                objective: None,
                tiles: Some(0),
                encoded: true,
                models: 1,
                findings: Vec::new(),
                jobs: JobCounts::default(),
            },
            pyramid: Pyramid { levels: Vec::new() },
            format: String::new(),
            source: String::new(),
            spots: Vec::new(),
            models: vec![model],
        }
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
            is_final: false,
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
            is_final: true,
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
            is_final: true,
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
}
