//! `loncctl takeover` and `giveback`, with a Perl lonc that runs.

pub(crate) mod classic;

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use test_harness::Client;
use test_harness::programs::built;

use self::classic::Classic;

/// Tells the ids of the table, read in each way that Perl has; and does with other files what must go on as ever.
const READS: &str = r#"
package Other;
use IO::File;
my $table = shift;
sub told { print shift, ": ", join(' ', map { /^(\w+):/ } @_), "\n" }
open(BARE, $table) || die; told('bare', <BARE>); close(BARE);
open(BARE, "<$table") || die; told('two', <BARE>); close(BARE);
open(my $three, '<', $table) or die; told('three', <$three>);
open(my $layers, '<:encoding(UTF-8)', $table) or die; told('layers', <$layers>);
my $object = IO::File->new($table) or die; told('object', <$object>);
{ local $/; open(my $whole, '<', $table) or die; told('whole', split /^/m, <$whole>); }
open(OUT, ">$table.copy") or die; print OUT "written\n"; close OUT; open(IN, "$table.copy") or die; print <IN>;
open(my $pipe, '-|', 'echo', 'from a pipe') or die; print <$pipe>;
print open(my $none, '<', '/nowhere/hosts.tab') ? 'odd' : 'no such table', "\n";
"#;

#[test]
fn a_peer_goes_over_and_back_and_no_worker_is_cut_off() {
    let Some(host) = Classic::start() else { return };
    let before = host.state();
    let mut worker = Client::connect(&host.path("sockets/one"));
    assert_eq!(worker.ask("echo:1"), "1");
    assert!(!host.is_ours("one"));
    let foretold = host.well(&["takeover", "one", "--dry-run"]);
    foretold.must_say("systemd listens at one");
    assert_eq!(host.state(), before);

    host.well(&["takeover", "one"]);
    assert!(host.is_ours("one") && !host.is_ours("two"));
    assert_eq!(worker.ask("echo:2"), "2", "it is still the Perl lonc's");
    assert_eq!(names(&host), ["one"]);
    host.well(&["takeover", "one"]).must_say("nothing to do");

    let mut ours = Client::connect(&host.path("sockets/one"));
    assert_eq!(ours.ask("echo:3"), "3");
    // What the Perl lonc never looks at.
    fs::create_dir_all(host.path("sockets/held")).unwrap();
    fs::write(host.path("sockets/held/1000000000.1.4711.echo.one"), "echo:m\n").unwrap();
    fs::write(host.path("sockets/held/1000000000.1.4711.echo.two"), "echo:m\n").unwrap();
    let told = host.well(&["giveback", "one"]);
    told.must_say("one: messages are left that the Perl lonc does not send (1 held, 0 in failed/)");
    assert!(!told.out.contains("two: messages"), "{told:?}");
    assert!(!host.is_ours("one"));
    assert_eq!(worker.ask("echo:4"), "4");
    assert_eq!(socket(&host.state(), "one"), socket(&before, "one"));
    host.well(&["giveback", "one"]).must_say("nothing to do");
}

#[test]
fn what_fails_is_undone_whichever_step_it_is() {
    let Some(host) = Classic::start() else { return };
    for arguments in [
        &["takeover", "one"][..],
        &["giveback", "one"],
        &["takeover", "one", "two"],
    ] {
        let before = host.state();
        let fails = fail_each(&host, arguments, |ran| {
            ran.must_say("FAILED: systemctl");
            ran.must_say("This host is as it was.");
            if arguments[0] == "takeover" {
                assert_eq!(host.state(), before, "{ran:?}");
            } else {
                // What has begun to listen anew is another socket, and its daemon waits for the first request.
                assert_eq!(alike(host.state()), alike(before.clone()), "{ran:?}");
                assert!(host.is_ours("one"));
            }
        });
        println!("{arguments:?} failed in {fails} ways");
        assert!(fails >= 2);
    }
    assert!(host.is_ours("one") && host.is_ours("two"));
}

#[test]
fn all_go_over_and_back_and_what_fails_is_undone() {
    let Some(host) = Classic::start() else { return };
    let before = alike(host.state());
    let fails = fail_each(&host, &["takeover", "--all"], |ran| {
        ran.must_say("This host is as it was.");
        // Where the Perl lonc had been stopped already its sockets are new ones.
        for id in ["one", "two"] {
            host.await_listener(id);
        }
        assert_eq!(alike(host.state()), before, "{ran:?}");
        assert!(!host.is_ours("one") && !host.is_ours("two"));
    });
    assert!(fails >= 8, "{fails}");
    assert_eq!(host.perl(), None);
    assert!(host.is_ours("one") && host.is_ours("two"));
    assert!(!host.path("taken-over").exists());
    assert_eq!(
        fs::read_link(host.path("perl/lonc")).unwrap(),
        host.path("usr/lib/lonc/lonc-stand-in")
    );
    assert!(host.path("systemd/lonc-usr1.service.enabled").exists());
    host.well(&["takeover", "--all"]).must_say("nothing to do");

    let before = host.state();
    fail_each(&host, &["giveback", "two"], |ran| {
        ran.must_say("This host is as it was.");
        assert_eq!(alike(host.state()), alike(before.clone()), "{ran:?}");
        assert!(host.is_ours("one") && host.is_ours("two"));
        assert_eq!(host.perl(), None);
    });
    host.await_listener("two");
    assert!(host.is_ours("one") && !host.is_ours("two"));
    assert_eq!(names(&host), ["absent", "one"]);
    host.well(&["giveback", "--all"]);
    host.await_listener("one");
    assert!(!host.is_ours("one") && !host.is_ours("two"));
    assert_eq!(names(&host), [""; 0]);
    assert!(!host.path("perl/lonc.perl").exists());
}

