use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Class;

/// A half-open range of frame indices of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameRange {
    pub start: u64,
    pub end: u64,
}

/// What went wrong: also the shape of a function's `error.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Error {
    pub class: Class,
    /// Stable, in SCREAMING_SNAKE_CASE.
    pub code: String,
    /// One sentence for people: what, where, why.
    pub message: String,
    /// Path of the offending request field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The frames it concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames: Option<FrameRange>,
    /// What would do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// What led to it, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Error>,
}

impl Error {
    /// An error of `class` with a stable `code` and a sentence for people.
    pub fn new(class: Class, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            class,
            code: code.into(),
            message: message.into(),
            field: None,
            frames: None,
            hint: None,
            causes: Vec::new(),
        }
    }

    /// The request is wrong.
    pub fn user(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Class::User, code, message)
    }

    /// The source media is bad.
    pub fn source(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Class::Source, code, message)
    }

    /// The function failed.
    pub fn function(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Class::Function, code, message)
    }

    /// A machine or service failed or was lost.
    pub fn platform(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Class::Platform, code, message)
    }

    /// Somebody canceled the work.
    pub fn canceled(message: impl Into<String>) -> Self {
        Self::new(Class::Canceled, "CANCELED", message)
    }

    /// Names the offending request field.
    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Says what would do.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Names the frames it concerns.
    pub fn frames(mut self, start: u64, end: u64) -> Self {
        self.frames = Some(FrameRange { start, end });
        self
    }

    /// Adds what led to it.
    pub fn caused_by(mut self, cause: Error) -> Self {
        self.causes.push(cause);
        self
    }

    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        self.class.is_retryable()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(field) = &self.field {
            write!(f, "{field}: ")?;
        }
        write!(f, "{} [{}]", self.message, self.code)?;
        self.hint.iter().try_for_each(|hint| write!(f, "; {hint}"))
    }
}

impl std::error::Error for Error {}
