//! stand-in lond
