//! Any `hosts.tab`: each line that is odd is told of by its number, the line that counts is found by other code as well, and
//! a table that is written anew of what was understood says the same.
#![no_main]

use std::collections::BTreeMap;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use lonc::internals::config::{self, HostId, Peers};
use lonc_fuzz::{check_fault, file, is_harmless, num_lines};

const OWN: &str = "own";

fn configuration() -> std::path::PathBuf {
    let table = file("hosts.tab", b"");
    let text = format!("host_id = '{OWN}'\nhosts_tab = '{}'\n", table.display());
    file("lonc.toml", text.as_bytes())
}

/// Ids and the last line of each, by looking at lines alone.
fn last_lines(content: &[u8]) -> BTreeMap<HostId, String> {
    let text = String::from_utf8_lossy(content)
        .replace("\r\n", "\n")
        .replace('\r', "\n");
    let text = text.trim_start_matches('\u{feff}');
    let lines = text.lines().filter_map(|line| {
        let line = line.split('#').next()?.trim();
        let id = line.split(':').next()?.trim().parse().ok()?;
        (!line.starts_with('^')).then(|| (id, line.to_owned()))
    });
    lines.collect()
}

fn check_warnings(peers: &Peers, table: &Path, content: &[u8]) {
    for warning in &peers.warnings {
        is_harmless(warning);
        let behind = warning
            .strip_prefix(table.to_str().expect("a path of ours"))
            .expect("it names the file");
        let number = behind
            .trim_start_matches(':')
            .split(':')
            .next()
            .unwrap_or_default();
        if let Ok(number) = number.parse::<usize>() {
            assert!((1..=num_lines(content)).contains(&number), "{warning}");
        }
    }
}

/// A line that nobody could take for anything but a host's.
fn is_plain(line: &str) -> bool {
    let fields: Vec<_> = line.split(':').collect();
    let is_word =
        |field: &&str| (1..20).contains(&field.len()) && field.bytes().all(|byte| byte.is_ascii_lowercase());
    fields.len() == 4 && fields.iter().all(is_word)
}

/// Text that is refused as a whole, and warned of.
fn is_utf16(content: &[u8]) -> bool {
    content.starts_with(b"\xff\xfe") || content.starts_with(b"\xfe\xff")
}

fn check_peers(peers: &Peers, content: &[u8]) -> String {
    let lines = if is_utf16(content) {
        assert!(peers.peers.is_empty() && !peers.warnings.is_empty());
        BTreeMap::new()
    } else {
        last_lines(content)
    };
    for (id, line) in &lines {
        let is_there = peers.peers.iter().any(|peer| peer.id == *id);
        assert!(
            !is_plain(line) || id.as_bytes() == OWN.as_bytes() || is_there,
            "{line:?} is left out"
        );
    }
    let mut written = String::new();
    for peer in &peers.peers {
        assert_ne!(peer.id.as_bytes(), OWN.as_bytes());
        let line = lines
            .get(&peer.id)
            .unwrap_or_else(|| panic!("no line of {}", peer.id));
        let host = &peer.address.host;
        assert!(
            !host.is_empty() && line.contains(host.as_str()),
            "{host} is not in {line:?}"
        );
        let alternative = peer.address.alternative.as_deref();
        assert!(alternative.is_none_or(|name| line.contains(name)));
        let [name, ip] = match alternative {
            Some(name) => [name, host],
            None if host.contains(':') => ["", host],
            None => [host, ""],
        };
        written += &format!(
            "{}:x:x:{name}:{}\n",
            peer.id,
            if ip.contains(':') {
                format!("[{ip}]")
            } else {
                ip.into()
            }
        );
    }
    written
}

fuzz_target!(|content: &[u8]| {
    let path = configuration();
    let table = file("hosts.tab", content);
    let peers = match config::peers(&path) {
        Ok(peers) => peers,
        Err(fault) => return check_fault(&fault, &path, b"\n\n"),
    };
    check_warnings(&peers, &table, content);
    let written = check_peers(&peers, content);
    file("hosts.tab", written.as_bytes());
    let again = config::peers(&path).expect("what we write");
    let places = |peers: &Peers| -> Vec<_> {
        peers
            .peers
            .iter()
            .map(|peer| (peer.id.clone(), peer.address.clone()))
            .collect()
    };
    assert_eq!(places(&again), places(&peers), "{written}");
    for peer in peers.peers.iter().take(3) {
        let _ = config::load(&path, &peer.id).expect("a peer of the table");
    }
});
