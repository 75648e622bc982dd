//! Slides built in code, and the sample slide.
#![allow(dead_code, reason = "each test file uses a part")]

use std::path::{Path, PathBuf};

use domain::geometry::{Mpp, SlideRect};
use image::RgbImage;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use slide::{OpenOptions, PyramidTile, Slide};

/// The sample slide that `cargo xtask assets` fetches.
pub fn sample_path() -> PathBuf {
    let assets = std::env::var_os("MARROWSCOPE_ASSETS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/assets"),
        PathBuf::from,
    );
    let path = assets.join("cmu_small_region.svs");
    assert!(
        path.is_file(),
        "{} is missing; type: cargo xtask assets",
        path.display()
    );
    path
}

pub fn sample() -> Slide {
    Slide::open(sample_path(), OpenOptions::default()).unwrap()
}

pub const GIVEN_MPP: OpenOptions = OpenOptions {
    mpp: Some(Mpp::square(0.5)),
};

/// A file that goes away with the value.
pub struct TempSlide {
    folder: tempfile::TempDir,
    name: String,
}

impl TempSlide {
    pub fn new(name: &str, bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), bytes).unwrap();
        Self {
            folder,
            name: name.into(),
        }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join(&self.name)
    }
}

/// An image as a slide of 0.5 µm/px, by way of a PNG file.
pub fn slide_of(image: &RgbImage) -> Slide {
    let file = TempSlide::new("drawn.png", &png(image));
    Slide::open(file.path(), GIVEN_MPP).unwrap()
}

pub fn png(image: &RgbImage) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// Decodes a tile as a program would that knows nothing of slides.
pub fn decoded(tile: &PyramidTile) -> RgbImage {
    let image = image::load_from_memory_with_format(&tile.bytes, image::ImageFormat::Jpeg).unwrap();
    assert_eq!((image.width(), image.height()), (tile.width, tile.height));
    image.into_rgb8()
}

/// A part of level 0, pixel for pixel.
pub fn level_0(slide: &Slide, x: u32, y: u32, width: u32, height: u32) -> RgbImage {
    let rect = SlideRect {
        x: x.into(),
        y: y.into(),
        width: width.into(),
        height: height.into(),
    };
    slide.region(rect, (width, height)).unwrap()
}

/// Largest difference of any sample of the part that both images have.
pub fn largest_difference(a: &RgbImage, b: &RgbImage) -> u8 {
    let (width, height) = (a.width().min(b.width()), a.height().min(b.height()));
    (0..height)
        .flat_map(|y| (0..width).map(move |x| (x, y)))
        .flat_map(|(x, y)| std::iter::zip(a.get_pixel(x, y).0, b.get_pixel(x, y).0))
        .map(|(a, b)| a.abs_diff(b))
        .max()
        .unwrap()
}

/// Something with detail and colour, smooth enough for JPEG.
pub fn drawn(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let (x, y) = (f64::from(x) / 17.0, f64::from(y) / 23.0);
        let wave = |phase: f64| (128.0 + 60.0 * (x + phase).sin() + 60.0 * (y - phase).cos()) as u8;
        image::Rgb([wave(0.0), wave(1.3), wave(2.9)])
    })
}

/// How the tiles of a built TIFF are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// YCbCr with a JFIF marker.
    YCbCr,
    /// The same with chroma at half resolution, progressive.
    Progressive,
    /// RGB components without any marker, as Aperio stores them.
    RgbWithoutMarker,
    /// Not compressed.
    Raw,
}

/// A tiled little-endian TIFF to be written.
pub struct Tiff {
    /// Level 0 first.
    pub levels: Vec<RgbImage>,
    pub coding: Coding,
    pub description: Option<String>,
    pub um_per_px: Option<f64>,
}

pub const TIFF_TILE: u32 = 128;

