//! Certificates change while requests go on.

use std::fs::remove_file;
use std::os::unix::fs::symlink;
use std::thread::sleep;
use std::time::Duration;

use nix::sys::signal::Signal;
use test_harness::tls::{Authority, Demands, Wish};
use test_harness::{Site, wait_until};

use crate::secured::{NAME, Secured, put, toml};
use crate::told::told;

const OWN: &str = "certificate = 'DIR/own.pem'\nkey = 'DIR/own.key'";

fn mutual() -> Secured {
    Secured::with(|authority| Demands {
        client: Some(authority.pem().to_owned()),
        ..Demands::default()
    })
}

#[test]
fn new_files_are_taken_up_by_themselves_and_the_links_stay() {
    let secured = mutual();
    let (old, new) = (secured.authority.good("a"), secured.authority.good("b"));
    let files = [("own.pem", &*old.certificate), ("own.key", &*old.key)];
    let lonc = secured.start(OWN, &files);
    let mut client = lonc.client();
    assert_eq!(client.ask("echo:1"), "1");
    let before = secured.terminator.counts().0;
    put(&lonc.site, "own.key", &new.key);
    put(&lonc.site, "own.pem", &new.certificate);
    lonc.await_log("the certificates have changed, and were read anew");
    assert_eq!(client.ask("echo:2"), "2");
    assert_eq!(secured.terminator.counts().0, before);
}

#[test]
fn a_pair_that_does_not_go_together_leaves_the_old_one_in_force() {
    let secured = mutual();
    let (old, new) = (secured.authority.good("a"), secured.authority.good("b"));
    let files = [("own.pem", &*old.certificate), ("own.key", &*old.key)];
    let mut lonc = secured.start(OWN, &files);
    let mut client = lonc.client();
    assert_eq!(client.ask("echo:1"), "1");
    put(&lonc.site, "own.pem", &new.certificate);
    lonc.signal(Signal::SIGHUP);
    lonc.await_log("own.key: cannot be read: it does not go with the certificate");
    lonc.await_log("reload failed");
    secured.peer.drop_links();
    wait_until("a link by the old pair", || client.ask("echo:2") == "2");
    // Found by itself, too; and mended.
    lonc.await_log("the certificates have changed and cannot be used");
    put(&lonc.site, "own.key", &new.key);
    lonc.await_log("read anew");
    lonc.assert_alive();
}

#[test]
fn a_refused_reload_is_carried_out_once_the_pair_goes_together() {
    let secured = mutual();
    let (old, new) = (secured.authority.good("a"), secured.authority.good("b"));
    let files = [("own.pem", &*old.certificate), ("own.key", &*old.key)];
    let lonc = secured.start(OWN, &files);
    assert_eq!(lonc.client().ask("echo:1"), "1");
    let is_refused = |question: &[&str]| told(&lonc, "loncctl", question).contains("reload was refused");
    let questions = [&["status"][..], &["config", "msul1"]];
    // What else is new is to be in force as well.
    let more = toml(OWN).replace("[link]\n", "[link]\nmax_connections = 3\n");
    lonc.site.configure(secured.terminator.addr(), &more);
    put(&lonc.site, "own.pem", &new.certificate);
    lonc.signal(Signal::SIGHUP);
    lonc.await_log("reload failed");
    assert!(questions.iter().all(|question| is_refused(question)));
    // The level that is set from now on holds: nobody orders another reload.
    told(&lonc, "loncctl", &["log-level", "msul1", "debug"]);
    put(&lonc.site, "own.key", &new.key);
    wait_until("the reload", || {
        !questions.iter().any(|question| is_refused(question))
    });
    let config = told(&lonc, "loncctl", &["config", "msul1"]);
    for words in ["log_level = \"debug\"", "max_connections = 3"] {
        assert!(config.contains(words), "{words}: {config}");
    }
}

#[test]
fn files_that_are_put_back_as_they_were_mend_a_reload() {
    let secured = mutual();
    let (old, new) = (secured.authority.good("a"), secured.authority.good("b"));
    let files = [
        ("old.pem", &*old.certificate),
        ("new.pem", &*new.certificate),
        ("own.key", &*old.key),
    ];
    let site = secured.site(OWN, &files);
    let lead_to = |site: &Site, name: &str| {
        let _ = remove_file(site.path("own.pem"));
        symlink(site.path(name), site.path("own.pem")).unwrap();
    };
    lead_to(&site, "old.pem");
    let lonc = site.start();
    assert_eq!(lonc.client().ask("echo:1"), "1");
    lead_to(&lonc.site, "new.pem");
    lonc.signal(Signal::SIGHUP);
    lonc.await_log("reload failed");
    // Before any look has seen that they were others.
    lead_to(&lonc.site, "old.pem");
    wait_until("the reload", || {
        !told(&lonc, "loncctl", &["status"]).contains("reload was refused")
    });
    assert!(!lonc.log().contains("were read anew"), "{}", lonc.log());
}

