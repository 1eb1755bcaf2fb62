//! The main job, shown: a stand-in lond and lonc in a temporary directory, workers, a dead peer, and its recovery.
//!
//! `cargo run --release --example demo`; with `RUST_LOG=info` lonc's own log is shown as well.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "telling is what a demo is for")]

use std::error::Error;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};
use std::{env, fs};

use lonc::internals::config::{self, HostId};
use lonc::internals::daemon::{Daemon, LogHandle, StartError, bind, init_log};
use stand_in_lond::Lond;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::timeout;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Workers and requests of the crowd.
const WORKERS: usize = 200;
const REQUESTS: usize = 100;
/// No step of the demo takes nearly as long.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() -> ExitCode {
    match demo().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("\nThe demo did not go as it should: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn demo() -> Outcome {
    let dir = tempfile::tempdir()?;
    let lond = Lond::start("msul1").await?;
    println!(
        "A stand-in for the lond of host msul1 listens on {}.",
        lond.addr()
    );
    let (socket, lonc) = start_lonc(dir.path(), lond.port())?;
    println!(
        "lonc for msul1 runs on host msul2; workers find it at {}.\n",
        socket.display()
    );

    println!(
        "A worker asks in the clear, another one has its request encrypted on the way, and one of today says for which"
    );
    println!("id of the host it is:");
    expect(&socket, "ping", "msul1").await?;
    expect(&socket, "encrypt:echo:grade of student 7", "grade of student 7").await?;
    expect(
        &socket,
        "sethost:msul1:encrypt:echo:grade of student 8",
        "grade of student 8",
    )
    .await?;
    show_wire(&lond);

    println!("\n{WORKERS} workers send {REQUESTS} requests each, all at once, every other one encrypted:");
    crowd(&socket, &lond).await?;

    println!("\nNow the lond dies. Nobody hangs; everybody gets the definite answer con_lost:");
    lond.kill();
    until_answer(&socket, "ping", "con_lost").await?;
    expect(&socket, "encrypt:echo:grade of student 8", "con_lost").await?;
    println!("What must not be lost is stored on disk instead, by lonc for a worker that says so,");
    expect(&socket, "critical:echo:homework of student 9", "con_delayed").await?;
    println!(
        "or by the worker itself, as one did an hour ago (a fresh one is left to it for three seconds):"
    );
    let file = dir.path().join("delayed/1000000000.1.4711.echo.msul1");
    fs::write(&file, "echo:homework of student 10\n")?;
    let hour = Duration::from_secs(3600);
    File::options()
        .write(true)
        .open(&file)?
        .set_modified(SystemTime::now() - hour)?;
    println!("  {}", file.display());

    println!("\nThe lond comes back. lonc tries again by itself, and the link has a new key:");
    lond.keep_journal(true);
    lond.revive().await?;
    let took = until_answer(&socket, "ping", "msul1").await?;
    println!("  the link was up again after {} ms", took.as_millis());
    expect(&socket, "encrypt:echo:grade of student 8", "grade of student 8").await?;
    show_delayed(&lond, dir.path())?;

    println!("\nlonc is asked to stop, as its own user may:");
    expect(&socket, "close_connection_exit", "ok").await?;
    lonc.join().map_err(|_| "lonc ended with a panic")??;
    if socket.exists() {
        return Err("the socket is still there".into());
    }
    println!("It has finished and left nothing behind.");
    Ok(())
}

/// lonc, as `lonc --config FILE msul1` would run, in a thread of this process; its socket, and how it ends.
fn start_lonc(dir: &Path, port: u16) -> Outcome<(PathBuf, JoinHandle<Result<(), StartError>>)> {
    let file = dir.join("lonc.toml");
    fs::create_dir(dir.join("delayed"))?;
    let settings = format!(
        "host_id = \"msul2\"\nsocket_dir = '{0}'\nspool_dir = '{0}/delayed'\npermanent_log = '{0}/permanent.log'\n\
         [link]\nbackoff_min = \"100ms\"\nbackoff_max = \"500ms\"\nconnect_wait = \"2s\"\n\
         [peer.msul1]\naddress = \"127.0.0.1\"\nport = {port}\n",
        dir.display()
    );
    fs::write(&file, settings)?;
    let peer: HostId = "msul1".parse()?;
    let loaded = config::load(&file, &peer)?;
    let log = if env::var_os("RUST_LOG").is_some() {
        init_log(Some(&peer))
    } else {
        LogHandle::default()
    };
    let socket = Some(bind(dir, &peer)?);
    let daemon = Daemon {
        config: file,
        loaded,
        socket,
        control: None,
        log,
    };
    Ok((dir.join("msul1"), thread::spawn(move || daemon.run())))
}

