//! The one error type that travels from a function to the API.
