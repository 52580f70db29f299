//! References as they are written: `sha256/` and 64 hexadecimal digits.

use blob::Digest;

const NAME: &[u8] = b"sha256";
const DIGITS: usize = 64;

/// Every reference in some bytes, whatever they are. A slash that JSON escapes is one.
pub fn references(bytes: &[u8]) -> impl Iterator<Item = Digest> + '_ {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        loop {
            let at = rest.windows(NAME.len()).position(|window| window == NAME)?;
            rest = &rest[at + NAME.len()..];
            if let Some(digest) = behind_name(rest) {
                return Some(digest);
            }
        }
    })
}

fn behind_name(rest: &[u8]) -> Option<Digest> {
    let rest = rest.strip_prefix(b"\\").unwrap_or(rest);
    let digits = rest.strip_prefix(b"/")?.get(..DIGITS)?;
    let digits = std::str::from_utf8(digits).ok()?;
    format!("sha256/{digits}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_found_wherever_they_stand() {
        let (a, b) = (Digest::of(b"a"), Digest::of(b"b"));
        let upper = format!("sha256/{}", a.to_hex().to_uppercase());
        let escaped = format!("{{\"x\":\"sha256\\/{}\"}}", b.to_hex());
        let table: [(Vec<u8>, &[Digest]); 7] = [
            (b"none".to_vec(), &[]),
            (a.to_string().into_bytes(), &[a]),
            (
                [b"\x12\x47", a.to_string().as_bytes(), b"\xff"].concat(),
                &[a],
            ),
            (format!("{a}{b}").into_bytes(), &[a, b]),
            (format!("sha256sha256/sha256/ {b}").into_bytes(), &[b]),
            (upper.into_bytes(), &[a]),
            (escaped.into_bytes(), &[b]),
        ];
        for (bytes, expected) in table {
            let found: Vec<_> = references(&bytes).collect();
            assert_eq!(found, expected, "{}", String::from_utf8_lossy(&bytes));
        }
        let cut = &a.to_string()[..70];
        assert_eq!(references(cut.as_bytes()).count(), 0);
    }
}
