//! Histories of concurrent calls of the queue, and the proof that each is linearizable.
//!
//! Clients call the queue at the same time, while leases lapse, clocks are set and the server is
//! killed, and note what they asked, what they were told, and when ([`record`]). A history is
//! right if there is an order of its calls, each between its beginning and its end, in which a
//! queue without any concurrency ([`spec`]) would have told the same ([`search`], after Wing and
//! Gong's algorithm, with Lowe's memory of what was tried: *Testing for linearizability*, 2017).
//!
//! That one message is never in two workers' hands, that nothing acknowledged is lost, that the
//! most urgent comes first, that messages of one value of an exclusive queue never run together and
//! that a stale token changes nothing all follow from it. In the end an inspector asks for
//! everything ([`inspect`]), so that what was lost shows; the plainest mistakes are also counted
//! by kind ([`evidence`]).
//!
//! Histories are made in this process ([`trial`]), over processes that are killed ([`kills`]),
//! and on a disk whose power is cut ([`cuts`]).

pub mod call;
pub mod cuts;
pub mod evidence;
mod hasty;
pub mod history;
pub mod inspect;
pub mod kills;
pub mod notes;
pub mod planted;
mod random;
pub mod record;
pub mod search;
pub mod serve;
pub mod served;
pub mod spec;
pub mod trial;
mod unfenced;

pub use random::Random;
