//! Ids of messages in little space: most are UUIDs, ULIDs or 32 hexadecimal
//! digits, which are numbers of 16 bytes, or such digits and a word: `…/result`.

use std::fmt;

use crate::details::{put, take, text};

/// The id of a message. Each text has one form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Id {
    /// 32 lower-case hexadecimal digits, in groups as of a UUID.
    Uuid([u8; 16]),
    /// 32 lower-case hexadecimal digits.
    Hex([u8; 16]),
    /// 26 upper-case digits of Crockford's base 32.
    Ulid([u8; 16]),
    /// 32 lower-case hexadecimal digits and a short text, which ends with zeros.
    HexThen([u8; 16], [u8; THEN]),
    Short(u8, [u8; SHORT]),
    Long(Box<str>),
}

/// The most bytes that are no longer than the other forms.
const SHORT: usize = 22;

/// The most bytes behind hexadecimal digits that leave it as small as the other forms.
const THEN: usize = 7;

const HEX: &[u8; 16] = b"0123456789abcdef";
const BASE_32: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Where a UUID has hyphens.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

impl Id {
    pub(crate) fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let number = match bytes.len() {
            36 => uuid(bytes).map(Self::Uuid),
            32 => hex(bytes.iter().copied()).map(Self::Hex),
            26 => ulid(bytes).map(Self::Ulid),
            33..=39 => hex_then(bytes),
            _ => None,
        };
        number.unwrap_or_else(|| Self::text(text))
    }

    fn text(text: &str) -> Self {
        let mut short = [0; SHORT];
        match short.get_mut(..text.len()) {
            Some(start) => {
                start.copy_from_slice(text.as_bytes());
                Self::Short(text.len() as u8, short)
            }
            None => Self::Long(text.into()),
        }
    }

    /// Appends it, to be [taken](Self::take) again.
    pub(crate) fn put(&self, packed: &mut Vec<u8>) {
        let (form, number, then): (u8, &[u8], &[u8]) = match self {
            Self::Uuid(number) => (0, number, &[]),
            Self::Hex(number) => (1, number, &[]),
            Self::Ulid(number) => (2, number, &[]),
            Self::HexThen(number, then) => (3, number, then),
            Self::Short(len, bytes) => (4, &[], bytes.get(..usize::from(*len)).unwrap_or_default()),
            Self::Long(text) => (4, &[], text.as_bytes()),
        };
        packed.push(form);
        packed.extend_from_slice(number);
        match form {
            4 => put(packed, then),
            _ => packed.extend_from_slice(then),
        }
    }

    /// Takes off what was put; of what was not, something.
    pub(crate) fn take(rest: &mut &[u8]) -> Self {
        let [form] = take_some(rest);
        match form {
            0 => Self::Uuid(take_some(rest)),
            1 => Self::Hex(take_some(rest)),
            2 => Self::Ulid(take_some(rest)),
            3 => Self::HexThen(take_some(rest), take_some(rest)),
            _ => Self::text(text(take(rest))),
        }
    }
}

/// Zeros where there is too little.
fn take_some<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    let (some, behind) = rest.split_first_chunk().unwrap_or((&[0; N], &[]));
    *rest = behind;
    *some
}

fn uuid(text: &[u8]) -> Option<[u8; 16]> {
    let is_hyphen = |at: &usize| text.get(*at) == Some(&b'-');
    if !HYPHENS.iter().all(is_hyphen) {
        return None;
    }
    let digits = text.iter().enumerate();
    let digits = digits.filter(|(at, _)| !HYPHENS.contains(at));
    hex(digits.map(|(_, digit)| *digit))
}

fn hex(digits: impl Iterator<Item = u8>) -> Option<[u8; 16]> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    number(digits.map(value), 4)
}

/// Digits and what follows them, which holds no zero.
fn hex_then(bytes: &[u8]) -> Option<Id> {
    let (digits, then) = bytes.split_at_checked(32)?;
    let mut padded = [0; THEN];
    padded.get_mut(..then.len())?.copy_from_slice(then);
    let number = hex(digits.iter().copied())?;
    (!then.contains(&0)).then_some(Id::HexThen(number, padded))
}

