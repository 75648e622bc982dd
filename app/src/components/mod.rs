//! What pages are made of, one component per file.

mod badge;
mod facts;
mod failure;
mod header;
mod icon;
mod interval_bar;
mod job_list;
mod model_note;
mod plot;
mod prediction_row;
mod progress_panel;
mod slide_card;
mod slide_facts;
mod slide_predictions;
mod slide_work;
mod theme_toggle;

pub use badge::SyntheticBadge;
pub use facts::Facts;
pub use failure::Failure;
pub use header::Header;
pub use icon::{Icon, IconName};
pub use interval_bar::IntervalBar;
pub use job_list::JobList;
pub use model_note::ModelNote;
pub use plot::PlotFigure;
pub use prediction_row::PredictionRow;
pub use progress_panel::ProgressPanel;
pub use slide_card::{SlideCard, SlideState};
pub use slide_facts::SlideFacts;
pub use slide_predictions::SlidePredictions;
pub use slide_work::SlideWork;
pub use theme_toggle::ThemeToggle;
