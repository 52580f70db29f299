use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use blob::{Blobs, Digest};
use clock::Timestamp;
use errors::Error;
use store::{Batch, Fence, Store, StoreError};
use stratum::FunctionName;
use tokio::sync::Mutex;

use crate::limits::{FUNCTIONS, OWNERSHIP};
use crate::published::{Setting, Version};
use crate::{ChannelName, Published, keep, record};

/// The digest of the package of each function, by name: what a workflow is pinned to.
pub type Pins = BTreeMap<String, String>;

/// What is published of every function, beside what is installed. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Catalog(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Arc<dyn Store>,
    blobs: Blobs,
    /// Where the API is served.
    installed: Pins,
    /// Unique to this start of the process.
    owner: String,
    /// Changes of this process, one after another.
    turn: Mutex<()>,
}

impl Catalog {
    /// The one that is kept in `store`. Functions of which nothing else is published are the
    /// `installed` ones.
    pub fn new(store: Arc<dyn Store>, blobs: Blobs, installed: Pins) -> Self {
        Self(Arc::new(Inner {
            store,
            blobs,
            installed,
            owner: format!("catalog@{}", ids::time_ordered()),
            turn: Mutex::default(),
        }))
    }

    /// The versions of `functions` that a workflow gets which begins now. An empty `channel` is
    /// none.
    ///
    /// # Errors
    /// `CHANNEL_INVALID`; `NO_SUCH_CHANNEL` when none of the functions has it; `CATALOG_FAILED`.
    pub async fn pins(
        &self,
        functions: impl Fn(&str) -> bool,
        channel: &str,
        workflow: &str,
    ) -> Result<Pins, Error> {
        let channel = match channel {
            "" => None,
            name => Some(ChannelName::new(name)?),
        };
        let all = self.list().await?;
        let published: Vec<_> = all.iter().filter(|(name, _)| functions(name)).collect();
        check_there(channel.as_ref(), published.iter().map(|(_, one)| one))?;
        let installed = self.0.installed.iter();
        let installed = installed.filter(|(name, _)| functions(name));
        let mut pins: Pins = installed.map(|(k, v)| (k.clone(), v.clone())).collect();
        for (name, published) in published {
            if let Some(digest) = published.choose(channel.as_ref(), workflow) {
                pins.insert(name.clone(), digest.to_string());
            }
        }
        Ok(pins)
    }

    /// What is published of every function, by name.
    ///
    /// # Errors
    /// `CATALOG_FAILED`.
    pub async fn list(&self) -> Result<Vec<(String, Published)>, Error> {
        let entries = self.0.store.range(record::SHARD, record::all(), FUNCTIONS);
        let entries = entries.await.map_err(|error| of_store(&error))?;
        let read = entries.iter().map(|entry| {
            let name = record::function_of(&entry.key).unwrap_or_default();
            Ok((name.to_owned(), read(&entry.value)?))
        });
        read.collect()
    }

    /// What is published of one function.
    ///
    /// # Errors
    /// `CATALOG_FAILED`.
    pub async fn get(&self, function: &FunctionName) -> Result<Published, Error> {
        let key = record::key(function.as_str());
        let value = self.0.store.get(record::SHARD, &key).await;
        let value = value.map_err(|error| of_store(&error))?;
        value.map_or_else(|| Ok(Published::default()), |value| read(&value))
    }

    /// Makes the version of this digest known, whose parts are among the blobs, and has `channel`
    /// name it, if given, with a percentage; whose it is, and what is published then.
    ///
    /// # Errors
    /// `NO_SUCH_FUNCTION` when none of that name is installed, `VERSION_NOT_KEPT`, and those of
    /// [`Published::publish`], [`Published::promote`] and [`Self::change`].
    pub async fn publish(
        &self,
        digest: Digest,
        channel: Option<(ChannelName, u8)>,
    ) -> Result<(FunctionName, Published), Error> {
        let function = keep::kept(&self.0.blobs, digest).await?;
        self.check_installed(&function.name)?;
        let now = self.0.store.now().await.map_err(|error| of_store(&error))?;
        let published = self.change(&function.name, |of| {
            of.publish(version(digest, function.version, now))?;
            match channel {
                Some((channel, percent)) => of.promote(channel, Setting { digest, percent }),
                None => Ok(()),
            }
        });
        let published = published.await?;
        Ok((function.name, published))
    }

