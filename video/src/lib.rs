//! The common video data model: rates, sizes, scan, colour.
