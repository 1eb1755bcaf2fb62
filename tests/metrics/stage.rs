//! A host with many peers: one real instance, and for all others sockets at which somebody answers as a real instance
//! did, but for what the test has changed.

use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::time::Duration;

use lonc::internals::control::ask;
use serde_json::{Value, json};
use stand_in_lond::Behaviour;
use test_harness::{Lonc, PATIENCE, Peer, Site, wait_until};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixListener as Listener;
use tokio::runtime::{Builder, Runtime};

/// What an instance answers: the reply to each method.
#[derive(Clone)]
pub(crate) struct Answers {
    pub(crate) status: Value,
    pub(crate) metrics: Value,
    pub(crate) delayed: Value,
}

impl Answers {
    /// Those of a real instance.
    pub(crate) fn of(lonc: &Lonc) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let get = |method| {
            let asking =
                async { ask::<_, Value>(&lonc.site.control_socket(), method, &json!({}), PATIENCE).await };
            runtime.block_on(asking).unwrap()
        };
        Self {
            status: get("GetStatus"),
            metrics: get("GetMetrics"),
            delayed: get("ListDelayed"),
        }
    }

    /// The reply to each method, as it is said.
    fn replies(&self) -> [(&'static str, String); 3] {
        [
            ("GetStatus", &self.status),
            ("GetMetrics", &self.metrics),
            ("ListDelayed", &self.delayed),
        ]
        .map(|(method, parameters)| (method, json!({ "parameters": parameters }).to_string() + "\0"))
    }

    /// The status, to be changed.
    pub(crate) fn status(&mut self) -> &mut Value {
        &mut self.status["status"]
    }

    /// The same for another peer.
    pub(crate) fn as_of(&self, peer: &str) -> Self {
        let mut answers = self.clone();
        answers.status()["peer"] = peer.into();
        answers.metrics["metrics"]["peer"] = peer.into();
        answers
    }
}

/// Answers of an instance whose link is up, after some requests, and of one that is down, with a message that waits.
pub(crate) fn up_and_down() -> (Answers, Answers) {
    let peer = Peer::start();
    let lonc = Site::office(&peer, "").start();
    let mut client = lonc.client();
    for number in 0..300 {
        assert_eq!(client.ask(&format!("echo:{number}")), number.to_string());
    }
    assert_eq!(client.ask("sleep:30:late"), "late");
    let up = Answers::of(&lonc);
    let refusing = Peer::that(Behaviour::Refuse);
    let site = Site::office(
        &refusing,
        "[link]\nconnect_wait = '0s'\nbackoff_min = '1h'\nbackoff_max = '1h'\n",
    );
    let lonc = site.start();
    assert_eq!(lonc.client().ask("critical:put:1"), "con_delayed");
    wait_until("the message in the list", || {
        let down = Answers::of(&lonc);
        down.delayed["total"] == 1 && down.status["status"]["state"] == "down"
    });
    (up, Answers::of(&lonc))
}

/// Peers at whose control sockets somebody answers.
pub(crate) struct Stage {
    pub(crate) site: Site,
    actors: Runtime,
    deaf: Vec<UnixListener>,
}

impl Stage {
    /// A host that knows these peers; nobody is at their sockets.
    pub(crate) fn of(peers: &[String]) -> Self {
        let section = |peer: &String| format!("[peer.\"{peer}\"]\naddress = '192.0.2.7'\n");
        let sections: String = peers.iter().map(section).collect();
        let site = Site::new(([127, 0, 0, 1], 1).into(), "");
        site.write_config(&format!(
            "host_id = 'msul2'\nsocket_dir = 'DIR/sockets'\ncontrol_dir = 'DIR/control'\nspool_dir = 'DIR/delayed'\n\
             permanent_log = 'DIR/perm.log'\n\
             hosts_tab = 'DIR/hosts.tab'\n{sections}"
        ));
        site.write("hosts.tab", "");
        std::fs::create_dir_all(site.path("control")).unwrap();
        let actors = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        Self {
            site,
            actors: actors.unwrap(),
            deaf: Vec::new(),
        }
    }

    /// From now on this peer answers so.
    pub(crate) fn answers(&self, peer: &str, answers: &Answers) {
        let path = self.site.path("control").join(peer);
        let _context = self.actors.enter();
        let listener = Listener::bind(path).unwrap();
        let replies = Arc::new(answers.replies());
        self.actors.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let replies = Arc::clone(&replies);
                tokio::spawn(async move {
                    let mut stream = BufReader::new(stream);
                    let mut call = Vec::new();
                    if stream.read_until(0, &mut call).await.is_err() || call.pop() != Some(0) {
                        return;
                    }
                    let call: Value = serde_json::from_slice(&call).unwrap();
                    let method = call["method"].as_str().unwrap().rsplit('.').next().unwrap();
                    // As an instance that does not know it: the connection ends.
                    let Some((_, reply)) = replies.iter().find(|(name, _)| *name == method) else {
                        return;
                    };
                    // Who asked may have gone.
                    let _ = stream.write_all(reply.as_bytes()).await;
                });
            }
        });
    }

    /// From now on this peer takes connections and says nothing.
    pub(crate) fn hangs(&mut self, peer: &str) {
        let path = self.site.path("control").join(peer);
        self.deaf.push(UnixListener::bind(path).unwrap());
    }

    /// Somebody listens where this peer's workers ask, as systemd does for one whose daemon is not started.
    fn is_listened_for(&mut self, peer: &str) {
        let sockets = self.site.path("sockets");
        std::fs::create_dir_all(&sockets).unwrap();
        self.deaf.push(UnixListener::bind(sockets.join(peer)).unwrap());
    }

    /// `number` peers, most of them up; from 20 on of every kind some.
    pub(crate) fn with(number: usize) -> Self {
        let (up, down) = up_and_down();
        let ids: Vec<_> = (1..=number).map(|index| format!("peer{index:03}")).collect();
        let mut stage = Self::of(&ids);
        for (index, id) in ids.iter().enumerate() {
            match index % 40 {
                7 => stage.answers(id, &down.as_of(id)),
                11 => stage.answers(
                    id,
                    &changed(&up.as_of(id), |status| status["state"] = "connecting".into()),
                ),
                13 if index < 40 => stage.hangs(id),
                17 => stage.answers(id, &changed(&up.as_of(id), displace)),
                // Nobody has asked it yet.
                19 => stage.is_listened_for(id),
                _ => stage.answers(id, &changed(&up.as_of(id), |status| keep_busy(status, index))),
            }
        }
        stage
    }
}

pub(crate) fn changed(answers: &Answers, change: impl FnOnce(&mut Value)) -> Answers {
    let mut answers = answers.clone();
    change(answers.status());
    answers
}

/// So that not all look alike.
fn keep_busy(status: &mut Value, index: usize) {
    let load = index * 37 % 91;
    status["clients"] = (load % 13).into();
    status["inFlight"] = (load % 4).into();
    status["requestRate"] = json!(f64::from(u32::try_from(load).unwrap()) * 1.3);
    status["rttUsec"] = (180 + load * 270).into();
}

fn displace(status: &mut Value) {
    let since = status["takenUsec"].clone();
    let text = "another program (process 4711) listens at /run/lonc/peer018";
    status["displaced"] = json!({ "text": text, "pid": 4711, "sinceUsec": since });
}

/// A page may take so much time where an instance hangs.
pub(crate) const BOUND: Duration = Duration::from_secs(10);
