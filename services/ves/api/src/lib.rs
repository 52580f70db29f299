//! The contract of the Video Encoding Service and the validation of its requests.
