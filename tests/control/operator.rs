//! An operator at the control socket, who knows only Varlink.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde_json::{Value, json};
use test_harness::{Lonc, PATIENCE, wait_for};

pub(crate) struct Operator(BufReader<UnixStream>);

impl Operator {
    pub(crate) fn connect(path: &Path) -> Self {
        let stream = UnixStream::connect(path).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(stream))
    }

    /// One for this instance, whose control socket there is before that for clients.
    pub(crate) fn of(lonc: &Lonc) -> Self {
        Self::connect(&lonc.site.control_socket())
    }

    pub(crate) fn stream(&self) -> &UnixStream {
        self.0.get_ref()
    }

    pub(crate) fn say(&self, message: &Value) {
        let bytes = [message.to_string().as_bytes(), b"\0"].concat();
        self.stream().write_all(&bytes).unwrap();
    }

    /// The next message; none at the end of file.
    pub(crate) fn hear(&mut self) -> Option<Value> {
        let mut message = Vec::new();
        match self.0.read_until(0, &mut message) {
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
            read => read.expect("a reply in time"),
        };
        message.pop().map(|end| {
            assert_eq!(end, 0, "cut off in a message");
            serde_json::from_slice(&message).unwrap()
        })
    }

    /// Calls a method of any interface; the whole reply.
    pub(crate) fn call_raw(&mut self, method: &str, parameters: &Value) -> Value {
        self.say(&json!({ "method": method, "parameters": parameters }));
        self.hear().expect("a reply")
    }

    /// Calls a method of ours that succeeds; what it gives.
    pub(crate) fn call(&mut self, method: &str, parameters: &Value) -> Value {
        let mut reply = self.call_raw(&format!("org.loncapa.lonc.{method}"), parameters);
        assert!(reply.get("error").is_none(), "{reply}");
        reply["parameters"].take()
    }

    /// Calls a method of ours that fails; the error's name and what it tells.
    pub(crate) fn fail(&mut self, method: &str, parameters: &Value) -> (String, Value) {
        let mut reply = self.call_raw(&format!("org.loncapa.lonc.{method}"), parameters);
        let name = reply["error"]
            .as_str()
            .unwrap_or_else(|| panic!("{reply}"))
            .to_owned();
        (name, reply["parameters"].take())
    }

    pub(crate) fn status(&mut self) -> Value {
        self.call("GetStatus", &json!({}))["status"].take()
    }

    /// The status, once it satisfies `what`.
    pub(crate) fn await_status(&mut self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        wait_for(what, || Some(self.status()).filter(&holds))
    }

    /// Waits for the end of file.
    pub(crate) fn await_end(mut self) {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("no end: {error}"),
            Ok(_) | Err(_) => {}
        }
    }
}
