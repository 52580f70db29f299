use std::time::Duration;

use errors::{Class, Error};
use optimus::State;
use optimus_client::{CallOptions, Calls};
use vvs_client::VvsClient;
use vvs_client::wire::{ValidateRequest, ValidateResponse};

use crate::service::{asking, asking_slowly};
use crate::site::{Site, clock, within};

const REPLIES: &str = "test/replies";

fn found(response: &ValidateResponse) -> &str {
    assert_eq!((response.discrepancy_count, response.frames), (u64::MAX, 7));
    &response.discrepancies[0].code
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_answered_with_its_typed_response() {
    let site = Site::new().await;
    let vvs = VvsClient::new(site.client(), REPLIES);
    let response = within(vvs.validate_video(asking("FRAME_MISSING"))).await;
    assert_eq!(found(&response.unwrap()), "FRAME_MISSING");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_at_the_same_time_get_each_its_own_answer() {
    let site = Site::new().await;
    let vvs = VvsClient::new(site.client(), REPLIES);
    let mut calls = tokio::task::JoinSet::new();
    for n in 0..20 {
        let vvs = vvs.clone();
        let wanted = n.to_string();
        calls.spawn(async move {
            let response = vvs.validate_video(asking(&wanted)).await.unwrap();
            assert_eq!(found(&response), wanted);
        });
    }
    // Ends by panic when one of them did.
    within(calls.join_all()).await;
    site.until(State::Succeeded, 20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_request_is_told_with_all_that_is_wrong() {
    let site = Site::new().await;
    let vvs = VvsClient::new(site.client(), REPLIES);
    let refused = within(vvs.validate_video(ValidateRequest::default())).await;
    let error = refused.unwrap_err();
    assert_eq!(
        (error.class, error.code.as_str()),
        (Class::User, "REQUEST_REFUSED")
    );
    let fields: Vec<_> = error
        .causes
        .iter()
        .map(|cause| cause.field.as_deref())
        .collect();
    assert_eq!(fields, [Some("video"), Some("expectations")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_nobody_waits_for_any_more_is_canceled() {
    let site = Site::new().await;
    let vvs = VvsClient::new(site.client(), REPLIES);
    let calling = tokio::spawn(async move { vvs.validate_video(asking_slowly()).await });
    site.until(State::Running, 1).await;
    calling.abort();
    site.until(State::Canceled, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_not_answered_in_time_is_given_up() {
    let site = Site::new().await;
    let vvs = VvsClient::new(site.client(), REPLIES);
    let options = CallOptions {
        deadline: Some(clock().now() + Duration::from_millis(300)),
        ..CallOptions::default()
    };
    let late = within(vvs.validate_video_with(asking_slowly(), options)).await;
    assert_eq!(late.unwrap_err().class, Class::Deadline);
    // Either its cancellation or its deadline has ended it.
    within(async {
        site.until(State::Running, 0).await;
        site.until(State::Accepted, 0).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_made_while_the_queue_is_away_is_made_when_it_is_back() {
    let mut site = Site::new().await;
    let vvs = VvsClient::new(site.client(), REPLIES);
    within(vvs.validate_video(asking("first"))).await.unwrap();
    site.close().await;
    let calling = tokio::spawn(async move { vvs.validate_video(asking("second")).await });
    tokio::task::yield_now().await;
    site.open().await;
    let response = within(calling).await.unwrap().unwrap();
    assert_eq!(found(&response), "second");
    site.until(State::Succeeded, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_calls_with_one_id_are_one() {
    let site = Site::new().await;
    let vvs = VvsClient::over(Calls::new(site.client(), REPLIES));
    let options = || CallOptions {
        id: Some("c".into()),
        ..CallOptions::default()
    };
    let code = |result: Result<ValidateResponse, Error>| result.unwrap_err().code;
    let again = {
        let slow = vvs.validate_video_with(asking_slowly(), options());
        tokio::pin!(slow);
        tokio::select! {
            biased;
            ended = &mut slow => panic!("it takes for ever: {ended:?}"),
            again = vvs.validate_video_with(asking_slowly(), options()) => again,
        }
    };
    assert_eq!(code(again), "CALL_ID_IN_USE");
    let other = CallOptions {
        id: Some("d".into()),
        ..CallOptions::default()
    };
    let response = within(vvs.validate_video_with(asking("x"), other.clone())).await;
    assert_eq!(found(&response.unwrap()), "x");
    let again = within(vvs.validate_video_with(asking("x"), other)).await;
    assert_eq!(code(again), "ANSWER_HEARD");
}
