//! Sources that requests name: files of allowed folders, objects of allowed servers.
//!
//! [`Sources`] says what may be named and gives its [`Place`]; [`Sources::identify`] tells a source
//! from one that was changed since (seam S7). An [`Object`] is pinned to an identity and then read
//! by ranges ([`Remote::read`]): through dropped, stalled and cut connections, and never a byte of
//! another version.
//!
//! ```
//! use sources::{Place, Remote, RemoteConfig, Sources};
//!
//! let config = RemoteConfig {
//!     http: vec!["https://media.example.org/films/".into()],
//!     ..RemoteConfig::default()
//! };
//! let remote = Remote::new(&config).unwrap();
//! let sources = Sources::of(["/media".into()], remote);
//! assert!(matches!(sources.place("file:///media/a.mp4"), Ok(Place::File(_))));
//! assert!(matches!(sources.place("https://media.example.org/films/a.mp4"), Ok(Place::Object(_))));
//! assert_eq!(sources.place("https://example.org/a.mp4").unwrap_err().code, "URL_NOT_ALLOWED");
//! ```

#![allow(
    clippy::result_large_err,
    reason = "an error is rare and travels whole, from a function to the API"
)]

mod address;
mod answer;
mod config;
mod connection;
mod fault;
pub mod limits;
mod object;
mod place;
mod pool;
mod remote;
mod retry;
mod rules;
mod signature;
mod tls;
mod url;

pub use config::{InvalidRemote, RemoteConfig, S3Config};
pub use fault::Fault;
pub use object::{Object, Pinned};
pub use place::{Place, Sources};
pub use remote::Remote;
pub use retry::Retry;
pub use signature::Credentials;
