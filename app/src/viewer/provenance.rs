//! What stands below a picture of a view: which slide, where, how large, and how it is shown.

use domain::NOT_FOR_DIAGNOSIS;
use domain::address::ViewSpec;
use domain::camera::Camera;
use domain::colour::ColourMap;
use domain::geometry::Mpp;
use domain::layer::LayerSpec;
use domain::view::SlideSummary;
use leptos::prelude::*;

use super::format::number;
use super::image_settings::light_text;
use super::magnification::{scanned, um_per_px};
use super::position::{orientation_text, px_text, um_text};
use super::scale_bar::magnification_text;
use super::stain_settings::glass_text;
use super::state::ViewState;
use super::summary::{grade_unit, layer_title, models_title, span, value_text};
use super::told::{LayerSummary, Missing, OverlayStatus};

/// The colour bar of a layer in the picture.
pub(super) struct ColourKey {
    /// What it shows, and in what unit.
    pub title: String,
    /// Its colours.
    pub colours: ColourMap,
    /// What its values are called, with their shares of the width: the ends and, where it has a meaning, zero.
    pub marks: Vec<(f64, String)>,
}

impl ColourKey {
    fn of(layer: &LayerSpec, summary: &LayerSummary) -> Self {
        let (low, high) = summary.range;
        let shares: &[f64] = if summary.signed {
            &[0.0, 0.5, 1.0]
        } else {
            &[0.0, 1.0]
        };
        let mark = |share: &f64| {
            let value = low * (1.0 - share) + high * share;
            (*share, value_text(summary.signed, value))
        };
        let title = layer_title(&summary.target, summary.quantity, summary.minus.is_some());
        Self {
            title: [&title, ", in ", grade_unit(summary)].concat(),
            colours: layer.colour_map,
            marks: shares.iter().map(mark).collect(),
        }
    }
}

/// What stands below the picture.
pub(super) struct Provenance<'a> {
    /// The slide.
    pub summary: &'a SlideSummary,
    /// What is seen of it.
    pub camera: Camera,
    /// Its resolution.
    pub mpp: Mpp,
    /// Pixels of the picture per CSS px.
    pub sharpness: f64,
    /// What light and stain are, where not plain.
    image: Vec<String>,
    /// What the picture lacks.
    missing: Missing,
    layers: Vec<String>,
    /// The colours of the layers that are seen, the lowest first.
    pub keys: Vec<ColourKey>,
    /// Which of two views it is.
    view: Option<&'static str>,
    address: String,
}

impl Provenance<'_> {
    /// Line by line.
    pub fn lines(&self) -> Vec<String> {
        let Self {
            summary,
            camera,
            mpp,
            ..
        } = self;
        let synthetic = if summary.cohort.synthetic {
            " (synthetic)"
        } else {
            ""
        };
        let centre = (camera.centre_x, camera.centre_y);
        let um = (centre.0 * mpp.x, centre.1 * mpp.y);
        let mut place = vec![
            magnification_text(camera.zoom, summary.objective, *mpp),
            [
                &number(um_per_px(camera, *mpp) / self.sharpness),
                " µm per px of this picture",
            ]
            .concat(),
            ["centre ", &px_text(centre), " (", &um_text(um), ")"].concat(),
        ];
        let lies = orientation_text(camera);
        if !lies.is_empty() {
            place.push(lies);
        }
        let mut lines = vec![
            [
                "Slide ",
                &summary.code,
                synthetic,
                ", version ",
                &summary.version,
                &self.view.map_or_else(String::new, |view| {
                    [", ", view, " of two side by side"].concat()
                }),
                ". ",
                NOT_FOR_DIAGNOSIS,
                ".",
            ]
            .concat(),
            place.join(" · "),
        ];
        if let Some(missing) = self.missing.text() {
            let lacks = [
                "Incomplete, ",
                &missing,
                ", coarser there, striped or empty",
            ];
            lines.push(lacks.concat());
        }
        if !self.image.is_empty() {
            lines.push(self.image.join(" · "));
        }
        lines.extend(self.layers.iter().cloned());
        lines.push(self.address.clone());
        lines
    }

    /// `CODE_x_y_mag.png`, of letters that every system takes.
    pub fn file_name(&self) -> String {
        let whole = |value: f64| (value.round() as i64).to_string();
        let power = scanned(self.summary.objective, self.mpp) * self.camera.zoom;
        let power = ((power * 100.0).round() / 100.0).to_string();
        let parts = [
            &self.summary.code,
            &whole(self.camera.centre_x),
            &whole(self.camera.centre_y),
            &[&power, "x"].concat(),
        ];
        [&parts.map(String::as_str).join("_"), ".png"].concat()
    }
}

/// A layer as it is drawn, in words.
fn layer_text(layer: &LayerSpec, summary: &LayerSummary) -> String {
    let span = |ends| span(summary.signed, ends, grade_unit(summary));
    let model = models_title(&summary.model, summary.minus.as_deref());
    let opacity = ((layer.opacity * 100.0).round() as i64).to_string();
    let mut parts = vec![
        ["Heatmap ", &summary.target, " by ", &model].concat(),
        summary.quantity.title().to_owned(),
        [layer.colour_map.title(), " ", &span(summary.range)].concat(),
        ["opacity ", &opacity, " %"].concat(),
    ];
    if let Some(threshold) = layer.threshold {
        parts.push(["only ", &span(threshold)].concat());
    }
    if layer.smooth {
        parts.push("smoothed".to_owned());
    }
    parts.join(" · ")
}

