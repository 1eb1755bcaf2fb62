//! Files that are not what they should be: whoever can write them must not hold us up, or have us read for ever.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use lonc::internals::config;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::site::{HOSTS, Site, id};

/// Far more than reading takes, and less than for ever.
const PATIENCE: Duration = Duration::from_secs(20);

type Make = fn(&Path);

const FILES: [&str; 3] = ["lonc.toml", "loncapa.conf", "hosts.tab"];

#[test]
fn nothing_but_a_regular_file_is_read_whichever_of_the_files_it_is() {
    let kinds: [(&str, Make); 6] = [
        ("a FIFO", |path| mkfifo(path, Mode::S_IRWXU).unwrap()),
        ("a FIFO", |path| {
            mkfifo(&path.with_extension("fifo"), Mode::S_IRWXU).unwrap();
            symlink(path.with_extension("fifo"), path).unwrap();
        }),
        ("a device", |path| symlink("/dev/zero", path).unwrap()),
        ("a device", |path| symlink("/dev/tty", path).unwrap()),
        ("a socket", |path| drop(UnixListener::bind(path).unwrap())),
        ("Is a directory", |path| fs::create_dir(path).unwrap()),
    ];
    for name in FILES {
        for (what, make) in kinds {
            let site = site();
            fs::remove_file(site.path(name)).unwrap();
            make(&site.path(name));
            let fault = in_time(&site);
            assert!(
                fault.contains(name) && fault.contains(what),
                "{name}, {what}: {fault}"
            );
        }
    }
}

#[test]
fn what_is_too_large_is_said_and_not_read() {
    for name in FILES {
        for grow in [
            |path: &Path| fs::write(path, "# x\n".repeat(300_000)).unwrap(),
            |path: &Path| {
                fs::File::options()
                    .write(true)
                    .open(path)
                    .unwrap()
                    .set_len(1 << 40)
                    .unwrap();
            },
        ] {
            let site = site();
            grow(&site.path(name));
            let fault = in_time(&site);
            assert!(
                fault.contains(name) && fault.contains("larger than 1.0MiB"),
                "{name}: {fault}"
            );
        }
    }
}

#[test]
fn a_mark_and_other_line_ends_are_the_same_text() {
    let same = site().load("msul1").unwrap();
    let ends: [fn(String) -> String; 5] = [
        |text| format!("\u{feff}{text}"),
        |text| text.replace('\n', "\r\n"),
        |text| text.replace('\n', "\r"),
        |text| format!("\u{feff}{}", text.replace('\n', "\r")),
        |text| text.replacen('\n', "\r\n", 1),
    ];
    for name in FILES {
        for change in ends {
            let site = site();
            let text = fs::read_to_string(site.path(name)).unwrap();
            site.write(name, &change(text));
            let loaded = site.load("msul1").unwrap();
            assert_eq!(loaded.warnings, [""; 0]);
            assert_eq!(
                (
                    loaded.settings.address,
                    loaded.settings.host_id,
                    loaded.settings.alias
                ),
                (
                    same.settings.address.clone(),
                    same.settings.host_id.clone(),
                    same.settings.alias.clone()
                )
            );
        }
    }
}

#[test]
fn another_encoding_is_a_fault_that_says_so() {
    for name in FILES {
        let site = site();
        let text = fs::read_to_string(site.path(name)).unwrap();
        let wide: Vec<u8> = std::iter::once('\u{feff}')
            .chain(text.chars())
            .flat_map(|char| (char as u16).to_le_bytes())
            .collect();
        fs::write(site.path(name), wide).unwrap();
        let fault = in_time(&site);
        assert!(fault.contains(name) && fault.contains("UTF-16"), "{fault}");
    }
}

#[test]
fn of_a_file_that_is_somebody_elses_secret_nothing_is_told() {
    let secret = "root:$6$c0ffee$deadbeef:19000:0:99999:7:::\nhunter2\nkey = t0psecret\nssh:AAAAB3Nza:x\n";
    for name in ["loncapa.conf", "hosts.tab"] {
        let site = site();
        site.write("secret", secret);
        fs::remove_file(site.path(name)).unwrap();
        symlink("secret", site.path(name)).unwrap();
        let mut told = config::peers(&site.path("lonc.toml"))
            .map_or_else(|fault| vec![fault.to_string()], |peers| peers.warnings);
        told.push(in_time(&site));
        told.push(site.check(None).unwrap_or_else(|fault| fault.to_string()));
        for word in ["c0ffee", "hunter2", "t0psecret", "AAAAB3Nza", "19000"] {
            assert!(!told.iter().any(|line| line.contains(word)), "{word}: {told:?}");
        }
    }
}