impl Tiff {
    /// A pyramid of `count` levels, each half of the one before.
    pub fn pyramid(image: &RgbImage, count: usize, coding: Coding) -> Self {
        let mut levels = vec![image.clone()];
        while levels.len() < count {
            let last = levels.last().unwrap();
            let (width, height) = (last.width() / 2, last.height() / 2);
            let filter = image::imageops::FilterType::Triangle;
            levels.push(image::imageops::resize(last, width, height, filter));
        }
        Self {
            levels,
            coding,
            description: None,
            um_per_px: Some(0.5),
        }
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![b'I', b'I', 42, 0, 0, 0, 0, 0];
        let mut next_ifd_at = 4;
        for level in &self.levels {
            let tiles = self.tiles(level);
            let mut offsets = Vec::new();
            let mut counts = Vec::new();
            for tile in &tiles {
                offsets.push(bytes.len() as u32);
                counts.push(tile.len() as u32);
                bytes.extend(tile);
            }
            let entries = self.entries(level, &offsets, &counts);
            let ifd = write_ifd(&mut bytes, &entries);
            bytes[next_ifd_at..next_ifd_at + 4].copy_from_slice(&ifd.to_le_bytes());
            next_ifd_at = ifd as usize + 2 + entries.len() * 12;
        }
        bytes
    }

    fn entries(&self, level: &RgbImage, offsets: &[u32], counts: &[u32]) -> Vec<(u16, Value)> {
        let (compression, photometric) = match self.coding {
            Coding::YCbCr | Coding::Progressive => (7, 6),
            Coding::RgbWithoutMarker => (7, 2),
            Coding::Raw => (1, 2),
        };
        let mut entries = vec![
            (256, Value::Long(vec![level.width()])),
            (257, Value::Long(vec![level.height()])),
            (258, Value::Short(vec![8, 8, 8])),
            (259, Value::Short(vec![compression])),
            (262, Value::Short(vec![photometric])),
        ];
        if let Some(text) = &self.description {
            entries.push((270, Value::Text(text.clone())));
        }
        entries.push((277, Value::Short(vec![3])));
        if let Some(um_per_px) = self.um_per_px {
            let per_cm = Value::Rational((1e8 / um_per_px) as u32, 10_000);
            entries.push((282, per_cm.clone()));
            entries.push((283, per_cm));
            entries.push((296, Value::Short(vec![3])));
        }
        entries.extend([
            (322, Value::Long(vec![TIFF_TILE])),
            (323, Value::Long(vec![TIFF_TILE])),
            (324, Value::Long(offsets.to_vec())),
            (325, Value::Long(counts.to_vec())),
        ]);
        if self.coding == Coding::YCbCr {
            entries.push((530, Value::Short(vec![1, 1])));
        }
        entries
    }

    fn tiles(&self, level: &RgbImage) -> Vec<Vec<u8>> {
        let (columns, rows) = (
            level.width().div_ceil(TIFF_TILE),
            level.height().div_ceil(TIFF_TILE),
        );
        let tile = |index: u32| {
            let (left, top) = (index % columns * TIFF_TILE, index / columns * TIFF_TILE);
            RgbImage::from_fn(TIFF_TILE, TIFF_TILE, |x, y| {
                // Padding that would be seen at once.
                *level
                    .get_pixel_checked(left + x, top + y)
                    .unwrap_or(&image::Rgb([255, 0, 0]))
            })
        };
        (0..columns * rows)
            .map(|index| coded(&tile(index), self.coding))
            .collect()
    }
}

/// A TIFF in strips as wide as the image, each compressed by Deflate.
pub fn striped(image: &RgbImage, rows_per_strip: u32) -> Vec<u8> {
    let mut bytes = vec![b'I', b'I', 42, 0, 0, 0, 0, 0];
    let (mut offsets, mut counts) = (Vec::new(), Vec::new());
    let row_bytes = image.width() as usize * 3;
    for strip in image.as_raw().chunks(row_bytes * rows_per_strip as usize) {
        let fast = flate2::Compression::fast();
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), fast);
        std::io::Write::write_all(&mut encoder, strip).unwrap();
        let packed = encoder.finish().unwrap();
        offsets.push(bytes.len() as u32);
        counts.push(packed.len() as u32);
        bytes.extend(packed);
    }
    let entries = [
        (256, Value::Long(vec![image.width()])),
        (257, Value::Long(vec![image.height()])),
        (258, Value::Short(vec![8, 8, 8])),
        (259, Value::Short(vec![8])),
        (262, Value::Short(vec![2])),
        (273, Value::Long(offsets)),
        (277, Value::Short(vec![3])),
        (278, Value::Long(vec![rows_per_strip])),
        (279, Value::Long(counts)),
    ];
    let ifd = write_ifd(&mut bytes, &entries);
    bytes[4..8].copy_from_slice(&ifd.to_le_bytes());
    bytes
}

