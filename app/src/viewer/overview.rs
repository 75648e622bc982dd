//! The cells of a layer in the colours of the overview.

use domain::geometry::{SlideRect, TileGrid};
use domain::layer::{Grading, LayerSpec};

use super::cells::ramp;
use super::prepared::Prepared;
use super::told::{Overview, OverviewSpot};

/// A layer in small.
pub fn overview<'a>(
    layer: &LayerSpec,
    prepared: &Prepared,
    grids: impl Iterator<Item = (usize, &'a TileGrid)>,
) -> Overview {
    let colours = ramp(layer.colour_map);
    let range = prepared.range(layer);
    let spots = grids
        .map(|(spot, grid)| OverviewSpot {
            rect: SlideRect {
                x: grid.origin_x,
                y: grid.origin_y,
                width: f64::from(grid.columns) * grid.step_x,
                height: f64::from(grid.rows) * grid.step_y,
            },
            columns: grid.columns,
            rows: grid.rows,
            rgba: coloured(layer, &prepared.texels(grid, spot), range, &colours),
        })
        .collect();
    Overview { spots }
}

/// The colour of each cell: of its value or, where the layer is graded so, of its percentile, as the shader does it.
fn coloured(layer: &LayerSpec, texels: &[f32], range: (f64, f64), colours: &[u8]) -> Vec<u8> {
    // As narrow as the texels: the tile that a threshold was set to stays in.
    let (low, high) = layer.threshold.map_or((f32::MIN, f32::MAX), |(low, high)| {
        (low as f32, high as f32)
    });
    let last = (colours.len() / 4).saturating_sub(1);
    let colour = |&[value, grade]: &[f32; 2]| {
        // Cells without a tile have a grade that no tile has.
        if grade < -500.0 {
            return None;
        }
        let graded = match layer.grading {
            Grading::Value => value,
            Grading::Percentile => grade,
        };
        if !(low..=high).contains(&graded) {
            return None;
        }
        let place = ((f64::from(graded) - range.0) / (range.1 - range.0)).clamp(0.0, 1.0);
        let place = (place * last as f64).round() as usize;
        let &[red, green, blue, opacity] = colours.as_chunks::<4>().0.get(place)?;
        let opacity = (f64::from(opacity) * layer.opacity).round() as u8;
        Some([red, green, blue, opacity])
    };
    let (texels, _) = texels.as_chunks::<2>();
    texels
        .iter()
        .flat_map(|texel| colour(texel).unwrap_or([0; 4]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::layer_setup::default_layer;
    use super::*;
    use domain::colour::ColourMap;

    #[test]
    fn cells_have_the_colours_of_the_layer_and_are_clear_where_nothing_is_drawn() {
        let layer = LayerSpec {
            colour_map: ColourMap::Meadow,
            opacity: 1.0,
            threshold: Some((0.2, 1.0)),
            ..default_layer(String::new(), String::new())
        };
        let colours = ramp(layer.colour_map);
        let texels = [0.2, 10.0, 1.0, 90.0, 0.1, 5.0, 0.0, -1000.0];
        let cells = coloured(&layer, &texels, (0.2, 1.0), &colours);
        let (first, last) = (&colours[..4], &colours[colours.len() - 4..]);
        assert_eq!(cells, [first, last, &[0; 4], &[0; 4]].concat());
        let graded = LayerSpec {
            grading: Grading::Percentile,
            threshold: None,
            opacity: 0.5,
            ..layer
        };
        let cells = coloured(&graded, &texels, (5.0, 90.0), &colours);
        assert_eq!(cells[4..7], last[..3]);
        assert_eq!(cells[8..11], first[..3]);
        assert_eq!((cells[7], cells[11], cells[15]), (128, 128, 0));
    }
}
