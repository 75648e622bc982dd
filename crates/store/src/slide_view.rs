//! Slides as the list and the slide page show them.

use domain::geometry::{Mpp, Pyramid, SlideRect, TileGrid};
use domain::score::Readout;
use domain::view::{
    CohortSummary, Evaluation, JobCounts, ModelOnSlide, ObservationView, PredictionView,
    SlideDetail, SlideSummary, SpotView, TargetOnSlide,
};
use sqlx::types::Json;

use crate::encoding::cells;
use crate::model::{scale, sign, target_kind};
use crate::{Store, StoreError, count};

/// How much there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// Number of slides.
    pub slides: u32,
    /// Number of tiles whose features are stored.
    pub tiles_encoded: u64,
}

/// Which slides of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// How many to leave out.
    pub skip: u32,
    /// How many to list at most.
    pub limit: u32,
}

impl Page {
    /// The first ones.
    #[must_use]
    pub const fn first(limit: u32) -> Self {
        Self { skip: 0, limit }
    }
}

/// What the slide page needs beside the summary.
struct Inside {
    id: i64,
    patient_id: i64,
    specimen_id: i64,
    pyramid: Pyramid,
    format: String,
    source: String,
}

impl Store {
    /// The slides, photographed before drawn ones, then by cohort and code.
    ///
    /// # Errors
    /// When Postgres refuses.
    pub async fn slides(&self, page: Page) -> Result<Vec<SlideSummary>, StoreError> {
        let slides = self.summaries(None, page).await?;
        Ok(slides.into_iter().map(|(summary, _)| summary).collect())
    }

    /// How much there is.
    ///
    /// # Errors
    /// When Postgres refuses.
    pub async fn totals(&self) -> Result<Totals, StoreError> {
        let row = sqlx::query!(
            r#"select
                 (select count(*) from slide) as "slides!",
                 (select coalesce(sum(tiles), 0)::bigint from shown_grid
                     where exists (select from bag where grid_id = shown_grid.id)) as "tiles!""#
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(Totals {
            slides: count(row.slides),
            tiles_encoded: row.tiles.unsigned_abs(),
        })
    }

    /// Everything that the slide page shows.
    ///
    /// # Errors
    /// When there is no such slide.
    pub async fn slide(&self, code: &str) -> Result<SlideDetail, StoreError> {
        let (summary, inside) = self
            .summaries(Some(code), Page::first(1))
            .await?
            .pop()
            .ok_or_else(|| StoreError::not_found("slide", code))?;
        Ok(SlideDetail {
            spots: self.spot_views(inside.id).await?,
            models: self.models_on(&inside).await?,
            summary,
            pyramid: inside.pyramid,
            format: inside.format,
            source: inside.source,
        })
    }

    async fn summaries(
        &self,
        code: Option<&str>,
        page: Page,
    ) -> Result<Vec<(SlideSummary, Inside)>, StoreError> {
        let rows = sqlx::query!(
            r#"select slide.id, slide.code, slide.version as "version!", slide.tissue, slide.width, slide.height,
                 slide.mpp_x, slide.mpp_y, slide.objective, slide.format, slide.source,
                 slide.pyramid as "pyramid: Json<Pyramid>",
                 patient.id as patient_id, patient.code as patient,
                 specimen.id as specimen_id, specimen.code as specimen,
                 cohort.key as cohort_key, cohort.title as cohort_title, cohort.synthetic,
                 grids.tiles as "tiles?", grids.laid as "laid!", grids.encoded as "encoded!", grids.spots as "spots!",
                 (select count(*) from model_on_slide where slide_id = slide.id) as "models!",
                 array(
                     select target.title from observation join target on target.id = observation.target_id
                     where observation.value = 1
                         and (observation.specimen_id = specimen.id or observation.patient_id = patient.id)
                     order by target.id) as "findings!",
                 jobs.queued as "queued!", jobs.running as "running!", jobs.failed as "failed!",
                 jobs.cancelled as "cancelled!"
             from slide
             join specimen on specimen.id = slide.specimen_id
             join patient on patient.id = specimen.patient_id
             join cohort on cohort.id = patient.cohort_id
             cross join lateral (
                 select count(*) as spots, count(grid.id) as laid, sum(grid.tiles)::bigint as tiles,
                     count(*) filter (where grid.id is not null and not exists (
                         select from encoder where not exists (
                             select from bag where grid_id = grid.id and encoder_id = encoder.id))) as encoded
                 from spot left join shown_grid grid on grid.spot_id = spot.id
                 where spot.slide_id = slide.id) grids
             cross join lateral (
                 select
                     count(*) filter (where state = 'queued') as queued,
                     count(*) filter (where state = 'running') as running,
                     count(*) filter (where state = 'failed') as failed,
                     count(*) filter (where state = 'cancelled') as cancelled
                 from job_now where slide_id = slide.id and state <> 'done') jobs
             where slide.code = $1 or $1 is null
             order by cohort.synthetic, cohort.id, slide.code
             limit $2 offset $3"#,
            code,
            i64::from(page.limit),
            i64::from(page.skip),
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| {
                let summary = SlideSummary {
                    code: row.code,
                    version: row.version,
                    patient: row.patient,
                    specimen: row.specimen,
                    cohort: CohortSummary {
                        key: row.cohort_key,
                        title: row.cohort_title,
                        synthetic: row.synthetic,
                    },
                    tissue: row.tissue,
                    width: count(row.width),
                    height: count(row.height),
                    mpp: Mpp {
                        x: row.mpp_x,
                        y: row.mpp_y,
                    },
                    objective: row.objective,
                    tiles: row.tiles.filter(|_| row.laid == row.spots).map(count),
                    encoded: row.spots > 0 && row.encoded == row.spots,
                    models: count(row.models),
                    findings: row.findings,
                    jobs: JobCounts {
                        queued: count(row.queued),
                        running: count(row.running),
                        failed: count(row.failed),
                        cancelled: count(row.cancelled),
                    },
                };
                let inside = Inside {
                    id: row.id,
                    patient_id: row.patient_id,
                    specimen_id: row.specimen_id,
                    pyramid: row.pyramid.0,
                    format: row.format,
                    source: row.source,
                };
                (summary, inside)
            })
            .collect())
    }

