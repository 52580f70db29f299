//! Removes blobs that nothing refers to any more.
//!
//! A pass *marks* every blob that is referred to, and then *sweeps* those that are not and that
//! nobody touched for a grace:
//!
//! 1. The time is taken; then each store is walked, as it is at one moment, and so are the memos.
//!    Those that nobody asked for in a long time are forgotten instead.
//! 2. A reference is whatever reads `sha256/` and 64 hexadecimal digits, wherever it stands. So a
//!    pass need not know what a record or a message means, and errs by keeping too much.
//! 3. Blobs that are referred to are looked into likewise, as lists and large payloads refer to
//!    others; media are not.
//! 4. What is unmarked, and was not touched since a grace before that time, goes.
//!
//! **Why nothing is lost that is referred to.** Whoever writes a reference down has put, published
//! or touched its blob less than the grace before. If it was written before the walk, the walk met
//! it. If it was written after, its blob was touched after the time that is a grace before the
//! pass began, and does not go. A memo goes before what only it refers to, so whoever is answered
//! by one finds its blobs, or does not find the memo; what it found it touches. The store tells a touch and a removal of one blob apart. A pass
//! that is cut short has removed some garbage; two at once remove the same.

mod error;
pub mod limits;
mod marks;
mod pace;
mod pass;
mod roots;
mod shelf;
mod text;

pub use error::SweepError;
pub use pace::Pace;
pub use pass::{Pass, Report, Terms};
pub use roots::{Roots, Walked};
pub use shelf::Shelf;
pub use text::references;
