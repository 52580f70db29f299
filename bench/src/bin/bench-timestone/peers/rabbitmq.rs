//! RabbitMQ: a durable queue with priorities, persistent messages, publisher confirms,
//! manual acknowledgements. These it does not answer, so that a completion here is not known to
//! be synced, as it is with every other queue: that is to its advantage. To its disadvantage, every
//! priority is a queue of its own inside, so that its makers advise few; the load has a hundred.

use std::path::{Path, PathBuf};
use std::process::Command;

use amqprs::channel::{
    BasicAckArguments, BasicConsumeArguments, BasicPublishArguments, BasicQosArguments, Channel,
    ConfirmSelectArguments, ConsumerMessage, QueueDeclareArguments,
};
use amqprs::connection::{Connection as Link, OpenConnectionArguments};
use amqprs::{
    Ack, BasicProperties, Cancel, CloseChannel, DELIVERY_MODE_PERSISTENT, FieldTable, FieldValue,
    Nack, Return,
};
use anyhow::{Context, Result, ensure};
use async_trait::async_trait;
use bench::server::{Server, find, free_port};
use tempfile::TempDir;
use tokio::sync::mpsc;

use crate::measure::{Plan, Run, measure};
use crate::queue::{Connection, Message, PRIORITIES, Queue};

const QUEUE: &str = "bench";

/// Starts a node, measures it, and ends it.
pub async fn run(plan: &Plan, scratch: &Path) -> Result<Run> {
    measure(&Rabbitmq::start(scratch).await?, plan).await
}

struct Rabbitmq {
    node: Server,
    /// The name server of the node, which would else start one that stays.
    _names: Server,
    port: u16,
    version: String,
    _folder: TempDir,
}

impl Rabbitmq {
    async fn start(scratch: &Path) -> Result<Self> {
        let program = program()?;
        let folder = tempfile::tempdir_in(scratch)?;
        let names_port = free_port()?;
        let names = start_names(names_port, folder.path()).await?;
        let port = free_port()?;
        let mut command = Command::new(program);
        configure(&mut command, folder.path(), port, names_port)?;
        let mut node = Server::start(&mut command, &folder.path().join("log"))?;
        node.ready(async || open(port).await.is_ok()).await?;
        let link = open(port).await?;
        declare(&link.open_channel(None).await?).await?;
        Ok(Self {
            node,
            _names: names,
            port,
            version: format!("RabbitMQ {}", link.server_properties().version()),
            _folder: folder,
        })
    }
}

/// The server's own script: what Debian has on the path changes to another account first.
fn program() -> Result<PathBuf> {
    let own = Path::new("/usr/lib/rabbitmq/bin/rabbitmq-server");
    match own.is_file() {
        true => Ok(own.to_owned()),
        false => find("rabbitmq-server"),
    }
}

async fn start_names(port: u16, folder: &Path) -> Result<Server> {
    let mut command = Command::new(find("epmd")?);
    let port = port.to_string();
    command.args(["-address", "127.0.0.1", "-port", &port]);
    let mut names = Server::start(&mut command, &folder.join("names.log"))?;
    names.listening(&format!("127.0.0.1:{port}")).await?;
    Ok(names)
}

/// Everything below `folder` and on loopback; all else is left as it comes.
fn configure(command: &mut Command, folder: &Path, port: u16, names_port: u16) -> Result<()> {
    let plugins = folder.join("enabled_plugins");
    std::fs::write(&plugins, "[].")?;
    let config = folder.join("rabbitmq.conf");
    std::fs::write(&config, format!("listeners.tcp.1 = 127.0.0.1:{port}\n"))?;
    command
        .current_dir(folder)
        .env("HOME", folder)
        .env("ERL_EPMD_PORT", names_port.to_string())
        .env("ERL_EPMD_ADDRESS", "127.0.0.1")
        .env("RABBITMQ_NODENAME", format!("bench{port}@localhost"))
        .env("RABBITMQ_DIST_PORT", free_port()?.to_string())
        .env("RABBITMQ_CONF_ENV_FILE", folder.join("none"))
        .env("RABBITMQ_CONFIG_FILE", config)
        .env("RABBITMQ_ENABLED_PLUGINS_FILE", plugins)
        .env("RABBITMQ_MNESIA_BASE", folder.join("data"))
        .env("RABBITMQ_LOG_BASE", folder.join("logs"))
        .env("RABBITMQ_PID_FILE", folder.join("pid"));
    Ok(())
}

async fn open(port: u16) -> Result<Link> {
    let arguments = OpenConnectionArguments::new("127.0.0.1", port, "guest", "guest");
    Ok(Link::open(&arguments).await?)
}