    async fn spot_views(&self, slide: i64) -> Result<Vec<SpotView>, StoreError> {
        let rows = sqlx::query!(
            r#"select spot.number, spot.x, spot.y, spot.width, spot.height,
                 origin_x as "origin_x?", origin_y as "origin_y?", step_x as "step_x?", step_y as "step_y?",
                 size_x as "size_x?", size_y as "size_y?", columns as "columns?", rows as "rows?", present as "present?"
             from spot left join shown_grid grid on grid.spot_id = spot.id
             where spot.slide_id = $1 order by spot.number"#,
            slide,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| SpotView {
                number: count(row.number),
                rect: SlideRect {
                    x: row.x,
                    y: row.y,
                    width: row.width,
                    height: row.height,
                },
                grid: (|| {
                    Some(TileGrid {
                        origin_x: row.origin_x?,
                        origin_y: row.origin_y?,
                        step_x: row.step_x?,
                        step_y: row.step_y?,
                        size_x: row.size_x?,
                        size_y: row.size_y?,
                        columns: count(row.columns?),
                        rows: count(row.rows?),
                        present: cells(&row.present?),
                    })
                })(),
            })
            .collect())
    }

    async fn models_on(&self, slide: &Inside) -> Result<Vec<ModelOnSlide>, StoreError> {
        let rows = sqlx::query!(
            r#"select model.id, model.key, model.title, model.predictor, encoder.title as encoder,
                 cohort.key as cohort_key, cohort.title as cohort_title, cohort.synthetic,
                 model_on_slide.terms_version,
                 (select count(distinct patient_id) from fold_membership where model_id = model.id) as "patients!",
                 exists (select from fold_membership where model_id = model.id and patient_id = $2) as "trained_on!",
                 (select count(*) from entitled where model_id = model.id and patient_id = $2) as "entitled!"
             from model_on_slide
             join model on model.id = model_on_slide.model_id
             join encoder on encoder.id = model.encoder_id
             join cohort on cohort.id = model.cohort_id
             where model_on_slide.slide_id = $1
             order by model.place, model.id"#,
            slide.id,
            slide.patient_id,
        )
        .fetch_all(&self.pool)
        .await?;
        let mut models = Vec::with_capacity(rows.len());
        for row in rows {
            models.push(ModelOnSlide {
                targets: self.targets_on(slide, row.id).await?,
                key: row.key,
                title: row.title,
                predictor: row.predictor,
                encoder: row.encoder,
                training_cohort: CohortSummary {
                    key: row.cohort_key,
                    title: row.cohort_title,
                    synthetic: row.synthetic,
                },
                training_patients: count(row.patients),
                terms_version: row.terms_version,
                in_training_cohort: row.trained_on,
                entitled_models: count(row.entitled),
            });
        }
        Ok(models)
    }

    async fn targets_on(
        &self,
        slide: &Inside,
        model: i64,
    ) -> Result<Vec<TargetOnSlide>, StoreError> {
        let rows = sqlx::query!(
            r#"select target.id, target.key, target.title, target.kind,
                 sign.kind as "sign_kind?", sign.text as "sign_text?", sign.citation,
                 observation.value as "value?", observation.allele_frequency,
                 evaluation as "evaluation: Json<Evaluation>",
                 score as "score?", score_low as "score_low?", score_high as "score_high?",
                 probability, probability_low, probability_high, fold_models as "fold_models?"
             from model_target
             join model on model.id = model_target.model_id
             join target on target.id = model_target.target_id
             left join sign on sign.target_id = target.id and sign.cohort_id = model.cohort_id
             left join observation on observation.target_id = target.id
                 and (observation.specimen_id = $3 or observation.patient_id = $4)
             left join prediction on prediction.model_id = model.id and prediction.target_id = target.id
                 and prediction.slide_id = $1
             where model_target.model_id = $2
             order by model_target.position"#,
            slide.id,
            model,
            slide.specimen_id,
            slide.patient_id,
        )
        .fetch_all(&self.pool)
        .await?;
        let readouts = sqlx::query!(
            r#"select target_id, "offset", reference, mean, sd, scale
             from entitled
             join fold_model_target using (fold_model_id)
             where entitled.model_id = $1 and entitled.patient_id = $2
             order by repeat, fold"#,
            model,
            slide.patient_id,
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                let spread = row.fold_models.is_some_and(|models| models > 1);
                let prediction = row.score.map(|score| PredictionView {
                    score,
                    probability: row.probability,
                    spread: row.score_low.zip(row.score_high).filter(|_| spread),
                    probability_spread: row
                        .probability_low
                        .zip(row.probability_high)
                        .filter(|_| spread),
                });
                let readouts = readouts
                    .iter()
                    .filter(|readout| readout.target_id == row.id)
                    .map(|readout| {
                        Ok(Readout {
                            offset: readout.offset,
                            reference: readout.reference,
                            mean: readout.mean,
                            sd: readout.sd,
                            scale: scale(readout.scale.clone())?,
                        })
                    })
                    .collect::<Result<_, StoreError>>()?;
                Ok(TargetOnSlide {
                    key: row.key,
                    title: row.title,
                    kind: target_kind(row.kind)?,
                    sign: sign(row.sign_kind, row.sign_text, row.citation)?,
                    observation: row.value.map(|value| ObservationView {
                        present: value >= 0.5,
                        allele_frequency: row.allele_frequency,
                    }),
                    evaluation: row.evaluation.0,
                    prediction,
                    readouts,
                })
            })
            .collect()
    }
}
