//! Planted bugs as they are kept.

use anyhow::{Context, Result};
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};

/// Where they are kept, below the repository.
const FOLDER: &str = "tests/planted";

/// One file of bugs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bugs {
    bug: Vec<Bug>,
}

/// A mistake as an edit of one source, and the test that must find it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bug {
    /// Its name.
    pub name: String,
    /// What is wrong with it in place, and which rule it breaks.
    #[expect(dead_code, reason = "for people; it must be there")]
    pub breaks: String,
    /// The source, below the repository.
    pub file: String,
    /// What stands there, exactly once.
    pub text: String,
    /// What stands there with the bug.
    pub planted: String,
    /// The test that fails with it.
    pub test: Test,
    /// What its failure must mention, where the test looks at many things.
    pub says: Option<String>,
}

/// A test.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// Its package.
    pub package: String,
    /// `lib`, or the name of an integration test.
    pub target: String,
    /// Its whole path inside the target.
    pub name: String,
}

impl Bug {
    /// The source with the bug in it. Errors: why it cannot be planted.
    pub fn plant(&self, source: &str) -> std::result::Result<String, String> {
        // The newline before the closing quotes is the file's, not the edit's.
        let (text, planted) = (self.text.trim_end_matches('\n'), self.planted.trim_end_matches('\n'));
        match source.matches(text).count() {
            _ if text == planted => Err("it changes nothing".to_owned()),
            1 => Ok(source.replacen(text, planted, 1)),
            n => Err(format!("its text stands {n} times in {}, not once", self.file)),
        }
    }
}

impl Test {
    /// The folder of its package.
    pub fn folder(&self, root: &Path) -> PathBuf {
        match root.join("crates").join(&self.package) {
            folder if folder.is_dir() => folder,
            _ => root.join("tests"),
        }
    }
}

/// All bugs, file by file in the order of their names.
pub fn read_all(root: &Path) -> Result<Vec<Bug>> {
    let folder = root.join(FOLDER);
    let listed = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    let mut files: Vec<PathBuf> = listed.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|end| end == "toml"));
    files.sort();
    let mut bugs = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let read: Bugs = toml::from_str(&text).with_context(|| file.display().to_string())?;
        bugs.extend(read.bug);
    }
    Ok(bugs)
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Test {
        /// Whether some source of its package has it.
        pub fn stands_in(&self, root: &Path) -> Result<bool> {
            let function = format!("fn {}(", self.name.rsplit("::").next().unwrap_or_default());
            holds(&self.folder(root), &function)
        }
    }

    fn holds(folder: &Path, text: &str) -> Result<bool> {
        for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            let found = match path.extension() {
                _ if path.is_dir() => holds(&path, text)?,
                Some(end) if end == "rs" => fs::read_to_string(&path)?.contains(text),
                _ => false,
            };
            if found {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn bug(text: &str, planted: &str) -> Bug {
        let test = Test { package: "p".into(), target: "lib".into(), name: "t".into() };
        let (name, breaks, file) = ("b".into(), "a rule".into(), "f.rs".into());
        Bug { name, breaks, file, text: text.into(), planted: planted.into(), test, says: None }
    }

    #[test]
    fn an_edit_applies_where_its_text_stands_once() {
        assert_eq!(bug("a < b\n", "a <= b\n").plant("if a < b {").unwrap(), "if a <= b {");
        assert!(bug("a < b", "a <= b").plant("a > b").unwrap_err().contains("0 times"));
        assert!(bug("a", "b").plant("a a").unwrap_err().contains("2 times"));
        assert!(bug("a", "a\n").plant("a").unwrap_err().contains("changes nothing"));
    }
}
