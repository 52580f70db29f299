//! What runs inside the sandbox, or as a host of its own: this test program again.
#![allow(clippy::unwrap_used, clippy::panic)]
// A child of a fork, or of a test harness, has nothing to tear down.
#![allow(clippy::disallowed_methods)]

use std::env;
use std::path::Path;

use stratum_init::{Init, Sandbox, Spec};

/// The call was refused.
pub(crate) const REFUSED: i32 = 77;
/// The call went through.
pub(crate) const ALLOWED: i32 = 78;

#[test]
fn child() {
    let Ok(what) = env::var("PROBE") else { return };
    if what == "allocate" {
        allocate();
    }
    let refused = call(&what) < 0;
    std::process::exit(if refused { REFUSED } else { ALLOWED });
}

/// Touches twice the limit, then holds it.
fn allocate() {
    let mut blocks: Vec<Vec<u8>> = Vec::new();
    for _ in 0..128 {
        blocks.push(vec![1; 1 << 20]);
    }
    std::thread::park();
    drop(blocks);
}

fn call(what: &str) -> i64 {
    // SAFETY: every call either takes no pointer, or a null one where the kernel checks rights or
    // the pointer before use; forked children leave at once.
    unsafe {
        match what {
            "socket-inet" => libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0).into(),
            "socket-inet6" => libc::socket(libc::AF_INET6, libc::SOCK_DGRAM, 0).into(),
            "socket-netlink" => libc::socket(libc::AF_NETLINK, libc::SOCK_RAW, 0).into(),
            "socket-packet" => libc::socket(libc::AF_PACKET, libc::SOCK_RAW, 0).into(),
            "socket-unix" => libc::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0).into(),
            "ptrace" => libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0),
            "unshare" => libc::unshare(libc::CLONE_NEWUSER).into(),
            "mount" => {
                let text = c"tmpfs".as_ptr();
                libc::mount(text, c"/mnt".as_ptr(), text, 0, std::ptr::null()).into()
            }
            "bpf" => permitted(libc::syscall(libc::SYS_bpf, 0, 0, 0)),
            "keyctl" => libc::syscall(libc::SYS_keyctl, 0, -3, 1),
            "io_uring" => permitted(libc::syscall(libc::SYS_io_uring_setup, 1, 0)),
            "userfaultfd" => libc::syscall(libc::SYS_userfaultfd, 1),
            "clone-newuser" => {
                let flags = libc::CLONE_NEWUSER | libc::SIGCHLD;
                leave_if_child(libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0))
            }
            "clone3" => permitted(libc::syscall(libc::SYS_clone3, 0, 0)),
            "prlimit-other" => {
                let mut limit: libc::rlimit = std::mem::zeroed();
                libc::prlimit(
                    libc::getppid(),
                    libc::RLIMIT_CORE,
                    std::ptr::null(),
                    &mut limit,
                )
                .into()
            }
            "kill-host" => libc::kill(libc::getppid(), 0).into(),
            "x32" => permitted(libc::syscall(0x4000_0000 + libc::SYS_getpid)),
            other => panic!("no probe is called {other}"),
        }
    }
}

/// A call with nonsense arguments is let through when it fails for them, not for the rights.
fn permitted(result: i64) -> i64 {
    let refusals = [libc::EPERM, libc::ENOSYS];
    let error = std::io::Error::last_os_error().raw_os_error().unwrap_or(0);
    if result < 0 && !refusals.contains(&error) {
        0
    } else {
        result
    }
}

/// The parent sees the child's positive number; only a child sees 0.
fn leave_if_child(result: i64) -> i64 {
    if result == 0 {
        std::process::exit(0);
    }
    result
}

/// A host that starts a family of processes and waits to be killed.
#[test]
fn host() {
    let Some(directory) = env::var_os("PROBE_HOST") else {
        return;
    };
    let file = Path::new(&directory).join("pids");
    let script = format!(
        "setsid sh -c 'sleep 1000 & echo $! >> {0}; sleep 1000' & echo $! >> {0}; \
         sleep 1000 & echo $! >> {0}; echo $$ >> {0}; wait",
        file.display()
    );
    let mut spec = Spec::new("/bin/sh", ["-c", &script]);
    spec.env.insert("PATH".into(), "/usr/bin:/bin".into());
    spec.sandbox = Sandbox::strict().write(&directory);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let init = Init::at(env!("CARGO_BIN_EXE_cosmos-init"));
        let mut running = init.spawn(&spec).await.unwrap();
        running.wait().await.unwrap();
    });
}
