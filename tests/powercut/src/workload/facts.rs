use std::collections::BTreeMap;
use std::str::FromStr;

use anyhow::{Context, bail};

/// How many lanes there are.
pub const LANES: u64 = 4;

/// What was acknowledged, or what was found: the newest commit of each lane and
/// the newest epoch of each shard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    pub lanes: BTreeMap<u64, u64>,
    pub epochs: BTreeMap<String, u64>,
}

/// One acknowledged act of the writer, as a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fact {
    Commit { lane: u64, commit: u64 },
    Epoch { shard: String, epoch: u64 },
}

impl Facts {
    /// The newest commit of a lane; zero when there is none.
    pub fn lane(&self, lane: u64) -> u64 {
        self.lanes.get(&lane).copied().unwrap_or_default()
    }

    /// The newest epoch of a shard; zero when it was never acquired.
    pub fn epoch(&self, shard: &str) -> u64 {
        self.epochs.get(shard).copied().unwrap_or_default()
    }

    /// How many commits there were in all lanes.
    pub fn commits(&self) -> u64 {
        self.lanes.values().sum()
    }

    pub(crate) fn learn(&mut self, fact: Fact) {
        match fact {
            Fact::Commit { lane, commit } => self.lanes.insert(lane, commit),
            Fact::Epoch { shard, epoch } => self.epochs.insert(shard, epoch),
        };
    }

    /// As lines, which [`Facts::read`] reads.
    pub fn lines(&self) -> String {
        let commits = self
            .lanes
            .iter()
            .map(|(&lane, &commit)| Fact::Commit { lane, commit });
        let epochs = self.epochs.iter();
        let epochs = epochs.map(|(shard, &epoch)| Fact::Epoch {
            shard: shard.clone(),
            epoch,
        });
        commits
            .chain(epochs)
            .map(|fact| format!("{fact}\n"))
            .collect()
    }

    /// The facts of some lines.
    pub fn read(lines: &str) -> anyhow::Result<Self> {
        let mut facts = Self::default();
        lines
            .lines()
            .try_for_each(|line| line.parse().map(|fact| facts.learn(fact)))?;
        Ok(facts)
    }
}

impl std::fmt::Display for Fact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Commit { lane, commit } => write!(f, "commit {lane} {commit}"),
            Self::Epoch { shard, epoch } => write!(f, "epoch {shard} {epoch}"),
        }
    }
}

impl FromStr for Fact {
    type Err = anyhow::Error;

    fn from_str(line: &str) -> anyhow::Result<Self> {
        let words: Vec<_> = line.split(' ').collect();
        let number = |word: &str| {
            word.parse()
                .with_context(|| format!("a number in {line:?}"))
        };
        match words[..] {
            ["commit", lane, commit] => Ok(Self::Commit {
                lane: number(lane)?,
                commit: number(commit)?,
            }),
            ["epoch", shard, epoch] => Ok(Self::Epoch {
                shard: shard.to_owned(),
                epoch: number(epoch)?,
            }),
            _ => bail!("not a fact: {line:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn facts_come_back_from_their_lines() {
        let mut facts = Facts::default();
        facts.learn(Fact::Commit { lane: 1, commit: 7 });
        facts.learn(Fact::Commit { lane: 1, commit: 8 });
        facts.learn(Fact::Epoch {
            shard: "even".to_owned(),
            epoch: 3,
        });
        assert_eq!(Facts::read(&facts.lines()).unwrap(), facts);
        assert_eq!(
            (facts.lane(1), facts.lane(2), facts.epoch("even")),
            (8, 0, 3)
        );
        assert!(Facts::read("commit 1\n").is_err());
    }
}
