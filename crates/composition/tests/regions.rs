//! Regions: cut as one likes, and such as no slide has.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use composition::{
    Analyser, CompositionError, FEATURES, Levels, MARGIN_UM, Optics, PixelClass, Region, Sampler,
    Tally, measures,
};
use domain::geometry::SlideRect;
use domain::stain::{StainSource, Stains, WHITE};
use phantom::{Cohort, draw_spot};

fn rect(x: f64, y: f64, width: f64, height: f64) -> SlideRect {
    SlideRect {
        x,
        y,
        width,
        height,
    }
}

fn stains() -> Stains {
    StainSource::QuPath.preset().unwrap()
}

/// What a region of one colour gives.
fn of_colour(colour: [u8; 3], width: u32, height: u32) -> (Levels, Tally) {
    let rgb: Vec<u8> = colour.repeat((width * height) as usize);
    let place = rect(0.0, 0.0, f64::from(width), f64::from(height));
    let region = Region {
        rgb: &rgb,
        width,
        height,
        rect: place,
    };
    let optics = Optics::new(&stains(), WHITE, 0.5).unwrap();
    let mut sampler = Sampler::new(optics.clone());
    sampler.add(&region).unwrap();
    let levels = sampler.levels();
    let found = Analyser::new(optics, levels)
        .region(&region, &place)
        .unwrap();
    (levels, found.tally(&place))
}

fn assert_finite(tally: &Tally) {
    for (value, measure) in tally.values().iter().zip(measures()) {
        assert!(value.is_none_or(f64::is_finite), "{}", measure.key);
    }
}

#[test]
fn a_slide_cut_into_blocks_has_the_nuclei_and_classes_of_the_whole() {
    const SIZE: u32 = 1024;
    const CORE: u32 = 512;
    // The slide is twice as fine as what is analysed, and begins somewhere.
    let (left, top, scale) = (3000.0, 500.0, 2.0);
    let spot = draw_spot(&Cohort::new(3, 4), 1, SIZE, 0.5).unwrap();
    let optics = Optics::new(&stains(), WHITE, 0.5).unwrap();
    let side = f64::from(SIZE) * scale;
    let place = rect(left, top, side, side);
    let whole = Region {
        rgb: spot.image.as_raw(),
        width: SIZE,
        height: SIZE,
        rect: place,
    };
    let mut sampler = Sampler::new(optics.clone());
    sampler.add(&whole).unwrap();
    let analyser = Analyser::new(optics, sampler.levels());
    let whole = analyser.region(&whole, &place).unwrap();

    let margin = (MARGIN_UM / 0.5) as u32;
    let tile = rect(left + 700.0, top + 300.0, 700.0, 900.0);
    let (mut sum, mut of_tile, mut nuclei) = (Tally::default(), Tally::default(), Vec::new());
    for (column, row) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
        let (x, y) = (column * CORE, row * CORE);
        let (from_x, from_y) = (x.saturating_sub(margin), y.saturating_sub(margin));
        let (to_x, to_y) = ((x + CORE + margin).min(SIZE), (y + CORE + margin).min(SIZE));
        let (width, height) = (to_x - from_x, to_y - from_y);
        let part = image::imageops::crop_imm(&spot.image, from_x, from_y, width, height).to_image();
        let slide_rect = |x: u32, y: u32, width: u32, height: u32| {
            rect(
                left + f64::from(x) * scale,
                top + f64::from(y) * scale,
                f64::from(width) * scale,
                f64::from(height) * scale,
            )
        };
        let region = Region {
            rgb: part.as_raw(),
            width,
            height,
            rect: slide_rect(from_x, from_y, width, height),
        };
        let core = slide_rect(x, y, CORE, CORE);
        let found = analyser.region(&region, &core).unwrap();
        assert_eq!((found.width, found.height, found.rect), (CORE, CORE, core));
        sum.add(&found.tally(&core));
        of_tile.add(&found.tally(&tile));
        nuclei.extend(found.nuclei);
    }
    let all = whole.tally(&place);
    assert!((sum.area_mm2() - 0.262_144).abs() < 1e-9);
    assert_eq!(
        (sum.area_mm2(), all.area_mm2()),
        (all.area_mm2(), sum.area_mm2())
    );
    assert!(all.nuclei() > 500);
    // Each nucleus once; a clump that reaches over the margin may be parted otherwise.
    assert!(
        sum.nuclei().abs_diff(all.nuclei()) <= 2,
        "{} {}",
        sum.nuclei(),
        all.nuclei()
    );
    let again = whole.nuclei.iter().filter(|nucleus| {
        let same = |other: &&composition::Nucleus| {
            (other.x - nucleus.x).hypot(other.y - nucleus.y) < 1e-6
                && other.values == nucleus.values
        };
        nuclei.iter().filter(same).count() == 1
    });
    let share = again.count() as f64 / whole.nuclei.len() as f64;
    assert!(share > 0.99, "{share}");
    for (parts, all) in [(&sum, &all), (&of_tile, &whole.tally(&tile))] {
        for class in PixelClass::ALL {
            let (parts, all) = (parts.share(class).unwrap(), all.share(class).unwrap());
            assert!((parts - all).abs() < 0.01, "{class:?}: {parts} {all}");
        }
        for feature in 0..FEATURES.len() {
            let (parts, all) = (parts.mean(feature).unwrap(), all.mean(feature).unwrap());
            assert!(
                (parts - all).abs() < 0.01 * all.abs().max(0.1),
                "{feature}: {parts} {all}"
            );
        }
    }
}

