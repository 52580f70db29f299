use bytes::Bytes;
use timestone::{Clause, Filter, MessageState, QueueConfig, Search};

use crate::world::{World, demand, message, with};

/// Twelve messages of three titles, in two states.
async fn filled(world: &World) {
    let config = QueueConfig {
        indexed: ["title".into()].into(),
        ..QueueConfig::default()
    };
    world.configure("q", config).await;
    for n in 0..12_i64 {
        let pairs = [
            ("title", ["x", "y", "z"][n as usize % 3]),
            ("size", "large"),
        ];
        let mut message = with(message("q", &format!("{n:02}"), n), &pairs);
        message.invisible_ms = if n % 2 == 0 { 0 } else { 60_000 };
        world.enqueue(message).await.unwrap();
    }
}

fn search(metadata: Vec<Clause>, states: &[MessageState]) -> Search {
    Search {
        queue: "q".into(),
        filter: Filter {
            metadata,
            states: states.to_vec(),
        },
        cursor: Bytes::new(),
        limit: 100,
    }
}

async fn ids(world: &World, search: Search) -> Vec<String> {
    let found = world.timestone.find(search).await.unwrap();
    assert_eq!(found.next, None);
    let messages = found.messages.into_iter();
    messages.map(|message| message.key.id).collect()
}

pub async fn messages_are_found_by_metadata_and_state(world: World) {
    filled(&world).await;
    let x = || vec![Clause::equal("title", "x")];
    let all = ids(&world, search(x(), &[])).await;
    assert_eq!(all, ["03", "09", "00", "06"], "by state, then by urgency");
    let pending = ids(&world, search(x(), &[MessageState::Pending])).await;
    assert_eq!(pending, ["00", "06"]);
    let mut both = x();
    both.push(Clause::equal("size", "large"));
    assert_eq!(ids(&world, search(both, &[])).await.len(), 4);
    let none = vec![Clause::equal("size", "small")];
    assert!(ids(&world, search(none, &[])).await.is_empty());
    let either = Clause {
        key: "title".into(),
        any_of: vec!["y".into(), "z".into()],
    };
    assert_eq!(ids(&world, search(vec![either], &[])).await.len(), 8);
}

pub async fn pages_follow_one_another(world: World) {
    filled(&world).await;
    let mut search = search(Vec::new(), &[]);
    search.limit = 5;
    let mut pages = Vec::new();
    loop {
        let found = world.timestone.find(search.clone()).await.unwrap();
        pages.push(found.messages.len());
        match found.next {
            Some(next) => search.cursor = next,
            None => break,
        }
    }
    assert_eq!(pages, [5, 5, 2]);
}

pub async fn matching_messages_are_counted(world: World) {
    filled(&world).await;
    world.lease("q", 1, "r").await;
    for key in ["title", "size"] {
        let value = if key == "title" { "x" } else { "large" };
        let filter = search(vec![Clause::equal(key, value)], &[]).filter;
        let counted = world.timestone.count_matching("q", &filter, Bytes::new());
        let counted = counted.await.unwrap();
        let count = &counted.count;
        let expected = if key == "title" { (2, 1, 1) } else { (6, 5, 1) };
        assert_eq!((count.invisible, count.pending, count.running), expected);
        assert_eq!(counted.next, None);
    }
}

pub async fn a_dequeue_takes_what_matches(world: World) {
    filled(&world).await;
    let filter = Clause {
        key: "title".into(),
        any_of: vec!["z".into(), "y".into()],
    };
    let leased = world
        .timestone
        .dequeue_matching(demand("q", 9, "r"), filter);
    let leased = leased.await.unwrap().into_iter();
    let ids: Vec<_> = leased.map(|leased| leased.token.key.id).collect();
    assert_eq!(ids, ["02", "04", "08", "10"]);
}

pub async fn a_dequeue_that_would_have_to_search_is_refused(world: World) {
    filled(&world).await;
    let filter = Clause::equal("size", "large");
    let refused = world
        .timestone
        .dequeue_matching(demand("q", 1, "r"), filter);
    let refused = refused.await.unwrap_err().to_string();
    assert!(refused.contains("by title only"), "{refused}");
}
