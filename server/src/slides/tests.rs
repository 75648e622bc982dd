//! What becomes of requests when decoding is slow: drawing is held up by hand, so that nothing depends on a clock.

use std::fs::File;
use std::path::Path;
use std::sync::mpsc;
use std::time::SystemTime;

use domain::geometry::{LevelInfo, Mpp};
use slide::Slide;
use store::testing::TestDatabase;
use store::{NewCohort, NewSlide, NewSpecimen, TakenAt};

use super::*;
use crate::slide_file::{Found, OpenError};
use crate::turns::WAITING_PER_SLIDE;

/// Slides that are open without the store knowing of them, and some that it knows.
struct Place {
    slides: Slides,
    database: TestDatabase,
    folder: tempfile::TempDir,
}

impl Place {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        let folder = tempfile::tempdir().unwrap();
        let files = Files::open(folder.path()).unwrap();
        let memory = Memory {
            slides: 256 << 20,
            pictures: 48 << 20,
        };
        let metrics = Arc::new(Metrics::new());
        Self {
            slides: Slides::new(database.store().clone(), files, memory, metrics),
            database,
            folder,
        }
    }

    fn open(&self, name: &str, path: &Path) -> Arc<Opened> {
        let mpp = Some(domain::geometry::Mpp::square(0.5));
        let slide = Slide::open(path, slide::OpenOptions { mpp }).unwrap();
        let registry = &self.slides.0.registry;
        let opened = registry.opened(name.into(), slide);
        registry.keep(Arc::clone(&opened));
        opened
    }

    fn png(&self, name: &str) -> Arc<Opened> {
        let path = self.folder.path().join(name.replace('/', "-"));
        let path = path.with_extension("png");
        image::RgbImage::new(600, 500).save(&path).unwrap();
        self.open(name, &path)
    }

    fn sample(&self, name: &str) -> Arc<Opened> {
        let assets = std::env::var_os("MARROWSCOPE_ASSETS").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/assets"),
            Into::into,
        );
        let path = self.folder.path().join("sample.svs");
        std::fs::copy(assets.join("cmu_small_region.svs"), &path).unwrap();
        self.open(name, &path)
    }

    /// A slide in the store, imported at an unknown time, and its version.
    async fn stored(
        &self,
        code: &str,
        path: &Path,
        format: &str,
        bytes: u64,
        sha256: &str,
    ) -> String {
        let store = self.database.store();
        let cohort = NewCohort {
            key: "imported".into(),
            title: "Imported slides".into(),
            synthetic: false,
        };
        let cohort = store.put_cohort(&cohort).await.unwrap();
        let patient = store.put_patient(cohort, "P-1").await.unwrap();
        let specimen = NewSpecimen {
            patient,
            code: "P-1-D".into(),
            taken_at: TakenAt::Diagnosis,
        };
        let specimen = store.put_specimen(&specimen).await.unwrap();
        let level = LevelInfo {
            width: 600,
            height: 500,
            tile_width: 256,
            tile_height: 256,
        };
        let pyramid = Pyramid {
            levels: vec![level],
        };
        let slide = NewSlide {
            specimen,
            code: code.into(),
            sha256: sha256.into(),
            path: path.to_str().unwrap().into(),
            bytes,
            modified_ns: 0,
            format: format.into(),
            spots: vec![pyramid.bounds()],
            pyramid,
            mpp: Mpp::square(0.5),
            objective: None,
            tissue: "marrow".into(),
            source: "Drawn for a test.".into(),
        };
        store.put_slide(&slide).await.unwrap();
        sha256.get(..12).unwrap().to_owned()
    }

    /// An image in the store that is not open yet: its file and its version.
    async fn stored_png(&self, code: &str) -> (std::path::PathBuf, String) {
        let path = self.folder.path().join(code).with_extension("png");
        image::RgbImage::new(600, 500).save(&path).unwrap();
        let (sha256, bytes) = store::files::sha256_of(File::open(&path).unwrap()).unwrap();
        let version = self.stored(code, &path, "png", bytes, &sha256).await;
        (path, version)
    }

    /// A slide in the store whose files can be read only when somebody opens the pipe among them for writing: the pipe, and its
    /// version.
    async fn stored_pipe(&self, code: &str) -> (std::path::PathBuf, String) {
        let folder = self.folder.path().join(code);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("Data0000.dat"), "x").unwrap();
        let pipe = folder.with_extension("mrxs");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        let sha256 = format!("{:0>64}", code.len());
        let version = self.stored(code, &pipe, "mirax", 1, &sha256).await;
        (pipe, version)
    }

    /// Asks for a tile of a slide of the store.
    fn ask(&self, code: &'static str, version: &str) -> Asking {
        let (slides, version) = (self.slides.clone(), version.to_owned());
        tokio::spawn(async move { slides.tile(code, &version, Asked::Tile(0, 0, 0)).await })
    }

    /// Draws a tile of a slide that takes until something is sent, and answers with it.
    fn slow(&self, opened: &Arc<Opened>, column: u32) -> (Slow, mpsc::Sender<u8>) {
        let (finish, finished) = mpsc::channel::<u8>();
        let (slides, opened) = (self.slides.clone(), Arc::clone(opened));
        let shows = Shows::Tile(Asked::Tile(0, column, 0));
        let drawing = async move {
            let draw = move |_: &Slide| Ok(vec![finished.recv().unwrap_or(0)]);
            slides.picture(&opened, shows, draw).await
        };
        (tokio::spawn(drawing), finish)
    }

    /// So many slow tiles of a slide that have turns, and then so many that wait, in order.
    async fn line(
        &self,
        opened: &Arc<Opened>,
        turns: usize,
        waiting: usize,
    ) -> Vec<(Slow, mpsc::Sender<u8>)> {
        let mut line = Vec::new();
        for number in 1..=turns + waiting {
            line.push(self.slow(opened, number as u32 - 1));
            self.until(number.min(turns), number.saturating_sub(turns))
                .await;
        }
        line
    }

    /// Whoever had just got the turn that became free may have been among those who left.
    async fn until_nobody_waits(&self) {
        while self.slides.load()[0].waiting > 0 {
            tokio::task::yield_now().await;
        }
    }

    async fn until(&self, in_use: usize, waiting: usize) {
        loop {
            let [load, ..] = self.slides.load();
            if (load.in_use, load.waiting) == (in_use, waiting) {
                return;
            }
            tokio::task::yield_now().await;
        }
    }
}

