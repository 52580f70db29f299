//! What functions try against others and against the host: contained, and named, wherever they
//! run.

use std::net::TcpListener;

use corpus::Daemon;
use errors::Class;
use stratum_agent::Config;

use crate::support::{World, invocation};

/// A shape that is soon outgrown.
const TINY: &str = "shapes: [{group: tiny, numCpus: 1, memoryInMB: 64, diskSizeInMB: 1}]
routing: [{shape: tiny}]";
/// A shape in which processes are counted before their memory is.
const ROOMY: &str = "shapes: [{group: roomy, numCpus: 1, memoryInMB: 8000}]
routing: [{shape: roomy}]";

/// It would be noticed if what it tries worked.
const TRY: &str =
    "try() { if bash -c \"$1\" 2>/dev/null; then echo \"$1\" worked >&2; exit 9; fi; }";

/// Attacks that are told by an error of their own: the function, and the code.
const NAMED: [(&str, &str, &str); 6] = [
    (
        "forks",
        "while true; do sleep 60 & done",
        "TOO_MANY_PROCESSES",
    ),
    (
        "fills",
        "head -c 4000000 /dev/zero > output/big",
        "DISK_FULL",
    ),
    (
        "scribbles",
        "head -c 4000000 /dev/zero > tmp/big",
        "DISK_FULL",
    ),
    (
        "splits",
        "for i in 1 2 3 4; do head -c 900000 /dev/zero > output/$i; done",
        "OUTPUT_TOO_LARGE",
    ),
    (
        "hungers",
        "head -c 256000000 /dev/zero | tail -c 256000000 > output/x",
        "OUT_OF_MEMORY",
    ),
    (
        "links",
        "ln -s /etc/passwd output/passwd",
        "OUTPUT_NOT_A_FILE",
    ),
];

fn attackers(world: &World, port: u16) {
    for (name, script, _) in NAMED {
        let shape = if name == "forks" { ROOMY } else { TINY };
        world.function(name, shape, script);
    }
    let secret = world.path("secret");
    std::fs::write(&secret, "secret").unwrap();
    let secret = secret.display();
    world.function(
        "holds",
        "",
        "echo mine > output/mine; echo progress=0.5 >&3; exec sleep 600",
    );
    let tries = format!(
        "{TRY}
        try 'cat ../../*/work/output/mine | grep .'; try 'ls -d ../../holder-*'
        try 'cat {secret}'; try 'cat /etc/shadow'
        try 'ls ../../../sha256'; try 'exec 9<>/dev/tcp/127.0.0.1/{port}'
        for place in . .. input /tmp /dev/shm /work /function; do try \"echo x > $place/x\"; done"
    );
    world.function("curious", "", &tries);
}

fn host() -> Config {
    Config::new("agent", 2, 16_000_000_000)
}

async fn attacks_are_contained(world: &World) {
    let agent = world.agent_with(host()).await;
    world.enqueue(invocation("holds", "holder")).await;
    // Its progress says that what it holds is there.
    world.reply().await;
    let tried = world.run(invocation("curious", "curious")).await;
    assert!(tried.outcome.is_ok(), "{tried:?}");
    for (name, _, expected) in NAMED {
        let error = world.run(invocation(name, name)).await.outcome.unwrap_err();
        let told = (error.class, &*error.code);
        assert_eq!(told, (Class::Function, expected), "{name}: {error}");
    }
    agent.stop().await;
    assert_eq!(world.attempts(), 0);
}

#[tokio::test]
async fn a_sandbox_contains_attacks() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let world = World::new();
    attackers(&world, listener.local_addr().unwrap().port());
    attacks_are_contained(&world).await;
}

#[tokio::test]
async fn a_container_contains_attacks() {
    let Some(daemon) = Daemon::find_or_start("attacks on Docker containers") else {
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut world = World::new();
    attackers(&world, listener.local_addr().unwrap().port());
    // In a sandbox nothing but init's eye bounds how fast it grows.
    world.function("bombs", ROOMY, "bomb() { bomb | bomb & }; bomb; sleep 600");
    world.contain(daemon.socket()).await;
    attacks_are_contained(&world).await;
    let agent = world.agent_with(host()).await;
    let bombed = world.run(invocation("bombs", "bomb")).await;
    let error = bombed.outcome.unwrap_err();
    assert_eq!(error.code, "TOO_MANY_PROCESSES", "{error}");
    agent.stop().await;
    assert_eq!(world.sweep().await, 0);
}
