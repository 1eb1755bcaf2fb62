//! Whatever a lond says while a link opens: the steps go on in their order, or the try ends; what is told of it is short
//! and in one line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lonc_proto::cipher::Key;
use lonc_proto::handshake::{Handshake, HandshakeError, Identity, Outcome, Step, takes_host_inline};

fn is_sound(told: &str) {
    assert!(
        told.len() < 600 && !told.chars().any(char::is_control),
        "{told:?}"
    );
}

/// The steps in their order.
fn steps(pong: bool) -> Vec<Step> {
    let all = [
        Step::Init,
        Step::Challenge,
        Step::SetHost,
        Step::Version,
        Step::Pong,
        Step::BuildKey,
    ];
    all.into_iter()
        .filter(|step| pong || *step != Step::Pong)
        .collect()
}

/// What is said in a step, if `last` was answered before.
fn words(step: Step, last: &[u8]) -> Vec<u8> {
    match step {
        Step::Challenge => [last, b"\n"].concat(),
        Step::SetHost => b"sethost:msul1\n".to_vec(),
        Step::Version => b"version:2.11\n".to_vec(),
        Step::Pong => b"pong\n".to_vec(),
        Step::BuildKey => b"ekey\n".to_vec(),
        Step::Tls | Step::Init => panic!("{step} comes first"),
    }
}

/// Whether an answer is what it should be; the try goes on without, but for some.
fn is_fine(step: Step, line: &[u8]) -> bool {
    match step {
        Step::Challenge | Step::SetHost => line == b"ok",
        Step::Version => line.starts_with(b"version:"),
        Step::Pong => line.starts_with(b"msul1"),
        Step::Tls | Step::Init | Step::BuildKey => !line.is_empty(),
    }
}

fn check_fault(step: Step, line: &[u8], fault: &HandshakeError) {
    is_sound(&fault.to_string());
    assert!(!is_fine(step, line));
    let wanted = match fault {
        HandshakeError::EmptyChallenge => Step::Init,
        HandshakeError::Refused(_) => Step::Challenge,
        HandshakeError::EmptyBuildKey => Step::BuildKey,
    };
    assert_eq!(step, wanted);
}

fn play(answers: &mut dyn Iterator<Item = &[u8]>, pong: bool) {
    let identity = Identity {
        peer: "msul1".to_owned(),
        own: "msul2".to_owned(),
        version: "2.11".to_owned(),
    };
    let (mut handshake, first) = Handshake::start(pong);
    assert_eq!(first, b"init\n");
    let mut steps = steps(pong).into_iter().peekable();
    let mut said_version = None;
    for line in answers {
        let step = steps.next().expect("a step");
        assert_eq!(handshake.step(), step);
        if step == Step::Version {
            said_version = line.strip_prefix(b"version:");
        }
        let (outcome, note) = match handshake.answered(line, &identity) {
            Ok(answered) => answered,
            Err(fault) => return check_fault(step, line, &fault),
        };
        assert_eq!(note.is_none(), is_fine(step, line));
        if let Some(note) = note {
            assert_eq!(note.step, step);
            assert!(matches!(step, Step::SetHost | Step::Version | Step::Pong));
            is_sound(&note.answer);
        }
        match outcome {
            Outcome::Send(bytes) => assert_eq!(bytes, words(*steps.peek().expect("a step"), line)),
            Outcome::Open { key, version } => {
                assert_eq!(step, Step::BuildKey);
                assert_eq!(key.as_bytes(), Key::derive(b"msul1", b"msul2", line).as_bytes());
                assert_eq!(version.is_some(), said_version.is_some());
                version.as_deref().inspect(|version| is_sound(version));
                let _ = takes_host_inline(version.as_deref());
                return;
            }
        }
    }
}

fuzz_target!(|input: &[u8]| {
    if let Some((pong, lines)) = input.split_first() {
        play(&mut lines.split(|byte| *byte == b'\n'), pong % 2 == 1);
    }
});
