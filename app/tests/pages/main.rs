//! The pages as the server renders them, asked through the router, in process.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
#![cfg(feature = "ssr")]

mod fake;

use std::sync::Arc;
use std::time::Duration;

use app::{SiteAssets, router};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use domain::NOT_FOR_DIAGNOSIS;
use domain::view::JobState;
use fake::Fake;
use http_body_util::BodyExt;
use tokio::time::timeout;
use tower::ServiceExt;

struct Answer {
    status: StatusCode,
    text: String,
}

impl Answer {
    #[track_caller]
    fn says(&self, words: &[&str]) {
        for word in words {
            assert!(
                self.text.contains(word),
                "'{word}' is missing from\n{}",
                self.text
            );
        }
    }

    #[track_caller]
    fn does_not_say(&self, words: &[&str]) {
        for word in words {
            assert!(
                !self.text.contains(word),
                "'{word}' should not be in\n{}",
                self.text
            );
        }
    }
}

async fn send(fake: Fake, request: Request<Body>) -> (Answer, Arc<Fake>) {
    let fake = Arc::new(fake);
    let assets = SiteAssets {
        js: "/pkg/app.1.js".to_owned(),
        wasm: "/pkg/app.2.wasm".to_owned(),
        css: "/pkg/app.3.css".to_owned(),
        modules: vec!["/pkg/app.4.js".to_owned()],
        slide: vec!["/pkg/slide.5.wasm".to_owned()],
    };
    let answer = router(fake.clone(), assets).oneshot(request);
    // A page that never ends is to fail its own test, not to hold up all.
    let response = timeout(Duration::from_secs(30), answer)
        .await
        .unwrap()
        .unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8(body.to_vec()).unwrap();
    (Answer { status, text }, fake)
}

async fn get(fake: Fake, path: &str) -> Answer {
    send(fake, Request::get(path).body(Body::empty()).unwrap())
        .await
        .0
}

#[tokio::test]
async fn every_page_says_what_it_is_not_for() {
    for path in [
        "/",
        "/slides/PH-0001",
        "/slides/NONE",
        "/models",
        "/models/attention-a/del5q",
        "/status",
        "/no/such/page",
    ] {
        get(Fake::at_rest(), path).await.says(&[
            NOT_FOR_DIAGNOSIS,
            "<title>",
            "/pkg/app.1.js",
            "/pkg/app.2.wasm",
            "/pkg/app.3.css",
            "/pkg/app.4.js",
        ]);
    }
}

#[tokio::test]
async fn the_code_of_the_slide_page_is_fetched_with_that_page_and_with_no_other() {
    let link = r#"<link rel="preload" href="/pkg/slide.5.wasm" as="fetch" type="application/wasm" crossorigin"#;
    get(Fake::at_rest(), "/slides/PH-0001").await.says(&[link]);
    for path in ["/", "/models", "/status", "/no/such/page"] {
        get(Fake::at_rest(), path)
            .await
            .does_not_say(&["/pkg/slide.5.wasm"]);
    }
}

#[tokio::test]
async fn the_list_shows_every_slide_with_its_picture_and_state() {
    let page = get(Fake::at_rest(), "/").await;
    assert_eq!(page.status, StatusCode::OK);
    page.says(&[
        "/slides/SKIN-1/0123456789ab/thumbnail",
        "/slides/PH-0002/0123456789ab/thumbnail",
        "predicted by 2 models",
        "Observed: del(5q)",
        "Models trained on this cohort",
        "<title>Slides · Marrowscope</title>",
    ]);
    page.does_not_say(&["At work", "waiting"]);
}

#[tokio::test]
async fn synthetic_slides_are_called_so_in_the_list_and_on_their_page() {
    let list = get(Fake::at_rest(), "/").await;
    // Two cards, and the cohort.
    assert_eq!(list.text.matches(">synthetic<").count(), 3);
    get(Fake::at_rest(), "/slides/PH-0001")
        .await
        .says(&[">synthetic<"]);
}

