//! Which findings the phantom knows, which sign each plants, and how strongly.

use domain::target::{SignKind, TargetKind};

use crate::cohort::Patient;

/// A target of the phantom cohort, with the sign that it plants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PhantomTarget {
    /// Stable key: `del5q`, `SF3B1`, `TET2`.
    pub key: &'static str,
    /// Its name on the screen.
    pub name: &'static str,
    /// What kind of finding it is.
    pub kind: TargetKind,
    /// How the planted sign is known.
    pub sign: SignKind,
    /// What is planted, in a sentence.
    pub text: &'static str,
    /// Where that is described; empty where nothing is planted.
    pub citation: &'static str,
    /// Share of the patients who have it.
    pub prevalence: f64,
    /// Smallest and largest share of the mutated allele (of aberrant metaphases for a chromosome).
    pub allele_frequency: (f32, f32),
}

/// Key of del(5q).
pub const DEL5Q: &str = "del5q";
/// Key of SF3B1.
pub const SF3B1: &str = "SF3B1";
/// Key of TET2, which plants nothing.
pub const TET2: &str = "TET2";

/// The targets of the phantom cohort, in the order of [`Patient::observations`].
pub const TARGETS: [PhantomTarget; 3] = [
    PhantomTarget {
        key: DEL5Q,
        name: "del(5q)",
        kind: TargetKind::Cytogenetic,
        sign: SignKind::Established,
        text: "More megakaryocytes, most with a single round nucleus without lobes. Drawn clearly small; in patients their size ranges from small to normal.",
        citation: "Brück et al., Blood Cancer Discovery 2021;2:238–249 (hypolobulated megakaryocytes in H&E trephines); Giagounidis et al., Leukemia 2004;18:113–119",
        prevalence: 0.40,
        allele_frequency: (0.30, 0.95),
    },
    PhantomTarget {
        key: SF3B1,
        name: "SF3B1",
        kind: TargetKind::Gene,
        sign: SignKind::Reported,
        text: "Erythroid hyperplasia and dyserythropoiesis, drawn as more and larger islands with large, budding or binucleate erythroblasts. Not specific to SF3B1: its hallmark, ring sideroblasts, needs an iron stain and is not drawn.",
        citation: "Malcovati et al., Blood 2020;136:157–170 (ineffective erythropoiesis and dysplasia; the islands are our drawing of it)",
        prevalence: 0.42,
        allele_frequency: (0.10, 0.50),
    },
    PhantomTarget {
        key: TET2,
        name: "TET2",
        kind: TargetKind::Gene,
        sign: SignKind::Null,
        text: "In this synthetic cohort no sign is planted: whatever a model says of it here is chance. This says nothing about TET2 in patients.",
        citation: "",
        prevalence: 0.40,
        allele_frequency: (0.05, 0.50),
    },
];

/// The composition that a patient's marrow is drawn with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Signs {
    /// Megakaryocytes per mm² of the spot.
    pub(crate) megakaryocytes_per_mm2: f32,
    /// Probability that a megakaryocyte is small with one lobe.
    pub(crate) hypolobated: f32,
    /// Erythroid islands per mm² of the spot.
    pub(crate) islands_per_mm2: f32,
    /// Factor on the radius of erythroid islands.
    pub(crate) island_scale: f32,
    /// Probability that an erythroblast is dysplastic.
    pub(crate) dysplastic: f32,
}

impl Signs {
    /// Marrow without any finding. Even there a few cells look like a sign.
    pub(crate) const NONE: Self = Self {
        megakaryocytes_per_mm2: 19.0,
        hypolobated: 0.05,
        islands_per_mm2: 22.0,
        island_scale: 1.0,
        dysplastic: 0.02,
    };

    /// What this patient's genotype makes of it. An effect grows with the allele frequency and is full where the clone
    /// fills the marrow; between patients without any finding there is chance enough in where things lie.
    pub(crate) fn of(patient: &Patient) -> Self {
        let strength = |key: &str, full: f32| {
            patient
                .observation(key)
                .and_then(|observation| observation.allele_frequency)
                .map_or(0.0, |frequency| (0.45 + 0.55 * frequency / full).min(1.0))
        };
        let del5q = strength(DEL5Q, 0.7);
        let sf3b1 = strength(SF3B1, 0.4);
        Self {
            megakaryocytes_per_mm2: Self::NONE.megakaryocytes_per_mm2 * (1.0 + 0.4 * del5q),
            hypolobated: Self::NONE.hypolobated + 0.90 * del5q,
            islands_per_mm2: Self::NONE.islands_per_mm2 * (1.0 + 1.5 * sf3b1),
            island_scale: 1.0 + 0.35 * sf3b1,
            dysplastic: Self::NONE.dysplastic + 0.4 * sf3b1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DEL5Q, Signs};
    use crate::cohort::Cohort;

    #[test]
    fn an_effect_grows_with_the_allele_frequency() {
        let mut patient = Cohort::new(1, 1).patients.remove(0);
        let mut hypolobated = |frequency: Option<f32>| {
            for observation in &mut patient.observations {
                let frequency = frequency.filter(|_| observation.target == DEL5Q);
                (observation.positive, observation.allele_frequency) =
                    (frequency.is_some(), frequency);
            }
            Signs::of(&patient).hypolobated
        };
        let steps = [None, Some(0.1), Some(0.3), Some(0.6)].map(&mut hypolobated);
        assert!(steps.is_sorted_by(|a, b| a < b), "{steps:?}");
        assert_eq!(steps[0], Signs::NONE.hypolobated);
        assert_eq!(hypolobated(Some(0.9)), hypolobated(Some(0.8)));
    }
}
