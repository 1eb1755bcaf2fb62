//! Replies to requests, and what the behaviours make of them.

use fastrand::Rng;

use crate::link::{CLOSE, GO_ON, Link, Next};
use crate::{BadHex, Behaviour, EncryptedReplies};

pub(crate) struct Reply {
    pub(crate) text: Vec<u8>,
    pub(crate) encrypted: bool,
}

impl Link {
    pub(crate) fn answer(&mut self, reply: Reply, behaviour: Behaviour) -> Next {
        let mut text = self.dress(reply, behaviour);
        if behaviour == Behaviour::HalfReply {
            text.truncate(text.len() / 2);
            self.out.append(&mut text);
            return CLOSE;
        }
        self.say(&text);
        if behaviour == Behaviour::ExtraReply {
            self.say(b"extra");
        }
        self.acting.answered += 1;
        let last = matches!(behaviour, Behaviour::CloseAfterRequests(most) if self.acting.answered >= most);
        if last { CLOSE } else { GO_ON }
    }

    /// The reply as it goes on the wire.
    fn dress(&self, Reply { text, encrypted }: Reply, behaviour: Behaviour) -> Vec<u8> {
        let form = self.settings.borrow().replies;
        let Some(key) = self
            .key
            .as_ref()
            .filter(|_| encrypted && form != EncryptedReplies::Plain)
        else {
            return text;
        };
        let mut plain = text;
        if behaviour == Behaviour::BadHex(BadHex::NewlineInside) {
            plain.extend(b"\nsecond");
        }
        let mut line = key.encrypt(&plain);
        if form == EncryptedReplies::UpperHex {
            line.iter_mut()
                .skip(b"enc:".len())
                .for_each(u8::make_ascii_uppercase);
        }
        if let Behaviour::BadHex(how) = behaviour {
            spoil(line, plain.len(), how)
        } else {
            line
        }
    }

    pub(crate) fn say_garbage(&mut self, seed: u64) {
        let own_seed = seed.wrapping_add(self.place.number as u64);
        let rng = self
            .acting
            .garbage
            .get_or_insert_with(|| Rng::with_seed(own_seed));
        let mut garbage: Vec<u8> = (0..rng.usize(1..400)).map(|_| rng.u8(..)).collect();
        garbage
            .iter_mut()
            .step_by(rng.usize(16..64))
            .skip(1)
            .for_each(|byte| *byte = b'\n');
        self.say(&garbage);
    }
}

fn spoil(mut line: Vec<u8>, length: usize, how: BadHex) -> Vec<u8> {
    match how {
        BadHex::OddLength => drop(line.pop()),
        BadHex::PartBlock => line.truncate(line.len() - 2),
        BadHex::NonHex => {
            line.pop();
            line.push(b'g');
        }
        BadHex::LengthTooLarge => {
            let digits = line.split_off(format!("enc:{length}:").len());
            line = format!("enc:{}:", digits.len() / 2 + 1).into_bytes();
            line.extend(digits);
        }
        BadHex::NewlineInside => {}
    }
    line
}