    /// Hosts lease work of functions that are installed there.
    fn check_installed(&self, name: &FunctionName) -> Result<(), Error> {
        let installed = &self.0.installed;
        if installed.is_empty() || installed.contains_key(name.as_str()) {
            return Ok(());
        }
        let known: Vec<_> = installed.keys().map(String::as_str).collect();
        let message = format!(
            "no function `{name}` is installed; there are {}",
            known.join(", ")
        );
        Err(Error::user("NO_SUCH_FUNCTION", message)
            .at("digest")
            .hint("name its service in the configuration of every host; versions come after that"))
    }

    /// Changes what is published of a function, and tells what it is then. What fails changes
    /// nothing.
    ///
    /// # Errors
    /// That of the change; `CATALOG_BUSY`, `CATALOG_FAILED`.
    pub async fn change(
        &self,
        function: &FunctionName,
        change: impl FnOnce(&mut Published) -> Result<(), Error>,
    ) -> Result<Published, Error> {
        let Inner {
            store, owner, turn, ..
        } = &*self.0;
        let _turn = turn.lock().await;
        let fence = store.acquire(record::SHARD, owner, OWNERSHIP).await;
        let fence = fence.map_err(|error| of_store(&error))?;
        let changed = self.change_alone(&fence, function, change).await;
        // Else it lapses.
        let _ = store.release(&fence).await;
        changed
    }

    async fn change_alone(
        &self,
        fence: &Fence,
        function: &FunctionName,
        change: impl FnOnce(&mut Published) -> Result<(), Error>,
    ) -> Result<Published, Error> {
        let mut published = self.get(function).await?;
        if published.versions().is_empty() {
            self.check_room().await?;
        }
        change(&mut published)?;
        let value = record::write(&published).map_err(|error| damaged(&error))?;
        let mut batch = Batch::new();
        match published.versions().is_empty() {
            true => batch.delete(record::key(function.as_str())),
            false => batch.put(record::key(function.as_str()), value),
        };
        let committed = self.0.store.commit(fence, batch).await;
        committed.map_err(|error| of_store(&error))?;
        Ok(published)
    }
}

impl Catalog {
    async fn check_room(&self) -> Result<(), Error> {
        match self.list().await?.len() < FUNCTIONS {
            true => Ok(()),
            false => Err(Error::user(
                "TOO_MANY_FUNCTIONS",
                format!("versions of {FUNCTIONS} functions are published"),
            )
            .hint("remove those of one that is not needed")),
        }
    }
}

fn version(digest: Digest, name: String, published: Timestamp) -> Version {
    Version {
        digest,
        name,
        published,
    }
}

/// A channel that nobody has is a mistake; `stable` always is.
fn check_there<'a>(
    channel: Option<&ChannelName>,
    published: impl Iterator<Item = &'a Published> + Clone,
) -> Result<(), Error> {
    let Some(channel) = channel.filter(|name| **name != ChannelName::stable()) else {
        return Ok(());
    };
    if published.clone().any(|one| one.named(channel).is_some()) {
        return Ok(());
    }
    let known = published.flat_map(|one| one.channels().map(|(name, ..)| name.as_str()));
    let known: BTreeSet<_> = known.chain(["stable"]).collect();
    let known: Vec<_> = known.into_iter().collect();
    let message = format!("no function of this work has a channel `{channel}`");
    Err(Error::user("NO_SUCH_CHANNEL", message)
        .at("channel")
        .hint(format!("there are {}", known.join(", "))))
}

fn read(value: &[u8]) -> Result<Published, Error> {
    record::read(value).map_err(|error| damaged(&error))
}

fn damaged(error: &record::Malformed) -> Error {
    Error::platform(
        "CATALOG_FAILED",
        format!("the catalog of functions cannot be read: {error}"),
    )
}

fn of_store(error: &StoreError) -> Error {
    match error {
        StoreError::Owned { owner, .. } => Error::platform(
            "CATALOG_BUSY",
            format!("{owner} changes the catalog of functions"),
        )
        .hint("try again"),
        other => Error::platform("CATALOG_FAILED", other.to_string()).hint("try again"),
    }
}
