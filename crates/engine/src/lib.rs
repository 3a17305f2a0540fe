//! The engine.

pub mod cutover;
pub mod render;
