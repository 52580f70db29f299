use proto::base::v1 as wire;

use crate::{Class, Error, FrameRange};

impl From<Class> for wire::ErrorClass {
    fn from(class: Class) -> Self {
        match class {
            Class::User => Self::User,
            Class::Source => Self::Source,
            Class::Function => Self::Function,
            Class::Platform => Self::Platform,
            Class::Canceled => Self::Canceled,
            Class::Deadline => Self::Deadline,
        }
    }
}

/// A class that this version does not know is nobody's fault but the platform's.
fn class(class: Option<wire::ErrorClass>) -> Class {
    match class {
        Some(wire::ErrorClass::User) => Class::User,
        Some(wire::ErrorClass::Source) => Class::Source,
        Some(wire::ErrorClass::Function) => Class::Function,
        Some(wire::ErrorClass::Canceled) => Class::Canceled,
        Some(wire::ErrorClass::Deadline) => Class::Deadline,
        Some(wire::ErrorClass::Platform | wire::ErrorClass::Unspecified) | None => Class::Platform,
    }
}

fn filled(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

impl From<wire::Error> for Error {
    fn from(error: wire::Error) -> Self {
        Self {
            class: class(error.class.as_known()),
            code: error.code,
            message: error.message,
            field: filled(error.field),
            frames: error.frames.into_option().map(|range| FrameRange {
                start: range.start,
                end: range.end,
            }),
            hint: filled(error.hint),
            causes: error.causes.into_iter().map(Self::from).collect(),
        }
    }
}

impl From<Error> for wire::Error {
    fn from(error: Error) -> Self {
        Self {
            class: wire::ErrorClass::from(error.class).into(),
            retryable: error.is_retryable(),
            code: error.code,
            message: error.message,
            field: error.field.unwrap_or_default(),
            frames: error
                .frames
                .map(|range| wire::FrameRange {
                    start: range.start,
                    end: range.end,
                    ..Default::default()
                })
                .into(),
            hint: error.hint.unwrap_or_default(),
            causes: error.causes.into_iter().map(Self::from).collect(),
            ..Default::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_survives_the_wire() {
        let error = Error::source("TRUNCATED", "only 123 of 180 frames decode")
            .at("video_source.uri")
            .frames(123, 180)
            .hint("pass --conceal to accept it")
            .caused_by(Error::function("EXIT_1", "ffmpeg failed"));
        assert_eq!(Error::from(wire::Error::from(error.clone())), error);
    }
}
