//! The longer texts of the help.

pub(super) const QUEUE: &str = "\
Examples:
  cosmos queue list
  cosmos queue peek stratum/ves-avc
  cosmos queue find stratum/ves-avc --state errored
  cosmos queue redrive stratum/ves-avc --all --attempts 3

A queue is blocked with `block`, emptied with `drain`, configured with `put`. What changes
something has --dry-run, which says what would be done.";

const EXIT_STATUS: &str = "\
Exit status: 0 done; 2 the command line or the configuration is wrong, or what was asked for is
not there or in another state; 5 the server is away; 6 --timeout passed; 130 interrupted. Where
some of several messages are refused, the others are done all the same.";

const DOCUMENTED: &str = "\
JSON objects, one a line. Times are Unix milliseconds, fields without a value are left out:
  list, show, block, unblock, put, drain:
    queue, configured, deleting, pending, invisible, running, completed, canceled, errored,
    config: {lease_ms, invisible_ms, attempts, retention_ms, max_depth, enqueue_blocked,
      dequeue_blocked, exclusive, fair, weights, dead_letter, dead_letter_copy, indexed,
      partitions}
    drain prints one whenever a count has changed; the last is that of the end
  peek, find, message:
    queue, id, state, priority, deliveries, attempts_left, owner, until_unix_ms, version,
    metadata, error, and where the payload was read
    payload: {type, bytes, preview, tenant, principal, correlation_id, deadline_unix_ms, reply_to}
  redrive, reschedule, cancel, delete:
    queue, id, outcome: done, unchanged, refused or planned (--dry-run), error
    message adds, where the server keeps history:
    history: [{queue, id, happening, at_unix_ms, from, state, lasted_ms, priority, deliveries,
      attempts_left, owner, until_unix_ms, version, error}], the oldest first; of a message that
      is forgotten there is nothing else
  events:
    the fields of history, without lasted_ms
  tail:
    event: counts, with the fields of list; or event: message, with those of history
    happening: enqueued, became_visible, leased, extended, completed, failed, released, returned,
      lapsed, canceled, errored, expired, rescheduled, redriven, forgotten
  any, at its failure:
    event: failed, errors: [{class, code, message, field, hint, causes}]";

pub(super) fn long() -> String {
    format!("{QUEUE}\n\n{EXIT_STATUS}\n\n{DOCUMENTED}")
}

pub(super) const PEEK: &str = "\
Nothing is leased: the messages go on waiting. The most urgent comes first, the order in which
they are leased; in a queue that is exclusive or fair, those whose key is taken, or whose turn it
is not, are passed over.";

pub(super) const TAIL: &str = "\
It shows what happens to messages as it happens, with their workers and errors, and at every
--interval how many are in which state, where that has changed. Where more happens than can be
shown, it says so and goes on from there. Nothing in the queue is changed.

Examples:
  cosmos queue tail stratum/ves-avc
  cosmos queue tail stratum/ves-avc --json | jq -r 'select(.error).error.message'";

pub(super) const FIND: &str = "\
By state, the most urgent first. Keys that the queue indexes are quick to find by; for others
every message of the states is looked at. Ended messages have no metadata, but for errored ones.

Examples:
  cosmos queue find stratum/ves-avc --state running,errored
  cosmos queue find jobs --where tenant=a,b --where kind=encode -n 1000 --json";

pub(super) const EVENTS: &str = "\
The oldest first, as far back as the server keeps history (timestone.history in its configuration).
Best effort: what came too fast to be written is not there.

Examples:
  cosmos queue events --happened errored,expired --last 1d
  cosmos queue events stratum/ves-avc --by agent@host-7 --last 2h
  cosmos queue events --code OUT_OF_MEMORY --json | jq -r .id";

pub(super) const REDRIVE_USAGE: &str = "\
cosmos queue redrive [OPTIONS] <QUEUE> <ID>...
       cosmos queue redrive [OPTIONS] <QUEUE> --all";

pub(super) const RESCHEDULE_USAGE: &str = "\
cosmos queue reschedule [OPTIONS] <QUEUE> <ID> <--priority <N>|--at <TIME>|--in <TIME>>";

pub(super) const REDRIVE: &str = "\
What went to a dead-letter queue comes back from there. --all goes through the queue page by page;
--where narrows it down.

Examples:
  cosmos queue redrive stratum/ves-avc 0198c6f0/encoder/7
  cosmos queue redrive stratum/ves-avc --all --attempts 3
  cosmos queue redrive jobs --all --where tenant=a --dry-run";

pub(super) const RESCHEDULE: &str = "\
A message that runs or has ended cannot be rescheduled.

Examples:
  cosmos queue reschedule jobs 17 --priority -1        before all others
  cosmos queue reschedule jobs 17 --at now
  cosmos queue reschedule jobs 17 --in 5m";

pub(super) const CANCEL: &str = "\
A canceled message stays canceled: its work must come again under another id.

Examples:
  cosmos queue cancel jobs 17 18 --reason 'wrong source'
  cosmos queue find jobs --where tenant=a -n 1000 --json | jq -r .id |
    xargs cosmos queue cancel jobs --reason 'tenant left'";

pub(super) const BLOCK: &str = "\
Without --enqueue and --dequeue both ways are meant.

Examples:
  cosmos queue block stratum/ves-avc --dequeue      workers finish what they have
  cosmos queue unblock stratum/ves-avc";

pub(super) const DRAIN: &str = "\
Messages that wait for their time are waited for as well. The queue stays blocked for new messages
afterwards, also where --timeout passed or Ctrl-C ended the waiting; `cosmos queue unblock` lets
them in again.

Examples:
  cosmos queue drain stratum/ves-avc --timeout 10m && cosmos queue delete stratum/ves-avc";

pub(super) const PUT: &str = "\
What is not named stays as it is; of a new queue it is the default. Messages that are there keep
the attempts and the times they have.

Examples:
  cosmos queue put jobs --lease 30s --attempts 5 --dead-letter jobs/dead
  cosmos queue put jobs --fair tenant --weight big=3 --index kind
  cosmos queue put jobs --exclusive document --dry-run";

pub(super) const DELETE: &str = "\
What ended is forgotten with the queue: a message that comes again is done again.

Examples:
  cosmos queue delete jobs --dry-run
  cosmos queue delete jobs --force";
