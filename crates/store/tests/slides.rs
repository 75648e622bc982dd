//! What the pages read is what the jobs wrote, and nobody reads what a model says of those it was trained on.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends where something is not as it should be"
)]

mod seed;

use std::time::Duration;

use domain::geometry::{Mpp, TileGrid};
use domain::target::SignKind;
use domain::view::{ObservationView, Sign};
use seed::{Seed, TILES, grid, hash, new_slide, pyramid, readout, terms_of};
use sqlx::{Connection, PgConnection};
use store::jobs::{Failure, NewJob};
use store::testing::TestDatabase;
use store::{NewCohort, NewSpecimen, Page, Rule, Store, StoreError, TakenAt};

fn rule<T: std::fmt::Debug>(result: Result<T, StoreError>) -> Rule {
    match result {
        Err(StoreError::Refused { rule }) => rule,
        other => panic!("{other:?}"),
    }
}

fn missing<T: std::fmt::Debug>(result: Result<T, StoreError>) -> (&'static str, String) {
    match result {
        Err(StoreError::NotFound { what, key }) => (what, key),
        other => panic!("{other:?}"),
    }
}

/// Writes the whole way of the data and returns the slide page of one patient, as text.
async fn whole_way(store: &Store) -> Vec<String> {
    let seed = Seed::store(store).await;
    let model = store.put_model(&seed.model("m1", 1)).await.unwrap();
    let mut pages = Vec::new();
    for patient in seed.patients.iter().chain([&seed.stranger]) {
        let reading = seed.reading(store, model, patient).await;
        store.put_reading(&reading).await.unwrap();
        let code = format!("PH-{:0>4}", &patient.code[2..]);
        pages.push(serde_json::to_string(&store.slide(&code).await.unwrap()).unwrap());
    }
    pages
}

#[tokio::test]
async fn every_write_may_be_repeated() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let first = whole_way(store).await;
    let totals = store.totals().await.unwrap();
    assert_eq!(whole_way(store).await, first);
    assert_eq!(store.totals().await.unwrap(), totals);
    assert_eq!((totals.slides, totals.tiles_encoded), (3, 15));
}

#[tokio::test]
async fn the_slide_page_shows_what_was_stored() {
    let database = TestDatabase::new().await;
    let store = database.store();
    whole_way(store).await;
    let detail = store.slide("PH-0001").await.unwrap();
    let summary = &detail.summary;
    assert_eq!(summary.version, hash(1)[..12]);
    assert_eq!(
        (summary.patient.as_str(), summary.specimen.as_str()),
        ("P-0001", "P-0001-D")
    );
    assert_eq!(
        (summary.cohort.key.as_str(), summary.cohort.synthetic),
        ("phantom", true)
    );
    assert_eq!(
        (summary.width, summary.height, summary.mpp),
        (2048, 2048, Mpp::square(0.5))
    );
    assert_eq!(
        (summary.tiles, summary.encoded, summary.models),
        (Some(TILES), true, 1)
    );
    assert_eq!(detail.pyramid, pyramid());
    assert_eq!(detail.spots.len(), 1);
    assert_eq!(detail.spots[0].grid, Some(grid()));

    let model = &detail.models[0];
    assert_eq!((model.key.as_str(), model.training_patients), ("m1", 2));
    assert!(model.in_training_cohort);
    assert_eq!(model.entitled_models, 1);
    let [del5q, sex] = &model.targets[..] else {
        panic!("{:?}", model.targets)
    };
    assert_eq!((del5q.key.as_str(), sex.key.as_str()), ("del5q", "sex"));
    assert_eq!(del5q.sign.as_ref().unwrap().kind, SignKind::Established);
    assert_eq!(sex.sign, None);
    let seen = ObservationView {
        present: true,
        allele_frequency: Some(0.4),
    };
    assert_eq!((del5q.observation, sex.observation), (Some(seen), None));
    assert_eq!(
        (
            del5q.evaluation.positives,
            del5q.evaluation.auroc.unwrap().low
        ),
        (1, 0.5)
    );
    let prediction = del5q.prediction.unwrap();
    assert_eq!(
        (prediction.score, prediction.probability),
        (0.25, Some(0.5))
    );
    assert_eq!(prediction.spread, None, "one model, no spread");
    assert_eq!(sex.prediction, None);
    assert_eq!(sex.readouts, [readout(0, 1)]);

    let other = store.slide("PH-0002").await.unwrap();
    let [del5q, sex] = &other.models[0].targets[..] else {
        panic!("two targets")
    };
    assert!(!del5q.observation.unwrap().present && sex.observation.unwrap().present);
    assert_eq!(
        missing(store.slide("PH-9999").await),
        ("slide", "PH-9999".to_owned())
    );
}

