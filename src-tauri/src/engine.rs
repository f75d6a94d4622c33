//! The engine behind the window: everything of the product is in `omni-agent`.

pub use omni_agent::{App, AppConfig, WireError as RpcError};
