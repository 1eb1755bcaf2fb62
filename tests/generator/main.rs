//! `lonc-generator` on real directories: what it writes, what it refuses, how long it takes, and `--apply`.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod apply;
mod booted;
mod sandbox;

use std::collections::BTreeSet;
use std::fs;
use std::ops::Deref;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use lonc::internals::generate;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use proptest::prelude::*;
use test_harness::Directory;

const WATCH: &str = "lonc-hosts.path.d/50-sources.conf";

#[test]
fn every_peer_but_ourselves_gets_a_socket() {
    let site = Site::with_table("me:d:r:h:1.1.1.1\na:d:r:h:1.1.1.2\nb-1.x:d:r:h:1.1.1.3\n");
    assert_eq!(site.generate(), [""; 0]);
    let wanted = [
        WATCH,
        "lonc.target.wants/lonc@a.socket",
        "lonc.target.wants/lonc@b-1.x.socket",
    ];
    assert_eq!(site.written(), wanted.map(str::to_owned).into());
    let link = fs::read_link(site.path("units/lonc.target.wants/lonc@a.socket")).unwrap();
    assert_eq!(link, Path::new("/usr/lib/systemd/system/lonc@.socket"));
}

#[test]
fn with_start_boot_the_daemons_start_too() {
    let site = Site::new(
        "host_id = 'me'\nhosts_tab = 'DIR/hosts.tab'\ndaemon.start = 'boot'",
        "a:d:r:h:1.1.1.2",
    );
    assert_eq!(site.generate(), [""; 0]);
    assert!(site.written().contains("lonc.target.wants/lonc@a.service"));
    let link = fs::read_link(site.path("units/lonc.target.wants/lonc@a.service")).unwrap();
    assert_eq!(link, Path::new("/usr/lib/systemd/system/lonc@.service"));
}

#[test]
fn while_a_host_moves_over_only_what_is_taken_over_gets_a_socket() {
    let site = Site::with_table("me:d:r:h:1.1.1.1\na:d:r:h:1.1.1.2\nb:d:r:h:1.1.1.3\n");
    fs::create_dir(site.path("taken-over")).unwrap();
    assert_eq!(site.generate(), [""; 0]);
    assert_eq!(site.written(), [WATCH.to_owned()].into());
    for name in ["b", "gone"] {
        fs::write(site.path("taken-over").join(name), "").unwrap();
    }
    assert_eq!(site.generate(), [""; 0]);
    let wanted = [WATCH, "lonc.target.wants/lonc@b.socket"];
    assert_eq!(site.written(), wanted.map(str::to_owned).into());
    fs::remove_dir_all(site.path("taken-over")).unwrap();
    fs::write(site.path("taken-over"), "").unwrap();
    let warnings = site.generate();
    assert!(
        warnings.len() == 1 && warnings[0].contains("no peer is taken over"),
        "{warnings:?}"
    );
}

#[test]
fn what_is_sound_is_written_and_the_rest_warned_about() {
    let table = "a:d:r:h:1.1.1.2\n../../etc/x:d:r:h:1.1.1.3\nbroken\na:d:r:h:1.1.1.4\n..:d:r:h:1.1.1.5\n\
                 a b:d:r:h:1.1.1.6\n%i:d:r:h:1.1.1.7\na@b:d:r:h:1.1.1.8\na\\x2fb:d:r:h:1.1.1.9\n";
    let site = Site::with_table(table);
    let warnings = site.generate();
    assert_eq!(warnings.len(), 8, "{warnings:?}");
    assert_eq!(site.written().len(), 2, "{:?}", site.written());
}

#[test]
fn a_second_run_changes_nothing() {
    let site = Site::with_table("a:d:r:h:1.1.1.2\n");
    assert_eq!((site.generate(), site.generate()), (vec![], vec![]));
}

#[test]
fn all_files_of_the_configuration_are_watched() {
    let site = Site::new("loncapa_conf = ['DIR/loncapa.conf', 'DIR/50%']", "");
    let watch = || fs::read_to_string(site.path("units").join(WATCH)).unwrap();
    fs::write(site.path("loncapa.conf"), "PerlSetVar lonTabDir /tabs").unwrap();
    let warnings = site.generate();
    assert!(warnings[0].contains("50%: cannot be read"), "{warnings:?}");
    let dir = site.root();
    assert_eq!(
        watch(),
        format!(
            "[Path]\nPathChanged={dir}/loncapa.conf\nPathChanged={dir}/50%%\nPathChanged=/tabs/hosts.tab\n"
        )
    );
}

