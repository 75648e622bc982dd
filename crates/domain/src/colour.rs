//! Colour maps for overlays, even to the eye: in OKLab (Ottosson 2020, "A perceptual color space for image processing"), in
//! which equal distances look equal, a map is a way through a few colours that is gone at one pace.

use serde::{Deserialize, Serialize};

/// An sRGB colour, 8 bits per channel.
pub type Rgb = [u8; 3];

/// The maps on offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColourMap {
    /// Sequential, dark blue over green to yellow: stands out from pink and violet tissue.
    Meadow,
    /// Sequential, black over red to pale yellow.
    Ember,
    /// Diverging, blue over light grey to orange; zero in the middle.
    BlueOrange,
    /// Diverging, violet over light grey to green; zero in the middle. For a second layer over the first.
    VioletGreen,
    /// Diverging, the ramp of the study's tile maps as it was published. Its colours are as far from each other as the study
    /// drew them: a value below zero moves the colour about twice as far as the same value above it.
    Study,
}

impl ColourMap {
    /// In the order of the menu.
    pub const ALL: [Self; 5] = [
        Self::Meadow,
        Self::Ember,
        Self::BlueOrange,
        Self::VioletGreen,
        Self::Study,
    ];

    /// Its name on the screen.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Meadow => "Meadow",
            Self::Ember => "Ember",
            Self::BlueOrange => "Blue to orange",
            Self::VioletGreen => "Violet to green",
            Self::Study => "The study's",
        }
    }

    /// Its name in addresses.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Meadow => "meadow",
            Self::Ember => "ember",
            Self::BlueOrange => "blue-orange",
            Self::VioletGreen => "violet-green",
            Self::Study => "study",
        }
    }

    /// Reads what [`ColourMap::key`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|map| map.key() == text)
    }

    /// Whether its middle means something.
    #[must_use]
    pub const fn is_diverging(self) -> bool {
        matches!(self, Self::BlueOrange | Self::VioletGreen | Self::Study)
    }

    /// The map to begin with, for values with or without a zero that means something.
    #[must_use]
    pub const fn first_for(signed: bool) -> Self {
        if signed {
            Self::BlueOrange
        } else {
            Self::Meadow
        }
    }

    /// The colours that the map goes through from low to high; of a diverging one the middle of them is at zero.
    const fn anchors(self) -> &'static [Rgb] {
        match self {
            Self::Meadow => &[
                [0x2a, 0x1a, 0x5e],
                [0x1f, 0x6f, 0x8b],
                [0x35, 0xb0, 0x6f],
                [0xf7, 0xe8, 0x3b],
            ],
            Self::Ember => &[
                [0x0d, 0x08, 0x1a],
                [0x8c, 0x1c, 0x3f],
                [0xf0, 0x73, 0x1d],
                [0xfc, 0xf4, 0xb0],
            ],
            Self::BlueOrange => &[
                [0x0b, 0x3c, 0x8c],
                [0x5d, 0x9b, 0xd3],
                [0xe8, 0xe8, 0xe8],
                [0xf0, 0x9c, 0x42],
                [0x96, 0x3d, 0x05],
            ],
            Self::VioletGreen => &[
                [0x5b, 0x1a, 0x82],
                [0xa8, 0x78, 0xc8],
                [0xe8, 0xe8, 0xe8],
                [0x6f, 0xb5, 0x6a],
                [0x0b, 0x5e, 0x2e],
            ],
            Self::Study => &[[0x05, 0x30, 0x61], [0xe0, 0xe0, 0xe0], [0xd6, 0x60, 0x4d]],
        }
    }

    /// The colour at a position between 0 and 1, clamped. Equal steps look equally large over the whole map; of a diverging one
    /// on both sides, so the longer side ends where the shorter one does. Only [`Self::Study`] goes each side to its end.
    #[must_use]
    pub fn at(self, position: f64) -> Rgb {
        let position = position.clamp(0.0, 1.0);
        let way: Vec<Oklab> = self.anchors().iter().copied().map(oklab_from_rgb).collect();
        if !self.is_diverging() {
            return rgb_from_oklab(along(&way, position * length(&way)));
        }
        let middle = way.len() / 2;
        let below: Vec<Oklab> = way.iter().take(middle + 1).rev().copied().collect();
        let above: Vec<Oklab> = way.into_iter().skip(middle).collect();
        let from_middle = 2.0 * position - 1.0;
        let (own, other) = if from_middle < 0.0 {
            (below, above)
        } else {
            (above, below)
        };
        let reach = match self {
            Self::Study => length(&own),
            _ => length(&own).min(length(&other)),
        };
        rgb_from_oklab(along(&own, from_middle.abs() * reach))
    }

    /// 256 colours from low to high, for a texture.
    #[must_use]
    pub fn table(self) -> Vec<Rgb> {
        (0..=255).map(|i| self.at(f64::from(i) / 255.0)).collect()
    }

    /// The map as a CSS gradient from left to right.
    #[must_use]
    pub fn css_gradient(self) -> String {
        self.css_gradient_between(0.0, 1.0)
    }

    /// The map as a CSS gradient whose ends lie at two shares of the width, in or beyond it; outside of them the colours of
    /// the ends go on.
    #[must_use]
    pub fn css_gradient_between(self, from: f64, to: f64) -> String {
        const LAST: u8 = 16;
        let stops: Vec<String> = (0..=LAST)
            .map(|i| {
                let [r, g, b] = self.at(f64::from(i) / f64::from(LAST));
                // What lies between two stops with a place is spread evenly by the browser.
                let place = match i {
                    0 => format!(" {}%", from * 100.0),
                    LAST => format!(" {}%", to * 100.0),
                    _ => String::new(),
                };
                format!("#{r:02x}{g:02x}{b:02x}{place}")
            })
            .collect();
        format!("linear-gradient(to right, {})", stops.join(", "))
    }
}

