//! What the environment says about how to start.

use omni_agent::keys::Passphrase;
use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

/// Exit code for a wrong setting.
pub const EXIT_USAGE: u8 = 2;

/// Folder of the replica; default: the app's data folder.
pub const DATA_VARIABLE: &str = "OMNI_DATA";
/// `os` (default) or `passphrase`.
pub const KEYS_VARIABLE: &str = "OMNI_KEYS";
/// Unlocks a copy kept under a passphrase without asking; for unattended starts.
pub const PASSPHRASE_VARIABLE: &str = "OMNI_PASSPHRASE";
/// Set by us on the one relaunch without DMA-BUF.
pub const FALLBACK_VARIABLE: &str = "OMNI_RENDERER_FALLBACK";
/// WebKitGTK's own switch.
pub const DMABUF_VARIABLE: &str = "WEBKIT_DISABLE_DMABUF_RENDERER";

/// Where secrets are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// The keychain of the operating system.
    Os,
    /// A passphrase the operator types.
    Passphrase,
}

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum OptionsError {
    /// `OMNI_KEYS` names no known place.
    #[error("{KEYS_VARIABLE} must be \"os\" or \"passphrase\", not \"{0}\"")]
    Keys(String),
    /// `OMNI_DATA` is set and empty.
    #[error("{DATA_VARIABLE} is set but empty; unset it to use the app's own folder")]
    EmptyData,
}

/// The settings of this start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Folder of the replica, where one was named.
    pub data: Option<PathBuf>,
    /// Where secrets are kept.
    pub keys: Keys,
    /// What unlocks a copy kept under a passphrase, where it was given.
    pub passphrase: Option<Passphrase>,
    /// This process is the relaunch without the DMA-BUF renderer.
    pub renderer_fallback: bool,
    /// Somebody chose a renderer by hand.
    pub renderer_chosen: bool,
}

impl Options {
    /// Reads the environment of this process.
    pub fn from_env() -> Result<Options, OptionsError> {
        Options::read(|name| env::var_os(name))
    }

    fn read(variable: impl Fn(&str) -> Option<OsString>) -> Result<Options, OptionsError> {
        let data = variable(DATA_VARIABLE).map(PathBuf::from);
        if data.as_ref().is_some_and(|path| path.as_os_str().is_empty()) {
            return Err(OptionsError::EmptyData);
        }
        let keys = match variable(KEYS_VARIABLE) {
            None => Keys::Os,
            Some(word) if word == "os" => Keys::Os,
            Some(word) if word == "passphrase" => Keys::Passphrase,
            Some(word) => return Err(OptionsError::Keys(word.to_string_lossy().into_owned())),
        };
        Ok(Options {
            data,
            keys,
            passphrase: variable(PASSPHRASE_VARIABLE).and_then(|p| p.into_string().ok()).map(Passphrase::new),
            renderer_fallback: variable(FALLBACK_VARIABLE).is_some(),
            renderer_chosen: variable(DMABUF_VARIABLE).is_some(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[(&str, &str)]) -> Result<Options, OptionsError> {
        Options::read(|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value)))
    }

    #[test]
    fn an_empty_environment_means_the_apps_folder_and_the_keychain() {
        let options = read(&[]).expect("valid");
        let expected =
            Options { data: None, keys: Keys::Os, passphrase: None, renderer_fallback: false, renderer_chosen: false };
        assert_eq!(options, expected);
    }

    #[test]
    fn every_variable_is_read() {
        let set =
            [(DATA_VARIABLE, "/d"), (KEYS_VARIABLE, "passphrase"), (FALLBACK_VARIABLE, "1"), (DMABUF_VARIABLE, "1")];
        let options = read(&set).expect("valid");
        assert_eq!(options.data, Some(PathBuf::from("/d")));
        assert_eq!(options.keys, Keys::Passphrase);
        assert!(options.renderer_fallback && options.renderer_chosen);
    }

    #[test]
    fn wrong_settings_are_named() {
        assert_eq!(read(&[(KEYS_VARIABLE, "file")]), Err(OptionsError::Keys("file".into())));
        assert_eq!(read(&[(DATA_VARIABLE, "")]), Err(OptionsError::EmptyData));
    }
}
