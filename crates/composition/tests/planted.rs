//! What is found in phantoms against what was planted. Agreement is measured over several patients and all stain batches,
//! each picture having been a JPEG of quality 90 once, as pictures of scanners have.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::sync::LazyLock;

use composition::{Analyser, Optics, Region, RegionComposition, Sampler};
use domain::geometry::SlideRect;
use domain::stain::{Glass, StainSource, Stains, WHITE};
use image::codecs::jpeg::JpegEncoder;
use phantom::stain::{STAIN_BATCHES, StainBatch};
use phantom::{Cohort, Spot, Truth, draw_spot, draw_with_fat};

const SIZE_PX: u32 = 1024;
const UM_PER_PX: f64 = 0.5;
const PLACE: SlideRect = SlideRect {
    x: 0.0,
    y: 0.0,
    width: SIZE_PX as f64,
    height: SIZE_PX as f64,
};

/// A phantom as a scanner would have stored it.
struct Scan {
    rgb: Vec<u8>,
    truth: Truth,
    stains: Stains,
    glass: Glass,
    batch: usize,
}

impl Scan {
    /// Of the first patient whose slide was stained with this batch.
    fn new(seed: u64, batch: usize) -> Self {
        let cohort = Cohort::new(seed, 12);
        let patient = cohort
            .patients
            .iter()
            .position(|patient| patient.stain_batch % STAIN_BATCHES.len() == batch)
            .unwrap();
        let spot = draw_spot(&cohort, patient, SIZE_PX, UM_PER_PX).unwrap();
        Self::of(&spot, STAIN_BATCHES[batch], batch)
    }

    fn of(spot: &Spot, of_batch: StainBatch, batch: usize) -> Self {
        let mut file = Vec::new();
        JpegEncoder::new_with_quality(&mut file, 90)
            .encode_image(&spot.image)
            .unwrap();
        let image = image::load_from_memory(&file).unwrap().to_rgb8();
        Self {
            rgb: image.into_raw(),
            truth: spot.truth.clone(),
            stains: Stains {
                haematoxylin: of_batch.haematoxylin.map(f64::from),
                eosin: of_batch.eosin.map(f64::from),
            },
            glass: of_batch.white.map(|value| value as u8),
            batch,
        }
    }

    fn region(&self) -> Region<'_> {
        Region {
            rgb: &self.rgb,
            width: SIZE_PX,
            height: SIZE_PX,
            rect: PLACE,
        }
    }

    fn found(&self, stains: &Stains, glass: Glass) -> RegionComposition {
        let optics = Optics::new(stains, glass, UM_PER_PX).unwrap();
        let mut sampler = Sampler::new(optics.clone());
        sampler.add(&self.region()).unwrap();
        let analyser = Analyser::new(optics, sampler.levels());
        analyser.region(&self.region(), &PLACE).unwrap()
    }
}

/// How nuclei that were found agree with those that were planted.
#[derive(Default)]
struct Agreement {
    planted: usize,
    found: usize,
    matched: usize,
    /// Planted and found areas of matched nuclei of one lobe, µm².
    areas: Vec<(f64, f64)>,
}

impl Agreement {
    /// Nearest pairs first, each nucleus once, a middle within the planted nucleus's long half axis.
    fn add(&mut self, scan: &Scan, found: &RegionComposition) {
        let planted: Vec<_> = scan
            .truth
            .cells
            .iter()
            .filter_map(|cell| Some((cell.nucleus?, cell.lobes)))
            .collect();
        let mut pairs = Vec::new();
        for (number, (nucleus, _)) in planted.iter().enumerate() {
            for (other, candidate) in found.nuclei.iter().enumerate() {
                let (dx, dy) = (
                    candidate.x - f64::from(nucleus.x),
                    candidate.y - f64::from(nucleus.y),
                );
                let apart = dx.hypot(dy);
                if apart <= f64::from(nucleus.long) {
                    pairs.push((apart, number, other));
                }
            }
        }
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut is_planted_taken = vec![false; planted.len()];
        let mut is_found_taken = vec![false; found.nuclei.len()];
        for (_, number, other) in pairs {
            if is_planted_taken[number] || is_found_taken[other] {
                continue;
            }
            is_planted_taken[number] = true;
            is_found_taken[other] = true;
            let (nucleus, lobes) = planted[number];
            if lobes == 1 {
                let area = std::f64::consts::PI
                    * f64::from(nucleus.long)
                    * f64::from(nucleus.short)
                    * UM_PER_PX.powi(2);
                let measured = found.nuclei[other].values[0].unwrap();
                self.areas.push((area, f64::from(measured)));
            }
        }
        self.planted += planted.len();
        self.found += found.nuclei.len();
        self.matched += is_planted_taken.iter().filter(|taken| **taken).count();
    }

    fn recall(&self) -> f64 {
        self.matched as f64 / self.planted as f64
    }

    fn precision(&self) -> f64 {
        self.matched as f64 / self.found as f64
    }
}

fn correlation(pairs: &[(f64, f64)]) -> f64 {
    let n = pairs.len() as f64;
    let (mx, my) = (
        pairs.iter().map(|pair| pair.0).sum::<f64>() / n,
        pairs.iter().map(|pair| pair.1).sum::<f64>() / n,
    );
    let (mut xy, mut xx, mut yy) = (0.0, 0.0, 0.0);
    for (x, y) in pairs {
        xy += (x - mx) * (y - my);
        xx += (x - mx).powi(2);
        yy += (y - my).powi(2);
    }
    xy / (xx * yy).sqrt()
}

