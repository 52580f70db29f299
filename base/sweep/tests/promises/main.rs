//! Nothing that is referred to goes, everything else does: over random histories, and over real
//! stores.
#![allow(clippy::unwrap_used)]

mod histories;
mod stores;
mod world;
