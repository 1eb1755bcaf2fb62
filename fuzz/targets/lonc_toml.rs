//! Any `lonc.toml`: every fault is told in one line that names file and line; and what is sound says the same when it is
//! read as `lonc --check` prints it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lonc::internals::config::{self, HostId, Loaded};
use lonc_fuzz::{check_fault, file, is_harmless};

const TABLE: &[u8] = b"msul1:msu:library:zaphod.msu.edu:10.0.0.1\nmsul2:msu:access:b.msu.edu:10.0.0.2\n";

/// What is in force, and nothing of where it comes from.
fn in_force(text: &str) -> Vec<&str> {
    let toml = text
        .lines()
        .map(|line| line.split(" # ").next().unwrap_or_default().trim_end());
    toml.filter(|line| !line.starts_with('#')).collect()
}

fn check_loaded(loaded: &Loaded, peer: &HostId) {
    loaded.warnings.iter().for_each(|warning| is_harmless(warning));
    let text = loaded.report.to_string();
    let path = file("again.toml", text.as_bytes());
    match config::load(&path, peer) {
        Ok(again) => {
            assert_eq!(in_force(&again.report.to_string()), in_force(&text));
            let (mut ours, mut theirs) = (again.settings, loaded.settings.clone());
            // Which file says so is another.
            for settings in [&mut ours, &mut theirs] {
                let tls = &mut settings.link.tls;
                tls.authorities.iter_mut().for_each(|named| named.by.clear());
                tls.certificate
                    .iter_mut()
                    .chain(&mut tls.key)
                    .for_each(|named| named.by.clear());
                tls.crl.iter_mut().for_each(|named| named.by.clear());
            }
            assert_eq!(ours, theirs, "{text}");
        }
        Err(fault) => panic!("{fault}, in what we print:\n{text}"),
    }
}

/// What is sound is so no more with a key that nobody knows in front of it.
fn check_unknown(content: &[u8], peer: &HostId) {
    let text = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let path = file("unknown.toml", &[b"unheard_of = 1\n", text].concat());
    let fault = config::load(&path, peer).expect_err("an unknown key is a fault");
    assert!(fault.to_string().contains("unheard_of"), "{fault}");
}

fuzz_target!(|content: &[u8]| {
    file("hosts.tab", TABLE);
    let path = file("lonc.toml", content);
    let peer: HostId = "msul1".parse().expect("an id");
    match config::load(&path, &peer) {
        Ok(loaded) => {
            check_loaded(&loaded, &peer);
            check_unknown(content, &peer);
        }
        Err(fault) => check_fault(&fault, &path, content),
    }
    match config::check(&path, None) {
        Ok(text) => text.lines().filter(|line| !line.is_empty()).for_each(is_harmless),
        Err(fault) => check_fault(&fault, &path, content),
    }
    match config::peers(&path) {
        Ok(peers) => peers.warnings.iter().for_each(|warning| is_harmless(warning)),
        Err(fault) => check_fault(&fault, &path, content),
    }
});
