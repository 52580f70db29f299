use std::collections::BTreeMap;

use futures::StreamExt;
use timestone::{Event, Failure, Happening, MessageState, NewMessage, QueueConfig};
use timestone_client::{EventSearch, Watch, WatchRequest, Watched};

use crate::world::{World, error, key, message, only};

async fn watch(world: &World, request: WatchRequest) -> Watch {
    world.timestone.watch(request).await.unwrap()
}

async fn next(watch: &mut Watch) -> Watched {
    watch.next().await.expect("the watch goes on").unwrap()
}

/// What is told until so many events are.
async fn hear(watch: &mut Watch, events: usize) -> (Vec<Event>, Watched) {
    let mut heard = Vec::new();
    loop {
        let mut told = next(watch).await;
        assert!(!told.missed, "{told:?}");
        heard.append(&mut told.events);
        if heard.len() >= events {
            assert_eq!(heard.len(), events);
            return (heard, told);
        }
    }
}

fn words(events: &[Event]) -> Vec<String> {
    let word = |event: &Event| format!("{} {}", event.id, event.happening.name());
    events.iter().map(word).collect()
}

pub async fn a_watcher_hears_what_happens_after_what_there_is(world: World) {
    world.enqueue(message("q", "a", 1)).await.unwrap();
    let mut watch = watch(&world, WatchRequest::of("q")).await;
    let first = next(&mut watch).await;
    assert_eq!((first.count.pending, first.events.len()), (1, 0));
    world.enqueue(message("other", "x", 0)).await.unwrap();
    world.enqueue(message("q", "b", 0)).await.unwrap();
    let leased = world.lease_one("q", "r").await;
    world.complete(&leased).await;
    let (events, last) = hear(&mut watch, 3).await;
    assert_eq!(words(&events), ["b enqueued", "b leased", "b completed"]);
    assert_eq!((last.count.pending, last.count.completed), (1, 1));
    assert_eq!(events[1].owner.as_deref(), Some("w"));
    assert_eq!(events[1].until, Some(leased.lease_until));
    let versions: Vec<_> = events.iter().map(|event| event.version).collect();
    assert_eq!(versions, [1, 2, 3]);
}

pub async fn a_watcher_hears_what_it_asks_for(world: World) {
    let one = WatchRequest {
        message_id: Some("b".into()),
        ..WatchRequest::of("q")
    };
    let running = WatchRequest {
        states: vec![MessageState::Running],
        ..WatchRequest::of("q")
    };
    let counts = WatchRequest {
        counts_only: true,
        ..WatchRequest::of("q")
    };
    let [mut one, mut running, mut counts] = [
        watch(&world, one).await,
        watch(&world, running).await,
        watch(&world, counts).await,
    ];
    for watch in [&mut one, &mut running, &mut counts] {
        assert_eq!(next(watch).await.count.pending, 0);
    }
    for id in ["a", "b"] {
        world.enqueue(message("q", id, 0)).await.unwrap();
    }
    world.lease_one("q", "r").await;
    assert_eq!(words(&hear(&mut one, 1).await.0), ["b enqueued"]);
    assert_eq!(words(&hear(&mut running, 1).await.0), ["a leased"]);
    let mut told = next(&mut counts).await;
    while told.count.running == 0 {
        assert!(told.events.is_empty());
        told = next(&mut counts).await;
    }
    assert_eq!(told.count.pending, 1);
}

pub async fn a_watcher_hears_that_its_queue_is_deleted(world: World) {
    world.enqueue(message("q", "a", 0)).await.unwrap();
    let mut watch = watch(&world, WatchRequest::of("q")).await;
    next(&mut watch).await;
    let delete = world.timestone.delete_queues(vec!["q".into()], true);
    only(delete.await.unwrap()).unwrap();
    let (events, mut last) = hear(&mut watch, 2).await;
    assert_eq!(words(&events), ["a canceled", "a forgotten"]);
    while !last.deleted {
        last = next(&mut watch).await;
    }
    assert!(watch.next().await.is_none());
}

/// Enqueued, fails, lapses, completes.
async fn live(world: &World, id: &str) {
    world.enqueue(message("q", id, 0)).await.unwrap();
    world.pass(10);
    let leased = world.lease_one("q", &format!("{id} 1")).await;
    world.pass(20);
    let failure = Failure {
        token: leased.token,
        error: error("BROKEN"),
        retry_in_ms: 30,
        last: false,
        then_enqueue: Vec::new(),
    };
    only(world.timestone.fail(vec![failure]).await.unwrap()).unwrap();
    world.pass(30);
    let leased = world.lease_one("q", &format!("{id} 2")).await;
    world.pass(leased.lease_ms);
    let leased = world.lease_one("q", &format!("{id} 3")).await;
    world.pass(40);
    world.complete(&leased).await;
}

