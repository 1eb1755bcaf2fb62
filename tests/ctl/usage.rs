//! What one is told who does not know what to type.

use std::fs;
use std::process::Command;

use test_harness::programs::installed;
use test_harness::spool::name;
use test_harness::{Peer, Site, source};

use crate::tool::{bare, ctl, run};

#[test]
fn without_arguments_it_tells_the_commands() {
    let told = ran(&[]);
    assert_eq!(told.code, 64, "{told:?}");
    for words in [
        "status",
        "why",
        "send",
        "spool",
        "check",
        "Begin with: loncctl status",
    ] {
        told.must_say(words);
    }
    assert_eq!(ran(&["--help"]).code, 0);
    assert_eq!(
        ran(&["--version"]).out,
        format!("loncctl {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn wrong_arguments_tell_the_right_ones() {
    for (arguments, words) in [
        (&["stauts"][..], "a similar subcommand exists: 'status'"),
        (&["why"], "Usage: loncctl why <PEER>"),
        (&["reconnect"], "Usage: loncctl reconnect <PEER|--all>"),
        (&["spool"], "retry"),
        (&["spool", "drop", "msul1"], "<NAME>..."),
        (
            &["status", "--timeout", "soon"],
            "must be a time such as 500ms, 10s or 2m",
        ),
        (&["status", "a/b"], "is not a host id"),
    ] {
        let told = ran(arguments);
        assert_eq!(told.code, 64, "{told:?}");
        told.must_say(words);
    }
    let peer = Peer::dead();
    let site = Site::new(peer.addr(), "");
    site.write("hosts.tab", "msul9:msu:library:zaphod.msu.edu:\n");
    site.configure(peer.addr(), "hosts_tab = 'DIR/hosts.tab'\n");
    let told = ctl(&site, &["why", "msul3"]);
    assert_eq!(told.code, 64, "{told:?}");
    told.must_say("peer msul3 has no address");
    told.must_say("loncctl status shows the peers there are");
}

#[test]
fn completions_load() {
    let dir = tempfile::tempdir().unwrap();
    for (shell, words) in [
        ("bash", "complete"),
        ("zsh", "#compdef loncctl"),
        ("fish", "complete -c loncctl"),
    ] {
        let script = ran(&["completions", shell]);
        assert_eq!(script.code, 0, "{script:?}");
        script.must_say(words);
        fs::write(dir.path().join(shell), script.out).unwrap();
    }
    let Some(bash) = installed("bash") else { return };
    let script = dir.path().join("bash");
    let text = format!(
        "source '{}'; complete -p loncctl; COMP_WORDS=(loncctl st); COMP_CWORD=1; _loncctl loncctl st loncctl; echo \"${{COMPREPLY[@]}}\"",
        script.display()
    );
    let output = Command::new(bash).args(["-c", &text]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("-F _loncctl") && said.trim_end().ends_with("status"),
        "{said} {output:?}"
    );
}

#[test]
fn bash_completes_names_of_peers_and_messages() {
    let Some(bash) = installed("bash") else { return };
    let peer = Peer::dead();
    let at = "[peer.msul7]\naddress = '192.0.2.1'\n[peer.other]\naddress = '192.0.2.2'\n";
    let site = Site::office(&peer, at);
    site.put_words(2);
    let script = site.path("loncctl.bash");
    fs::write(&script, ran(&["completions", "bash"]).out).unwrap();
    let config = site.path("lonc.toml");
    let completed = |words: &[&str]| {
        let text = "source \"$1\"; COMP_WORDS=(\"$2\" --config \"$3\" \"${@:4}\"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); \
                    _loncctl_names \"$2\" \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD-1]}\"; echo \"${COMPREPLY[@]}\"";
        let mut command = Command::new(&bash);
        command.args(["-c", text, "bash"]).arg(&script);
        let output = command
            .arg(env!("CARGO_BIN_EXE_loncctl"))
            .arg(&config)
            .args(words)
            .output();
        String::from_utf8(output.unwrap().stdout)
            .unwrap()
            .trim_end()
            .to_owned()
    };
    assert_eq!(completed(&["why", "ms"]), "msul1 msul7");
    assert_eq!(completed(&["disable", "msul1", "o"]), "other");
    assert_eq!(
        completed(&["spool", "show", "msul1", ""]),
        format!("{} {}", name(0), name(1))
    );
    assert_eq!(
        completed(&["spool", "delete", "msul1", ""]),
        format!("{} {}", name(0), name(1))
    );
    assert_eq!(completed(&["spool", "delete", "ot"]), "other");
    assert!(completed(&["why", "--t"]).contains("--timeout"));
}

#[test]
fn who_reads_no_further_is_no_fault() {
    let Some(bash) = installed("bash") else { return };
    let text = "set -o pipefail; \"$0\" completions bash | head -1";
    let output = Command::new(bash)
        .args(["-c", text, env!("CARGO_BIN_EXE_loncctl")])
        .output()
        .unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn the_manual_has_every_command_and_the_package_all_files() {
    let here = |name: &str| fs::read_to_string(source(name)).unwrap();
    let manual = here("docs/man/loncctl.8.scd");
    for (command, front) in [(&["--help"][..], ""), (&["spool", "--help"], "spool ")] {
        let help = ran(command).out;
        let list = help
            .split_once("Commands:\n")
            .unwrap()
            .1
            .split_once("\n\n")
            .unwrap()
            .0;
        let names = list.lines().filter_map(|line| line.split_whitespace().next());
        for name in names.filter(|name| *name != "help" && *name != "spool") {
            assert!(
                manual.contains(&format!("\n*{front}{name}*\n\t")),
                "{front}{name} is not in the manual"
            );
        }
    }
    let rules = here("packaging/debian/rules");
    for place in [
        "usr/share/bash-completion/completions/loncctl",
        "usr/share/fish/vendor_completions.d/loncctl.fish",
        "usr/share/zsh/vendor-completions/_loncctl",
    ] {
        assert!(rules.contains(place), "{place}");
    }
    assert!(here("packaging/debian/lonc.manpages").contains("docs/man/loncctl.8"));
    assert!(here("packaging/debian/lonc.install").contains("debian/bin/loncctl usr/bin"));
}

fn ran(arguments: &[&str]) -> crate::tool::Ran {
    let mut command = bare();
    command.args(arguments);
    run(command)
}
