//! Targets, observations and planted signs.

use serde::{Deserialize, Serialize};

/// What kind of finding a target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TargetKind {
    /// A mutated gene.
    Gene,
    /// A group of genes.
    Pathway,
    /// A chromosome aberration.
    Cytogenetic,
    /// A clinical variable.
    Clinical,
}

/// How a planted sign is known. It is shown wherever the sign is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SignKind {
    /// A citation says that it is seen in H&E trephines.
    Established,
    /// Follows from what is reported, cited; that it can be seen in H&E trephines is not shown.
    Reported,
    /// For testing the software only.
    Invented,
    /// No sign was planted: whatever a model says of this target in this cohort is chance.
    Null,
}

impl SignKind {
    /// What the screen says of a sign of this kind.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Established => "established sign",
            Self::Reported => "reported sign",
            Self::Invented => "invented for testing: not a sign of this finding",
            Self::Null => {
                "no sign planted in this synthetic cohort: what a model says of it here is chance, and says nothing about patients"
            }
        }
    }

    /// The same in a word or two.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Established => "established",
            Self::Reported => "reported",
            Self::Invented => "invented for testing",
            Self::Null => "none planted",
        }
    }

    /// The word stored in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Established => "established",
            Self::Reported => "reported",
            Self::Invented => "invented",
            Self::Null => "null",
        }
    }

    /// Reads what [`SignKind::as_str`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [
            Self::Established,
            Self::Reported,
            Self::Invented,
            Self::Null,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == text)
    }
}

impl TargetKind {
    /// The word stored in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gene => "gene",
            Self::Pathway => "pathway",
            Self::Cytogenetic => "cytogenetic",
            Self::Clinical => "clinical",
        }
    }

    /// Reads what [`TargetKind::as_str`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Gene, Self::Pathway, Self::Cytogenetic, Self::Clinical]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}
