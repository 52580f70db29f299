use timestone::{Fairness, NewMessage, QueueConfig};

use crate::exclusive::exclusive;
use crate::world::{World, message, with};

fn fair(weights: &[(&str, u32)]) -> QueueConfig {
    let weights = weights.iter();
    QueueConfig {
        fairness: Some(Fairness {
            key: "tenant".into(),
            weights: weights
                .map(|(tenant, weight)| ((*tenant).into(), *weight))
                .collect(),
        }),
        ..QueueConfig::default()
    }
}

fn of(tenant: &str, n: usize, priority: i64) -> NewMessage {
    let id = format!("{tenant} {n}");
    with(message("q", &id, priority), &[("tenant", tenant)])
}

/// Tenants in the order they are served, each message completed at once.
async fn served(world: &World, n: usize) -> Vec<String> {
    let mut tenants = Vec::new();
    for request in 0..n {
        let leased = world.lease_one("q", &format!("served {request}")).await;
        world.complete(&leased).await;
        tenants.push(leased.metadata["tenant"].clone());
    }
    tenants
}

fn count(tenants: &[String], tenant: &str) -> usize {
    tenants.iter().filter(|served| *served == tenant).count()
}

pub async fn a_flood_of_one_tenant_does_not_starve_another(world: World) {
    world.configure("q", fair(&[])).await;
    let flood = (0..500).map(|n| of("flood", n, -1_000)).collect();
    world.timestone.enqueue(flood).await.unwrap();
    served(&world, 10).await;
    let few = (0..10).map(|n| of("few", n, 0)).collect();
    world.timestone.enqueue(few).await.unwrap();
    let tenants = served(&world, 20).await;
    assert_eq!(count(&tenants, "few"), 10, "{tenants:?}");
}

pub async fn tenants_are_served_by_weight_and_each_by_urgency(world: World) {
    world.configure("q", fair(&[("a", 3)])).await;
    for n in 0..40 {
        let both = vec![of("a", n, -(n as i64)), of("b", n, -(n as i64))];
        world.timestone.enqueue(both).await.unwrap();
    }
    let mut ids = world.ids("q", 20, "r").await;
    ids.sort();
    let newest =
        |tenant: &str, n: usize| (40 - n..40).map(move |n| format!("{tenant} {n}")).collect();
    let expected: Vec<Vec<String>> = vec![newest("a", 15), newest("b", 5)];
    assert_eq!(ids, expected.concat());
}

pub async fn exclusive_values_of_fair_tenants_take_turns(world: World) {
    let config = QueueConfig {
        fairness: fair(&[]).fairness,
        ..exclusive()
    };
    world.configure("q", config).await;
    let metadata = [
        ("a1", "x", "a"),
        ("a2", "x", "a"),
        ("a3", "y", "a"),
        ("b1", "z", "b"),
        ("b2", "x", "b"),
    ];
    for (n, (id, project, tenant)) in metadata.into_iter().enumerate() {
        let pairs = [("project", project), ("tenant", tenant)];
        let message = with(message("q", id, n as i64), &pairs);
        world.enqueue(message).await.unwrap();
    }
    let mut order = Vec::new();
    for n in 0..3 {
        let leased = world.lease_one("q", &format!("r{n}")).await;
        order.push(leased.token.key.id);
    }
    assert_eq!(order, ["a1", "b1", "a3"]);
    assert!(world.lease("q", 9, "none").await.is_empty());
}