#[test]
fn faults_are_warnings_and_boot_goes_on() {
    let broken = Site::new("host_id = ", "");
    let missing = Site::with_table("");
    fs::remove_file(missing.path("hosts.tab")).unwrap();
    let nowhere = Site::with_table("");
    fs::remove_file(nowhere.path("lonc.toml")).unwrap();
    for (site, says) in [
        (broken, "not TOML"),
        (missing, "hosts.tab: cannot be read"),
        (nowhere, "lonc.toml: cannot"),
    ] {
        let output = site.run();
        assert!(output.status.success());
        let said = text(&output.stderr);
        assert!(
            said.starts_with("<4>lonc-generator: ") && said.contains(says),
            "{said}"
        );
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(site.written().iter().all(|file| file == WATCH));
    }
}

#[test]
fn links_on_the_way_to_the_table_are_watched_where_they_stand_and_where_they_lead() {
    let site = Site::new("host_id = 'me'\nhosts_tab = 'DIR/tabs/hosts.tab'\n", "");
    for release in ["one", "two"] {
        fs::create_dir(site.path(release)).unwrap();
        fs::write(site.path(release).join("hosts.tab"), "a:d:r:h:1.1.1.2\n").unwrap();
    }
    let watch = || fs::read_to_string(site.path("units").join(WATCH)).unwrap();
    let dir = site.path("").canonicalize().unwrap();
    let dir = dir.display();
    symlink("one", site.path("tabs")).unwrap();
    assert_eq!(site.generate(), [""; 0]);
    let watched = format!(
        "[Path]\nPathChanged={}/tabs/hosts.tab\nPathChanged={dir}\nPathChanged={dir}/one/hosts.tab\n",
        site.root()
    );
    assert_eq!(watch(), watched);
    fs::remove_file(site.path("tabs")).unwrap();
    symlink("two", site.path("tabs")).unwrap();
    site.generate();
    assert_eq!(watch(), watched.replace("/one/", "/two/"));
}

#[test]
fn the_generator_reads_nothing_that_others_can_write() {
    let site = Site::new(
        "host_id = 'me'\nhosts_tab = 'DIR/hosts.tab'\nloncapa_conf = ['DIR/loncapa.conf']\n",
        "a:d:r:h:1.1.1.2\n",
    );
    fs::write(site.path("loncapa.conf"), "").unwrap();
    site.keep();
    for name in ["hosts.tab", "loncapa.conf", "lonc.toml"] {
        fs::remove_file(site.path(name)).unwrap();
        mkfifo(&site.path(name), Mode::S_IRWXU).unwrap();
    }
    let begun = Instant::now();
    assert!(site.command().arg(site.path("units")).status().unwrap().success());
    assert!(begun.elapsed() < Duration::from_secs(60));
    assert!(site.written().contains("lonc.target.wants/lonc@a.socket"));
}

#[test]
fn without_a_list_that_is_whole_nothing_is_written() {
    let site = Site::with_table("a:d:r:h:1.1.1.2\n");
    site.keep();
    let kept = site.kept();
    let whole = fs::read_to_string(&kept).unwrap();
    let odd: [&dyn Fn(); 4] = [
        &|| {},
        &|| fs::write(&kept, whole.strip_suffix('}').unwrap()).unwrap(),
        &|| mkfifo(&kept, Mode::S_IRWXU).unwrap(),
        &|| symlink("/dev/zero", &kept).unwrap(),
    ];
    for put in odd {
        let _ = fs::remove_file(&kept);
        put();
        let output = site.command().arg(site.path("units")).output().unwrap();
        let said = text(&output.stderr);
        assert!(
            output.status.success() && said.contains("no list of peers"),
            "{said}"
        );
        assert_eq!(site.written(), [].into());
    }
}

