//! What the running viewer fetches, and what becomes of it.

use std::rc::Rc;

use domain::score::Readout;
use web_sys::{AbortController, AbortSignal, ImageBitmap};

use super::clock;
use super::layer_setup::find_target;
use super::maps::{MapsProblem, NextFetch, TargetKey};
use super::renderer::CardProblem;
use super::retry::{Failure, Refusal};
use super::scene::Scene;
use super::schedule::{MOST_REQUESTS, MOST_REQUESTS_AHEAD};
use super::tile::{TileKey, needs_mipmaps, pixels, texture_bytes};
use super::values::TargetMaps;

/// So many tiles are given to the graphics card before it is asked at the latest whether it has taken them.
const MOST_UNCHECKED: usize = 64;
/// However little room the graphics card has, the cache may have this much: a screenful and what is around it, bytes.
const LEAST_TEXTURE_BYTES: usize = 32 << 20;

/// Something to fetch.
pub enum Order {
    /// A pyramid tile.
    Tile {
        /// Which.
        key: TileKey,
        /// Tells this request from an earlier one for the same tile.
        ticket: u64,
        /// Where it is.
        url: String,
        /// What it shows, px.
        pixels: (u32, u32),
        /// Cancels it.
        signal: AbortSignal,
    },
    /// The terms of a target.
    Maps {
        /// Which.
        key: TargetKey,
        /// What to fetch, per spot.
        spots: Vec<SpotOrder>,
    },
}

/// What to fetch for one spot, and how to read it.
pub struct SpotOrder {
    /// Where its terms are; `None` for a spot without tiles.
    pub url: Option<String>,
    /// Number of tiles.
    pub tiles: usize,
    /// One per entitled fold model.
    pub readouts: Rc<[Readout]>,
}

impl Scene {
    /// What to fetch now, and in how many ms to ask again.
    pub fn orders(&mut self) -> (Vec<Order>, Option<f64>) {
        let mut orders = Vec::new();
        let (wanted, ahead) = (&self.plan.tiles, &self.ahead);
        self.in_flight.retain(|key, (_, controller, _)| {
            let stays = wanted.contains(key) || ahead.contains(key);
            if !stays {
                controller.abort();
            }
            stays
        });
        let now = clock::now();
        let mut wake_in: Option<f64> = None;
        let first_ahead = wanted.len();
        let tiles = wanted.iter().chain(ahead).enumerate();
        for (place, &key) in tiles.filter(|_| self.renderer.is_some()) {
            // What is seen does not wait for what may be seen next.
            let most = if place < first_ahead {
                MOST_REQUESTS
            } else if wanted.iter().any(|key| self.in_flight.contains_key(key)) {
                0
            } else {
                MOST_REQUESTS_AHEAD
            };
            if self.in_flight.len() >= most {
                break;
            }
            if self.cache.contains(&key) || self.in_flight.contains_key(&key) {
                continue;
            }
            let wait = self
                .failures
                .get(&key)
                .map_or(0.0, |(failure, _)| failure.retry_at - now);
            if wait > 0.0 {
                if wait.is_finite() && place < first_ahead {
                    wake_in = Some(wake_in.map_or(wait, |other| other.min(wait)));
                }
                continue;
            }
            let (Some(pixels), Ok(controller)) =
                (pixels(&self.slide.pyramid, key), AbortController::new())
            else {
                continue;
            };
            self.next_ticket += 1;
            orders.push(Order::Tile {
                key,
                ticket: self.next_ticket,
                url: self.tile_url(key),
                pixels,
                signal: controller.signal(),
            });
            self.in_flight
                .insert(key, (self.next_ticket, controller, now));
        }
        self.will_retry = wake_in.is_some();
        match self.layers.next_fetch(now) {
            NextFetch::Now(key) => {
                let spots = self.spot_orders(&key);
                orders.push(Order::Maps { key, spots });
            }
            NextFetch::In(wait) => wake_in = Some(wake_in.map_or(wait, |other| other.min(wait))),
            NextFetch::Nothing => {}
        }
        (orders, wake_in)
    }

    fn tile_url(&self, key: TileKey) -> String {
        let summary = &self.slide.summary;
        [
            "/slides/",
            &summary.code,
            "/",
            &summary.version,
            "/tiles/",
            &key.level.to_string(),
            "/",
            &key.column.to_string(),
            "/",
            &key.row.to_string(),
        ]
        .concat()
    }

