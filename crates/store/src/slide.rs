//! Slides, their spots and what was drawn into them.

use domain::geometry::{Mpp, Pyramid, SlideRect};
use domain::ids::{PatientId, SlideId, SpecimenId, SpotId};
use sqlx::types::Json;

use crate::{Store, StoreError, int4};

/// A slide to be stored.
#[derive(Clone, Debug)]
pub struct NewSlide {
    /// Whose it is.
    pub specimen: SpecimenId,
    /// Its code, as in its address.
    pub code: String,
    /// SHA-256 of the file, 64 hexadecimal digits.
    pub sha256: String,
    /// Where it lies; relative to the data folder when it lies there.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// When it was last modified: Unix time, ns.
    pub modified_ns: i64,
    /// Name of the file format.
    pub format: String,
    /// Its levels.
    pub pyramid: Pyramid,
    /// Micrometres per level-0 pixel.
    pub mpp: Mpp,
    /// Magnification of the objective, where the file names it.
    pub objective: Option<f64>,
    /// What tissue it shows, one word.
    pub tissue: String,
    /// Where it comes from, one sentence.
    pub source: String,
    /// Its spots, in order; the whole slide when it is no array.
    pub spots: Vec<SlideRect>,
}

/// What is needed to open a slide and to work on it.
#[derive(Clone, Debug, PartialEq)]
pub struct SlideFile {
    /// Its id.
    pub id: SlideId,
    /// Its code.
    pub code: String,
    /// First 12 hex digits of its SHA-256.
    pub version: String,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Where it lies; relative to the data folder when it lies there.
    pub path: String,
    /// Its length, as it was at the import.
    pub bytes: u64,
    /// When it was last modified, as it was when its hash was last found right: Unix time, ns. Not known of a slide that was
    /// imported before this was kept.
    pub modified_ns: Option<i64>,
    /// Name of the file format.
    pub format: String,
    /// Its levels.
    pub pyramid: Pyramid,
    /// Micrometres per level-0 pixel.
    pub mpp: Mpp,
    /// Whose it is.
    pub patient: PatientId,
}

/// A spot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpotRow {
    /// Its id.
    pub id: SpotId,
    /// Its number on the slide, from 0.
    pub number: u32,
    /// The part of the slide that it covers.
    pub rect: SlideRect,
}

impl Store {
    /// Stores a slide with its spots. The same file again is the same slide: its place is brought up to date and its
    /// code stays, whatever the new one is.
    ///
    /// # Errors
    /// [`crate::Rule::SlideCodeTaken`] when the code is that of another file.
    pub async fn put_slide(&self, slide: &NewSlide) -> Result<(SlideId, String), StoreError> {
        let mut transaction = self.pool.begin().await?;
        let row = sqlx::query!(
            "insert into slide (specimen_id, code, sha256, path, bytes, format, pyramid, width, height, mpp_x, mpp_y,
                 objective, tissue, source, modified_ns)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
             on conflict (sha256) do update
                 set path = excluded.path, modified_ns = excluded.modified_ns, format = excluded.format,
                     pyramid = excluded.pyramid
             returning id, code",
            slide.specimen.0,
            slide.code,
            slide.sha256,
            slide.path,
            i64::try_from(slide.bytes).unwrap_or(i64::MAX),
            slide.format,
            Json(&slide.pyramid) as _,
            int4("slide", slide.pyramid.width())?,
            int4("slide", slide.pyramid.height())?,
            slide.mpp.x,
            slide.mpp.y,
            slide.objective,
            slide.tissue,
            slide.source,
            slide.modified_ns,
        )
        .fetch_one(&mut *transaction)
        .await?;
        let count = int4("slide", slide.spots.len())?;
        for (number, spot) in (0..count).zip(&slide.spots) {
            sqlx::query!(
                "insert into spot (slide_id, number, x, y, width, height) values ($1, $2, $3, $4, $5, $6)
                 on conflict (slide_id, number) do update
                     set x = excluded.x, y = excluded.y, width = excluded.width, height = excluded.height",
                row.id,
                number,
                spot.x,
                spot.y,
                spot.width,
                spot.height,
            )
            .execute(&mut *transaction)
            .await?;
        }
        sqlx::query!(
            "delete from spot where slide_id = $1 and number >= $2",
            row.id,
            count
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok((SlideId(row.id), row.code))
    }

