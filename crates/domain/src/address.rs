//! A view as an address: everything that is needed to see it again, as the query of a link.
//!
//! ```text
//! at=1110.5,1483  zoom=0.25  turn=30  flip  light=0.1,1.2,0.9  stain=eosin,slide  overlay=off
//! layer=MODEL,TARGET,contribution,blue-orange,55[,hidden][,smooth][,percentile][,range:LOW:HIGH][,only:LOW:HIGH][,minus:MODEL]
//! beside=SLIDE  sync=off  b.at=…  b.zoom=…  b.layer=…
//! ```
//!
//! What cannot be read is left out, and numbers are brought into their bounds: a link may come from another version, or be
//! mistyped, and shall show what it can.

use crate::camera::{Camera, normal_degrees};
use crate::colour::ColourMap;
use crate::layer::{Grading, LayerSpec, Quantity};
use crate::stain::{Light, StainChannel, StainSource};

/// Layers of a view at most.
pub const MOST_LAYERS: usize = 4;

/// The largest end of a span of values. The graphics card computes in f32, where larger ones are none.
const MOST_VALUE: f64 = 1e30;

/// Which part of a slide is seen, without the size of the screen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// The slide pixel in the middle of the screen, x.
    pub x: f64,
    /// The slide pixel in the middle of the screen, y.
    pub y: f64,
    /// Screen pixels per slide pixel.
    pub zoom: f64,
    /// Degrees clockwise.
    pub rotation: f64,
    /// Whether the slide is mirrored.
    pub flipped: bool,
}

/// One stain of the slide, by the vectors of a source.
pub type StainView = (StainChannel, StainSource);

/// One view of one slide.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PaneSpec {
    /// What is seen; `None` for the whole slide.
    pub place: Option<Place>,
    /// The layers, lowest first.
    pub layers: Vec<LayerSpec>,
    /// Whether all layers are switched off together.
    pub overlay_off: bool,
    /// How the image is shown.
    pub light: Light,
    /// The stain that is shown alone.
    pub stain: Option<StainView>,
}

/// The second view of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Beside {
    /// Code of its slide.
    pub slide: String,
    /// What it shows.
    pub pane: PaneSpec,
    /// Whether both move together.
    pub synchronised: bool,
}

/// What the slide page shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ViewSpec {
    /// The view of the page's slide.
    pub first: PaneSpec,
    /// The view beside it.
    pub beside: Option<Beside>,
}

impl Place {
    /// The place of a camera.
    #[must_use]
    pub const fn of(camera: &Camera) -> Self {
        Self {
            x: camera.centre_x,
            y: camera.centre_y,
            zoom: camera.zoom,
            rotation: camera.rotation,
            flipped: camera.flipped,
        }
    }

    /// The camera at this place on a canvas of the given size, CSS px.
    #[must_use]
    pub const fn camera(&self, width: f64, height: f64) -> Camera {
        Camera {
            centre_x: self.x,
            centre_y: self.y,
            zoom: self.zoom,
            rotation: self.rotation,
            flipped: self.flipped,
            width,
            height,
        }
    }
}

impl ViewSpec {
    /// The query of the address, without the question mark; empty for the page as it opens by itself.
    #[must_use]
    pub fn to_query(&self) -> String {
        let mut query = Query::default();
        write_pane(&mut query, "", &self.first);
        if let Some(beside) = &self.beside {
            query.put("", "beside", &beside.slide);
            if !beside.synchronised {
                query.put("", "sync", "off");
            }
            write_pane(&mut query, "b.", &beside.pane);
        }
        query.0
    }

    /// Reads a query, with or without the question mark.
    #[must_use]
    pub fn from_query(query: &str) -> Self {
        let query = query.strip_prefix('?').unwrap_or(query);
        let pairs: Vec<(String, String)> = query
            .split('&')
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (decoded(name), decoded(value))
            })
            .collect();
        let find = |name: &str| {
            let pair = pairs.iter().find(|(other, _)| other == name);
            pair.map(|(_, value)| value.as_str())
        };
        let beside = find("beside").filter(|slide| slide.parse::<crate::ids::Code>().is_ok());
        Self {
            first: read_pane(&pairs, ""),
            beside: beside.map(|slide| Beside {
                slide: slide.to_owned(),
                pane: read_pane(&pairs, "b."),
                synchronised: find("sync") != Some("off"),
            }),
        }
    }
}

