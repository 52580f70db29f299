//! What people are told.

use stratum_placement::{Class, Decision, Host, Invalid, Patience, Pool, Resources, Task, TaskId};

use crate::support::{World, cpus, pool};

fn told(decisions: &[Decision]) -> Vec<String> {
    decisions.iter().map(Decision::to_string).collect()
}

#[test]
fn a_start_says_where_and_why() {
    let mut world = World::plain(&[8, 16, 12]);
    world.submit("all", Class::Normal, cpus(6), 0);
    assert_eq!(
        told(&world.round(0)),
        ["host h0: 2 of 8 CPUs left after; best fit among 3"]
    );
}

#[test]
fn those_that_are_packed_together_say_so() {
    let mut world = World::plain(&[8; 20]);
    for _ in 0..20 {
        world.submit("all", Class::Normal, cpus(5), 0);
        world.submit("all", Class::Normal, cpus(3), 0);
    }
    let decisions = told(&world.round(0));
    assert_eq!(decisions.len(), 40);
    let one = "host h0: 0 of 8 CPUs left after; packed together with 1 other";
    assert!(decisions.iter().any(|told| told == one), "{decisions:?}");
}

#[test]
fn a_task_that_waits_says_for_what() {
    let limited = Pool {
        limit: cpus(4),
        ..pool("studio", 0, 1)
    };
    let pools = vec![limited, pool("tests", 0, 1)];
    let mut world = World::new(pools, Patience::default(), &[cpus(8)]);
    world.submit("studio", Class::Normal, cpus(4), 0);
    let next = world.submit("studio", Class::Normal, cpus(4), 1);
    let last = world.submit("studio", Class::Normal, cpus(4), 2);
    let large = world.submit("tests", Class::Normal, cpus(9), 3);
    let wide = world.submit("tests", Class::Normal, cpus(6), 4);
    let small = world.submit("tests", Class::Normal, cpus(4), 5);
    let ran = world.round(10);
    assert_eq!(ran.len(), 2, "{:?}", told(&ran));
    let why = |task, now| world.placer.explain(task, now).unwrap().to_string();
    assert_eq!(why(next, 10), "waits: pool studio full; 0 ahead");
    assert_eq!(why(last, 10), "waits: pool studio full; 1 ahead");
    assert_eq!(
        why(large, 10),
        "waits: no host is large enough for 9 CPUs; together the largest have 8 CPUs; 0 ahead"
    );
    assert_eq!(
        why(wide, 10),
        "waits: no host has 6 CPUs free; all together have nothing; 1 ahead"
    );
    assert_eq!(why(small, 10), "runs on host h0");
    assert_eq!(world.placer.explain(TaskId(99), 10), None);
}

#[test]
fn what_is_overdue_says_that_a_host_is_kept_for_it() {
    let mut world = World::plain(&[4]);
    world.submit("all", Class::Normal, cpus(1), 0);
    world.round(0);
    let large = world.submit("all", Class::Normal, cpus(4), 0);
    world.round(1);
    let later = 3 * 3_600_000;
    let kept = "host h0 is kept free for t1, which is overdue";
    assert_eq!(told(&world.round(later)), [kept]);
    let standing = world.placer.explain(large, later).unwrap();
    let expected = "waits: host h0 is kept free for it; 0 ahead";
    assert_eq!(standing.to_string(), expected);
    world.finish(TaskId(0));
    let start = "host h0: 0 of 4 CPUs left after; it was kept free for this";
    assert_eq!(told(&world.round(later + 1)), [start]);
}

#[test]
fn a_preemption_says_for_whom_and_what_is_lost() {
    let mut world = World::plain(&[4]);
    world.submit("all", Class::Opportunistic, cpus(4), 0);
    world.round(0);
    world.submit("all", Class::Critical, cpus(2), 0);
    assert_eq!(
        told(&world.round(40_000)),
        [
            "stops on host h0 for t1, which is of a higher class; 40 s are lost",
            "host h0: 2 of 4 CPUs left after; 1 gave way",
        ]
    );
}

#[test]
fn nonsense_is_refused_with_its_name() {
    let mut world = World::plain(&[4]);
    let task = Task {
        id: TaskId(7),
        pool: world.placer.pool("all").unwrap(),
        class: Class::Normal,
        deadline: None,
        since: 0,
        demand: cpus(1),
    };
    world.placer.submit(task.clone()).unwrap();
    let twice = world.placer.submit(task.clone()).unwrap_err();
    assert_eq!(twice.to_string(), "task t7: it is known already");
    let nothing = Task {
        id: TaskId(8),
        demand: Resources::default(),
        ..task
    };
    let huge = Task {
        id: TaskId(9),
        demand: cpus(u64::MAX),
        ..task
    };
    for wrong in [nothing, huge] {
        assert!(matches!(
            world.placer.submit(wrong),
            Err(Invalid::Task { .. })
        ));
    }
    let host = Host {
        name: "void".into(),
        capacity: Resources::default(),
    };
    let error = world.placer.add_host(host).unwrap_err().to_string();
    assert!(error.starts_with("host `void`"), "{error}");
}

#[test]
fn what_runs_already_is_taken_over() {
    let mut world = World::plain(&[4]);
    let task = |id| Task {
        id: TaskId(id),
        pool: world.placer.pool("all").unwrap(),
        class: Class::Normal,
        deadline: None,
        since: 0,
        demand: cpus(3),
    };
    let (first, second) = (task(100), task(101));
    world.placer.restore(first, world.hosts[0], 5).unwrap();
    assert_eq!(world.placer.free(world.hosts[0]), cpus(1));
    assert!(world.placer.restore(second, world.hosts[0], 5).is_err());
}
