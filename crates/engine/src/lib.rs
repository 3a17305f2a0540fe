//! The engine.

pub mod git;
