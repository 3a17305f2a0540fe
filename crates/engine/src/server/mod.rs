//! A server as the engine sees it: its facts, its folders, who holds it, and what it can bear.

mod capacity;
mod connection;
mod facts;
mod layout;
mod lease;
mod release;
mod upload;

pub use capacity::{Capacity, Reservation};
pub use connection::{Connection, ssh_spec};
pub use facts::{Committed, ContainerFact, DOCKER_MIN, DatabaseState, Disk, Facts};
pub use layout::{CADDY, CADDY_IMAGE, Layout, Slot};
pub use lease::Lease;
pub use release::ReleaseManifest;
pub use upload::Upload;
