//! The pages as a browser shows them, and as an accessibility checker finds them; see `tests/page/`.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Command;

use test_harness::programs::installed;
use test_harness::source;

use crate::stage::Stage;
use test_harness::exporter::serving;

#[test]
fn a_browser_and_a_checker_find_no_fault() {
    let tools = source("tests/page/node_modules/axe-core");
    if !Path::new("/usr/bin/chromium").exists() || !tools.exists() {
        eprintln!("SKIPPED: tests/page/run has what this needs");
        return;
    }
    let Some(node) = installed("node") else {
        return;
    };
    // What the pictures of the documents are made from, too.
    let pictures = source("target/page");
    std::fs::create_dir_all(&pictures).unwrap();
    for number in [1, 40, 500] {
        let stage = Stage::with(number);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let _exporter = serving(&stage.site, listener.into());
        let mut looking = Command::new(&node);
        looking
            .arg(source("tests/page/check.mjs"))
            .arg(base)
            .arg(&pictures);
        looking.args([format!("peers-{number}").as_str(), "/", "/peer/peer001"]);
        match number {
            40 => looking.args(["/peer/peer008", "/peer/peer014", "/peer/peer018", "/peer/nobody"]),
            500 => looking.arg("/?all"),
            _ => &mut looking,
        };
        let output = looking.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let faults = String::from_utf8_lossy(&output.stderr);
        eprintln!("{said}");
        assert!(output.status.success(), "{faults}");
    }
}
