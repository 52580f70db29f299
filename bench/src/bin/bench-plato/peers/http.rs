//! As much of HTTP/1.1 as it takes to ask a peer.

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;

/// A connection that is kept open from request to request.
pub struct Http {
    stream: BufStream<TcpStream>,
    address: String,
}

impl Http {
    pub async fn connect(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufStream::new(stream),
            address: address.to_owned(),
        })
    }

    /// The body of a good answer to a request with `body`, which is JSON; an empty one is none.
    pub async fn post(&mut self, path: &str, body: &str) -> Result<String> {
        let kind = match body.is_empty() {
            true => "",
            false => "content-type: application/json\r\n",
        };
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\n{kind}content-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        self.stream.write_all(request.as_bytes()).await?;
        self.stream.flush().await?;
        self.answer().await
    }

    async fn answer(&mut self) -> Result<String> {
        let status = self.line().await?;
        let good = status
            .split(' ')
            .nth(1)
            .is_some_and(|code| code.starts_with('2'));
        let mut length = Some(0);
        loop {
            let line = self.line().await?.to_ascii_lowercase();
            match line.split_once(':') {
                Some(("content-length", value)) => length = Some(value.trim().parse()?),
                Some(("transfer-encoding", value)) if value.trim() == "chunked" => length = None,
                Some(_) => {}
                None => break,
            }
        }
        let body = match length {
            Some(length) => self.bytes(length).await?,
            None => self.chunks().await?,
        };
        let body = String::from_utf8(body)?;
        ensure!(good, "{status}: {body}");
        Ok(body)
    }

    async fn chunks(&mut self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let length = usize::from_str_radix(self.line().await?.trim(), 16)?;
            body.extend(self.bytes(length).await?);
            self.line().await?;
            if length == 0 {
                return Ok(body);
            }
        }
    }

    async fn bytes(&mut self, length: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes).await?;
        Ok(bytes)
    }

    async fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        let read = self.stream.read_line(&mut line).await?;
        ensure!(read > 0, "the server closed the connection");
        let line = line.strip_suffix("\r\n").context("not HTTP")?;
        Ok(line.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn bodies_are_read_with_a_length_and_in_chunks() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let answers = [
                "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n\"a\"",
                "HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
                "HTTP/1.1 500 No\r\ncontent-length: 2\r\n\r\nno",
            ];
            let mut request = [0; 1024];
            for answer in answers {
                assert!(stream.read(&mut request).await.unwrap() > 0);
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        };
        let ask = async {
            let mut http = Http::connect(&address).await.unwrap();
            assert_eq!(http.post("/a", "1").await.unwrap(), "\"a\"");
            assert_eq!(http.post("/b", "").await.unwrap(), "abc");
            let error = http.post("/c", "").await.unwrap_err().to_string();
            assert!(error.contains("500 No: no"), "{error}");
        };
        tokio::join!(serve, ask);
    }
}
