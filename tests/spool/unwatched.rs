//! Where the system has no more watches to give.

use std::process::Command;

use test_harness::programs::installed;
use test_harness::spool::{await_messages, word};
use test_harness::{Lonc, Peer, Site, wait_until};

#[test]
fn a_spool_that_cannot_be_watched_is_looked_at_now_and_then() {
    let Some(unshare) = installed("unshare") else {
        return;
    };
    let peer = Peer::start();
    let site = Site::office(&peer, "");
    let plain = site.command();
    let mut command = Command::new(unshare);
    command
        .args(["--user", "--map-root-user", "sh", "-c"])
        .arg("echo 0 > /proc/sys/user/max_inotify_instances && exec \"$0\" \"$@\"")
        .arg(plain.get_program())
        .args(plain.get_args());
    Site::clean(&mut command);
    let lonc = Lonc::spawn(site, command);
    wait_until("lonc or its failure", || {
        lonc.site.socket().exists() || lonc.log().contains("unshare") || lonc.log().contains("cannot create")
    });
    if !lonc.site.socket().exists() {
        eprintln!("SKIPPED: {}", lonc.log());
        return;
    }
    lonc.await_socket();
    lonc.await_log("raise fs.inotify.max_user_instances");
    assert_eq!(lonc.client().ask("ping"), "msul1");
    lonc.site.put(0, &word(0));
    await_messages(&peer, 1);
    lonc.site.await_empty();
    assert_eq!(lonc.log().matches("max_user_instances").count(), 1);
}
