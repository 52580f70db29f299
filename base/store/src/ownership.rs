use std::sync::Arc;
use std::time::Duration;

use clock::Timestamp;

use crate::{Fence, Held, StoreError};

/// Who owns one shard: the rules of epochs, without storage or time of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ownership {
    epoch: u64,
    holder: Option<Holder>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Holder {
    owner: String,
    until: Timestamp,
}

impl Ownership {
    /// Ownership as an earlier process left it: the epoch counts on, and the
    /// shard is free.
    pub fn left_at(epoch: u64) -> Self {
        Self {
            epoch,
            holder: None,
        }
    }

    /// The newest epoch; zero when the shard was never acquired.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Takes the shard for `owner` under the next epoch.
    pub fn acquire(
        &mut self,
        shard: &str,
        owner: &str,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<Fence, StoreError> {
        self.refuse_while_held(shard, owner, now)?;
        self.epoch += 1;
        self.holder = Some(Holder {
            owner: owner.to_owned(),
            until: now + ttl,
        });
        Ok(Fence {
            shard: shard.into(),
            epoch: self.epoch,
        })
    }

    fn refuse_while_held(
        &self,
        shard: &str,
        owner: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        match &self.holder {
            Some(holder) if holder.owner != owner && holder.until > now => Err(StoreError::Owned {
                shard: shard.into(),
                owner: holder.owner.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// Who owns the shard, if its time still runs.
    pub fn held(&self, shard: &str, now: Timestamp) -> Option<Held> {
        let holder = self.holder.as_ref().filter(|holder| holder.until > now)?;
        Some(Held {
            shard: shard.into(),
            owner: holder.owner.clone(),
            epoch: self.epoch,
            left: holder.until.since(now),
        })
    }

    /// Whether `fence` is the newest and was not given up.
    pub fn check(&self, fence: &Fence) -> Result<(), StoreError> {
        match &self.holder {
            Some(_) if self.epoch == fence.epoch => Ok(()),
            _ => Err(StoreError::Fenced {
                shard: Arc::clone(&fence.shard),
                held: fence.epoch,
            }),
        }
    }

    /// Extends the holder's time to `ttl` from `now`.
    pub fn renew(
        &mut self,
        fence: &Fence,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<(), StoreError> {
        self.check(fence)?;
        if let Some(holder) = &mut self.holder {
            holder.until = now + ttl;
        }
        Ok(())
    }

    /// Gives the shard up; a stale fence changes nothing.
    pub fn release(&mut self, fence: &Fence) {
        if self.check(fence).is_ok() {
            self.holder = None;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const TTL: Duration = Duration::from_millis(100);

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_unix_ms(ms)
    }

    #[test]
    fn another_owner_waits_for_the_lapse_and_then_takes_over() {
        let mut shard = Ownership::default();
        let first = shard.acquire("s", "a", at(0), TTL).unwrap();
        assert!(matches!(
            shard.acquire("s", "b", at(99), TTL),
            Err(StoreError::Owned { .. })
        ));
        let second = shard.acquire("s", "b", at(100), TTL).unwrap();
        assert_eq!((first.epoch, second.epoch), (1, 2));
        assert!(matches!(
            shard.check(&first),
            Err(StoreError::Fenced { held: 1, .. })
        ));
        assert!(shard.check(&second).is_ok());
    }

    #[test]
    fn a_released_fence_is_stale() {
        let mut shard = Ownership::default();
        let fence = shard.acquire("s", "a", at(0), TTL).unwrap();
        shard.release(&fence);
        assert!(shard.check(&fence).is_err());
        assert!(shard.renew(&fence, at(1), TTL).is_err());
        assert_eq!(shard.acquire("s", "b", at(1), TTL).unwrap().epoch, 2);
    }

    #[test]
    fn a_lapsed_owner_may_renew_while_nobody_took_over() {
        let mut shard = Ownership::default();
        let fence = shard.acquire("s", "a", at(0), TTL).unwrap();
        shard.renew(&fence, at(5_000), TTL).unwrap();
        assert!(shard.acquire("s", "b", at(5_050), TTL).is_err());
    }
}