#[tokio::test]
async fn a_training_patient_is_shown_only_by_the_fold_models_that_never_saw_them() {
    let database = TestDatabase::new().await;
    let store = database.store();
    whole_way(store).await;
    let wire = |folds: &[u32], target| -> Vec<u8> {
        folds
            .iter()
            .flat_map(|&fold| terms_of(fold, target).to_interleaved())
            .flat_map(f32::to_le_bytes)
            .collect()
    };
    for (slide, folds) in [
        ("PH-0001", &[0][..]),
        ("PH-0002", &[1]),
        ("PH-0003", &[0, 1]),
    ] {
        for (place, target) in [(0, "del5q"), (1, "sex")] {
            let terms = store.terms(slide, "m1", target, 0).await.unwrap();
            assert_eq!(terms.bytes, wire(folds, place), "{slide} {target}");
            assert_eq!(terms.fold_models as usize, folds.len());
            let detail = store.slide(slide).await.unwrap();
            assert_eq!(terms.version, detail.models[0].terms_version);
            let version = store.terms_version(slide, "m1", target, 0).await.unwrap();
            assert_eq!(version, terms.version);
            let readouts: Vec<_> = folds.iter().map(|&fold| readout(fold, place)).collect();
            assert_eq!(detail.models[0].targets[place as usize].readouts, readouts);
        }
    }
    let stranger = store.slide("PH-0003").await.unwrap();
    assert!(!stranger.models[0].in_training_cohort);
    let prediction = stranger.models[0].targets[0].prediction.unwrap();
    assert_eq!(prediction.spread, Some((0.0, 1.0)));
    assert_eq!(prediction.probability_spread, Some((0.25, 0.75)));
}

#[tokio::test]
async fn terms_of_a_fold_model_that_saw_the_patient_stay_hidden_even_when_they_are_stored() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let seed = Seed::store(store).await;
    let model = store.put_model(&seed.model("m1", 1)).await.unwrap();
    let patient = &seed.patients[0];
    let mut reading = seed.reading(store, model, patient).await;
    let others = store.entitled(model, seed.patients[1].id).await.unwrap();
    for mut terms in reading.terms.clone() {
        terms.fold_model = others[0].id;
        reading.terms.push(terms);
    }
    store.put_reading(&reading).await.unwrap();
    assert_eq!(
        store
            .terms("PH-0001", "m1", "del5q", 0)
            .await
            .unwrap()
            .fold_models,
        1
    );
}

#[tokio::test]
async fn what_is_missing_of_a_name_of_terms_is_said() {
    let database = TestDatabase::new().await;
    let store = database.store();
    whole_way(store).await;
    let seed = Seed::store(store).await;
    store.put_model(&seed.model("m2", 2)).await.unwrap();
    for (slide, model, target, spot, what) in [
        ("PH-9", "m1", "del5q", 0, "slide"),
        ("PH-0001", "m9", "del5q", 0, "model"),
        ("PH-0001", "m1", "tp53", 0, "target"),
        ("PH-0001", "m1", "del5q", 1, "spot"),
        ("PH-0001", "m1", "del5q", u32::MAX, "spot"),
        (
            "PH-0001",
            "m2",
            "del5q",
            0,
            "prediction of this slide by the model",
        ),
    ] {
        for (said, key) in [
            missing(store.terms(slide, model, target, spot).await),
            missing(store.terms_version(slide, model, target, spot).await),
        ] {
            assert_eq!(said, what, "{key}");
        }
    }
}

