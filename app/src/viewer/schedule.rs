//! Which pyramid tiles are wanted, in which order, and what happens to those that fail. No browser in here.

use domain::camera::Camera;
use domain::geometry::{Pyramid, SlideRect};

/// Requests under way at most: browsers allow six connections per host, and while some are decoded others can be read.
pub const MOST_REQUESTS: usize = 10;
/// Requests for what is not seen yet, under way at most.
pub const MOST_REQUESTS_AHEAD: usize = 2;
/// Tiles fetched ahead of one view at most.
const MOST_AHEAD: usize = 40;
/// How far around a view at rest tiles are fetched, shares of its size.
const AROUND: f64 = 0.3;
/// How often something is asked for before it is given up.
const MOST_ATTEMPTS: u32 = 5;
/// For how long a tile that was given up is left alone, ms.
const PEACE: f64 = 10_000.0;

/// A pyramid tile by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TileKey {
    /// Level, 0 = full resolution.
    pub level: u32,
    /// Column in the level.
    pub column: u32,
    /// Row in the level.
    pub row: u32,
}

/// The edges of a pyramid tile in slide px, the same bits for two tiles that share one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edges {
    /// Left edge.
    pub left: f64,
    /// Top edge.
    pub top: f64,
    /// Right edge.
    pub right: f64,
    /// Bottom edge.
    pub bottom: f64,
}

impl Edges {
    /// The same as a rectangle.
    #[must_use]
    pub fn rect(&self) -> SlideRect {
        SlideRect {
            x: self.left,
            y: self.top,
            width: self.right - self.left,
            height: self.bottom - self.top,
        }
    }
}

/// The edges of a tile; `None` when it is not there.
#[must_use]
pub fn edges(pyramid: &Pyramid, key: TileKey) -> Option<Edges> {
    let info = pyramid.levels.get(key.level as usize)?;
    if key.column >= info.columns() || key.row >= info.rows() {
        return None;
    }
    let (scale_x, scale_y) = pyramid.downsample(key.level as usize)?;
    let x = |column: u32| f64::from((column * info.tile_width).min(info.width)) * scale_x;
    let y = |row: u32| f64::from((row * info.tile_height).min(info.height)) * scale_y;
    Some(Edges {
        left: x(key.column),
        top: y(key.row),
        right: x(key.column + 1),
        bottom: y(key.row + 1),
    })
}

/// Width and height of what a tile shows, px of its level: edge tiles are stored larger than that.
#[must_use]
pub fn pixels(pyramid: &Pyramid, key: TileKey) -> Option<(u32, u32)> {
    let info = pyramid.levels.get(key.level as usize)?;
    if key.column >= info.columns() || key.row >= info.rows() {
        return None;
    }
    Some((
        info.tile_width
            .min(info.width - key.column * info.tile_width),
        info.tile_height
            .min(info.height - key.row * info.tile_height),
    ))
}

/// The tiles that a view wants.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The level that is sharp on this screen.
    pub level: u32,
    /// Coarse before fine, then nearest the focus first.
    pub tiles: Vec<TileKey>,
    /// How many of `tiles`, at the end, are of the sharp level.
    pub sharp: usize,
}

impl Plan {
    /// The tiles of the sharp level.
    #[must_use]
    pub fn sharp_tiles(&self) -> &[TileKey] {
        &self.tiles[self.tiles.len() - self.sharp..]
    }
}

/// Plans a view. `device_scale` is device pixels per screen pixel, `focus` a slide point (else the middle), `most_bytes`
/// what the tiles of one view may take as textures. Where tiles come fast (`is_fast`), nothing is fetched that would be
/// covered in a moment.
#[must_use]
pub fn plan(
    pyramid: &Pyramid,
    camera: &Camera,
    device_scale: f64,
    focus: Option<(f64, f64)>,
    most_bytes: usize,
    is_fast: bool,
) -> Plan {
    // On a fine screen 0.7 image pixels per device pixel look sharp and cost half.
    let bias = if device_scale >= 1.5 { 1.4 } else { 1.0 };
    let last = pyramid.levels.len().saturating_sub(1);
    let mut level = pyramid.level_for(bias / (camera.zoom * device_scale));
    while level < last && bytes_in_view(pyramid, camera, level) > most_bytes {
        level += 1;
    }
    let mut sharp = tiles_in_view(pyramid, camera, level);
    let focus = focus.unwrap_or((camera.centre_x, camera.centre_y));
    sort_by_distance(pyramid, &mut sharp, focus);
    let per_tile = pixels(
        pyramid,
        TileKey {
            level: level as u32,
            column: 0,
            row: 0,
        },
    )
    .map_or(1, |(width, height)| texture_bytes(width, height));
    sharp.truncate(most_bytes / per_tile.max(1) + 1);

    let mut tiles = Vec::new();
    if level < last {
        tiles = tiles_in_view(pyramid, camera, last);
        // A preview half-way in between, where it costs little.
        if level + 1 < last && !is_fast {
            let mut preview = tiles_in_view(pyramid, camera, level + 1);
            if preview.len() * 3 <= sharp.len() {
                sort_by_distance(pyramid, &mut preview, focus);
                tiles.append(&mut preview);
            }
        }
    }
    let count = sharp.len();
    tiles.append(&mut sharp);
    Plan {
        level: level as u32,
        tiles,
        sharp: count,
    }
}

