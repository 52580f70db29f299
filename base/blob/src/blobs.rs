use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::{BlobError, BlobRef, BlobStore};

/// The configured stores by name. One of them takes what is new. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Blobs {
    home: Arc<dyn BlobStore>,
    stores: Arc<BTreeMap<String, Arc<dyn BlobStore>>>,
}

impl Blobs {
    /// Stores where `home` takes new bytes and `others` can be read too.
    pub fn new(
        home: Arc<dyn BlobStore>,
        others: impl IntoIterator<Item = Arc<dyn BlobStore>>,
    ) -> Self {
        let all = others.into_iter().chain([home.clone()]);
        let stores = all.map(|store| (store.name().to_owned(), store)).collect();
        Self {
            home,
            stores: Arc::new(stores),
        }
    }

    /// The store that takes new bytes.
    pub fn home(&self) -> &dyn BlobStore {
        self.home.as_ref()
    }

    /// The store of this name.
    ///
    /// # Errors
    /// [`BlobError::UnknownStore`].
    pub fn store(&self, name: &str) -> Result<&dyn BlobStore, BlobError> {
        let store = self.stores.get(name);
        let store = store.ok_or_else(|| BlobError::UnknownStore(name.to_owned()))?;
        Ok(store.as_ref())
    }

    /// The whole blob, verified; at most `limit` bytes.
    ///
    /// # Errors
    /// As [`BlobStore::get`].
    pub async fn get(&self, blob: &BlobRef, limit: u64) -> Result<Bytes, BlobError> {
        self.store(&blob.store)?.get(blob, limit).await
    }
}
