//! Each reason why a link is not secured has its word, and nothing is said before.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use test_harness::tls::{Authority, Demands, Pair, Wish};
use test_harness::{Lonc, PATIENCE, Peer, Site, free_address};

use crate::secured::{NAME, Secured, put, toml};

/// The link does not come about, for this reason, and lond has heard nothing.
fn refused(secured: &Secured, tls: &str, files: &[(&str, &str)], why: &str) {
    let lonc = secured.start(tls, files);
    assert_eq!(lonc.client().ask("echo:secret"), "con_lost");
    lonc.await_log(why);
    secured.assert_nothing_said();
}

fn showing(wish: &Wish) -> Secured {
    let authority = Authority::new();
    let pair = authority.sign(wish);
    Secured::showing(authority, &pair, |_| Demands::default())
}

#[test]
fn signed_by_somebody_else() {
    let pair = Authority::new().good(NAME);
    let secured = Secured::showing(Authority::new(), &pair, |_| Demands::default());
    refused(&secured, "", &[], "signed by nobody in link.tls.ca");
}

#[test]
fn expired_and_not_yet_valid() {
    let mut wish = Wish::name(NAME);
    wish.until = -60;
    refused(&showing(&wish), "", &[], "certificate has expired, on 20");
    let mut wish = Wish::name(NAME);
    wish.from = 3600;
    refused(&showing(&wish), "", &[], "is not valid before 20");
}

#[test]
fn for_another_name_of_the_same_authority() {
    // As of a man in the middle that has another host's.
    let wish = Wish::name("msul3.example.edu");
    let why = "the peer's certificate is for msul3.example.edu, not for 127.0.0.1";
    refused(&showing(&wish), "", &[], why);
    // The common name does not count.
    let mut wish = Wish::name("msul3.example.edu");
    wish.common_name = NAME.to_owned();
    refused(&showing(&wish), "", &[], why);
    // Nor do names that are not asked for.
    refused(
        &showing(&Wish::name(NAME)),
        "verify_san = ['a.edu', 'b.edu']",
        &[],
        "not for b.edu",
    );
}

#[test]
fn revoked_or_not_known_to_be_valid() {
    let authority = Authority::new();
    let (revoked, fine) = (authority.good(NAME), authority.good(NAME));
    let list = authority.revocations(&[&revoked], 3600);
    let stale = authority.revocations(&[], -60);
    let foreign = Authority::new().revocations(&[], 3600);
    let mut secured = Secured::showing(authority, &revoked, |_| Demands::default());
    let crl = "crl = 'DIR/crl.pem'";
    refused(&secured, crl, &[("crl.pem", &list)], "was revoked");
    secured.terminator.renew(&fine, &Demands::default());
    refused(
        &secured,
        crl,
        &[("crl.pem", &stale)],
        "(link.tls.crl) has expired, on 20",
    );
    refused(&secured, crl, &[("crl.pem", &foreign)], "is not in link.tls.crl");
    secured.peer = Peer::start();
    let lonc = Secured::new().start(crl, &[("crl.pem", &foreign)]);
    assert_eq!(lonc.client().ask("echo:1"), "con_lost");
}

#[test]
fn one_of_ours_is_wanted_or_refused() {
    let demands = |authority: &Authority| Demands {
        client: Some(authority.pem().to_owned()),
        ..Demands::default()
    };
    let secured = Secured::with(demands);
    refused(&secured, "", &[], "wants a certificate of ours");
    let foreign = Authority::new().good("msul2");
    let tls = "certificate = 'DIR/own.pem'\nkey = 'DIR/own.key'";
    let shown = |pair: &Pair, why: &str| {
        let files = [("own.pem", &*pair.certificate), ("own.key", &*pair.key)];
        refused(&secured, tls, &files, why);
    };
    shown(&foreign, "the peer refused our certificate");
    let mut wish = Wish::name("msul2");
    wish.until = -60;
    shown(
        &secured.authority.sign(&wish),
        "the peer refused our certificate: expired",
    );
}

