//! The commands cosmos and ves.
