//! A connection that ends without the word that ends TLS is cut, wherever that happens.

use test_harness::tls::Demands;
use test_harness::wait_for;

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
        // On a busy machine one may come before the link, and be answered that there is none.
        let mut num_asked = 0;
        let (word, heard) = wait_for("the cut, or a reply", || {
            let word = format!("a-reply-of-some-length-that-can-be-cut-{num_asked}");
            num_asked += 1;
            let heard = client.ask(&format!("echo:{word}"));
            assert!(heard == "con_lost" || heard == word, "{cut_after}: {heard}");
            let log = lonc.log();
            let is_cut = log.contains("cut off") || log.contains("reset by peer");
            (is_cut || heard == word).then_some((word, heard))
        });
        client.assert_nothing();
        if heard == word {
            assert!(cut_after > word.len());
            break;
        }
        // What was on the link is lost, and is not sent again.
        assert!(secured.peer.count(&format!("echo:{word}")) <= 1, "{cut_after}");
    }
}
