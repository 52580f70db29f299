//! Lists: every element comes back at its index, and pages keep their size.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use blob::list::{self, ListError, ListReader};
use blob::{Blobs, ListRef, LocalBlobs, NamedBlob, Value};
use errors::Error;

struct Fixture {
    _root: tempfile::TempDir,
    blobs: Blobs,
}

fn fixture() -> Fixture {
    let root = tempfile::tempdir().unwrap();
    let store = LocalBlobs::open("local", root.path()).unwrap();
    Fixture {
        _root: root,
        blobs: Blobs::new(Arc::new(store), []),
    }
}

impl Fixture {
    async fn write(&self, elements: &[Value]) -> ListRef {
        list::write(self.blobs.home(), elements).await.unwrap()
    }

    async fn open(&self, list: ListRef) -> ListReader {
        ListReader::open(&self.blobs, list).await.unwrap()
    }
}

/// Elements of many sizes, up to about 1 KiB.
fn elements(count: usize) -> Vec<Value> {
    let element = |n: usize| Value::inline(format!("{n}:{}", "x".repeat(n * 37 % 1000)));
    (0..count).map(element).collect()
}

#[tokio::test]
async fn every_element_is_at_its_index() {
    let fixture = fixture();
    for count in [0, 1, 2, 255, 256, 257, 1_500] {
        let elements = elements(count);
        let list = fixture.write(&elements).await;
        assert_eq!(list.count, count as u64);
        let mut reader = fixture.open(list).await;
        assert_eq!(reader.all().await.unwrap(), elements);
        for index in (0..count).step_by(97).chain(count.checked_sub(1)) {
            assert_eq!(reader.element(index as u64).await.unwrap(), elements[index]);
        }
        let beyond = reader.element(count as u64).await.unwrap_err();
        assert!(matches!(beyond, ListError::OutOfRange { .. }), "{beyond}");
    }
}

#[tokio::test]
async fn equal_lists_are_one() {
    let fixture = fixture();
    let elements = elements(700);
    assert_eq!(
        fixture.write(&elements).await,
        fixture.write(&elements).await
    );
}

#[tokio::test]
async fn blobs_and_lists_nest() {
    let fixture = fixture();
    let inner = fixture.write(&elements(3)).await;
    let value = Value {
        inline: "{}".into(),
        blobs: vec![NamedBlob {
            name: "encoding.264".into(),
            blob: inner.index.clone(),
        }],
        list: Some(inner),
        error: None,
    };
    let failed = Value::failed(Error::source("TRUNCATED", "only 3 frames decode"));
    let list = fixture.write(&[value.clone(), failed.clone()]).await;
    let mut list = fixture.open(list).await;
    assert_eq!(list.element(0).await.unwrap(), value);
    assert_eq!(list.element(1).await.unwrap(), failed);
}

#[tokio::test]
async fn pages_are_bounded_by_bytes() {
    let fixture = fixture();
    let large = vec![Value::inline(vec![7; 60_000]); 10];
    let list = fixture.write(&large).await;
    let mut reader = fixture.open(list).await;
    assert_eq!(reader.page_count(), 3);
    assert!(reader.touch().await.unwrap());
    assert_eq!(reader.page(2).await.unwrap().len(), 2);
    let too_large = [Value::inline(vec![7; 70_000])];
    let error = list::write(fixture.blobs.home(), &too_large).await;
    assert!(matches!(
        error,
        Err(ListError::ElementTooLarge { index: 0, .. })
    ));
}

#[tokio::test]
async fn a_reference_that_does_not_fit_is_refused() {
    let fixture = fixture();
    let mut list = fixture.write(&elements(300)).await;
    list.count += 4_096;
    assert!(
        ListReader::open(&fixture.blobs, list.clone())
            .await
            .is_err()
    );
    let junk = fixture.blobs.home().put("junk".into(), "x").await.unwrap();
    let junk = ListRef {
        index: junk,
        count: 1,
    };
    assert!(ListReader::open(&fixture.blobs, junk).await.is_err());
    list.count -= 4_095;
    let mut reader = fixture.open(list).await;
    assert!(reader.all().await.is_err());
}