#[test]
fn a_table_of_a_hundred_thousand_lines_has_peers_up_to_a_limit_and_says_how_many_are_beyond() {
    let line = |number| format!("h{number}:d:r:h:\n");
    let site = site().with("hosts.tab", &(0..60_000).map(line).collect::<String>());
    let peers = config::peers(&site.path("lonc.toml")).unwrap();
    assert_eq!(peers.peers.len(), 2000);
    assert_eq!(
        peers
            .warnings
            .iter()
            .filter(|text| text.contains("58000"))
            .count(),
        1,
        "{:?}",
        peers.warnings
    );
    // Those that come first in the table are within, and who asks for one finds any.
    let has = |name: &str| peers.peers.iter().any(|peer| peer.id == id(name));
    assert!(has("h0") && has("h1999") && !has("h2000"));
    assert!(site.load("h59999").is_ok());
}

#[test]
fn who_starts_while_the_table_is_not_to_be_believed_goes_by_what_it_said_before() {
    let kept = "{\"watched\":[],\"socket_dir\":null,\"start\":\"demand\",\"peers\":{\"msul1\":\"zaphod.lite.msu.edu\",\
                \"x.msul1\":\"\"},\"places\":{\"msul1\":{\"host\":\"10.0.0.1\",\"alternative\":\"zaphod.lite.msu.edu\"},\
                \"x.msul1\":{\"host\":\"h\",\"alternative\":null}}}";
    let odd: [(&str, Make); 7] = [
        ("does not say", |path| {
            fs::write(path, "msul2:d:r:two.edu:\nx.msul1:d:r:h:\n").unwrap();
        }),
        ("does not say", |path| {
            fs::write(path, "msul2:d:r:two.edu:\nmsul1:d\n").unwrap();
        }),
        ("a FIFO", |path| mkfifo(path, Mode::S_IRWXU).unwrap()),
        ("cannot be read", |_| {}),
        ("no end", |path| {
            fs::write(path, "msul1:d:r:elsewhere.edu:10.0.0").unwrap();
        }),
        ("no host", |path| fs::write(path, "<html>\n").unwrap()),
        ("hardly", |path| {
            fs::write(path, "msul1:d:r:else.edu:\nx\ny\n").unwrap();
        }),
    ];
    for (why, make) in odd {
        let site = site().with("peers.json", kept);
        fs::remove_file(site.path("hosts.tab")).unwrap();
        make(&site.path("hosts.tab"));
        let loaded = site.load("msul1").unwrap();
        assert_eq!(loaded.settings.address.to_string(), "10.0.0.1:5664", "{why}");
        assert_eq!(
            loaded.settings.address.alternative.as_deref(),
            Some("zaphod.lite.msu.edu")
        );
        assert_eq!(loaded.settings.alias.name(), Some("zaphod.lite.msu.edu"));
        // Others' messages do not become ours.
        assert_eq!(loaded.settings.alike, [id("x.msul1")]);
        let told = loaded.warnings.concat();
        assert!(told.contains(why) && told.contains("gone by"), "{told}");
        // One that was not known is not known now, either.
        assert!(site.load("nobody").is_err(), "{why}");
    }
    // A sound one counts, whatever was before.
    let site = site().with("peers.json", &kept.replace("10.0.0.1", "10.0.0.9"));
    assert_eq!(site.settings("msul1").address.host, "10.0.0.1");
}

/// What loading says, in time.
fn in_time(site: &Site) -> String {
    let (tell, told) = mpsc::channel();
    let config = site.path("lonc.toml");
    thread::spawn(move || tell.send(config::load(&config, &id("msul1")).map(drop)));
    match told.recv_timeout(PATIENCE).unwrap() {
        Ok(()) => String::new(),
        Err(fault) => site.hide(&fault.to_string()),
    }
}

fn site() -> Site {
    Site::new("loncapa_conf = ['DIR/loncapa.conf']\nhosts_tab = 'DIR/hosts.tab'\n")
        .with(
            "loncapa.conf",
            "PerlSetVar lonHostID msul2\nPerlSetVar londPort 5664\n",
        )
        .with("hosts.tab", HOSTS)
}
