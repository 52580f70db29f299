//! Which system calls a command is refused: seccomp.
//!
//! A list of what is denied, not of what is allowed: functions are any program in any language.
//! Files are Landlock's; this closes the doors beside it.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter, sock_filter,
};
use stratum_init::{Sandbox, Strictness};

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Other processes, mounts and namespaces, keys, kernel code and settings, and `io_uring`, whose
/// operations this filter would not see.
const DENIED: &[i64] = &[
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_syslog,
    libc::SYS_vhangup,
];

const NAMESPACES: &[i32] = &[
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWCGROUP,
];

/// Numbers from here on are the x32 calls of an x86-64 kernel: the same doors under other numbers.
const X32_CALLS: u32 = 0x4000_0000;

pub(super) struct Syscalls(Vec<BpfProgram>);

impl Syscalls {
    /// `None` when this machine's processor has no filter and the spec can do without.
    pub(super) fn prepare(sandbox: &Sandbox) -> Result<Option<Self>, String> {
        match TargetArch::try_from(std::env::consts::ARCH) {
            Ok(architecture) => filters(sandbox, architecture)
                .map(|all| Some(Syscalls(all)))
                .map_err(|e| format!("system call filter: {e}")),
            Err(_) if sandbox.strictness == Strictness::BestEffort => Ok(None),
            Err(e) => Err(format!("no system call filter for this processor: {e}")),
        }
    }

    pub(super) fn enter(self) -> Result<(), String> {
        for filter in &self.0 {
            apply_filter(filter).map_err(|e| format!("seccomp: {e}"))?;
        }
        Ok(())
    }
}

fn filters(
    sandbox: &Sandbox,
    architecture: TargetArch,
) -> Result<Vec<BpfProgram>, seccompiler::BackendError> {
    // `clone3` hides its flags behind a pointer: without it, libraries take `clone`.
    let absent = Rules::from([(libc::SYS_clone3, Vec::new())]);
    let mut all = vec![
        compile(denied(sandbox)?, libc::EPERM, architecture)?,
        compile(absent, libc::ENOSYS, architecture)?,
    ];
    if architecture == TargetArch::x86_64 {
        all.push(without_x32());
    }
    Ok(all)
}

fn compile(
    rules: Rules,
    errno: i32,
    architecture: TargetArch,
) -> Result<BpfProgram, seccompiler::BackendError> {
    let refuse = SeccompAction::Errno(errno.unsigned_abs());
    SeccompFilter::new(rules, SeccompAction::Allow, refuse, architecture)?.try_into()
}

fn denied(sandbox: &Sandbox) -> Result<Rules, seccompiler::BackendError> {
    let mut rules: Rules = DENIED.iter().map(|call| (*call, Vec::new())).collect();
    rules.insert(libc::SYS_clone, namespace_flags()?);
    rules.insert(
        libc::SYS_ioctl,
        vec![when(1, SeccompCmpOp::Eq, libc::TIOCSTI)?],
    );
    // Its own limits a process may look at and lower; not those of others.
    rules.insert(libc::SYS_prlimit64, vec![when(0, SeccompCmpOp::Ne, 0_u64)?]);
    if !sandbox.network {
        // All families: a Unix socket may lead to a daemon with more rights than the command.
        rules.insert(libc::SYS_socket, Vec::new());
    }
    Ok(rules)
}

fn namespace_flags() -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    NAMESPACES
        .iter()
        .map(|flag| {
            let bits = u64::from(flag.unsigned_abs());
            when(0, SeccompCmpOp::MaskedEq(bits), bits)
        })
        .collect()
}

fn when(
    argument: u8,
    operator: SeccompCmpOp,
    value: impl Into<u64>,
) -> Result<SeccompRule, seccompiler::BackendError> {
    let condition =
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value.into())?;
    SeccompRule::new(vec![condition])
}

/// Load the call's number; from `X32_CALLS` on, refuse.
fn without_x32() -> BpfProgram {
    let instruction = |code: u32, jt, jf, k| sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    };
    vec![
        instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        instruction(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 0, 1, X32_CALLS),
        instruction(
            libc::BPF_RET | libc::BPF_K,
            0,
            0,
            libc::SECCOMP_RET_ERRNO | libc::ENOSYS.unsigned_abs(),
        ),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ]
}
