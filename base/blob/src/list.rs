//! Long lists as immutable, paged blobs: a task carries the reference and an index (seam S8).

use buffa::Message;
use bytes::Bytes;
use proto::base::v1 as wire;

use crate::{BlobError, BlobRef, BlobStore, Blobs, ListRef, Value};

/// A page is at most this many bytes.
pub const PAGE_BYTES: usize = 256 * 1024;
/// One element is at most this many bytes.
pub const ELEMENT_BYTES: usize = 64 * 1024;
/// Elements in one page at most.
const PAGE_ELEMENTS: usize = 4096;
/// The table of contents is at most this many bytes.
const INDEX_BYTES: usize = 8 * 1024 * 1024;
/// Tag and length around one element of a page.
const FRAMING: usize = 6;

const PAGE_TYPE: &str = "application/x-protobuf; type=base.v1.ListPage";
const INDEX_TYPE: &str = "application/x-protobuf; type=base.v1.ListIndex";

/// Why a list could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    #[error(transparent)]
    Blob(#[from] BlobError),
    #[error("element {index} is {size} bytes; at most {ELEMENT_BYTES} fit a list")]
    ElementTooLarge { index: usize, size: usize },
    #[error("{0} elements are too many for one list")]
    TooMany(usize),
    #[error("there is no element {index} in a list of {count}")]
    OutOfRange { index: u64, count: u64 },
    #[error("list {digest} is malformed: {problem}", digest = .list.digest)]
    Malformed { list: BlobRef, problem: String },
}

/// Writes `elements`, durably. Equal elements give an equal reference.
///
/// # Errors
/// When an element or the list is too large, or the store fails.
pub async fn write(store: &dyn BlobStore, elements: &[Value]) -> Result<ListRef, ListError> {
    let elements: Vec<wire::Value> = elements.iter().cloned().map(Into::into).collect();
    let page_size = page_size(&elements)?;
    let mut pages = Vec::new();
    for page in elements.chunks(page_size) {
        pages.push(write_page(store, page).await?.into());
    }
    let index = wire::ListIndex {
        page_size: u32::try_from(page_size).unwrap_or(u32::MAX),
        pages,
        ..Default::default()
    };
    write_index(store, index, elements.len()).await
}

/// As many elements as fit a page wherever in the list it lies.
fn page_size(elements: &[wire::Value]) -> Result<usize, ListError> {
    let mut largest = 1;
    for (index, element) in elements.iter().enumerate() {
        let size = element.encoded_len() as usize;
        if size > ELEMENT_BYTES {
            return Err(ListError::ElementTooLarge { index, size });
        }
        largest = largest.max(size);
    }
    Ok((PAGE_BYTES / (largest + FRAMING)).min(PAGE_ELEMENTS))
}

async fn write_page(store: &dyn BlobStore, elements: &[wire::Value]) -> Result<BlobRef, BlobError> {
    let page = wire::ListPage {
        elements: elements.to_vec(),
        ..Default::default()
    };
    store.put(page.encode_to_vec().into(), PAGE_TYPE).await
}

async fn write_index(
    store: &dyn BlobStore,
    index: wire::ListIndex,
    count: usize,
) -> Result<ListRef, ListError> {
    let bytes = Bytes::from(index.encode_to_vec());
    if bytes.len() > INDEX_BYTES {
        return Err(ListError::TooMany(count));
    }
    Ok(ListRef {
        index: store.put(bytes, INDEX_TYPE).await?,
        count: count as u64,
    })
}

/// Reads a list page by page; keeps the page it read last.
#[derive(Debug)]
pub struct ListReader {
    blobs: Blobs,
    list: ListRef,
    page_size: u64,
    pages: Vec<BlobRef>,
    last: Option<(usize, Vec<Value>)>,
}