/// The tiles that the next view is likely to want, most likely first: those ahead of a movement (`heading`: where the view
/// goes, shares of its size), or, at rest, those around. None of the plan's own.
#[must_use]
pub fn ahead(pyramid: &Pyramid, camera: &Camera, plan: &Plan, heading: (f64, f64)) -> Vec<TileKey> {
    let level = plan.level as usize;
    let is_moving = heading != (0.0, 0.0);
    let likely = if is_moving {
        camera.panned(-heading.0 * camera.width, -heading.1 * camera.height)
    } else {
        Camera {
            width: camera.width * (1.0 + 2.0 * AROUND),
            height: camera.height * (1.0 + 2.0 * AROUND),
            ..*camera
        }
    };
    let mut tiles = tiles_in_view(pyramid, &likely, level);
    tiles.retain(|key| !plan.sharp_tiles().contains(key));
    sort_by_distance(pyramid, &mut tiles, (camera.centre_x, camera.centre_y));
    tiles.truncate(MOST_AHEAD);
    tiles
}

/// Whether the tiles of a level are ever drawn at less than half their size, and so need smaller copies of themselves: the
/// next level is much coarser, or there is none.
#[must_use]
pub fn needs_mipmaps(pyramid: &Pyramid, level: u32) -> bool {
    let scale = |level: usize| pyramid.downsample(level).map(|(x, y)| x.max(y));
    match (scale(level as usize), scale(level as usize + 1)) {
        (Some(own), Some(next)) => next / own > 2.1,
        _ => true,
    }
}

/// Bytes of a texture with its mipmaps.
#[must_use]
pub fn texture_bytes(width: u32, height: u32) -> usize {
    width as usize * height as usize * 16 / 3
}

/// First and last index of the tiles between two positions, both inclusive.
fn span(from: f64, to: f64, tile: f64, count: u32) -> Option<(u32, u32)> {
    let first = (from / tile).floor().max(0.0);
    let last = ((to / tile).ceil() - 1.0).min(f64::from(count) - 1.0);
    (first <= last).then_some((first as u32, last as u32))
}

fn spans(pyramid: &Pyramid, camera: &Camera, level: usize) -> Option<((u32, u32), (u32, u32))> {
    let info = pyramid.levels.get(level)?;
    let (scale_x, scale_y) = pyramid.downsample(level)?;
    let seen = camera.visible();
    let columns = span(
        seen.x,
        seen.x + seen.width,
        f64::from(info.tile_width) * scale_x,
        info.columns(),
    )?;
    let rows = span(
        seen.y,
        seen.y + seen.height,
        f64::from(info.tile_height) * scale_y,
        info.rows(),
    )?;
    Some((columns, rows))
}

fn bytes_in_view(pyramid: &Pyramid, camera: &Camera, level: usize) -> usize {
    let (Some((columns, rows)), Some(info)) =
        (spans(pyramid, camera, level), pyramid.levels.get(level))
    else {
        return 0;
    };
    let tiles = (columns.1 - columns.0 + 1) as usize * (rows.1 - rows.0 + 1) as usize;
    tiles.saturating_mul(texture_bytes(info.tile_width, info.tile_height))
}

fn tiles_in_view(pyramid: &Pyramid, camera: &Camera, level: usize) -> Vec<TileKey> {
    let Some((columns, rows)) = spans(pyramid, camera, level) else {
        return Vec::new();
    };
    let level = level as u32;
    // Of a view that is turned, the corners of the upright rectangle about it are not seen.
    let is_seen = |key: &TileKey| {
        camera.rotation == 0.0
            || edges(pyramid, *key).is_some_and(|edges| camera.sees(&edges.rect()))
    };
    (rows.0..=rows.1)
        .flat_map(|row| (columns.0..=columns.1).map(move |column| TileKey { level, column, row }))
        .filter(is_seen)
        .collect()
}

fn sort_by_distance(pyramid: &Pyramid, tiles: &mut [TileKey], (x, y): (f64, f64)) {
    tiles.sort_by(|&a, &b| {
        let distance = |key| {
            edges(pyramid, key).map_or(f64::INFINITY, |edges| {
                ((edges.left + edges.right) / 2.0 - x).hypot((edges.top + edges.bottom) / 2.0 - y)
            })
        };
        distance(a).total_cmp(&distance(b))
    });
}

