//! Models: the fold models of a training run, with what is needed to read them and how they did.

use domain::ids::{CohortId, EncoderId, FoldModelId, ModelId, PatientId, TargetId};
use domain::score::{Readout, Scale};
use domain::target::{SignKind, TargetKind};
use domain::view::{CohortSummary, Evaluation, ModelSummary, Sign, TargetOfModel};
use sqlx::types::Json;

use crate::{Store, StoreError, count, int4};

/// A trained model to be stored, whole.
#[derive(Clone, Debug)]
pub struct NewModel {
    /// Its key, as in addresses.
    pub key: String,
    /// Its title.
    pub title: String,
    /// Which predictor, in words.
    pub predictor: String,
    /// The cohort that it was trained on.
    pub cohort: CohortId,
    /// The encoder of its bags.
    pub encoder: EncoderId,
    /// The seed of its training.
    pub seed: u64,
    /// Hash of everything that it learnt from.
    pub data_sha256: String,
    /// model.json.
    pub spec: serde_json::Value,
    /// Where it stands in menus, the least first.
    pub place: i32,
    /// Its targets, in the order of its outputs.
    pub targets: Vec<NewModelTarget>,
    /// Its fold models.
    pub fold_models: Vec<NewFoldModel>,
    /// In which fold each training patient was held out, once per repeat.
    pub held_out: Vec<(PatientId, FoldKey)>,
}

/// Which fold of which repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FoldKey {
    /// Repeat, from 0.
    pub repeat: u32,
    /// Fold, from 0.
    pub fold: u32,
}

/// A fitted predictor to be stored.
#[derive(Clone, Debug)]
pub struct NewFoldModel {
    /// Which one.
    pub key: FoldKey,
    /// Name of its weights in the file store.
    pub file: String,
    /// SHA-256 of the weights.
    pub sha256: String,
    /// One per target, in the model's order.
    pub readouts: Vec<Readout>,
}

/// A target of a model to be stored.
#[derive(Clone, Copy, Debug)]
pub struct NewModelTarget {
    /// Which one.
    pub target: TargetId,
    /// How the model did, out of fold.
    pub evaluation: Evaluation,
}

/// A model as a prediction needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredModel {
    /// Its id.
    pub id: ModelId,
    /// Its key.
    pub key: String,
    /// The cohort that it was trained on.
    pub cohort: CohortId,
    /// The encoder of its bags.
    pub encoder: EncoderId,
    /// model.json.
    pub spec: serde_json::Value,
    /// Its targets in the order of its outputs.
    pub targets: Vec<TargetId>,
    /// Its fold models, by repeat and fold.
    pub fold_models: Vec<StoredFoldModel>,
}

/// A fitted predictor.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredFoldModel {
    /// Its id.
    pub id: FoldModelId,
    /// Which one.
    pub key: FoldKey,
    /// Name of its weights in the file store.
    pub file: String,
    /// SHA-256 of the weights.
    pub sha256: String,
    /// One per target, in the model's order.
    pub readouts: Vec<Readout>,
}