#[test]
fn a_directory_that_cannot_be_written_is_a_warning() {
    let site = Site::with_table("a:d:r:h:1.1.1.2\nb:d:r:h:1.1.1.3\n");
    // Also root cannot make anything below a file; a mode would not stop it.
    fs::remove_dir(site.path("units")).unwrap();
    fs::write(site.path("units"), "").unwrap();
    let output = site.run();
    assert!(output.status.success());
    assert_eq!(
        text(&output.stderr).lines().count(),
        2,
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn a_read_only_directory_is_a_warning() {
    let site = Site::with_table("a:d:r:h:1.1.1.2\n");
    fs::set_permissions(site.path("units"), fs::Permissions::from_mode(0o555)).unwrap();
    assert!(site.run().status.success());
    fs::set_permissions(site.path("units"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn one_directory_will_do_and_none_will_not() {
    let site = Site::with_table("a:d:r:h:1.1.1.2\n");
    site.keep();
    assert!(site.command().arg(site.path("units")).status().unwrap().success());
    assert_eq!(site.written().len(), 2);
    assert_eq!(site.command().output().unwrap().status.code(), Some(64));
}

#[test]
fn a_thousand_hosts_are_quick() {
    let line = |n| {
        format!(
            "host{n}:dom:library:h{n}.example.org:10.0.{}.{}\n",
            n / 250,
            n % 250
        )
    };
    let site = Site::with_table((0..1000).map(line).collect::<String>());
    let begun = Instant::now();
    assert!(site.run().status.success());
    let took = begun.elapsed();
    println!("1,000 hosts took {took:?}");
    assert_eq!(site.written().len(), 1001);
    // Only what would be far too long, on a slow machine too; the system tests measure it.
    assert!(took < Duration::from_secs(30), "{took:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_the_table_holds_only_units_of_ours_are_written(
        table in prop::collection::vec(prop_oneof![any::<u8>(), Just(b':'), Just(b'\n'), Just(b'.'), Just(b'/')], 0..2000)
    ) {
        let site = Site::with_table(&table);
        let _ = site.generate();
        let outside: BTreeSet<_> = fs::read_dir(site.root()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        prop_assert_eq!(outside, ["hosts.tab", "lonc.toml", "units"].map(Into::into).into());
        for file in site.written() {
            let depth = file.matches('/').count();
            prop_assert!(file == WATCH || (file.contains(".wants/lonc@") && file.ends_with(".socket")), "{}", file);
            prop_assert_eq!(depth, 1);
        }
    }
}

/// A configuration, where the generator writes, and what is kept between reading the one and writing the other.
struct Site(Directory, Directory);

impl Site {
    /// `DIR` in `config` is the site's directory, which has `hosts.tab`.
    fn new(config: &str, table: impl AsRef<[u8]>) -> Self {
        let site = Self(Directory::new(), Directory::new());
        site.write("lonc.toml", config);
        site.table(table);
        fs::create_dir(site.path("units")).unwrap();
        site
    }

    /// A site whose own id is `me`.
    fn with_table(table: impl AsRef<[u8]>) -> Self {
        Self::new("host_id = 'me'\nhosts_tab = 'DIR/hosts.tab'\n", table)
    }

    fn table(&self, table: impl AsRef<[u8]>) {
        fs::write(self.path("hosts.tab"), table).unwrap();
    }

    /// The file that the generator goes by.
    fn kept(&self) -> PathBuf {
        self.1.path("peers.json")
    }

    /// Reads the files as the unprivileged step does, and keeps all of it as if it were the first time.
    fn keep(&self) -> Output {
        let mut command = self.command();
        let output = command.args(["--read", "--rest", "1ms"]).output().unwrap();
        let offer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        fs::write(self.kept(), offer.get("snapshot").unwrap().to_string()).unwrap();
        output
    }

    /// What there was to say, of what was read and of what was written.
    fn generate(&self) -> Vec<String> {
        let said = text(&self.keep().stderr);
        let mut said: Vec<_> = said
            .lines()
            .map(|line| line.strip_prefix("<4>lonc-generator: ").unwrap().to_owned())
            .collect();
        said.extend(generate(
            &self.path("lonc.toml"),
            &self.kept(),
            &self.path("units"),
        ));
        said
    }

    /// Everything below the generator's directory that is no directory.
    fn written(&self) -> BTreeSet<String> {
        let units = self.path("units");
        files(&units)
            .iter()
            .map(|file| file.strip_prefix(&units).unwrap().to_str().unwrap().to_owned())
            .collect()
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lonc-generator"));
        command.arg("--config").arg(self.path("lonc.toml"));
        command.arg("--kept").arg(self.kept());
        command.env_remove("SYSTEMD_SCOPE");
        command
    }

    fn run(&self) -> Output {
        let read = self.keep();
        assert!(read.status.success());
        let [early, late] = ["early", "late"].map(|name| self.path(name));
        let mut command = self.command();
        let mut output = command
            .arg(self.path("units"))
            .args([early, late])
            .output()
            .unwrap();
        output.stderr.splice(..0, read.stderr);
        output
    }
}

impl Deref for Site {
    type Target = Directory;

    fn deref(&self) -> &Directory {
        &self.0
    }
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
