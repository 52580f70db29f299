//! The protocol of Redis, as much of it as scripts need.

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::tcp::OwnedReadHalf;

/// What a server answers.
#[derive(Debug)]
pub enum Reply {
    Nothing,
    Number(i64),
    Bytes(Bytes),
    List(Vec<Reply>),
}

impl Reply {
    pub fn into_bytes(self) -> Result<Bytes> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            other => bail!("bytes were expected: {other:?}"),
        }
    }

    pub fn is_number(&self, wanted: i64) -> bool {
        matches!(self, Self::Number(number) if *number == wanted)
    }
}

/// A command with its arguments, encoded.
pub fn command(words: &[&[u8]]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        out.extend(format!("${}\r\n", word.len()).into_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// Answers, in the order of the commands.
pub struct Replies(pub BufReader<OwnedReadHalf>);

impl Replies {
    /// The next answer.
    pub async fn next(&mut self) -> Result<Reply> {
        let line = self.line().await?;
        let (kind, rest) = line.split_at_checked(1).context("an empty answer")?;
        match kind {
            "*" => self.list(rest.parse()?).await,
            _ => self.plain(kind, rest).await,
        }
    }

    /// Lists in lists do not come up.
    async fn list(&mut self, length: i64) -> Result<Reply> {
        let Ok(length) = usize::try_from(length) else {
            return Ok(Reply::Nothing);
        };
        let mut items = Vec::new();
        for _ in 0..length {
            let line = self.line().await?;
            let (kind, rest) = line.split_at_checked(1).context("an empty answer")?;
            items.push(self.plain(kind, rest).await?);
        }
        Ok(Reply::List(items))
    }

    async fn plain(&mut self, kind: &str, rest: &str) -> Result<Reply> {
        match kind {
            "+" => Ok(Reply::Bytes(rest.to_owned().into())),
            ":" => Ok(Reply::Number(rest.parse()?)),
            "$" => self.bulk(rest.parse()?).await,
            "-" => bail!("redis refused: {rest}"),
            _ => bail!("redis answered {kind}{rest}"),
        }
    }

    async fn bulk(&mut self, length: i64) -> Result<Reply> {
        let Ok(length) = usize::try_from(length) else {
            return Ok(Reply::Nothing);
        };
        let mut bytes = vec![0; length + 2];
        self.0.read_exact(&mut bytes).await?;
        bytes.truncate(length);
        Ok(Reply::Bytes(bytes.into()))
    }

    async fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.0.read_line(&mut line).await?;
        let line = line.strip_suffix("\r\n").context("redis hung up")?;
        Ok(line.to_owned())
    }
}
