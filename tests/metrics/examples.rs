//! The examples for Prometheus and Grafana.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use test_harness::programs::installed;
use test_harness::{Lonc, Peer, source};

use crate::exporter::open_metrics;
use crate::samples::Samples;

#[test]
fn promtool_takes_the_rules_and_the_configuration() {
    promtool(&["check", "rules"], "lonc.rules.yml");
    promtool(&["check", "config"], "prometheus.yml");
}

#[test]
fn alerts_come_when_they_should_and_only_then() {
    promtool(&["test", "rules"], "lonc.rules.test.yml");
}

#[test]
fn they_name_no_metric_that_is_not_there() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, "");
    let samples = Samples::read(&open_metrics(&lonc));
    let rules = std::fs::read_to_string(here("lonc.rules.yml")).unwrap();
    let dashboard = std::fs::read(here("dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_slice(&dashboard).unwrap();
    let mut queries = Vec::new();
    collect(&dashboard, &["expr", "query", "definition"], &mut queries);
    assert!(queries.len() > 20, "{queries:?}");
    for text in queries.into_iter().chain([rules.as_str()]) {
        for metric in metrics_in(text) {
            assert!(samples.names().contains(metric), "there is no {metric}");
        }
    }
}

#[test]
fn the_man_page_has_every_metric_and_no_other() {
    let page = std::fs::read_to_string(source("docs/man/lonc-metrics.8.scd")).unwrap();
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, "");
    let samples = Samples::read(&open_metrics(&lonc));
    let suffixes = ["_bucket", "_sum", "_count"];
    let bare = |name: &String| {
        suffixes
            .iter()
            .find_map(|end| name.strip_suffix(end))
            .unwrap_or(name)
            .to_owned()
    };
    let there: BTreeSet<_> = samples.names().iter().map(bare).collect();
    let documented = metrics_in(&page).into_iter().map(str::to_owned).collect();
    assert_eq!(there, documented);
}

fn here(name: &str) -> PathBuf {
    source("packaging/monitoring").join(name)
}

fn promtool(arguments: &[&str], file: &str) {
    let Some(promtool) = installed("promtool") else {
        return;
    };
    let mut command = Command::new(promtool);
    let output = command
        .args(arguments)
        .arg(file)
        .current_dir(here(""))
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}

/// All words of these expressions that look like metrics of ours.
fn metrics_in(text: &str) -> BTreeSet<&str> {
    let words = text.split(|char: char| !char.is_ascii_alphanumeric() && char != '_');
    words.filter(|word| word.starts_with("lonc_")).collect()
}

/// Every text below `value` whose key is one of these.
fn collect<'a>(value: &'a Value, keys: &[&str], found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value.as_str().filter(|_| keys.contains(&key.as_str())) {
                    Some(text) => found.push(text),
                    None => collect(value, keys, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, keys, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
