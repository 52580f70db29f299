//! Every cap of rules, on one page.

/// Rules of one rule base.
pub const MAX_RULES: usize = 256;
/// Fact types of one rule base.
pub const MAX_TYPES: usize = 128;
/// Fields of one fact type.
pub const MAX_FIELDS: usize = 32;
/// Patterns of one rule.
pub const MAX_PATTERNS: usize = 16;
/// Effects of one section of a rule.
pub const MAX_EFFECTS: usize = 16;
/// A name of a rule base, rule, fact type, field, fact or variable, in bytes.
pub const MAX_NAME_BYTES: usize = 64;
/// A CEL expression, in bytes. Without macros its cost is bounded by its length.
pub const MAX_EXPRESSION_BYTES: usize = 1 << 10;
/// A text or bytes in a field of a fact, in bytes.
pub const MAX_VALUE_BYTES: usize = 4 << 10;
/// Facts of one working memory.
pub const MAX_FACTS: usize = 1_000_000;
/// Matches, whole and partial, of one working memory.
pub const MAX_PARTIAL_MATCHES: usize = 10_000_000;
/// Partial matches looked at to say what a rule lacks.
pub const MAX_LOOKS: usize = 10_000;
/// Firings of which each follows from the one before it, the first from a change
/// from outside: what never ends has a longer chain.
pub const MAX_CHAIN: u32 = 10_000;
/// The parameters of one run, in bytes.
pub const MAX_PARAMS_BYTES: usize = 16 << 10;
/// Levels of a template of parameters.
pub const MAX_PARAMS_DEPTH: usize = 8;
