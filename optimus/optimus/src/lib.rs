//! The API kit: accepted requests, their views, waiting, watching and cancelling.
