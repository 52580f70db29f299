//! Files that requests name: only below allowed folders, opened beneath them, told apart.
//!
//! A caller names a file by a URI. [`Roots`] says where it may lie, and gives its [`Place`]: the
//! allowed folder, and names below it. A place is always opened beneath its folder, so no link
//! leads out of it. [`identify`] tells a file from one that was changed since (seam S7).
//!
//! ```
//! use files::Roots;
//!
//! let roots = Roots::of("source", ["/media".into()]);
//! let place = roots.place("file:///media/films/a.mp4").unwrap();
//! assert_eq!(place.beneath, std::path::Path::new("films/a.mp4"));
//! assert_eq!(roots.place("file:///etc/passwd").unwrap_err().code, "OUTSIDE_ROOTS");
//! ```

#![allow(
    clippy::result_large_err,
    reason = "an error is rare and travels whole, from a function to the API"
)]

mod beneath;
mod identity;
mod roots;

pub use beneath::{open, open_folder};
pub use identity::identify;
pub use roots::{Place, Roots};
