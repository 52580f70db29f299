//! Frames of a JPEG 2000 film through a real mount.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use corpus::{Clip, clip, framemd5, have, run, skip};
use stratum_mount::{Mount, Span, numbered, remove_dead};

/// The film and where its packets are, or `None` with a loud word.
fn film(what: &str) -> Option<(PathBuf, Vec<Span>)> {
    if OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/fuse")
        .is_err()
    {
        skip(what, "/dev/fuse is missing or not for this user");
        return None;
    }
    if !have("ffmpeg") {
        skip(what, "ffmpeg is not installed");
        return None;
    }
    let film = clip(Clip::J2kMov).unwrap();
    let path = film.display().to_string();
    let args = "-v error -show_entries packet=size,pos -of csv=p=0"
        .split(' ')
        .chain([&*path]);
    let listed = String::from_utf8(run("ffprobe", args).unwrap()).unwrap();
    let spans = listed.lines().map(|line| {
        let (length, offset) = line.split_once(',').unwrap();
        Span {
            offset: offset.trim_matches(',').parse().unwrap(),
            length: length.parse().unwrap(),
        }
    });
    Some((film, spans.collect()))
}

fn is_mounted(at: &Path) -> bool {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    mounts
        .lines()
        .any(|line| line.split(' ').nth(1) == at.to_str())
}

#[test]
fn frames_are_files_while_the_mount_lives() {
    let Some((film, spans)) = film("frames as files") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let entries = numbered("source", "j2k", spans.clone());
    let mount = Mount::new(folder.path(), File::open(&film).unwrap(), entries).unwrap();

    let names: Vec<_> = fs::read_dir(mount.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(names.len(), 24);
    let third = mount.path().join("source00000003.j2k");
    let bytes = fs::read(&third).unwrap();
    let film_bytes = fs::read(&film).unwrap();
    let (start, length) = (spans[2].offset as usize, spans[2].length as usize);
    assert_eq!(bytes, film_bytes[start..start + length]);
    assert_eq!(fs::metadata(&third).unwrap().len(), spans[2].length);

    assert!(fs::write(&third, "x").is_err());
    assert!(fs::write(mount.path().join("new"), "x").is_err());
    assert!(fs::read(mount.path().join("source00000025.j2k")).is_err());

    let decoded = framemd5(&mount.path().join("source%08d.j2k")).unwrap();
    assert_eq!(decoded, framemd5(&film).unwrap());

    drop(mount);
    assert!(!is_mounted(folder.path()));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_mount_goes_also_under_an_open_file() {
    let Some((film, spans)) = film("unmounting under an open file") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let entries = numbered("source", "j2k", spans);
    let mount = Mount::new(folder.path(), File::open(&film).unwrap(), entries).unwrap();
    let mut open = File::open(mount.path().join("source00000001.j2k")).unwrap();
    open.read_exact(&mut [0; 4]).unwrap();
    let path = folder.path().to_owned();
    let dropping = std::thread::spawn(move || drop(mount));
    wait_until("the mount to go", || !is_mounted(&path));
    drop(open);
    dropping.join().unwrap();
}

/// Leaves the mount of a killed process at `folder`.
fn leave_dead(folder: &Path) {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "host", "--nocapture"])
        .env("MOUNT_AT", folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    wait_until("the mount", || folder.join("source00000001.j2k").exists());
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(fs::read_dir(folder).is_err(), "a dead mount answers");
}

#[test]
fn the_mount_of_a_killed_process_is_replaced() {
    let Some((film, spans)) = film("a mount whose process was killed") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    leave_dead(folder.path());
    let entries = numbered("source", "j2k", spans);
    let mount = Mount::new(folder.path(), File::open(&film).unwrap(), entries).unwrap();
    assert_eq!(fs::read_dir(mount.path()).unwrap().count(), 24);
    drop(mount);
    assert!(!is_mounted(folder.path()));
}

#[test]
fn only_mounts_of_killed_processes_are_removed() {
    let Some((film, spans)) = film("mounts that were left behind") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let [dead, alive] = ["dead one", "alive"].map(|name| folder.path().join(name));
    fs::create_dir(&dead).unwrap();
    fs::create_dir(&alive).unwrap();
    leave_dead(&dead);
    let entries = numbered("source", "j2k", spans);
    let mount = Mount::new(&alive, File::open(&film).unwrap(), entries).unwrap();
    remove_dead().unwrap();
    assert_eq!(fs::read_dir(&dead).unwrap().count(), 0);
    assert_eq!(fs::read_dir(mount.path()).unwrap().count(), 24);
}

/// A process that mounts and waits to be killed.
#[test]
fn host() {
    let Some(at) = std::env::var_os("MOUNT_AT") else {
        return;
    };
    let (film, spans) = film("host").unwrap();
    let entries = numbered("source", "j2k", spans);
    let _mount = Mount::new(at.as_ref(), File::open(film).unwrap(), entries).unwrap();
    std::thread::sleep(Duration::from_secs(600));
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
