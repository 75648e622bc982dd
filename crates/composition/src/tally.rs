//! What a tile, a spot or a slide is made of: sums that can be added up in any order of regions.

use domain::geometry::SlideRect;
use serde::{Deserialize, Serialize};

use crate::class::PixelClass;
use crate::feature::{FEATURE_COUNT, FEATURES, Nucleus};
use crate::region::RegionComposition;

/// Pixels and nuclei of an area, added up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// Pixels by class, in the order of [`PixelClass::ALL`].
    pixels: [u64; PixelClass::ALL.len()],
    /// Area of all pixels, mm².
    area_mm2: f64,
    nuclei: u64,
    features: [Moments; FEATURE_COUNT],
}

/// Number, mean and sum of squared differences from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Moments {
    n: u64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn of(value: f32) -> Self {
        Self {
            n: 1,
            mean: f64::from(value),
            squares: 0.0,
        }
    }

    /// Chan, Golub and LeVeque 1983, "Algorithms for computing the sample variance", Am Stat 37, 242–247.
    fn add(&mut self, other: Self) {
        if other.n == 0 {
            return;
        }
        let n = self.n + other.n;
        let share = other.n as f64 / n as f64;
        let apart = other.mean - self.mean;
        self.mean += apart * share;
        self.squares += other.squares + apart * apart * self.n as f64 * share;
        self.n = n;
    }
}

impl Tally {
    /// Adds what was counted elsewhere.
    pub fn add(&mut self, other: &Self) {
        for (sum, more) in self.pixels.iter_mut().zip(other.pixels) {
            *sum += more;
        }
        self.area_mm2 += other.area_mm2;
        self.nuclei += other.nuclei;
        for (sum, more) in self.features.iter_mut().zip(other.features) {
            sum.add(more);
        }
    }

    /// Adds a nucleus.
    fn add_nucleus(&mut self, nucleus: &Nucleus) {
        self.nuclei += 1;
        for (sum, value) in self.features.iter_mut().zip(nucleus.values) {
            sum.add(value.map(Moments::of).unwrap_or_default());
        }
    }

    /// Nuclei that were found.
    #[must_use]
    pub const fn nuclei(&self) -> u64 {
        self.nuclei
    }

    /// Area that was looked at, mm².
    #[must_use]
    pub const fn area_mm2(&self) -> f64 {
        self.area_mm2
    }

    /// Share of the pixels; `None` without pixels.
    #[must_use]
    pub fn share(&self, class: PixelClass) -> Option<f64> {
        let all: u64 = self.pixels.iter().sum();
        (all > 0).then(|| self.pixels[class as usize] as f64 / all as f64)
    }

    /// Area of nucleated cells over that of nucleated and fat cells; `None` where there are neither. Bone, glass, stroma
    /// and red cells do not count: a pathologist's estimate, which takes all that is no fat for cells, is higher.
    #[must_use]
    pub fn cellularity(&self) -> Option<f64> {
        let nucleated = self.pixels[PixelClass::Nucleated as usize];
        let fat = self.pixels[PixelClass::Fat as usize];
        (nucleated + fat > 0).then(|| nucleated as f64 / (nucleated + fat) as f64)
    }

    /// Nuclei per mm² of what was looked at; `None` without pixels.
    #[must_use]
    pub fn nuclei_per_mm2(&self) -> Option<f64> {
        (self.area_mm2 > 0.0).then(|| self.nuclei as f64 / self.area_mm2)
    }

    /// Mean of a feature over the nuclei that have it; `None` without any.
    #[must_use]
    pub fn mean(&self, feature: usize) -> Option<f64> {
        let moments = self.features.get(feature)?;
        (moments.n > 0).then_some(moments.mean)
    }

    /// Standard deviation of a feature between nuclei (of a sample, n − 1); `None` with fewer than two.
    #[must_use]
    pub fn sd(&self, feature: usize) -> Option<f64> {
        let moments = self.features.get(feature)?;
        (moments.n > 1).then(|| (moments.squares / (moments.n - 1) as f64).sqrt())
    }

    /// In the order of [`measures`]; every number is finite.
    #[must_use]
    pub fn values(&self) -> Vec<Option<f64>> {
        let shares = PixelClass::ALL.map(|class| self.share(class));
        let features =
            (0..FEATURE_COUNT).flat_map(|feature| [self.mean(feature), self.sd(feature)]);
        shares
            .into_iter()
            .chain([self.cellularity(), self.nuclei_per_mm2()])
            .chain(features)
            .collect()
    }
}

/// A number that says what an area is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measure {
    /// Its name in files and addresses.
    pub key: String,
    /// Its name on the screen.
    pub title: String,
    /// Its unit; empty for a plain number, also for shares from 0 to 1.
    pub unit: String,
}

/// What [`Tally::values`] are: shares of the classes, cellularity, nuclei per mm², mean and standard deviation of each
/// feature.
#[must_use]
pub fn measures() -> Vec<Measure> {
    let measure = |key: String, title: String, unit: &str| Measure {
        key,
        title,
        unit: unit.to_owned(),
    };
    let shares = PixelClass::ALL.into_iter().map(|class| {
        measure(
            format!("{}_share", class.key()),
            class.title().to_owned(),
            "",
        )
    });
    let of_area = [
        ("cellularity", "Cellularity", ""),
        ("nuclei_per_mm2", "Nuclei", "1/mm²"),
    ]
    .map(|(key, title, unit)| measure(key.to_owned(), title.to_owned(), unit));
    let of_nuclei = FEATURES.iter().flat_map(|feature| {
        [("mean", "mean of nuclei"), ("sd", "SD of nuclei")].map(|(key, title)| {
            measure(
                format!("{}_{key}", feature.key),
                format!("{}, {title}", feature.title),
                feature.unit,
            )
        })
    });
    shares.chain(of_area).chain(of_nuclei).collect()
}

impl RegionComposition {
    /// Adds up the pixels and nuclei whose middles lie in a rectangle of the slide. Tiles that reach over several regions
    /// are the sum of what each says of them.
    #[must_use]
    pub fn tally(&self, rect: &SlideRect) -> Tally {
        let mut tally = Tally::default();
        let per_px = (
            self.rect.width / f64::from(self.width.max(1)),
            self.rect.height / f64::from(self.height.max(1)),
        );
        let range = |from: f64, to: f64, size: u32| {
            let at = |px: f64| (px - 0.5).ceil().clamp(0.0, f64::from(size)) as usize;
            at(from)..at(to).max(at(from))
        };
        let (left, top) = (
            (rect.x - self.rect.x) / per_px.0,
            (rect.y - self.rect.y) / per_px.1,
        );
        let columns = range(left, left + rect.width / per_px.0, self.width);
        let rows = range(top, top + rect.height / per_px.1, self.height);
        for row in rows.clone() {
            let start = row * self.width as usize;
            let Some(classes) = self.classes.get(start + columns.start..start + columns.end) else {
                continue;
            };
            for &class in classes {
                tally.pixels[class as usize] += 1;
            }
        }
        let px_mm2 = (self.um_per_px / 1000.0).powi(2);
        tally.area_mm2 = (rows.len() * columns.len()) as f64 * px_mm2;
        for nucleus in &self.nuclei {
            if rect.contains(nucleus.x, nucleus.y) {
                tally.add_nucleus(nucleus);
            }
        }
        tally
    }
}
