//! Bad input and bad luck: a clear error, the right exit status, nothing lost and nothing left.

mod machine;
mod moments;
mod requests;
mod sources;
