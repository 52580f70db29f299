use bytes::Bytes;

use crate::{Cause, MessageKey, Notice, Wording};

/// Says everything in plain text.
pub(super) struct Plain;

pub(super) fn canceled(reason: &str) -> Bytes {
    format!("canceled: {reason}").into()
}

pub(super) fn used_up(deliveries: u32, last: Option<&Bytes>) -> Bytes {
    format!("used up after {deliveries}: {last:?}").into()
}

pub(super) fn terminated(notice: &Notice<'_>) -> Bytes {
    format!("{notice:?}").into()
}

impl Wording for Plain {
    fn error(&self, _: &MessageKey, cause: Cause<'_>) -> Bytes {
        match cause {
            Cause::Canceled { reason } => canceled(reason),
            Cause::AttemptsUsedUp { deliveries, last } => used_up(deliveries, last),
        }
    }

    fn terminated(&self, notice: &Notice<'_>) -> Bytes {
        terminated(notice)
    }
}
