//! The contract of the Video Validation Service and the validation of its requests.
//!
//! A request names a video, what it was made of, and what is expected of it; the response lists
//! every difference. That there are some is a *successful* answer: a request only fails when the
//! video cannot be judged.
//!
//! | module       | what                                                                  |
//! |--------------|-----------------------------------------------------------------------|
//! | [`wire`]     | the contract, `vvs/v1`                                                |
//! | [`validate`] | whether a request makes sense, all problems at once                   |
//! | [`service`]  | the service as the API kit and the RPC server see it                  |
//! | [`expect`]   | what is expected, as the functions read it                            |
//! | [`report`]   | what was found, and its codes                                         |
//! | [`function`] | parameters and results of the functions, and what a workflow is given |

#![allow(
    clippy::result_large_err,
    reason = "an error is rare and travels whole, from a function to the API"
)]

#[allow(
    unreachable_pub,
    refining_impl_trait,
    clippy::all,
    clippy::semicolon_if_nothing_returned
)]
#[rustfmt::skip]
#[path = "gen/mod.rs"]
mod generated;

pub mod expect;
pub mod function;
pub mod report;
pub mod service;
pub mod validate;

/// The wire types.
pub use generated::vvs::v1 as wire;
