//! `cosmos up` removes payloads that no message names any more, and only those, and forgets what
//! nobody asked for.

use std::fs::{File, FileTimes};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use blob::{Blobs, Digest, LocalBlobs};
use bytes::Bytes;
use e2e::programs;
use e2e::terminal::Server;
use proto::base::v1::Envelope;
use rpc::Token;
use serde_json::Value;
use timestone::{Completion, Failure, LeasedMessage, MessageKey, NewMessage, QueueConfig, Session};
use timestone_client::{Client, DequeueRequest, envelope};

const QUEUE: &str = "films";
const LARGE: usize = 100_000;
const DAY: Duration = Duration::from_secs(86_400);

struct Proof {
    folder: PathBuf,
    _server: Server,
    queue: Client,
    blobs: Blobs,
    _scratch: tempfile::TempDir,
}

impl Proof {
    fn new() -> Result<Self> {
        let scratch = tempfile::tempdir()?;
        let folder = scratch.path().canonicalize()?;
        let server = Server::start(&folder, &folder)?;
        let token = Token::load(&folder.join("cosmos-data/token"))?;
        let url = format!("http://{}", server.queues());
        let queue = Client::connect(&url, &token).map_err(|error| anyhow::anyhow!("{error}"))?;
        let blobs = LocalBlobs::open("local", &folder.join("cosmos-data/blobs"))?;
        let blobs = Blobs::new(Arc::new(blobs), []);
        Ok(Self {
            queue: queue.with_blobs(blobs.clone()),
            blobs,
            folder,
            _server: server,
            _scratch: scratch,
        })
    }

    async fn enqueue(&self, id: &str) -> Result<()> {
        let message = NewMessage {
            queue: QUEUE.into(),
            id: id.into(),
            payload: payload(id),
            attempts: Some(1),
            ..NewMessage::default()
        };
        let outcomes = self.queue.enqueue(vec![message]).await?;
        ensure!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        Ok(())
    }

    async fn lease(&self) -> Result<LeasedMessage> {
        let request = DequeueRequest {
            queues: vec![QUEUE.into()],
            max: 1,
            wait_ms: 0,
            lease_ms: None,
            session: Session {
                owner: "worker".into(),
                boot: "1".into(),
            },
            request_id: ids::time_ordered(),
        };
        let leased = self.queue.dequeue(request).await?;
        leased.into_iter().next().context("nothing is pending")
    }

    /// Files of blobs, `sha256`, or of memos, `memo`.
    fn files(&self, area: &str) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        below(
            &self.folder.join("cosmos-data/blobs").join(area),
            &mut files,
        )?;
        Ok(files)
    }

    /// As if all of them had been put so long ago.
    fn age(&self, area: &str, by: Duration) -> Result<()> {
        for path in self.files(area)? {
            #[expect(
                clippy::disallowed_methods,
                reason = "files are as old as their clock says"
            )]
            let then = SystemTime::now() - by;
            File::open(path)?.set_times(FileTimes::new().set_modified(then))?;
        }
        Ok(())
    }

    async fn remember(&self, text: &'static str) -> Result<Digest> {
        let key = Digest::of(text.as_bytes());
        self.blobs.home().memo_put(key, text.into()).await?;
        Ok(key)
    }

    fn sweep(&self, words: &[&str]) -> Result<Value> {
        let mut command = programs::program("cosmos")?;
        command.args(["blobs", "sweep", "--json", "--config", "cosmos.yaml"]);
        let output = command.args(words).current_dir(&self.folder).output()?;
        ensure!(output.status.success(), "{output:?}");
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

fn below(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in folder.read_dir()? {
        let path = entry?.path();
        match path.is_dir() {
            true => below(&path, files)?,
            false => files.push(path),
        }
    }
    Ok(())
}

fn payload(id: &str) -> Bytes {
    envelope::to_payload(&Envelope {
        r#type: "test.v1.Large".into(),
        body: id.repeat(LARGE).into_bytes(),
        ..Default::default()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn payloads_of_messages_that_are_over_go_and_others_stay() -> Result<()> {
    let proof = Proof::new()?;
    let config = QueueConfig {
        retention_ms: 1_000,
        ..QueueConfig::default()
    };
    proof.queue.put_queue(QUEUE, config).await?;
    for id in ["a", "b", "c"] {
        proof.enqueue(id).await?;
    }
    proof.age("sha256", DAY * 2)?;
    let swept = proof.sweep(&[])?;
    ensure!(swept["removed"] == 0 && swept["kept"] == 3, "{swept}");

    let done = proof.lease().await?.token;
    let completion = Completion {
        token: done,
        then_enqueue: Vec::new(),
    };
    proof.queue.complete(vec![completion]).await?;
    let failure = Failure {
        token: proof.lease().await?.token,
        error: Bytes::new(),
        retry_in_ms: 0,
        last: true,
        then_enqueue: Vec::new(),
    };
    proof.queue.fail(vec![failure]).await?;
    let errored = MessageKey {
        queue: QUEUE.into(),
        id: "b".into(),
    };
    forgotten(&proof, &errored).await?;

    let swept = proof.sweep(&["--dry-run"])?;
    ensure!(
        swept["removed"] == 2 && swept["removed_bytes"] == 2 * payload("a").len(),
        "{swept}"
    );
    ensure!(
        proof.files("sha256")?.len() == 3,
        "a dry run removes nothing"
    );
    let swept = proof.sweep(&[])?;
    ensure!(swept["removed"] == 2 && swept["kept"] == 1, "{swept}");
    ensure!(proof.files("sha256")?.len() == 1);
    ensure!(proof.lease().await?.payload == payload("c"), "it is whole");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_remembered_goes_when_nobody_asks_for_it() -> Result<()> {
    let proof = Proof::new()?;
    let (used, unused) = (
        proof.remember("used").await?,
        proof.remember("unused").await?,
    );
    proof.age("memo", DAY * 29)?;
    ensure!(proof.sweep(&[])?["forgotten_memos"] == 0);
    proof.age("memo", DAY * 31)?;
    let memos = proof.blobs.home();
    ensure!(memos.memo_get(used).await?.is_some());
    let swept = proof.sweep(&["--dry-run"])?;
    ensure!(
        swept["forgotten_memos"] == 1 && swept["memos"] == 1,
        "{swept}"
    );
    ensure!(proof.sweep(&[])?["forgotten_memos"] == 1);
    ensure!(memos.memo_get(unused).await?.is_none());
    ensure!(memos.memo_get(used).await?.is_some());
    Ok(())
}

/// Until the retention of a message has passed.
async fn forgotten(proof: &Proof, key: &MessageKey) -> Result<()> {
    loop {
        if proof.queue.get(key).await?.is_none() {
            return Ok(());
        }
        tokio::task::yield_now().await;
    }
}