/// A ULID is a number of 128 bits: the first of its digits is small.
fn ulid(text: &[u8]) -> Option<[u8; 16]> {
    let value = |digit: &u8| {
        let value = BASE_32.iter().position(|known| known == digit);
        value.map(|value| value as u8)
    };
    match text.first() {
        Some(b'0'..=b'7') => number(text.iter().map(value), 5),
        _ => None,
    }
}

fn number(digits: impl Iterator<Item = Option<u8>>, bits: u32) -> Option<[u8; 16]> {
    let mut number = 0_u128;
    for digit in digits {
        number = number << bits | u128::from(digit?);
    }
    Some(number.to_be_bytes())
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 36];
        match self {
            Self::Uuid(number) => f.write_str(put_uuid(&mut text, number)),
            Self::Hex(number) => f.write_str(put_digits(&mut text[..32], number, HEX)),
            Self::Ulid(number) => f.write_str(put_digits(&mut text[..26], number, BASE_32)),
            Self::HexThen(number, then) => {
                f.write_str(put_digits(&mut text[..32], number, HEX))?;
                let then = then.split(|byte| *byte == 0).next();
                f.write_str(std::str::from_utf8(then.unwrap_or_default()).unwrap_or_default())
            }
            Self::Short(len, bytes) => {
                let bytes = bytes.get(..usize::from(*len)).unwrap_or_default();
                f.write_str(std::str::from_utf8(bytes).unwrap_or_default())
            }
            Self::Long(text) => f.write_str(text),
        }
    }
}

fn put_uuid<'a>(text: &'a mut [u8; 36], number: &[u8; 16]) -> &'a str {
    let mut digits = [0; 32];
    put_digits(&mut digits, number, HEX);
    let mut digits = digits.iter();
    for (at, byte) in text.iter_mut().enumerate() {
        *byte = match HYPHENS.contains(&at) {
            true => b'-',
            false => *digits.next().unwrap_or(&b'0'),
        };
    }
    std::str::from_utf8(text).unwrap_or_default()
}

/// Writes a number to the base of so many digits, from its end.
fn put_digits<'a>(text: &'a mut [u8], number: &[u8; 16], digits: &[u8]) -> &'a str {
    let (bits, mut rest) = (digits.len().ilog2(), u128::from_be_bytes(*number));
    for byte in text.iter_mut().rev() {
        *byte = digits[rest as usize % digits.len()];
        rest >>= bits;
    }
    std::str::from_utf8(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts() -> impl Strategy<Value = String> {
        let looks_like = prop_oneof![
            "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            "[0-9a-fA-F]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            "[0-9a-f]{32}",
            "[0-9a-f]{7}[-g][0-9a-f-]{28}",
            "[0-9a-f]{32}/result",
            "[0-9a-f]{32}.{0,5}",
            "[0-7][0-9A-HJKMNP-TV-Z]{25}",
            "[0-9A-Z]{26}",
        ];
        prop_oneof![4 => looks_like, 1 => ".{0,60}"]
    }

    #[test]
    fn usual_ids_are_small() {
        let form = |text| std::mem::discriminant(&Id::new(text));
        let uuid = form("0199c1f0-5a5e-7cc3-98c4-dc0c0c07398f");
        assert_eq!(uuid, std::mem::discriminant(&Id::Uuid([0; 16])));
        let ulid = form("01ARZ3NDEKTSV4RRFFQ69G5FAV");
        assert_eq!(ulid, std::mem::discriminant(&Id::Ulid([0; 16])));
        let result = form("0199c1f05a5e7cc398c4dc0c0c07398f/result");
        assert_eq!(
            result,
            std::mem::discriminant(&Id::HexThen([0; 16], [0; THEN]))
        );
        assert_eq!(size_of::<Id>(), 24);
    }

    proptest! {
        #[test]
        fn an_id_survives(text in texts()) {
            let id = Id::new(&text);
            prop_assert_eq!(id.to_string(), text);
            let mut packed = Vec::new();
            id.put(&mut packed);
            prop_assert_eq!(Id::take(&mut &packed[..]), id);
        }

        #[test]
        fn ids_are_equal_where_their_texts_are(one in texts(), other in texts()) {
            prop_assert_eq!(Id::new(&one) == Id::new(&other), one == other);
        }
    }
}
