//! What becomes of requests when decoding is slow: drawing is held up by hand, so that nothing depends on a clock.

use std::path::Path;
use std::sync::mpsc;

use slide::Slide;
use store::testing::TestDatabase;

use super::*;
use crate::turns::WAITING_PER_SLIDE;

/// Slides without a store behind them: those that are asked for are open.
struct Place {
    slides: Slides,
    _database: TestDatabase,
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
            _database: database,
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
        while self.slides.load().0.waiting > 0 {
            tokio::task::yield_now().await;
        }
    }

    async fn until(&self, in_use: usize, waiting: usize) {
        loop {
            let load = self.slides.load().0;
            if (load.in_use, load.waiting) == (in_use, waiting) {
                return;
            }
            tokio::task::yield_now().await;
        }
    }
}

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
    let drawing = place.slides.picture(&opened, Shows::Thumbnail, |slide| {
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
