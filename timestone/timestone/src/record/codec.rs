//! Numbers as LEB128, bytes and text behind their length, after a version byte.

use bytes::{BufMut, Bytes, BytesMut};

use super::RecordError;

/// Bytes of most records, so that none grows while it is written.
const USUAL: usize = 128;

/// Appends values to a record.
pub(super) struct Writer(BytesMut);

impl Writer {
    pub(super) fn new(version: u8) -> Self {
        let mut record = BytesMut::with_capacity(USUAL);
        record.put_u8(version);
        Self(record)
    }

    pub(super) fn number(&mut self, number: impl Into<u64>) -> &mut Self {
        let mut rest = number.into();
        while rest >= 0x80 {
            self.0.put_u8(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.0.put_u8(rest as u8);
        self
    }

    /// Zigzag, so that small negative numbers stay short.
    pub(super) fn signed(&mut self, number: i64) -> &mut Self {
        self.number(((number << 1) ^ (number >> 63)) as u64)
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    /// Whether there is a value; the caller writes the value itself.
    pub(super) fn present<T>(&mut self, value: &Option<T>) -> &mut Self {
        self.number(value.is_some())
    }

    pub(super) fn finish(self) -> Bytes {
        self.0.freeze()
    }
}

/// Takes values off a record.
pub(super) struct Reader<'a> {
    what: &'static str,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads a `what` record of a version up to this one; tells which.
    pub(super) fn new(
        what: &'static str,
        newest: u8,
        value: &'a [u8],
    ) -> Result<(Self, u8), RecordError> {
        let mut reader = Self { what, rest: value };
        match reader.byte()? {
            version if (1..=newest).contains(&version) => Ok((reader, version)),
            _ => Err(reader.error("of an unknown version")),
        }
    }

    pub(super) fn error(&self, problem: &'static str) -> RecordError {
        RecordError {
            what: self.what,
            problem,
        }
    }

    fn byte(&mut self) -> Result<u8, RecordError> {
        match self.rest.split_first() {
            Some((byte, rest)) => {
                self.rest = rest;
                Ok(*byte)
            }
            None => Err(self.error("too short")),
        }
    }

    pub(super) fn number(&mut self) -> Result<u64, RecordError> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(self.error("a number is too long"))
    }

    pub(super) fn narrow(&mut self) -> Result<u32, RecordError> {
        let number = self.number()?;
        u32::try_from(number).map_err(|_| self.error("a number is too large"))
    }

    pub(super) fn signed(&mut self) -> Result<i64, RecordError> {
        let number = self.number()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], RecordError> {
        let len = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        match self.rest.split_at_checked(len) {
            Some((bytes, rest)) => {
                self.rest = rest;
                Ok(bytes)
            }
            None => Err(self.error("too short")),
        }
    }

    pub(super) fn text(&mut self) -> Result<&'a str, RecordError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| self.error("text is not UTF-8"))
    }

    pub(super) fn present(&mut self) -> Result<bool, RecordError> {
        Ok(self.number()? != 0)
    }

    pub(super) fn finish(self) -> Result<(), RecordError> {
        match self.rest.is_empty() {
            true => Ok(()),
            false => Err(self.error("too long")),
        }
    }
}