/// What has become of something that could not be had: a tile, or the maps of a target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Failure {
    /// How often it was tried.
    pub attempts: u32,
    /// When it was tried last, ms.
    pub tried_at: f64,
    /// When to try again, ms; infinite once given up.
    pub retry_at: f64,
}

impl Failure {
    /// After one more attempt has failed at `now`, ms. What is not there is not asked for again.
    #[must_use]
    pub fn after(before: Option<Self>, now: f64, is_final: bool) -> Self {
        let attempts = before.map_or(0, |failure| failure.attempts) + 1;
        let retry_at = if is_final || attempts >= MOST_ATTEMPTS {
            f64::INFINITY
        } else {
            now + 500.0 * f64::from(1 << (attempts - 1))
        };
        Self {
            attempts,
            tried_at: now,
            retry_at,
        }
    }

    /// Whether whoever moves the view may have it tried from the start.
    #[must_use]
    pub fn is_over(&self, now: f64) -> bool {
        self.retry_at.is_infinite() && now - self.tried_at > PEACE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::geometry::LevelInfo;

    const MANY: usize = 256 << 20;

    fn pyramid() -> Pyramid {
        let level = |width, height| LevelInfo {
            width,
            height,
            tile_width: 240,
            tile_height: 240,
        };
        Pyramid {
            levels: vec![
                level(46_000, 32_914),
                level(11_500, 8_228),
                level(2_875, 2_057),
            ],
        }
    }

    fn camera(zoom: f64) -> Camera {
        Camera {
            centre_x: 20_000.3,
            centre_y: 9_000.7,
            zoom,
            rotation: 0.0,
            flipped: false,
            width: 1200.0,
            height: 800.0,
        }
    }

    #[test]
    fn neighbours_share_their_edges_to_the_bit() {
        let pyramid = pyramid();
        for level in 0..3 {
            for column in 0..10 {
                let key = |column| TileKey {
                    level,
                    column,
                    row: 3,
                };
                let (left, right) = (
                    edges(&pyramid, key(column)).unwrap(),
                    edges(&pyramid, key(column + 1)).unwrap(),
                );
                assert_eq!(left.right.to_bits(), right.left.to_bits());
            }
        }
        assert_eq!(
            edges(
                &pyramid,
                TileKey {
                    level: 0,
                    column: 192,
                    row: 0
                }
            ),
            None
        );
        let last = edges(
            &pyramid,
            TileKey {
                level: 1,
                column: 47,
                row: 34,
            },
        )
        .unwrap();
        assert!((last.right - 46_000.0).abs() < 1e-6 && (last.bottom - 32_914.0).abs() < 1e-6);
        assert_eq!(
            pixels(
                &pyramid,
                TileKey {
                    level: 1,
                    column: 47,
                    row: 34
                }
            ),
            Some((11_500 - 47 * 240, 8_228 - 34 * 240))
        );
    }

    #[test]
    fn the_view_is_covered_coarse_before_fine_and_nearest_first() {
        let pyramid = pyramid();
        let camera = camera(0.9);
        let plan = plan(&pyramid, &camera, 1.0, None, MANY, false);
        assert_eq!(plan.level, 0);
        let levels: Vec<u32> = plan.tiles.iter().map(|key| key.level).collect();
        assert!(levels.is_sorted_by(|a, b| a >= b), "{levels:?}");
        assert_eq!(levels[0], 2);
        let seen = camera.visible();
        let mut area = 0.0;
        for &key in plan.sharp_tiles() {
            let edges = edges(&pyramid, key).unwrap();
            let width = edges.right.min(seen.x + seen.width) - edges.left.max(seen.x);
            let height = edges.bottom.min(seen.y + seen.height) - edges.top.max(seen.y);
            assert!(width > 0.0 && height > 0.0, "{key:?} is not in view");
            area += width * height;
        }
        assert!((area / (seen.width * seen.height) - 1.0).abs() < 1e-9);
        let first = edges(&pyramid, plan.sharp_tiles()[0]).unwrap();
        assert!(first.left <= camera.centre_x && camera.centre_x <= first.right);
        assert!(first.top <= camera.centre_y && camera.centre_y <= first.bottom);
    }

    #[test]
    fn the_focus_comes_first() {
        let pyramid = pyramid();
        let camera = camera(1.0);
        let focus = camera.slide_from_screen(1150.0, 30.0);
        let plan = plan(&pyramid, &camera, 1.0, Some(focus), MANY, false);
        let first = edges(&pyramid, plan.sharp_tiles()[0]).unwrap();
        assert!(first.left <= focus.0 && focus.0 <= first.right);
        assert!(first.top <= focus.1 && focus.1 <= first.bottom);
    }

    #[test]
    fn a_view_never_wants_more_than_its_bytes() {
        let pyramid = pyramid();
        for zoom in [0.01, 0.03, 0.1, 0.26, 0.3, 1.0, 8.0] {
            let bytes = 20 << 20;
            let plan = plan(&pyramid, &camera(zoom), 2.0, None, bytes, false);
            let sharp = plan.sharp * texture_bytes(240, 240);
            assert!(
                sharp <= bytes + texture_bytes(240, 240),
                "zoom {zoom}: {sharp}"
            );
            assert!(plan.sharp > 0);
        }
        let flat = Pyramid {
            levels: pyramid.levels[..1].to_vec(),
        };
        let plan = plan(&flat, &camera(0.01), 1.0, None, 20 << 20, false);
        assert!(plan.tiles.len() <= (20 << 20) / texture_bytes(240, 240) + 1);
    }

    #[test]
    fn a_turned_view_is_covered_without_what_its_corners_do_not_show() {
        let pyramid = pyramid();
        let upright = camera(0.9);
        let turned = Camera {
            rotation: 45.0,
            ..upright
        };
        let tiles = plan(&pyramid, &turned, 1.0, None, MANY, false);
        for x in 0..=30 {
            for y in 0..=20 {
                let (x, y) = turned.slide_from_screen(f64::from(x) * 40.0, f64::from(y) * 40.0);
                let under = |key: &&TileKey| {
                    let edges = edges(&pyramid, **key).unwrap();
                    edges.rect().contains(x, y)
                };
                assert!(tiles.sharp_tiles().iter().any(|key| under(&key)));
            }
        }
        let box_tiles = (turned.visible().width * turned.visible().height / 240.0 / 240.0) as usize;
        assert!(tiles.sharp < box_tiles, "{} of {box_tiles}", tiles.sharp);
    }

    #[test]
    fn what_comes_next_is_fetched_ahead() {
        let pyramid = pyramid();
        let camera = camera(0.9);
        let plan = plan(&pyramid, &camera, 1.0, None, MANY, false);
        let right = ahead(&pyramid, &camera, &plan, (0.5, 0.0));
        let seen = camera.visible();
        assert!(!right.is_empty() && right.len() <= MOST_AHEAD);
        for key in right {
            let edges = edges(&pyramid, key).unwrap();
            assert!(edges.right > seen.x + seen.width && !plan.tiles.contains(&key));
        }
        let around = ahead(&pyramid, &camera, &plan, (0.0, 0.0));
        let is_left = |key: &TileKey| edges(&pyramid, *key).unwrap().right <= seen.x;
        let is_right = |key: &TileKey| edges(&pyramid, *key).unwrap().left >= seen.x + seen.width;
        assert!(around.iter().any(is_left) && around.iter().any(is_right));
    }

    #[test]
    fn outside_the_slide_nothing_is_wanted() {
        let away = Camera {
            centre_x: -90_000.0,
            ..camera(1.0)
        };
        assert!(
            plan(&pyramid(), &away, 1.0, None, MANY, false)
                .tiles
                .is_empty()
        );
    }

    #[test]
    fn only_levels_with_a_wide_step_below_need_smaller_copies() {
        let level = |side| LevelInfo {
            width: side,
            height: side,
            tile_width: 256,
            tile_height: 256,
        };
        let pyramid = Pyramid {
            levels: [4001, 2001, 501].map(level).to_vec(),
        };
        let needs = [0, 1, 2].map(|level| needs_mipmaps(&pyramid, level));
        assert_eq!(needs, [false, true, true]);
    }

    #[test]
    fn where_tiles_come_fast_there_is_no_preview() {
        let pyramid = pyramid();
        let camera = camera(0.9);
        let slow = plan(&pyramid, &camera, 1.0, None, MANY, false);
        let fast = plan(&pyramid, &camera, 1.0, None, MANY, true);
        assert_eq!(fast.sharp_tiles(), slow.sharp_tiles());
        assert!(slow.tiles.iter().any(|key| key.level == 1));
        assert!(fast.tiles.iter().all(|key| key.level != 1));
    }

    #[test]
    fn retries_wait_longer_each_time_and_end() {
        let mut failure = None;
        let mut waits = Vec::new();
        for _ in 0..MOST_ATTEMPTS {
            let next = Failure::after(failure, 100.0, false);
            waits.push(next.retry_at - 100.0);
            failure = Some(next);
        }
        assert_eq!(waits, [500.0, 1000.0, 2000.0, 4000.0, f64::INFINITY]);
        assert_eq!(Failure::after(None, 0.0, true).retry_at, f64::INFINITY);
        let given_up = failure.unwrap();
        assert!(!given_up.is_over(200.0) && given_up.is_over(100.1 + PEACE));
        assert!(
            !Failure::after(None, 100.0, false).is_over(1e9),
            "it is still tried"
        );
    }
}