#[test]
fn a_level_of_the_log_that_was_set_outlasts_new_certificates() {
    let secured = mutual();
    let (old, new) = (secured.authority.good("a"), secured.authority.good("b"));
    let files = [("own.pem", &*old.certificate), ("own.key", &*old.key)];
    let lonc = secured.start(OWN, &files);
    assert_eq!(lonc.client().ask("echo:1"), "1");
    told(&lonc, "loncctl", &["log-level", "msul1", "debug"]);
    let is_steered = || told(&lonc, "loncctl", &["config", "msul1"]).contains("until the next reload");
    assert!(is_steered());
    put(&lonc.site, "own.key", &new.key);
    put(&lonc.site, "own.pem", &new.certificate);
    lonc.await_log("the certificates have changed, and were read anew");
    assert!(is_steered());
}

#[test]
fn under_load_nothing_is_lost() {
    let secured = mutual();
    let mut pair = secured.authority.good("a");
    let files = [("own.pem", &*pair.certificate), ("own.key", &*pair.key)];
    let lonc = secured.start(OWN, &files);
    let mut client = lonc.client();
    wait_until("the link", || client.ask("echo:1") == "1");
    for round in 0..20 {
        pair = secured.authority.good("a");
        put(&lonc.site, "own.pem", &pair.certificate);
        put(&lonc.site, "own.key", &pair.key);
        secured.terminator.renew(
            &secured.authority.good(NAME),
            &Demands {
                client: Some(secured.authority.pem().to_owned()),
                ..Demands::default()
            },
        );
        lonc.signal(Signal::SIGHUP);
        for number in 0..200 {
            client.say(format!("echo:{round}-{number}"));
        }
        for number in 0..200 {
            assert_eq!(client.hear(), format!("{round}-{number}"));
        }
    }
}

#[test]
fn whom_we_trust_has_changed_and_links_are_made_anew() {
    let secured = Secured::new();
    let lonc = secured.start("", &[]);
    let mut client = lonc.client();
    assert_eq!(client.ask("echo:1"), "1");
    let other = Authority::new();
    put(&lonc.site, "ca.pem", other.pem());
    lonc.signal(Signal::SIGHUP);
    // The old link goes when a new one is up, and by this authority none is.
    lonc.await_log("signed by nobody in link.tls.ca");
    secured.terminator.renew(&other.good(NAME), &Demands::default());
    wait_until("a link by the new authority", || {
        client.ask("echo:2") == "2" && secured.terminator.counts().1 > 1
    });
    // Nothing of a session that the old one vouched for was resumed.
    assert_eq!(secured.terminator.counts().2, 0);
}

#[test]
fn one_that_expires_while_the_link_is_up_opens_no_other() {
    let authority = Authority::new();
    let short = authority.sign(&Wish::name(NAME).until(Duration::from_secs(25)));
    let secured = Secured::showing(authority, &short, |_| Demands::default());
    let lonc = secured.start("", &[]);
    let mut client = lonc.client();
    assert_eq!(client.ask("echo:1"), "1");
    lonc.await_log("the peer's certificate expires in");
    // Though the session of the first one could be resumed.
    wait_until("its end", || {
        secured.peer.drop_links();
        lonc.log().contains("the peer's certificate has expired")
    });
    assert_eq!(client.ask("echo:1"), "con_lost");
    secured
        .terminator
        .renew(&secured.authority.good(NAME), &Demands::default());
    wait_until("the renewed one", || client.ask("echo:2") == "2");
}

#[test]
fn tls_is_turned_on_and_off_by_a_reload() {
    let secured = Secured::new();
    let lonc = secured.start("", &[]);
    let mut client = lonc.client();
    assert_eq!(client.ask("echo:1"), "1");
    lonc.site
        .configure(secured.peer.addr(), "[link.tls]\nmode = 'off'\n");
    lonc.signal(Signal::SIGHUP);
    let secured_links = secured.terminator.counts().0;
    secured.peer.await_links(|accepted, _| accepted > secured_links);
    assert_eq!(client.ask("echo:1"), "1");
    lonc.site.configure(secured.terminator.addr(), &toml(""));
    lonc.signal(Signal::SIGHUP);
    wait_until("a secured one", || {
        client.ask("echo:1") == "1" && secured.terminator.counts().1 > 1
    });
}

#[test]
fn a_look_at_the_files_that_outlasts_a_reload_does_not_undo_it() {
    let secured = Secured::new();
    let other = Authority::new();
    let lonc = secured.start("", &[("other.pem", other.pem())]);
    let mut client = lonc.client();
    assert_eq!(client.ask("echo:1"), "1");
    // While they change the look goes on; the first is two seconds after the start.
    for _ in 0..12 {
        put(&lonc.site, "ca.pem", secured.authority.pem());
        sleep(Duration::from_millis(300));
    }
    let trusting_another = toml("").replace("ca.pem", "other.pem");
    lonc.site.configure(secured.terminator.addr(), &trusting_another);
    lonc.signal(Signal::SIGHUP);
    lonc.await_log("configuration read anew");
    // On a busy machine they may have kept still for long enough before.
    let num_anew = || lonc.log().matches("were read anew").count();
    let before = num_anew();
    lonc.await_log("signed by nobody in link.tls.ca");
    // Long enough for it to have ended.
    sleep(Duration::from_secs(4));
    assert_eq!(client.ask("echo:2"), "con_lost");
    assert_eq!(num_anew(), before, "{}", lonc.log());
}