/// One connection, as a worker makes it: the requests, an end, and all the answers.
async fn ask(socket: &Path, requests: &str) -> Outcome<String> {
    let exchange = async {
        let (mut answers, mut asking) = UnixStream::connect(socket).await?.into_split();
        let mut text = String::new();
        let send = async move { asking.write_all(requests.as_bytes()).await };
        let (sent, read) = tokio::join!(send, answers.read_to_string(&mut text));
        sent?;
        read?;
        Ok(text)
    };
    timeout(PATIENCE, exchange).await.map_err(|_| "no answer came")?
}

async fn expect(socket: &Path, request: &str, answer: &str) -> Outcome {
    let begun = Instant::now();
    let got = ask(socket, &format!("{request}\n")).await?;
    show(request, got.trim_end(), begun.elapsed());
    if got == format!("{answer}\n") {
        Ok(())
    } else {
        Err(format!("{answer} was to be the answer").into())
    }
}

fn show(request: &str, answer: &str, took: Duration) {
    println!(
        "  {request:<36} → {answer:<22} {:>8.2} ms",
        took.as_secs_f64() * 1e3
    );
}

/// Asks until the answer is `wanted`; how long that took.
async fn until_answer(socket: &Path, request: &str, wanted: &str) -> Outcome<Duration> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let asked = Instant::now();
        if ask(socket, &format!("{request}\n")).await?.trim_end() == wanted {
            show(request, wanted, asked.elapsed());
            return Ok(begun.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Err(format!("the answer never became {wanted}").into())
}

/// That the stored messages came, and in which order.
fn show_delayed(lond: &Lond, dir: &Path) -> Outcome {
    println!("But first of all, in their order, it got what was stored:");
    let lines = lond.received();
    let homework = lines
        .iter()
        .map(|line| line.raw.escape_ascii().to_string())
        .filter(|line| line.contains("homework"));
    let homework: Vec<String> = homework.collect();
    for line in &homework {
        println!("  {line}");
    }
    if homework != ["echo:homework of student 10", "echo:homework of student 9"] {
        return Err("a stored message is missing".into());
    }
    println!("The permanent log says so, for the nightly count (D: delayed, S: sent later):");
    for line in fs::read_to_string(dir.join("permanent.log"))?.lines() {
        println!("  {line}");
    }
    Ok(())
}

/// What the lond saw of the requests.
fn show_wire(lond: &Lond) {
    println!("On the wire these were:");
    for line in lond.received().iter().skip(6) {
        println!("  {}", line.raw.escape_ascii());
    }
}

async fn crowd(socket: &Path, lond: &Lond) -> Outcome {
    lond.keep_journal(false);
    let begun = Instant::now();
    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..WORKERS {
        let socket = socket.to_owned();
        workers.spawn(async move {
            let prefix = |n: usize| if n.is_multiple_of(2) { "" } else { "encrypt:" };
            let request = |n: usize| format!("{}echo:worker {worker} request {n}\n", prefix(n));
            let answer = |n: usize| format!("worker {worker} request {n}\n");
            let got = ask(&socket, &(0..REQUESTS).map(request).collect::<String>()).await;
            got.is_ok_and(|got| got == (0..REQUESTS).map(answer).collect::<String>())
        });
    }
    let right = workers
        .join_all()
        .await
        .into_iter()
        .filter(|right| *right)
        .count();
    let took = begun.elapsed();
    println!(
        "  {right} of {WORKERS} workers got all their own replies in order, in {} ms",
        took.as_millis()
    );
    if right == WORKERS {
        Ok(())
    } else {
        Err("a worker did not get what it asked for".into())
    }
}