#[test]
fn a_boot_in_between_changes_nothing() {
    let Some(host) = Classic::start() else { return };
    host.well(&["takeover", "one"]);
    host.end_all();
    for file in ["lonc@one.socket.active", "lonc@one.service.active", "one.pid"] {
        let _ = fs::remove_file(host.path("systemd").join(file));
    }
    host.start_perl();
    host.await_listener("two");
    host.well(&["takeover", "one"]);
    assert!(host.is_ours("one") && !host.is_ours("two"));
    let log = fs::read_to_string(host.path("perl/logs/lonc.log")).unwrap();
    assert!(log.contains("started for absent two\n"), "{log}");
    host.well(&["giveback", "one"]);
    host.await_listener("one");
    assert!(!host.is_ours("one") && !host.is_ours("two"));
}

#[test]
fn a_peer_that_is_down_is_forgotten_by_the_perl_lonc_before_we_listen() {
    let Some(host) = Classic::start() else { return };
    host.well(&["takeover", "absent"])
        .must_say("reads its table anew");
    let log = fs::read_to_string(host.path("perl/logs/lonc.log")).unwrap();
    assert!(
        log.ends_with("serving\n") && log.contains("started for one two\n"),
        "{log}"
    );
    assert!(!host.is_ours("one"));
    assert_eq!(
        Client::connect(&host.path("sockets/absent")).ask("ping"),
        "con_lost"
    );
    host.well(&["giveback", "absent"]);
    assert!(!host.path("sockets/absent").exists());
}

#[test]
fn check_tells_how_far_it_is_and_that_the_program_was_replaced() {
    let Some(host) = Classic::start() else { return };
    host.well(&["takeover", "one"]);
    let status = host.status();
    assert!(
        status
            .line("two")
            .ends_with(&["left", "to", "the", "Perl", "lonc:", "loncctl", "takeover", "two"]),
        "{status:?}"
    );
    assert_eq!(
        (status.line("two")[1], status.line("absent")[1]),
        ("foreign", "foreign")
    );
    assert_eq!(status.line("one")[1], "up");
    let checked = host.check();
    checked.must_say("2 peers not taken over: absent two");
    assert!(
        !checked.out.contains("two: ") && !checked.out.contains("its program has been replaced"),
        "{checked:?}"
    );
    fs::copy(host.path("perl/lonc.perl"), host.path("perl/lonc")).unwrap();
    host.check().must_say("its program has been replaced");
    host.check().must_say("-> loncctl takeover one");
    host.well(&["takeover", "one"])
        .must_say("leaves alone what is taken over");
    assert!(!host.check().out.contains("its program has been replaced"));
}

#[test]
fn however_the_table_is_opened_what_is_taken_over_is_missing_and_other_files_are_as_they_are() {
    let Some(host) = Classic::start() else { return };
    host.well(&["takeover", "one"]);
    host.write("perl/lonc.perl", READS);
    let output = Command::new("perl")
        .arg(host.path("perl/lonc"))
        .arg(host.path("lonTabs/hosts.tab"))
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(
        lines.len(),
        9,
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for line in lines.iter().take(6) {
        assert!(line.ends_with(": msul2 two absent"), "{said}");
    }
    assert_eq!(lines[6..], ["written", "from a pipe", "no such table"]);
    // Without the package nothing is hidden.
    let text = fs::read_to_string(host.path("perl/lonc")).unwrap();
    host.write(
        "perl/lonc",
        &text.replace(built("loncctl").to_str().unwrap(), "/nowhere"),
    );
    let output = Command::new("perl")
        .arg(host.path("perl/lonc"))
        .arg(host.path("lonTabs/hosts.tab"))
        .output()
        .unwrap();
    assert!(
        String::from_utf8_lossy(&output.stdout).starts_with("bare: msul2 one two absent\n"),
        "{output:?}"
    );
}

/// Has each order to systemd fail, one after the other, until it goes well; how many did.
fn fail_each(host: &Classic, arguments: &[&str], check: impl Fn(&crate::tool::Ran)) -> usize {
    for fail in 1.. {
        let ran = host.ctl(arguments, fail);
        if ran.code == 0 {
            return fail - 1;
        }
        assert_eq!(ran.code, 1, "{ran:?}");
        check(&ran);
    }
    0
}

fn names(host: &Classic) -> Vec<String> {
    let entries = fs::read_dir(host.path("taken-over")).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn socket(state: &BTreeMap<String, String>, name: &str) -> String {
    state[&format!("DIR/sockets/{name}")].clone()
}

/// The state, whichever socket it is and whether its daemon runs.
fn alike(state: BTreeMap<String, String>) -> Vec<(String, String)> {
    let state = state
        .into_iter()
        .filter(|(name, _)| !name.ends_with(".service.active") || !name.contains('@'));
    let kind = |text: String| {
        if text.starts_with("socket ") {
            "socket".to_owned()
        } else {
            text
        }
    };
    state.map(|(name, text)| (name, kind(text))).collect()
}
