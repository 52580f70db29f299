use std::fs;
use std::net::TcpListener;

use crate::talk::{Desk, output_of};

#[test]
fn the_default_configuration_is_explained() {
    let config = output_of(env!("CARGO_BIN_EXE_cosmos"), &["config"]);
    assert!(config.contains("source_roots: []") && config.contains('#'));
}

#[test]
fn a_configuration_that_is_wrong_is_the_users_and_says_where() {
    let desk = Desk::new();
    fs::write(desk.at("bad.yaml"), "stratum: {cpu: 3}\n").unwrap();
    for (file, problem) in [
        ("bad.yaml", "unknown field `cpu`"),
        ("no.yaml", "No such file"),
    ] {
        let words = format!("up --config {file}");
        let said = desk.seen(&desk.cosmos(&words).output().unwrap());
        assert!(said.starts_with("error: ") && said.contains(file), "{said}");
        assert!(said.contains(problem), "{said}");
        assert!(said.contains("help: `cosmos config` prints one"), "{said}");
        assert!(said.ends_with("exit 2\n"), "{said}");
    }
}

#[test]
fn a_port_that_is_taken_is_named() {
    let desk = Desk::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let config = format!("timestone: {{listen: {address}}}\noptimus: {{listen: {address}}}\n");
    fs::write(desk.at("cosmos.yaml"), config).unwrap();
    let mut up = desk.cosmos("run timestone --config cosmos.yaml");
    let said = desk.seen(&up.env("RUST_LOG", "off").output().unwrap());
    assert!(
        said.contains(&format!("cannot listen at {address}")),
        "{said}"
    );
    assert!(said.ends_with("exit 5\n"), "{said}");
}
