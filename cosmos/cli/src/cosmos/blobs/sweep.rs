//! `cosmos blobs sweep`.

use proto::base::v1::{SweepBlobsRequest, SweepBlobsResponse};
use serde::Serialize;

use super::args::SweepArgs;
use super::server::Server;
use crate::output::Output;
use crate::stop::Stop;
use crate::units::{Size, count};

pub(super) async fn sweep(server: &Server, args: SweepArgs, output: &Output) -> Result<(), Stop> {
    let request = SweepBlobsRequest {
        dry_run: args.dry_run,
        ..Default::default()
    };
    let swept = server.client.sweep_blobs(request).await;
    let swept = swept.map_err(|refusal| server.told(&refusal))?;
    let swept = Swept::of(&swept.into_owned(), args.dry_run);
    output.result(&swept, || swept.in_words());
    Ok(())
}

/// What a pass found and did, for machines.
#[derive(Serialize)]
struct Swept {
    dry_run: bool,
    removed: u64,
    removed_bytes: u64,
    /// What is there now, or is there still.
    kept: u64,
    kept_bytes: u64,
    young: u64,
    left: u64,
    memos: u64,
    forgotten_memos: u64,
}

impl Swept {
    fn of(told: &SweepBlobsResponse, dry_run: bool) -> Self {
        Self {
            dry_run,
            removed: told.removed,
            removed_bytes: told.removed_bytes,
            kept: told.blobs.saturating_sub(told.removed),
            kept_bytes: told.bytes.saturating_sub(told.removed_bytes),
            young: told.young,
            left: told.left,
            memos: told.memos,
            forgotten_memos: told.forgotten_memos,
        }
    }

    fn in_words(&self) -> String {
        let would = if self.dry_run {
            "would remove"
        } else {
            "removed"
        };
        let stay = if self.dry_run { "would stay" } else { "stay" };
        let mut words = format!(
            "{would} {} ({}); {} ({}) {stay}",
            count(self.removed, "blob"),
            Size(self.removed_bytes),
            count(self.kept, "blob"),
            Size(self.kept_bytes),
        );
        if self.forgotten_memos > 0 {
            let would = if self.dry_run {
                "would be forgotten"
            } else {
                "forgotten"
            };
            let forgotten = count(self.forgotten_memos, "memo");
            let kept = count(self.memos, "memo");
            words += &format!("\n{forgotten} {would}, unused for long; {kept} {stay}");
        }
        if self.young > 0 {
            let young = count(self.young, "blob");
            words += &format!("\n{young} that nothing refers to: put or used a short time ago");
        }
        if self.left > 0 {
            words += &format!("\n{} left to the next pass", count(self.left, "blob"));
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_in_words() {
        let told = SweepBlobsResponse {
            blobs: 5,
            bytes: 5 << 20,
            removed: 2,
            removed_bytes: 3 << 20,
            ..Default::default()
        };
        let words = |dry_run| Swept::of(&told, dry_run).in_words();
        assert_eq!(
            words(false),
            "removed 2 blobs (3.0 MiB); 3 blobs (2.0 MiB) stay"
        );
        assert_eq!(
            words(true),
            "would remove 2 blobs (3.0 MiB); 3 blobs (2.0 MiB) would stay"
        );
        let more = SweepBlobsResponse {
            young: 1,
            left: 7,
            memos: 1,
            forgotten_memos: 4,
            ..told.clone()
        };
        assert_eq!(
            Swept::of(&more, false).in_words(),
            "removed 2 blobs (3.0 MiB); 3 blobs (2.0 MiB) stay\n\
             4 memos forgotten, unused for long; 1 memo stay\n\
             1 blob that nothing refers to: put or used a short time ago\n\
             7 blobs left to the next pass"
        );
    }
}
