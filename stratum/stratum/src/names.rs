use std::fmt;

/// A name that cannot be used where it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not a {what}: {rule}")]
pub struct InvalidName {
    name: String,
    what: &'static str,
    rule: &'static str,
}

/// The name of a function: lower-case words joined by hyphens, at most 63 characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FunctionName(String);

/// The name of a file or, with a slash at its end, of a directory, below one that
/// it cannot leave.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileName(String);

impl FunctionName {
    /// Checks the name.
    ///
    /// # Errors
    /// When it has other characters or is too long.
    pub fn new(name: &str) -> Result<Self, InvalidName> {
        let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        let first = name.bytes().next().is_some_and(|c| c.is_ascii_lowercase());
        if first && name.len() <= 63 && name.bytes().all(plain) && !name.ends_with('-') {
            return Ok(Self(name.to_owned()));
        }
        Err(InvalidName {
            name: name.chars().take(100).collect(),
            what: "function name",
            rule: "use at most 63 lower-case letters, digits and hyphens",
        })
    }

    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FileName {
    /// Checks the name.
    ///
    /// # Errors
    /// When it is absolute, empty or too long, has control characters, or steps
    /// out of where it is.
    pub fn new(name: &str) -> Result<Self, InvalidName> {
        let path = name.strip_suffix('/').unwrap_or(name);
        let part = |part: &str| !matches!(part, "" | "." | "..") && part.len() <= 255;
        let plain = !name.chars().any(|c| c.is_control() || c == '\\');
        if plain && name.len() <= 512 && path.split('/').all(part) {
            return Ok(Self(name.to_owned()));
        }
        Err(InvalidName {
            name: name.chars().take(100).collect(),
            what: "file name",
            rule: "use a relative path without `.`, `..`, control characters and backslashes",
        })
    }

    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FunctionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn function_names() {
        for good in ["a", "ves-avc", "x264-10bit"] {
            assert!(FunctionName::new(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a/b", "a b", "é", &"a".repeat(64)] {
            assert!(FunctionName::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn file_names_stay_inside() {
        for good in ["a", "source.y4m", "chunks/", "a/b/c.264", "..a", "ü"] {
            assert!(FileName::new(good).is_ok(), "{good}");
        }
        for bad in [
            "", "/", "/a", "a//b", "..", "a/../b", "./a", "a\0b", "a\nb", "a\\b",
        ] {
            assert!(FileName::new(bad).is_err(), "{bad}");
        }
    }
}
