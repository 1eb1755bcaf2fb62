//! `--apply` against a `systemctl` that writes down what it is asked.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::{Site, text};

/// Lists the units in the file `loaded`, and writes everything else to `asked`.
const SYSTEMCTL: &str = "#!/bin/sh\n\
    if [ \"$1\" = list-units ]; then cat \"$SITE/loaded\"; else echo \"$*\" >>\"$SITE/asked\"; fi\n\
    if [ -e \"$SITE/then\" ]; then mv \"$SITE/then\" \"$SITE/hosts.tab\"; fi\n\
    [ ! -e \"$SITE/refuses\" ]\n";

const TABLE: &str = "me:d:r:h:1.1.1.1\na:d:r:h:1.1.1.2\nb:d:r:h:1.1.1.3\n";
const BASE: [&str; 3] = ["daemon-reload", "start lonc.target", "start lonc-aliases.service"];

#[test]
fn what_the_table_does_not_have_is_stopped() {
    let (asked, said, well) = Booted::new(TABLE).apply();
    assert_eq!(asked[..3], BASE);
    assert_eq!(
        asked[3..],
        ["stop --no-block -- lonc@-old.x.socket lonc@-old.x.service"]
    );
    assert!(well && said.is_empty(), "{said}");
}

#[test]
fn a_slip_stops_nothing() {
    for table in ["", "# gone\n"] {
        let (asked, said, _) = Booted::new(table).apply();
        assert_eq!(
            (asked.as_slice(), said.lines().count()),
            (&BASE.map(str::to_owned)[..], 1),
            "{said}"
        );
        assert!(said.contains("not even this host"), "{said}");
    }
    let broken_line = Booted::new("me:d:r:h:1.1.1.1\na\nb:d:r:h:1.1.1.2\n-old.x:d:r:h:1.1.1.3\n");
    assert_eq!(broken_line.apply().0, BASE);
    let broken_file = Booted::new(TABLE);
    broken_file.0.write("lonc.toml", "host_id = 'me'\ntypo = 1");
    assert_eq!(broken_file.apply().0, BASE);
    let no_table = Booted::new(TABLE);
    fs::remove_file(no_table.0.path("hosts.tab")).unwrap();
    assert_eq!(no_table.apply().0, BASE);
}

#[test]
fn the_last_peer_can_go() {
    let (asked, ..) = Booted::new("me:d:r:h:1.1.1.1\n").apply();
    assert_eq!(asked.len(), 4, "{asked:?}");
    assert!(
        asked[3].contains("lonc@a.socket") && !asked[3].contains("lonc@me"),
        "{asked:?}"
    );
}

#[test]
fn a_change_meanwhile_is_not_missed() {
    let booted = Booted::new(TABLE);
    fs::write(booted.0.path("then"), "me:d:r:h:1.1.1.1\nb:d:r:h:1.1.1.3\n").unwrap();
    let (asked, ..) = booted.apply();
    assert_eq!(asked.len(), 8, "{asked:?}");
    assert_eq!(asked[4..7], BASE);
}

#[test]
fn a_systemd_that_refuses_is_a_failure() {
    let booted = Booted::new(TABLE);
    fs::write(booted.0.path("refuses"), "").unwrap();
    let (asked, said, well) = booted.apply();
    assert_eq!((asked.len(), well), (1, false));
    assert!(said.contains("systemctl daemon-reload: exit status: 1"), "{said}");
}

struct Booted(Site);

impl Booted {
    /// A system where the units of `a`, `b`, `me` and `old` run.
    fn new(table: &str) -> Self {
        let site = Site::with_table(table);
        let units = "lonc@a.socket loaded active listening Socket\nlonc@b.service loaded active running x\n\
                     lonc@b.socket loaded failed failed x\nlonc@me.socket loaded active running x\n\
                     lonc@-old.x.socket loaded active running x\nlonc@-old.x.service loaded active running x\n";
        fs::write(site.path("loaded"), units).unwrap();
        fs::create_dir(site.path("bin")).unwrap();
        let systemctl = site.path("bin/systemctl");
        fs::write(&systemctl, SYSTEMCTL).unwrap();
        fs::set_permissions(&systemctl, fs::Permissions::from_mode(0o755)).unwrap();
        Self(site)
    }

    /// What systemctl was asked, what was said, and whether all went well.
    fn apply(&self) -> (Vec<String>, String, bool) {
        let path = format!("{}:/usr/bin:/bin", self.0.path("bin").display());
        let mut command = self.0.command();
        let output = command
            .arg("--apply")
            .env("PATH", path)
            .env("SITE", self.0.path(""))
            .output()
            .unwrap();
        let asked = fs::read_to_string(self.0.path("asked")).unwrap();
        (
            asked.lines().map(str::to_owned).collect(),
            text(&output.stderr),
            output.status.success(),
        )
    }
}
