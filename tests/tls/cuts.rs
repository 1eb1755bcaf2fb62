//! A connection that ends without the word that ends TLS is cut, wherever that happens.

use test_harness::tls::Demands;
use test_harness::wait_until;

use crate::secured::{Secured, toml};

#[test]
fn at_every_byte_of_an_opening_and_of_a_reply() {
    // The five answers of the handshake, that to its own question, and a reply.
    for cut_after in 0.. {
        let demands = Demands {
            cut_after: Some(cut_after),
            ..Demands::default()
        };
        let secured = Secured::with(|_| demands);
        let site = secured.site("", &[]);
        let toml = toml("").replace("[link]", "[link]\nconnect_wait = '100ms'");
        site.configure(secured.terminator.addr(), &toml);
        let lonc = site.start();
        let mut client = lonc.client();
        let word = "a-reply-of-some-length-that-can-be-cut";
        let heard = client.ask(&format!("echo:{word}"));
        assert!(heard == "con_lost" || heard == word, "{cut_after}: {heard}");
        client.assert_nothing();
        if heard == word {
            assert!(cut_after > word.len());
            break;
        }
        wait_until("the cut", || {
            let log = lonc.log();
            log.contains("cut off") || log.contains("reset by peer")
        });
        // What was on the link is lost, and is not sent again.
        assert!(secured.peer.count(&format!("echo:{word}")) <= 1, "{cut_after}");
    }
}