async fn declare(channel: &Channel) -> Result<()> {
    let mut priorities = FieldTable::new();
    let most = FieldValue::B(u8::try_from(PRIORITIES - 1)?);
    priorities.insert("x-max-priority".try_into()?, most);
    let mut queue = QueueDeclareArguments::durable_client_named(QUEUE);
    channel
        .queue_declare(queue.arguments(priorities).finish())
        .await?;
    Ok(())
}

#[async_trait]
impl Queue for Rabbitmq {
    async fn connect(&self, clients: usize) -> Result<Vec<Box<dyn Connection>>> {
        let mut connections: Vec<Box<dyn Connection>> = Vec::new();
        for _ in 0..clients {
            connections.push(Box::new(Client::open(self.port).await?));
        }
        Ok(connections)
    }

    fn process(&self) -> Option<u32> {
        Some(self.node.process())
    }

    fn version(&self) -> String {
        self.version.clone()
    }
}

struct Client {
    /// Closes when it is dropped.
    _link: Link,
    channel: Channel,
    confirms: mpsc::Receiver<bool>,
    /// Once it consumes, as it would otherwise be sent messages before it wants any.
    deliveries: Option<mpsc::UnboundedReceiver<ConsumerMessage>>,
    /// The delivery tag of the message in hand.
    held: Option<u64>,
}

impl Client {
    async fn open(port: u16) -> Result<Self> {
        let link = open(port).await?;
        let channel = link.open_channel(None).await?;
        let (confirmed, confirms) = mpsc::channel(1_024);
        channel.register_callback(Confirms(confirmed)).await?;
        channel
            .confirm_select(ConfirmSelectArguments::default())
            .await?;
        // One at a time: more in a client's hands would not be most urgent first.
        channel
            .basic_qos(BasicQosArguments::new(0, 1, false))
            .await?;
        Ok(Self {
            _link: link,
            channel,
            confirms,
            deliveries: None,
            held: None,
        })
    }

    async fn consume(&self) -> Result<mpsc::UnboundedReceiver<ConsumerMessage>> {
        let manual = BasicConsumeArguments::new(QUEUE, "");
        Ok(self.channel.basic_consume_rx(manual).await?.1)
    }
}

#[async_trait]
impl Connection for Client {
    async fn enqueue(&mut self, messages: Vec<Message>) -> Result<()> {
        for message in messages {
            // Higher is more urgent there.
            let priority = u8::try_from(PRIORITIES - 1 - message.priority)?;
            let properties = BasicProperties::default()
                .with_delivery_mode(DELIVERY_MODE_PERSISTENT)
                .with_priority(priority)
                .finish();
            let to = BasicPublishArguments::new("", QUEUE);
            let payload = message.payload.to_vec();
            self.channel.basic_publish(properties, payload, to).await?;
            let confirmed = self.confirms.recv().await.context("the channel closed")?;
            ensure!(confirmed, "a message was refused");
        }
        Ok(())
    }

    async fn lease(&mut self, _: usize) -> Result<usize> {
        let mut deliveries = match self.deliveries.take() {
            Some(deliveries) => deliveries,
            None => self.consume().await?,
        };
        let delivery = deliveries.recv().await.context("the consumer ended")?;
        self.held = delivery.deliver.map(|deliver| deliver.delivery_tag());
        self.deliveries = Some(deliveries);
        Ok(1)
    }

    /// Has no answer: when it returns the acknowledgement is on its way.
    async fn complete(&mut self) -> Result<()> {
        let tag = self.held.take().context("nothing was delivered")?;
        let ack = BasicAckArguments::new(tag, false);
        Ok(self.channel.basic_ack(ack).await?)
    }
}

/// Passes confirms on, of which one at a time is under way.
struct Confirms(mpsc::Sender<bool>);

#[async_trait]
impl amqprs::callbacks::ChannelCallback for Confirms {
    async fn close(&mut self, _: &Channel, _: CloseChannel) -> Result<(), amqprs::error::Error> {
        Ok(())
    }

    async fn cancel(&mut self, _: &Channel, _: Cancel) -> Result<(), amqprs::error::Error> {
        Ok(())
    }

    async fn flow(&mut self, _: &Channel, active: bool) -> Result<bool, amqprs::error::Error> {
        Ok(active)
    }

    async fn publish_ack(&mut self, _: &Channel, _: Ack) {
        // Nobody waits only when the client is gone.
        let _ = self.0.send(true).await;
    }

    async fn publish_nack(&mut self, _: &Channel, _: Nack) {
        let _ = self.0.send(false).await;
    }

    async fn publish_return(&mut self, _: &Channel, _: Return, _: BasicProperties, _: Vec<u8>) {}
}
