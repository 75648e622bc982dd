//! The slides that are open: at most so many of them and so many bytes, what was not asked for longest goes first.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit};
use slide::Slide;

/// How long a slide that nobody asks for stays open.
const IDLE: Duration = Duration::from_secs(300);
/// How long an open slide is taken to be unchanged.
const TRUSTED: Duration = Duration::from_secs(1);

/// Open slides at most: a fifth of the files that the process may have open, which are usually 1024. Most slides keep two of them;
/// connections, the database and slides that are being opened need some, too.
pub fn most_open() -> usize {
    let Rlimit { current, .. } = getrlimit(Resource::Nofile);
    let most_files = current.unwrap_or(u64::MAX);
    usize::try_from(most_files / 5).unwrap_or(usize::MAX)
}

/// An open slide.
pub struct Opened {
    /// What it goes by.
    pub name: Arc<str>,
    /// The slide.
    pub slide: Slide,
    /// Milliseconds of the registry's clock.
    used: AtomicU64,
    checked: AtomicU64,
    is_looked_at: AtomicBool,
}

impl Opened {
    /// Something else than its thumbnail is asked for.
    pub fn look_at(&self) {
        // Written once only: many threads read what lies beside it.
        if !self.is_looked_at() {
            self.is_looked_at.store(true, Ordering::Relaxed);
        }
    }

    /// Whether anything else than its thumbnail was asked for.
    pub fn is_looked_at(&self) -> bool {
        self.is_looked_at.load(Ordering::Relaxed)
    }
}

/// The open slides.
pub struct Registry {
    most_bytes: u64,
    most_open: usize,
    started: Instant,
    open: RwLock<HashMap<Arc<str>, Arc<Opened>>>,
}

impl Registry {
    /// None open; at most so many bytes of them and so many, but always one.
    pub fn new(most_bytes: u64, most_open: usize) -> Self {
        Self {
            most_bytes,
            most_open,
            started: Instant::now(),
            open: RwLock::default(),
        }
    }

