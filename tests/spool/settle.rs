//! Workers that read back what they wrote.

use std::process::Command;
use std::thread;

use test_harness::programs::installed;
use test_harness::spool::{check_received, word};
use test_harness::{Peer, Site, wait_until};

/// In place, as lonnet writes them; each is to be there still after two seconds, as written.
const WORKER: &str = r#"
    my ($dir, $count) = @ARGV;
    sub path { sprintf "%s/1000000000.%d.%d.echo.msul1", $dir, $_[0] + 1000, $$ }
    for my $number (0 .. $count - 1) {
        open(my $file, ">", path($number)) or die;
        print $file "echo:m$number\n";
        close($file);
    }
    sleep(2);
    my $lost = 0;
    for my $number (0 .. $count - 1) {
        open(my $file, "<", path($number)) or ++$lost, next;
        ++$lost if <$file> ne "echo:m$number\n";
    }
    print $lost;
"#;

#[test]
fn no_worker_misses_its_file_and_each_is_delivered_once() {
    let Some(perl) = installed("perl") else { return };
    let peer = Peer::start();
    // On a busy machine two seconds of a worker may be many more.
    let site = Site::office(&peer, "[spool]\nsettle = '20s'\n");
    // Those are there when the link comes up.
    let mut worker = Command::new(perl);
    worker.args(["-e", WORKER]).arg(site.path("delayed")).arg("100");
    let working = thread::spawn(move || worker.output().unwrap());
    let lonc = site.start();
    // Requests do not wait for them, critical ones neither.
    let mut client = lonc.client();
    assert_eq!(client.ask("echo:live"), "live");
    wait_until("a direct reply", || client.ask("critical:echo:live") == "live");
    let output = working.join().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "0",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    lonc.site.await_empty();
    assert_eq!(check_received(&peer, 100), 0);
    lonc.site.put(100, &word(100));
    lonc.site.await_empty();
}
