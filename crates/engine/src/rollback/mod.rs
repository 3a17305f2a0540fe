//! Going back: what it would lose, and bringing a snapshot back beside what is live.

mod losses;
mod stage;

pub use losses::{Loss, losses};
pub(crate) use stage::stage;
