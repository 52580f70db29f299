//! Text of foreign programs is hostile: in logs, on terminals and on pages.

/// At most `limit` bytes of `text` on one line, without control characters.
pub(crate) fn line(text: &str, limit: usize) -> String {
    let spaced = text
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c });
    let plain: String = spaced.filter(|c| is_plain(*c)).collect();
    cut(plain.trim(), limit)
}

/// Neither a control character nor one that turns the direction of what follows.
fn is_plain(c: char) -> bool {
    let turns =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !c.is_control() && !turns
}

fn cut(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(limit.saturating_sub('…'.len_utf8()));
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_deceive_is_gone() {
        assert_eq!(
            line("a\x1b[31mb\0\r\nc\u{202e}d", 100),
            "a[31mb c d".replace("c d", " cd")
        );
        assert_eq!(line("  x\ty ", 100), "x y");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(line("ääääää", 8), "ää…");
        assert_eq!(line("abc", 3), "abc");
    }
}
