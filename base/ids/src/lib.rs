//! Identifiers: time-ordered for what people see, derived by hash for what machines retry.

use sha2::{Digest, Sha256};

/// A new time-ordered id (UUID version 7) for a request and its workflow.
/// Order never relies on it.
pub fn time_ordered() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// An id that the same parts always give: 32 hexadecimal digits.
///
/// Parts are hashed with their lengths, so no two lists of parts run together.
pub fn derived<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex::encode(&hash.finalize()[..16])
}

/// The id of the `generation`-th try of one task (seam S4).
pub fn invocation(workflow: &str, node: &str, element: u64, generation: u32) -> String {
    derived([
        workflow.as_bytes(),
        node.as_bytes(),
        &element.to_be_bytes(),
        &generation.to_be_bytes(),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_together() {
        assert_ne!(
            derived([b"ab".as_slice(), b"c"]),
            derived([b"a".as_slice(), b"bc"])
        );
        assert_eq!(derived([b"ab".as_slice()]).len(), 32);
    }

    #[test]
    fn each_generation_of_a_task_has_its_own_id() {
        assert_ne!(
            invocation("w", "encoder", 1, 0),
            invocation("w", "encoder", 1, 1)
        );
        assert_eq!(
            invocation("w", "encoder", 1, 0),
            invocation("w", "encoder", 1, 0)
        );
    }
}
