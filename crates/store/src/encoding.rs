//! Tile grids, encoders and bags, and the set that a model is trained on.

use domain::geometry::TileGrid;
use domain::ids::{BagId, CohortId, EncoderId, GridId, PatientId, SlideId, SpotId, TargetId};

use crate::files::Stored;
use crate::{Store, StoreError, count, int4};

/// An encoder to be stored.
#[derive(Clone, Debug)]
pub struct NewEncoder {
    /// Its key.
    pub key: String,
    /// Its name on the screen.
    pub title: String,
    /// SHA-256 of its weights.
    pub sha256: String,
    /// Number of features.
    pub dim: u32,
    /// Side of the tiles that it sees, its own pixels.
    pub tile_px: u32,
    /// Resolution of the tiles that it sees, µm per pixel.
    pub mpp: f64,
}

/// A bag in the file store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBag {
    /// Its id.
    pub id: BagId,
    /// The grid of its tiles.
    pub grid: GridId,
    /// Name in the file store.
    pub file: String,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Number of tiles.
    pub tiles: u32,
    /// Number of features.
    pub dim: u32,
}

/// A patient to learn from: the bags of the diagnosis specimen and what is known.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingPatient {
    /// Its id.
    pub id: PatientId,
    /// Its code.
    pub code: String,
    /// The bags of all spots of the diagnosis specimen, in the order of slides and spots.
    pub bags: Vec<StoredBag>,
    /// Per target that was asked for: with the finding, without it, or not known.
    pub present: Vec<Option<bool>>,
}

impl Store {
    /// Stores a grid. Laying the same one again changes nothing; another one takes the old one's place, and with the old
    /// one go its bags and terms.
    ///
    /// # Errors
    /// When Postgres refuses.
    pub async fn put_grid(
        &self,
        spot: SpotId,
        tile_px: u32,
        mpp: f64,
        grid: &TileGrid,
    ) -> Result<GridId, StoreError> {
        if let Some((id, stored)) = self.grid(spot, tile_px, mpp).await?
            && stored == *grid
        {
            return Ok(id);
        }
        let tile_px = int4("grid", tile_px)?;
        let mut transaction = self.pool.begin().await?;
        sqlx::query!(
            "delete from tile_grid where spot_id = $1 and tile_px = $2 and mpp = $3",
            spot.0,
            tile_px,
            mpp,
        )
        .execute(&mut *transaction)
        .await?;
        let present: Vec<u8> = grid
            .present
            .iter()
            .flat_map(|cell| cell.to_le_bytes())
            .collect();
        let id = sqlx::query_scalar!(
            "insert into tile_grid (spot_id, tile_px, mpp, origin_x, origin_y, step_x, step_y, size_x, size_y, columns,
                 rows, tiles, present)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
             returning id",
            spot.0,
            tile_px,
            mpp,
            grid.origin_x,
            grid.origin_y,
            grid.step_x,
            grid.step_y,
            grid.size_x,
            grid.size_y,
            int4("grid", grid.columns)?,
            int4("grid", grid.rows)?,
            int4("grid", grid.len())?,
            present,
        )
        .fetch_one(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(GridId(id))
    }

