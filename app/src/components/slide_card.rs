//! A slide in the list.

use std::time::Duration;

use domain::view::SlideSummary;
use leptos::html;
use leptos::prelude::*;

use crate::components::{Icon, IconName, SyntheticBadge};
use crate::erase::Erase;
use crate::format;
use crate::pages::slide_part;

/// The pauses after which a picture that could not be had is asked for again, s.
const PAUSES: [u64; 3] = [2, 8, 30];

/// Where a slide stands, in a few words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlideState {
    /// Sorts: what needs a person comes first, what is finished last.
    pub rank: u8,
    /// The words.
    pub text: String,
}

impl SlideState {
    /// Where the slide stands.
    #[must_use]
    pub fn of(slide: &SlideSummary) -> Self {
        let jobs = slide.jobs;
        let (rank, text) = if jobs.failed > 0 {
            (
                0,
                format!("{} failed", format::count(jobs.failed, "job", "jobs")),
            )
        } else if jobs.running > 0 {
            (1, "at work".to_owned())
        } else if jobs.queued > 0 {
            (
                2,
                format!("{} waiting", format::count(jobs.queued, "job", "jobs")),
            )
        } else if jobs.cancelled > 0 {
            (
                3,
                format!("{} cancelled", format::count(jobs.cancelled, "job", "jobs")),
            )
        } else if slide.models > 0 {
            (
                6,
                format!(
                    "predicted by {}",
                    format::count(slide.models, "model", "models")
                ),
            )
        } else if slide.encoded {
            (5, "encoded, no prediction".to_owned())
        } else {
            (4, "not yet encoded".to_owned())
        };
        Self { rank, text }
    }

    const fn icon(&self) -> IconName {
        match self.rank {
            0 => IconName::Warning,
            1 => IconName::Work,
            2 | 4 => IconName::Clock,
            3 => IconName::Stop,
            _ => IconName::Check,
        }
    }

    const fn class(&self) -> &'static str {
        match self.rank {
            0 => "state state--bad",
            1..=4 => "state",
            _ => "state state--good",
        }
    }
}

/// A slide with its picture, its names and where it stands. The whole card leads to the slide.
#[component]
pub fn SlideCard(
    /// The slide.
    slide: SlideSummary,
) -> impl IntoView {
    let state = SlideState::of(&slide);
    let tiles = slide
        .tiles
        .map(|tiles| format!("\u{a0}· {}", format::count(tiles, "tile", "tiles")));
    // No line begins with the dot: the space before it does not break.
    let objective = slide
        .objective
        .map(|objective| format!("\u{a0}· {objective}×"));
    let picture = NodeRef::<html::Img>::new();
    let attempts = StoredValue::new(0);
    let ask_again = move || {
        let Some(&pause) = PAUSES.get(attempts.get_value()) else {
            return;
        };
        attempts.update_value(|attempts| *attempts += 1);
        let ask = move || {
            // The page may have been left meanwhile.
            if let Some(picture) = picture.try_get_untracked().flatten() {
                picture.set_src(&picture.src());
            }
        };
        set_timeout(ask, Duration::from_secs(pause));
    };
    // Of what failed before the page was taken over there is no event any more.
    picture.on_load(move |picture| {
        if picture.complete() && picture.natural_width() == 0 {
            ask_again();
        }
    });
    view! {
        <li class="card">
            <a
                class="card__link"
                href=format!("/slides/{}", slide.code)
                on:pointerenter=|_| slide_part::expect()
                on:focus=|_| slide_part::expect()
            >
                <span class="card__glass">
                    <img
                        node_ref=picture
                        on:error=move |_| ask_again()
                        src=format!("/slides/{}/{}/thumbnail", slide.code, slide.version)
                        alt=""
                        loading="lazy"
                        decoding="async"
                        width="512"
                        height="512"
                    />
                </span>
                <span class="card__head">
                    <span class="card__code">{slide.code.clone()}</span>
                    {slide.cohort.synthetic.then(|| view! { <SyntheticBadge /> })}
                </span>
                <span class="card__line">{format!("Patient {}", slide.patient)}</span>
                <span class="card__line num">
                    {format!("{}\u{a0}· {}", format::capitalised(&slide.tissue), format::mpp(slide.mpp))} {objective} {tiles}
                </span>
                {(!slide.findings.is_empty())
                    .then(|| view! { <span class="card__line">{format!("Observed: {}", slide.findings.join(", "))}</span> })}
                <span class=state.class()>
                    <Icon name=state.icon() />
                    {state.text.clone()}
                </span>
            </a>
        </li>
    }
    .erase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::geometry::Mpp;
    use domain::view::{CohortSummary, JobCounts};

    fn slide(encoded: bool, models: u32, jobs: JobCounts) -> SlideSummary {
        SlideSummary {
            code: "PH-0001".to_owned(),
            version: "0123456789ab".to_owned(),
            patient: "P-0001".to_owned(),
            specimen: "P-0001-D".to_owned(),
            cohort: CohortSummary {
                key: "marrow".to_owned(),
                title: "Synthetic marrow".to_owned(),
                synthetic: true,
            },
            tissue: "marrow".to_owned(),
            width: 2048,
            height: 2048,
            mpp: Mpp::square(0.5),
            objective: None,
            tiles: Some(81),
            encoded,
            models,
            findings: Vec::new(),
            jobs,
        }
    }

    #[test]
    fn a_failure_is_told_before_anything_else() {
        let jobs = JobCounts {
            queued: 3,
            running: 1,
            failed: 2,
            cancelled: 1,
        };
        assert_eq!(SlideState::of(&slide(true, 2, jobs)).text, "2 jobs failed");
    }

    #[test]
    fn a_slide_at_rest_tells_how_far_it_has_come() {
        let rest = JobCounts::default();
        assert_eq!(
            SlideState::of(&slide(true, 2, rest)).text,
            "predicted by 2 models"
        );
        assert_eq!(
            SlideState::of(&slide(true, 1, rest)).text,
            "predicted by 1 model"
        );
        assert_eq!(
            SlideState::of(&slide(true, 0, rest)).text,
            "encoded, no prediction"
        );
        assert_eq!(
            SlideState::of(&slide(false, 0, rest)).text,
            "not yet encoded"
        );
    }

    #[test]
    fn cancelled_work_is_told_before_what_is_there_and_after_what_goes_on() {
        let cancelled = JobCounts {
            cancelled: 1,
            ..JobCounts::default()
        };
        let state = |encoded, models| SlideState::of(&slide(encoded, models, cancelled));
        for state in [state(false, 0), state(true, 0), state(true, 1)] {
            assert_eq!(state.text, "1 job cancelled");
            assert_eq!(state.icon(), IconName::Stop);
            assert_eq!(state.class(), "state");
        }
    }

    #[test]
    fn a_slide_at_work_says_so() {
        let running = JobCounts {
            queued: 1,
            running: 1,
            ..JobCounts::default()
        };
        let queued = JobCounts {
            queued: 1,
            cancelled: 1,
            ..JobCounts::default()
        };
        assert_eq!(SlideState::of(&slide(false, 0, running)).text, "at work");
        assert_eq!(
            SlideState::of(&slide(false, 0, queued)).text,
            "1 job waiting"
        );
    }
}