    /// The next free code with a prefix: `S-0001`, `S-0002` …
    ///
    /// # Errors
    /// When Postgres refuses. Two that ask at once get the same; the second to store it is refused and asks again.
    pub async fn next_slide_code(&self, prefix: &str) -> Result<String, StoreError> {
        let last = sqlx::query_scalar!(
            r#"select max(substr(code, length($1) + 2)::int) from slide
             where starts_with(code, $1 || '-') and substr(code, length($1) + 2) ~ '^\d{1,8}$'"#,
            prefix,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(format!("{prefix}-{:04}", last.unwrap_or(0) + 1))
    }

    /// What is needed to open a slide.
    ///
    /// # Errors
    /// When there is no such slide.
    pub async fn slide_file(&self, code: &str) -> Result<SlideFile, StoreError> {
        let row = sqlx::query!(
            r#"select slide.id, slide.code, version as "version!", sha256, path, bytes, modified_ns, format,
                 pyramid as "pyramid: Json<Pyramid>", mpp_x, mpp_y, specimen.patient_id
             from slide join specimen on specimen.id = slide.specimen_id
             where slide.code = $1"#,
            code,
        )
        .fetch_optional(&self.pool)
        .await?
        .ok_or_else(|| StoreError::not_found("slide", code))?;
        Ok(SlideFile {
            id: SlideId(row.id),
            code: row.code,
            version: row.version,
            sha256: row.sha256,
            path: row.path,
            bytes: row.bytes.unsigned_abs(),
            modified_ns: row.modified_ns,
            format: row.format,
            pyramid: row.pyramid.0,
            mpp: Mpp {
                x: row.mpp_x,
                y: row.mpp_y,
            },
            patient: PatientId(row.patient_id),
        })
    }

    /// Brings up to date where the file of a slide lies and when it was last modified (Unix time, ns). Its hash must have been
    /// found right.
    ///
    /// # Errors
    /// When Postgres refuses.
    pub async fn set_slide_file(
        &self,
        slide: SlideId,
        path: &str,
        modified_ns: i64,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "update slide set path = $2, modified_ns = $3 where id = $1",
            slide.0,
            path,
            modified_ns,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Brings up to date when the file of a slide was last modified (Unix time, ns), as long as it lies where it was looked at:
    /// hashing takes long, and a file imported meanwhile from another place is the one that counts. Its hash must have been found
    /// right.
    ///
    /// # Errors
    /// When Postgres refuses.
    pub async fn set_slide_time(
        &self,
        slide: SlideId,
        path: &str,
        modified_ns: i64,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "update slide set modified_ns = $3 where id = $1 and path = $2",
            slide.0,
            path,
            modified_ns,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The code of the slide with this very file, if it is one already.
    ///
    /// # Errors
    /// When Postgres refuses.
    pub async fn slide_with_hash(&self, sha256: &str) -> Result<Option<String>, StoreError> {
        Ok(
            sqlx::query_scalar!("select code from slide where sha256 = $1", sha256)
                .fetch_optional(&self.pool)
                .await?,
        )
    }

    /// The codes of all slides, or of those of one cohort, in their order.
    ///
    /// # Errors
    /// When Postgres refuses.
    pub async fn slide_codes(&self, cohort: Option<&str>) -> Result<Vec<String>, StoreError> {
        Ok(sqlx::query_scalar!(
            "select slide.code from slide
             join specimen on specimen.id = slide.specimen_id
             join patient on patient.id = specimen.patient_id
             join cohort on cohort.id = patient.cohort_id
             where cohort.key = $1 or $1 is null
             order by slide.code",
            cohort,
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// The spots of a slide, in order.
    ///
    /// # Errors
    /// When Postgres refuses.
    pub async fn spots(&self, slide: SlideId) -> Result<Vec<SpotRow>, StoreError> {
        let rows = sqlx::query!(
            "select id, number, x, y, width, height from spot where slide_id = $1 order by number",
            slide.0,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| SpotRow {
                id: SpotId(row.id),
                number: row.number.unsigned_abs(),
                rect: SlideRect {
                    x: row.x,
                    y: row.y,
                    width: row.width,
                    height: row.height,
                },
            })
            .collect())
    }

    /// Stores what was drawn into a synthetic spot.
    ///
    /// # Errors
    /// When Postgres refuses.
    pub async fn put_planted_truth(
        &self,
        spot: SpotId,
        truth: &serde_json::Value,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "insert into planted_truth (spot_id, truth) values ($1, $2)
             on conflict (spot_id) do update set truth = excluded.truth",
            spot.0,
            truth,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// What was drawn into a spot; none for a real one.
    ///
    /// # Errors
    /// When Postgres refuses.
    pub async fn planted_truth(
        &self,
        spot: SpotId,
    ) -> Result<Option<serde_json::Value>, StoreError> {
        Ok(
            sqlx::query_scalar!("select truth from planted_truth where spot_id = $1", spot.0)
                .fetch_optional(&self.pool)
                .await?,
        )
    }
}
