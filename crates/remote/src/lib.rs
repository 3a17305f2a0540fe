//! How Slipway talks to servers.
