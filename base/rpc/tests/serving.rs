//! A server and its callers over a real socket.
#![allow(clippy::unwrap_used, reason = "a test may insist")]

use std::net::SocketAddr;

use connectrpc::{ConnectError, ErrorCode, Protocol, RequestContext, Response, handler_fn};
use errors::Error;
use proto::timestone::v1::{ListQueuesRequest, ListQueuesResponse, TimestoneServiceClient};
use rpc::{Channel, Router, Server, Token, connect, refuse, told};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const TOKEN: &str = "0123456789abcdef0123";

struct Running {
    address: SocketAddr,
    url: String,
    stop: CancellationToken,
    serving: JoinHandle<std::io::Result<()>>,
}

/// Answers with what it was asked for, and fails when asked for "bad".
async fn echo(
    _: RequestContext,
    request: ListQueuesRequest,
) -> Result<Response<ListQueuesResponse>, ConnectError> {
    if request.prefix == "bad" {
        return Err(refuse(problems()));
    }
    Response::ok(ListQueuesResponse {
        queues: vec![request.prefix],
        ..Default::default()
    })
}

fn problems() -> Vec<Error> {
    vec![
        Error::user("INVALID_ARGUMENT", "is bad")
            .at("prefix")
            .hint("say good"),
        Error::user("INVALID_ARGUMENT", "is also bad").at("suffix"),
    ]
}

fn token() -> Token {
    Token::parse(TOKEN).unwrap()
}

async fn start() -> Running {
    let services = Router::new().route(
        "timestone.v1.TimestoneService",
        "ListQueues",
        handler_fn(echo),
    );
    let routes = axum::Router::new().route("/hello", axum::routing::get(|| async { "hello" }));
    let server = Server::new(token()).services(services).routes(routes);
    let bound = server.bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let stop = CancellationToken::new();
    Running {
        address: bound.address(),
        url: bound.url(),
        serving: tokio::spawn(bound.serve(stop.clone())),
        stop,
    }
}

async fn list(channel: Channel, prefix: &str) -> Result<Vec<String>, ConnectError> {
    let client = TimestoneServiceClient::new(channel.transport, channel.config);
    let request = ListQueuesRequest {
        prefix: prefix.into(),
        ..Default::default()
    };
    let answer = client.list_queues(request).await?;
    Ok(answer.into_owned().queues)
}

/// A call as a script would make it.
async fn raw(address: SocketAddr, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let request = format!("{head}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn calls_are_answered_in_every_protocol() {
    let server = start().await;
    for protocol in [Protocol::Connect, Protocol::Grpc, Protocol::GrpcWeb] {
        let mut channel = connect(&server.url, &token()).unwrap();
        channel.config = channel.config.with_protocol(protocol);
        assert_eq!(list(channel.clone(), "abc").await.unwrap(), ["abc"]);
        let refusal = list(channel, "bad").await.unwrap_err();
        assert_eq!(refusal.code, ErrorCode::InvalidArgument);
        assert_eq!(told(&refusal), problems(), "{protocol:?}");
    }
}

#[tokio::test]
async fn scripts_call_with_json() {
    let server = start().await;
    let head = format!(
        "POST /timestone.v1.TimestoneService/ListQueues HTTP/1.1\r\n\
         host: {}\r\ncontent-type: application/json\r\nauthorization: Bearer {TOKEN}",
        server.address
    );
    let answer = raw(server.address, &head, r#"{"prefix":"abc"}"#).await;
    assert!(answer.contains(r#"{"queues":["abc"]}"#), "{answer}");
    let answer = raw(server.address, &head, r#"{"prefix":"bad"}"#).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    for said in [
        r#""field":"prefix""#,
        r#""field":"suffix""#,
        r#""hint":"say good""#,
    ] {
        assert!(answer.contains(said), "{said} in {answer}");
    }
}

#[tokio::test]
async fn strangers_are_refused_everywhere() {
    let server = start().await;
    let stranger = connect(&server.url, &Token::random()).unwrap();
    let refusal = list(stranger, "abc").await.unwrap_err();
    assert_eq!(refusal.code, ErrorCode::Unauthenticated);
    let bearer = format!("authorization: Bearer {TOKEN}");
    let get = |host: &str, header: &str| format!("GET /hello HTTP/1.1\r\nhost: {host}\r\n{header}");
    let answer = raw(server.address, &get("localhost", &bearer), "").await;
    assert!(answer.ends_with("hello"), "{answer}");
    let answer = raw(server.address, &get("localhost", "x: y"), "").await;
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    let answer = raw(server.address, &get("rebound.example", &bearer), "").await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable_and_may_come_later() {
    let server = start().await;
    let channel = connect(&server.url, &token()).unwrap();
    assert_eq!(list(channel.clone(), "a").await.unwrap(), ["a"]);
    server.stop.cancel();
    server.serving.await.unwrap().unwrap();
    let refusal = list(channel.clone(), "b").await.unwrap_err();
    assert!(told(&refusal)[0].is_retryable(), "{refusal:?}");
    let again = Server::new(token()).services(Router::new().route(
        "timestone.v1.TimestoneService",
        "ListQueues",
        handler_fn(echo),
    ));
    let bound = again.bind(server.address).await.unwrap();
    tokio::spawn(bound.serve(CancellationToken::new()));
    assert_eq!(list(channel, "c").await.unwrap(), ["c"]);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let server = start().await;
    let channel = connect(&server.url, &token()).unwrap();
    let long = "x".repeat(rpc::limits::MAX_REQUEST_BYTES + 1);
    let refusal = list(channel, &long).await.unwrap_err();
    assert_eq!(refusal.code, ErrorCode::ResourceExhausted);
}

#[test]
fn a_url_that_is_none_is_refused_with_a_hint() {
    for url in ["", "127.0.0.1:80", "https://localhost", "file:///x"] {
        let error = connect(url, &token()).unwrap_err();
        assert!(error.hint.is_some(), "{url}");
    }
}

#[tokio::test]
async fn servers_stand_in_for_one_another() {
    let (first, second) = (start().await, start().await);
    let urls = format!("{}, {}", first.url, second.url);
    let Channel { transport, config } = connect(&urls, &token()).unwrap();
    let client = TimestoneServiceClient::new(transport, config);
    let ask = || async {
        let request = ListQueuesRequest {
            prefix: "x".into(),
            ..Default::default()
        };
        client.list_queues(request).await
    };
    ask().await.unwrap();
    first.stop.cancel();
    first.serving.await.unwrap().unwrap();
    // Who notices may be refused; the next call goes on.
    let _ = ask().await;
    ask().await.unwrap();
    assert!(connect("http://a:1,b", &token()).is_err());
    second.stop.cancel();
}
