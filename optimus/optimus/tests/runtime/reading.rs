use std::time::Duration;

use futures::StreamExt;
use optimus::{Page, State};

use crate::world::{World, within};

#[tokio::test]
async fn a_listing_goes_from_the_newest_to_the_oldest_page_by_page() {
    let world = World::in_memory().await;
    let mut ids = Vec::new();
    for n in 0..7 {
        ids.push(world.submit(&n.to_string()).await);
    }
    world.requests.cancel(&ids[3], "").await.unwrap();
    let world = world.kill().await;
    ids.push(world.submit("after the restart").await);
    ids.reverse();

    let mut page = Page {
        size: 3,
        token: String::new(),
    };
    let (mut listed, mut sizes) = (Vec::new(), Vec::new());
    loop {
        let listing = world.requests.list(&page).await.unwrap();
        sizes.push(listing.views.len());
        listed.extend(listing.views.into_iter().map(|view| view.id));
        page.token = listing.next_token;
        if page.token.is_empty() {
            break;
        }
    }
    assert_eq!(listed, ids);
    assert_eq!(sizes, [3, 3, 2]);
    let all = world.requests.list(&Page::default()).await.unwrap();
    assert_eq!((all.views.len(), all.next_token.as_str()), (8, ""));
    assert_eq!(all.views[4].state, State::Canceled);
    page.token = "not a token".into();
    assert_eq!(
        world.requests.list(&page).await.unwrap_err().code,
        "PAGE_TOKEN_INVALID"
    );
}

#[tokio::test]
async fn waiting_ends_with_the_request_or_with_the_time() {
    let world = World::in_memory().await;
    let id = world.submit("hello").await;
    let view = world.requests.wait(&id, Duration::ZERO).await.unwrap();
    assert_eq!(view.state, State::Accepted);
    within(world.plato.next()).await;
    let (view, ()) = tokio::join!(world.ended(&id), world.plato.succeeded(&id, 1, "olleh"));
    assert_eq!(view.state, State::Succeeded);
    assert_eq!(world.ended(&id).await, view);
}

#[tokio::test]
async fn watching_an_ended_request_shows_its_end() {
    let world = World::in_memory().await;
    let id = world.submit("hello").await;
    let end = world.requests.cancel(&id, "").await.unwrap();
    let views: Vec<_> = world.watch(&id).await.collect().await;
    assert_eq!(views, [Ok(end)]);
}

#[tokio::test]
async fn what_does_not_exist_is_said_not_to() {
    let world = World::in_memory().await;
    for id in ["", "nobody", &"x".repeat(10_000)] {
        assert_eq!(
            world.requests.get(id).await.unwrap_err().code,
            "REQUEST_NOT_FOUND"
        );
        let error = world.requests.wait(id, Duration::ZERO).await.unwrap_err();
        assert_eq!(error.code, "REQUEST_NOT_FOUND");
        assert!(world.requests.watch(id).await.is_err());
    }
}

#[tokio::test]
async fn no_more_than_a_thousand_follow_one_request() {
    let world = World::in_memory().await;
    let id = world.submit("hello").await;
    let mut views = Vec::new();
    for _ in 0..1_000 {
        views.push(world.watch(&id).await);
    }
    let error = world.requests.watch(&id).await.err().unwrap();
    assert_eq!(error.code, "WATCHERS_FULL");
    views.pop();
    assert!(world.requests.watch(&id).await.is_ok());
}