impl Store {
    /// Stores a model with all that belongs to it, or nothing. The same again changes nothing; other weights under the
    /// same key take the old ones' place, and with those goes what they said.
    ///
    /// # Errors
    /// When the parts do not fit together or Postgres refuses.
    pub async fn put_model(&self, model: &NewModel) -> Result<ModelId, StoreError> {
        if model
            .fold_models
            .iter()
            .any(|fold| fold.readouts.len() != model.targets.len())
        {
            return Err(StoreError::unfit(
                "model",
                "every fold model needs a readout per target",
            ));
        }
        let hashes: Vec<String> = model
            .fold_models
            .iter()
            .map(|fold| fold.sha256.clone())
            .collect();
        let mut transaction = self.pool.begin().await?;
        sqlx::query!(
            "delete from model where key = $1
             and (data_sha256 <> $2 or encoder_id <> $3
                 or (select array_agg(sha256 order by sha256) from fold_model where model_id = model.id)
                     is distinct from (select array_agg(hash order by hash) from unnest($4::text[]) hash))",
            model.key,
            model.data_sha256,
            model.encoder.0,
            &hashes,
        )
        .execute(&mut *transaction)
        .await?;
        let id = sqlx::query_scalar!(
            "insert into model (key, title, predictor, cohort_id, encoder_id, seed, data_sha256, spec, place)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             on conflict (key) do update
                 set title = excluded.title, predictor = excluded.predictor, spec = excluded.spec, place = excluded.place
             returning id",
            model.key,
            model.title,
            model.predictor,
            model.cohort.0,
            model.encoder.0,
            model.seed.cast_signed(),
            model.data_sha256,
            model.spec,
            model.place,
        )
        .fetch_one(&mut *transaction)
        .await?;

        sqlx::query!("delete from model_target where model_id = $1", id)
            .execute(&mut *transaction)
            .await?;
        for (position, target) in (0..).zip(&model.targets) {
            sqlx::query!(
                "insert into model_target (model_id, target_id, position, evaluation) values ($1, $2, $3, $4)",
                id,
                target.target.0,
                position,
                Json(target.evaluation) as _,
            )
            .execute(&mut *transaction)
            .await?;
        }

        for fold in &model.fold_models {
            let fold_id = sqlx::query_scalar!(
                "insert into fold_model (model_id, repeat, fold, file, sha256) values ($1, $2, $3, $4, $5)
                 on conflict (model_id, repeat, fold) do update set file = excluded.file, sha256 = excluded.sha256
                 returning id",
                id,
                int4("model", fold.key.repeat)?,
                int4("model", fold.key.fold)?,
                fold.file,
                fold.sha256,
            )
            .fetch_one(&mut *transaction)
            .await?;
            sqlx::query!(
                "delete from fold_model_target where fold_model_id = $1",
                fold_id
            )
            .execute(&mut *transaction)
            .await?;
            for (target, readout) in model.targets.iter().zip(&fold.readouts) {
                sqlx::query!(
                    r#"insert into fold_model_target (fold_model_id, target_id, "offset", reference, mean, sd, scale)
                     values ($1, $2, $3, $4, $5, $6, $7)"#,
                    fold_id,
                    target.target.0,
                    readout.offset,
                    readout.reference,
                    readout.mean,
                    readout.sd,
                    readout.scale.as_str(),
                )
                .execute(&mut *transaction)
                .await?;
            }
        }

        sqlx::query!("delete from fold_membership where model_id = $1", id)
            .execute(&mut *transaction)
            .await?;
        for (patient, fold) in &model.held_out {
            sqlx::query!(
                "insert into fold_membership (model_id, repeat, patient_id, fold) values ($1, $2, $3, $4)",
                id,
                int4("model", fold.repeat)?,
                patient.0,
                int4("model", fold.fold)?,
            )
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(ModelId(id))
    }

    /// A model as a prediction needs it.
    ///
    /// # Errors
    /// When there is none with this key.
    pub async fn model(&self, key: &str) -> Result<StoredModel, StoreError> {
        let row = sqlx::query!(
            "select id, key, cohort_id, encoder_id, spec from model where key = $1",
            key
        )
        .fetch_optional(&self.pool)
        .await?
        .ok_or_else(|| StoreError::not_found("model", key))?;
        let targets = sqlx::query_scalar!(
            "select target_id from model_target where model_id = $1 order by position",
            row.id,
        )
        .fetch_all(&self.pool)
        .await?;
        let folds = sqlx::query!(
            r#"select fold_model.id, repeat, fold, file, sha256, "offset", reference, mean, sd, scale
             from fold_model
             join fold_model_target on fold_model_id = fold_model.id
             join model_target using (model_id, target_id)
             where model_id = $1
             order by repeat, fold, position"#,
            row.id,
        )
        .fetch_all(&self.pool)
        .await?;
        let mut fold_models: Vec<StoredFoldModel> = Vec::new();
        for fold in folds {
            let readout = Readout {
                offset: fold.offset,
                reference: fold.reference,
                mean: fold.mean,
                sd: fold.sd,
                scale: scale(fold.scale)?,
            };
            match fold_models.last_mut() {
                Some(last) if last.id.0 == fold.id => last.readouts.push(readout),
                _ => fold_models.push(StoredFoldModel {
                    id: FoldModelId(fold.id),
                    key: FoldKey {
                        repeat: count(fold.repeat),
                        fold: count(fold.fold),
                    },
                    file: fold.file,
                    sha256: fold.sha256,
                    readouts: vec![readout],
                }),
            }
        }
        Ok(StoredModel {
            id: ModelId(row.id),
            key: row.key,
            cohort: CohortId(row.cohort_id),
            encoder: EncoderId(row.encoder_id),
            spec: row.spec,
            targets: targets.into_iter().map(TargetId).collect(),
            fold_models,
        })
    }

    /// The models with how they did, in the order of menus.
    ///
    /// # Errors
    /// When Postgres refuses.
    pub async fn models(&self) -> Result<Vec<ModelSummary>, StoreError> {
        let rows = sqlx::query!(
            r#"select model.id, model.key, model.title, model.predictor, encoder.title as encoder,
                 cohort.key as cohort_key, cohort.title as cohort_title, cohort.synthetic,
                 (select count(distinct patient_id) from fold_membership where model_id = model.id) as "patients!",
                 (select count(*) from fold_model where model_id = model.id) as "fold_models!"
             from model
             join encoder on encoder.id = model.encoder_id
             join cohort on cohort.id = model.cohort_id
             order by model.place, model.id"#
        )
        .fetch_all(&self.pool)
        .await?;
        let targets = sqlx::query!(
            r#"select model_target.model_id, target.key, target.title, target.kind,
                 sign.kind as "sign_kind?", sign.text as "sign_text?", sign.citation,
                 evaluation as "evaluation: Json<Evaluation>"
             from model_target
             join model on model.id = model_target.model_id
             join target on target.id = model_target.target_id
             left join sign on sign.target_id = target.id and sign.cohort_id = model.cohort_id
             order by model_target.model_id, position"#
        )
        .fetch_all(&self.pool)
        .await?;
        let mut models: Vec<(i64, ModelSummary)> = rows
            .into_iter()
            .map(|row| {
                let summary = ModelSummary {
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
                    fold_models: count(row.fold_models),
                    targets: Vec::new(),
                };
                (row.id, summary)
            })
            .collect();
        for row in targets {
            // A model that was stored between the two queries is left for the next look.
            let Some((_, model)) = models.iter_mut().find(|(id, _)| *id == row.model_id) else {
                continue;
            };
            model.targets.push(TargetOfModel {
                key: row.key,
                title: row.title,
                kind: target_kind(row.kind)?,
                sign: sign(row.sign_kind, row.sign_text, row.citation)?,
                evaluation: row.evaluation.0,
            });
        }
        Ok(models.into_iter().map(|(_, model)| model).collect())
    }
}

pub(crate) fn scale(text: String) -> Result<Scale, StoreError> {
    Scale::parse(&text).ok_or_else(|| StoreError::corrupt("scale", text))
}

pub(crate) fn target_kind(text: String) -> Result<TargetKind, StoreError> {
    TargetKind::parse(&text).ok_or_else(|| StoreError::corrupt("kind of target", text))
}

pub(crate) fn sign(
    kind: Option<String>,
    text: Option<String>,
    citation: Option<String>,
) -> Result<Option<Sign>, StoreError> {
    let Some((kind, text)) = kind.zip(text) else {
        return Ok(None);
    };
    let kind = SignKind::parse(&kind).ok_or_else(|| StoreError::corrupt("kind of sign", kind))?;
    Ok(Some(Sign {
        kind,
        text,
        citation,
    }))
}