/// Planted and found shares of nucleated, red, fat, stroma, bone, background.
fn shares(scan: &Scan, found: &RegionComposition) -> [(f64, f64); 6] {
    use composition::PixelClass as C;
    let tally = found.tally(&PLACE);
    let planted = scan.truth.fractions;
    [
        (planted.nucleated, C::Nucleated),
        (planted.red, C::Red),
        (planted.fat, C::Fat),
        (planted.stroma, C::Stroma),
        (planted.bone, C::Bone),
        (planted.background, C::Background),
    ]
    .map(|(planted, class)| (f64::from(planted), tally.share(class).unwrap()))
}

/// Spots that no rule was tried on, two of each stain batch, and what is found in them with either knowledge.
static SCANS: LazyLock<Vec<(Scan, [RegionComposition; 2])>> = LazyLock::new(|| {
    (0..2 * STAIN_BATCHES.len())
        .map(|number| {
            let scan = Scan::new(21 + number as u64, number % STAIN_BATCHES.len());
            let found = [
                scan.found(&scan.stains, scan.glass),
                scan.found(&StainSource::QuPath.preset().unwrap(), WHITE),
            ];
            (scan, found)
        })
        .collect()
});

/// What the product knows of a slide in the best case and in the worst: the vectors and glass of its batch, and a preset.
const KNOWLEDGE: [&str; 2] = ["own vectors", "preset"];

#[test]
fn nuclei_are_found_where_they_were_planted_and_nowhere_else() {
    for (which, name) in KNOWLEDGE.iter().enumerate() {
        let mut all = Agreement::default();
        for (scan, found) in SCANS.iter() {
            let mut agreement = Agreement::default();
            agreement.add(scan, &found[which]);
            println!(
                "{name}, batch {}: {} planted, recall {:.3}, precision {:.3}",
                scan.batch,
                agreement.planted,
                agreement.recall(),
                agreement.precision()
            );
            assert!(agreement.recall() > 0.95, "{}", agreement.recall());
            assert!(agreement.precision() > 0.95, "{}", agreement.precision());
            all.planted += agreement.planted;
            all.areas.extend(agreement.areas);
        }
        // The planted ellipse knows nothing of neighbours that lie over a nucleus, nor of its ragged edge.
        let correlation = correlation(&all.areas);
        let ratios = all.areas.iter().map(|(planted, found)| found / planted);
        let ratio = ratios.sum::<f64>() / all.areas.len() as f64;
        println!(
            "{} areas, correlation {correlation:.3}, ratio {ratio:.3}",
            all.areas.len()
        );
        assert!(all.areas.len() > 3000);
        assert!(correlation > 0.85, "{correlation}");
        assert!((0.93..1.1).contains(&ratio), "{ratio}");
    }
}

#[test]
fn every_class_has_about_the_share_that_was_planted() {
    let names = ["nucleated", "red", "fat", "stroma", "bone", "background"];
    let mut errors = [[0.0; 6]; 2];
    for (scan, found) in SCANS.iter() {
        for (which, found) in found.iter().enumerate() {
            let knowledge = KNOWLEDGE[which];
            for (class, (planted, found)) in shares(scan, found).into_iter().enumerate() {
                let name = names[class];
                println!(
                    "{knowledge}, batch {}: {name} {planted:.3} {found:.3}",
                    scan.batch
                );
                assert!((planted - found).abs() < 0.04, "{name} {planted} {found}");
                errors[which][class] += (planted - found).abs() / SCANS.len() as f64;
            }
            let planted = scan.truth.fractions;
            let planted = f64::from(planted.nucleated / (planted.nucleated + planted.fat));
            let cellularity = found.tally(&PLACE).cellularity().unwrap();
            println!("cellularity {planted:.3} {cellularity:.3}");
            assert!(
                (cellularity - planted).abs() < 0.04,
                "{cellularity} {planted}"
            );
        }
    }
    println!("mean errors {errors:.3?}");
    for (name, error) in names.iter().zip(errors.as_flattened()) {
        assert!(*error < 0.025, "{name}: {error}");
    }
}

#[test]
fn cellularity_follows_the_fat_that_was_planted() {
    let mut before = 1.0;
    for fat in [0.0, 0.2, 0.45, 0.7, 0.9] {
        let spot = draw_with_fat(31, fat, SIZE_PX, UM_PER_PX).unwrap();
        let scan = Scan::of(&spot, STAIN_BATCHES[0], 0);
        let tally = scan.found(&scan.stains, scan.glass).tally(&PLACE);
        let found = tally.share(composition::PixelClass::Fat).unwrap();
        let planted = f64::from(spot.truth.fractions.fat);
        println!(
            "fat {planted:.3} {found:.3}, cellularity {:?}",
            tally.cellularity()
        );
        assert!((found - planted).abs() < 0.05, "{found} {planted}");
        let cellularity = tally.cellularity().unwrap();
        assert!(cellularity < before || fat == 0.0, "{cellularity} {before}");
        before = cellularity;
    }
}
