//! Which files a command can open: Landlock.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
use stratum_init::{Sandbox, Spec, Strictness};

/// Programs and libraries, and what the dynamic loader reads.
const EXECUTE: &[&str] = &[
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
];

/// What common programs read to find libraries, fonts, the time zone, and the processors.
const READ: &[&str] = &[
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/ld.so.preload",
    "/etc/alternatives",
    "/etc/fonts",
    "/etc/localtime",
    "/dev/urandom",
    "/dev/random",
    "/dev/zero",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/loadavg",
    "/proc/filesystems",
    "/proc/sys/vm/overcommit_memory",
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
];

const WRITE: &[&str] = &["/dev/null", "/dev/full"];

pub(super) struct Files {
    ruleset: RulesetCreated,
    scoped: bool,
    needed: bool,
}

impl Files {
    /// `None` when the kernel has no Landlock and the spec can do without.
    pub(super) fn prepare(spec: &Spec) -> Result<Option<Self>, String> {
        let needed = spec.sandbox.strictness == Strictness::Strict;
        match create() {
            Ok((ruleset, scoped)) => Ok(Some(Files {
                ruleset: add_rules(ruleset, spec)?,
                scoped,
                needed,
            })),
            Err(_) if !needed => Ok(None),
            Err(e) => Err(format!(
                "this kernel cannot confine file access (Landlock, Linux 5.13 or newer with \
                 lsm=landlock): {e}; a best-effort sandbox would start without"
            )),
        }
    }

    /// In the child. Says whether files are confined, and signals too.
    pub(super) fn enter(self) -> Result<(bool, bool), String> {
        // The child's own entry in /proc, for which there was no name before it was born.
        let ruleset = match PathFd::new("/proc/self") {
            Ok(own) => self
                .ruleset
                .add_rule(PathBeneath::new(own, read_access()))
                .map_err(|e| format!("sandbox rule for /proc/self: {e}"))?,
            Err(_) => self.ruleset,
        };
        let status = ruleset
            .restrict_self()
            .map_err(|e| format!("landlock: {e}"))?;
        let files = status.ruleset != RulesetStatus::NotEnforced;
        if self.needed && !files {
            return Err("the kernel did not enforce the file sandbox".into());
        }
        Ok((files, files && self.scoped))
    }
}

/// Rights of the first Landlock must be enforced; later ones are when the kernel knows them.
fn create() -> Result<(RulesetCreated, bool), RulesetError> {
    let base = || {
        Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::from_all(ABI::V1))?
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(ABI::V5))
    };
    let scoped = base()?
        .set_compatibility(CompatLevel::HardRequirement)
        .scope(Scope::Signal | Scope::AbstractUnixSocket)
        .and_then(|ruleset| ruleset.set_compatibility(CompatLevel::BestEffort).create());
    match scoped {
        Ok(ruleset) => Ok((ruleset, true)),
        Err(_) => Ok((base()?.create()?, false)),
    }
}

fn add_rules(mut ruleset: RulesetCreated, spec: &Spec) -> Result<RulesetCreated, String> {
    let Sandbox {
        read,
        write,
        execute,
        ..
    } = &spec.sandbox;
    for (paths, access) in [
        (EXECUTE, execute_access()),
        (READ, read_access()),
        (WRITE, read_access() | AccessFs::WriteFile),
    ] {
        for path in paths.iter().map(Path::new).filter(|path| path.exists()) {
            ruleset = add_rule(ruleset, path, access)?;
        }
    }
    let program = [PathBuf::from(&spec.argv[0])];
    for (paths, access) in [
        (&program[..], execute_access()),
        (execute, execute_access()),
        (read, read_access()),
        (write, write_access()),
    ] {
        for path in paths {
            ruleset = add_rule(ruleset, path, access)?;
        }
    }
    Ok(ruleset)
}

fn add_rule(
    ruleset: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, String> {
    let describe = |e: &dyn std::fmt::Display| format!("sandbox path {path:?}: {e}");
    let opened = PathFd::new(path).map_err(|e| describe(&e))?;
    let access = if path.is_dir() {
        access
    } else {
        access & AccessFs::from_file(ABI::V5)
    };
    ruleset
        .add_rule(PathBeneath::new(opened, access))
        .map_err(|e| describe(&e))
}

fn read_access() -> BitFlags<AccessFs> {
    AccessFs::ReadFile | AccessFs::ReadDir
}

fn execute_access() -> BitFlags<AccessFs> {
    read_access() | AccessFs::Execute
}

/// Everything but making devices and sockets, and running what was written.
fn write_access() -> BitFlags<AccessFs> {
    AccessFs::from_all(ABI::V5)
        & !(AccessFs::Execute | AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::MakeSock)
}
