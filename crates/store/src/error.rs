//! What can go wrong with the database.

use std::borrow::Cow;

use domain::ids::JobId;

/// Why a query did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Postgres is not there, does not answer, or has no connection or memory left: asking again later may work.
    #[error("the database does not answer")]
    Unavailable {
        /// What happened.
        source: sqlx::Error,
    },
    /// The disk that Postgres writes to is full: nothing helps but making room. Its own log names the file.
    #[error("the disk of the database is full")]
    DiskFull,
    /// A rule of the schema forbids it.
    #[error("{rule}")]
    Refused {
        /// The rule.
        rule: Rule,
    },
    /// There is no such thing.
    #[error("there is no {what} '{key}'")]
    NotFound {
        /// What kind of thing.
        what: &'static str,
        /// How it was named.
        key: String,
    },
    /// The job was given to somebody else meanwhile, or ended.
    #[error("job {job} is no longer ours")]
    LeaseLost {
        /// The job.
        job: JobId,
    },
    /// What is stored cannot be what we wrote.
    #[error("stored {what} cannot be read: {why}")]
    Corrupt {
        /// What.
        what: &'static str,
        /// Why.
        why: String,
    },
    /// What was to be stored does not fit together.
    #[error("{what} cannot be stored: {why}")]
    Unfit {
        /// What.
        what: &'static str,
        /// Why.
        why: String,
    },
    /// Anything else that Postgres said: a mistake of ours.
    #[error("the database refused a query")]
    Database {
        /// What it said.
        source: sqlx::Error,
    },
}

impl StoreError {
    pub(crate) fn not_found(what: &'static str, key: impl ToString) -> Self {
        Self::NotFound {
            what,
            key: key.to_string(),
        }
    }

    pub(crate) fn corrupt(what: &'static str, why: impl ToString) -> Self {
        Self::Corrupt {
            what,
            why: why.to_string(),
        }
    }

    pub(crate) fn unfit(what: &'static str, why: impl ToString) -> Self {
        Self::Unfit {
            what,
            why: why.to_string(),
        }
    }

    /// Whether asking again later may work.
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

/// Classes of SQLSTATE, or whole codes, that say that the server is gone, going, not yet there or overloaded: 53200 is
/// memory, 53300 connections, and both come back by themselves.
const UNAVAILABLE: &[&str] = &[
    "08", "57P01", "57P02", "57P03", "57P05", "53200", "53300", "58",
];

/// SQLSTATE `disk_full`.
const DISK_FULL: &str = "53100";

impl From<sqlx::Error> for StoreError {
    fn from(source: sqlx::Error) -> Self {
        match &source {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable { source },
            sqlx::Error::Database(database) => {
                let code = database.code().unwrap_or(Cow::Borrowed(""));
                if code == DISK_FULL {
                    return Self::DiskFull;
                }
                if UNAVAILABLE.iter().any(|prefix| code.starts_with(prefix)) {
                    return Self::Unavailable { source };
                }
                match database.constraint().and_then(Rule::named) {
                    Some(rule) => Self::Refused { rule },
                    None => Self::Database { source },
                }
            }
            _ => Self::Database { source },
        }
    }
}

macro_rules! rules {
    ($($name:ident $constraint:literal $text:literal),+ $(,)?) => {
        /// A constraint of the schema, by its name there.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Rule {
            $(#[doc = $text] $name),+
        }

        impl Rule {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            fn named(constraint: &str) -> Option<Self> {
                match constraint {
                    $($constraint => Some(Self::$name),)+
                    _ => None,
                }
            }

            /// The name of the constraint.
            #[must_use]
            pub const fn constraint(self) -> &'static str {
                match self {
                    $(Self::$name => $constraint),+
                }
            }

            const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text),+
                }
            }
        }
    };
}

rules! {
    CohortKeyTaken "cohort_key_taken" "there is already a cohort with this key",
    PatientCodeTaken "patient_code_taken" "there is already a patient with this code",
    SpecimenCodeTaken "specimen_code_taken" "there is already a specimen with this code",
    SlideCodeTaken "slide_code_taken" "there is already another slide with this code",
    SlideFileTaken "slide_file_taken" "this very file is already a slide",
    SlideHash "slide_sha256_is_hex" "a slide's hash is 64 hexadecimal digits",
    SlideMpp "slide_mpp_plausible" "a slide's resolution lies between 0.01 and 100 µm per pixel",
    EncoderHash "encoder_sha256_is_hex" "an encoder's hash is 64 hexadecimal digits",
    BagHash "bag_sha256_is_hex" "a bag's hash is 64 hexadecimal digits",
    SignCited "sign_cited" "a sign has a citation exactly when it is established or reported",
    AlleleFrequency "observation_allele_frequency_is_share" "an allele frequency lies between 0 and 1",
    ReadoutSpread "fold_model_target_sd_positive" "a standard deviation is above zero",
    SpreadOrdered "prediction_spread_ordered" "a score lies within its spread",
    PredictedByNobody "prediction_by_somebody" "a prediction is made by at least one fold model",
    JobTaken "job_taken" "this job is already queued or running",
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text())
    }
}

#[cfg(test)]
mod tests {
    use sqlx::error::{DatabaseError, ErrorKind};

    use super::*;

    /// What Postgres says with a code.
    #[derive(Debug, thiserror::Error)]
    #[error("said by Postgres")]
    struct Said(&'static str);

    impl DatabaseError for Said {
        fn message(&self) -> &str {
            "said by Postgres"
        }

        fn code(&self) -> Option<Cow<'_, str>> {
            Some(self.0.into())
        }

        fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
            self
        }

        fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
            self
        }

        fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
            self
        }

        fn kind(&self) -> ErrorKind {
            ErrorKind::Other
        }
    }

    fn from_code(code: &'static str) -> StoreError {
        sqlx::Error::Database(Box::new(Said(code))).into()
    }

    #[test]
    fn a_code_of_postgres_says_whether_to_wait_to_make_room_or_to_mend_the_program() {
        assert!(matches!(from_code("53100"), StoreError::DiskFull));
        for passing in ["08006", "57P01", "53200", "53300", "58030"] {
            assert!(from_code(passing).is_unavailable(), "{passing}");
        }
        for ours in ["42601", "22003", ""] {
            assert!(
                matches!(from_code(ours), StoreError::Database { .. }),
                "{ours}"
            );
        }
    }
}
