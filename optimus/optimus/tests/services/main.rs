//! One service calls another: two workflow engines, the API layer between them, and one
//! queue, all real.

#![allow(clippy::unwrap_used, clippy::panic, clippy::result_large_err)]

mod asker;
mod echo;
mod site;

mod calls;
mod kills;
