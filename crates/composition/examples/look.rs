//! Takes a picture apart to be looked at: `cargo run -p composition --example look -- IMAGE UM_PER_PX FOLDER` writes the
//! classes and the picture with a dot on each nucleus, and prints the measures.

use std::path::PathBuf;
use std::time::Instant;

use composition::{Analyser, Optics, Region, Sampler, measures};
use domain::geometry::SlideRect;
use domain::stain::{StainSource, WHITE};
use image::{Rgb, RgbImage};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "IMAGE UM_PER_PX FOLDER";
    let path = PathBuf::from(arguments.next().ok_or(usage)?);
    let um_per_px: f64 = arguments.next().ok_or(usage)?.parse()?;
    let folder = PathBuf::from(arguments.next().ok_or(usage)?);
    let mut image = image::open(&path)?.to_rgb8();
    let (width, height) = image.dimensions();
    let rect = SlideRect {
        x: 0.0,
        y: 0.0,
        width: f64::from(width),
        height: f64::from(height),
    };
    let stains = StainSource::QuPath.preset().ok_or("no preset")?;
    let optics = Optics::new(&stains, WHITE, um_per_px)?;
    let region = Region {
        rgb: image.as_raw(),
        width,
        height,
        rect,
    };
    let started = Instant::now();
    let mut sampler = Sampler::new(optics.clone());
    sampler.add(&region)?;
    let levels = sampler.levels();
    let sampled = started.elapsed();
    let found = Analyser::new(optics, levels).region(&region, &rect)?;
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{levels:?}, {sampled:?}, {:.2} Mpx/s",
        f64::from(width) * f64::from(height) / 1e6 / seconds
    );
    for (measure, value) in measures().iter().zip(found.tally(&rect).values()) {
        println!("{:60} {value:?} {}", measure.title, measure.unit);
    }
    let colours: Vec<u8> = found
        .classes
        .iter()
        .flat_map(|class| class.colour())
        .collect();
    let classes = RgbImage::from_raw(width, height, colours).ok_or("not all pixels")?;
    for nucleus in &found.nuclei {
        for (x, y) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
            let (x, y) = (nucleus.x as u32 + x, nucleus.y as u32 + y);
            if x < width && y < height {
                image.put_pixel(x, y, Rgb([0, 255, 0]));
            }
        }
    }
    std::fs::create_dir_all(&folder)?;
    classes.save(folder.join("classes.png"))?;
    image.save(folder.join("nuclei.png"))?;
    Ok(())
}
