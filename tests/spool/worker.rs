//! A worker of today, in Perl: how it asks, has a peer tried again, and delays what must not be lost.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use test_harness::programs::installed;
use test_harness::{Peer, Site};

/// It reads what it is to do, a line each, and prints what came of it: `reply <command>`, `critical <command>`,
/// `reset`. Requests go to the socket of the host's name, each with the id that it is for.
const WORKER: &str = r#"
    use IO::Socket::UNIX;
    use Socket;
    my ($sockets, $delayed, $name, $id) = @ARGV;
    my ($count, $lost) = (0, "con_lost");
    $| = 1;

    sub ask {
        my ($line) = @_;
        my ($path, $socket) = ("$sockets/$name");
        for (1 .. 100) { last unless -e "$path.lock"; select(undef, undef, undef, 0.1) }
        for (1 .. 10) {
            last if $socket = IO::Socket::UNIX->new(Peer => $path, Type => SOCK_STREAM);
            select(undef, undef, undef, 0.1);
        }
        return $lost unless $socket;
        print $socket "$line\n";
        $socket->flush;
        my $answer = <$socket>;
        return $lost if !defined $answer || $answer eq "";
        chomp($answer);
        return $answer;
    }

    sub reply { return ask("sethost:$id:$_[0]") }

    sub critical {
        my ($command) = @_;
        my $answer = reply($command);
        return $answer if $answer ne $lost;
        ask("reset_retries");
        $answer = reply($command);
        return $answer if $answer ne $lost;
        my $file = sprintf "%s/%d.%d.%d.worker.%s", $delayed, time, ++$count, $$, $id;
        open(my $out, ">", $file) or return "con_failed";
        print $out "$command\n";
        close($out);
        sleep(2);
        open(my $in, "<", $file) or return "con_failed";
        return scalar(<$in>) eq "$command\n" ? "con_delayed" : "con_failed";
    }

    while (my $order = <STDIN>) {
        chomp($order);
        my ($what, $command) = split(" ", $order, 2);
        my $answer = $what eq "reply" ? reply($command) : $what eq "critical" ? critical($command) : ask("reset_retries");
        print "$answer\n";
    }
"#;

const NAME: &str = "zaphod.lite.msu.edu";

struct Worker {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Worker {
    fn start(perl: &Path, site: &Site) -> Self {
        let mut command = Command::new(perl);
        command.args(["-e", WORKER]).arg(site.path("sockets"));
        command.arg(site.path("delayed")).args([NAME, "msul1"]);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        Self {
            orders: child.stdin.take().unwrap(),
            answers: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    fn does(&mut self, order: &str) -> String {
        self.orders.write_all(format!("{order}\n").as_bytes()).unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        answer.trim_end().to_owned()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_gets_replies_has_a_peer_tried_again_and_loses_no_message() {
    let Some(perl) = installed("perl") else { return };
    let peer = Peer::start();
    let toml = "hosts_tab = 'DIR/hosts.tab'\nhostname_sockets = true\n[link]\nbackoff_min = '50s'\n";
    let site = Site::office(&peer, toml);
    site.write("hosts.tab", &format!("msul1:msu:library:{NAME}:https\n"));
    let lonc = site.start();
    let mut worker = Worker::start(&perl, &lonc.site);
    assert_eq!(worker.does("reply echo:plain"), "plain");
    assert_eq!(worker.does("reply encrypt:echo:secret"), "secret");
    assert_eq!(worker.does("critical echo:direct"), "direct");
    assert_eq!(worker.does("reset"), "ok");

    peer.kill();
    lonc.client().await_down();
    assert_eq!(worker.does("reply echo:gone"), "con_lost");
    assert_eq!(worker.does("critical encrypt:echo:kept"), "con_delayed");
    assert_eq!(lonc.site.left().len(), 1);

    // Without it the next try would be most of a minute away.
    peer.revive();
    assert_eq!(worker.does("reset"), "ok");
    assert_eq!(worker.does("critical echo:again"), "again");
    peer.await_command("echo:kept");
    lonc.site.await_empty();
    assert_eq!(peer.count("echo:kept"), 1);
    assert!(lonc.site.logged('F').is_empty());
}