    fn spot_orders(&self, key: &TargetKey) -> Vec<SpotOrder> {
        let Some((model, target)) = find_target(&self.slide, &key.model, &key.target) else {
            return Vec::new();
        };
        let readouts: Rc<[_]> = target.readouts.clone().into();
        self.slide
            .spots
            .iter()
            .map(|spot| {
                let tiles = spot.grid.as_ref().map_or(0, |grid| grid.len());
                let url = [
                    "/slides/",
                    &self.slide.summary.code,
                    "/terms/",
                    &model.terms_version,
                    "/",
                    &key.model,
                    "/",
                    &key.target,
                    "/",
                    &spot.number.to_string(),
                ]
                .concat();
                SpotOrder {
                    url: (tiles > 0).then_some(url),
                    tiles,
                    readouts: Rc::clone(&readouts),
                }
            })
            .collect()
    }

    /// Takes a tile, or why it could not be had. Whether there is something new to draw.
    pub fn tile_came(
        &mut self,
        key: TileKey,
        ticket: u64,
        tile: Result<ImageBitmap, Refusal>,
    ) -> bool {
        // A request that was cancelled has no ticket any more.
        if self
            .in_flight
            .get(&key)
            .is_none_or(|(own, ..)| *own != ticket)
        {
            return false;
        }
        if let Some((_, _, ordered_at)) = self.in_flight.remove(&key) {
            // A refusal comes fast and says nothing of tiles.
            if tile.is_ok() {
                let millis = clock::now() - ordered_at;
                self.tile_millis += (millis - self.tile_millis) * 0.2;
            }
        }
        let mipmaps = needs_mipmaps(&self.slide.pyramid, key.level);
        let uploaded = tile.and_then(|bitmap| {
            let texture = self
                .renderer
                .as_ref()
                .and_then(|renderer| renderer.upload_tile(&bitmap, mipmaps));
            let bytes = texture_bytes(bitmap.width(), bitmap.height());
            bitmap.close();
            match texture {
                Some(texture) => Ok((texture, bytes)),
                None => Err(Refusal::AGAIN),
            }
        });
        match uploaded {
            Ok((texture, bytes)) => {
                self.uploads.push(key);
                let gone = self.cache.insert(key, texture, bytes);
                if let Some(renderer) = &self.renderer {
                    for texture in &gone {
                        renderer.delete(texture);
                    }
                }
            }
            Err(refusal) => {
                let before = self.failures.get(&key).map(|(failure, _)| *failure);
                let failure = Failure::after(before, clock::now(), &refusal);
                self.failures.insert(key, (failure, refusal));
            }
        }
        // Where something has failed, one by one: else all of a batch would have failed again.
        let is_at_rest = self.in_flight.is_empty() && self.mover.is_still() && !self.fingers.any();
        if is_at_rest || !self.failures.is_empty() || self.uploads.len() >= MOST_UNCHECKED {
            self.check_uploads();
        }
        // What was fetched ahead is not seen yet.
        self.plan.tiles.contains(&key)
    }

    /// Asks the graphics card whether it has taken the tiles that it was given; which of them it has not, it cannot say.
    pub(super) fn check_uploads(&mut self) {
        let uploads = std::mem::take(&mut self.uploads);
        let Some(renderer) = self.renderer.as_ref().filter(|_| !uploads.is_empty()) else {
            return;
        };
        let Some(problem) = renderer.problem() else {
            for key in uploads {
                self.failures.remove(&key);
            }
            return;
        };
        let now = clock::now();
        let mut gone = Vec::new();
        for key in uploads {
            // What has been given up meanwhile is not missed.
            let Some(texture) = self.cache.remove(&key) else {
                continue;
            };
            gone.push(texture);
            let before = self.failures.get(&key).map(|(failure, _)| *failure);
            let failure = Failure::after(before, now, &Refusal::AGAIN);
            self.failures.insert(key, (failure, Refusal::AGAIN));
        }
        if problem == CardProblem::OutOfMemory {
            let most = (self.cache.bytes() / 2).max(LEAST_TEXTURE_BYTES);
            gone.append(&mut self.cache.shrink(most));
            self.planned_for = None;
        }
        for texture in &gone {
            renderer.delete(texture);
        }
    }

    /// Takes the maps of a target, or why they could not be had.
    pub fn maps_came(&mut self, key: TargetKey, maps: Result<TargetMaps, MapsProblem>) {
        let now = clock::now();
        self.layers.fetched(key, maps, now, self.renderer.as_ref());
        self.tell_of_layers();
    }
}
