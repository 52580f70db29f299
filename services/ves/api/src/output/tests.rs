#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use blob::{BlobRef, Digest};
use files::{Place, identify};
use tempfile::TempDir;

use super::*;
use crate::validate::Target;

fn place(root: &Path, beneath: &str) -> Place {
    Place {
        root: root.to_owned(),
        beneath: beneath.into(),
    }
}

fn code<T: std::fmt::Debug>(result: Result<T, errors::Error>) -> String {
    result.unwrap_err().code
}

/// in/a.mp4, in/empty, in/deep/, secret.mp4, and links.
fn tree() -> TempDir {
    let tree = tempfile::tempdir().unwrap();
    let at = |name: &str| tree.path().join(name);
    fs::create_dir_all(at("in/deep")).unwrap();
    fs::write(at("in/a.mp4"), "source").unwrap();
    fs::write(at("in/empty"), "").unwrap();
    fs::write(at("secret.mp4"), "secret").unwrap();
    symlink("a.mp4", at("in/inside.mp4")).unwrap();
    symlink("../secret.mp4", at("in/outside.mp4")).unwrap();
    symlink(at("secret.mp4"), at("in/absolute.mp4")).unwrap();
    symlink("..", at("in/up")).unwrap();
    symlink("/proc/self/fd/0", at("in/magic.mp4")).unwrap();
    symlink("loop.mp4", at("in/loop.mp4")).unwrap();
    tree
}

#[test]
fn a_source_is_identified_and_another_one_differs() {
    let tree = tree();
    let root = tree.path().join("in");
    let first = identify(&place(&root, "a.mp4")).unwrap();
    assert_eq!(first.size, 6);
    assert_eq!(identify(&place(&root, "inside.mp4")).unwrap(), first);
    fs::write(root.join("b.mp4"), "source").unwrap();
    fs::rename(root.join("b.mp4"), root.join("a.mp4")).unwrap();
    assert_ne!(identify(&place(&root, "a.mp4")).unwrap(), first);
}

#[test]
fn nothing_outside_its_root_is_opened() {
    let tree = tree();
    let root = tree.path().join("in");
    for beneath in [
        "outside.mp4",
        "absolute.mp4",
        "up/secret.mp4",
        "../secret.mp4",
    ] {
        assert_eq!(
            code(identify(&place(&root, beneath))),
            "SOURCE_OUTSIDE_ROOT",
            "{beneath}"
        );
    }
    for beneath in ["magic.mp4", "loop.mp4"] {
        assert_eq!(
            code(identify(&place(&root, beneath))),
            "SOURCE_OUTSIDE_ROOT",
            "{beneath}"
        );
    }
    let target = |beneath: &str| Target {
        place: place(&root, beneath),
        overwrite: true,
    };
    assert_eq!(
        code(check_target(&target("up/secret.mp4"), None)),
        "OUTPUT_OUTSIDE_ROOT"
    );
    // A link of that name would be replaced itself, not followed.
    check_target(&target("outside.mp4"), None).unwrap();
}

#[test]
fn what_is_no_video_file_is_refused() {
    let tree = tree();
    let root = tree.path().join("in");
    rustix::fs::mkfifoat(rustix::fs::CWD, root.join("pipe"), 0o600.into()).unwrap();
    let table = [
        ("none.mp4", "SOURCE_MISSING"),
        ("a.mp4/b.mp4", "SOURCE_MISSING"),
        ("deep", "SOURCE_NOT_A_FILE"),
        ("pipe", "SOURCE_NOT_A_FILE"),
        ("empty", "SOURCE_EMPTY"),
    ];
    for (beneath, expected) in table {
        assert_eq!(
            code(identify(&place(&root, beneath))),
            expected,
            "{beneath}"
        );
    }
}

#[test]
fn a_place_that_is_taken_is_refused_unless_it_may_be_replaced() {
    let tree = tree();
    let root = tree.path().join("in");
    let source = identify(&place(&root, "a.mp4")).unwrap();
    fs::hard_link(root.join("a.mp4"), root.join("same.mp4")).unwrap();
    fs::write(root.join("other.mp4"), "other").unwrap();
    let table = [
        ("new.mp4", false, None),
        ("deep/new.mp4", false, None),
        ("other.mp4", true, None),
        ("other.mp4", false, Some("OUTPUT_EXISTS")),
        ("deep", true, Some("OUTPUT_IS_A_FOLDER")),
        ("a.mp4", true, Some("OUTPUT_IS_SOURCE")),
        ("same.mp4", true, Some("OUTPUT_IS_SOURCE")),
        ("none/new.mp4", false, Some("OUTPUT_FOLDER_MISSING")),
        ("a.mp4/new.mp4", false, Some("OUTPUT_FOLDER_MISSING")),
    ];
    for (beneath, overwrite, expected) in table {
        let target = Target {
            place: place(&root, beneath),
            overwrite,
        };
        let checked = check_target(&target, Some(&source));
        assert_eq!(
            checked.err().map(|error| error.code).as_deref(),
            expected,
            "{beneath}"
        );
    }
}

