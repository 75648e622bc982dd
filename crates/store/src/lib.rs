#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod cohort;
mod encoding;
mod entitled;
mod error;
pub mod files;
pub mod jobs;
mod model;
mod postgres;
mod reading;
mod slide;
mod slide_view;
pub mod testing;

pub use cluster;
pub use cohort::{NewCohort, NewObservation, NewSpecimen, NewTarget, Observed, Subject, TakenAt};
pub use encoding::{NewEncoder, ObservedPatient, StoredBag, TrainingPatient};
pub use entitled::{EntitledFoldModel, TermsBytes};
pub use error::{Rule, StoreError};
pub use model::{FoldKey, NewFoldModel, NewModel, NewModelTarget, StoredFoldModel, StoredModel};
pub use postgres::{MIGRATIONS, OpenError, Postgres};
pub use reading::{NewPrediction, NewTerms, Predicted, Reading};
pub use slide::{NewSlide, SlideFile, SpotRow};
pub use slide_view::{Page, Totals};

use sqlx::PgPool;

/// Everything that can be asked of the database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) pool: PgPool,
}

impl Store {
    /// The queue of long work.
    #[must_use]
    pub fn jobs(&self) -> jobs::Jobs {
        jobs::Jobs::new(self.pool.clone())
    }

    /// Whether Postgres answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query!(r#"select 1 as "one!""#)
            .fetch_one(&self.pool)
            .await?;
        Ok(())
    }
}

/// A count of Postgres as the screens count.
pub(crate) fn count(number: impl TryInto<u32>) -> u32 {
    number.try_into().unwrap_or(u32::MAX)
}

/// A number of ours as Postgres stores it.
pub(crate) fn int4(what: &'static str, number: impl TryInto<i32>) -> Result<i32, StoreError> {
    number
        .try_into()
        .map_err(|_| StoreError::unfit(what, "a number is too large"))
}
