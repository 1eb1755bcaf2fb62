//! Metrics: what is told of instances, over HTTP, to a browser and to a real Prometheus; the examples for Prometheus and Grafana.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests are tests too"
)]

mod exporter;
mod samples;
mod stage;

mod browser;
mod crowd;
mod examples;
mod http;
mod pages;
mod prometheus;
mod values;
