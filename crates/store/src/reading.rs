//! What a model says of a slide: terms and predictions, written together or not at all.

use std::collections::HashSet;

use domain::ids::{FoldModelId, GridId, ModelId, PatientId, SlideId, SpotId, TargetId};
use domain::score::Terms;
use domain::view::PredictionView;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use crate::files::hex;
use crate::{Store, StoreError, int4};

/// Everything that a model says of a slide.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Who says it.
    pub model: ModelId,
    /// Of which slide.
    pub slide: SlideId,
    /// Per entitled fold model, target and grid of the slide.
    pub terms: Vec<NewTerms>,
    /// Of the slide, its spots and its patient.
    pub predictions: Vec<NewPrediction>,
}

/// Terms to be stored.
#[derive(Clone, Debug)]
pub struct NewTerms {
    /// Of which fitted predictor.
    pub fold_model: FoldModelId,
    /// For which target.
    pub target: TargetId,
    /// On which tiles.
    pub grid: GridId,
    /// One pair per tile of the grid, in its order.
    pub terms: Terms,
}

/// A prediction to be stored.
#[derive(Clone, Copy, Debug)]
pub struct NewPrediction {
    /// For which target.
    pub target: TargetId,
    /// Of whom.
    pub of: Predicted,
    /// What is said.
    pub view: PredictionView,
    /// How many fold models spoke.
    pub fold_models: u32,
}

/// What a prediction is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Predicted {
    /// A spot.
    Spot(SpotId),
    /// A slide.
    Slide(SlideId),
    /// A patient, from all spots of one specimen.
    Patient(PatientId),
}

impl Store {
    /// Key of the model and code of the slide of every reading.
    ///
    /// # Errors
    /// When Postgres refuses.
    pub async fn predicted(&self) -> Result<HashSet<(String, String)>, StoreError> {
        let rows = sqlx::query!(
            "select model.key, slide.code from model_on_slide
             join model on model.id = model_on_slide.model_id
             join slide on slide.id = model_on_slide.slide_id"
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|row| (row.key, row.code)).collect())
    }

    /// Stores a reading in one transaction, in place of an earlier one. Returns the content version of its terms.
    ///
    /// # Errors
    /// When terms do not have one pair per tile of their grid, or are not of this slide or model; then nothing changes.
    pub async fn put_reading(&self, reading: &Reading) -> Result<String, StoreError> {
        let bytes: Vec<Vec<u8>> = reading
            .terms
            .iter()
            .map(|terms| little_endian(&terms.terms))
            .collect();
        let version = version(reading, &bytes);
        let fold_models: Vec<i64> = reading
            .terms
            .iter()
            .map(|terms| terms.fold_model.0)
            .collect();
        let targets: Vec<i64> = reading.terms.iter().map(|terms| terms.target.0).collect();
        let grids: Vec<i64> = reading.terms.iter().map(|terms| terms.grid.0).collect();

        let mut transaction = self.pool.begin().await?;
        sqlx::query!(
            "delete from terms using fold_model, tile_grid, spot
             where fold_model.id = terms.fold_model_id and tile_grid.id = terms.grid_id and spot.id = tile_grid.spot_id
                 and fold_model.model_id = $1 and spot.slide_id = $2",
            reading.model.0,
            reading.slide.0,
        )
        .execute(&mut *transaction)
        .await?;
        // The joins leave out what does not belong together; the count tells.
        let stored = sqlx::query!(
            "insert into terms (fold_model_id, target_id, grid_id, ev)
             select new.fold_model_id, new.target_id, new.grid_id, new.ev
             from unnest($3::bigint[], $4::bigint[], $5::bigint[], $6::bytea[])
                 new (fold_model_id, target_id, grid_id, ev)
             join fold_model on fold_model.id = new.fold_model_id and fold_model.model_id = $1
             join tile_grid on tile_grid.id = new.grid_id and octet_length(new.ev) = 8 * tile_grid.tiles
             join spot on spot.id = tile_grid.spot_id and spot.slide_id = $2",
            reading.model.0,
            reading.slide.0,
            &fold_models,
            &targets,
            &grids,
            &bytes,
        )
        .execute(&mut *transaction)
        .await?;
        if stored.rows_affected() != reading.terms.len() as u64 {
            return Err(StoreError::unfit(
                "reading",
                "terms are not of this slide and model, or have not one pair per tile",
            ));
        }
        for prediction in &reading.predictions {
            put_prediction(&mut transaction, reading.model, prediction).await?;
        }
        sqlx::query!(
            "insert into model_on_slide (model_id, slide_id, terms_version) values ($1, $2, $3)
             on conflict (model_id, slide_id) do update
                 set terms_version = excluded.terms_version, predicted_at = now()",
            reading.model.0,
            reading.slide.0,
            version,
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(version)
    }
}

async fn put_prediction(
    connection: &mut PgConnection,
    model: ModelId,
    prediction: &NewPrediction,
) -> Result<(), StoreError> {
    let (spot, slide, patient) = match prediction.of {
        Predicted::Spot(id) => (Some(id.0), None, None),
        Predicted::Slide(id) => (None, Some(id.0), None),
        Predicted::Patient(id) => (None, None, Some(id.0)),
    };
    sqlx::query!(
        "delete from prediction
         where model_id = $1 and target_id = $2 and (spot_id = $3 or slide_id = $4 or patient_id = $5)",
        model.0,
        prediction.target.0,
        spot,
        slide,
        patient,
    )
    .execute(&mut *connection)
    .await?;
    let view = prediction.view;
    let (low, high) = view.spread.unwrap_or((view.score, view.score));
    let probability_spread = view.probability.map(|probability| {
        view.probability_spread
            .unwrap_or((probability, probability))
    });
    sqlx::query!(
        "insert into prediction (model_id, target_id, spot_id, slide_id, patient_id, score, score_low, score_high,
             probability, probability_low, probability_high, fold_models)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        model.0,
        prediction.target.0,
        spot,
        slide,
        patient,
        view.score,
        low,
        high,
        view.probability,
        probability_spread.map(|(low, _)| low),
        probability_spread.map(|(_, high)| high),
        int4("prediction", prediction.fold_models)?,
    )
    .execute(&mut *connection)
    .await?;
    Ok(())
}

/// e, v interleaved, f32 little-endian: the form of storage and of the wire.
fn little_endian(terms: &Terms) -> Vec<u8> {
    terms
        .to_interleaved()
        .into_iter()
        .flat_map(f32::to_le_bytes)
        .collect()
}

/// First 12 hex digits of a hash over all terms, whatever order they come in.
fn version(reading: &Reading, bytes: &[Vec<u8>]) -> String {
    let mut parts: Vec<_> = reading
        .terms
        .iter()
        .zip(bytes)
        .map(|(terms, bytes)| ((terms.grid, terms.target, terms.fold_model), bytes))
        .collect();
    parts.sort_by_key(|(key, _)| *key);
    let mut hash = Sha256::new();
    for ((grid, target, fold_model), bytes) in parts {
        for id in [grid.0, target.0, fold_model.0] {
            hash.update(id.to_le_bytes());
        }
        hash.update(bytes);
    }
    hex(&hash.finalize()[..6])
}
