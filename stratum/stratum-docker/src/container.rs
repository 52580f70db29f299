//! What a function's container may and may not.

use std::collections::HashMap;
use std::os::unix::fs::chown;
use std::path::Path;

use bollard::models::{ContainerCreateBody, HostConfig, HostConfigLogConfig, Mount, MountType};

use crate::engine::OWNER;
use crate::{EngineError, Job};

/// Where a function finds its working directory.
const WORK: &str = "/work";
/// The directories below it that the function may write in.
const WRITABLE: [&str; 2] = ["output", "tmp"];
const PROCESSES: i64 = 256;
const NANO: i64 = 1_000_000_000;

pub(crate) fn body(job: &Job<'_>, owner: &str) -> ContainerCreateBody {
    let own = [
        ("HOME", "/work/tmp"),
        ("TMPDIR", "/work/tmp"),
        ("LC_ALL", "C.UTF-8"),
    ];
    let own = own.map(|(name, value)| format!("{name}={value}"));
    let declared = job.function.env.iter();
    let declared = declared.map(|(name, value)| format!("{name}={value}"));
    ContainerCreateBody {
        image: Some(job.image.to_owned()),
        entrypoint: Some(job.function.command.clone()),
        env: Some(own.into_iter().chain(declared).collect()),
        working_dir: Some(WORK.into()),
        user: Some(format!("{0}:{0}", job.user)),
        labels: Some(HashMap::from([(OWNER.to_owned(), owner.to_owned())])),
        host_config: Some(host_config(job)),
        ..ContainerCreateBody::default()
    }
}

fn host_config(job: &Job<'_>) -> HostConfig {
    let memory = i64::try_from(job.shape.memory()).unwrap_or(i64::MAX);
    HostConfig {
        memory: Some(memory),
        // Memory and swap together: no swap.
        memory_swap: Some(memory),
        nano_cpus: Some(i64::from(job.shape.cpus) * NANO),
        pids_limit: Some(PROCESSES),
        network_mode: (!job.function.network).then(|| "none".to_owned()),
        readonly_rootfs: Some(true),
        cap_drop: Some(vec!["ALL".into()]),
        security_opt: Some(vec!["no-new-privileges".into()]),
        mounts: Some(mounts(job.work_dir)),
        log_config: Some(log_config()),
        ..HostConfig::default()
    }
}

fn mounts(work_dir: &Path) -> Vec<Mount> {
    let bind = |from: &Path, to: String, read_only| Mount {
        target: Some(to),
        source: Some(from.display().to_string()),
        typ: Some(MountType::BIND),
        read_only: Some(read_only),
        ..Mount::default()
    };
    let writable = WRITABLE.map(|name| bind(&work_dir.join(name), format!("{WORK}/{name}"), false));
    let whole = bind(work_dir, WORK.into(), true);
    [whole].into_iter().chain(writable).collect()
}

/// The engine keeps what the function says in a file of bounded size.
fn log_config() -> HostConfigLogConfig {
    let bounds = [("max-size", "1m"), ("max-file", "1")];
    let bounds = bounds.map(|(name, value)| (name.to_owned(), value.to_owned()));
    HostConfigLogConfig {
        typ: Some("json-file".into()),
        config: Some(bounds.into()),
    }
}

/// Gives the function's user the directories that it writes in.
pub(crate) fn hand_over(job: &Job<'_>) -> Result<(), EngineError> {
    for name in WRITABLE {
        let path = job.work_dir.join(name);
        let given = chown(&path, Some(job.user), Some(job.user));
        given.map_err(|source| EngineError::WorkDir { path, source })?;
    }
    Ok(())
}