pub fn coded(tile: &RgbImage, coding: Coding) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 95);
    let (width, height) = (tile.width() as u16, tile.height() as u16);
    let pixels = tile.as_raw();
    match coding {
        Coding::YCbCr => {
            encoder.set_sampling_factor(SamplingFactor::R_4_4_4);
            encoder
                .encode(pixels, width, height, ColorType::Rgb)
                .unwrap();
        }
        Coding::Progressive => {
            encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
            encoder.set_progressive(true);
            encoder
                .encode(pixels, width, height, ColorType::Rgb)
                .unwrap();
        }
        Coding::RgbWithoutMarker => {
            // Passing RGB off as YCbCr keeps the encoder from converting it.
            encoder.set_sampling_factor(SamplingFactor::R_4_4_4);
            encoder
                .encode(pixels, width, height, ColorType::Ycbcr)
                .unwrap();
            assert_eq!(bytes[2..4], [0xFF, 0xE0]);
            let length = usize::from(u16::from_be_bytes([bytes[4], bytes[5]]));
            bytes.drain(2..4 + length);
        }
        Coding::Raw => bytes.extend(pixels),
    }
    bytes
}

#[derive(Clone)]
enum Value {
    Short(Vec<u16>),
    Long(Vec<u32>),
    Rational(u32, u32),
    Text(String),
}

impl Value {
    /// Type, count, bytes.
    fn encoded(&self) -> (u16, u32, Vec<u8>) {
        match self {
            Self::Short(values) => (
                3,
                values.len() as u32,
                values
                    .iter()
                    .flat_map(|value| value.to_le_bytes())
                    .collect(),
            ),
            Self::Long(values) => (
                4,
                values.len() as u32,
                values
                    .iter()
                    .flat_map(|value| value.to_le_bytes())
                    .collect(),
            ),
            Self::Rational(numerator, denominator) => (
                5,
                1,
                [numerator.to_le_bytes(), denominator.to_le_bytes()].concat(),
            ),
            Self::Text(text) => {
                let bytes = [text.as_bytes(), &[0]].concat();
                (2, bytes.len() as u32, bytes)
            }
        }
    }
}

/// Appends an image file directory; the link to the next one is left zero.
fn write_ifd(bytes: &mut Vec<u8>, entries: &[(u16, Value)]) -> u32 {
    let mut directory = (entries.len() as u16).to_le_bytes().to_vec();
    for (tag, value) in entries {
        let (kind, count, mut data) = value.encoded();
        if data.len() > 4 {
            let offset = bytes.len() as u32;
            bytes.extend(&data);
            data = offset.to_le_bytes().to_vec();
        }
        data.resize(4, 0);
        directory.extend(tag.to_le_bytes());
        directory.extend(kind.to_le_bytes());
        directory.extend(count.to_le_bytes());
        directory.extend(data);
    }
    directory.extend([0; 4]);
    let offset = bytes.len() as u32;
    bytes.extend(directory);
    offset
}

/// Where the value of a tag stands in the first directory of a built TIFF.
pub fn tag_value(tiff: &[u8], tag: u16) -> usize {
    let ifd = u32::from_le_bytes(tiff[4..8].try_into().unwrap()) as usize;
    let count = u16::from_le_bytes(tiff[ifd..ifd + 2].try_into().unwrap()) as usize;
    let entries = (0..count).map(|index| ifd + 2 + index * 12);
    entries
        .into_iter()
        .find(|&at| tiff[at..at + 2] == tag.to_le_bytes())
        .unwrap()
        + 8
}

/// The checksum of a PNG chunk.
pub fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
        })
    })
}
