//! Taking a slide in: a file is opened where it lies, checked, hashed, and given a code.

mod pyramid;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use domain::geometry::{Mpp, Pyramid};
use domain::ids::{Code, SpecimenId};
use domain::view::SlideSummary;
use serde::{Deserialize, Serialize};
use slide::{OpenOptions, Slide, SlideError};
use store::files::Files;
use store::{NewCohort, NewSlide, NewSpecimen, Postgres, Rule, Store, StoreError, TakenAt};
use utoipa::ToSchema;

use crate::args::{Import, Place};
use crate::cohorts;
use crate::import::pyramid::Taken;
use crate::problem::Problem;
use crate::slide_file;

/// What an imported slide shows when nobody says what.
const TISSUE: &str = "marrow";

/// What to import.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ImportRequest {
    /// The file, on the machine that the server runs on.
    #[schema(value_type = String)]
    pub path: PathBuf,
    /// Micrometres per pixel, for files that do not say.
    pub mpp: Option<f64>,
    /// Code of the patient; a new one when not given.
    #[schema(value_type = Option<String>)]
    pub patient: Option<Code>,
    /// What tissue it shows, one word; `marrow` when not given.
    pub tissue: Option<String>,
}

/// A file that was opened and found to be a slide.
#[derive(Debug, Clone)]
pub struct Checked {
    sha256: String,
    bytes: u64,
    modified_ns: i64,
    format: String,
    pyramid: Pyramid,
    mpp: Mpp,
    objective: Option<f64>,
}

impl Checked {
    /// As a slide to be stored; its code, tissue and source are still to be said.
    pub fn new_slide(self, specimen: SpecimenId, path: String) -> NewSlide {
        NewSlide {
            specimen,
            code: String::new(),
            sha256: self.sha256,
            path,
            bytes: self.bytes,
            modified_ns: self.modified_ns,
            format: self.format,
            spots: vec![self.pyramid.bounds()],
            pyramid: self.pyramid,
            mpp: self.mpp,
            objective: self.objective,
            tissue: String::new(),
            source: String::new(),
        }
    }
}

/// Opens and hashes a file. Blocks; takes as long as reading it. Refuses a file that changes meanwhile. What it says of a failure
/// names no file.
pub fn check(path: &Path, mpp: Option<f64>) -> anyhow::Result<Checked> {
    let mpp = mpp.map(Mpp::square);
    let slide = Slide::open(path, OpenOptions { mpp })?;
    let members = slide.members();
    let sha256 = slide_file::sha256(members).map_err(|reason| SlideError::io(path, reason))?;
    slide.check_files()?;
    Ok(Checked {
        sha256,
        bytes: members.bytes(),
        modified_ns: slide_file::modified_ns(members),
        format: slide.format().to_owned(),
        pyramid: slide.pyramid().clone(),
        mpp: slide.mpp(),
        objective: slide.objective(),
    })
}

/// Where a slide's file lies: as it is stored, or in the data folder.
pub fn path_of(files: &Files, stored: &str) -> anyhow::Result<PathBuf> {
    let path = Path::new(stored);
    if path.is_absolute() {
        Ok(path.to_owned())
    } else {
        Ok(files.path(stored)?)
    }
}

/// The path of a file as it is sent and stored, which is as text: with other characters in place of what is none, it would be the
/// path of another file.
fn as_text(path: &Path) -> Result<&str, Problem> {
    path.to_str().ok_or_else(|| {
        Problem::invalid(
            "The name of the file, or of a folder that it lies in, is not written in UTF-8. Rename it and import the file again.",
        )
    })
}

