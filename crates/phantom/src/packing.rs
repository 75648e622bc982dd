//! Discs that do not overlap (much), and the walls between neighbours.

use crate::shape::{Disc, Wall};

/// Discs in the order in which they were put, found by place.
#[derive(Debug)]
pub(crate) struct Packing {
    discs: Vec<Disc>,
    buckets: Vec<Vec<u32>>,
    columns: usize,
    bucket_px: f32,
    margin_px: f32,
}

impl Packing {
    pub(crate) fn new(size_px: f32, margin_px: f32, bucket_px: f32) -> Self {
        let columns = ((size_px + 2.0 * margin_px) / bucket_px).ceil() as usize + 1;
        Self {
            discs: Vec::new(),
            buckets: vec![Vec::new(); columns * columns],
            columns,
            bucket_px,
            margin_px,
        }
    }

    /// Whether the disc keeps `closeness` × the sum of the radii from every other.
    pub(crate) fn fits(&self, disc: Disc, closeness: f32) -> bool {
        self.buckets_of(disc).all(|bucket| {
            self.buckets[bucket].iter().all(|&other| {
                let other = self.discs[other as usize];
                let (dx, dy, far) = (
                    disc.x - other.x,
                    disc.y - other.y,
                    closeness * (disc.r + other.r),
                );
                dx * dx + dy * dy >= far * far
            })
        })
    }

    /// Puts a disc, whether it fits or not; returns its number.
    pub(crate) fn put(&mut self, disc: Disc) -> usize {
        let number = self.discs.len();
        self.discs.push(disc);
        let buckets: Vec<usize> = self.buckets_of(disc).collect();
        for bucket in buckets {
            self.buckets[bucket].push(number as u32);
        }
        number
    }

    /// The walls towards the neighbours of a disc whose body may grow to `grown_px`: at the line where the powers of the
    /// two circles are equal (Laguerre), less half a gap.
    pub(crate) fn walls(&self, number: usize, grown_px: f32, gap_px: f32) -> Vec<Wall> {
        let disc = self.discs[number];
        let area = Disc {
            r: grown_px + 2.0 * self.bucket_px / 3.0,
            ..disc
        };
        let mut near: Vec<u32> = self
            .buckets_of(area)
            .flat_map(|bucket| self.buckets[bucket].iter().copied())
            .collect();
        near.sort_unstable();
        near.dedup();
        near.into_iter()
            .filter(|&other| other as usize != number)
            .filter_map(|other| wall(disc, self.discs[other as usize], gap_px))
            .filter(|wall| wall.at < grown_px)
            .collect()
    }

    fn buckets_of(&self, disc: Disc) -> impl Iterator<Item = usize> + use<> {
        let columns = self.columns;
        let clip = |v: f32| {
            ((v + self.margin_px) / self.bucket_px).clamp(0.0, (columns - 1) as f32) as usize
        };
        let (left, right) = (clip(disc.x - disc.r), clip(disc.x + disc.r));
        let (top, bottom) = (clip(disc.y - disc.r), clip(disc.y + disc.r));
        (top..=bottom).flat_map(move |row| (left..=right).map(move |column| row * columns + column))
    }
}

/// The wall of `disc` towards `other`; none when they share their middle.
pub(crate) fn wall(disc: Disc, other: Disc, gap_px: f32) -> Option<Wall> {
    let (dx, dy) = (other.x - disc.x, other.y - disc.y);
    let apart = (dx * dx + dy * dy).sqrt();
    (apart > 0.1).then(|| Wall {
        nx: dx / apart,
        ny: dy / apart,
        at: (apart * apart + disc.r * disc.r - other.r * other.r) / (2.0 * apart) - 0.5 * gap_px,
    })
}
