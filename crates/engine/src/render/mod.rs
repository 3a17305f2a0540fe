//! Files that Slipway writes for other programs to read.

pub mod caddy;
