//! What to watch so that a change of a file is noticed, also where that is replaced by a link above it.
//!
//! systemd watches a path part by part, but where a part is a symbolic link it watches what that leads to: the link may be
//! replaced (`ln -sfn`, `mv -T`) without its seeing that. So the directories of links are watched as well, and the
//! place to which they lead.

use std::path::{Path, PathBuf};

use crate::steps::{Step, steps};

/// `files`, and what else has to be watched for them and for `config`, which lonc-hosts.path has itself; each path once.
pub(super) fn paths(files: Vec<PathBuf>, config: &Path) -> Vec<PathBuf> {
    let all = files.iter().map(PathBuf::as_path).chain([config]);
    let behind: Vec<_> = all.flat_map(behind).collect();
    let mut paths = files;
    for path in behind {
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}

/// The directories of the links on the way to `file`, and where it is behind them; nothing if there are none.
fn behind(file: &Path) -> Vec<PathBuf> {
    let steps = steps(file);
    let is_link = |(at, name): &&Step| at.join(name).is_symlink();
    let mut found: Vec<_> = steps.iter().filter(is_link).map(|(at, _)| at.clone()).collect();
    if !found.is_empty() {
        // Links that lead round and round have no end.
        let end = steps.last().filter(|last| !is_link(last));
        found.extend(end.map(|(at, name)| at.join(name)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn every_directory_with_a_link_on_the_way_and_the_end_of_it() {
        let tree = tempfile::tempdir().unwrap();
        let root = tree.path().canonicalize().unwrap();
        let at = |path: &str| root.join(path);
        fs::create_dir_all(at("srv/one")).unwrap();
        fs::create_dir_all(at("home")).unwrap();
        fs::write(at("srv/one/hosts.tab"), "").unwrap();
        symlink(at("srv/now"), at("home/tabs")).unwrap();
        symlink("one", at("srv/now")).unwrap();
        symlink("../srv/one/hosts.tab", at("home/table")).unwrap();
        symlink("loop", at("home/loop")).unwrap();
        let of = |path: &str| paths(vec![at(path)], Path::new("/"))[1..].to_vec();
        assert_eq!(of("srv/one/hosts.tab"), [""; 0].map(PathBuf::from));
        assert_eq!(
            of("home/tabs/hosts.tab"),
            [at("home"), at("srv"), at("srv/one/hosts.tab")]
        );
        assert_eq!(of("home/table"), [at("home"), at("srv/one/hosts.tab")]);
        assert_eq!(of("home/loop/x"), [at("home")]);
        // Also where it leads nowhere yet.
        fs::remove_dir_all(at("srv/one")).unwrap();
        assert_eq!(
            of("home/tabs/hosts.tab"),
            [at("home"), at("srv"), at("srv/one/hosts.tab")]
        );
    }
}