#[tokio::test]
async fn an_empty_list_tells_how_to_fill_it() {
    get(Fake::empty(), "/")
        .await
        .says(&["No slides yet", "marrowscope import FILE"]);
    let at_work = Fake {
        progress: Fake::at_work().progress,
        ..Fake::empty()
    };
    get(at_work, "/")
        .await
        .says(&["The first slides are on their way"]);
}

#[tokio::test]
async fn the_list_tells_what_runs_what_waits_and_what_has_failed() {
    get(Fake::at_work(), "/").await.says(&[
        "7 of 9 jobs done, 1 failed",
        "40 of 81 tiles · 34 tiles/s · 1 s left",
        "1 job waiting",
        "The slide is cut short at byte 4,096. (3 tries)",
        "Retry: Encode PH-0003",
        "Cancel: Encode PH-0001",
    ]);
}

#[tokio::test]
async fn a_slide_shows_predictions_with_all_that_they_rest_on() {
    let page = get(Fake::at_rest(), "/slides/PH-0001").await;
    assert_eq!(page.status, StatusCode::OK);
    page.says(&[
        "Probability 0.81",
        "one model, no spread",
        "16 patients with and 32 without",
        "AUROC 0.93 (0.85–0.98)",
        "not shown to beat chance",
        "only the one fold model that has never seen them",
        "Established sign",
        "Small megakaryocytes",
        "No sign planted",
        "allele frequency 32 %",
    ]);
    page.does_not_say(&["means nothing"]);
}

#[tokio::test]
async fn the_slide_of_skin_is_named_as_such_and_its_predictions_as_meaningless() {
    get(Fake::at_rest(), "/slides/SKIN-1").await.says(&[
        "Skin, not marrow",
        "means nothing",
        "spread 0.72–0.86 over 5 models",
        "Mean of 5 fold models",
        "Observed: not known",
    ]);
}

#[tokio::test]
async fn a_slide_at_work_shows_its_own_jobs_only() {
    let page = get(Fake::at_work(), "/slides/PH-0001").await;
    page.says(&["Work on this slide", "Cancel: Encode PH-0001"]);
    page.does_not_say(&["Cancel: Encode PH-0002"]);
}

#[tokio::test]
async fn cancelled_jobs_stay_in_the_list_quietly_and_can_be_retried() {
    let page = get(Fake::held_up(JobState::Cancelled), "/").await;
    page.says(&[
        "id=\"progress\"",
        "No jobs running",
        "Retry: Encode PH-0002",
        "40 of 81 tiles",
    ]);
    // Once for the queue, once on the slide's card.
    assert_eq!(page.text.matches("1 job cancelled").count(), 2);
    page.does_not_say(&["Needs attention", "At work", "waiting"]);
    get(Fake::held_up(JobState::Failed), "/")
        .await
        .says(&["Needs attention", "1 job failed"]);
}

#[tokio::test]
async fn a_slide_that_is_held_up_does_not_promise_predictions() {
    for (state, word) in [
        (JobState::Cancelled, "</svg>cancelled"),
        (JobState::Failed, "</svg>failed"),
    ] {
        let page = get(Fake::held_up(state), "/slides/PH-0002").await;
        page.says(&[
            "Its tiles are not encoded yet.",
            "predictions follow only when it is retried",
            "Retry: Encode PH-0002",
            word,
        ]);
        page.does_not_say(&["by themselves", "Predictions follow once"]);
    }
    let waiting = get(Fake::held_up(JobState::Queued), "/slides/PH-0002").await;
    waiting.says(&["Predictions follow once they are and a model has been trained."]);
    waiting.does_not_say(&["retried"]);
}