    /// The grid of a spot at a tile size and resolution, once laid.
    ///
    /// # Errors
    /// When Postgres refuses.
    pub async fn grid(
        &self,
        spot: SpotId,
        tile_px: u32,
        mpp: f64,
    ) -> Result<Option<(GridId, TileGrid)>, StoreError> {
        let row = sqlx::query!(
            "select id, origin_x, origin_y, step_x, step_y, size_x, size_y, columns, rows, present
             from tile_grid where spot_id = $1 and tile_px = $2 and mpp = $3",
            spot.0,
            int4("grid", tile_px)?,
            mpp,
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| {
            let grid = TileGrid {
                origin_x: row.origin_x,
                origin_y: row.origin_y,
                step_x: row.step_x,
                step_y: row.step_y,
                size_x: row.size_x,
                size_y: row.size_y,
                columns: count(row.columns),
                rows: count(row.rows),
                present: cells(&row.present),
            };
            (GridId(row.id), grid)
        }))
    }

    /// Stores an encoder, or changes the title of the one with this key and these weights.
    ///
    /// # Errors
    /// When Postgres refuses.
    pub async fn put_encoder(&self, encoder: &NewEncoder) -> Result<EncoderId, StoreError> {
        let id = sqlx::query_scalar!(
            "insert into encoder (key, title, sha256, dim, tile_px, mpp) values ($1, $2, $3, $4, $5, $6)
             on conflict (key, sha256) do update set title = excluded.title
             returning id",
            encoder.key,
            encoder.title,
            encoder.sha256,
            int4("encoder", encoder.dim)?,
            int4("encoder", encoder.tile_px)?,
            encoder.mpp,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(EncoderId(id))
    }

    /// Stores where a bag lies.
    ///
    /// # Errors
    /// When Postgres refuses.
    pub async fn put_bag(
        &self,
        grid: GridId,
        encoder: EncoderId,
        file: &Stored,
        tiles: u64,
        dim: u32,
    ) -> Result<BagId, StoreError> {
        let id = sqlx::query_scalar!(
            "insert into bag (grid_id, encoder_id, file, sha256, tiles, dim) values ($1, $2, $3, $4, $5, $6)
             on conflict (grid_id, encoder_id) do update
                 set file = excluded.file, sha256 = excluded.sha256, tiles = excluded.tiles, dim = excluded.dim
             returning id",
            grid.0,
            encoder.0,
            file.name,
            file.sha256,
            int4("bag", tiles)?,
            int4("bag", dim)?,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(BagId(id))
    }

    /// The bags of a slide under an encoder, in the order of the spots; with fewer than there are spots, the slide is
    /// not encoded yet.
    ///
    /// # Errors
    /// When Postgres refuses.
    pub async fn bags(
        &self,
        slide: SlideId,
        encoder: EncoderId,
    ) -> Result<Vec<StoredBag>, StoreError> {
        let rows = sqlx::query!(
            "select bag.id, bag.grid_id, bag.file, bag.sha256, bag.tiles, bag.dim
             from bag
             join tile_grid on tile_grid.id = bag.grid_id
             join spot on spot.id = tile_grid.spot_id
             where spot.slide_id = $1 and bag.encoder_id = $2
             order by spot.number",
            slide.0,
            encoder.0,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| StoredBag {
                id: BagId(row.id),
                grid: GridId(row.grid_id),
                file: row.file,
                sha256: row.sha256,
                tiles: count(row.tiles),
                dim: count(row.dim),
            })
            .collect())
    }

    /// Everybody of a cohort who has bags of the diagnosis specimen, in the order of their codes.
    ///
    /// # Errors
    /// When Postgres refuses.
    pub async fn training_set(
        &self,
        cohort: CohortId,
        encoder: EncoderId,
        targets: &[TargetId],
    ) -> Result<Vec<TrainingPatient>, StoreError> {
        let rows = sqlx::query!(
            "select patient.id as patient_id, patient.code, bag.id, bag.grid_id, bag.file, bag.sha256, bag.tiles, bag.dim
             from patient
             join specimen on specimen.patient_id = patient.id and specimen.taken_at = 'diagnosis'
             join slide on slide.specimen_id = specimen.id
             join spot on spot.slide_id = slide.id
             join tile_grid on tile_grid.spot_id = spot.id
             join bag on bag.grid_id = tile_grid.id and bag.encoder_id = $2
             where patient.cohort_id = $1
             order by patient.code, slide.code, spot.number",
            cohort.0,
            encoder.0,
        )
        .fetch_all(&self.pool)
        .await?;
        let ids: Vec<i64> = targets.iter().map(|target| target.0).collect();
        let observed = sqlx::query!(
            r#"select patient.id as patient_id, asked.place as "place!", observation.value
             from unnest($2::bigint[]) with ordinality asked (target_id, place)
             join observation on observation.target_id = asked.target_id
             left join specimen on specimen.id = observation.specimen_id
             join patient on patient.id = coalesce(observation.patient_id, specimen.patient_id)
             where patient.cohort_id = $1 and coalesce(specimen.taken_at, 'diagnosis') = 'diagnosis'"#,
            cohort.0,
            &ids,
        )
        .fetch_all(&self.pool)
        .await?;

        let mut patients: Vec<TrainingPatient> = Vec::new();
        for row in rows {
            let bag = StoredBag {
                id: BagId(row.id),
                grid: GridId(row.grid_id),
                file: row.file,
                sha256: row.sha256,
                tiles: count(row.tiles),
                dim: count(row.dim),
            };
            match patients.last_mut() {
                Some(last) if last.id.0 == row.patient_id => last.bags.push(bag),
                _ => patients.push(TrainingPatient {
                    id: PatientId(row.patient_id),
                    code: row.code,
                    bags: vec![bag],
                    present: vec![None; targets.len()],
                }),
            }
        }
        for row in observed {
            let patient = patients
                .iter_mut()
                .find(|patient| patient.id.0 == row.patient_id);
            let place = usize::try_from(row.place - 1).ok();
            if let Some(present) = patient
                .zip(place)
                .and_then(|(patient, place)| patient.present.get_mut(place))
            {
                *present = Some(row.value >= 0.5);
            }
        }
        Ok(patients)
    }
}

/// What was observed of a patient for one target.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedPatient {
    /// Code of the patient.
    pub patient: String,
    /// 1 with the finding, 0 without it; none where it was not measured.
    pub value: Option<f64>,
    /// Share of reads that carry the mutation, or of metaphases that carry the aberration.
    pub allele_frequency: Option<f64>,
    /// Code of the first slide of the diagnosis specimen.
    pub slide: Option<String>,
}

impl Store {
    /// What was observed for a target, of everybody in a cohort, by the diagnosis specimen, in the order of their codes.
    ///
    /// # Errors
    /// When Postgres refuses.
    pub async fn observed(
        &self,
        cohort: CohortId,
        target: TargetId,
    ) -> Result<Vec<ObservedPatient>, StoreError> {
        let patients = sqlx::query_as!(
            ObservedPatient,
            r#"select patient.code as patient, observation.value as "value?", observation.allele_frequency as "allele_frequency?",
                 (select slide.code from slide where slide.specimen_id = specimen.id order by slide.code limit 1) as slide
             from patient
             left join specimen on specimen.patient_id = patient.id and specimen.taken_at = 'diagnosis'
             left join observation on observation.target_id = $2
                 and (observation.specimen_id = specimen.id or observation.patient_id = patient.id)
             where patient.cohort_id = $1
             order by patient.code"#,
            cohort.0,
            target.0,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(patients)
    }
}

/// Reads a presence list.
pub(crate) fn cells(present: &[u8]) -> Vec<u32> {
    present
        .as_chunks::<4>()
        .0
        .iter()
        .map(|bytes| u32::from_le_bytes(*bytes))
        .collect()
}
