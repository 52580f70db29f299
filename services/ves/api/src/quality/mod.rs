//! A quality that is asked for, by what a metric makes of the encoded picture beside the source's: pure
//! functions of what was measured.
//!
//! Each chunk [searches](next) for the rate factor by which it comes near. What a whole of chunks then
//! misses, as some cannot be so bad or so good, is [set right](settle) at the others.

mod metric;
mod search;
mod settle;

pub use metric::{Goal, Metric, Score};
pub use search::{MAX_TRIES, RateFactorRange, Try, best, next};
pub use settle::{Measured, changes, is_exhausted, settle, whole};
