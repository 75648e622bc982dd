//! Ids and codes. An id is a row's key and stays inside; a code is what people see and what addresses carry.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

ids! {
    /// A set of patients studied together.
    CohortId,
    /// A patient of one cohort.
    PatientId,
    /// One biopsy of a patient on a day.
    SpecimenId,
    /// One image file of one specimen.
    SlideId,
    /// One tissue-microarray core inside a slide, or the whole slide.
    SpotId,
    /// Where a spot's tiles lie at one tile size and mpp.
    GridId,
    /// The features of a grid's tiles under one encoder.
    BagId,
    /// An encoder with its weights.
    EncoderId,
    /// What is predicted.
    TargetId,
    /// The fold models of one training run.
    ModelId,
    /// One fitted predictor.
    FoldModelId,
    /// A piece of long work.
    JobId,
}

/// A name that is safe in an address, a file name and a log line: 1 to 64 of `A-Z a-z 0-9 - _ .`, the first a letter or
/// a digit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Code(String);

/// What is wrong with a text that should be a [`Code`].
#[derive(Debug, thiserror::Error)]
#[error(
    "'{text}' is not a code: 1 to 64 letters, digits, '-', '_' or '.', the first a letter or a digit"
)]
pub struct CodeError {
    text: String,
}

impl Code {
    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Code {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<Self, CodeError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let first_is_fine = text
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_alphanumeric());
        if first_is_fine && text.len() <= 64 && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(CodeError {
                text: text.chars().take(80).collect(),
            })
        }
    }
}

impl TryFrom<String> for Code {
    type Error = CodeError;

    fn try_from(text: String) -> Result<Self, CodeError> {
        text.parse()
    }
}

impl From<Code> for String {
    fn from(code: Code) -> Self {
        code.0
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn a_code_is_safe_in_an_address() {
        for good in ["P-0001", "SKIN-1", "a", "x_1.2"] {
            assert_eq!(good.parse::<Code>().unwrap().as_str(), good);
        }
        for bad in ["", "-a", ".", "..", "a/b", "a b", "é", &"x".repeat(65)] {
            assert!(bad.parse::<Code>().is_err(), "{bad}");
        }
    }
}
