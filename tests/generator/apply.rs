//! `--apply` against a `systemctl` that writes down what it is asked.

use std::fs;
use std::os::unix::fs::symlink;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use test_harness::Stop;
use test_harness::programs::put_script;

use super::booted::{BASE, Booted};

const TABLE: &str = "me:d:r:h:1.1.1.1\na:d:r:h:1.1.1.2\nb:d:r:h:1.1.1.3\n";

#[test]
fn what_the_table_does_not_have_is_stopped() {
    let (asked, said, well) = Booted::new(TABLE).apply();
    assert_eq!(asked[..2], BASE);
    assert_eq!(
        asked[2..],
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
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(
        asked[2].contains("lonc@a.socket") && !asked[2].contains("lonc@me"),
        "{asked:?}"
    );
}

#[test]
fn a_change_meanwhile_is_not_missed() {
    let booted = Booted::new(TABLE);
    fs::write(booted.0.path("then"), "me:d:r:h:1.1.1.1\nb:d:r:h:1.1.1.3\n").unwrap();
    let (asked, ..) = booted.apply();
    assert_eq!(asked.len(), 6, "{asked:?}");
    assert_eq!(asked[3..5], BASE);
}

#[test]
fn a_change_in_the_last_moment_is_not_missed_either() {
    let booted = Booted::followed(&large(20));
    assert_eq!(booted.recheck(), (vec![], String::new(), true));
    booted.0.table(large(21));
    let again = vec!["start --no-block lonc-hosts.service".to_owned()];
    assert_eq!(booted.recheck(), (again.clone(), String::new(), true));
    // Until that was done; whoever else had the files read makes no difference.
    assert_eq!(booted.recheck().0, again);
    booted.apply();
    assert_eq!(booted.recheck().0, [""; 0]);
    fs::write(booted.0.path("lonc.toml"), "typo = 1\n").unwrap();
    assert_eq!(booted.recheck().0, again);
    booted.apply();
    assert_eq!(booted.recheck().0, [""; 0]);
}

#[test]
fn what_cannot_be_compared_is_not_done_again_without_an_end() {
    let booted = Booted::followed(&large(20));
    fs::remove_file(booted.0.path("noted.json")).unwrap();
    fs::create_dir(booted.0.path("noted.json")).unwrap();
    booted.0.table(large(21));
    assert_eq!(booted.recheck(), (vec![], String::new(), true));
    let (asked, _, well) = booted.apply();
    assert!(
        well && asked.contains(&"start -- lonc@p20.socket".to_owned()),
        "{asked:?}"
    );
    assert_eq!(booted.recheck(), (vec![], String::new(), true));
}

#[test]
fn that_it_cannot_be_done_again_is_a_failure() {
    let booted = Booted::followed(&large(20));
    fs::write(booted.0.path("refuses"), "").unwrap();
    booted.0.table(large(21));
    let (asked, said, well) = booted.recheck();
    assert_eq!((asked.len(), well), (1, false));
    assert!(
        said.contains("systemctl start --no-block lonc-hosts.service: exit status: 1"),
        "{said}"
    );
}

#[test]
fn a_systemd_that_refuses_is_a_failure() {
    let booted = Booted::new(TABLE);
    fs::write(booted.0.path("refuses"), "").unwrap();
    let (asked, said, well) = booted.apply();
    assert_eq!((asked.len(), well), (1, false));
    assert!(said.contains("systemctl daemon-reload: exit status: 1"), "{said}");
}

#[test]
fn where_nothing_has_changed_nothing_is_asked_and_names_alone_are_followed_alone() {
    let booted = Booted::followed(&large(20));
    assert_eq!(booted.apply(), (vec![], String::new(), true));
    for same in [
        format!("# more\n{}", large(20)),
        format!("\u{feff}{}", large(20)),
        large(20).replace('\n', "\r\n"),
        large(20).replace('\n', "\r"),
        large(20).replace("1.1.1.", "1.1.2."),
        format!("{}broken\n", large(20)),
    ] {
        booted.0.table(&same);
        assert_eq!(booted.apply().0, [""; 0], "{same}");
    }
    booted.0.table(large(20).replace("h3.edu", "other.edu"));
    assert_eq!(booted.apply().0, ["start lonc-aliases.service"]);
}

#[test]
fn what_is_not_what_it_should_be_changes_nothing_and_a_sound_table_is_followed_afterwards() {
    let booted = Booted::followed(&large(20));
    let path = booted.0.path("hosts.tab");
    let all = large(20);
    let cut = |at: usize| all.get(..at).unwrap().to_owned();
    let odd: [(&str, &dyn Fn()); 13] = [
        ("no end", &|| booted.0.table(cut(all.len() - 1))),
        ("no end", &|| booted.0.table(cut(all.len() / 2 + 5))),
        ("no end", &|| booted.0.table(cut(30))),
        ("15 of 20 peers", &|| booted.0.table(large(5))),
        ("430 new peers at once", &|| booted.0.table(large(450))),
        ("names no host", &|| booted.0.table("")),
        ("names no host", &|| {
            booted.0.table("<html>\n<title>404</title>\n</html>\n");
        }),
        ("hardly a table", &|| {
            booted.0.table(format!("{}{}", large(5), "<p>x</p>\n".repeat(9)));
        }),
        ("hardly a table", &|| {
            booted.0.table(format!("{all}{}", "\u{1}\u{2}\n".repeat(99)));
        }),
        ("UTF-16", &|| booted.0.table(b"\xff\xfea\0:\0")),
        ("a FIFO", &|| mkfifo(&path, Mode::S_IRWXU).unwrap()),
        ("a device", &|| symlink("/dev/zero", &path).unwrap()),
        ("larger than", &|| {
            fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
        }),
    ];
    for (why, put) in odd {
        fs::remove_file(&path).unwrap();
        put();
        let begun = Instant::now();
        let (asked, said, well) = booted.apply();
        // What a link leads to is watched as well; that is all that is followed.
        let expected = if ["a device", "larger than"].contains(&why) {
            &BASE[..]
        } else {
            &[]
        };
        assert_eq!(asked, expected, "{why}: {said}");
        assert!(
            well && said.contains(why) && said.contains("no peer is removed"),
            "{why}: {said}"
        );
        assert!(begun.elapsed() < Duration::from_secs(60), "{why}");
        let held = fs::read_to_string(booted.0.path("held")).unwrap();
        assert!(held.contains(why), "{held}");
    }
    fs::remove_file(&path).unwrap();
    booted.0.table(large(19));
    let (asked, said, _) = booted.apply();
    assert_eq!((&asked[..2], said.as_str()), (&BASE.map(str::to_owned)[..], ""));
    assert_eq!(
        asked[2..],
        ["stop --no-block -- lonc@p19.socket lonc@p19.service"]
    );
    assert!(!booted.0.path("held").exists());
}

#[test]
fn what_is_gone_at_once_is_stopped_when_an_administrator_says_so_and_once() {
    let booted = Booted::followed(&large(20));
    booted.0.table(large(5));
    assert_eq!(booted.apply().0, [""; 0]);
    fs::write(booted.0.path("accept"), "").unwrap();
    let (asked, said, well) = booted.apply();
    assert_eq!(
        (&asked[..2], well),
        (&BASE.map(str::to_owned)[..], true),
        "{said}"
    );
    let stopped = asked[2..].concat();
    assert_eq!(stopped.matches(".socket").count(), 15, "{asked:?}");
    assert!(!booted.0.path("accept").exists() && !booted.0.path("held").exists());
    booted.loaded(5);
    booted.0.table(large(1));
    assert!(booted.apply().1.contains("4 of 5 peers"));
}

#[test]
fn a_table_that_changes_all_the_time_changes_nothing() {
    let booted = Booted::followed(&large(20));
    let path = booted.0.path("hosts.tab");
    let stop = Stop::default();
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0.. {
                if stop.is_set() {
                    break;
                }
                fs::write(&path, large(number % 20)).unwrap();
                thread::sleep(Duration::from_millis(5));
            }
        });
        let _at_last = stop.at_last();
        let (asked, said, _) = booted.apply_after("1s");
        assert_eq!(asked, [""; 0]);
        assert!(
            said.contains("changes all the time: no peer is removed"),
            "{said}"
        );
    });
}

