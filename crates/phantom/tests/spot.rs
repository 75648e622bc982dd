//! What a spot promises: the same bytes from the same seed, truth that fits the picture, signs where they belong.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use domain::geometry::SlideRect;
use phantom::signs::{DEL5Q, SF3B1, TET2};
use phantom::truth::Outline;
use phantom::{CellClass, Cohort, DrawError, Spot, Truth, draw_spot, draw_with_fat};

const MPP: f64 = 0.5;

fn draw(cohort: &Cohort, patient: usize, size_px: u32) -> Spot {
    draw_spot(cohort, patient, size_px, MPP).expect("it can be drawn")
}

/// The cohort with one patient's finding set, at full allele frequency.
fn with_finding(cohort: &Cohort, patient: usize, target: &str, positive: bool) -> Cohort {
    let mut changed = cohort.clone();
    for observation in &mut changed.patients[patient].observations {
        if observation.target == target {
            observation.positive = positive;
            observation.allele_frequency = positive.then_some(0.9);
        }
    }
    changed
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.collect();
    assert!(!values.is_empty());
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn the_same_seed_gives_the_same_bytes_in_any_order_of_drawing() {
    let cohort = Cohort::new(7, 5);
    let first: Vec<Spot> = (0..3).map(|patient| draw(&cohort, patient, 256)).collect();
    let again = Cohort::new(7, 5);
    for patient in [2, 0, 1] {
        let spot = draw(&again, patient, 256);
        assert_eq!(spot.image.as_raw(), first[patient].image.as_raw());
        assert_eq!(spot.truth, first[patient].truth);
    }
}

#[test]
fn another_seed_or_another_patient_gives_another_picture() {
    let cohort = Cohort::new(7, 5);
    let spot = draw(&cohort, 0, 256);
    assert_ne!(spot.image, draw(&cohort, 1, 256).image);
    assert_ne!(spot.image, draw(&Cohort::new(8, 5), 0, 256).image);
}

#[test]
fn the_null_target_does_not_touch_the_picture_and_the_others_do() {
    let cohort = Cohort::new(11, 4);
    for (target, touches) in [(TET2, false), (DEL5Q, true), (SF3B1, true)] {
        let without = draw(&with_finding(&cohort, 2, target, false), 2, 512);
        let with = draw(&with_finding(&cohort, 2, target, true), 2, 512);
        assert_eq!(
            without.image.as_raw() != with.image.as_raw(),
            touches,
            "{target}"
        );
        assert_eq!(without.truth != with.truth, touches, "{target}");
    }
}

#[test]
fn del5q_makes_megakaryocytes_small_with_one_lobe_but_not_all_and_not_only() {
    let cohort = Cohort::new(3, 6);
    let megakaryocytes = |positive: bool| -> Vec<(f64, u8, bool)> {
        (0..6)
            .flat_map(|patient| {
                let spot = draw(
                    &with_finding(&cohort, patient, DEL5Q, positive),
                    patient,
                    1024,
                );
                let of_spot: Vec<_> = spot
                    .truth
                    .cells_of(CellClass::Megakaryocyte)
                    .map(|cell| {
                        let nucleus = cell.nucleus.unwrap();
                        (f64::from(nucleus.long), cell.lobes, cell.affected.is_some())
                    })
                    .collect();
                of_spot
            })
            .collect()
    };
    let (without, with) = (megakaryocytes(false), megakaryocytes(true));
    assert!(with.len() > 10 && without.len() > 10);
    let lobes = |cells: &[(f64, u8, bool)]| mean(cells.iter().map(|cell| f64::from(cell.1)));
    assert!(lobes(&without) > 3.5, "{}", lobes(&without));
    assert!(lobes(&with) < 2.5, "{}", lobes(&with));
    let size = |cells: &[(f64, u8, bool)]| mean(cells.iter().map(|cell| cell.0));
    assert!(size(&with) < 0.75 * size(&without));
    let affected =
        |cells: &[(f64, u8, bool)]| mean(cells.iter().map(|cell| f64::from(u8::from(cell.2))));
    assert!(affected(&with) > 0.7 && affected(&without) < 0.3);
    for (_, lobes, affected) in with.iter().chain(&without) {
        assert_eq!(*affected, *lobes == 1);
    }
}

#[test]
fn sf3b1_makes_erythroid_islands_larger_and_erythroblasts_dysplastic() {
    let cohort = Cohort::new(5, 4);
    let count = |positive: bool| -> (usize, usize) {
        (0..4)
            .map(|patient| {
                let spot = draw(
                    &with_finding(&cohort, patient, SF3B1, positive),
                    patient,
                    1024,
                );
                let erythroblasts = spot
                    .truth
                    .cells
                    .iter()
                    .filter(|cell| cell.class.is_erythroid())
                    .count();
                (erythroblasts, spot.truth.affected_cells(SF3B1).count())
            })
            .fold((0, 0), |sum, next| (sum.0 + next.0, sum.1 + next.1))
    };
    let ((few, few_affected), (many, many_affected)) = (count(false), count(true));
    assert!(many as f64 > 1.25 * few as f64, "{many} against {few}");
    assert!(few_affected > 0, "a sign is not exclusive");
    assert!(
        many_affected > 5 * few_affected,
        "{many_affected} against {few_affected}"
    );
}

#[test]
fn planted_truth_lies_inside_the_image() {
    let spot = draw(&Cohort::new(2, 3), 1, 700);
    let inside = |[x, y]: [f32; 2]| (0.0..=700.0).contains(&x) && (0.0..=700.0).contains(&y);
    assert!(spot.truth.cells.len() > 300);
    for cell in &spot.truth.cells {
        assert!(inside([cell.x, cell.y]), "{cell:?}");
        assert!(cell.outline.area() > 4.0, "{cell:?}");
        if let Outline::Polygon(corners) = &cell.outline {
            assert!(corners.iter().copied().all(inside), "{cell:?}");
        }
        assert_eq!(cell.nucleus.is_some(), cell.lobes > 0);
    }
}

#[test]
fn the_picture_shows_what_the_truth_says() {
    let spot = draw(&Cohort::new(2, 3), 0, 1024);
    let red_at = |x: f32, y: f32| f64::from(spot.image.get_pixel(x as u32, y as u32).0[0]);
    let red_in = |class: CellClass| {
        mean(
            spot.truth
                .cells_of(class)
                .map(|cell| red_at(cell.x, cell.y)),
        )
    };
    assert!(red_in(CellClass::FatCell) > 225.0);
    assert!((190.0..245.0).contains(&red_in(CellClass::RedCell)));
    let nuclei = spot
        .truth
        .cells_of(CellClass::LateErythroblast)
        .filter(|cell| cell.affected.is_none());
    let dark = mean(nuclei.map(|cell| {
        let nucleus = cell.nucleus.unwrap();
        red_at(nucleus.x.clamp(0.0, 1023.0), nucleus.y.clamp(0.0, 1023.0))
    }));
    assert!(dark < 95.0, "{dark}");
}

#[test]
fn fat_takes_the_share_that_was_asked_for() {
    for (fraction, size_px) in [(0.0, 512), (0.2, 768), (0.4, 1024), (0.9, 1024), (0.9, 512)] {
        let spot = draw_with_fat(1, fraction, size_px, MPP).unwrap();
        let drawn = spot.truth.fractions.fat;
        assert!(
            (drawn - fraction).abs() < 0.03,
            "{drawn} for {fraction} at {size_px} px"
        );
    }
}

#[test]
fn the_composition_is_that_of_marrow() {
    let cohort = Cohort::new(1, 8);
    for patient in 0..3 {
        let spot = draw(&cohort, patient, 2048);
        let f = spot.truth.fractions;
        let sum = f.nucleated + f.red + f.fat + f.stroma + f.bone + f.background;
        assert!((sum - 1.0).abs() < 1e-3);
        assert!((0.28..0.47).contains(&f.fat), "{f:?}");
        assert!((0.2..0.5).contains(&f.nucleated), "{f:?}");
        assert!((0.02..0.2).contains(&f.red), "{f:?}");
        assert!(f.bone < 0.3 && f.background < 0.15, "{f:?}");
        let count = |class| spot.truth.cells_of(class).count();
        assert!(
            (7..=45).contains(&count(CellClass::Megakaryocyte)),
            "{}",
            count(CellClass::Megakaryocyte)
        );
        let nucleated = spot
            .truth
            .cells
            .iter()
            .filter(|cell| cell.class.is_haematopoietic())
            .count();
        let erythroid = spot
            .truth
            .cells
            .iter()
            .filter(|cell| cell.class.is_erythroid())
            .count();
        assert!((2500..9000).contains(&nucleated), "{nucleated}");
        let share = erythroid as f64 / nucleated as f64;
        assert!((0.15..0.65).contains(&share), "{share}");
    }
}

#[test]
fn truth_survives_being_written() {
    let truth = draw(&Cohort::new(4, 2), 0, 400).truth;
    let text = serde_json::to_string(&truth).unwrap();
    let read: Truth = serde_json::from_str(&text).unwrap();
    assert_eq!(read.cells.len(), truth.cells.len());
    for (a, b) in read.cells.iter().zip(&truth.cells) {
        assert_eq!(
            (a.class, a.lobes, &a.affected),
            (b.class, b.lobes, &b.affected)
        );
        assert!((a.x - b.x).abs() < 0.051 && (a.y - b.y).abs() < 0.051);
    }
    assert_eq!(serde_json::to_string(&read).unwrap(), text);
}

#[test]
fn a_tile_holds_an_affected_cell_where_one_has_its_middle() {
    let cohort = with_finding(&Cohort::new(9, 1), 0, DEL5Q, true);
    let truth = draw(&cohort, 0, 1120).truth;
    let tile = |column: u32, row: u32| SlideRect {
        x: f64::from(column) * 224.0,
        y: f64::from(row) * 224.0,
        width: 224.0,
        height: 224.0,
    };
    let holding = (0..25)
        .filter(|i| truth.holds_affected_cell(DEL5Q, &tile(i % 5, i / 5)))
        .count();
    let affected = truth.affected_cells(DEL5Q).count();
    assert!(affected > 0 && (1..=affected).contains(&holding));
    assert!((0..25).all(|i| !truth.holds_affected_cell(TET2, &tile(i % 5, i / 5))));
}

#[test]
fn what_cannot_be_drawn_is_refused() {
    let cohort = Cohort::new(1, 2);
    let refused = |result: Result<Spot, DrawError>| result.unwrap_err();
    assert_eq!(
        refused(draw_spot(&cohort, 2, 512, MPP)),
        DrawError::NoSuchPatient {
            patient: 2,
            size: 2
        }
    );
    assert_eq!(
        refused(draw_spot(&cohort, 0, 0, MPP)),
        DrawError::Size {
            size_px: 0,
            mpp: MPP
        }
    );
    assert_eq!(
        refused(draw_spot(&cohort, 0, 512, 20.0)),
        DrawError::Size {
            size_px: 512,
            mpp: 20.0
        }
    );
    assert!(matches!(
        refused(draw_spot(&cohort, 0, 512, f64::NAN)),
        DrawError::Size { .. }
    ));
    assert_eq!(
        refused(draw_with_fat(1, 1.5, 512, MPP)),
        DrawError::Fat { fraction: 1.5 }
    );
    assert!(matches!(
        refused(draw_with_fat(1, f32::NAN, 512, MPP)),
        DrawError::Fat { .. }
    ));
}
