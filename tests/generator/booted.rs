//! A system that follows tables, and its `systemctl`.

use std::fs;

use test_harness::programs::put_script;

use super::{Site, text};

/// Lists the units in the file `loaded`, reads the table as lonc-table.service does, and writes everything else to
/// `asked`.
const SYSTEMCTL: &str = "#!/bin/sh\n\
    if [ \"$1\" = list-units ]; then cat \"$SITE/loaded\";\n\
    elif [ \"$2\" = lonc-table.service ]; then\n\
    \"$GENERATOR\" --config \"$SITE/lonc.toml\" --read --rest ${REST:-1ms} >\"$SITE/offered.json\" 2>>\"$SITE/said\";\n\
    else echo \"$*\" >>\"$SITE/asked\"; fi\n\
    if [ -e \"$SITE/then\" ]; then mv \"$SITE/then\" \"$SITE/hosts.tab\"; fi\n\
    [ ! -e \"$SITE/refuses\" ]\n";

/// What is asked for where the list is another.
pub(crate) const BASE: [&str; 2] = ["daemon-reload", "start lonc-aliases.service"];
const UP: &str = "lonc.target loaded active active x\n";

/// A system whose `systemctl` writes down what it is asked.
pub(crate) struct Booted(pub(crate) Site);

impl Booted {
    /// A system where the units of `a`, `b`, `me` and `old` run.
    pub(crate) fn new(table: &str) -> Self {
        let site = Site::with_table(table);
        let units = "lonc.target loaded active active x\n\
                     lonc@a.socket loaded active listening Socket\nlonc@b.service loaded active running x\n\
                     lonc@b.socket loaded failed failed x\nlonc@me.socket loaded active running x\n\
                     lonc@-old.x.socket loaded active running x\nlonc@-old.x.service loaded active running x\n";
        fs::write(site.path("loaded"), units).unwrap();
        fs::create_dir(site.path("bin")).unwrap();
        put_script(SYSTEMCTL, site.path("bin/systemctl"));
        Self(site)
    }

    /// One where this table is followed already.
    pub(crate) fn followed(table: &str) -> Self {
        let booted = Self::new(table);
        booted.loaded(table.lines().count() - 1);
        let (asked, said, _) = booted.apply();
        assert_eq!((&asked[..], said.as_str()), (&BASE.map(str::to_owned)[..], ""));
        booted
    }

    /// systemd has the units of so many.
    pub(crate) fn loaded(&self, number: usize) {
        self.has("", number);
    }

    /// These, and otherwise the sockets of so many.
    pub(crate) fn has(&self, units: &str, number: usize) {
        let line = |number| format!("lonc@p{number}.socket loaded active listening Socket\n");
        let is_other = |line: &String| !units.contains(line.split(' ').next().unwrap());
        let lines: String = (0..number).map(line).filter(is_other).collect();
        fs::write(self.0.path("loaded"), format!("{UP}{units}{lines}")).unwrap();
    }

    pub(crate) fn apply(&self) -> (Vec<String>, String, bool) {
        self.apply_after("1ms")
    }

    /// As the others, afterwards.
    pub(crate) fn recheck(&self) -> (Vec<String>, String, bool) {
        self.run("--recheck", "1ms")
    }

    /// What systemctl was asked, what was said, and whether all went well; the table is read when it was left alone for
    /// so long.
    pub(crate) fn apply_after(&self, rest: &str) -> (Vec<String>, String, bool) {
        self.run("--apply", rest)
    }

    fn run(&self, what: &str, rest: &str) -> (Vec<String>, String, bool) {
        let path = format!("{}:/usr/bin:/bin", self.0.path("bin").display());
        let mut command = self.0.command();
        let output = command
            .args([what, "--run"])
            .arg(self.0.path(""))
            .env("PATH", path)
            .env("SITE", self.0.path(""))
            .env("REST", rest)
            .env("GENERATOR", env!("CARGO_BIN_EXE_lonc-generator"))
            .output()
            .unwrap();
        let take = |name| {
            let text = fs::read_to_string(self.0.path(name)).unwrap_or_default();
            let _ = fs::remove_file(self.0.path(name));
            text
        };
        (
            take("asked").lines().map(str::to_owned).collect(),
            take("said") + &text(&output.stderr),
            output.status.success(),
        )
    }
}
