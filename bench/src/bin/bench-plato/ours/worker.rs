//! The process that runs the steps.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail};
use blob::{Blobs, Value};
use proto::stratum::v1::{Invocation, InvocationResult};
use rpc::Token;
use timestone::{Completion, LeasedMessage, NewMessage, Session};
use timestone_client::{Client, Consumer, SubscribeRequest, envelope, names};
use tokio::task::JoinSet;

use super::server;
use super::workflows::{IDLE_FUNCTION, JOIN, SPLIT, STEP};

/// Steps at the same time.
const SLOTS: u32 = 256;

/// Works for the server whose files are in `folder`, until killed.
pub async fn work(folder: &Path) -> Result<()> {
    let listen = std::fs::read_to_string(folder.join("listen"))?;
    let token = Token::load_or_create(&folder.join("token"))?;
    let blobs = server::blobs(folder)?;
    let client = Client::connect(&format!("http://{listen}"), &token)?.with_blobs(blobs.clone());
    let more = std::fs::read_to_string(folder.join("functions"))?;
    let functions = [STEP, SPLIT, JOIN].into_iter().chain(more.lines());
    let consumer = Arc::new(client.consume(SubscribeRequest {
        queues: functions.map(names::function).collect(),
        credit: SLOTS,
        lease_ms: None,
        session: Session {
            owner: "worker".into(),
            boot: ids::time_ordered(),
        },
        subscription_id: String::new(),
        filter: None,
        ahead: false,
    }));
    let mut slots = JoinSet::new();
    for _ in 0..SLOTS {
        slots.spawn(slot(client.clone(), Arc::clone(&consumer), blobs.clone()));
    }
    while let Some(ended) = slots.join_next().await {
        ended??;
    }
    Ok(())
}

async fn slot(client: Client, consumer: Arc<Consumer>, blobs: Blobs) -> Result<()> {
    loop {
        let completion = answer(consumer.next().await?, &blobs).await?;
        for outcome in client.complete(vec![completion]).await? {
            outcome?;
        }
    }
}

async fn answer(message: LeasedMessage, blobs: &Blobs) -> Result<Completion> {
    let envelope = envelope::of_payload(&message.payload)?;
    let invocation: Invocation = envelope::open(&envelope)?;
    let result = InvocationResult {
        result: Some(run(&invocation, blobs).await?.into()).into(),
        invocation_id: invocation.id,
        ..Default::default()
    };
    let reply = NewMessage {
        queue: envelope.reply_to,
        id: names::result_id(&result.invocation_id),
        payload: envelope::to_payload(&envelope::seal(&result)),
        ..NewMessage::default()
    };
    Ok(Completion {
        token: message.token,
        then_enqueue: vec![reply],
    })
}

async fn run(invocation: &Invocation, blobs: &Blobs) -> Result<Value> {
    match invocation.function.as_str() {
        STEP | JOIN | IDLE_FUNCTION => Ok(Value::inline(invocation.params_json.clone())),
        SPLIT => split(serde_json::from_slice(&invocation.params_json)?, blobs).await,
        other => bail!("nobody asked for {other}"),
    }
}

async fn split(count: u64, blobs: &Blobs) -> Result<Value> {
    let numbers: Vec<_> = (0..count).map(|n| Value::inline(n.to_string())).collect();
    let list = blob::list::write(blobs.home(), &numbers).await?;
    Ok(Value {
        list: Some(list),
        ..Value::default()
    })
}