#[test]
fn white_and_black_have_no_nuclei_and_nothing_but_background() {
    for colour in [[255; 3], [244, 241, 246], [0; 3], [3, 2, 5]] {
        for (width, height) in [(1, 1), (1, 7), (5, 2), (300, 200)] {
            let (_, tally) = of_colour(colour, width, height);
            assert_eq!(tally.nuclei(), 0, "{colour:?}");
            assert_eq!(tally.share(PixelClass::Background), Some(1.0), "{colour:?}");
            assert_eq!(
                (tally.cellularity(), tally.nuclei_per_mm2()),
                (None, Some(0.0))
            );
            assert_finite(&tally);
        }
    }
}

#[test]
fn one_colour_of_dye_is_no_nucleus_and_gives_finite_numbers() {
    for colour in [
        [60, 30, 110],
        [240, 170, 200],
        [10, 200, 30],
        [255, 0, 0],
        [12, 12, 12],
    ] {
        let (levels, tally) = of_colour(colour, 257, 131);
        assert!(levels.haematoxylin.is_finite() && levels.eosin.is_finite());
        assert_eq!(tally.nuclei(), 0, "{colour:?}");
        assert_finite(&tally);
    }
}

#[test]
fn noise_gives_finite_numbers() {
    let mut state = 7u32;
    let rgb: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(200 * 150 * 3)
    .collect();
    let place = rect(0.0, 0.0, 200.0, 150.0);
    let region = Region {
        rgb: &rgb,
        width: 200,
        height: 150,
        rect: place,
    };
    let optics = Optics::new(&stains(), [0; 3], 0.2).unwrap();
    let mut sampler = Sampler::new(optics.clone());
    sampler.add(&region).unwrap();
    let analyser = Analyser::new(optics, sampler.levels());
    let found = analyser.region(&region, &place).unwrap();
    assert_finite(&found.tally(&place));
    for nucleus in &found.nuclei {
        assert!(
            nucleus
                .values
                .iter()
                .flatten()
                .all(|value| value.is_finite())
        );
    }
    // A core beside the region holds nothing, and so does a rectangle beside the core.
    let beside = analyser
        .region(&region, &rect(900.0, 0.0, 10.0, 10.0))
        .unwrap();
    assert!(beside.classes.is_empty() && beside.nuclei.is_empty());
    for nowhere in [
        rect(900.0, 0.0, 10.0, 10.0),
        rect(f64::NAN, 0.0, f64::INFINITY, 1.0),
    ] {
        for found in [&beside, &found] {
            let tally = found.tally(&nowhere);
            assert_eq!(tally, Tally::default());
            assert!(tally.values().iter().all(Option::is_none));
        }
    }
}

#[test]
fn what_is_no_region_is_refused() {
    let optics = Optics::new(&stains(), WHITE, 0.5).unwrap();
    let levels = Sampler::new(optics.clone()).levels();
    let analyser = Analyser::new(optics.clone(), levels);
    let place = rect(0.0, 0.0, 4.0, 3.0);
    let refused = |rgb: &[u8], width, height, rect, core| {
        let region = Region {
            rgb,
            width,
            height,
            rect,
        };
        analyser.region(&region, &core).unwrap_err()
    };
    let most = 4096;
    for (width, height) in [(0, 0), (0, 3), (9000, 1), (u32::MAX, u32::MAX)] {
        assert_eq!(
            refused(&[], width, height, place, place),
            CompositionError::Size {
                width,
                height,
                most
            }
        );
    }
    assert_eq!(
        refused(&[9; 35], 4, 3, place, place),
        CompositionError::Bytes {
            width: 4,
            height: 3,
            expected: 36,
            found: 35
        }
    );
    for bad in [
        rect(f64::NAN, 0.0, 4.0, 3.0),
        rect(0.0, 0.0, 0.0, 3.0),
        rect(0.0, 0.0, 4.0, f64::INFINITY),
    ] {
        assert_eq!(refused(&[9; 36], 4, 3, bad, place), CompositionError::Place);
        assert_eq!(refused(&[9; 36], 4, 3, place, bad), CompositionError::Place);
    }
    for um_per_px in [0.0, -1.0, 0.05, 1.2, 1e9, f64::NAN] {
        assert!(matches!(
            Optics::new(&stains(), WHITE, um_per_px),
            Err(CompositionError::Resolution { .. })
        ));
    }
    let same = Stains {
        haematoxylin: [0.6, 0.7, 0.3],
        eosin: [0.6, 0.7, 0.3],
    };
    assert!(matches!(
        Optics::new(&same, WHITE, 0.5),
        Err(CompositionError::Stains)
    ));
}

#[test]
fn names_are_unique_and_there_is_one_for_each_value() {
    let mut keys: Vec<String> = measures().into_iter().map(|measure| measure.key).collect();
    assert_eq!(Tally::default().values().len(), keys.len());
    keys.sort();
    keys.dedup();
    assert_eq!(Tally::default().values().len(), keys.len());
}

#[test]
fn tallies_survive_being_written() {
    let (_, tally) = of_colour([240, 170, 200], 40, 30);
    let text = serde_json::to_string(&tally).unwrap();
    assert_eq!(serde_json::from_str::<Tally>(&text).unwrap(), tally);
}
