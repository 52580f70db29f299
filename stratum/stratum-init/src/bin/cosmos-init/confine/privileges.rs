//! What is left of root.

use rustix::io::Errno;
use rustix::process::{Pid, Signal, getpid, getppid, nice, set_parent_process_death_signal};
use rustix::thread::{
    CapabilitySet, CapabilitySets, remove_capability_from_bounding_set, set_capabilities,
    set_no_new_privs,
};

/// The lowest priority that a process can have.
const LAST: i32 = 19;

/// Drops every capability but those that let root read and write others' files, which the
/// sandbox's paths bound, and bars `exec` from giving any back.
pub(super) fn drop_all_but_file_access() -> Result<(), String> {
    let kept = CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH;
    for capability in CapabilitySet::all().iter().filter(|c| !kept.contains(*c)) {
        match remove_capability_from_bounding_set(capability) {
            // Not root: there is nothing to remove. Or not known to this kernel.
            Ok(()) | Err(Errno::PERM | Errno::INVAL) => {}
            Err(e) => return Err(format!("PR_CAPBSET_DROP: {e}")),
        }
    }
    let held = rustix::thread::capabilities(None).map_err(|e| format!("capget: {e}"))?;
    let left = CapabilitySets {
        effective: held.effective & kept,
        permitted: held.permitted & kept,
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, left).map_err(|e| format!("capset: {e}"))?;
    set_no_new_privs(true).map_err(|e| format!("PR_SET_NO_NEW_PRIVS: {e}"))
}

/// In a container, which shares its processors with nobody but init: init has the first turn,
/// however many processes there are to watch.
pub(super) fn let_init_go_first() -> Result<(), String> {
    match getppid() {
        Some(Pid::INIT) => nice(LAST).map(drop).map_err(|e| format!("nice: {e}")),
        _ => Ok(()),
    }
}

/// Even `SIGKILL` to init ends the command. Comes after the change of capabilities, which may
/// clear it.
pub(super) fn die_with_parent() -> Result<(), String> {
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|e| format!("PR_SET_PDEATHSIG: {e}"))?;
    // Init's own group is its pid since `setsid`: another parent means that it has died already.
    let session = rustix::process::getsid(Some(getpid())).ok();
    if getppid() == session {
        Ok(())
    } else {
        Err("cosmos-init has died".into())
    }
}
