//! The permanent log: its format, and its rotation while lonc runs.

use std::fs;

use test_harness::spool::{logged_in, word};
use test_harness::{Lonc, Peer, QUICK, Site, wait_until};

#[test]
fn lines_are_as_loncron_reads_them() {
    let peer = Peer::dead();
    let lonc = Site::office(&peer, QUICK).start();
    let mut client = lonc.client();
    client.await_down();
    assert_eq!(client.ask("critical:echo:a:b c"), "con_delayed");
    assert_eq!(client.ask("critical:encrypt:echo:secret"), "con_delayed");
    fs::rename(lonc.site.path("delayed"), lonc.site.path("aside")).unwrap();
    assert_eq!(client.ask("critical:echo:d"), "con_failed");
    assert_eq!(client.ask("critical:encrypt:echo:hidden"), "con_failed");
    fs::rename(lonc.site.path("aside"), lonc.site.path("delayed")).unwrap();
    peer.revive();
    lonc.site.await_empty();
    wait_until("the log", || lonc.site.logged('S').len() == 2);
    let log = fs::read_to_string(lonc.site.path("perm.log")).unwrap();
    assert!(
        log.ends_with('\n') && !log.contains("secret") && !log.contains("hidden"),
        "{log}"
    );
    let lines: Vec<_> = log.lines().map(parse).collect();
    let line = |letter, command: &str| (letter, command.to_owned());
    assert_eq!(
        lines,
        [
            line('D', "echo:a:b c"),
            line('D', "encrypt:11"),
            line('F', "echo:d"),
            line('F', "encrypt:11"),
            line('S', "echo:a:b c"),
            line('S', "encrypt:11"),
        ]
    );
}

#[test]
fn it_may_be_moved_away_while_lonc_runs() {
    let all = rotate_while_sending(|lonc, number| {
        let old = lonc.site.path(format!("old{number}"));
        fs::rename(lonc.site.path("perm.log"), old).unwrap();
    });
    assert_eq!(all, (0..60).map(word).collect::<Vec<_>>());
}

#[test]
fn it_may_be_copied_and_truncated_while_lonc_runs() {
    let all = rotate_while_sending(|lonc, number| {
        // What is written between the two is lost by this way of rotating, so nothing is to be.
        lonc.site.await_empty();
        wait_until("the last line", || lonc.site.logged('S').contains(&word(number)));
        let log = lonc.site.path("perm.log");
        fs::copy(&log, lonc.site.path(format!("old{number}"))).unwrap();
        fs::File::options()
            .write(true)
            .open(&log)
            .unwrap()
            .set_len(0)
            .unwrap();
    });
    assert_eq!(all, (0..60).map(word).collect::<Vec<_>>());
}

/// `Mon Jan  1 00:00:00 2024`.
fn is_ctime(text: &str) -> bool {
    let parts: Vec<_> = text.split_ascii_whitespace().collect();
    let [weekday, month, day, time, year] = parts[..] else {
        return false;
    };
    let is_number =
        |text: &str, len: usize| text.len() == len && text.bytes().all(|byte| byte.is_ascii_digit());
    text.len() == 24
        && "MonTueWedThuFriSatSun".contains(weekday)
        && "JanFebMarAprMayJunJulAugSepOctNovDec".contains(month)
        && (1..=31).contains(&day.parse().unwrap_or(0))
        && time.split(':').map(|part| is_number(part, 2)).eq([true; 3])
        && is_number(year, 4)
}

/// One line: its letter and its command.
fn parse(line: &str) -> (char, String) {
    let (epoch, rest) = line.split_once(':').unwrap();
    assert!(
        epoch.len() == 10 && epoch.bytes().all(|byte| byte.is_ascii_digit()),
        "{line}"
    );
    let letter = rest.chars().next().unwrap();
    let rest = rest[1..].strip_prefix(":msul1:").unwrap();
    let (command, time) = rest.split_at(rest.len() - 25);
    assert!(is_ctime(&time[1..]) && time.starts_with(':'), "{line}");
    (letter, command.to_owned())
}

/// Sends messages while `rotate` works on the log; where all the lines are in the end.
fn rotate_while_sending(rotate: impl Fn(&Lonc, usize)) -> Vec<String> {
    let peer = Peer::start();
    let lonc = Site::office(&peer, "").start();
    for number in 0..60 {
        lonc.site.put(number, &word(number));
        if number % 20 == 10 {
            wait_until("some of the log", || lonc.site.path("perm.log").exists());
            rotate(&lonc, number);
        }
    }
    lonc.site.await_empty();
    let mut logs = vec!["old10", "old30", "old50", "perm.log"];
    let read = |logs: &[&str]| -> Vec<String> {
        logs.iter()
            .flat_map(|log| logged_in(&lonc.site.path(log), 'S'))
            .collect()
    };
    wait_until("the last line", || {
        read(&["perm.log", "old50"]).contains(&word(59))
    });
    let all = read(&logs);
    logs.retain(|log| lonc.site.path(log).exists());
    for log in logs {
        let text = fs::read_to_string(lonc.site.path(log)).unwrap();
        text.lines().for_each(|line| drop(parse(line)));
    }
    all
}