#[test]
fn what_is_offered_is_not_believed_as_it_comes() {
    let booted = Booted::followed(&large(3));
    let good = fs::read_to_string(booted.0.path("offered.json")).unwrap();
    let escape = good.replacen("\"p1\"", "\"../p1\"", 1);
    let path = booted.0.path("offered.json");
    // Nobody reads the table anew.
    put_script(
        "#!/bin/sh\n[ \"$1\" != list-units ] || cat \"$SITE/loaded\"\n",
        booted.0.path("bin/systemctl"),
    );
    for odd in ["", "{}", "[", good.strip_suffix('}').unwrap(), &escape] {
        fs::write(&path, odd).unwrap();
        let (asked, said, well) = booted.apply();
        assert!(
            asked.is_empty() && well && said.contains("cannot be read"),
            "{odd}: {said}"
        );
    }
    fs::remove_file(&path).unwrap();
    mkfifo(&path, Mode::S_IRWXU).unwrap();
    assert!(booted.apply().1.contains("cannot be read"));
}

#[test]
fn many_are_started_and_stopped_some_at_a_time() {
    let booted = Booted::followed(&large(3));
    booted.0.table(large(100));
    let (asked, ..) = booted.apply();
    let sockets = |call: &String| call.matches(".socket").count();
    assert_eq!(
        asked.iter().map(sockets).collect::<Vec<_>>(),
        [&[0], &[6; 16][..], &[1, 0]].concat(),
        "{asked:?}"
    );
    assert!(asked[1].starts_with("start -- lonc@p10.socket"), "{asked:?}");
    booted.loaded(100);
    booted.0.table(large(3));
    let (asked, ..) = booted.apply();
    assert_eq!(
        asked[2..].iter().map(sockets).collect::<Vec<_>>(),
        [&[3; 32][..], &[1]].concat(),
        "{asked:?}"
    );
}

