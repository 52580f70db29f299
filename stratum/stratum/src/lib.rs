//! Functions, shapes, routing and invocations as plain data and decisions.
//!
//! A [`Function`] is what a `function.yaml` says; a [`Package`] is a function
//! with its program and tools, found and hashed; a [`Registry`] knows packages
//! by name. An [`Invocation`] is one call of a function, routed to a [`Shape`]
//! and answered by an [`InvocationResult`].

mod canonical;
mod condition;
mod fingerprint;
mod function;
mod image;
mod invocation;
pub mod limits;
mod manifest;
mod memo;
mod names;
mod package;
mod raw;
mod registry;
mod routing;
mod shape;
mod wire;

pub use canonical::{CanonicalJson, NotJson};
pub use condition::{Condition, ConditionError};
pub use function::{Function, InputKind, InvalidFunction};
pub use image::{IMAGE_PROGRAMS, Image, InvalidImage};
pub use invocation::{
    Content, FrameInput, Input, Invocation, InvocationResult, ListInput, Progress, Source,
    SourceIdentity, Usage,
};
pub use manifest::{Manifest, NotAManifest};
pub use memo::{FramesDigest, memo_key};
pub use names::{FileName, FunctionName, InvalidName};
pub use package::{LoadError, Package, Places, Tool};
pub use registry::Registry;
pub use routing::{Choice, NoShape, Routing, Rule};
pub use shape::{InvalidShape, Shape};
pub use wire::InvalidInvocation;
