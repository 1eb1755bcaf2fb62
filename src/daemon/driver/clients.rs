//! The driver's list of clients, and what their tasks are given on the way.

use std::sync::Arc;
use std::time::Duration;

use lonc_proto::session::{Answers, ClientId, ClientStatus};
use lonc_proto::time::Instant;
use tokio::net::UnixStream;
use tokio::sync::mpsc;

use crate::config::ClientSettings;
use crate::daemon::client::{self, Account, Budget, FromClient, Limits, Ports, RESERVE, ToClient};
use crate::daemon::credentials::Credentials;

/// How long one that does not finish a request may take for it when others have no place.
const UNFINISHED: Duration = Duration::from_secs(5);

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
    /// When it was last heard of: it came, asked, or was answered.
    last: Instant,
    /// It was asked to leave.
    is_leaving: bool,
    account: Arc<Account>,
    channel: mpsc::UnboundedSender<ToClient>,
}

impl Client {
    /// True if it is owed nothing and has not been for `idle`, or longer where it began a request that it does not
    /// finish.
    fn is_idle(&self, idle: Duration, now: Instant) -> bool {
        let idle = if self.account.held() > 0 { UNFINISHED } else { idle };
        !self.account.is_owed() && now.since(self.last) >= idle
    }
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
                last: since,
                is_leaving: false,
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

    /// It asked for something.
    pub(super) fn heard_of(&mut self, id: ClientId, now: Instant) {
        if let Some(client) = self.get_mut(id) {
            client.last = now;
        }
    }

    pub(super) fn answer(&mut self, id: ClientId, answers: Answers, now: Instant) {
        if let Some(client) = self.get_mut(id) {
            client.last = now;
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

    /// How many of them are root or the service's own user.
    pub(super) fn num_privileged(&self) -> usize {
        self.present()
            .filter(|client| client.credentials.is_privileged())
            .count()
    }

    /// Has as many as are `wanted`, with those who are about to leave anyway, leave as soon as they are answered: those
    /// who have been owed nothing for longest, and for this long at least. False if there are not so many.
    pub(super) fn ask_idle_to_leave(&mut self, wanted: usize, idle: Duration, now: Instant) -> bool {
        let leaving = self.present().filter(|client| client.is_leaving).count();
        if leaving >= wanted {
            return true;
        }
        let mut idle: Vec<_> = self
            .places
            .iter_mut()
            .flatten()
            .filter(|client| !client.is_leaving && client.is_idle(idle, now))
            .collect();
        idle.sort_unstable_by_key(|client| client.last);
        let is_enough = leaving + idle.len() >= wanted;
        for client in idle.into_iter().take(wanted - leaving) {
            client.is_leaving = true;
            // One that has just vanished is about to say so.
            let _ = client.channel.send(ToClient::Drain);
        }
        is_enough
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

    fn get_mut(&mut self, id: ClientId) -> Option<&mut Client> {
        self.places
            .get_mut(id.slot())
            .and_then(Option::as_mut)
            .filter(|client| client.id == id)
    }

    fn get(&self, id: ClientId) -> Option<&Client> {
        self.places
            .get(id.slot())
            .and_then(Option::as_ref)
            .filter(|client| client.id == id)
    }
}
