//! The app's page for a browser on this machine. What the page speaks is in `ui/src/lib/host/browser.ts`: calls by
//! `POST /rpc`, events as lines of JSON from `GET /events`, both with the token of the address it was opened by.
//!
//! Who may speak (`guard`): the token is in the part of the address that a browser never sends by itself. The first
//! browser that shows it gets it bound to its session cookie; from then on a call needs both. So an address that was
//! read over a shoulder or left in a terminal is worth nothing, and neither is the cookie alone, which a browser sends to
//! every port of this machine. Host and Origin must be ours, so that no other page and no other name reaches the server.

pub mod assets;
mod events;
mod guard;
pub mod server;
