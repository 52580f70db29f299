//! Names that a service can have.

use errors::Error;
use service_kit::{Declaration, MAX_NAME_BYTES};

/// Names that Cargo, Rust or Cosmos uses for something else.
const TAKEN: &str = "\
abstract alloc as async await become box break build const continue core crate deps do dyn else \
enum examples extern false final fn for gen if impl in incremental let loop macro match mod move \
mut override priv proc-macro pub ref return self static std struct super test tests trait true try \
type typeof union unsafe unsized use virtual where while yield \
cosmos errors plato plato-rules plato-runtime plato-testkit serde-json service-kit ves vvs";

/// What is wrong with a name, if anything is.
pub(super) fn problem(name: &str) -> Option<Error> {
    let begins = name.starts_with(|first: char| first.is_ascii_lowercase());
    let fits = begins && Declaration::is_name(name);
    let (error, such_as) = match name {
        _ if TAKEN.split_whitespace().any(|taken| taken == name) => {
            ("is the name of something else", format!("my-{name}"))
        }
        _ if fits => return None,
        _ => ("is no name of a service", "my-titles".to_owned()),
    };
    let error = Error::user("INVALID_NAME", format!("`{}` {error}", name.escape_debug()));
    let more = MAX_NAME_BYTES - 1;
    Some(error.at("NAME").hint(format!(
        "use a letter and up to {more} of a-z, 0-9 and -, such as `{such_as}`"
    )))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_that_would_not_do_are_refused() {
        let long = "a".repeat(MAX_NAME_BYTES);
        for good in ["shelf", "my-titles", "a1", &long] {
            assert_eq!(problem(good), None);
        }
        let too_long = "a".repeat(MAX_NAME_BYTES + 1);
        for bad in [
            "", "Shelf", "1st", "-a", "a_b", "a/b", "..", "fn", "plato", &too_long,
        ] {
            assert_eq!(problem(bad).unwrap().code, "INVALID_NAME", "{bad}");
        }
        assert!(problem("test").unwrap().hint.unwrap().contains("`my-test`"));
    }
}