#[test]
fn what_listens_there_speaks_no_tls() {
    let secured = Secured::new();
    for banner in ["220 mail.example.edu ESMTP\r\n", "init\n", "\n"] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let site = Site::new(listener.local_addr().unwrap(), &toml(""));
        put(&site, "ca.pem", secured.authority.pem());
        let lonc = site.start();
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(banner.as_bytes()).unwrap();
        let mut first = [0; 5];
        stream.read_exact(&mut first).unwrap();
        // A handshake record, and not the first line of a dialogue.
        assert_eq!(first[..2], [22, 3]);
        // It takes five bytes to see that it is none.
        stream.write_all(b"and so on\n").unwrap();
        lonc.await_log("does not speak TLS");
    }
}

#[test]
fn a_plain_lond_never_sees_init() {
    let secured = Secured::new();
    let peer = Peer::start();
    let site = Site::new(
        peer.addr(),
        &toml("").replace("[link.tls]", "handshake_timeout = '300ms'\n[link.tls]"),
    );
    put(&site, "ca.pem", secured.authority.pem());
    let lonc = site.start();
    assert_eq!(lonc.client().ask("echo:secret"), "con_lost");
    peer.await_links(|accepted, _| accepted > 2);
    let heard = peer.commands();
    assert!(!heard.iter().any(|line| line.contains("init")), "{heard:?}");
}

#[test]
fn silence_and_a_byte_now_and_then() {
    let authority = Authority::new();
    for every in [None, Some(Duration::from_millis(50))] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let toml = toml("").replace("[link.tls]", "handshake_timeout = '400ms'\n[link.tls]");
        let site = Site::new(address, &toml);
        put(&site, "ca.pem", authority.pem());
        let lonc = site.start();
        let (mut stream, _) = listener.accept().unwrap();
        if let Some(every) = every {
            // A ServerHello that takes for ever.
            for byte in [22, 3, 3, 0, 122, 2, 0, 0, 118, 3, 3]
                .into_iter()
                .chain([7; 1000])
            {
                if stream.write_all(&[byte]).is_err() {
                    break;
                }
                std::thread::sleep(every);
            }
        }
        lonc.await_log("no answer in time to the TLS handshake");
        assert_eq!(lonc.client().ask("echo:1"), "con_lost");
    }
}

/// OpenSSL's, which takes only what it is told to.
struct Openssl(Child);

impl Drop for Openssl {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn openssl(site: &Site, address: SocketAddr, more: &[&str]) -> Openssl {
    let mut command = Command::new("openssl");
    command.args(["s_server", "-quiet", "-accept", &address.to_string()]);
    command
        .args(["-cert", "server.pem", "-key", "server.key"])
        .args(more);
    command
        .current_dir(site.root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    Openssl(command.stderr(Stdio::null()).spawn().unwrap())
}

/// `openssl s_server` with these options: what it read inside, and what lonc said of it.
fn against_openssl(more: &[&str], why: &str) {
    let authority = Authority::new();
    let address = free_address();
    let site = Site::new(address, &toml(""));
    let pair = authority.good(NAME);
    for (name, text) in [
        ("ca.pem", authority.pem()),
        ("server.pem", &pair.certificate),
        ("server.key", &pair.key),
    ] {
        put(&site, name, text);
    }
    let mut server = openssl(&site, address, more);
    let lonc: Lonc = site.start();
    lonc.await_log(why);
    let mut inside = String::new();
    let mut stdout = server.0.stdout.take().unwrap();
    drop(server);
    stdout.read_to_string(&mut inside).unwrap();
    assert!(!inside.contains("init"), "{inside}");
}

#[test]
fn openssl_with_an_older_version_alone() {
    against_openssl(&["-tls1_2"], "TLS 1.3 is wanted");
}

#[test]
fn openssl_without_a_cipher_in_common() {
    against_openssl(
        &["-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_8_SHA256"],
        "TLS 1.3 is wanted",
    );
}
