//! Shapes, amounts of dye and nuclei agree with scikit-image: `fixtures/reference.py` made `fixtures/reference.json`.

use domain::geometry::SlideRect;
use domain::stain::Stains;
use serde::Deserialize;

use crate::labels::{Connected, connected};
use crate::plane::Plane;
use crate::shape::shapes;
use crate::{Analyser, FEATURES, Nucleus, Optics, Region, Sampler};

#[derive(Deserialize)]
struct Reference {
    rows: Vec<String>,
    labels: usize,
    properties: Vec<Properties>,
    glass: [u8; 3],
    haematoxylin: [f64; 3],
    eosin: [f64; 3],
    amounts: Vec<Amounts>,
    nuclei: Vec<Measured>,
}

#[derive(Deserialize)]
struct Properties {
    x: f64,
    y: f64,
    area: f64,
    perimeter: f64,
    long_axis: f64,
    short_axis: f64,
    eccentricity: f64,
    solidity: f64,
}

#[derive(Deserialize)]
struct Amounts {
    x: u32,
    y: u32,
    values: [f64; 2],
}

#[derive(Deserialize)]
struct Measured {
    x: f64,
    y: f64,
    area: f64,
    haematoxylin: f64,
    eosin: f64,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("../fixtures/reference.json")).unwrap()
}

fn optics(reference: &Reference) -> Optics {
    let stains = Stains {
        haematoxylin: reference.haematoxylin,
        eosin: reference.eosin,
    };
    Optics::new(&stains, reference.glass, 0.5).unwrap()
}

fn image() -> image::RgbImage {
    image::load_from_memory(include_bytes!("../fixtures/nuclei.png"))
        .unwrap()
        .to_rgb8()
}

#[test]
fn labels_and_shapes_are_those_of_regionprops() {
    let reference = reference();
    let (width, height) = (reference.rows[0].len(), reference.rows.len());
    let mask = Plane {
        width,
        height,
        values: reference
            .rows
            .iter()
            .flat_map(|row| row.bytes().map(|cell| cell == b'#'))
            .collect(),
    };
    let (labels, sizes) = connected(&mask, Connected::ByCorners);
    assert_eq!(sizes.len(), reference.labels);
    let shapes = shapes(&labels.values, width, sizes.len());
    for (shape, expected) in shapes.iter().zip(&reference.properties) {
        let shape = shape.unwrap();
        for (found, expected) in [
            (shape.x, expected.x),
            (shape.y, expected.y),
            (shape.area, expected.area),
            (shape.perimeter, expected.perimeter),
            (shape.long_axis, expected.long_axis),
            (shape.short_axis, expected.short_axis),
        ] {
            assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        }
        // Of a line both squares are alike, and the root of their difference loses half of the digits.
        assert!((shape.eccentricity - expected.eccentricity).abs() < 1e-6);
        // Another definition: scikit-image counts the pixels of a hull around the middles of edges; ours goes around corners,
        // so that a rectangle's is 1 in both.
        if expected.area > 20.0 {
            assert!(
                (shape.solidity - expected.solidity).abs() < 0.09,
                "{} {}",
                shape.solidity,
                expected.solidity
            );
        }
    }
}

#[test]
fn amounts_of_dye_are_those_of_separate_stains() {
    let reference = reference();
    let (image, optics) = (image(), optics(&reference));
    for place in &reference.amounts {
        let amounts = optics.amounts(image.get_pixel(place.x, place.y).0);
        let [haematoxylin, eosin] = place.values;
        // Tables are of single precision.
        assert!((f64::from(amounts.haematoxylin) - haematoxylin).abs() < 1e-5);
        assert!((f64::from(amounts.eosin) - eosin).abs() < 1e-5);
    }
}

#[test]
fn nuclei_are_those_of_a_watershed_of_scikit_image() {
    let reference = reference();
    let (image, optics) = (image(), optics(&reference));
    let (width, height) = image.dimensions();
    let rect = SlideRect {
        x: 0.0,
        y: 0.0,
        width: f64::from(width),
        height: f64::from(height),
    };
    let region = Region {
        rgb: image.as_raw(),
        width,
        height,
        rect,
    };
    let mut sampler = Sampler::new(optics.clone());
    sampler.add(&region).unwrap();
    let found = Analyser::new(optics, sampler.levels())
        .region(&region, &rect)
        .unwrap();
    assert_eq!(found.nuclei.len(), reference.nuclei.len());
    let value = |nucleus: &Nucleus, key: &str| {
        let number = FEATURES.iter().position(|feature| feature.key == key);
        f64::from(nucleus.values[number.unwrap()].unwrap())
    };
    for expected in &reference.nuclei {
        let nearest = found
            .nuclei
            .iter()
            .min_by(|a, b| {
                let apart = |n: &Nucleus| (n.x - expected.x).hypot(n.y - expected.y);
                apart(a).total_cmp(&apart(b))
            })
            .unwrap();
        // Two programs with thresholds of their own, which cut those that touch half a pixel apart.
        let apart = (nearest.x - expected.x).hypot(nearest.y - expected.y);
        assert!(apart < 0.7, "{apart}");
        let area = value(nearest, "nucleus_area") / 0.25;
        assert!(
            (area / expected.area - 1.0).abs() < 0.1,
            "{area} {}",
            expected.area
        );
        let haematoxylin = value(nearest, "nucleus_haematoxylin_mean");
        assert!(
            (haematoxylin - expected.haematoxylin).abs() < 0.03,
            "{haematoxylin} {}",
            expected.haematoxylin
        );
        let eosin = value(nearest, "nucleus_eosin_mean");
        assert!(
            (eosin - expected.eosin).abs() < 0.005,
            "{eosin} {}",
            expected.eosin
        );
    }
}
