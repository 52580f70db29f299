//! What a command is held to. Everything that can fail with a sentence is prepared before `fork`;
//! [`Confine::enter`] runs in the child.

mod files;
mod limits;
mod privileges;
mod syscalls;

use stratum_init::{Confinement, Spec, Strictness};

use self::files::Files;
use self::syscalls::Syscalls;

pub(crate) struct Confine {
    limits: limits::Resources,
    files: Option<Files>,
    syscalls: Option<Syscalls>,
}

impl Confine {
    pub(crate) fn prepare(spec: &Spec) -> Result<Self, String> {
        let sandbox = &spec.sandbox;
        let confined = sandbox.strictness != Strictness::Off;
        Ok(Confine {
            limits: limits::resources(&spec.limits),
            files: if confined {
                Files::prepare(spec)?
            } else {
                None
            },
            syscalls: if confined {
                Syscalls::prepare(sandbox)?
            } else {
                None
            },
        })
    }

    /// In the child, before `exec`. Landlock comes before seccomp, which would refuse it.
    pub(crate) fn enter(self) -> Result<Confinement, String> {
        limits::apply(&self.limits)?;
        privileges::drop_all_but_file_access()?;
        privileges::die_with_parent()?;
        privileges::let_init_go_first()?;
        let (files, scoped) = match self.files {
            Some(files) => files.enter()?,
            None => (false, false),
        };
        let syscalls = self.syscalls.map(Syscalls::enter).transpose()?.is_some();
        Ok(Confinement {
            files,
            scoped,
            syscalls,
        })
    }
}
