//! Makes the access list of the window: the only command of ours is `rpc`.

/// Where the capabilities are, one file per window.
const CAPABILITIES: &str = "src-tauri/capabilities";

fn main() {
    println!("cargo::rerun-if-changed={CAPABILITIES}");
    let manifest = tauri_build::AppManifest::new().commands(&["rpc"]);
    let attributes =
        tauri_build::Attributes::new().app_manifest(manifest).capabilities_path_pattern("src-tauri/capabilities/**/*");
    if let Err(error) = tauri_build::try_build(attributes) {
        println!("cargo::error={error:#}");
        std::process::exit(1);
    }
}