#[derive(Default)]
struct Query(String);

impl Query {
    fn put(&mut self, prefix: &str, name: &str, value: &str) {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.push_str(prefix);
        self.0.push_str(name);
        if !value.is_empty() {
            self.0.push('=');
            for char in value.chars() {
                // Keys are codes, which need no care; what else may come is escaped.
                if char.is_ascii_alphanumeric() || "-_.,:".contains(char) {
                    self.0.push(char);
                } else {
                    let mut bytes = [0; 4];
                    for byte in char.encode_utf8(&mut bytes).bytes() {
                        self.0.push('%');
                        self.0.extend([byte >> 4, byte & 15].map(hex));
                    }
                }
            }
        }
    }
}

fn hex(digit: u8) -> char {
    char::from_digit(digit.into(), 16)
        .unwrap_or('0')
        .to_ascii_uppercase()
}

/// Undoes percent escapes and plus signs; what is no escape stays.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        let escaped = match (first, tail) {
            (b'%', [high, low, after @ ..]) => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                digit(*high).zip(digit(*low)).map(|(high, low)| {
                    rest = after;
                    (high * 16 + low) as u8
                })
            }
            _ => None,
        };
        bytes.push(escaped.unwrap_or(if *first == b'+' { b' ' } else { *first }));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// As short as it can be read back at so many digits behind the point.
fn short(value: f64, digits: i32) -> String {
    let scale = 10f64.powi(digits);
    let rounded = (value * scale).round() / scale;
    if rounded == 0.0 {
        "0".to_owned()
    } else {
        rounded.to_string()
    }
}

fn write_pane(query: &mut Query, prefix: &str, pane: &PaneSpec) {
    if let Some(place) = pane.place {
        let at = [short(place.x, 2), short(place.y, 2)].join(",");
        query.put(prefix, "at", &at);
        // Six significant digits, whatever the size.
        let digits = (5 - place.zoom.abs().log10().floor() as i32).clamp(0, 12);
        query.put(prefix, "zoom", &short(place.zoom, digits));
        if place.rotation != 0.0 {
            query.put(prefix, "turn", &short(place.rotation, 2));
        }
        if place.flipped {
            query.put(prefix, "flip", "");
        }
    }
    if pane.light != Light::PLAIN {
        let Light {
            brightness,
            contrast,
            gamma,
        } = pane.light;
        let light = [brightness, contrast, gamma].map(|value| short(value, 3));
        query.put(prefix, "light", &light.join(","));
    }
    if let Some((channel, source)) = pane.stain {
        query.put(prefix, "stain", &[channel.key(), source.key()].join(","));
    }
    for layer in &pane.layers {
        query.put(prefix, "layer", &layer_text(layer));
    }
    if pane.overlay_off {
        query.put(prefix, "overlay", "off");
    }
}

fn layer_text(layer: &LayerSpec) -> String {
    let mut parts = vec![
        layer.model.clone(),
        layer.target.clone(),
        layer.quantity.key().to_owned(),
        layer.colour_map.key().to_owned(),
        short(layer.opacity * 100.0, 0),
    ];
    let mut flag = |is_on: bool, name: &str| {
        if is_on {
            parts.push(name.to_owned());
        }
    };
    flag(!layer.visible, "hidden");
    flag(layer.smooth, "smooth");
    flag(layer.grading == Grading::Percentile, "percentile");
    for (name, span) in [("range", layer.range), ("only", layer.threshold)] {
        if let Some((low, high)) = span {
            // All digits: a rounded threshold would leave out the tile that it was set to.
            parts.push([name, &low.to_string(), &high.to_string()].join(":"));
        }
    }
    if let Some(model) = &layer.minus {
        parts.push(["minus", model].join(":"));
    }
    parts.join(",")
}