struct Press {
    tree: TempDir,
    publication: Publication,
}

impl Press {
    fn new(overwrite: bool) -> Self {
        let tree = tree();
        let root = tree.path().join("in");
        let file = tree.path().join("blob");
        fs::write(&file, "encoded").unwrap();
        let blob = BlobRef {
            store: "local".into(),
            digest: Digest::of(b"encoded"),
            size: 7,
            content_type: "video/mp4".into(),
        };
        let publication = Publication {
            file,
            blob,
            target: Target {
                place: place(&root, "deep/out.mp4"),
                overwrite,
            },
            source: identify(&place(&root, "a.mp4")).ok(),
            id: "request".into(),
        };
        Self { tree, publication }
    }

    fn target(&self) -> PathBuf {
        self.publication.target.place.path()
    }

    /// The names in the target's folder.
    fn names(&self) -> Vec<String> {
        let folder = fs::read_dir(self.tree.path().join("in/deep")).unwrap();
        folder
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    /// The source is as it was.
    fn check_source(&self) {
        assert_eq!(
            fs::read(self.tree.path().join("in/a.mp4")).unwrap(),
            b"source"
        );
    }
}

#[test]
fn a_result_is_published_once_however_often_it_is_done() {
    for overwrite in [false, true] {
        let press = Press::new(overwrite);
        for _ in 0..3 {
            publish(&press.publication).unwrap();
            assert_eq!(fs::read(press.target()).unwrap(), b"encoded");
            assert_eq!(press.names(), ["out.mp4"]);
        }
        fs::write(press.target(), "edited").unwrap();
        assert_eq!(
            fs::read(&press.publication.file).unwrap(),
            b"encoded",
            "the blob is untouched"
        );
        press.check_source();
    }
}

#[test]
fn another_file_is_replaced_only_when_asked() {
    let press = Press::new(false);
    fs::write(press.target(), "another").unwrap();
    assert_eq!(code(publish(&press.publication)), "OUTPUT_EXISTS");
    assert_eq!(fs::read(press.target()).unwrap(), b"another");
    let press = Press::new(true);
    fs::write(press.target(), "another").unwrap();
    publish(&press.publication).unwrap();
    assert_eq!(fs::read(press.target()).unwrap(), b"encoded");
    assert_eq!(press.names(), ["out.mp4"]);
}

#[test]
fn the_source_is_never_replaced_under_any_name() {
    let mut press = Press::new(true);
    fs::hard_link(press.tree.path().join("in/a.mp4"), press.target()).unwrap();
    assert_eq!(code(publish(&press.publication)), "OUTPUT_IS_SOURCE");
    press.publication.target.place.beneath = "a.mp4".into();
    assert_eq!(code(publish(&press.publication)), "OUTPUT_IS_SOURCE");
    press.check_source();
}

#[test]
fn a_link_in_the_targets_place_is_replaced_and_not_followed() {
    let press = Press::new(true);
    symlink("../a.mp4", press.target()).unwrap();
    publish(&press.publication).unwrap();
    assert!(press.target().symlink_metadata().unwrap().is_file());
    assert_eq!(fs::read(press.target()).unwrap(), b"encoded");
    press.check_source();
}

#[test]
fn a_damaged_result_is_never_published_and_leaves_nothing() {
    let press = Press::new(true);
    fs::write(&press.publication.file, "damaged").unwrap();
    assert_eq!(code(publish(&press.publication)), "BLOB_DAMAGED");
    assert!(press.names().is_empty());
}

#[test]
fn what_a_killed_try_left_is_removed() {
    let press = Press::new(false);
    let left = press.tree.path().join("in/deep/.request.0198-x.partial");
    let other = press.tree.path().join("in/deep/.other.0198-x.partial");
    fs::write(left, "enc").unwrap();
    fs::write(other, "enc").unwrap();
    publish(&press.publication).unwrap();
    let mut names = press.names();
    names.sort();
    assert_eq!(names, [".other.0198-x.partial", "out.mp4"]);
}
