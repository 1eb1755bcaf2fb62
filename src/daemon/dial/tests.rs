//! Over real sockets.

use std::net::Ipv4Addr;
use std::time::Instant;

use tokio::net::{TcpListener, TcpSocket};

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn an_address_that_does_not_answer_costs_a_moment() {
    let good = TcpListener::bind((host(1), 0)).await.unwrap();
    let good = good.local_addr().unwrap();
    let silent = Silent::start().await;
    let begun = Instant::now();
    let dialed = route(&[silent.address, good], PATIENCE).connect().await.unwrap();
    let took = begun.elapsed();
    assert_eq!(dialed.remote, good);
    assert!(took >= STAGGER && took < PATIENCE / 2, "{took:?}");
}

#[tokio::test]
async fn a_slow_one_that_answers_is_taken_while_others_fail() {
    let silent = Silent::start().await;
    let dead = dead(0).await;
    let connecting = tokio::spawn(route(&[silent.address, dead], PATIENCE).connect());
    // Until the other has failed, and then there is room.
    sleep(2 * STAGGER).await;
    let (_stream, _) = silent.listener.accept().await.unwrap();
    let dialed = connecting.await.unwrap().unwrap();
    assert_eq!(dialed.remote, silent.address);
}

#[tokio::test]
async fn what_the_system_said_is_told_of_each_address() {
    let silent = Silent::start().await;
    let dead = dead(0).await;
    let patience = Duration::from_millis(100);
    let error = route(&[silent.address, dead], patience)
        .connect()
        .await
        .unwrap_err();
    let LinkError::Connect { fault, error } = error else {
        panic!("{error}");
    };
    assert_eq!(fault, ConnectFault::Refused);
    let mut told: Vec<_> = error.split("; ").collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            format!("{}: no answer in time", silent.address),
            format!("{dead}: Connection refused (os error 111)"),
        ]
    );
}

#[tokio::test]
async fn the_alternative_follows_what_cannot_be_reached() {
    let good = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = good.local_addr().unwrap().port();
    let nobody = host(7).to_string();
    let found = look_up(
        address(&nobody, "localhost", port),
        Addresses::default(),
        PATIENCE,
    )
    .await;
    let dialed = found.unwrap().connect().await.unwrap();
    assert_eq!(dialed.remote, good.local_addr().unwrap());
    let found = look_up(
        address(&nobody, "no-such-host.invalid", port),
        Addresses::default(),
        PATIENCE,
    )
    .await;
    let error = found.unwrap().connect().await.unwrap_err().to_string();
    assert!(
        error.contains("127.5.5.7") && error.contains("no-such-host.invalid"),
        "{error}"
    );
}

#[tokio::test]
async fn a_connection_tells_whether_another_address_may_do_better() {
    let first = TcpListener::bind((host(1), 0)).await.unwrap();
    let first = first.local_addr().unwrap();
    let silent = Silent::start().await;
    let dead = dead(0).await;
    for (found, failed, expected) in [
        (vec![first], vec![], (0, false)),
        (vec![first, dead], vec![], (1, true)),
        (vec![silent.address, first], vec![], (1, true)),
        // Not one that has failed now;
        (vec![dead, first], vec![], (0, false)),
        // nor is one untried that has before,
        (vec![first, dead], vec![dead], (1, false)),
        // or if this one has, too: all have had their turn.
        (vec![silent.address, first], vec![first], (1, false)),
    ] {
        let mut route = route(&found, PATIENCE);
        let (num, any_untried) = expected;
        let expected = Others { num, any_untried };
        for one in failed {
            route.addresses.failed(one);
        }
        let dialed = route.connect().await.unwrap();
        assert_eq!((dialed.remote, dialed.others), (first, expected), "{found:?}");
    }
}

#[tokio::test]
async fn what_failed_in_its_opening_stands_behind_the_alternative() {
    let mut addresses = Addresses::default();
    let first = SocketAddr::new(host(6), 1);
    for others in [false, true] {
        let found = look_up(address("127.5.5.6", "localhost", 1), addresses.clone(), PATIENCE).await;
        let steps = found.unwrap().steps;
        let at = steps
            .iter()
            .position(|step| matches!(step, Step::Connect(one) if *one == first));
        assert_eq!(at != Some(0), others);
        addresses.failed(first);
    }
}

#[tokio::test]
async fn a_peer_is_where_each_of_its_names_says_or_nowhere_for_sure() {
    let found = whereabouts(address("127.5.5.6", "localhost", 1), PATIENCE)
        .await
        .unwrap();
    assert!(found.contains(&host(6)) && found.contains(&Ipv4Addr::LOCALHOST.into()));
    assert_eq!(
        whereabouts(address("127.5.5.6", "no-such-host.invalid", 1), PATIENCE).await,
        None
    );
}

fn host(last: u8) -> IpAddr {
    Ipv4Addr::new(127, 5, 5, last).into()
}

/// Nobody listens there.
async fn dead(port: u16) -> SocketAddr {
    let free = TcpListener::bind((host(9), port)).await.unwrap();
    free.local_addr().unwrap()
}

/// Whoever connects there is not answered: all places are taken.
struct Silent {
    address: SocketAddr,
    listener: TcpListener,
    _taken: Vec<TcpStream>,
}

impl Silent {
    async fn start() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((host(8), 0).into()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut taken = Vec::new();
        while let Ok(stream) = timeout(4 * STAGGER, TcpStream::connect(address)).await {
            taken.push(stream.unwrap());
        }
        Self {
            address,
            listener,
            _taken: taken,
        }
    }
}

fn route(found: &[SocketAddr], patience: Duration) -> Route {
    let mut route = Route {
        steps: VecDeque::new(),
        seen: Vec::new(),
        is_open: false,
        addresses: Addresses::default(),
        patience,
    };
    route.add(found);
    route
}

fn address(host: &str, alternative: &str, port: u16) -> Address {
    Address {
        host: host.to_owned(),
        alternative: Some(alternative.to_owned()),
        port,
    }
}