/// L, a, b of OKLab.
type Oklab = [f64; 3];

/// How different two colours look: ΔE of OKLab.
fn difference(one: Oklab, other: Oklab) -> f64 {
    let squares = one
        .iter()
        .zip(other)
        .map(|(one, other)| (one - other).powi(2));
    squares.sum::<f64>().sqrt()
}

fn length(way: &[Oklab]) -> f64 {
    way.windows(2)
        .map(|pair| match pair {
            [from, to] => difference(*from, *to),
            _ => 0.0,
        })
        .sum()
}

/// Where one is when one has gone so far; at most at the end.
fn along(way: &[Oklab], mut far: f64) -> Oklab {
    let mut colours = way.iter().copied();
    let mut here = colours.next().unwrap_or_default();
    for next in colours {
        let step = difference(here, next);
        if far < step {
            let share = far / step;
            return std::array::from_fn(|i| here[i] + (next[i] - here[i]) * share);
        }
        far -= step;
        here = next;
    }
    here
}

fn linear_from_srgb(channel: u8) -> f64 {
    let x = f64::from(channel) / 255.0;
    if x <= 0.040_45 {
        x / 12.92
    } else {
        ((x + 0.055) / 1.055).powf(2.4)
    }
}

fn srgb_from_linear(x: f64) -> u8 {
    let x = x.clamp(0.0, 1.0);
    let encoded = if x <= 0.003_130_8 {
        12.92 * x
    } else {
        1.055 * x.powf(1.0 / 2.4) - 0.055
    };
    (encoded * 255.0).round() as u8
}

fn oklab_from_rgb(rgb: Rgb) -> Oklab {
    let [r, g, b] = rgb.map(linear_from_srgb);
    let l = (0.412_221_470_8 * r + 0.536_332_536_3 * g + 0.051_445_992_9 * b).cbrt();
    let m = (0.211_903_498_2 * r + 0.680_699_545_1 * g + 0.107_396_956_6 * b).cbrt();
    let s = (0.088_302_461_9 * r + 0.281_718_837_6 * g + 0.629_978_700_5 * b).cbrt();
    [
        0.210_454_255_3 * l + 0.793_617_785_0 * m - 0.004_072_046_8 * s,
        1.977_998_495_1 * l - 2.428_592_205_0 * m + 0.450_593_709_9 * s,
        0.025_904_037_1 * l + 0.782_771_766_2 * m - 0.808_675_766_0 * s,
    ]
}

