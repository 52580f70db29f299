//! Which version of a function a workflow gets: a function of the channels when it begins, and of
//! its id. So it is the same however often it is asked for.
//!
//! | the work names | it gets |
//! |---|---|
//! | no channel | of `canary`, when its number is below the percentage; else of `stable` |
//! | a channel that the function has | what the channel names |
//! | another channel | of `stable` |
//!
//! A function without `stable` is the installed one. The number of a workflow is the same for
//! every function, so that a canary of several gets them together; and with a higher percentage,
//! whoever got the canary before would still get it.

use blob::Digest;

use crate::{ChannelName, Published};

pub(crate) fn choose(
    published: &Published,
    channel: Option<&ChannelName>,
    workflow: &str,
) -> Option<Digest> {
    let named = match channel {
        Some(channel) => published.named(channel),
        None => {
            let canary = published.named(&ChannelName::canary());
            canary.filter(|canary| number(workflow) < canary.percent)
        }
    };
    let chosen = named.or_else(|| published.named(&ChannelName::stable()));
    chosen.map(|setting| setting.digest)
}

/// 0 to 99, evenly over workflows.
fn number(workflow: &str) -> u8 {
    let hash = Digest::of(format!("canary {workflow}").as_bytes()).to_bytes();
    let hash = hash
        .first_chunk()
        .map_or(0, |first| u64::from_be_bytes(*first));
    u8::try_from(hash % 100).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_even() {
        let mut counts = [0_u32; 100];
        for workflow in 0..20_000 {
            counts[usize::from(number(&workflow.to_string()))] += 1;
        }
        // 200 each, give or take five standard deviations.
        assert!(
            counts.iter().all(|count| (130..270).contains(count)),
            "{counts:?}"
        );
    }
}
