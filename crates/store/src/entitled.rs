//! What may be shown of whom: a training patient only by the fold models that never saw them, anybody else by all.

use domain::ids::{FoldModelId, ModelId, PatientId};

use crate::model::FoldKey;
use crate::{Store, StoreError, count};

/// A fold model that may speak of a patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntitledFoldModel {
    /// Its id.
    pub id: FoldModelId,
    /// Which one.
    pub key: FoldKey,
}

/// The terms of one model and target on one spot, as they go over the wire: `[fold_models][tiles][2]`, e and v as f32
/// little-endian, the fold models in the order of the readouts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TermsBytes {
    /// Content version of all terms of the model on the slide.
    pub version: String,
    /// Number of entitled fold models.
    pub fold_models: u32,
    /// The numbers.
    pub bytes: Vec<u8>,
}

impl Store {
    /// The fold models of a model that may speak of a patient, by repeat and fold.
    ///
    /// # Errors
    /// When Postgres refuses.
    pub async fn entitled(
        &self,
        model: ModelId,
        patient: PatientId,
    ) -> Result<Vec<EntitledFoldModel>, StoreError> {
        let rows = sqlx::query!(
            r#"select fold_model_id as "id!", repeat as "repeat!", fold as "fold!"
             from entitled where model_id = $1 and patient_id = $2 order by repeat, fold"#,
            model.0,
            patient.0,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| EntitledFoldModel {
                id: FoldModelId(row.id),
                key: FoldKey {
                    repeat: count(row.repeat),
                    fold: count(row.fold),
                },
            })
            .collect())
    }

    /// The terms of the entitled fold models, and of no other.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] naming the slide, spot, model or target that there is not.
    pub async fn terms(
        &self,
        slide: &str,
        model: &str,
        target: &str,
        spot: u32,
    ) -> Result<TermsBytes, StoreError> {
        let spot = i32::try_from(spot).unwrap_or(i32::MAX);
        let rows = sqlx::query!(
            r#"select model_on_slide.terms_version, terms.ev
             from slide
             join specimen on specimen.id = slide.specimen_id
             join spot on spot.slide_id = slide.id and spot.number = $4
             join model on model.key = $2
             join model_on_slide on model_on_slide.model_id = model.id and model_on_slide.slide_id = slide.id
             join target on target.key = $3
             join entitled on entitled.model_id = model.id and entitled.patient_id = specimen.patient_id
             join tile_grid on tile_grid.spot_id = spot.id
             join terms on terms.fold_model_id = entitled.fold_model_id and terms.target_id = target.id
                 and terms.grid_id = tile_grid.id
             where slide.code = $1
             order by entitled.repeat, entitled.fold"#,
            slide,
            model,
            target,
            spot,
        )
        .fetch_all(&self.pool)
        .await?;
        let Some(first) = rows.first() else {
            return Err(self.what_is_missing(slide, model, target, spot).await?);
        };
        Ok(TermsBytes {
            version: first.terms_version.clone(),
            fold_models: count(rows.len()),
            bytes: rows.iter().flat_map(|row| row.ev.iter().copied()).collect(),
        })
    }

    /// The content version of terms, without reading them.
    ///
    /// # Errors
    /// As [`Store::terms`].
    pub async fn terms_version(
        &self,
        slide: &str,
        model: &str,
        target: &str,
        spot: u32,
    ) -> Result<String, StoreError> {
        let spot = i32::try_from(spot).unwrap_or(i32::MAX);
        let version = sqlx::query_scalar!(
            r#"select model_on_slide.terms_version
             from slide
             join spot on spot.slide_id = slide.id and spot.number = $4
             join model on model.key = $2
             join model_on_slide on model_on_slide.model_id = model.id and model_on_slide.slide_id = slide.id
             join target on target.key = $3
             join model_target on model_target.model_id = model.id and model_target.target_id = target.id
             where slide.code = $1"#,
            slide,
            model,
            target,
            spot,
        )
        .fetch_optional(&self.pool)
        .await?;
        match version {
            Some(version) => Ok(version),
            None => Err(self.what_is_missing(slide, model, target, spot).await?),
        }
    }

    /// Which part of the name of the terms is wrong.
    async fn what_is_missing(
        &self,
        slide: &str,
        model: &str,
        target: &str,
        spot: i32,
    ) -> Result<StoreError, StoreError> {
        let found = sqlx::query!(
            r#"select
                 exists (select from slide where code = $1) as "slide!",
                 exists (select from slide join spot on slide_id = slide.id where code = $1 and number = $4) as "spot!",
                 exists (select from model where key = $2) as "model!",
                 exists (
                     select from model_target
                     join model on model.id = model_id
                     join target on target.id = target_id
                     where model.key = $2 and target.key = $3) as "target!""#,
            slide,
            model,
            target,
            spot,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(if !found.slide {
            StoreError::not_found("slide", slide)
        } else if !found.spot {
            StoreError::not_found("spot", spot)
        } else if !found.model {
            StoreError::not_found("model", model)
        } else if !found.target {
            StoreError::not_found("target", target)
        } else {
            StoreError::not_found("prediction of this slide by the model", model)
        })
    }
}