#[tokio::test]
async fn the_version_of_terms_is_told_without_reading_them() {
    let database = TestDatabase::new().await;
    let store = database.store();
    whole_way(store).await;
    let before = store.terms("PH-0001", "m1", "del5q", 0).await.unwrap();
    let mut connection = PgConnection::connect(&database.url()).await.unwrap();
    // Whoever reads them now waits.
    sqlx::raw_sql("set lock_timeout = '10s'; begin; lock table terms in access exclusive mode")
        .execute(&mut connection)
        .await
        .unwrap();
    let version = store.terms_version("PH-0001", "m1", "del5q", 0);
    let waited = tokio::time::timeout(Duration::from_secs(30), version).await;
    assert_eq!(waited.unwrap().unwrap(), before.version);
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_reading_that_does_not_fit_changes_nothing() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let seed = Seed::store(store).await;
    let model = store.put_model(&seed.model("m1", 1)).await.unwrap();
    let patient = &seed.patients[0];
    let good = seed.reading(store, model, patient).await;
    let version = store.put_reading(&good).await.unwrap();

    let mut short = good.clone();
    short.terms[0].terms = domain::score::Terms::new(vec![1.0], vec![1.0]).unwrap();
    let mut astray = good.clone();
    astray.terms[0].grid = seed.patients[1].grid;
    for unfit in [short, astray] {
        let refused = store.put_reading(&unfit).await;
        assert!(
            matches!(refused, Err(StoreError::Unfit { .. })),
            "{refused:?}"
        );
    }
    let mut wide = good.clone();
    wide.predictions[0].view.spread = Some((0.5, 1.0));
    assert_eq!(rule(store.put_reading(&wide).await), Rule::SpreadOrdered);
    let stored = store.terms("PH-0001", "m1", "del5q", 0).await.unwrap();
    assert_eq!(stored.version, version);
    assert_eq!(stored.bytes.len() as u32, TILES * 8);

    let mut changed = good.clone();
    changed.terms[0].terms = terms_of(7, 7);
    assert_ne!(store.put_reading(&changed).await.unwrap(), version);
    changed.terms.reverse();
    let again = store.put_reading(&changed).await.unwrap();
    assert_eq!(store.put_reading(&good).await.unwrap(), version);
    assert_ne!(again, version);
}

#[tokio::test]
async fn a_model_is_read_back_and_other_weights_take_its_place_with_all_it_said() {
    let database = TestDatabase::new().await;
    let store = database.store();
    whole_way(store).await;
    let seed = Seed::store(store).await;
    let stored = store.model("m1").await.unwrap();
    assert_eq!((stored.cohort, stored.encoder), (seed.cohort, seed.encoder));
    assert_eq!(stored.targets, seed.targets);
    assert_eq!(stored.fold_models.len(), 2);
    assert_eq!(
        stored.fold_models[1].readouts,
        [readout(1, 0), readout(1, 1)]
    );
    assert_eq!(stored.spec["seed"], 7);

    let listed = store.models().await.unwrap();
    assert_eq!(
        (
            listed.len(),
            listed[0].fold_models,
            listed[0].training_patients
        ),
        (1, 2, 2)
    );
    assert_eq!(listed[0].targets.len(), 2);
    assert_eq!(
        listed[0].targets[0].evaluation.auroc.unwrap().estimate,
        0.75
    );

    let same = store.put_model(&seed.model("m1", 1)).await.unwrap();
    assert_eq!(same, stored.id);
    assert_eq!(store.slide("PH-0001").await.unwrap().models.len(), 1);
    let other = store.put_model(&seed.model("m1", 2)).await.unwrap();
    assert_ne!(other, stored.id);
    assert!(store.slide("PH-0001").await.unwrap().models.is_empty());
    assert_eq!(missing(store.model("m9").await).0, "model");

    let mut unfit = seed.model("m3", 3);
    unfit.fold_models[0].readouts.pop();
    assert!(matches!(
        store.put_model(&unfit).await,
        Err(StoreError::Unfit { .. })
    ));
    let mut unfit = seed.model("m3", 3);
    unfit.fold_models[1].readouts[1].sd = 0.0;
    assert_eq!(rule(store.put_model(&unfit).await), Rule::ReadoutSpread);
    assert_eq!(store.models().await.unwrap().len(), 1, "all or nothing");
}

