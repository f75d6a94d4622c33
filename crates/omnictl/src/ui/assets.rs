//! The built page, read once at start: what is not in it does not exist, whatever a path says.

use crate::laptop::Result;
use omni_protocol::WireError;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Largest page with everything it needs, bytes: ours has a few million.
const BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Deepest folder.
const DEPTH_MAX: usize = 8;
/// The page itself.
const INDEX: &str = "/index.html";

/// One file.
#[derive(Clone, Debug)]
pub struct Asset {
    /// Its type.
    pub mime: &'static str,
    /// Its content.
    pub bytes: axum::body::Bytes,
}

/// Every file of the page, by its path in the address.
#[derive(Clone, Debug)]
pub struct Assets {
    files: HashMap<String, Asset>,
}

impl Assets {
    /// Reads the named folder, or the first of the usual ones that holds a page.
    ///
    /// Errors: `no_ui` if there is none; `io`.
    pub fn find(named: Option<&Path>) -> Result<Assets> {
        let places = named.map_or_else(usual_places, |dir| vec![dir.to_owned()]);
        let Some(dir) = places.iter().find(|dir| dir.join("index.html").is_file()) else {
            let looked: Vec<String> = places.iter().map(|p| p.display().to_string()).collect();
            let message = format!(
                "There is no built page in {}. Build it with `npm run build`, or name its folder with --assets.",
                looked.join(", ")
            );
            return Err(WireError::new("no_ui", message));
        };
        let mut assets = Assets { files: HashMap::new() };
        assets.read(dir, "", &mut BYTES_MAX.clone(), DEPTH_MAX)?;
        Ok(assets)
    }

    fn read(&mut self, dir: &Path, below: &str, left: &mut u64, depth: usize) -> Result<()> {
        let fail = |e: std::io::Error| WireError::new("io", format!("{}: {e}", dir.display()));
        for entry in fs::read_dir(dir).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let path = format!("{below}/{name}");
            let kind = entry.file_type().map_err(fail)?;
            if kind.is_dir() && depth > 0 {
                self.read(&entry.path(), &path, left, depth - 1)?;
            } else if kind.is_file() {
                let bytes = fs::read(entry.path()).map_err(fail)?;
                *left = left.checked_sub(bytes.len() as u64).ok_or_else(|| {
                    WireError::new(
                        "no_ui",
                        format!("{}: more than {BYTES_MAX} bytes; this is not the page.", dir.display()),
                    )
                })?;
                self.files.insert(path, Asset { mime: mime(&name), bytes: bytes.into() });
            }
        }
        Ok(())
    }

    /// The file at this path of the address; `/` is the page.
    pub fn get(&self, path: &str) -> Option<&Asset> {
        self.files.get(if path == "/" { INDEX } else { path })
    }

    /// Whether the path is the page itself.
    pub fn is_page(path: &str) -> bool {
        path == "/" || path == INDEX
    }
}

/// Where it is installed, and where the source tree of this program builds it.
fn usual_places() -> Vec<PathBuf> {
    let mut places = Vec::new();
    if let Ok(program) = std::env::current_exe().and_then(fs::canonicalize) {
        places.extend(program.ancestors().nth(2).map(|prefix| prefix.join("share/omni-control-center/ui")));
        places.push(PathBuf::from("/usr/share/omni-control-center/ui"));
        places.extend(program.ancestors().skip(1).map(|dir| dir.join("ui/dist")));
    }
    // Not in a release: whoever can make this folder on another machine would choose the page there.
    #[cfg(debug_assertions)]
    places.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/dist"));
    places.dedup();
    places
}

fn mime(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, end)| end) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_address_and_nothing_else_exists() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("assets")).unwrap();
        fs::write(dir.path().join("index.html"), "page").unwrap();
        fs::write(dir.path().join("assets/a.js"), "code").unwrap();
        fs::write(dir.path().join("assets/font.woff2"), "font").unwrap();
        let assets = Assets::find(Some(dir.path())).unwrap();
        assert_eq!(assets.get("/").unwrap().bytes, "page");
        assert_eq!(assets.get("/index.html").unwrap().mime, "text/html; charset=utf-8");
        assert_eq!(assets.get("/assets/a.js").unwrap().mime, "text/javascript; charset=utf-8");
        assert_eq!(assets.get("/assets/font.woff2").unwrap().mime, "font/woff2");
        for path in
            ["", "/assets", "/assets/", "/../Cargo.toml", "/assets/../index.html", "//index.html", "/etc/passwd"]
        {
            assert!(assets.get(path).is_none(), "{path}");
        }
    }

    #[test]
    fn a_link_out_of_the_folder_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("index.html"), "page").unwrap();
        std::os::unix::fs::symlink("/etc/hostname", dir.path().join("out.txt")).unwrap();
        assert!(Assets::find(Some(dir.path())).unwrap().get("/out.txt").is_none());
    }

    #[test]
    fn a_folder_without_a_page_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let e = Assets::find(Some(dir.path())).unwrap_err();
        assert_eq!(e.code, "no_ui");
        assert!(e.message.contains(&dir.path().display().to_string()), "{}", e.message);
    }
}
