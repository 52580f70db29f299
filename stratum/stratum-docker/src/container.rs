//! What a command's container may and may not.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use bollard::models::{ContainerCreateBody, HostConfig, HostConfigLogConfig, Mount, MountType};
use stratum_init::{Container, Input, Output, Spec};

use crate::Engine;
use crate::engine::OWNER;
use crate::kit::Kit;

/// Processes and their threads: behind the limit on processes, which init names.
const TASKS: i64 = 1_024;
const NANO: i64 = 1_000_000_000;

/// The container of a command whose host listens at `socket` in the control directory.
pub(crate) fn body(
    engine: &Engine,
    container: &Container<'_>,
    spec: &Spec,
    socket: &str,
) -> ContainerCreateBody {
    let socket = format!("{}/{socket}", Kit::control());
    let user = engine.user;
    ContainerCreateBody {
        image: Some(container.image.to_owned()),
        entrypoint: Some(engine.kit.command(&socket)),
        cmd: Some(vec![]),
        user: Some(format!("{}:{}", user.uid, user.gid)),
        labels: Some(HashMap::from([(
            OWNER.to_owned(),
            engine.owner.to_string(),
        )])),
        host_config: Some(host_config(engine, container, spec)),
        ..ContainerCreateBody::default()
    }
}

fn host_config(engine: &Engine, container: &Container<'_>, spec: &Spec) -> HostConfig {
    let memory = spec.limits.memory;
    let memory = memory.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
    HostConfig {
        memory,
        // Memory and swap together: no swap.
        memory_swap: memory,
        nano_cpus: Some(i64::from(container.cpus) * NANO),
        pids_limit: Some(TASKS),
        network_mode: (!spec.sandbox.network).then(|| "none".to_owned()),
        // No /dev/shm either.
        ipc_mode: Some("none".into()),
        readonly_rootfs: Some(true),
        cap_drop: Some(vec!["ALL".into()]),
        security_opt: Some(vec!["no-new-privileges".into()]),
        mounts: Some(mounts(engine, container, spec)),
        log_config: Some(log_config()),
        ..HostConfig::default()
    }
}

fn mounts(engine: &Engine, container: &Container<'_>, spec: &Spec) -> Vec<Mount> {
    let own = paths(spec).into_iter();
    let own = own.map(|(path, access)| bind(path, path.display().to_string(), access));
    let kit = engine.kit.files.iter();
    let kit = kit.map(|(path, place)| bind(path, place.clone(), Access::Read));
    let control = bind(container.control, Kit::control(), Access::Read);
    own.chain(kit).chain([control]).collect()
}

/// Each path once, with the most that is allowed of it.
fn paths(spec: &Spec) -> BTreeMap<&PathBuf, Access> {
    let sandbox = &spec.sandbox;
    let input = match &spec.stdin {
        Input::File(path) => Some(path),
        Input::Null => None,
    };
    let read = [&spec.cwd].into_iter().chain(input);
    let read = read.chain(&sandbox.read).chain(&sandbox.execute);
    let logs = [&spec.stdout, &spec.stderr].into_iter();
    let logs = logs.filter_map(|output| match output {
        Output::File { path, .. } => Some(path),
        Output::Discard | Output::Pipe => None,
    });
    let write = sandbox.write.iter().chain(logs);
    let read = read.map(|path| (path, Access::Read));
    read.chain(write.map(|path| (path, Access::Write)))
        .collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

fn bind(from: &Path, to: String, access: Access) -> Mount {
    Mount {
        target: Some(to),
        source: Some(from.display().to_string()),
        typ: Some(MountType::BIND),
        read_only: Some(access == Access::Read),
        ..Mount::default()
    }
}

/// What init says when it cannot even call; bounded.
fn log_config() -> HostConfigLogConfig {
    let bounds = [("max-size", "1m"), ("max-file", "1")];
    let bounds = bounds.map(|(name, value)| (name.to_owned(), value.to_owned()));
    HostConfigLogConfig {
        typ: Some("json-file".into()),
        config: Some(bounds.into()),
    }
}
