//! The five nodes of the Video Encoding Service and its function packages.
