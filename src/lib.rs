//! lonc
#![forbid(unsafe_code)]
