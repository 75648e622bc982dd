//! Which pyramid tiles are wanted, and in which order. No browser in here.

use domain::camera::Camera;
use domain::geometry::Pyramid;

use super::tile::{TileKey, edges, pixels, texture_bytes};

/// Requests under way at most: browsers allow six connections per host, and while some are decoded others can be read.
pub const MOST_REQUESTS: usize = 10;
/// Requests for what is not seen yet, under way at most.
pub const MOST_REQUESTS_AHEAD: usize = 2;
/// Tiles fetched ahead of one view at most.
const MOST_AHEAD: usize = 40;
/// How far around a view at rest tiles are fetched, shares of its size.
const AROUND: f64 = 0.3;

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

#[cfg(test)]
mod tests {
    use super::super::tile::tests::pyramid;
    use super::*;

    const MANY: usize = 256 << 20;

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
    fn where_tiles_come_fast_there_is_no_preview() {
        let pyramid = pyramid();
        let camera = camera(0.9);
        let slow = plan(&pyramid, &camera, 1.0, None, MANY, false);
        let fast = plan(&pyramid, &camera, 1.0, None, MANY, true);
        assert_eq!(fast.sharp_tiles(), slow.sharp_tiles());
        assert!(slow.tiles.iter().any(|key| key.level == 1));
        assert!(fast.tiles.iter().all(|key| key.level != 1));
    }
}