#[tokio::test]
async fn what_is_not_there_is_answered_with_404() {
    let slide = get(Fake::at_rest(), "/slides/NONE").await;
    assert_eq!(slide.status, StatusCode::NOT_FOUND);
    slide.says(&["There is no slide NONE.", "choose a slide from the list"]);
    assert_eq!(
        get(Fake::at_rest(), "/slides/%3Cscript%3E").await.status,
        StatusCode::NOT_FOUND
    );
    let page = get(Fake::at_rest(), "/no/such/page").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    page.says(&["There is no page at this address."]);
}

#[tokio::test]
async fn a_database_that_is_gone_is_answered_with_503_and_a_way_on() {
    for path in ["/", "/slides/PH-0001"] {
        let page = get(Fake::without_database(), path).await;
        assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        page.says(&["The database does not answer.", "Try again"]);
    }
}

#[tokio::test]
async fn the_models_page_shows_every_target_with_n_interval_and_doubts() {
    let page = get(Fake::at_rest(), "/models").await;
    assert_eq!(page.status, StatusCode::OK);
    page.says(&[
        "id=\"model-attention-a\"",
        "href=\"/models/attention-a/del5q\"",
        "0.93 (0.85–0.98)",
        "16 / 32",
        "conditional on these models",
        "may be chance",
        "synthetic",
    ]);
    page.does_not_say(&["id=\"model-attention-b\""]);
    let page = get(Fake::at_rest(), "/models?model=attention-b").await;
    page.says(&["id=\"model-attention-b\""]);
}

#[tokio::test]
async fn the_page_of_a_target_shows_plots_folds_and_where_numbers_come_from() {
    let page = get(Fake::at_rest(), "/models/attention-a/del5q").await;
    assert_eq!(page.status, StatusCode::OK);
    page.says(&[
        "<svg id=\"drawn\"></svg>",
        "href=\"/slides/PH-0001\"",
        "P-0001, probability 0.81",
        "/api/v1/models/attention-a/targets/del5q/plots/roc.svg",
        "/api/v1/models/attention-a/targets/del5q/plots/roc.csv",
        "1 epoch",
        "3 / 7",
        "Where each number comes from",
        "abc",
        "Small megakaryocytes",
    ]);
    let missing = get(Fake::at_rest(), "/models/attention-a/NONE").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    missing.says(&["There is no such target."]);
}

#[tokio::test]
async fn the_status_page_shows_the_device_with_its_reason() {
    let page = get(Fake::at_rest(), "/status").await;
    assert_eq!(page.status, StatusCode::OK);
    page.says(&[
        "1 h 20 min",
        "No graphics card was found.",
        "148 MB",
        "4,210",
    ]);
}

#[tokio::test]
async fn data_is_read_by_get_and_changed_by_post() {
    let slides = get(Fake::at_rest(), "/fn/slides").await;
    assert_eq!(slides.status, StatusCode::OK);
    slides.says(&["\"PH-0001\"", "\"SKIN-1\""]);
    get(Fake::at_rest(), "/fn/slide?code=SKIN-1")
        .await
        .says(&["\"tissue\":\"skin\""]);

    assert_eq!(
        get(Fake::at_rest(), "/fn/retry-job?id=3").await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
    let retry = |path: &str, body: &'static str| {
        Request::post(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body))
            .unwrap()
    };
    let (_, fake) = send(Fake::at_work(), retry("/fn/retry-job", "id=3")).await;
    assert_eq!(*fake.asked.lock().unwrap(), ["retry 3"]);
    let (_, fake) = send(Fake::at_work(), retry("/fn/cancel-job", "id=1")).await;
    assert_eq!(*fake.asked.lock().unwrap(), ["cancel 1"]);
}

#[tokio::test]
async fn errors_travel_as_kind_and_message() {
    let answer = get(Fake::at_rest(), "/fn/slide?code=NONE").await;
    answer.says(&["\"kind\":\"not_found\"", "There is no slide NONE."]);
    get(Fake::at_rest(), "/fn/slide")
        .await
        .says(&["\"kind\":\"invalid\""]);
}
