//! Warnings to where they can be read: the kernel's log while systemd runs its generators, else stderr.

use std::borrow::Cow;
use std::env;
use std::fs::{File, OpenOptions};
use std::io::{Write, stderr};

/// systemd sets this for its generators, and for them alone.
const BY_SYSTEMD: &str = "SYSTEMD_SCOPE";
/// The kernel lets a writer have ten records in five seconds; the last one says how many are missing.
const MOST: usize = 8;
/// The kernel refuses longer records.
const MAX_BYTES: usize = 900;

/// Logs `warnings`, one record each; of many only the first.
pub(super) fn warn(warnings: &[String]) {
    match kernel_log() {
        Some(mut log) => write(&mut log, warnings),
        None => write(&mut stderr(), warnings),
    }
}

fn kernel_log() -> Option<File> {
    env::var_os(BY_SYSTEMD)?;
    OpenOptions::new().write(true).open("/dev/kmsg").ok()
}

fn write(log: &mut dyn Write, warnings: &[String]) {
    let more = warnings.len().saturating_sub(MOST);
    let rest = (more > 0).then(|| format!("{more} more warnings; lonc --check tells them all"));
    for warning in warnings.iter().take(MOST).chain(&rest) {
        let record = format!("<4>lonc-generator: {}\n", shortened(warning));
        // One write a record, as the kernel wants it. Where nothing can be told, nobody listens.
        let _ = log.write_all(record.as_bytes());
    }
}

fn shortened(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    String::from_utf8_lossy(bytes.get(..MAX_BYTES).unwrap_or(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_have_a_priority_and_a_name() {
        assert_eq!(
            written(&["a".into(), "b".into()]),
            "<4>lonc-generator: a\n<4>lonc-generator: b\n"
        );
        assert_eq!(written(&[]), "");
    }

    #[test]
    fn many_are_counted_and_long_ones_cut() {
        let text = written(&vec!["é".repeat(1000); 1000]);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), MOST + 1);
        assert!(lines.iter().all(|line| line.len() < 1000));
        assert_eq!(
            lines[MOST],
            "<4>lonc-generator: 992 more warnings; lonc --check tells them all"
        );
    }

    fn written(warnings: &[String]) -> String {
        let mut log = Vec::new();
        write(&mut log, warnings);
        String::from_utf8(log).unwrap()
    }
}
