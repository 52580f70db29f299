//! Reading through mounts: a local film beside the plain file, and one of a server beside a mount
//! that asks for what the kernel asks for, with its read-ahead and no other.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, ensure};
use bench::cpu;
use bench::stats::{Spread, spread};
use bytes::BytesMut;
use origin::{Manners, Origin};
use rustix::fs::{Advice, fadvise};
use serde::Serialize;
use sources::{Pinned, Remote, RemoteConfig};
use stratum_mount::{Answer, Entry, Mount, Shown, Span};
use stratum_sources::{OpenSource, limits};
use tokio::runtime::{Handle, Runtime};

const PATH: &str = "/films/film.mov";
const LATENCY: Duration = Duration::from_millis(5);
const STEP: usize = 1 << 20;

/// MB a second, and milliseconds.
#[derive(Serialize)]
pub struct Reading {
    pub bytes: u64,
    /// Not in the page cache before.
    pub file: Option<Spread>,
    pub mount: Option<Spread>,
    /// In the page cache before, as the file of the mount is.
    pub cached_file: Option<Spread>,
    pub cached_mount: Option<Spread>,
    /// Processor seconds of this process for a GiB through the mount, and of the file.
    pub mount_cpu_s_per_gib: Option<Spread>,
    pub file_cpu_s_per_gib: Option<Spread>,
    pub request_ms: u64,
    /// Of a server, through our mount.
    pub remote: Option<Spread>,
    /// Of a server, by a mount that sends one request for each read of the kernel.
    pub remote_plain: Option<Spread>,
    /// From a read at the end of a film that was just mounted to its bytes.
    pub remote_seek_ms: Option<Spread>,
}

impl Reading {
    /// The ratios that are promised.
    pub fn ratios(&self) -> [(&'static str, f64); 3] {
        let ratio = |ours: &Option<Spread>, theirs: &Option<Spread>| {
            let both = ours.as_ref().zip(theirs.as_ref());
            both.map_or(f64::NAN, |(ours, theirs)| ours.median / theirs.median)
        };
        [
            ("mount_vs_file", ratio(&self.mount, &self.file)),
            (
                "cached_mount_vs_file",
                ratio(&self.cached_mount, &self.cached_file),
            ),
            (
                "remote_vs_plain_fuse",
                ratio(&self.remote, &self.remote_plain),
            ),
        ]
    }
}

/// Alternating runs over `bytes` below `folder`, on a disk.
pub fn measure(runs: usize, bytes: u64, folder: &Path) -> Result<Reading> {
    let folder = tempfile::tempdir_in(folder)?;
    let film = write_film(folder.path(), bytes)?;
    let world = World::new(&film, folder.path())?;
    let mut all = Runs::default();
    for run in 0..runs {
        eprintln!("reading: run {} of {runs}", run + 1);
        all.local(&film, folder.path(), bytes)?;
        all.remote(&world)?;
    }
    Ok(Reading {
        bytes,
        file: spread(all.file),
        mount: spread(all.mount),
        cached_file: spread(all.cached_file),
        cached_mount: spread(all.cached_mount),
        mount_cpu_s_per_gib: spread(all.mount_cpu),
        file_cpu_s_per_gib: spread(all.file_cpu),
        request_ms: 5,
        remote: spread(all.remote),
        remote_plain: spread(all.remote_plain),
        remote_seek_ms: spread(all.seek),
    })
}

#[derive(Default)]
struct Runs {
    file: Vec<f64>,
    mount: Vec<f64>,
    cached_file: Vec<f64>,
    cached_mount: Vec<f64>,
    mount_cpu: Vec<f64>,
    file_cpu: Vec<f64>,
    remote: Vec<f64>,
    remote_plain: Vec<f64>,
    seek: Vec<f64>,
}

impl Runs {
    fn local(&mut self, film: &Path, folder: &Path, bytes: u64) -> Result<()> {
        forget(film)?;
        self.file.push(throughput(film)?.0);
        forget(film)?;
        let (mounted, _) = through_mount(film, folder, bytes)?;
        self.mount.push(mounted);
        let (cached, cpu) = throughput(film)?;
        self.cached_file.push(cached);
        self.file_cpu.push(cpu);
        let (cached, cpu) = through_mount(film, folder, bytes)?;
        self.cached_mount.push(cached);
        self.mount_cpu.push(cpu);
        Ok(())
    }