type Asking = tokio::task::JoinHandle<Result<Served, Problem>>;
type Slow = tokio::task::JoinHandle<Result<Served, Unmade>>;

/// Waits until a request has joined the work of another: then its own way of drawing is dropped unused.
async fn joined(unused: &mpsc::Sender<u8>) {
    while unused.send(1).is_ok() {
        tokio::task::yield_now().await;
    }
}

fn bytes(served: Result<Served, Unmade>) -> Vec<u8> {
    match served {
        Ok(served) => served.bytes.to_vec(),
        Err(Unmade::Changed) => panic!("the file has changed"),
        Err(Unmade::Problem(problem)) => panic!("{}", problem.detail()),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_slow_decodes_hold_up_neither_stored_tiles_nor_other_slides() {
    let place = Place::new().await;
    let (busy, other) = (place.png("busy/1"), place.png("other/1"));
    place.sample("sample/1");
    let turns = std::thread::available_parallelism().map_or(2, usize::from);
    let slow = place.line(&busy, turns, 48).await;

    // Eight tabs with six connections each wait. The ninth looks at a slide whose tiles are stored, and waits for nobody.
    for column in 0..9 {
        let tile = place.slides.tile("sample", "1", Asked::Tile(0, column, 0));
        let tile = tile.await.unwrap();
        assert!(matches!(tile.how, How::PassedThrough(_)));
    }
    // At another slide whose tiles are not, it waits for one tile of theirs.
    let (ninth, finish) = place.slow(&other, 0);
    place.until(turns, 49).await;
    finish.send(9).unwrap();
    // The line of the busy slide was there first, so the turn after next is the ninth's.
    let mut slow = slow.into_iter();
    for (drawing, done) in slow.by_ref().take(2) {
        done.send(1).unwrap();
        assert_eq!(bytes(drawing.await.unwrap()), [1]);
    }
    assert_eq!(bytes(ninth.await.unwrap()), [9]);
    // All others of theirs still wait, or are being drawn.
    place.until(turns, 48 - 2).await;
    for (drawing, done) in slow {
        done.send(3).unwrap();
        bytes(drawing.await.unwrap());
    }
    place.until(0, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_line_answers_503_and_says_when_to_come_again() {
    let place = Place::new().await;
    let busy = place.png("busy/1");
    let turns = std::thread::available_parallelism().map_or(2, usize::from);
    let slow = place.line(&busy, turns, WAITING_PER_SLIDE).await;
    let refused = place.slides.tile("busy", "1", Asked::Tile(0, 1, 1)).await;
    let problem = refused.err().unwrap();
    let response = axum::response::IntoResponse::into_response(problem);
    assert_eq!(response.status().as_u16(), 503);
    assert!(response.headers().contains_key("retry-after"));
    // A tile that is under way already needs no place in line of its own.
    let (again, unused) = place.slow(&busy, 0);
    joined(&unused).await;
    slow[0].1.send(7).unwrap();
    assert_eq!(bytes(again.await.unwrap()), [7]);
    // Requests whose clients have gone leave the line.
    for (drawing, _) in &slow {
        drawing.abort();
    }
    place.until_nobody_waits().await;
    drop(slow);
    place.until(0, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tile_is_drawn_once_for_all_and_on_when_the_first_that_asked_has_gone() {
    let place = Place::new().await;
    let opened = place.png("a/1");
    let (first, finish) = place.slow(&opened, 0);
    place.until(1, 0).await;
    let (second, never) = place.slow(&opened, 0);
    joined(&never).await;
    first.abort();
    assert!(first.await.is_err());
    finish.send(5).unwrap();
    assert_eq!(bytes(second.await.unwrap()), [5]);
    // It was kept.
    let (third, _) = place.slow(&opened, 0);
    let third = third.await.unwrap().ok().unwrap();
    assert_eq!((&*third.bytes, third.how), (&[5][..], How::Cached));
    place.until(0, 0).await;
}

#[tokio::test]
async fn what_was_drawn_of_a_changed_file_is_not_sent() {
    let place = Place::new().await;
    let opened = place.png("a/1");
    let drawing = place.slides.picture(&opened, Shows::Stains, |slide| {
        let file = std::fs::File::options().write(true).open(slide.path());
        let epoch = std::time::SystemTime::UNIX_EPOCH;
        file.unwrap().set_modified(epoch).unwrap();
        Ok(vec![1])
    });
    assert!(matches!(drawing.await, Err(Unmade::Changed)));
    // The next to ask is not told an old story: the slide is opened anew, and here there is none.
    place.slides.let_go(&opened);
    let asked = place.slides.tile("a", "1", Asked::Tile(0, 0, 0));
    let told = asked.await.err().unwrap();
    assert_eq!(told.status().as_u16(), 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slide_is_hashed_once_though_the_client_that_asked_first_has_gone() {
    let place = Place::new().await;
    let (pipe, version) = place.stored_pipe("S-1").await;
    let first = place.ask("S-1", &version);
    // Open for writing as soon as it is being hashed.
    let open = move || File::options().write(true).open(&pipe).unwrap();
    let pipe = tokio::task::spawn_blocking(open.clone()).await.unwrap();
    first.abort();
    assert!(first.await.is_err());
    let second = place.ask("S-1", &version);
    let name = name("S-1", &version);
    loop {
        // The turn stays with those who read, and reading other slides needs none of these.
        let [_, read, hash] = place.slides.load();
        // What goes on alone, and the second.
        let has_joined = place.slides.0.opening.waiting(&name) == 2;
        if has_joined || hash.in_use != 1 {
            if hash.in_use > 1 {
                // The test must end also when it fails.
                drop(open());
            }
            assert_eq!((hash.in_use, read.in_use, has_joined), (1, 0, true));
            break;
        }
        tokio::task::yield_now().await;
    }
    drop(pipe);
    // It is another slide than the store knows.
    let told = second.await.unwrap().err().unwrap();
    assert_eq!(told.status().as_u16(), 409);
    while place.slides.load()[2].in_use > 0 {
        tokio::task::yield_now().await;
    }
    // The next to ask is told without hashing.
    let third = place.ask("S-1", &version);
    while !third.is_finished() {
        if place.slides.load()[2].in_use > 0 {
            drop(open());
            panic!("it was hashed again");
        }
        tokio::task::yield_now().await;
    }
    let told = third.await.unwrap().err().unwrap();
    assert_eq!(told.status().as_u16(), 409);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hashing_holds_up_no_other_slide_and_who_leaves_that_line_is_not_hashed() {
    let place = Place::new().await;
    let (_, version) = place.stored_pipe("S-1").await;
    let mut busy = Vec::new();
    for _ in 0..HASHES_AT_ONCE {
        busy.push(
            place
                .slides
                .0
                .hashers
                .take(&"another".into())
                .await
                .unwrap(),
        );
    }
    // Those before it may be slides of 10 GB on a disk that reads 50 MB a second.
    let patience = place.slides.0.hashers.bounds().patience;
    assert!(
        patience > Duration::from_secs(2 * 10_000 / 50),
        "{patience:?}"
    );
    let waits = place.ask("S-1", &version);
    while place.slides.load()[2].waiting == 0 {
        tokio::task::yield_now().await;
    }
    // A slide that is known by its time is opened meanwhile.
    let (path, version) = place.stored_png("S-22").await;
    let store = place.database.store();
    let file = store.slide_file("S-22").await.unwrap();
    let members = Members::of(&path, "png").unwrap();
    let modified_ns = crate::slide_file::modified_ns(&members);
    let path = path.to_str().unwrap();
    store
        .set_slide_file(file.id, path, modified_ns)
        .await
        .unwrap();
    let tile = place.ask("S-22", &version).await.unwrap();
    assert!(matches!(tile.ok().unwrap().how, How::Decoded(_)));
    waits.abort();
    while place.slides.load()[2].waiting > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(place.slides.0.opening.waiting(&name("S-1", &version)), 0);
    drop(busy);
    assert_eq!(place.slides.load()[2].in_use, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slide_found_changed_is_shown_when_it_is_imported_from_another_place() {
    let place = Place::new().await;
    let (path, version) = place.stored_png("S-1").await;
    let good = std::fs::read(&path).unwrap();
    let mut damaged = good.clone();
    *damaged.last_mut().unwrap() ^= 1;
    std::fs::write(&path, damaged).unwrap();
    for _ in 0..2 {
        let told = place.ask("S-1", &version).await.unwrap().err().unwrap();
        assert_eq!(told.status().as_u16(), 409);
    }
    let copy = path.with_file_name("copy.png");
    std::fs::write(&copy, good).unwrap();
    let store = place.database.store();
    let file = store.slide_file("S-1").await.unwrap();
    let copy = copy.to_str().unwrap();
    store.set_slide_file(file.id, copy, 1).await.unwrap();
    let tile = place.ask("S-1", &version).await.unwrap();
    assert!(matches!(tile.ok().unwrap().how, How::Decoded(_)));
}

#[tokio::test]
async fn a_hash_that_ends_after_an_import_from_another_place_does_not_undo_it() {
    let place = Place::new().await;
    let (path, _) = place.stored_png("S-1").await;
    let store = place.database.store();
    let file = store.slide_file("S-1").await.unwrap();
    let id = file.id;
    let found = Found::list(&place.slides.0.files, file).ok().unwrap();
    let copy = path.with_file_name("copy.png");
    let copy = copy.to_str().unwrap();
    store.set_slide_file(id, copy, 7).await.unwrap();
    found.remember(store).await.unwrap();
    let file = store.slide_file("S-1").await.unwrap();
    assert_eq!((&*file.path, file.modified_ns), (copy, Some(7)));
}

#[tokio::test]
async fn where_too_many_files_are_open_slides_are_closed_and_who_asked_may_come_again() {
    let place = Place::new().await;
    for name in ["a/1", "b/1", "c/1", "d/1"] {
        place.png(name);
    }
    let told = place
        .slides
        .0
        .not_opened(&"e/1".into(), OpenError::TooManyOpenFiles);
    assert_eq!(told.status().as_u16(), 503);
    assert_eq!(place.slides.open().0, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thumbnail_opens_its_slide_once_for_all_that_ask_and_not_for_long() {
    let place = Place::new().await;
    let (path, version) = place.stored_png("S-1").await;
    let asked = (0..8).map(|_| place.slides.thumbnail("S-1", &version));
    let served = futures::future::join_all(asked).await;
    let how: Vec<_> = served
        .into_iter()
        .map(|one| one.ok().unwrap().how)
        .collect();
    // Drawn once: it took as long for all.
    assert!(matches!(how[0], How::Decoded(_)));
    assert!(how.iter().all(|one| *one == how[0]), "{how:?}");
    assert_eq!(place.slides.open().0, 0);
    let kept = place.slides.thumbnail("S-1", &version).await.ok().unwrap();
    assert_eq!(kept.how, How::Cached);
    let text = place.slides.0.metrics.text().unwrap();
    for line in ["hits_total 1\n", "misses_total 8\n"] {
        assert!(
            text.contains(&format!("marrowscope_tile_cache_{line}")),
            "{text}"
        );
    }
    // A slide that somebody looks at stays open.
    place.ask("S-1", &version).await.unwrap().ok().unwrap();
    let touch = |seconds| {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(time).unwrap();
    };
    touch(1);
    let drawn = place.slides.thumbnail("S-1", &version).await.ok().unwrap();
    assert!(matches!(drawn.how, How::Decoded(_)));
    place.ask("S-1", &version).await.unwrap().ok().unwrap();
    place.slides.0.pictures.invalidate_all();
    place.slides.thumbnail("S-1", &version).await.ok().unwrap();
    assert_eq!(place.slides.open().0, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thumbnail_that_is_kept_is_not_sent_of_a_file_that_has_changed_or_gone() {
    let place = Place::new().await;
    let (path, version) = place.stored_png("S-1").await;
    let good = std::fs::read(&path).unwrap();
    let thumbnail = async || place.slides.thumbnail("S-1", &version).await;
    let status = async || match thumbnail().await {
        Ok(served) => (200, Some(served.how == How::Cached)),
        Err(problem) => (problem.status().as_u16(), None),
    };
    assert_eq!(status().await, (200, Some(false)));
    assert_eq!(status().await, (200, Some(true)));
    let mut changed = good.clone();
    *changed.last_mut().unwrap() ^= 1;
    std::fs::write(&path, &changed).unwrap();
    let time = SystemTime::UNIX_EPOCH;
    File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(time)
        .unwrap();
    assert_eq!(status().await, (409, None));
    assert_eq!(status().await, (409, None));
    std::fs::write(&path, &good).unwrap();
    assert_eq!(status().await, (200, Some(false)));
    std::fs::remove_file(&path).unwrap();
    assert_eq!(status().await, (422, None));
}