fn read_pane(pairs: &[(String, String)], prefix: &str) -> PaneSpec {
    let own = |wanted: &'static str| {
        pairs.iter().filter_map(move |(name, value)| {
            (name.strip_prefix(prefix)? == wanted).then_some(value.as_str())
        })
    };
    let first = |name| own(name).next();
    let numbers = |name| -> Vec<f64> {
        let texts = first(name).unwrap_or_default().split(',');
        texts.filter_map(number).collect()
    };
    let place = match (numbers("at").as_slice(), numbers("zoom").as_slice()) {
        ([x, y], [zoom]) if *zoom > 0.0 => Some(Place {
            x: *x,
            y: *y,
            zoom: *zoom,
            rotation: numbers("turn")
                .first()
                .map_or(0.0, |&turn| normal_degrees(turn)),
            flipped: first("flip").is_some(),
        }),
        _ => None,
    };
    let light = match numbers("light").as_slice() {
        &[brightness, contrast, gamma] => Light {
            brightness,
            contrast,
            gamma,
        }
        .clamped(),
        _ => Light::PLAIN,
    };
    let stain = first("stain").and_then(|text| {
        let (channel, source) = text.split_once(',').unwrap_or((text, ""));
        Some((
            StainChannel::parse(channel)?,
            StainSource::parse(source).unwrap_or_default(),
        ))
    });
    PaneSpec {
        place,
        layers: own("layer")
            .filter_map(read_layer)
            .take(MOST_LAYERS)
            .collect(),
        overlay_off: first("overlay") == Some("off"),
        light,
        stain,
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn read_layer(text: &str) -> Option<LayerSpec> {
    let mut parts = text.split(',');
    let mut key = || {
        parts
            .next()
            .filter(|key| !key.is_empty() && key.len() <= 64)
    };
    let (model, target) = (key()?.to_owned(), key()?.to_owned());
    let quantity = Quantity::parse(key()?)?;
    let colour_map = key().and_then(ColourMap::parse);
    let opacity = key()
        .and_then(number)
        .map_or(0.55, |percent| (percent / 100.0).clamp(0.0, 1.0));
    let mut layer = LayerSpec {
        model,
        target,
        minus: None,
        quantity,
        colour_map: ColourMap::Meadow,
        opacity,
        visible: true,
        smooth: false,
        grading: Grading::Value,
        range: None,
        threshold: None,
    };
    for part in parts {
        let (name, value) = part.split_once(':').unwrap_or((part, ""));
        let span = || {
            let (low, high) = value.split_once(':')?;
            let end = |text| number(text).filter(|end| end.abs() <= MOST_VALUE);
            end(low).zip(end(high)).filter(|(low, high)| low <= high)
        };
        match name {
            "hidden" => layer.visible = false,
            "smooth" => layer.smooth = true,
            "percentile" => layer.grading = Grading::Percentile,
            "range" => layer.range = span().filter(|(low, high)| low < high),
            "only" => layer.threshold = span(),
            "minus" if !value.is_empty() && value.len() <= 64 => {
                layer.minus = Some(value.to_owned())
            }
            _ => {}
        }
    }
    // A middle that means nothing misleads, and so does a zero without a colour of its own.
    let fits = |map: &ColourMap| map.is_diverging() == layer.is_signed();
    layer.colour_map = colour_map
        .filter(fits)
        .unwrap_or_else(|| ColourMap::first_for(layer.is_signed()));
    Some(layer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn layer() -> impl Strategy<Value = LayerSpec> {
        let span = || proptest::option::of((-1.0..0.0f64, 0.001..1.0f64));
        (
            (
                "[a-zA-Z0-9][a-zA-Z0-9._-]{0,20}",
                "[a-zA-Z0-9][a-zA-Z0-9._-]{0,20}",
                proptest::option::of("[a-z0-9.-]{1,9}"),
            ),
            proptest::sample::select(Quantity::ALL.to_vec()),
            (0u8..=100, any::<bool>(), any::<bool>(), any::<bool>()),
            (span(), span()),
        )
            .prop_map(
                |(
                    (model, target, minus),
                    quantity,
                    (opacity, visible, smooth, percentile),
                    (range, threshold),
                )| {
                    let signed = minus.is_some() || quantity.is_signed();
                    LayerSpec {
                        model,
                        target,
                        minus,
                        quantity,
                        colour_map: ColourMap::first_for(signed),
                        opacity: f64::from(opacity) / 100.0,
                        visible,
                        smooth,
                        grading: if percentile {
                            Grading::Percentile
                        } else {
                            Grading::Value
                        },
                        range,
                        threshold,
                    }
                },
            )
    }

    fn pane() -> impl Strategy<Value = PaneSpec> {
        let place = (
            0u32..20_000_000,
            0u32..20_000_000,
            1u32..1_000_000,
            0u32..36_000,
            any::<bool>(),
        );
        (
            proptest::option::of(place),
            proptest::collection::vec(layer(), 0..=MOST_LAYERS),
            any::<bool>(),
            (-100i32..=100, 25u32..=400),
            proptest::option::of((
                proptest::sample::select(StainChannel::ALL.to_vec()),
                proptest::sample::select(StainSource::ALL.to_vec()),
            )),
        )
            .prop_map(|(place, layers, overlay_off, (brightness, gamma), stain)| {
                PaneSpec {
                    place: place.map(|(x, y, zoom, turn, flipped)| Place {
                        x: f64::from(x) / 100.0,
                        y: f64::from(y) / 100.0,
                        zoom: f64::from(zoom) / 100_000.0,
                        rotation: f64::from(turn) / 100.0,
                        flipped,
                    }),
                    layers,
                    overlay_off,
                    light: Light {
                        brightness: f64::from(brightness) / 100.0,
                        contrast: 1.5,
                        gamma: f64::from(gamma) / 100.0,
                    },
                    stain,
                }
            })
    }

    proptest! {
        #[test]
        fn a_view_comes_back_from_its_address(
            first in pane(), beside in proptest::option::of((pane(), "[A-Z0-9][A-Z0-9-]{0,9}", any::<bool>())),
        ) {
            let view = ViewSpec {
                first,
                beside: beside.map(|(pane, slide, synchronised)| Beside { slide, pane, synchronised }),
            };
            let query = view.to_query();
            prop_assert_eq!(&ViewSpec::from_query(&query), &view, "{}", query);
            // As other programs write it.
            let escaped = query.replace(',', "%2C").replace(':', "%3a");
            prop_assert_eq!(ViewSpec::from_query(&escaped), view);
        }

        #[test]
        fn any_text_is_read_without_harm(text in "\\PC{0,200}") {
            let view = ViewSpec::from_query(&text);
            let again = ViewSpec::from_query(&view.to_query());
            prop_assert_eq!(again.to_query(), view.to_query());
        }
    }

    #[test]
    fn an_address_is_short_and_can_be_read() {
        let query = "?at=1110.5,1483&zoom=0.25&turn=30&layer=att,SF3B1,attention,meadow,60,only:0.01:0.5&beside=PH-0001&b.overlay=off";
        let view = ViewSpec::from_query(query);
        assert_eq!(["?", &view.to_query()].concat(), query);
        assert_eq!(view.first.layers[0].threshold, Some((0.01, 0.5)));
        assert!(view.beside.unwrap().synchronised);
        assert_eq!(ViewSpec::default().to_query(), "");
    }

    #[test]
    fn a_span_that_the_graphics_card_cannot_count_to_is_left_out() {
        let layer = |rest: &str| {
            let query = ["layer=a,b,contribution,study,50,", rest].concat();
            ViewSpec::from_query(&query).first.layers.remove(0)
        };
        for huge in ["1e300:1.5e300", "-1e308:5e307", "0:1.1e30", "-1.1e30:0"] {
            assert_eq!(layer(&["range:", huge].concat()).range, None, "{huge}");
            assert_eq!(layer(&["only:", huge].concat()).threshold, None, "{huge}");
        }
        assert_eq!(layer("range:-1e30:1e30").range, Some((-1e30, 1e30)));
        assert_eq!(layer("range:2:2").range, None);
        assert_eq!(layer("only:2:2").threshold, Some((2.0, 2.0)));
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        for nonsense in [
            "at=1&zoom=2",
            "at=NaN,2&zoom=1",
            "at=1,2&zoom=0",
            "at=1,2&zoom=-1",
            "layer=a,b,anger,meadow,50",
            "layer=,b,attention",
            "stain=orange",
            "beside=../etc",
            "light=1,2",
            "%zz=%",
        ] {
            assert_eq!(
                ViewSpec::from_query(nonsense),
                ViewSpec::default(),
                "{nonsense}"
            );
        }
        let signed = ViewSpec::from_query("layer=a,b,contribution,meadow,900");
        assert!(signed.first.layers[0].colour_map.is_diverging());
        assert_eq!(signed.first.layers[0].opacity, 1.0);
        let many = "layer=a,b,attention,meadow,1&".repeat(99);
        assert_eq!(ViewSpec::from_query(&many).first.layers.len(), MOST_LAYERS);
    }
}