impl ListReader {
    /// Reads the table of contents.
    ///
    /// # Errors
    /// When it cannot be read or does not fit the reference.
    pub async fn open(blobs: &Blobs, list: ListRef) -> Result<Self, ListError> {
        let index: wire::ListIndex = read(blobs, &list.index, INDEX_BYTES).await?;
        let page_size = u64::from(index.page_size);
        if page_size == 0 || index.pages.len() as u64 != list.count.div_ceil(page_size) {
            return Err(malformed(
                &list.index,
                "its pages do not add up to its count",
            ));
        }
        let pages = index.pages.into_iter().map(BlobRef::try_from);
        let pages: Result<_, _> = pages.collect();
        Ok(Self {
            blobs: blobs.clone(),
            page_size,
            pages: pages.map_err(|wrong| malformed(&list.index, wrong))?,
            list,
            last: None,
        })
    }

    /// Elements in the whole list.
    pub fn count(&self) -> u64 {
        self.list.count
    }

    /// Pages in the list.
    pub fn page_count(&self) -> usize {
        self.pages.len()
    }

    /// The elements of the `number`-th page.
    ///
    /// # Errors
    /// When there is no such page, or it cannot be read.
    pub async fn page(&mut self, number: usize) -> Result<&[Value], ListError> {
        if self.last.as_ref().is_none_or(|(last, _)| *last != number) {
            let page = self.read_page(number).await?;
            self.last = Some((number, page));
        }
        Ok(self.last.as_ref().map_or(&[], |(_, page)| page))
    }

    /// One element.
    ///
    /// # Errors
    /// When there is no such element, or its page cannot be read.
    pub async fn element(&mut self, index: u64) -> Result<Value, ListError> {
        let out_of_range = self.out_of_range(index);
        let within = usize::try_from(index % self.page_size).unwrap_or(usize::MAX);
        let page = self.page(self.page_of(index)).await?;
        page.get(within).cloned().ok_or(out_of_range)
    }

    /// Every element, in order. For lists that are known to fit the memory.
    ///
    /// # Errors
    /// When a page cannot be read.
    pub async fn all(&mut self) -> Result<Vec<Value>, ListError> {
        let mut all = Vec::new();
        for number in 0..self.pages.len() {
            all.extend_from_slice(self.page(number).await?);
        }
        Ok(all)
    }

    /// Touches the table of contents and every page, and says whether they are there in full
    /// size.
    ///
    /// # Errors
    /// When a store cannot be asked.
    pub async fn touch(&self) -> Result<bool, BlobError> {
        for part in self.pages.iter().chain([&self.list.index]) {
            if !self.blobs.store(&part.store)?.touch(part).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn page_of(&self, index: u64) -> usize {
        usize::try_from(index / self.page_size).unwrap_or(usize::MAX)
    }

    fn out_of_range(&self, index: u64) -> ListError {
        ListError::OutOfRange {
            index,
            count: self.list.count,
        }
    }

    async fn read_page(&self, number: usize) -> Result<Vec<Value>, ListError> {
        let first = (number as u64).saturating_mul(self.page_size);
        let blob = self.pages.get(number);
        let blob = blob.ok_or_else(|| self.out_of_range(first))?;
        let page: wire::ListPage = read(&self.blobs, blob, PAGE_BYTES).await?;
        if page.elements.len() as u64 != self.page_size.min(self.list.count - first) {
            return Err(malformed(
                blob,
                "it has not as many elements as its list says",
            ));
        }
        let elements = page.elements.into_iter().map(Value::try_from);
        let elements: Result<_, _> = elements.collect();
        elements.map_err(|wrong| malformed(blob, wrong))
    }
}

async fn read<M: Message>(blobs: &Blobs, blob: &BlobRef, limit: usize) -> Result<M, ListError> {
    let bytes = blobs.get(blob, limit as u64).await?;
    M::decode_from_slice(&bytes).map_err(|wrong| malformed(blob, wrong))
}

fn malformed(list: &BlobRef, problem: impl ToString) -> ListError {
    ListError::Malformed {
        list: list.clone(),
        problem: problem.to_string(),
    }
}
