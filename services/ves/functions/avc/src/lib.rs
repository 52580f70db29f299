//! The AVC function: frames in, an elementary stream and its access units out.
