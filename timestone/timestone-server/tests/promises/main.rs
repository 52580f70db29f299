//! What the queue promises, checked on every form of it.

#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may insist"
)]

mod changed;
mod ends;
mod exchanged;
mod exclusive;
mod fair;

mod found;
mod leases;
mod managed;
mod nodes;
mod order;
mod parted;
mod postgres;
mod redriven;
mod streamed;
mod taken;
mod waiting;
mod watched;
mod world;

/// Runs each promise on each form of the queue.
macro_rules! promises {
    (
        [$($every:ident::$one:ident,)*]
        but not split [$($w:ident::$whole:ident,)*]
        and not coalesced [$($m:ident::$p:ident,)*]
    ) => {
        promises!(@form split: $($every::$one,)* $($m::$p,)*);
        promises!(@whole [$($every::$one,)* $($w::$whole,)*] [$($m::$p,)*]);
    };
    (@whole [$($module:ident::$promise:ident,)*] [$($m:ident::$p:ident,)*]) => {
        promises!(@form memory: $($module::$promise,)* $($m::$p,)*);
        promises!(@form cold: $($module::$promise,)* $($m::$p,)*);
        promises!(@form fjall: $($module::$promise,)* $($m::$p,)*);
        promises!(@form rpc: $($module::$promise,)* $($m::$p,)*);
        promises!(@form shared: $($module::$promise,)* $($m::$p,)*);
        promises!(@form coalesced: $($module::$promise,)*);
        promises!(@form fleet: $($module::$promise,)* $($m::$p,)*);
        promises!(@form forwarded: $($module::$promise,)* $($m::$p,)*);
        promises!(@postgres: $($module::$promise,)* $($m::$p,)*);
    };
    (@form $form:ident: $($module:ident::$promise:ident,)*) => {
        mod $form {
            $(
                #[tokio::test]
                async fn $promise() {
                    crate::$module::$promise(crate::world::$form().await).await;
                }
            )*
        }
    };
    // All in one test, as to start a database takes longer than they do.
    (@postgres: $($module:ident::$promise:ident,)*) => {
        #[tokio::test]
        async fn every_promise_is_kept_over_postgresql() {
            let what = "the queue's promises over PostgreSQL";
            let Some(database) = crate::postgres::database(what).await else { return };
            $(
                println!("{}", stringify!($promise));
                let world = crate::postgres::world(&database, stringify!($promise));
                crate::$module::$promise(world).await;
            )*
        }
    };
}

promises! {
    [
        order::the_most_urgent_of_several_queues_comes_first,
        order::what_is_enqueued_twice_is_there_once,
        order::a_message_that_comes_too_late_is_refused,
        order::a_message_outside_the_limits_is_refused_by_field,
        order::messages_are_counted_by_state,
        leases::a_lease_belongs_to_one_worker_until_it_lapses,
        leases::an_extended_lease_does_not_lapse,
        leases::a_new_boot_frees_the_leases_of_the_old,
        leases::a_released_message_comes_again_and_a_refund_costs_nothing,
        leases::a_failed_message_comes_again_after_its_delay,
        leases::a_lease_is_as_long_as_its_queue_or_caller_says,
        ends::completing_hands_work_on,
        ends::completing_is_all_or_nothing,
        ends::work_is_handed_on_to_a_full_queue,
        ends::a_repeated_end_is_a_duplicate,
        ends::running_out_of_attempts_is_announced,
        ends::failing_for_good_is_announced_once,
        ends::a_worker_that_hands_on_its_failure_is_not_spoken_for,
        ends::canceling_stops_the_worker_and_is_announced,
        ends::canceling_what_was_not_seen_refuses_it,
        ends::an_ended_message_is_forgotten_after_its_retention,
        exclusive::one_message_of_each_value_is_leased,
        exclusive::a_value_is_free_again_however_its_lease_ends,
        exclusive::a_message_without_the_key_is_refused_by_name,
        exclusive::a_freed_value_wakes_a_waiting_worker,
        fair::exclusive_values_of_fair_tenants_take_turns,
        found::messages_are_found_by_metadata_and_state,
        found::pages_follow_one_another,
        found::matching_messages_are_counted,
        found::a_dequeue_takes_what_matches,
        found::a_dequeue_that_would_have_to_search_is_refused,
        managed::a_queue_with_work_is_deleted_by_force_alone,
        managed::blocked_workers_get_nothing_until_they_are_let,
        managed::a_message_is_invisible_for_as_long_as_its_queue_says,
        redriven::an_errored_message_is_put_back_with_its_attempts,
        redriven::a_dead_letter_moves_with_its_error_and_comes_back,
        redriven::a_copied_dead_letter_leaves_the_message_where_it_is,
        redriven::a_waiting_message_is_rescheduled,
        streamed::a_lease_that_lapses_makes_room,
        streamed::what_a_broken_stream_held_lapses,
        streamed::a_subscription_that_cannot_be_is_refused,
        streamed::a_repeated_subscription_replaces_the_first,
        streamed::a_subscription_under_an_id_that_holds_leases_is_refused,
        watched::a_watcher_hears_what_happens_after_what_there_is,
        watched::a_watcher_hears_what_it_asks_for,
        watched::a_watcher_hears_that_its_queue_is_deleted,
        watched::the_history_of_a_message_is_its_life,
        watched::the_history_is_what_a_watcher_heard,
        watched::events_are_found_page_by_page,
        watched::history_ends_after_its_days,
        waiting::a_worker_that_wants_something_else_holds_up_nobody,
        waiting::a_waiting_worker_is_woken,
        waiting::a_lapsed_lease_wakes_a_waiting_worker,
        waiting::a_call_that_was_given_up_holds_no_lease,
    ] but not split [
        // Of messages that are equally urgent, those of different shards come in any order; each
        // shard takes its part of the depth and of history, and has turns of its own; and what
        // was configured to be split is not as it is otherwise. Who was told of a message in one
        // shard may take another in another; others are told by and by. Who waits at several goes
        // by its own clock, which tests do not turn.
        order::the_most_urgent_comes_first_then_the_oldest,
        order::a_retried_message_keeps_its_place,
        order::a_full_queue_refuses_producers,
        fair::a_flood_of_one_tenant_does_not_starve_another,
        fair::tenants_are_served_by_weight_and_each_by_urgency,
        managed::a_queue_is_read_and_listed_as_it_was_configured,
        managed::a_queue_with_work_stays_of_its_kind,
        managed::blocked_producers_are_refused_and_work_goes_on,
        watched::history_stays_within_its_size,
        waiting::workers_are_served_in_the_order_they_came,
        streamed::a_subscriber_is_sent_messages_while_it_has_room,
        waiting::waiting_ends,
    ] and not coalesced [
        // Joined with others, a request does not keep its id.
        leases::a_repeated_dequeue_gets_the_same_messages,
        waiting::a_repeated_wait_replaces_the_first,
    ]
}
