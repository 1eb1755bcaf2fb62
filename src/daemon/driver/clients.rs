//! The driver's list of clients, and what their tasks are given on the way.

use std::sync::Arc;

use lonc_proto::session::{Answers, ClientId, ClientStatus};
use lonc_proto::time::Instant;
use tokio::net::UnixStream;
use tokio::sync::mpsc;

use crate::config::ClientSettings;
use crate::daemon::client::{self, Account, Budget, FromClient, Limits, Ports, RESERVE, ToClient};
use crate::daemon::credentials::Credentials;

/// Who a client is, and what it has to do with us.
pub(crate) struct ClientReport {
    pub(crate) credentials: Credentials,
    /// When it connected.
    pub(crate) since: Instant,
    /// Bytes it holds: requests not answered, answers not taken.
    pub(crate) held: usize,
    pub(crate) status: ClientStatus,
}

/// Those who are connected.
pub(super) struct Clients {
    places: Vec<Option<Client>>,
    to_driver: mpsc::UnboundedSender<FromClient>,
    budget: Arc<Budget>,
}

struct Client {
    id: ClientId,
    credentials: Credentials,
    since: Instant,
    account: Arc<Account>,
    channel: mpsc::UnboundedSender<ToClient>,
}

impl Clients {
    /// Nobody yet; they share the budget, and are heard at the receiver.
    pub(super) fn new(budget: Arc<Budget>) -> (Self, mpsc::UnboundedReceiver<FromClient>) {
        let (to_driver, from_clients) = mpsc::unbounded_channel();
        let clients = Self {
            places: Vec::new(),
            to_driver,
            budget,
        };
        (clients, from_clients)
    }

    /// Starts the task of a new one.
    pub(super) fn welcome(
        &mut self,
        id: ClientId,
        credentials: Credentials,
        stream: UnixStream,
        settings: &ClientSettings,
        since: Instant,
    ) {
        let account = Arc::new(Account::new(self.budget.clone()));
        let (channel, from_driver) = mpsc::unbounded_channel();
        if self.places.len() <= id.slot() {
            self.places.resize_with(id.slot() + 1, || None);
        }
        if let Some(place) = self.places.get_mut(id.slot()) {
            *place = Some(Client {
                id,
                credentials,
                since,
                account: account.clone(),
                channel,
            });
        }
        let ports = Ports {
            id,
            to_driver: self.to_driver.clone(),
            from_driver,
            account,
        };
        let limits = Limits {
            request: settings.max_request_bytes,
            held: settings.max_client_bytes,
        };
        tokio::spawn(client::serve(stream, limits, ports));
    }

    pub(super) fn leave(&mut self, id: ClientId) {
        if let Some(place) = self.places.get_mut(id.slot()) {
            *place = None;
        }
    }

    pub(super) fn answer(&self, id: ClientId, answers: Answers) {
        if let Some(client) = self.get(id) {
            let bytes = answers.bytes.len();
            // One that has just vanished is about to say so.
            if client.channel.send(ToClient::Answers(answers)).is_ok() {
                client.account.owes(bytes);
            }
        }
    }

    /// Who a client is, while it is connected.
    pub(super) fn credentials(&self, id: ClientId) -> Option<Credentials> {
        self.get(id).map(|client| client.credentials)
    }

    /// What is known of each of those in `statuses`.
    pub(super) fn report(&self, statuses: Vec<ClientStatus>) -> Vec<ClientReport> {
        let report = |status: ClientStatus| {
            let client = self.get(status.client)?;
            Some(ClientReport {
                credentials: client.credentials,
                since: client.since,
                held: client.account.held(),
                status,
            })
        };
        statuses.into_iter().filter_map(report).collect()
    }

    /// Lets them know that this instance ends.
    pub(super) fn drain(&self) {
        for client in self.present() {
            // One that has just vanished is about to say so.
            let _ = client.channel.send(ToClient::Drain);
        }
    }

    /// Ends the one with the most bytes of answers of those who do not take them; who that was, and how many.
    pub(super) fn cut_slowest(&self) -> Option<(Credentials, usize)> {
        let slow = self.present().filter(|client| client.account.is_slow());
        let most = slow.max_by_key(|client| client.account.num_answers())?;
        let bytes = most.account.num_answers();
        most.account.close();
        // One that has just vanished is about to say so.
        let _ = most.channel.send(ToClient::Cut);
        Some((most.credentials, bytes))
    }

    /// True if anybody has much to take.
    pub(super) fn owe_anything(&self) -> bool {
        self.present()
            .any(|client| client.account.num_answers() > RESERVE)
    }

    fn present(&self) -> impl Iterator<Item = &Client> {
        self.places.iter().flatten()
    }

    fn get(&self, id: ClientId) -> Option<&Client> {
        self.places
            .get(id.slot())
            .and_then(Option::as_ref)
            .filter(|client| client.id == id)
    }
}
