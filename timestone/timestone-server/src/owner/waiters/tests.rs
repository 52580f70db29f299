use super::*;

type Answered = oneshot::Receiver<Result<Granted, TimestoneError>>;

fn waiter(queues: &[&str], request_id: usize) -> (Waiter, Answered) {
    let (answer, answered) = oneshot::channel();
    let demand = Demand {
        queues: queues.iter().map(|queue| (*queue).to_owned()).collect(),
        max: 1,
        lease_ms: None,
        filter: None,
        session: Session {
            owner: "w".into(),
            boot: "1".into(),
        },
        request_id: request_id.to_string(),
    };
    let waiter = Waiter {
        demand,
        wait_ms: 0,
        taker: Taker::Call(answer),
    };
    (waiter, answered)
}

fn first(waiters: &Waiters, queue: &str) -> Option<String> {
    let id = waiters.first(queue, &None)?;
    Some(waiters.get(id)?.demand.request_id.clone())
}

#[test]
fn whoever_came_first_is_first_in_each_queue() {
    let mut waiters = Waiters::default();
    let (one, _one) = waiter(&["a", "b"], 1);
    let (two, _two) = waiter(&["b", "c"], 2);
    assert!(waiters.insert(one, 10).is_none());
    assert!(waiters.insert(two, 5).is_none());
    assert_eq!(first(&waiters, "b").as_deref(), Some("1"));
    assert_eq!(first(&waiters, "c").as_deref(), Some("2"));
    assert_eq!(waiters.next_end(), Some(5));
    assert!(waiters.pop_ended(4).is_none());
    assert_eq!(waiters.pop_ended(5).unwrap().demand.request_id, "2");
    assert_eq!(first(&waiters, "c"), None);
}

#[test]
fn a_repeated_call_takes_the_place_of_the_first() {
    let mut waiters = Waiters::default();
    let (one, _one) = waiter(&["a"], 1);
    let (again, _again) = waiter(&["b"], 1);
    waiters.insert(one, 10);
    assert_eq!(waiters.insert(again, 20).unwrap().demand.queues, ["a"]);
    assert_eq!(first(&waiters, "a"), None);
    assert_eq!(first(&waiters, "b").as_deref(), Some("1"));
}

#[test]
fn callers_who_have_gone_make_room() {
    let mut waiters = Waiters::default();
    let mut present = Vec::new();
    for n in 0..MAX_WAITERS {
        assert!(waiters.has_room());
        let (one, answered) = waiter(&["a"], n);
        waiters.insert(one, 10);
        present.push(answered);
    }
    assert!(!waiters.has_room());
    present.pop();
    assert!(waiters.has_room());
}

#[test]
fn leases_that_nobody_takes_are_given_back() {
    let (undos, mut undone) = mpsc::channel(1);
    let (waiter, _) = waiter(&["a"], 7);
    let delivery = |answer| {
        let mut delivery = Delivery::default();
        delivery.answer = answer;
        delivery
    };
    let taken = Granted::new(&waiter.demand, delivery(1), 3, undos.clone());
    assert!(taken.claim().is_empty());
    drop(Granted::new(&waiter.demand, delivery(2), 3, undos));
    let undo = undone.try_recv().unwrap();
    let answer = Untaken::Answer(waiter.demand.session, waiter.demand.request_id, 2);
    assert_eq!((undo.what, undo.epoch), (answer, 3));
    assert!(undone.try_recv().is_err());
}