#[tokio::test]
async fn the_training_set_is_the_diagnosis_of_the_cohort_with_what_is_known() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let seed = Seed::store(store).await;
    // A later specimen of the first patient is not learnt from.
    let specimen = store
        .put_specimen(&NewSpecimen {
            patient: seed.patients[0].id,
            code: "P-0001-F1".to_owned(),
            taken_at: TakenAt::FollowUp,
        })
        .await
        .unwrap();
    let slide = new_slide(specimen, "PH-0009", hash(9));
    let (slide, _) = store.put_slide(&slide).await.unwrap();
    let spot = store.spots(slide).await.unwrap()[0].id;
    let later = store.put_grid(spot, 224, 0.5, &grid()).await.unwrap();
    let file = store::files::Stored {
        name: "bags/9.bag".to_owned(),
        sha256: hash(9),
        bytes: 1,
    };
    store
        .put_bag(later, seed.encoder, &file, 5, 1280)
        .await
        .unwrap();

    let asked = [seed.targets[1], seed.targets[0]];
    let set = store
        .training_set(seed.cohort, seed.encoder, &asked)
        .await
        .unwrap();
    let codes: Vec<_> = set.iter().map(|patient| patient.code.as_str()).collect();
    assert_eq!(codes, ["P-0001", "P-0002"]);
    assert_eq!(set[0].present, [None, Some(true)]);
    assert_eq!(set[1].present, [Some(true), Some(false)]);
    let files: Vec<_> = set
        .iter()
        .flat_map(|patient| &patient.bags)
        .map(|bag| &bag.file)
        .collect();
    assert_eq!(files, ["bags/1.bag", "bags/2.bag"]);
    assert_eq!((set[0].bags[0].tiles, set[0].bags[0].dim), (TILES, 1280));
}

#[tokio::test]
async fn another_grid_takes_the_old_ones_place_and_its_bags_go_with_it() {
    let database = TestDatabase::new().await;
    let store = database.store();
    whole_way(store).await;
    let seed = Seed::store(store).await;
    let patient = &seed.patients[0];
    let again = store
        .put_grid(patient.spot, 224, 0.5, &grid())
        .await
        .unwrap();
    assert_eq!(again, patient.grid);
    assert_eq!(
        store.bags(patient.slide, seed.encoder).await.unwrap().len(),
        1
    );

    let fewer = TileGrid {
        present: vec![1, 2],
        ..grid()
    };
    let new = store
        .put_grid(patient.spot, 224, 0.5, &fewer)
        .await
        .unwrap();
    assert_ne!(new, patient.grid);
    assert_eq!(
        store.grid(patient.spot, 224, 0.5).await.unwrap(),
        Some((new, fewer))
    );
    assert_eq!(store.grid(patient.spot, 224, 0.25).await.unwrap(), None);
    let summary = store.slide("PH-0001").await.unwrap().summary;
    assert_eq!((summary.tiles, summary.encoded), (Some(2), false));
}

