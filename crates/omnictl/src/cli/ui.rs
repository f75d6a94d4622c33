//! `ui`: the app's page in a browser on this machine.

use crate::laptop::{Laptop, Result};
use crate::ui::assets::Assets;
use crate::ui::server::Server;
use crate::{output, signal};
use clap::Args;
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// Flags of `ui`.
#[derive(Debug, Args)]
pub struct UiArgs {
    /// Where to listen, on this machine; port 0 picks one.
    #[arg(long, default_value_t = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0))]
    listen: SocketAddr,
    /// The folder of the built page [default: the installed one, or ui/dist of the source tree].
    #[arg(long, value_name = "DIR")]
    assets: Option<PathBuf>,
}

/// Serves until it is told to stop. In passphrase mode without a passphrase the page asks for it.
pub async fn ui(args: UiArgs, laptop: &mut Laptop, json: bool) -> Result<u8> {
    let assets = Assets::find(args.assets.as_deref())?;
    let listener = Server::bind(args.listen).await?;
    let app = laptop.own(true, true).await?.clone();
    let server = Server::start(listener, app, assets)?;
    let url = server.url();
    output::show(json, &json!({"url": url}), || {
        format!("Open this address in a browser on this machine. It opens for one browser only:\n{url}")
    })?;
    tokio::select! {
        () = signal::stop() => tracing::info!("stopping"),
        error = server.failed() => return Err(error),
    }
    server.stop().await;
    Ok(0)
}
