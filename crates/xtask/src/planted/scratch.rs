//! A copy of the repository to plant bugs in. It is kept between runs, so that a build is not begun anew; what differs
//! from the repository is brought up to date first, also what an interrupted run left.

use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The copy.
pub struct Scratch {
    folder: PathBuf,
}

impl Scratch {
    /// Makes the copy at `folder` equal to the repository as it is, changes that are not committed included.
    pub fn prepare(root: &Path, folder: &Path) -> Result<Scratch> {
        let wanted = files(root)?;
        for file in &wanted {
            copy(&root.join(file), &folder.join(file))?;
        }
        remove_others(folder, folder, &wanted)?;
        Ok(Scratch { folder: folder.to_owned() })
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A file of it.
    pub fn source(&self, file: &str) -> Result<String> {
        fs::read_to_string(self.folder.join(file)).with_context(|| file.to_owned())
    }

    /// Writes a file of it.
    pub fn write(&self, file: &str, text: &str) -> Result<()> {
        fs::write(self.folder.join(file), text).with_context(|| file.to_owned())
    }
}

/// The repository's files: those git knows, and new ones it does not ignore.
fn files(root: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut git = Command::new("git");
    git.arg("-C").arg(root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let output = git.output().context("starting git")?;
    ensure!(output.status.success(), "git ls-files failed: {}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8(output.stdout).context("a file's name is not UTF-8")?;
    Ok(names.split_terminator('\0').map(PathBuf::from).filter(|file| root.join(file).is_file()).collect())
}

/// Copies what differs only: a file's time of change decides what is built again.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let wanted = fs::read(from).with_context(|| from.display().to_string())?;
    if fs::read(to).is_ok_and(|there| there == wanted) {
        return Ok(());
    }
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
    }
    fs::write(to, wanted).with_context(|| to.display().to_string())
}

fn remove_others(folder: &Path, at: &Path, wanted: &BTreeSet<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(at).with_context(|| at.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            remove_others(folder, &path, wanted)?;
        } else if !path.strip_prefix(folder).is_ok_and(|file| wanted.contains(file)) {
            fs::remove_file(&path).with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}