#[tokio::test]
async fn the_same_file_is_the_same_slide_and_a_code_is_one_slides() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let seed = Seed::store(store).await;
    let specimen = store
        .put_specimen(&NewSpecimen {
            patient: seed.stranger.id,
            code: "P-0003-D".to_owned(),
            taken_at: TakenAt::Diagnosis,
        })
        .await
        .unwrap();
    assert_eq!(store.next_slide_code("S").await.unwrap(), "S-0001");
    let mut moved = new_slide(specimen, "S-0001", hash(1));
    moved.path = "/elsewhere/scan.svs".to_owned();
    moved.modified_ns += 1;
    let (id, code) = store.put_slide(&moved).await.unwrap();
    assert_eq!((id, code.as_str()), (seed.patients[0].slide, "PH-0001"));
    let file = store.slide_file("PH-0001").await.unwrap();
    assert_eq!(
        (file.path.as_str(), file.bytes, file.modified_ns),
        ("/elsewhere/scan.svs", 12_345, Some(moved.modified_ns))
    );
    store.set_slide_file(id, "/home/scan.svs", 7).await.unwrap();
    let found = store.slide_file("PH-0001").await.unwrap();
    assert_eq!(
        (found.path.as_str(), found.modified_ns),
        ("/home/scan.svs", Some(7))
    );
    // A time is of a file at its place.
    for (path, time) in [("/elsewhere/scan.svs", 7), ("/home/scan.svs", 8)] {
        store.set_slide_time(id, path, 8).await.unwrap();
        let now = store.slide_file("PH-0001").await.unwrap();
        assert_eq!(
            (now.path, now.modified_ns),
            (found.path.clone(), Some(time))
        );
    }
    let other = store.slide_file("PH-0002").await.unwrap();
    assert_ne!((other.path, other.modified_ns), (found.path, Some(7)));
    assert_eq!(
        (file.sha256, file.version),
        (hash(1), hash(1)[..12].to_owned())
    );
    assert_eq!(
        (file.patient, file.mpp),
        (seed.patients[0].id, Mpp::square(0.5))
    );

    let clash = new_slide(specimen, "PH-0001", hash(50));
    assert_eq!(rule(store.put_slide(&clash).await), Rule::SlideCodeTaken);
    let mut bad = new_slide(specimen, "S-0001", "xyz".to_owned());
    assert_eq!(rule(store.put_slide(&bad).await), Rule::SlideHash);
    bad.sha256 = hash(50);
    bad.mpp = Mpp::square(0.0);
    assert_eq!(rule(store.put_slide(&bad).await), Rule::SlideMpp);
    bad.mpp = Mpp::square(0.25);
    bad.code = "S-0041".to_owned();
    store.put_slide(&bad).await.unwrap();
    assert_eq!(store.next_slide_code("S").await.unwrap(), "S-0042");
    assert_eq!(
        store.slide_with_hash(&hash(50)).await.unwrap().as_deref(),
        Some("S-0041")
    );
    assert_eq!(store.slide_with_hash(&hash(51)).await.unwrap(), None);
    assert_eq!(missing(store.slide_file("S-7").await).0, "slide");
}

#[tokio::test]
async fn fewer_spots_are_fewer_spots() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let seed = Seed::store(store).await;
    let specimen = store
        .put_specimen(&NewSpecimen {
            patient: seed.stranger.id,
            code: "P-0003-D".to_owned(),
            taken_at: TakenAt::Diagnosis,
        })
        .await
        .unwrap();
    let mut slide = new_slide(specimen, "TMA", hash(60));
    slide.spots = vec![slide.spots[0]; 3];
    let (id, _) = store.put_slide(&slide).await.unwrap();
    let before = store.spots(id).await.unwrap();
    assert_eq!(
        before.iter().map(|spot| spot.number).collect::<Vec<_>>(),
        [0, 1, 2]
    );
    slide.spots.pop();
    store.put_slide(&slide).await.unwrap();
    assert_eq!(store.spots(id).await.unwrap(), before[..2]);
    let summary = store.slide("TMA").await.unwrap().summary;
    assert_eq!((summary.tiles, summary.encoded), (None, false));

    let truth = serde_json::json!({ "megakaryocytes": 12 });
    store.put_planted_truth(before[0].id, &truth).await.unwrap();
    assert_eq!(
        store.planted_truth(before[0].id).await.unwrap(),
        Some(truth)
    );
    assert_eq!(store.planted_truth(before[1].id).await.unwrap(), None);
}

