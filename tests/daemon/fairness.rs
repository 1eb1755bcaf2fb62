//! One client's many requests, and many clients.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::thread::scope;
use test_harness::{Lonc, Peer, Stop};

/// `client.max_clients`, unless the configuration says another number.
const MOST_CLIENTS: usize = 1024;

#[test]
fn ten_thousand_queued_requests_delay_a_single_one_by_the_pipeline_and_no_more() {
    let peer = Peer::start();
    let pipeline = 4;
    let lonc = Lonc::start_linked(&peer, &format!("[link]\npipeline = {pipeline}\n"));
    let mut heavy = lonc.client();
    heavy.send("hold:first\n".to_owned() + &"echo:heavy\n".repeat(10_000));
    peer.await_command("hold:first");
    let mut light = lonc.client();
    // What lonc answers itself tells that it has read the line behind it, too.
    light.send("\necho:light\n");
    assert_eq!(light.hear(), "unknown_cmd");
    peer.release();
    assert_eq!(light.hear(), "light");
    let commands = peer.commands();
    let place = |wanted: &str| commands.iter().position(|command| command == wanted);
    let (first, single) = (place("hold:first").unwrap(), place("echo:light").unwrap());
    assert!(
        single - first <= pipeline + 1,
        "{} requests went before it",
        single - first
    );
    for _ in 0..10_000 {
        heavy.hear();
    }
    assert_eq!(heavy.hear(), "heavy");
}

#[test]
fn as_many_clients_as_are_allowed_are_served_at_the_same_time() {
    // Ends of all these connections are in this process, too.
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, most, most).unwrap();
    assert!(
        most > 4 * MOST_CLIENTS as u64,
        "this machine allows only {most} open files"
    );
    let peer = Peer::start();
    let mut lonc = Lonc::start_linked(&peer, "");
    let mut clients: Vec<_> = (0..MOST_CLIENTS).map(|_| lonc.client()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.say(format!("echo:{number}"));
    }
    for (number, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.hear(), number.to_string());
    }
    let mut one_more = lonc.client();
    one_more.say("echo:late");
    lonc.await_log("1024 clients are connected, which is client.max_clients");
    clients.pop();
    assert_eq!(one_more.hear(), "late");
    lonc.assert_alive();
}

#[test]
fn while_a_large_request_is_encrypted_others_are_served() {
    let peer = Peer::start();
    peer.keep_journal(false);
    let lonc = Lonc::start_linked(&peer, "[link]\nconnections = 2\n");
    peer.await_links(|_, open| open == 2);
    // It goes on the wire in 256 pieces. Encrypted in one go it would let two in, or three. The machine may be busy once.
    let served: Vec<_> = (0..3).map(|_| serve_beside_a_large_one(&lonc)).collect();
    assert!(
        served.iter().any(|served| *served >= 10),
        "{served:?} were served"
    );
}

/// How many requests are served while a large one is encrypted.
fn serve_beside_a_large_one(lonc: &Lonc) -> usize {
    let mut heavy = lonc.client();
    let command = format!("len:{}", "x".repeat(8 << 20));
    heavy.say(format!("encrypt:{command}"));
    let mut light = lonc.client();
    let answered = Stop::default();
    let mut served = 0;
    scope(|scope| {
        scope.spawn(|| {
            let _at_last = answered.at_last();
            assert_eq!(heavy.hear(), command.len().to_string());
        });
        while !answered.is_set() {
            assert_eq!(light.ask("echo:light"), "light");
            served += 1;
        }
    });
    served
}