/// What a viewer shows, said.
pub(super) fn provenance<'a>(
    state: ViewState,
    summary: &'a SlideSummary,
    sharpness: f64,
    missing: Missing,
    view: Option<&'static str>,
) -> Option<Provenance<'a>> {
    let camera = state.camera.get_untracked()?;
    let mut keys = Vec::new();
    let layers = if state.overlay_on.get_untracked() {
        let statuses = state.overlays.get_untracked();
        let layers = state.layers.get_untracked();
        layers
            .iter()
            .zip(&statuses)
            .filter_map(|(layer, status)| match status {
                OverlayStatus::Shown(summary) if layer.visible => {
                    keys.push(ColourKey::of(layer, summary));
                    Some(layer_text(layer, summary))
                }
                OverlayStatus::Loading | OverlayStatus::Failed(_) => Some(
                    [
                        "Heatmap ",
                        &layer.target,
                        " not drawn: its numbers were not there",
                    ]
                    .concat(),
                ),
                _ => None,
            })
            .collect()
    } else {
        Vec::new()
    };
    let stain = state.stain.get_untracked().map(|(channel, source)| {
        if untrack(|| state.is_stain_known()) {
            let glass = untrack(|| glass_text(state.glass()));
            [
                "Only ",
                channel.title(),
                ", vectors ",
                source.title(),
                ", relative to ",
                &glass,
            ]
            .concat()
        } else {
            [
                channel.title(),
                " asked for, vectors not known, shown as scanned",
            ]
            .concat()
        }
    });
    let shown = ViewSpec {
        first: untrack(|| state.spec()),
        beside: None,
    };
    let origin = window().location().origin().unwrap_or_default();
    Some(Provenance {
        summary,
        camera,
        mpp: state.mpp.get_untracked(),
        sharpness,
        image: light_text(&state.light.get_untracked())
            .into_iter()
            .chain(stain)
            .collect(),
        missing,
        layers,
        keys,
        view,
        address: [&origin, "/slides/", &summary.code, "?", &shown.to_query()].concat(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::layer_setup::default_layer;
    use super::super::test_slide;
    use super::*;
    use domain::geometry::SlideRect;
    use domain::layer::Quantity;
    use domain::score::Scale;

    #[test]
    fn a_picture_says_where_it_comes_from() {
        let rect = SlideRect {
            x: 0.0,
            y: 0.0,
            width: 2000.0,
            height: 3000.0,
        };
        let summary = test_slide::slide(Vec::new()).summary;
        let provenance = Provenance {
            summary: &summary,
            camera: Camera {
                zoom: 0.5,
                rotation: 30.0,
                ..Camera::fit(&rect, 800.0, 600.0)
            },
            mpp: summary.mpp,
            sharpness: 2.0,
            image: vec!["Brightness +10 %".to_owned()],
            missing: Missing { tiles: 2, of: 1200 },
            layers: vec!["Heatmap X".to_owned()],
            keys: Vec::new(),
            view: Some("View B"),
            address: "http://localhost/slides/PH-0001?at=1,2".to_owned(),
        };
        let lines = provenance.lines();
        assert_eq!(
            lines[0],
            "Slide PH-0001 (synthetic), version 0123456789ab, View B of two side by side. For research and teaching only, not for diagnosis."
        );
        assert_eq!(
            lines[1],
            "10.0× · 0.500 µm per px of this picture · centre x 1,000, y 1,500 px (x 500.0, y 750.0 µm) · turned 30°"
        );
        assert_eq!(
            lines[2..],
            [
                "Incomplete, 2 of 1,200 tiles of the image were not loaded, coarser there, striped or empty",
                "Brightness +10 %",
                "Heatmap X",
                "http://localhost/slides/PH-0001?at=1,2"
            ]
        );
        assert_eq!(provenance.file_name(), "PH-0001_1000_1500_10x.png");
    }

    #[test]
    fn a_layer_is_said_with_model_range_and_threshold() {
        let layer = LayerSpec {
            threshold: Some((0.1, 0.5)),
            ..default_layer("m".to_owned(), "t".to_owned())
        };
        let summary = LayerSummary {
            model: "One".to_owned(),
            minus: Some("Other".to_owned()),
            target: "SF3B1".to_owned(),
            quantity: Quantity::Contribution,
            signed: true,
            scale: Scale::Logit,
            grading: domain::layer::Grading::Value,
            range: (-0.5, 0.5),
            full_range: (-0.5, 0.5),
            extremes: None,
            tiles: 1,
            drawn: 1,
            histogram: Vec::new(),
            top: Vec::new(),
            fold_models: (1, None),
            notes: Vec::new(),
        };
        let key = ColourKey::of(&layer, &summary);
        assert_eq!(
            key.title,
            "SF3B1, Contribution, first \u{2212} second model, in log odds"
        );
        let marks = [(0.0, "\u{2212}0.500"), (0.5, "0"), (1.0, "+0.500")];
        assert_eq!(
            key.marks,
            marks.map(|(share, text)| (share, text.to_owned()))
        );
        let text = layer_text(&layer, &summary);
        assert!(
            text.starts_with("Heatmap SF3B1 by One − Other · Contribution · "),
            "{text}"
        );
        assert!(
            text.contains("\u{2212}0.500 to +0.500 log odds")
                && text.ends_with("opacity 55 % · only +0.100 to +0.500 log odds"),
            "{text}"
        );
    }
}
