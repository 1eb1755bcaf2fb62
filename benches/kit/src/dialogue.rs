//! What a client of the load says, and what it must hear.

use std::io::Write as _;
use std::time::Duration;

/// How the requests look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Lines that an echoing lond gives back.
    Plain,
    /// The same, with lonc asked to encrypt them on the way.
    Encrypted,
    /// The same, and a lond that takes time is to take so many milliseconds.
    Taking(Duration),
    /// Always the same: a line to send, and the one that must come.
    Fixed(&'static str, &'static str),
    /// Redis' `GET` of a key of the client's own, stored before by [`store_values`].
    Redis,
}

/// The requests of one client, one after the other; each can be told from all others.
pub(crate) struct Dialogue {
    request: Vec<u8>,
    reply: Vec<u8>,
    /// Where the number of the request stands in each, if it has one.
    places: Option<(usize, usize)>,
    /// Numbers begin anew after so many.
    numbers: u64,
}

/// Digits of a request's number.
const DIGITS: usize = 9;
/// Keys that each client has in redis.
const REDIS_KEYS: u64 = 64;
/// Bytes of a value in redis, about those of the lines' usual size.
const REDIS_VALUE: usize = 34;

impl Dialogue {
    /// Requests of `size` bytes, newline included, of client `client`.
    pub(crate) fn new(style: Style, size: usize, client: usize) -> Self {
        match style {
            Style::Plain => lines("", "", size, client),
            Style::Encrypted => lines("encrypt:", "", size, client),
            Style::Taking(time) => lines("", &format!("{TAKING}{} ", time.as_millis()), size, client),
            Style::Redis => redis(client),
            Style::Fixed(request, reply) => Self {
                request: format!("{request}\n").into_bytes(),
                reply: format!("{reply}\n").into_bytes(),
                places: None,
                numbers: 1,
            },
        }
    }

    /// The bytes that ask for the `number`th reply.
    pub(crate) fn request(&mut self, number: u64) -> &[u8] {
        if let Some((place, _)) = self.places {
            put_number(&mut self.request, place, number % self.numbers);
        }
        &self.request
    }

    /// The bytes that must come then.
    pub(crate) fn reply(&mut self, number: u64) -> &[u8] {
        if let Some((_, place)) = self.places {
            put_number(&mut self.reply, place, number % self.numbers);
        }
        &self.reply
    }

    /// How many bytes a reply has.
    pub(crate) fn reply_len(&self) -> usize {
        self.reply.len()
    }
}

/// What a line begins with that says how long it takes, in milliseconds.
const TAKING: &str = "taking ";

/// How long this request says it takes.
pub(crate) fn time_asked_for(line: &[u8]) -> Option<Duration> {
    let words = str::from_utf8(line.strip_prefix(TAKING.as_bytes())?).ok()?;
    let millis = words.split(' ').next()?.parse().ok()?;
    Some(Duration::from_millis(millis))
}

/// `prefix` is for lonc alone, what the lond gives back begins with `words`.
fn lines(prefix: &str, words: &str, size: usize, client: usize) -> Dialogue {
    let start = format!("{words}{client:04} ");
    let mut reply = format!("{start}{:DIGITS$} ", 0).into_bytes();
    reply.resize(size.max(reply.len() + 1) - 1, b'x');
    reply.push(b'\n');
    Dialogue {
        request: [prefix.as_bytes(), &reply].concat(),
        places: Some((prefix.len() + start.len(), start.len())),
        reply,
        numbers: 10u64.pow(9),
    }
}

fn redis(client: usize) -> Dialogue {
    let key = format!("{client:04}.{:09}", 0);
    let start = format!("*2\r\n$3\r\nGET\r\n${}\r\n", key.len());
    let value_start = format!("${REDIS_VALUE}\r\n");
    Dialogue {
        request: format!("{start}{key}\r\n").into_bytes(),
        reply: format!("{value_start}{key:x<REDIS_VALUE$}\r\n").into_bytes(),
        places: Some((start.len() + 5, value_start.len() + 5)),
        numbers: REDIS_KEYS,
    }
}

/// Writes what stores all values that `clients` clients will ask redis for; the answers are not read.
pub fn store_values(clients: usize, to: &mut impl std::io::Write) -> std::io::Result<()> {
    let mut commands = Vec::new();
    for client in 0..clients {
        for number in 0..REDIS_KEYS {
            let key = format!("{client:04}.{number:09}");
            let len = key.len();
            let words =
                format!("*3\r\n$3\r\nSET\r\n${len}\r\n{key}\r\n${REDIS_VALUE}\r\n{key:x<REDIS_VALUE$}\r\n");
            commands.write_all(words.as_bytes())?;
        }
    }
    to.write_all(&commands)
}

/// Writes `number` in decimal, with leading zeros, over the digits at `place`.
fn put_number(bytes: &mut [u8], place: usize, mut number: u64) {
    for digit in bytes[place..place + DIGITS].iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_its_client_and_number() {
        let mut dialogue = Dialogue::new(Style::Encrypted, 20, 7);
        assert_eq!(dialogue.request(42), b"encrypt:0007 000000042 xxxx\n");
        assert_eq!(dialogue.reply(41), b"0007 000000041 xxxx\n");
        let time = Duration::from_secs(4);
        let mut taking = Dialogue::new(Style::Taking(time), 30, 7);
        assert_eq!(taking.request(42), b"taking 4000 0007 000000042 xx\n");
        assert_eq!(taking.reply(41), b"taking 4000 0007 000000041 xx\n");
        assert_eq!(time_asked_for(taking.request(1)), Some(time));
        assert_eq!(time_asked_for(dialogue.request(1)), None);
        let mut redis = Dialogue::new(Style::Redis, 0, 7);
        assert_eq!(redis.request(65), b"*2\r\n$3\r\nGET\r\n$14\r\n0007.000000001\r\n");
        assert_eq!(redis.reply(1), b"$34\r\n0007.000000001xxxxxxxxxxxxxxxxxxxx\r\n");
    }
}