/// Imports a slide and returns its code; encoding and prediction follow as jobs. The same file again is the same slide, and
/// what is said of it must be the same.
pub async fn import(
    store: &Store,
    files: &Files,
    request: ImportRequest,
) -> Result<String, Problem> {
    if !request.path.is_absolute() {
        return Err(Problem::invalid("The path of the file must be absolute."));
    }
    let word = |text: &str| {
        !text.is_empty() && text.len() <= 32 && text.chars().all(|c| c.is_alphabetic() || c == '-')
    };
    let tissue = request.tissue.as_deref().unwrap_or(TISSUE);
    if !word(tissue) {
        return Err(Problem::invalid(
            "The tissue must be one word, for example 'marrow'.",
        ));
    }
    if let Some(patient) = &request.patient
        && cohorts::is_phantom_patient(patient.as_str())
    {
        return Err(Problem::conflict(format!(
            "Codes such as {patient} are those of the synthetic patients: choose another for yours."
        )));
    }
    let Taken {
        checked,
        place,
        source,
    } = pyramid::take(store, files, &request).await?;
    if let Some(code) = store.slide_with_hash(&checked.sha256).await? {
        refuse_other_words(store, &code, &request).await?;
        let known = store.slide_file(&code).await?;
        store
            .set_slide_file(known.id, &place, checked.modified_ns)
            .await?;
        return Ok(code);
    }
    let cohort = NewCohort {
        key: "imported".into(),
        title: "Imported slides".into(),
        synthetic: false,
    };
    let cohort = store.put_cohort(&cohort).await?;
    // Two imports at once draw the same number; the second is refused and draws again.
    for _ in 0..20 {
        let code = store.next_slide_code("S").await?;
        let patient_code = match &request.patient {
            Some(patient) => patient.as_str().to_owned(),
            None => format!("P-{code}"),
        };
        let patient = match store.put_patient(cohort, &patient_code).await {
            Err(StoreError::Refused {
                rule: Rule::PatientCodeTaken,
            }) => {
                return Err(Problem::conflict(format!(
                    "Patient {patient_code} belongs to another cohort."
                )));
            }
            patient => patient?,
        };
        let specimen = NewSpecimen {
            patient,
            code: format!("{patient_code}-D"),
            taken_at: TakenAt::Diagnosis,
        };
        let specimen = store.put_specimen(&specimen).await?;
        let slide = NewSlide {
            code,
            tissue: tissue.to_owned(),
            source: source.clone(),
            ..checked.clone().new_slide(specimen, place.clone())
        };
        match store.put_slide(&slide).await {
            Ok((_, code)) => {
                // Another code: another import of the same file came in between.
                if code != slide.code {
                    refuse_other_words(store, &code, &request).await?;
                }
                return Ok(code);
            }
            Err(StoreError::Refused {
                rule: Rule::SlideCodeTaken,
            }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Problem::unavailable(
        "Too many imports at once. Try again in a moment.",
    ))
}

/// Refuses when other things are said of a file than at its import: they would change nothing.
async fn refuse_other_words(
    store: &Store,
    code: &str,
    request: &ImportRequest,
) -> Result<(), Problem> {
    let differences = differences(&store.slide(code).await?.summary, request);
    if differences.is_empty() {
        return Ok(());
    }
    Err(Problem::conflict(format!(
        "This file is slide {code} already: {}. What was said at its import stays; import it without that.",
        differences.join("; ")
    )))
}

/// What a request says of a slide that is known otherwise, in words. What it does not say is no difference.
fn differences(known: &SlideSummary, request: &ImportRequest) -> Vec<String> {
    let mut differences = Vec::new();
    if let Some(mpp) = request.mpp {
        let Mpp { x, y } = known.mpp;
        // Resolutions are computed from pixels per centimetre.
        let same = |um_per_px: f64| (mpp - um_per_px).abs() <= 1e-6 * um_per_px;
        if !(same(x) && same(y)) {
            differences.push(format!("its resolution is {x} × {y} µm/px, not {mpp}"));
        }
    }
    if let Some(patient) = &request.patient
        && patient.as_str() != known.patient
    {
        differences.push(format!("its patient is {}, not {patient}", known.patient));
    }
    if let Some(tissue) = &request.tissue
        && *tissue != known.tissue
    {
        differences.push(format!("its tissue is '{}', not '{tissue}'", known.tissue));
    }
    differences
}

/// `marrowscope import FILE`: through the server that runs on the data folder, else directly.
pub async fn from_command_line(place: &Place, import: Import) -> anyhow::Result<()> {
    let file = &import.file;
    let path =
        std::fs::canonicalize(file).with_context(|| format!("cannot find {}", file.display()))?;
    if let Err(problem) = as_text(&path) {
        bail!("cannot import {}: {}", file.display(), problem.detail());
    }
    let request = ImportRequest {
        path,
        mpp: import.mpp,
        patient: import.patient,
        tissue: import.tissue,
    };
    if let Some((address, key)) = crate::key::find(&place.data_dir) {
        match through_server(address, &key, &request).await {
            Ok(code) => {
                println!("This is slide {code}: http://{address}/slides/{code}");
                return Ok(());
            }
            Err(NotThrough::Refused(why)) => bail!("cannot import {}: {why}", file.display()),
            // The file was left behind by a server that was killed.
            Err(NotThrough::NobodyThere) => {}
        }
    }
    std::fs::create_dir_all(&place.data_dir)
        .with_context(|| format!("cannot make the data folder {}", place.data_dir.display()))?;
    let files = Files::open(&place.data_dir)?;
    let postgres = Postgres::open(place.database_url.as_deref(), &place.data_dir).await?;
    let imported = self::import(postgres.store(), &files, request).await;
    postgres.stop().await?;
    match imported {
        Ok(code) => {
            println!("This is slide {code}. It is encoded and predicted when the server runs.");
            Ok(())
        }
        Err(problem) => bail!("cannot import {}: {}", file.display(), problem.detail()),
    }
}

enum NotThrough {
    Refused(String),
    NobodyThere,
}

/// One request over a plain socket: a client library for one POST to a loopback address would be the larger half of it.
async fn through_server(
    address: std::net::SocketAddr,
    key: &str,
    request: &ImportRequest,
) -> Result<String, NotThrough> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let refused = |error: &dyn std::fmt::Display| {
        NotThrough::Refused(format!("the server did not answer: {error}"))
    };
    let mut stream = tokio::net::TcpStream::connect(address)
        .await
        .map_err(|_| NotThrough::NobodyThere)?;
    let body = serde_json::to_string(request).map_err(|error| refused(&error))?;
    let head = format!(
        "POST /api/v1/slides HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream
        .write_all(head.as_bytes())
        .await
        .map_err(|error| refused(&error))?;
    stream
        .write_all(body.as_bytes())
        .await
        .map_err(|error| refused(&error))?;
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .await
        .map_err(|error| refused(&error))?;
    let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    let body: serde_json::Value = serde_json::from_str(body).map_err(|error| refused(&error))?;
    if let Some(code) = body.get("code").and_then(serde_json::Value::as_str) {
        return Ok(code.to_owned());
    }
    let detail = body
        .get("detail")
        .and_then(serde_json::Value::as_str)
        .unwrap_or("it refused");
    Err(NotThrough::Refused(detail.to_owned()))
}