#[tokio::test]
async fn codes_belong_to_one_and_signs_carry_their_citation() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let seed = Seed::store(store).await;
    let other = NewCohort {
        key: "other".to_owned(),
        title: "Other".to_owned(),
        synthetic: false,
    };
    let other = store.put_cohort(&other).await.unwrap();
    assert_eq!(store.cohort("other").await.unwrap(), other);
    assert_eq!(missing(store.cohort("none").await).0, "cohort");
    assert_eq!(
        rule(store.put_patient(other, "P-0001").await),
        Rule::PatientCodeTaken
    );
    let stolen = NewSpecimen {
        patient: seed.stranger.id,
        code: "P-0001-D".to_owned(),
        taken_at: TakenAt::Diagnosis,
    };
    assert_eq!(
        rule(store.put_specimen(&stolen).await),
        Rule::SpecimenCodeTaken
    );
    let sign = Sign {
        kind: SignKind::Reported,
        text: "Seen".to_owned(),
        citation: None,
    };
    let uncited = store.put_sign(other, seed.targets[0], &sign).await;
    assert_eq!(rule(uncited), Rule::SignCited);
    let keys: Vec<_> = store
        .targets()
        .await
        .unwrap()
        .into_iter()
        .map(|(_, key)| key)
        .collect();
    assert_eq!(keys, ["del5q", "sex"]);
}

#[tokio::test]
async fn the_list_puts_photographed_slides_first_in_pages_with_the_state_of_their_jobs() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let seed = Seed::store(store).await;
    let codes = async |page| -> Vec<String> {
        let slides = store.slides(page).await.unwrap();
        slides.into_iter().map(|slide| slide.code).collect()
    };
    assert_eq!(
        codes(Page::first(10)).await,
        ["PH-0003", "PH-0001", "PH-0002"]
    );
    assert_eq!(codes(Page { skip: 1, limit: 1 }).await, ["PH-0001"]);
    assert_eq!(
        store.slide_codes(Some("phantom")).await.unwrap(),
        ["PH-0001", "PH-0002"]
    );
    assert_eq!(store.slide_codes(None).await.unwrap().len(), 3);

    let jobs = store.jobs();
    let slide = seed.patients[0].slide;
    for key in ["a", "b", "c"] {
        jobs.enqueue(&NewJob::new("encode", key, "Encode").on_slide("PH-0001"))
            .await
            .unwrap();
    }
    let failing = jobs.claim(&["encode"]).await.unwrap().unwrap();
    jobs.fail(&failing, "x", Failure::Final).await.unwrap();
    let running = jobs.claim(&["encode"]).await.unwrap().unwrap();
    assert_eq!(running.job.slide, Some(slide));
    assert_eq!(
        jobs.get(running.job.id).await.unwrap().slide.as_deref(),
        Some("PH-0001")
    );
    let counts = store.slide("PH-0001").await.unwrap().summary.jobs;
    assert_eq!((counts.queued, counts.running, counts.failed), (1, 1, 1));
}

#[tokio::test]
async fn every_rule_is_the_name_of_a_constraint_of_the_schema() {
    use sqlx::Connection;
    let database = TestDatabase::new().await;
    let mut connection = sqlx::PgConnection::connect(&database.url()).await.unwrap();
    let names: Vec<String> = sqlx::query_scalar(
        "select conname::text from pg_constraint union select relname::text from pg_class where relkind = 'i'",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    for rule in Rule::ALL {
        assert!(
            names.iter().any(|name| name == rule.constraint()),
            "{rule:?}"
        );
    }
}