    /// The bound.
    pub fn most_bytes(&self) -> u64 {
        self.most_bytes
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// A slide just opened, not kept yet.
    pub fn opened(&self, name: Arc<str>, slide: Slide) -> Arc<Opened> {
        Arc::new(Opened {
            name,
            slide,
            used: AtomicU64::new(self.now()),
            checked: AtomicU64::new(self.now()),
            is_looked_at: AtomicBool::new(false),
        })
    }

    /// An open slide by its name.
    pub fn get(&self, name: &str) -> Option<Arc<Opened>> {
        let open = self.open.read().unwrap_or_else(|e| e.into_inner());
        let opened = open.get(name)?;
        opened.used.store(self.now(), Ordering::Relaxed);
        Some(Arc::clone(opened))
    }

    /// Whether it is time to ask whether the slide's files are still the same. True for one caller at a time.
    pub fn is_due(&self, opened: &Opened) -> bool {
        let (now, checked) = (self.now(), opened.checked.load(Ordering::Relaxed));
        u128::from(now.saturating_sub(checked)) >= TRUSTED.as_millis()
            && opened
                .checked
                .compare_exchange(checked, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }

    /// Keeps a slide open.
    pub fn keep(&self, opened: Arc<Opened>) {
        let mut open = self.open.write().unwrap_or_else(|e| e.into_inner());
        open.insert(Arc::clone(&opened.name), opened);
        drop(open);
        self.trim();
    }

    /// Lets go of a slide, unless another has taken its name.
    pub fn let_go(&self, opened: &Arc<Opened>) {
        let mut open = self.open.write().unwrap_or_else(|e| e.into_inner());
        let same = |kept: &Arc<Opened>| Arc::ptr_eq(kept, opened);
        if open.get(&opened.name).is_some_and(same) {
            open.remove(&opened.name);
        }
    }

    /// How many slides are open, and the bytes that they hold.
    pub fn size(&self) -> (usize, u64) {
        let open = self.open.read().unwrap_or_else(|e| e.into_inner());
        let bytes = open.values().map(|opened| opened.slide.resident_bytes());
        (open.len(), bytes.sum())
    }

    /// Back within the bound: first without what was decoded in case it is asked for again, then without slides. To be called
    /// whenever a slide may have grown.
    pub fn trim(&self) {
        self.trim_to(self.most_open);
    }

    /// Lets go of half of the slides: where no file can be opened any more, theirs are in the way.
    pub fn make_room(&self) {
        let (open, _) = self.size();
        self.trim_to(open / 2);
    }

    fn trim_to(&self, most_open: usize) {
        let mut kept: Vec<(u64, Arc<Opened>)> = {
            let open = self.open.read().unwrap_or_else(|e| e.into_inner());
            let used = |opened: &Arc<Opened>| opened.used.load(Ordering::Relaxed);
            open.values().map(|o| (used(o), Arc::clone(o))).collect()
        };
        kept.sort_by_key(|(used, _)| std::cmp::Reverse(*used));
        let oldest = u128::from(self.now()).saturating_sub(IDLE.as_millis());
        while kept.len() > most_open.max(1)
            || kept
                .last()
                .is_some_and(|(used, _)| u128::from(*used) < oldest)
        {
            if let Some((_, opened)) = kept.pop() {
                self.let_go(&opened);
            }
        }
        let bytes = |opened: &Opened| opened.slide.resident_bytes();
        let mut held: u64 = kept.iter().map(|(_, opened)| bytes(opened)).sum();
        for (_, opened) in kept.iter().rev() {
            if held <= self.most_bytes {
                return;
            }
            let before = bytes(opened);
            opened.slide.forget_decoded();
            held = held.saturating_sub(before.saturating_sub(bytes(opened)));
        }
        while held > self.most_bytes && kept.len() > 1 {
            if let Some((_, opened)) = kept.pop() {
                held = held.saturating_sub(bytes(&opened));
                self.let_go(&opened);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::geometry::Mpp;
    use slide::OpenOptions;

    use super::*;

    fn opened(registry: &Registry, name: &str, path: &std::path::Path) -> Arc<Opened> {
        let mpp = Some(Mpp::square(0.5));
        let slide = Slide::open(path, OpenOptions { mpp }).unwrap();
        registry.opened(name.into(), slide)
    }

    #[test]
    fn open_slides_are_bounded_by_what_they_hold() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image.png");
        image::RgbImage::new(500, 400).save(&path).unwrap();
        let registry = Registry::new(2_000_000, 100);
        for number in 0..10u64 {
            let opened = opened(&registry, &number.to_string(), &path);
            // The clock is too coarse for a loop.
            opened.used.store(number, Ordering::Relaxed);
            assert_eq!(opened.slide.resident_bytes(), 600_000);
            registry.keep(opened);
            assert!(registry.size().1 <= 2_000_000);
        }
        assert_eq!(registry.size(), (3, 1_800_000));
        assert!(registry.get("9").is_some() && registry.get("6").is_none());
        // One that exceeds the bound alone is kept alone.
        let small = Registry::new(100_000, 100);
        small.keep(opened(&small, "large", &path));
        assert!(small.get("large").is_some());
    }

    #[test]
    fn open_slides_are_bounded_by_their_number_and_make_room() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image.png");
        image::RgbImage::new(50, 40).save(&path).unwrap();
        let registry = Registry::new(256 << 20, 4);
        for number in 0..10u64 {
            let opened = opened(&registry, &number.to_string(), &path);
            // The clock is too coarse for a loop.
            opened.used.store(number, Ordering::Relaxed);
            registry.keep(opened);
            assert!(registry.size().0 <= 4);
        }
        let open = || -> Vec<u64> {
            // Not by asking for them: that would count as use.
            let open = registry.open.read().unwrap();
            let numbers = 0..10u64;
            numbers
                .filter(|number| open.contains_key(number.to_string().as_str()))
                .collect()
        };
        assert_eq!(open(), [6, 7, 8, 9]);
        registry.make_room();
        assert_eq!(open(), [8, 9]);
        for _ in 0..3 {
            registry.make_room();
        }
        assert_eq!(open(), [9]);
        // Of files that the process may have open, connections need some.
        let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        assert!(2 * most_open() as u64 <= files / 2);
    }

    #[test]
    fn fifty_small_slides_stay_open_within_the_default_bound() {
        let sample = std::env::var_os("MARROWSCOPE_ASSETS").map_or_else(
            || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/assets"),
            Into::into,
        );
        let sample = sample.join("cmu_small_region.svs");
        let registry = Registry::new(256 << 20, most_open());
        for number in 0..50u32 {
            let opened = opened(&registry, &number.to_string(), &sample);
            opened.slide.pyramid_tile(0, 0, 0).unwrap();
            opened.slide.pyramid_tile(1, 0, 0).unwrap();
            registry.keep(opened);
        }
        let (open, bytes) = registry.size();
        assert_eq!(open, 50);
        assert!(bytes <= 256 << 20, "{bytes}");
    }

    #[test]
    fn a_slide_is_checked_by_one_caller_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image.png");
        image::RgbImage::new(50, 40).save(&path).unwrap();
        let mut registry = Registry::new(1 << 20, 100);
        let opened = opened(&registry, "a", &path);
        assert!(!registry.is_due(&opened));
        registry.started -= Duration::from_secs(2);
        assert!(registry.is_due(&opened) && !registry.is_due(&opened));
    }

    #[test]
    fn only_the_slide_that_was_meant_is_let_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image.png");
        image::RgbImage::new(50, 40).save(&path).unwrap();
        let registry = Registry::new(1 << 20, 100);
        let (old, new) = (opened(&registry, "a", &path), opened(&registry, "a", &path));
        registry.keep(Arc::clone(&new));
        registry.let_go(&old);
        assert!(registry.get("a").is_some());
        registry.let_go(&new);
        assert!(registry.get("a").is_none());
    }
}
