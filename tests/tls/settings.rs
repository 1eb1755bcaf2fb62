//! What is wrong with the settings, and with the files that they name.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Output};

use test_harness::programs::{self, built};
use test_harness::tls::Authority;
use test_harness::{Site, another_user, wait_until};

use crate::secured::{Secured, put};

fn check(site: &Site, toml: &str) -> Output {
    site.configure(([127, 0, 0, 1], 1).into(), toml);
    let mut command = Site::program();
    command.arg("--config").arg(site.path("lonc.toml"));
    command.args(["--check", "msul1"]).output().unwrap()
}

fn fault(site: &Site, toml: &str) -> String {
    let output = check(site, toml);
    assert_eq!(output.status.code(), Some(78), "{toml}");
    site.hide(&String::from_utf8(output.stderr).unwrap())
}

fn site() -> (Site, Authority) {
    let authority = Authority::new();
    let site = Site::new(([127, 0, 0, 1], 1).into(), "");
    let pair = authority.good("a");
    put(&site, "ca.pem", authority.pem());
    put(&site, "own.pem", &pair.certificate);
    put(&site, "own.key", &pair.key);
    (site, authority)
}

#[test]
fn combinations_that_make_no_sense_name_line_and_key() {
    let (site, _) = site();
    for (tls, words) in [
        (
            "mode = 'require'",
            "lonc.toml:7: link.tls.mode: is \"require\", and link.tls.ca does not say whom",
        ),
        (
            "mode = 'optional'",
            "link.tls.mode: must be one of \"off\", \"require\"",
        ),
        (
            "ca = 'DIR/ca.pem'",
            "lonc.toml:7: link.tls.mode: is \"off\" where it is not set, and link.tls.ca is",
        ),
        (
            "mode = 'require'\nca = 'DIR/ca.pem'\ncertificate = 'DIR/own.pem'",
            "lonc.toml:9: link.tls.certificate: is set, and link.tls.key is not",
        ),
        (
            "mode = 'require'\nca = 'DIR/ca.pem'\nkey = 'DIR/own.key'",
            "lonc.toml:9: link.tls.key: is set, and link.tls.certificate is not",
        ),
        (
            "mode = 'require'\nca = 'ca.pem'",
            "link.tls.ca: must be an absolute path",
        ),
        (
            "mode = 'require'\nca = 'DIR/ca.pem'\nkey = \"$CREDENTIALS_\\u0044IRECTORY/a/b\"",
            "the name of one credential",
        ),
        (
            "mod = 'require'",
            "unknown key \"mod\" in [link.tls]; did you mean \"mode\"?",
        ),
        (
            "expiry_warning = 21\nmode = 'off'",
            "link.tls.expiry_warning: 21 is not a duration",
        ),
    ] {
        let fault = fault(&site, &format!("[link.tls]\n{tls}\n"));
        assert!(fault.contains(words), "{tls}: {fault}");
    }
}

#[test]
fn a_peer_has_its_own() {
    let (site, _) = site();
    let toml = "[peer.msul1.tls]\nmode = 'require'\nca = 'DIR/gone.pem'\n";
    let fault = fault(&site, toml);
    assert!(fault.contains("DIR/gone.pem: cannot be read"), "{fault}");
    assert!(fault.contains("link.tls.ca at DIR/lonc.toml:8"), "{fault}");
    // And all of it is told, as it can be read back.
    let output = check(&site, "[link.tls]\nmode = 'require'\nca = 'DIR/ca.pem'\n");
    assert!(output.status.success());
    let report = String::from_utf8(output.stdout).unwrap();
    assert!(report.contains("[link.tls]\nmode = \"require\""), "{report}");
    site.write("lonc.toml", &report);
    let mut command = Site::program();
    command.arg("--config").arg(site.path("lonc.toml"));
    let again = command.args(["--check", "msul1"]).output().unwrap();
    assert!(
        again.status.success(),
        "{}",
        String::from_utf8_lossy(&again.stderr)
    );
}