#[test]
fn what_systemd_does_not_have_after_a_boot_is_started_though_nothing_has_changed() {
    let booted = Booted::followed(&large(3));
    booted.loaded(2);
    assert_eq!(booted.apply().0, [BASE[0], "start -- lonc@p2.socket", BASE[1]]);
}

#[test]
fn only_what_is_new_is_started_and_nothing_without_the_target() {
    let booted = Booted::followed(&large(3));
    booted.has(
        "lonc@p0.socket loaded inactive dead x\nlonc@p1.socket masked inactive dead x\n",
        3,
    );
    booted.0.table(large(4));
    let started = [BASE[0], "start -- lonc@p3.socket", BASE[1]];
    assert_eq!(booted.apply().0, started);
    // It goes, and comes back before systemd has forgotten its units.
    booted.0.table(large(3));
    booted.loaded(4);
    booted.apply();
    booted.has("lonc@p3.socket loaded inactive dead x\n", 3);
    booted.0.table(large(4));
    assert_eq!(booted.apply().0, started);
    fs::write(booted.0.path("loaded"), "lonc.target loaded inactive dead x\n").unwrap();
    booted.0.table(large(6));
    assert_eq!(booted.apply().0, BASE);
}

#[test]
fn with_start_at_boot_the_daemons_of_new_peers_are_started_and_those_of_all_that_listen_when_it_is_new() {
    let booted = Booted::followed(&large(3));
    booted.has("lonc@p2.socket loaded inactive dead x\n", 2);
    let config = fs::read_to_string(booted.0.path("lonc.toml")).unwrap();
    booted
        .0
        .write("lonc.toml", &format!("{config}\n[daemon]\nstart = \"boot\"\n"));
    let services = "start --no-block -- lonc@p0.service lonc@p1.service";
    assert_eq!(booted.apply().0, [BASE[0], BASE[1], services]);
    booted.0.table(large(4));
    let (asked, ..) = booted.apply();
    assert_eq!(asked[3], "start --no-block -- lonc@p3.service", "{asked:?}");
}

#[test]
fn who_runs_and_whose_peer_is_elsewhere_now_is_told() {
    let booted = Booted::followed(&large(20));
    booted.has(
        "lonc@p3.service loaded active running x\nlonc@p4.service loaded active running x\n",
        20,
    );
    let moved = large(20)
        .replace("1.1.1.3\n", "1.1.2.3\n")
        .replace("1.1.1.5\n", "1.1.2.5\n");
    booted.0.table(&moved);
    let told = "try-reload-or-restart --no-block -- lonc@p3.service";
    assert_eq!(booted.apply().0, [told]);
    assert_eq!(booted.apply().0, [""; 0]);
    // Another port is another place as well.
    let toml = fs::read_to_string(booted.0.path("lonc.toml")).unwrap();
    booted.0.write(
        "lonc.toml",
        &format!("{toml}\n[peer.p4]\nport = 5900\n[peer.p6]\nport = 5900\n"),
    );
    assert_eq!(
        booted.apply().0,
        ["try-reload-or-restart --no-block -- lonc@p4.service"]
    );
    booted.0.write("lonc.toml", &toml);
    assert_eq!(booted.apply().0.len(), 1);
    // Not by a table that is not to be believed.
    booted.0.table(large(20).trim_end());
    assert_eq!(booted.apply().0, [""; 0]);
}

/// Ours and so many others, each with a name.
fn large(number: usize) -> String {
    let line = |number: usize| {
        format!(
            "p{number}:d:r:h{number}.edu:1.1.{}.{}\n",
            1 + number / 250,
            number % 250
        )
    };
    format!(
        "me:d:r:h:1.1.1.200\n{}",
        (0..number).map(line).collect::<String>()
    )
}