    fn remote(&mut self, world: &World) -> Result<()> {
        let open = world.open()?;
        self.remote.push(throughput(open.path())?.0);
        drop(open);
        let open = world.open()?;
        self.seek.push(seek_ms(open.path())?);
        drop(open);
        self.remote_plain.push(world.plain()?);
        Ok(())
    }
}

/// Bytes that no file system makes smaller.
fn write_film(folder: &Path, bytes: u64) -> Result<PathBuf> {
    let path = folder.join("film.mov");
    let mut file = File::create_new(&path)?;
    let mut state = 1u64;
    let mut part = vec![0u8; STEP];
    for _ in 0..bytes / STEP as u64 {
        for word in part.chunks_exact_mut(8) {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            word.copy_from_slice(&state.to_le_bytes());
        }
        file.write_all(&part)?;
    }
    file.sync_all()?;
    Ok(path)
}

fn forget(film: &Path) -> Result<()> {
    Ok(fadvise(File::open(film)?, 0, None, Advice::DontNeed)?)
}

/// MB a second of one who reads from the first byte to the last, and processor seconds for a GiB.
fn throughput(path: &Path) -> Result<(f64, f64)> {
    let (began, cpu) = (Instant::now(), cpu::of_self());
    let (mut file, mut part, mut read) = (File::open(path)?, vec![0; STEP], 0u64);
    loop {
        match Read::read(&mut file, &mut part)? {
            0 => break,
            length => read += length as u64,
        }
    }
    ensure!(read > 0, "nothing was read");
    let cpu = (cpu::of_self() - cpu).as_secs_f64();
    let rate = read as f64 / 1e6 / began.elapsed().as_secs_f64();
    Ok((rate, cpu * (1u64 << 30) as f64 / read as f64))
}

fn through_mount(film: &Path, folder: &Path, bytes: u64) -> Result<(f64, f64)> {
    let at = tempfile::tempdir_in(folder)?;
    let mount = Mount::new(at.path(), File::open(film)?, vec![whole(bytes)])?;
    let read = throughput(&mount.path().join("film.mov"));
    drop(mount);
    read
}

fn whole(length: u64) -> Entry {
    Entry {
        name: "film.mov".into(),
        span: Span { offset: 0, length },
    }
}

fn seek_ms(path: &Path) -> Result<f64> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    let began = Instant::now();
    file.read_exact_at(&mut [0; 4_096], size - 100_000)?;
    Ok(began.elapsed().as_secs_f64() * 1e3)
}

/// A server with the film, each of whose answers takes some time.
struct World {
    runtime: Runtime,
    origin: Origin,
    remote: Remote,
    folder: PathBuf,
}

impl World {
    fn new(film: &Path, folder: &Path) -> Result<Self> {
        let runtime = Runtime::new()?;
        let origin = runtime.block_on(Origin::start());
        origin.put_file(PATH, film);
        origin.behave(Manners {
            latency: LATENCY,
            ..Manners::default()
        });
        let config = RemoteConfig {
            http: vec![origin.url("/films/")],
            private: vec![origin.authority()],
            ..RemoteConfig::default()
        };
        Ok(Self {
            remote: Remote::new(&config)?,
            runtime,
            origin,
            folder: folder.to_owned(),
        })
    }

    fn pinned(&self) -> Result<Pinned> {
        let object = self.remote.object(&self.origin.url(PATH))?;
        Ok(self.runtime.block_on(self.remote.pin(object))?)
    }

    fn room(&self) -> Result<PathBuf> {
        Ok(tempfile::tempdir_in(&self.folder)?.keep())
    }

    fn open(&self) -> Result<OpenSource> {
        let open = OpenSource::open(
            self.remote.clone(),
            self.pinned()?,
            self.room()?,
            limits::MEMORY,
        );
        Ok(self.runtime.block_on(open)?)
    }

    /// The first 32 MiB are enough.
    fn plain(&self) -> Result<f64> {
        let pinned = self.pinned()?;
        let entry = whole(pinned.size().min(32 << 20));
        let shown = Arc::new(Plain {
            remote: self.remote.clone(),
            pinned,
            runtime: self.runtime.handle().clone(),
        });
        let at = tempfile::tempdir_in(&self.folder)?;
        let mount = Mount::of(at.path(), shown, vec![entry], SystemTime::UNIX_EPOCH);
        let mount = mount.context("a plain mount")?;
        let read = throughput(&mount.path().join("film.mov"));
        drop(mount);
        read.map(|(rate, _)| rate)
    }
}

/// One request for each read.
struct Plain {
    remote: Remote,
    pinned: Pinned,
    runtime: Handle,
}

impl Shown for Plain {
    fn read(&self, span: Span, answer: Answer) {
        let (remote, pinned) = (self.remote.clone(), self.pinned.clone());
        self.runtime.spawn(async move {
            let mut all = BytesMut::new();
            let range = span.offset..span.offset + span.length;
            let read = remote
                .read(&pinned, range, |bytes| all.extend_from_slice(&bytes))
                .await;
            answer(read.map(|()| all.freeze()).map_err(io::Error::other));
        });
    }
}