pub async fn the_history_of_a_message_is_its_life(world: World) {
    let began = world.now();
    live(&world, "a").await;
    let history = world.timestone.history(&key("q", "a")).await.unwrap();
    assert!(!history.truncated);
    let happened = history.events.iter().map(|event| event.happening);
    assert_eq!(
        happened.collect::<Vec<_>>(),
        [
            Happening::Enqueued,
            Happening::Leased,
            Happening::Failed,
            Happening::BecameVisible,
            Happening::Leased,
            Happening::Lapsed,
            Happening::Leased,
            Happening::Completed,
        ]
    );
    assert_eq!(history.events[0].at, began);
    assert_eq!(history.events[2].error, Some(error("BROKEN")));
    assert_eq!(history.events[5].owner.as_deref(), Some("w"));
    let lasted: Vec<_> = history.entries().map(|(_, lasted)| lasted).collect();
    let expected = [10, 20, 30, 0, 30_000, 0, 40].map(Some);
    assert_eq!(lasted[..7], expected);
    assert_eq!(lasted[7], None);
    let none = world.timestone.history(&key("q", "b")).await.unwrap();
    assert!(none.events.is_empty());
}

pub async fn the_history_is_what_a_watcher_heard(world: World) {
    // It stays when all of its messages are forgotten.
    world.configure("q", QueueConfig::default()).await;
    let mut watch = watch(&world, WatchRequest::of("q")).await;
    next(&mut watch).await;
    for n in 0..20 {
        live(&world, &format!("m{}", n % 10)).await;
        if n == 9 {
            // They are forgotten, and come again under the same ids.
            world.pass(90_000_000);
            world.lease("q", 1, "nothing").await;
        }
    }
    let (mut heard, _) = hear(&mut watch, 20 * 8 + 10).await;
    heard.sort_by_key(|event| event.number);
    let mut by_id: BTreeMap<String, Vec<Event>> = BTreeMap::new();
    for event in heard {
        by_id.entry(event.id.to_string()).or_default().push(event);
    }
    for (id, heard) in by_id {
        let history = world.timestone.history(&key("q", &id)).await.unwrap();
        assert_eq!(history.events, heard);
    }
}

/// All pages of two events.
async fn search(world: &World, search: EventSearch) -> Vec<String> {
    let mut search = EventSearch { limit: 2, ..search };
    let mut found = Vec::new();
    loop {
        let page = world.timestone.find_events(search.clone()).await.unwrap();
        assert!(page.events.len() <= 2);
        found.extend(page.events);
        match page.next {
            Some(next) => search.cursor = next,
            None => return words(&found),
        }
    }
}

pub async fn events_are_found_page_by_page(world: World) {
    for id in ["a", "b", "c"] {
        live(&world, id).await;
    }
    world.enqueue(message("other", "x", 0)).await.unwrap();
    let failed = EventSearch {
        error_code: Some("BROKEN".into()),
        ..EventSearch::default()
    };
    let found = search(&world, failed).await;
    assert_eq!(found, ["a failed", "b failed", "c failed"]);
    let ends = EventSearch {
        queue: Some("q".into()),
        happenings: vec![Happening::Completed, Happening::Lapsed],
        owner: Some("w".into()),
        ..EventSearch::default()
    };
    let all = search(&world, ends.clone()).await;
    assert_eq!(all.len(), 6);
    let ends = EventSearch {
        since: Some(world.now()),
        ..ends
    };
    assert_eq!(search(&world, ends.clone()).await, ["c completed"]);
    let ends = EventSearch {
        since: None,
        until: Some(world.now()),
        ..ends
    };
    assert_eq!(search(&world, ends).await, all[..5]);
    assert_eq!(search(&world, EventSearch::default()).await.len(), 25);
}

pub async fn history_ends_after_its_days(world: World) {
    live(&world, "old").await;
    let old = key("q", "old");
    assert_eq!(world.timestone.history(&old).await.unwrap().events.len(), 8);
    world.pass(99_000_000);
    live(&world, "young").await;
    // Forgotten meanwhile: that is told as well.
    let kept = world.timestone.history(&old).await.unwrap().events;
    assert_eq!(words(&kept[8..]), ["old forgotten"]);
    world.pass(2_000_000);
    live(&world, "new").await;
    let kept = world.timestone.history(&old).await.unwrap().events;
    assert_eq!(words(&kept), ["old forgotten"]);
    let young = world.timestone.history(&key("q", "young")).await.unwrap();
    assert_eq!(young.events.len(), 8);
}

pub async fn history_stays_within_its_size(world: World) {
    for n in 0..20 {
        let messages = (0..200).map(|m| NewMessage {
            invisible_ms: 1_000,
            ..message("q", &format!("{n:050} {m}"), 0)
        });
        let outcomes = world.timestone.enqueue(messages.collect()).await.unwrap();
        assert!(outcomes.iter().all(Result::is_ok));
        // Writes it.
        world.timestone.history(&key("q", "none")).await.unwrap();
    }
    let first = EventSearch {
        limit: 1,
        ..EventSearch::default()
    };
    let first = world.timestone.find_events(first).await.unwrap();
    let first = only(first.events).id;
    assert!(*first > *format!("{:050} 0", 5), "{first}");
    let newest = key("q", &format!("{:050} 199", 19));
    let newest = world.timestone.history(&newest).await.unwrap();
    assert_eq!(newest.events.len(), 1);
    let oldest = key("q", &format!("{:050} 0", 0));
    let oldest = world.timestone.history(&oldest).await.unwrap();
    assert_eq!(oldest.events, []);
}
