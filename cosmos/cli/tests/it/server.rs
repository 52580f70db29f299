//! The way to a server that cannot be gone. What a server answers is proven end to end.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use crate::talk::Desk;

fn with_token(text: &str, mode: u32) -> Desk {
    let desk = Desk::new();
    fs::create_dir(desk.at("cosmos-data")).unwrap();
    let token = desk.at("cosmos-data/token");
    fs::write(&token, text).unwrap();
    fs::set_permissions(token, fs::Permissions::from_mode(mode)).unwrap();
    desk
}

const TOKEN: &str = "0123456789abcdef0123456789abcdef\n";

#[test]
fn without_a_token_nobody_is_asked() {
    assert_eq!(
        Desk::new().say("list"),
        "\
error: --token-file: no token is known: there is no cosmos-data/token here [NO_TOKEN]
  help: name the installation's token file with --token-file or VES_TOKEN_FILE; `cosmos up` writes \
it as `token` below its data folder
exit 2
"
    );
    assert!(
        Desk::new()
            .say("list --token-file nowhere")
            .contains("the token file nowhere cannot be read")
    );
}

#[test]
fn a_token_that_others_can_read_is_not_used() {
    assert_eq!(
        with_token(TOKEN, 0o644).say("status 1"),
        "\
error: --token-file: the token file cosmos-data/token can be read by others (mode 644) \
[TOKEN_UNUSABLE]
  help: chmod 600 cosmos-data/token
exit 2
"
    );
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let desk = with_token(TOKEN, 0o600);
    // Bound once, so that nobody else is there.
    let address = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", address.local_addr().unwrap());
    drop(address);
    for words in [
        "list",
        "status 1",
        "watch 1",
        "cancel 1",
        "submit in.mkv -o out.mp4",
    ] {
        let said = desk.say(&format!("{words} --server {url}"));
        let expected = format!("error: --server: no server answers at {url}: ");
        assert!(said.starts_with(&expected), "{words}: {said}");
        let help =
            "  help: start one with `cosmos up`, or name another with --server or VES_SERVER";
        assert!(said.contains(help), "{words}: {said}");
        assert!(said.ends_with("exit 5\n"), "{words}: {said}");
    }
    let said = desk.say("list --server ftp://example.org");
    assert!(said.contains("write it as http://127.0.0.1:7400"), "{said}");
}

#[test]
fn a_label_is_a_key_and_a_value() {
    let said = Desk::new().say("submit in.mkv -o out.mp4 --label spring");
    assert!(
        said.contains("`spring` is not a label; write key=value"),
        "{said}"
    );
}
