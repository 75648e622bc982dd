//! The directories of a written slide: BigTIFF, little-endian. Tag numbers are those of TIFF 6.0.

use super::level::Level;
use super::{WRITTEN_TILE_PX, Written};

/// The tag of a stream of nothing but tables, which the tiles of a directory lack (TIFF Technical Note 2).
const JPEG_TABLES: u16 = 347;

/// A value of a directory entry: TIFF type, count, bytes.
struct Value {
    kind: u16,
    count: u64,
    bytes: Vec<u8>,
}

/// Where a list that two directories share begins.
#[derive(Clone, Copy)]
struct Lists {
    places: u64,
    lengths: u64,
    count: u64,
}

/// Where the JPEG tables stand that all directories share.
#[derive(Clone, Copy)]
struct Tables {
    place: u64,
    bytes: u64,
}

/// All that comes after the tiles, which end at `at`, and where the first directory begins. `tables`: as [`JPEG_TABLES`] has
/// them.
pub(super) fn encode(
    written: &Written,
    levels: &[Level],
    tables: &[u8],
    at: u64,
) -> (Vec<u8>, u64) {
    let mut out = Appended {
        bytes: Vec::new(),
        at,
    };
    let tables = Tables {
        place: out.append(tables),
        bytes: tables.len() as u64,
    };
    let lists: Vec<Lists> = levels.iter().map(|level| out.lists(level)).collect();
    let mut below = Vec::new();
    for (number, (level, lists)) in levels.iter().zip(&lists).enumerate().skip(1) {
        let entries = entries(written, level, *lists, tables, number, None);
        below.push(out.directory(&entries).0);
    }
    let mut first = 0;
    let mut link = None;
    for (number, (level, lists)) in levels.iter().zip(&lists).enumerate() {
        let sub_directories = (number == 0 && !below.is_empty()).then_some(below.as_slice());
        let entries = entries(written, level, *lists, tables, number, sub_directories);
        let (directory, next_link) = out.directory(&entries);
        match link {
            None => first = directory,
            Some(link) => out.set(link, directory),
        }
        link = Some(next_link);
    }
    (out.bytes, first)
}

fn entries(
    written: &Written,
    level: &Level,
    lists: Lists,
    tables: Tables,
    number: usize,
    sub_directories: Option<&[u64]>,
) -> Vec<(u16, Value)> {
    let scale_x = f64::from(written.width) / f64::from(level.width);
    let scale_y = f64::from(written.height) / f64::from(level.height);
    let mut entries = vec![
        // Reduced image: OpenSlide leaves out what does not say so.
        (254, long(u32::from(number > 0))),
        (256, long(level.width)),
        (257, long(level.height)),
        (258, short(&[8, 8, 8])),
        // JPEG, YCbCr.
        (259, short(&[7])),
        (262, short(&[6])),
    ];
    if number == 0 {
        entries.push((270, text(&ome_xml(written))));
    }
    entries.extend([
        (277, short(&[3])),
        (282, per_cm(written.mpp.x * scale_x)),
        (283, per_cm(written.mpp.y * scale_y)),
        (284, short(&[1])),
        (296, short(&[3])),
        (305, text("Marrowscope")),
        (322, long(WRITTEN_TILE_PX)),
        (323, long(WRITTEN_TILE_PX)),
        (324, elsewhere(16, lists.count, lists.places)),
        (325, elsewhere(4, lists.count, lists.lengths)),
    ]);
    if let Some(places) = sub_directories {
        entries.push((330, offsets(18, places)));
    }
    entries.push((JPEG_TABLES, elsewhere(7, tables.bytes, tables.place)));
    // No subsampling; readers would take 2×2 otherwise.
    entries.push((530, short(&[1, 1])));
    entries
}

/// Says what the image is, for readers of OME-TIFF. Lengths are in µm, the unit of the schema.
fn ome_xml(written: &Written) -> String {
    let (mut instrument, mut settings) = (String::new(), "");
    if let Some(power) = written.objective {
        instrument = format!(
            "<Instrument ID=\"Instrument:0\"><Objective ID=\"Objective:0\" NominalMagnification=\"{power}\"/></Instrument>"
        );
        settings = "<InstrumentRef ID=\"Instrument:0\"/><ObjectiveSettings ID=\"Objective:0\"/>";
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><OME xmlns=\"http://www.openmicroscopy.org/Schemas/OME/2016-06\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
         xsi:schemaLocation=\"http://www.openmicroscopy.org/Schemas/OME/2016-06 \
         http://www.openmicroscopy.org/Schemas/OME/2016-06/ome.xsd\" Creator=\"Marrowscope\">{instrument}\
         <Image ID=\"Image:0\" Name=\"slide\"><Description>{description}</Description>{settings}\
         <Pixels ID=\"Pixels:0\" DimensionOrder=\"XYCZT\" Type=\"uint8\" SizeX=\"{width}\" SizeY=\"{height}\" SizeC=\"3\" \
         SizeZ=\"1\" SizeT=\"1\" Interleaved=\"true\" PhysicalSizeX=\"{mpp_x}\" PhysicalSizeY=\"{mpp_y}\">\
         <Channel ID=\"Channel:0:0\" SamplesPerPixel=\"3\"><LightPath/></Channel>\
         <TiffData IFD=\"0\" PlaneCount=\"1\"/></Pixels></Image></OME>",
        description = escaped(&written.description),
        width = written.width,
        height = written.height,
        mpp_x = written.mpp.x,
        mpp_y = written.mpp.y,
    )
}

