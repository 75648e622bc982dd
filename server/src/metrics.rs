//! What the server counts, for Prometheus.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::slides::{How, Slides};
use crate::turns::Load;

/// Media type of the text that [`Metrics::text`] writes.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of the buckets of tile latency, seconds: what passes through takes tens of microseconds, a decode
/// milliseconds, a line seconds.
const BUCKETS: [f64; 12] = [
    0.000_05, 0.000_1, 0.000_25, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0,
];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Answer {
    route: String,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfKind {
    kind: Kind,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the label's values")]
enum Kind {
    passed_through,
    decoded,
    cached,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfWork {
    work: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct InState {
    state: &'static str,
}

/// Numbers that something else keeps, read when they are asked for.
type Reading = Gauge<u64, AtomicU64>;

/// All counts.
pub struct Metrics {
    registry: Registry,
    answers: Family<Answer, Counter>,
    tiles: Family<OfKind, Histogram, fn() -> Histogram>,
    hits: Counter,
    misses: Counter,
    cache_bytes: Reading,
    cache_bound: Reading,
    open_slides: Reading,
    slide_bytes: Reading,
    slide_bound: Reading,
    turns_in_use: Family<OfWork, Reading>,
    turns_waiting: Family<OfWork, Reading>,
    refused: Family<OfWork, Counter>,
    jobs: Family<InState, Reading>,
    resident: Reading,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// All at zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("marrowscope");
        let metrics = Self {
            registry: Registry::default(),
            answers: Family::default(),
            tiles: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            hits: Counter::default(),
            misses: Counter::default(),
            cache_bytes: Gauge::default(),
            cache_bound: Gauge::default(),
            open_slides: Gauge::default(),
            slide_bytes: Gauge::default(),
            slide_bound: Gauge::default(),
            turns_in_use: Family::default(),
            turns_waiting: Family::default(),
            refused: Family::default(),
            jobs: Family::default(),
            resident: Gauge::default(),
        };
        let version = env!("CARGO_PKG_VERSION");
        registry.register(
            "build",
            "The program that answers",
            Info::new([("version", version)]),
        );
        registry.register(
            "http_requests",
            "Requests answered, by route and status",
            metrics.answers.clone(),
        );
        registry.register_with_unit(
            "tile_latency",
            "Time from the request for a tile to its answer, by how the tile came about",
            Unit::Seconds,
            metrics.tiles.clone(),
        );
        registry.register(
            "tile_cache_hits",
            "Encoded tiles and thumbnails that were there",
            metrics.hits.clone(),
        );
        registry.register(
            "tile_cache_misses",
            "Encoded tiles and thumbnails that had to be made",
            metrics.misses.clone(),
        );
        let mut bytes = |name: &str, help: &str, gauge: &Reading| {
            registry.register_with_unit(name, help, Unit::Bytes, gauge.clone());
        };
        bytes(
            "tile_cache_held",
            "Encoded tiles and thumbnails kept",
            &metrics.cache_bytes,
        );
        bytes(
            "tile_cache_bound",
            "The most of them that are kept",
            &metrics.cache_bound,
        );
        bytes(
            "open_slides_held",
            "What open slides hold in memory",
            &metrics.slide_bytes,
        );
        bytes(
            "open_slides_bound",
            "The most that they may hold",
            &metrics.slide_bound,
        );
        bytes(
            "resident",
            "Resident memory of the process",
            &metrics.resident,
        );
        registry.register("open_slides", "Slides open", metrics.open_slides.clone());
        registry.register(
            "turns_in_use",
            "Tiles being decoded or read from the disk, slides being hashed, terms being read from the database",
            metrics.turns_in_use.clone(),
        );
        registry.register(
            "turns_waiting",
            "Requests that wait for a turn",
            metrics.turns_waiting.clone(),
        );
        registry.register(
            "turns_refused",
            "Requests refused because too many waited or one waited too long",
            metrics.refused.clone(),
        );
        registry.register(
            "jobs",
            "Jobs that are not done, by state",
            metrics.jobs.clone(),
        );
        Self {
            registry,
            ..metrics
        }
    }

    /// A request was answered.
    pub fn answered(&self, route: &str, status: u16) {
        let route = route.to_owned();
        self.answers.get_or_create(&Answer { route, status }).inc();
    }

    /// A tile was sent.
    pub fn sent(&self, how: How, took: Duration) {
        let kind = match how {
            How::PassedThrough(_) => Kind::passed_through,
            How::Decoded(_) => Kind::decoded,
            How::Cached => Kind::cached,
        };
        self.tiles
            .get_or_create(&OfKind { kind })
            .observe(took.as_secs_f64());
    }

    /// The cache of encoded pictures was asked.
    pub fn looked_up(&self, found: bool) {
        if found { &self.hits } else { &self.misses }.inc();
    }

    /// Takes the readings of what others count: of slides, of reading terms, and the jobs by state that the database could tell.
    pub fn read(
        &self,
        slides: &Slides,
        terms: Load,
        resident_bytes: Option<u64>,
        jobs: &[(&'static str, u32)],
    ) {
        let (open, bytes, bound) = slides.open();
        self.open_slides.set(open as u64);
        self.slide_bytes.set(bytes);
        self.slide_bound.set(bound);
        let (bytes, bound) = slides.kept_bytes();
        self.cache_bytes.set(bytes);
        self.cache_bound.set(bound);
        let [decode, read, hash] = slides.load();
        let loads = [
            ("decode", decode),
            ("read", read),
            ("hash", hash),
            ("terms", terms),
        ];
        for (work, load) in loads {
            let Load {
                in_use,
                waiting,
                refused,
            } = load;
            let of = OfWork { work };
            self.turns_in_use.get_or_create(&of).set(in_use as u64);
            self.turns_waiting.get_or_create(&of).set(waiting as u64);
            let told = self.refused.get_or_create(&of);
            told.inner().store(refused, Ordering::Relaxed);
        }
        if let Some(bytes) = resident_bytes {
            self.resident.set(bytes);
        }
        self.jobs.clear();
        for (state, number) in jobs {
            self.jobs
                .get_or_create(&InState { state })
                .set(u64::from(*number));
        }
    }

    /// All counts in the text format of OpenMetrics, which Prometheus reads.
    ///
    /// # Errors
    /// Never in practice: it writes to memory.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_told() {
        let metrics = Metrics::new();
        metrics.answered("/slides/{code}", 200);
        metrics.answered("/slides/{code}", 200);
        metrics.looked_up(false);
        metrics.sent(How::Decoded(Duration::ZERO), Duration::from_millis(3));
        let text = metrics.text().unwrap();
        for line in [
            "marrowscope_http_requests_total{route=\"/slides/{code}\",status=\"200\"} 2",
            "marrowscope_tile_cache_misses_total 1",
            "marrowscope_tile_latency_seconds_bucket{le=\"0.0025\",kind=\"decoded\"} 0",
            "marrowscope_tile_latency_seconds_bucket{le=\"0.005\",kind=\"decoded\"} 1",
            "# TYPE marrowscope_tile_latency_seconds histogram",
        ] {
            assert!(text.contains(line), "no '{line}' in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
