//! Which slides are listed, in which order.

use domain::view::{CohortSummary, SlideSummary};

use crate::components::SlideState;

/// The order of the slides within a cohort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    #[default]
    Code,
    Patient,
    State,
}

impl Order {
    pub(super) const ALL: [Self; 3] = [Self::Code, Self::Patient, Self::State];

    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Patient => "patient",
            Self::State => "state",
        }
    }

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Code => "Code",
            Self::Patient => "Patient",
            Self::State => "State, unfinished first",
        }
    }

    pub(super) fn parse(text: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|order| order.key() == text)
            .unwrap_or_default()
    }

    fn of(self, slide: &SlideSummary) -> String {
        match self {
            Self::Code => String::new(),
            Self::Patient => slide.patient.clone(),
            Self::State => SlideState::of(slide).rank.to_string(),
        }
    }
}

/// The slides of a cohort.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Group {
    pub(super) cohort: CohortSummary,
    pub(super) slides: Vec<SlideSummary>,
}

/// Slides whose code, patient, tissue, cohort and findings hold every word of the text, by cohort: real ones first.
pub(super) fn groups(slides: Vec<SlideSummary>, filter: &str, order: Order) -> Vec<Group> {
    let filter = filter.to_ascii_lowercase();
    let matches = |slide: &SlideSummary| {
        let kind = if slide.cohort.synthetic {
            "synthetic"
        } else {
            ""
        };
        let text = [
            kind,
            &slide.code,
            &slide.patient,
            &slide.tissue,
            &slide.cohort.title,
            &slide.findings.join("\n"),
        ]
        .join("\n")
        .to_ascii_lowercase();
        filter.split_whitespace().all(|word| text.contains(word))
    };
    let mut groups: Vec<Group> = Vec::new();
    for slide in sorted(slides, order).into_iter().filter(matches) {
        match groups.last_mut() {
            Some(group) if group.cohort.key == slide.cohort.key => group.slides.push(slide),
            _ => groups.push(Group {
                cohort: slide.cohort.clone(),
                slides: vec![slide],
            }),
        }
    }
    groups
}

/// Sorted by one text per slide: sorting slides themselves, once per order, would cost the wasm module kilobytes.
fn sorted(slides: Vec<SlideSummary>, order: Order) -> Vec<SlideSummary> {
    let text = |slide: &SlideSummary| {
        let cohort = &slide.cohort;
        let real_first = if cohort.synthetic { "1" } else { "0" };
        [
            real_first,
            &cohort.title,
            &cohort.key,
            &order.of(slide),
            &slide.code,
        ]
        .join("\n")
    };
    let mut texts: Vec<(String, usize)> = slides.iter().map(text).zip(0..).collect();
    texts.sort_unstable();
    let mut slides: Vec<Option<SlideSummary>> = slides.into_iter().map(Some).collect();
    let take = |(_, place): (String, usize)| slides.get_mut(place)?.take();
    texts.into_iter().filter_map(take).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::geometry::Mpp;
    use domain::view::JobCounts;

    fn slide(code: &str, patient: &str, synthetic: bool, failed: u32) -> SlideSummary {
        SlideSummary {
            code: code.to_owned(),
            version: "0".repeat(12),
            patient: patient.to_owned(),
            specimen: format!("{patient}-D"),
            cohort: CohortSummary {
                key: if synthetic { "phantom" } else { "sample" }.to_owned(),
                title: if synthetic {
                    "Synthetic marrow"
                } else {
                    "Sample"
                }
                .to_owned(),
                synthetic,
            },
            tissue: if synthetic { "marrow" } else { "skin" }.to_owned(),
            width: 10,
            height: 10,
            mpp: Mpp::square(0.5),
            objective: None,
            tiles: None,
            encoded: false,
            models: 0,
            findings: Vec::new(),
            jobs: JobCounts {
                failed,
                ..JobCounts::default()
            },
        }
    }

    fn codes(groups: &[Group]) -> Vec<&str> {
        groups
            .iter()
            .flat_map(|group| &group.slides)
            .map(|slide| slide.code.as_str())
            .collect()
    }

    fn slides() -> Vec<SlideSummary> {
        vec![
            slide("PH-0002", "P-0001", true, 1),
            slide("PH-0001", "P-0002", true, 0),
            slide("SKIN-1", "S-1", false, 0),
        ]
    }

    #[test]
    fn real_slides_come_before_synthetic_ones() {
        assert_eq!(
            codes(&groups(slides(), "", Order::Code)),
            ["SKIN-1", "PH-0001", "PH-0002"]
        );
    }

    #[test]
    fn slides_are_ordered_as_asked() {
        assert_eq!(
            codes(&groups(slides(), "", Order::Patient)),
            ["SKIN-1", "PH-0002", "PH-0001"]
        );
        assert_eq!(
            codes(&groups(slides(), "", Order::State)),
            ["SKIN-1", "PH-0002", "PH-0001"]
        );
    }

    #[test]
    fn the_filter_looks_at_code_patient_and_tissue_in_any_case() {
        assert_eq!(
            codes(&groups(slides(), " ph-0001 ", Order::Code)),
            ["PH-0001"]
        );
        assert_eq!(codes(&groups(slides(), "p-0001", Order::Code)), ["PH-0002"]);
        assert_eq!(codes(&groups(slides(), "Skin", Order::Code)), ["SKIN-1"]);
        assert!(groups(slides(), "nothing", Order::Code).is_empty());
        assert_eq!(
            codes(&groups(slides(), "0002 synthetic", Order::Code)),
            ["PH-0001", "PH-0002"]
        );
        assert_eq!(
            codes(&groups(slides(), "ph-0002 synthetic", Order::Code)),
            ["PH-0002"]
        );
        assert!(groups(slides(), "skin synthetic", Order::Code).is_empty());
    }
}