/// As the text of an XML element in ASCII, which is all that the tag allows.
fn escaped(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            ' '..='~' => c.to_string(),
            c if c.is_control() => " ".to_owned(),
            c => format!("&#{};", u32::from(c)),
        })
        .collect()
}

fn short(values: &[u16]) -> Value {
    Value {
        kind: 3,
        count: values.len() as u64,
        bytes: values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect(),
    }
}

fn long(value: u32) -> Value {
    Value {
        kind: 4,
        count: 1,
        bytes: value.to_le_bytes().to_vec(),
    }
}

fn text(text: &str) -> Value {
    let bytes = [text.as_bytes(), &[0]].concat();
    Value {
        kind: 2,
        count: bytes.len() as u64,
        bytes,
    }
}

/// Pixels per centimetre as a fraction, with as many decimals as fit.
fn per_cm(um_per_px: f64) -> Value {
    let per_cm = 10_000.0 / um_per_px;
    let mut denominator = 1u32;
    while denominator < 1_000_000_000
        && per_cm * f64::from(denominator) * 10.0 < f64::from(u32::MAX)
    {
        denominator *= 10;
    }
    let numerator = (per_cm * f64::from(denominator)).round() as u32;
    Value {
        kind: 5,
        count: 1,
        bytes: [numerator.to_le_bytes(), denominator.to_le_bytes()].concat(),
    }
}

fn offsets(kind: u16, places: &[u64]) -> Value {
    Value {
        kind,
        count: places.len() as u64,
        bytes: places
            .iter()
            .flat_map(|place| place.to_le_bytes())
            .collect(),
    }
}

/// A list that is written already.
fn elsewhere(kind: u16, count: u64, place: u64) -> Value {
    Value {
        kind,
        count,
        bytes: place.to_le_bytes().to_vec(),
    }
}

/// What is appended to the file.
struct Appended {
    bytes: Vec<u8>,
    /// Where in the file the bytes begin.
    at: u64,
}

impl Appended {
    fn end(&self) -> u64 {
        self.at + self.bytes.len() as u64
    }

    /// Appends at an even place, as TIFF wants it.
    fn append(&mut self, bytes: &[u8]) -> u64 {
        if !self.end().is_multiple_of(8) {
            let padding = 8 - self.end() % 8;
            self.bytes.extend(std::iter::repeat_n(0, padding as usize));
        }
        let place = self.end();
        self.bytes.extend_from_slice(bytes);
        place
    }

    fn lists(&mut self, level: &Level) -> Lists {
        let count = level.places.len() as u64;
        // Single values stand in the entry itself.
        if let [(place, length)] = level.places[..] {
            return Lists {
                places: place,
                lengths: length.into(),
                count,
            };
        }
        let places: Vec<u8> = level
            .places
            .iter()
            .flat_map(|tile| tile.0.to_le_bytes())
            .collect();
        let lengths: Vec<u8> = level
            .places
            .iter()
            .flat_map(|tile| tile.1.to_le_bytes())
            .collect();
        let places = self.append(&places);
        // Two lengths of four bytes fit into the entry.
        let lengths = match lengths.as_array::<8>() {
            Some(both) => u64::from_le_bytes(*both),
            None => self.append(&lengths),
        };
        Lists {
            places,
            lengths,
            count,
        }
    }

    /// Appends a directory. Returns where it begins and where its link to the next one stands, which is none.
    fn directory(&mut self, entries: &[(u16, Value)]) -> (u64, u64) {
        let mut directory = (entries.len() as u64).to_le_bytes().to_vec();
        for (tag, value) in entries {
            let mut field = value.bytes.clone();
            if field.len() > 8 {
                field = self.append(&field).to_le_bytes().to_vec();
            }
            field.resize(8, 0);
            directory.extend(tag.to_le_bytes());
            directory.extend(value.kind.to_le_bytes());
            directory.extend(value.count.to_le_bytes());
            directory.extend(field);
        }
        let place = self.append(&directory);
        let link = self.end();
        self.bytes.extend([0; 8]);
        (place, link)
    }

    /// Overwrites eight bytes.
    fn set(&mut self, place: u64, value: u64) {
        let from = (place - self.at) as usize;
        if let Some(field) = self.bytes.get_mut(from..from + 8) {
            field.copy_from_slice(&value.to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resolution_is_written_with_all_the_decimals_that_fit() {
        for um_per_px in [0.5, 0.2521, 0.01, 100.0, 12.34, 1.0 / 3.0] {
            let bytes = per_cm(um_per_px).bytes;
            let part = |from: usize| u32::from_le_bytes(bytes[from..from + 4].try_into().unwrap());
            let read = 10_000.0 / (f64::from(part(0)) / f64::from(part(4)));
            assert!((read / um_per_px - 1.0).abs() < 1e-8, "{um_per_px}: {read}");
        }
    }

    #[test]
    fn words_cannot_break_out_of_the_description() {
        assert_eq!(escaped("a <b> & µ\n"), "a &lt;b&gt; &amp; &#181; ");
    }
}
