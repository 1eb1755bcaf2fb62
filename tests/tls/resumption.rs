//! A session is resumed while nothing has changed of who trusts whom, and never says anything before its time.

use test_harness::tls::{Authority, Demands, Wish};
use test_harness::{Client, Lonc, wait_until};

use nix::sys::signal::Signal;

use crate::secured::{NAME, Secured, put, toml};

const OTHER: &str = "msul1.example.edu";
const OWN: &str = "certificate = 'DIR/own.pem'\nkey = 'DIR/own.key'";

/// A terminator with sessions to resume, whose certificate has two names, and an instance whose session was resumed.
struct Stage {
    secured: Secured,
    lonc: Lonc,
    client: Client,
}

impl Stage {
    fn new() -> Self {
        Self::with(Demands::default())
    }

    fn with(demands: Demands) -> Self {
        let authority = Authority::new();
        let mut wish = Wish::name(NAME);
        wish.names.push(OTHER.to_owned());
        let pair = authority.sign(&wish);
        let ours = authority.good("msul2");
        let crl = authority.revocations(&[], 3600);
        let secured = Secured::showing(authority, &pair, |authority| Demands {
            client: Some(authority.pem().to_owned()),
            ..demands
        });
        let files = [
            ("own.pem", &*ours.certificate),
            ("own.key", &*ours.key),
            ("crl.pem", &*crl),
        ];
        let lonc = secured.start(OWN, &files);
        let mut client = lonc.client();
        wait_until("the link", || client.ask("echo:1") == "1");
        let mut stage = Self {
            secured,
            lonc,
            client,
        };
        stage.await_resumed();
        stage
    }

    /// One that is cut off in a bad moment begins anew.
    fn await_resumed(&mut self) {
        wait_until("a session that is resumed", || self.next_is_resumed());
    }

    /// Whether the session of the next link is one of before.
    fn next_is_resumed(&mut self) -> bool {
        let (_, before, resumed) = self.secured.terminator.counts();
        let client = &mut self.client;
        wait_until("another link", || {
            let is_there = self.secured.terminator.counts().1 > before;
            // One that is just being opened is not among those.
            if !is_there {
                self.secured.peer.drop_links();
            }
            client.ask("echo:1") == "1" && is_there
        });
        self.secured.terminator.counts().2 > resumed
    }

    fn reload(&self, tls: &str) {
        self.lonc
            .site
            .configure(self.secured.terminator.addr(), &toml(tls));
        let told = self.num_reloads();
        self.lonc.signal(Signal::SIGHUP);
        wait_until("the reload", || self.num_reloads() > told);
    }

    fn num_reloads(&self) -> usize {
        self.lonc.log().matches("configuration read anew").count()
    }
}

#[test]
fn another_certificate_of_ours_begins_anew() {
    let mut stage = Stage::new();
    let other = stage.secured.authority.good("msul2");
    put(&stage.lonc.site, "own.key", &other.key);
    put(&stage.lonc.site, "own.pem", &other.certificate);
    stage.reload(OWN);
    assert!(!stage.next_is_resumed());
    stage.await_resumed();
}

#[test]
fn another_name_begins_anew() {
    for changed in [
        format!("server_name = '{OTHER}'"),
        format!("verify_san = ['{OTHER}']"),
    ] {
        let mut stage = Stage::new();
        let before = stage.secured.terminator.counts();
        stage.reload(&format!("{OWN}\n{changed}"));
        // The link is replaced by one whose name was checked.
        wait_until("another link", || stage.secured.terminator.counts().1 > before.1);
        assert_eq!(stage.secured.terminator.counts().2, before.2, "{changed}");
        stage.await_resumed();
    }
}

#[test]
fn a_list_of_revoked_ones_begins_anew() {
    let mut stage = Stage::new();
    let before = stage.secured.terminator.counts();
    stage.reload(&format!("{OWN}\ncrl = 'DIR/crl.pem'"));
    wait_until("another link", || stage.secured.terminator.counts().1 > before.1);
    assert_eq!(stage.secured.terminator.counts().2, before.2);
    stage.await_resumed();
}

#[test]
fn another_authority_begins_anew_though_the_old_one_is_still_among_them() {
    let mut stage = Stage::new();
    let before = stage.secured.terminator.counts();
    let both = [stage.secured.authority.pem(), Authority::new().pem()].concat();
    put(&stage.lonc.site, "ca.pem", &both);
    stage.reload(OWN);
    wait_until("another link", || stage.secured.terminator.counts().1 > before.1);
    assert_eq!(stage.secured.terminator.counts().2, before.2);
    stage.await_resumed();
}

#[test]
fn what_has_not_changed_is_resumed_after_a_reload() {
    let mut stage = Stage::new();
    wait_until("a session that outlasts a reload", || {
        stage.reload(OWN);
        stage.next_is_resumed()
    });
}

#[test]
fn nothing_is_said_before_the_handshake_is_done() {
    let mut stage = Stage::with(Demands {
        early_bytes: 16_384,
        ..Demands::default()
    });
    // A request waits for the link, and could be said early.
    stage.client.say("echo:2");
    assert_eq!(stage.client.hear(), "2");
    stage.await_resumed();
    assert_eq!(stage.secured.terminator.num_early(), 0);
}
