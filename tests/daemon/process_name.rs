//! What the process is called, for who looks and for who kills by name.

use std::fs;
use std::process::Command;

use test_harness::programs::installed;
use test_harness::{Lonc, Peer, wait_until};

#[test]
fn the_process_is_called_after_its_peer_in_all_its_threads() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, "");
    assert_eq!(
        fs::read_to_string(format!("/proc/{}/comm", lonc.pid())).unwrap(),
        "lonc@msul1\n"
    );
    let tasks = fs::read_dir(format!("/proc/{}/task", lonc.pid())).unwrap();
    for task in tasks.flatten() {
        let name = fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        assert_ne!(name, "lonc\n");
    }
    let Some(ps) = installed("ps") else { return };
    let pid = lonc.pid().to_string();
    let output = Command::new(ps)
        .args(["-o", "comm=", "-p", &pid])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "lonc@msul1\n");
}

/// As loncron does it, but with a signal that ends nobody: other tests run meanwhile.
#[test]
fn killall_by_the_name_of_the_perl_lonc_does_not_find_it() {
    let Some(killall) = installed("killall") else {
        return;
    };
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, "");
    let found = |name: &str| {
        let mut command = Command::new(&killall);
        let output = command.args(["-v", "-s", "0", name]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        said.contains(&format!("({})", lonc.pid()))
    };
    assert!(!found("lonc"));
    assert!(found("lonc@msul1"), "killall tells whom it found");
}

#[test]
fn one_that_reloads_another_is_not_called_so_either() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, "");
    // One that is stopped gives no answer, so that who waits for it can be looked at.
    lonc.signal(nix::sys::signal::Signal::SIGSTOP);
    let mut command = lonc.site.command();
    command.arg("--reload").env("MAINPID", lonc.pid().to_string());
    command.env("RUNTIME_DIRECTORY", lonc.site.path(""));
    let waiting = test_harness::programs::Running::start(&mut command);
    let comm = format!("/proc/{}/comm", waiting.id());
    wait_until("its name", || {
        fs::read_to_string(&comm).is_ok_and(|name| name == "lonc-reload\n")
    });
    lonc.signal(nix::sys::signal::Signal::SIGCONT);
}