fn rgb_from_oklab([lightness, a, b]: Oklab) -> Rgb {
    let l = (lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let m = (lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let s = (lightness - 0.089_484_177_5 * a - 1.291_485_548_0 * b).powi(3);
    [
        4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s,
        -1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s,
        -0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701_0 * s,
    ]
    .map(srgb_from_linear)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oklab_comes_back_to_the_same_bytes() {
        for rgb in [[0, 0, 0], [255, 255, 255], [200, 30, 90], [12, 240, 7]] {
            assert_eq!(rgb_from_oklab(oklab_from_rgb(rgb)), rgb);
        }
        assert!((oklab_from_rgb([255, 255, 255])[0] - 1.0).abs() < 1e-6);
    }

    /// The largest of so many equal steps over the map, and how much larger it is than the smallest, in ΔE.
    fn steps(map: ColourMap, count: u32) -> (f64, f64) {
        let colour = |step: u32| oklab_from_rgb(map.at(f64::from(step) / f64::from(count)));
        let steps: Vec<f64> = (0..count)
            .map(|step| difference(colour(step), colour(step + 1)))
            .collect();
        let most = steps.iter().copied().fold(0.0, f64::max);
        let least = steps.iter().copied().fold(f64::INFINITY, f64::min);
        (most, most / least)
    }

    #[test]
    fn equal_steps_of_our_own_maps_look_equal() {
        for map in ColourMap::ALL
            .into_iter()
            .filter(|map| *map != ColourMap::Study)
        {
            let (most, ratio) = steps(map, 32);
            assert!(most > 0.02, "{map:?}: steps of {most}");
            // Where the way bends a step is a little shorter, and every channel is rounded to 8 bits.
            assert!(
                ratio < 1.2,
                "{map:?}: the largest is {ratio} times the smallest"
            );
        }
        assert!(
            steps(ColourMap::Study, 32).1 > 1.5,
            "the study's is as published"
        );
    }

    #[test]
    fn the_same_distance_from_zero_is_as_far_from_its_colour_on_both_sides() {
        for map in [ColourMap::BlueOrange, ColourMap::VioletGreen] {
            let zero = oklab_from_rgb(map.at(0.5));
            for far in [0.1, 0.25, 0.5] {
                let [below, above] =
                    [0.5 - far, 0.5 + far].map(|position| oklab_from_rgb(map.at(position)));
                let (below, above) = (difference(zero, below), difference(zero, above));
                assert!(
                    (below / above - 1.0).abs() < 0.1,
                    "{map:?} at {far}: {below} {above}"
                );
            }
        }
    }

    #[test]
    fn sequential_maps_only_get_lighter() {
        for map in [ColourMap::Meadow, ColourMap::Ember] {
            let lightness: Vec<f64> = map
                .table()
                .into_iter()
                .map(|rgb| oklab_from_rgb(rgb)[0])
                .collect();
            assert!(
                lightness.windows(2).all(|pair| pair[1] > pair[0] - 0.005),
                "{map:?}"
            );
            assert!(lightness[255] - lightness[0] > 0.5, "{map:?}");
        }
    }

    #[test]
    fn diverging_maps_are_lightest_near_their_middle() {
        for map in ColourMap::ALL.into_iter().filter(|map| map.is_diverging()) {
            let lightness = |position: f64| oklab_from_rgb(map.at(position))[0];
            assert!(
                lightness(0.5) > lightness(0.0) && lightness(0.5) > lightness(1.0),
                "{map:?}"
            );
        }
        assert_eq!(ColourMap::Study.at(0.5), [0xe0, 0xe0, 0xe0]);
        assert_eq!(ColourMap::Study.at(-3.0), [0x05, 0x30, 0x61]);
    }

    #[test]
    fn a_gradient_says_where_its_ends_lie() {
        let whole = ColourMap::Study.css_gradient();
        assert!(whole.starts_with("linear-gradient(to right, #053061 0%, "));
        assert!(whole.ends_with("#d6604d 100%)"), "{whole}");
        let part = ColourMap::Study.css_gradient_between(0.25, 1.5);
        assert!(part.contains("#053061 25%,") && part.ends_with("#d6604d 150%)"));
    }

    #[test]
    fn keys_are_read_back() {
        for map in ColourMap::ALL {
            assert_eq!(ColourMap::parse(map.key()), Some(map));
        }
    }
}