#[test]
fn files_that_will_not_do_are_named_with_the_key_that_names_them() {
    let (site, authority) = site();
    let other = authority.good("b");
    put(&site, "other.key", &other.key);
    put(&site, "empty.pem", "");
    put(&site, "cut.pem", &authority.pem()[..200]);
    put(&site, "text.pem", "a secret that is no certificate\n");
    put(
        &site,
        "odd.pem",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    );
    symlink("/dev/zero", site.path("zero.pem")).unwrap();
    nix::unistd::mkfifo(&site.path("fifo.pem"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let tls = |ca: &str, key: &str| {
        format!(
            "[link.tls]\nmode = 'require'\nca = 'DIR/{ca}'\ncertificate = 'DIR/own.pem'\nkey = 'DIR/{key}'\n"
        )
    };
    for (ca, key, file, words) in [
        ("gone.pem", "own.key", "gone.pem", "No such file"),
        ("empty.pem", "own.key", "empty.pem", "no certificate is in it"),
        ("text.pem", "own.key", "text.pem", "no certificate is in it"),
        ("cut.pem", "own.key", "cut.pem", "it is cut"),
        ("odd.pem", "own.key", "odd.pem", ""),
        (
            "zero.pem",
            "own.key",
            "zero.pem",
            "it is a device, not a regular file",
        ),
        (
            "fifo.pem",
            "own.key",
            "fifo.pem",
            "it is a FIFO, not a regular file",
        ),
        (
            "ca.pem",
            "other.key",
            "other.key",
            "it does not go with the certificate",
        ),
        ("ca.pem", "ca.pem", "ca.pem", "no key is in it"),
        ("ca.pem", "gone.key", "gone.key", "No such file"),
    ] {
        let fault = fault(&site, &tls(ca, key));
        let named = format!("DIR/{file}: cannot be read: ");
        assert!(
            fault.contains(&named) && fault.contains(words),
            "{ca} {key}: {fault}"
        );
        assert!(!fault.contains("secret") && fault.lines().count() == 1, "{fault}");
    }
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let (site, _) = site();
    let toml =
        "[link.tls]\nmode = 'require'\nca = 'DIR/ca.pem'\ncertificate = 'DIR/own.pem'\nkey = 'DIR/own.key'\n";
    assert!(check(&site, toml).status.success());
    for mode in [0o644, 0o604, 0o660, 0o606] {
        fs::set_permissions(site.path("own.key"), Permissions::from_mode(mode)).unwrap();
        let fault = fault(&site, toml);
        assert!(fault.contains(&format!("mode {mode:04o}")), "{fault}");
    }
}

#[test]
fn a_credential_that_is_passed() {
    let secured = Secured::with(|authority| test_harness::tls::Demands {
        client: Some(authority.pem().to_owned()),
        ..test_harness::tls::Demands::default()
    });
    let ours = secured.authority.good("a");
    let tls =
        "certificate = \"$CREDENTIALS_\\u0044IRECTORY/cert\"\nkey = \"$CREDENTIALS_\\u0044IRECTORY/key\"";
    let site = secured.site(tls, &[("cert", &ours.certificate), ("key", &ours.key)]);
    let mut command = site.command();
    command.env("CREDENTIALS_DIRECTORY", site.root());
    let lonc = test_harness::Lonc::spawn(site.clone(), command);
    lonc.await_socket();
    let mut client = lonc.client();
    wait_until("the link", || client.ask("echo:1") == "1");
    drop(lonc);
    // Without: what it takes is said.
    let mut command = site.command();
    command.env_remove("CREDENTIALS_DIRECTORY");
    let output = command.output().unwrap();
    let fault = String::from_utf8(output.stderr).unwrap();
    assert!(fault.contains("LoadCredential=cert:"), "{fault}");
    assert_eq!(output.status.code(), Some(78));
}

#[test]
fn what_is_passed_to_the_service_alone_is_no_fault_of_the_configuration() {
    let (site, _) = site();
    let tls = "[link.tls]\nmode = 'require'\nca = 'DIR/ca.pem'\ncertificate = 'DIR/own.pem'\n\
               key = \"$CREDENTIALS_\\u0044IRECTORY/link.key\"\n";
    let output = check(&site, tls);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    let line = site.path("lonc.toml:10").display().to_string();
    let words = format!("link.tls.key at {line}: is passed to the service alone");
    assert!(said.contains(&words), "{said}");
    // So it is told to who reloads, which has the variable and may not go there.
    if another_user::is_possible() {
        let (site, program) = open(tls);
        let mut command = another_user::command(&program);
        command.env("CREDENTIALS_DIRECTORY", "/root");
        command.arg("--config").arg(site.path("lonc.toml"));
        let output = command.args(["--reload", "msul1"]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            !said.contains("link.key") && !said.contains("Permission"),
            "{said}"
        );
        assert_eq!(output.status.code(), Some(1), "there is no daemon to ask: {said}");
    }
    // The rest is looked at.
    put(&site, "own.pem", "no certificate");
    let fault = fault(&site, tls);
    assert!(fault.contains("DIR/own.pem: cannot be read"), "{fault}");
    // And who needs no link needs no key.
    fs::create_dir_all(site.path("delayed")).unwrap();
    for words in [&["spool", "list"][..], &["spool", "list", "msul1"]] {
        let mut command = Command::new(built("loncctl"));
        Site::clean(&mut command);
        command.arg("--config").arg(site.path("lonc.toml")).args(words);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{words:?}: {said}");
    }
}

#[test]
fn all_peers_are_looked_at_together() {
    let (site, _) = site();
    let toml = "[link.tls]\nmode = 'require'\nca = 'DIR/ca.pem'\n[peer.other]\naddress = '127.0.0.1'\n\
                [peer.other.tls]\nca = 'DIR/gone.pem'\n";
    site.configure(([127, 0, 0, 1], 1).into(), toml);
    let mut command = Site::program();
    command.arg("--config").arg(site.path("lonc.toml")).arg("--check");
    let output = command.output().unwrap();
    let fault = site.hide(&String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(78), "{fault}");
    assert!(fault.contains("DIR/gone.pem: cannot be read"), "{fault}");
}

#[test]
fn root_looks_in_the_daemons_place() {
    if !another_user::is_possible() {
        return;
    }
    let (site, _) = site();
    let key = site.path("own.key");
    another_user::give(&key);
    assert!(check(&site, OWN).status.success());
    fs::set_permissions(&key, Permissions::from_mode(0o640)).unwrap();
    assert!(fault(&site, OWN).contains("mode 0640"));
}

/// A site where everybody can read all but the key, and a program there.
fn open(toml: &str) -> (Site, PathBuf) {
    let (site, _) = site();
    let program = site.path("program");
    programs::put(Site::program().get_program(), &program);
    for (name, mode) in [("", 0o755), ("ca.pem", 0o644), ("own.pem", 0o644)] {
        fs::set_permissions(site.path(name), Permissions::from_mode(mode)).unwrap();
    }
    site.configure(([127, 0, 0, 1], 1).into(), toml);
    (site, program)
}

#[test]
fn who_may_not_read_it_is_told_what_stands_in_the_way() {
    if !another_user::is_possible() {
        return;
    }
    let (site, program) = open(OWN);
    let said = || {
        let mut command = another_user::command(&program);
        command.arg("--config").arg(site.path("lonc.toml"));
        let output = command.args(["--check", "msul1"]).output().unwrap();
        assert_eq!(output.status.code(), Some(78));
        site.hide(&String::from_utf8(output.stderr).unwrap())
    };
    let user = another_user::ID;
    let fault = said();
    let words =
        format!("DIR/own.key: cannot be read: Permission denied (os error 13): user {user} may not read it");
    assert!(fault.contains(&words), "{fault}");
    fs::create_dir(site.path("closed")).unwrap();
    fs::set_permissions(site.path("closed"), Permissions::from_mode(0o700)).unwrap();
    fs::rename(site.path("own.key"), site.path("closed/own.key")).unwrap();
    let closed = OWN.replace("DIR/own.key", "DIR/closed/own.key");
    site.configure(([127, 0, 0, 1], 1).into(), &closed);
    let fault = said();
    assert!(
        fault.contains(&format!("user {user} may not enter DIR/closed")),
        "{fault}"
    );
}

const OWN: &str =
    "[link.tls]\nmode = 'require'\nca = 'DIR/ca.pem'\ncertificate = 'DIR/own.pem'\nkey = 'DIR/own.key'\n";
