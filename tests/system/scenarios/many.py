"""Many peers at once."""

import time

from harness.registry import alone, measurement, scenario
from harness.site import HOSTS_TAB, WORKER, assert_served, await_followed, numbers
from harness.wait import until

from .tables import many, sockets

PEERS = 40
SECONDS = 40
# What was seen before the pace fell: 500 starts in 27 s, 120 records a second.
MOST_STARTS = 10 * PEERS
# A second, in the end: all may have been started once in those seconds, which is seven records of systemd and lonc.
MOST_RECORDS = 30
# Between two starts, and while forty of them begin on two cores.
MOST_WAIT = 20_000
LAST = 10
METRICS = "lonc-metrics.socket"
SCRAPE = """import socket, time
began, text = time.monotonic(), b""
stream = socket.create_connection(("127.0.0.1", 15663), 120)
stream.sendall(b"GET /metrics HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n")
while more := stream.recv(65536):
    text += more
print(text.split(b"\\r", 1)[0].decode(), f"{(time.monotonic() - began) * 1000:.0f} ms, {len(text)} bytes")"""


@scenario
@alone
def forty_with_a_fault(site):
    """Forty peers with a faulty configuration at once: all who ask are answered, and starts and records become fewer."""
    site.lond()
    host = site.configured()
    host.write(HOSTS_TAB, many(PEERS - 1))
    until("all are there", lambda: len(sockets(host)) == PEERS, within=60)
    await_followed(host)
    toml = host.path("/etc/lonc/lonc.toml").read_text()
    host.write("/etc/lonc/lonc.toml", toml + "\n[typo]\n")
    names = [f"p{number}" for number in range(PEERS - 1)] + ["msul1"]
    paths = [f"/run/lonc/{name}" for name in names]
    said = host.run("python3", WORKER, "each", SECONDS, *paths, timeout=SECONDS + 90).stdout
    counts = numbers(said)
    starts = [int(host.show(f"lonc@{name}.service", "NRestarts")) for name in names]
    own = [record for record in host.journal("--unit=lonc@*", "SYSLOG_IDENTIFIER=lonc")]
    faults = [record for record in own if "typo" in record["MESSAGE"]]
    late = len(host.journal("--unit=lonc@*", f"--since=-{LAST}s")) / LAST
    site.figure(f"{PEERS} with a fault, {SECONDS} s: {said.strip()}; restarts {sum(starts)}, of one {min(starts)} to "
                f"{max(starts)}; the fault told {len(faults)} times; records of systemd and lonc in the end {late:.0f} a second")
    assert counts["unanswered"] == counts["other"] == 0 < counts["con_lost"], said
    assert counts["slowest_ms"] < MOST_WAIT, said
    assert sum(starts) < MOST_STARTS, starts
    assert len(faults) <= 2 * PEERS, len(faults)
    assert late < MOST_RECORDS, late
    host.write("/etc/lonc/lonc.toml", toml)
    until("it works again", lambda: host.is_active("lonc@msul1.service"), within=90)
    assert_served(host)


@measurement
def large_tables(site):
    """How long things take with 500 and with 2,000 peers, of which none runs."""
    site.lond()
    host = site.configured()
    versions = [site.newer_deb, site.deb, site.newer_deb]
    for number, version in zip((100, 500, 2000), versions, strict=True):
        taken = {}

        def timed(what, act, taken=taken):
            began = time.monotonic()
            done = act()
            taken[what] = time.monotonic() - began
            return done

        def command(what, *argv, timed=timed):
            return timed(what, lambda: host.run(*argv, check=False, timeout=600))

        def is_there(number=number):
            return len(sockets(host)) == number

        def follow(number=number, is_there=is_there):
            host.write(HOSTS_TAB, many(number - 1))
            until("it is read", lambda: "new peers" in (told := host.run("loncctl", "peers", check=False).stdout)
                  or f"{number} peers" in told, within=60)
            await_followed(host)
            # So many more at once are meant.
            host.run("loncctl", "peers", "accept", timeout=900)
            until("all are there", is_there, within=900)

        timed("followed", follow)
        await_followed(host)
        command("daemon-reload", "systemctl", "daemon-reload")
        command("status", "loncctl", "status")
        command("check", "loncctl", "check")
        host.systemctl("start", METRICS)
        command("first scrape", "python3", "-c", SCRAPE)
        scraped = command("scrape", "python3", "-c", SCRAPE)
        timed("upgrade", lambda version=version: site.install(host, version, within=900))
        until("all are there", is_there, within=600)
        assert host.is_active("lonc@msul1.socket")
        figures = ", ".join(f"{what} {seconds:.2f} s" for what, seconds in taken.items())
        site.figure(f"{number} peers: {figures}; of the scrape {scraped.stdout.strip()}{scraped.stderr[-200:]}")
