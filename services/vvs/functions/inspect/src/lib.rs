//! The functions of the Video Validation Service: fingerprint, plan, inspect, verdict.
//!
//! ```text
//! source ──▶ fingerprint ────────────────┐
//!                                        ▼
//! video ───▶ plan ──▶ (segments) ──▶ inspect (map) ──▶ verdict (reduce) ──▶ report
//! ```
//!
//! | function          | what it does                                                           |
//! |-------------------|------------------------------------------------------------------------|
//! | [`fingerprint`]   | decodes the whole source once, from its first frame, without seeking   |
//! | [`plan`]          | compares what the container says; cuts the video at random access points |
//! | [`inspect`]       | decodes one segment strictly, and measures each frame against the source |
//! | [`verdict`]       | joins the segments and says what differs                               |
//!
//! **How frames are recognised.** A fingerprint is 32 × 18 means of luma and gradients (`print`).
//! `inspect` measures the distance of each frame to the source's frames around its place, and says
//! no more; only `verdict` judges, as it sees the whole film: how much distance an encode of this
//! film has by itself (its noise), which is the likeliest path of the video's frames through the
//! source's (`verdict::path`), and what that path means (`verdict::name`). Frames that look alike
//! are one another's equals: a frame is only in the wrong place if it fits its own significantly
//! worse than another one.
//!
//! **How a segment is decoded.** From its random access point, and every frame that comes must be
//! one that the container announced, from the first on, without a complaint of the decoder. If not,
//! it is decoded again from the start of the file: only that counts.
//!
//! Memory is bounded: frames are read one by one, prints in blocks of a few hundred, rows of a film
//! of a day are some hundred megabytes.

#![allow(
    clippy::result_large_err,
    reason = "an error is rare and travels whole, from a function to the API"
)]

mod cadence;
mod fingerprint;
mod inspect;
mod limits;
mod media;
mod plan;
mod print;
mod times;
mod verdict;

pub use fingerprint::fingerprint;
pub use inspect::inspect;
pub use plan::plan;
pub use verdict::verdict;
