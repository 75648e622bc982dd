//! Cohorts, patients, specimens, targets and what is known of them. Every write may be repeated.

use domain::ids::{CohortId, PatientId, SpecimenId, TargetId};
use domain::target::TargetKind;
use domain::view::Sign;

use crate::{Rule, Store, StoreError};

/// A cohort to be stored.
#[derive(Clone, Debug)]
pub struct NewCohort {
    /// Its key, as in addresses.
    pub key: String,
    /// Its title.
    pub title: String,
    /// Whether its slides are drawn.
    pub synthetic: bool,
}

/// A specimen to be stored.
#[derive(Clone, Debug)]
pub struct NewSpecimen {
    /// Whose it is.
    pub patient: PatientId,
    /// Its code, as `P-0001-D`.
    pub code: String,
    /// When it was taken.
    pub taken_at: TakenAt,
}

/// When a specimen was taken, in the course of the disease. Training uses the diagnosis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakenAt {
    /// At the diagnosis.
    Diagnosis,
    /// Later.
    FollowUp,
}

/// A target to be stored.
#[derive(Clone, Debug)]
pub struct NewTarget {
    /// Its key, as in addresses.
    pub key: String,
    /// Its name on the screen.
    pub title: String,
    /// What kind of finding it is.
    pub kind: TargetKind,
    /// What it is observed of.
    pub subject: Subject,
}

/// What a target is observed of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A specimen: a mutation, a blood count.
    Specimen,
    /// The patient: the sex.
    Patient,
}

/// A measured truth to be stored.
#[derive(Clone, Copy, Debug)]
pub struct NewObservation {
    /// Of which target.
    pub target: TargetId,
    /// Of whom.
    pub of: Observed,
    /// Whether the finding is there.
    pub present: bool,
    /// Share of reads that carry the mutation, or of metaphases that carry the aberration, 0 to 1.
    pub allele_frequency: Option<f64>,
}

/// Who was observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observed {
    /// A specimen.
    Specimen(SpecimenId),
    /// A patient.
    Patient(PatientId),
}

impl TakenAt {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Diagnosis => "diagnosis",
            Self::FollowUp => "follow_up",
        }
    }
}

impl Subject {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Specimen => "specimen",
            Self::Patient => "patient",
        }
    }
}

impl Store {
    /// Stores a cohort, or changes the one with this key.
    ///
    /// # Errors
    /// When Postgres refuses.
    pub async fn put_cohort(&self, cohort: &NewCohort) -> Result<CohortId, StoreError> {
        let id = sqlx::query_scalar!(
            "insert into cohort (key, title, synthetic) values ($1, $2, $3)
             on conflict (key) do update set title = excluded.title, synthetic = excluded.synthetic
             returning id",
            cohort.key,
            cohort.title,
            cohort.synthetic,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(CohortId(id))
    }

    /// The cohort with this key.
    ///
    /// # Errors
    /// When there is none.
    pub async fn cohort(&self, key: &str) -> Result<CohortId, StoreError> {
        sqlx::query_scalar!("select id from cohort where key = $1", key)
            .fetch_optional(&self.pool)
            .await?
            .map(CohortId)
            .ok_or_else(|| StoreError::not_found("cohort", key))
    }

    /// Stores a patient.
    ///
    /// # Errors
    /// [`Rule::PatientCodeTaken`] when the code is one of another cohort.
    pub async fn put_patient(&self, cohort: CohortId, code: &str) -> Result<PatientId, StoreError> {
        sqlx::query_scalar!(
            "insert into patient (cohort_id, code) values ($1, $2)
             on conflict (code) do update set code = excluded.code where patient.cohort_id = excluded.cohort_id
             returning id",
            cohort.0,
            code,
        )
        .fetch_optional(&self.pool)
        .await?
        .map(PatientId)
        .ok_or(StoreError::Refused {
            rule: Rule::PatientCodeTaken,
        })
    }

    /// Stores a specimen.
    ///
    /// # Errors
    /// [`Rule::SpecimenCodeTaken`] when the code is one of another patient.
    pub async fn put_specimen(&self, specimen: &NewSpecimen) -> Result<SpecimenId, StoreError> {
        sqlx::query_scalar!(
            "insert into specimen (patient_id, code, taken_at) values ($1, $2, $3)
             on conflict (code) do update set taken_at = excluded.taken_at
                 where specimen.patient_id = excluded.patient_id
             returning id",
            specimen.patient.0,
            specimen.code,
            specimen.taken_at.as_str(),
        )
        .fetch_optional(&self.pool)
        .await?
        .map(SpecimenId)
        .ok_or(StoreError::Refused {
            rule: Rule::SpecimenCodeTaken,
        })
    }

    /// Stores a target, or changes the one with this key.
    ///
    /// # Errors
    /// When Postgres refuses.
    pub async fn put_target(&self, target: &NewTarget) -> Result<TargetId, StoreError> {
        let id = sqlx::query_scalar!(
            "insert into target (key, title, kind, subject) values ($1, $2, $3, $4)
             on conflict (key) do update
                 set title = excluded.title, kind = excluded.kind, subject = excluded.subject
             returning id",
            target.key,
            target.title,
            target.kind.as_str(),
            target.subject.as_str(),
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(TargetId(id))
    }

    /// All targets, as (id, key), in the order in which they were stored.
    ///
    /// # Errors
    /// When Postgres refuses.
    pub async fn targets(&self) -> Result<Vec<(TargetId, String)>, StoreError> {
        let rows = sqlx::query!("select id, key from target order by id")
            .fetch_all(&self.pool)
            .await?;
        Ok(rows
            .into_iter()
            .map(|row| (TargetId(row.id), row.key))
            .collect())
    }

    /// Stores which sign was planted for a target in a synthetic cohort.
    ///
    /// # Errors
    /// [`Rule::SignCited`] when its citation does not go with its kind.
    pub async fn put_sign(
        &self,
        cohort: CohortId,
        target: TargetId,
        sign: &Sign,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "insert into sign (cohort_id, target_id, kind, text, citation) values ($1, $2, $3, $4, $5)
             on conflict (cohort_id, target_id) do update
                 set kind = excluded.kind, text = excluded.text, citation = excluded.citation",
            cohort.0,
            target.0,
            sign.kind.as_str(),
            sign.text,
            sign.citation,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Stores a measured truth, or corrects it.
    ///
    /// # Errors
    /// [`Rule::AlleleFrequency`] when that is no share.
    pub async fn put_observation(&self, observation: &NewObservation) -> Result<(), StoreError> {
        let (specimen, patient) = match observation.of {
            Observed::Specimen(id) => (Some(id.0), None),
            Observed::Patient(id) => (None, Some(id.0)),
        };
        let value = if observation.present { 1.0 } else { 0.0 };
        let mut transaction = self.pool.begin().await?;
        sqlx::query!(
            "delete from observation where target_id = $1 and (specimen_id = $2 or patient_id = $3)",
            observation.target.0,
            specimen,
            patient,
        )
        .execute(&mut *transaction)
        .await?;
        sqlx::query!(
            "insert into observation (target_id, specimen_id, patient_id, value, allele_frequency)
             values ($1, $2, $3, $4, $5)",
            observation.target.0,
            specimen,
            patient,
            value,
            observation.allele_frequency,
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }
}
