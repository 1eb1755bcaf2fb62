//! The opening of TLS with a peer, or one who says it is, between whom and us somebody changes, drops, doubles and cuts:
//! nothing is taken that the peer did not say; and what an operator is told of it is one short line.
#![no_main]

use std::cell::OnceCell;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::{env, fs, process};

use libfuzzer_sys::fuzz_target;
use lonc::fuzzing::TlsClient;
use lonc_fuzz::is_harmless;
use rcgen::{Certificate, CertificateParams, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::version::TLS13;
use rustls::{ClientConnection, ServerConfig, ServerConnection};

const HOST: &str = "lond.example.edu";
const SAID: &[u8] = b"challenge 1234567890\nok\nok\nversion:2.11\n";

struct Ends {
    client: TlsClient,
    /// The peer as it should be, and others that say they are.
    servers: [Arc<ServerConfig>; 4],
}

thread_local! {
    static ENDS: OnceCell<Ends> = const { OnceCell::new() };
}

/// A certificate that its holder has signed.
fn identity(name: &str) -> (Certificate, KeyPair) {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new([name.to_owned()]).expect("a name");
    (params.self_signed(&key).expect("a certificate"), key)
}

fn server((certificate, key): &(Certificate, KeyPair), protocols: &[&[u8]]) -> Arc<ServerConfig> {
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder
        .with_protocol_versions(&[&TLS13])
        .expect("a version")
        .with_no_client_auth();
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let mut server = builder
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("a certificate of its own");
    server.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Arc::new(server)
}

fn ends() -> Ends {
    let (own, other) = (identity(HOST), identity("another.example.edu"));
    let path: PathBuf = env::temp_dir().join(format!("lonc-ca-{}", process::id()));
    // Both are trusted; it is the name that tells them apart.
    fs::write(&path, own.0.pem() + &other.0.pem()).expect("a file");
    Ends {
        client: lonc::fuzzing::tls_client(&path, HOST),
        servers: [
            server(&own, &[b"lond/1"]),
            server(&own, &[]),
            server(&other, &[b"lond/1"]),
            server(&identity(HOST), &[b"lond/1"]),
        ],
    }
}

/// What somebody does to bytes that pass by: two of the script for each thing that is done.
fn changed(mut bytes: Vec<u8>, script: &mut &[u8]) -> Vec<u8> {
    let Some((&[what, place], rest)) = script.split_first_chunk() else {
        return bytes;
    };
    *script = rest;
    let at = (usize::from(place) << (what >> 4 & 3)) % bytes.len().max(1);
    let Some(byte) = bytes.get_mut(at) else {
        return bytes;
    };
    match what % 8 {
        0 | 1 => {}
        2 => *byte ^= 1 << (what >> 5),
        3 => *byte = what,
        4 => bytes.truncate(at),
        5 => drop(bytes.remove(at)),
        6 => bytes.insert(at, what),
        _ => bytes.extend_from_within(at..),
    }
    bytes
}

/// Moves what there is, both ways; what was read of the peer, and whether it was told of a fault.
fn meet(client: &mut ClientConnection, server: &mut ServerConnection, script: &mut &[u8]) -> Vec<u8> {
    let mut read = Vec::new();
    server.writer().write_all(SAID).expect("room");
    for _ in 0..12 {
        let mut up = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut up).expect("memory");
        }
        let mut up = &up[..];
        while !up.is_empty() && server.read_tls(&mut up).is_ok_and(|len| len > 0) {
            // If it finds a fault it says so, which the client then hears.
            let _ = server.process_new_packets();
        }
        let mut down = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut down).expect("memory");
        }
        if down.is_empty() && !client.wants_write() {
            break;
        }
        let down = changed(down, script);
        let mut down = &down[..];
        while !down.is_empty() {
            let _ = client.read_tls(&mut down);
            let state = client.process_new_packets();
            let _ = client.reader().read_to_end(&mut read);
            if let Err(error) = state {
                is_harmless(&lonc::fuzzing::tls_words(&error).to_string());
                return read;
            }
        }
    }
    read
}

fuzz_target!(|script: &[u8]| {
    ENDS.with(|kept| {
        let ends = kept.get_or_init(ends);
        let (who, mut rest) = script.split_first().unwrap_or((&0, &[]));
        let who = usize::from(*who) % ends.servers.len();
        let mut client = ends.client.connection();
        let mut server = ServerConnection::new(Arc::clone(&ends.servers[who])).expect("sound settings");
        let is_undisturbed = rest.is_empty();
        let read = meet(&mut client, &mut server, &mut rest);
        assert!(
            SAID.starts_with(&read),
            "the peer did not say {}",
            read.escape_ascii()
        );
        let is_taken = !client.is_handshaking() && ends.client.takes(&client);
        if who == 0 {
            assert!(read.is_empty() || is_taken);
            // Whom nobody disturbs is understood.
            assert!(!is_undisturbed || read == SAID);
        } else {
            assert!(!is_taken, "another than the peer, of kind {who}, is taken for it");
        }
    });
});
