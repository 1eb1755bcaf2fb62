"""A new version comes in while workers work."""

import contextlib
import re

from harness.prepare import deb_field
from harness.registry import scenario
from harness.site import assert_served, load, numbers, wait_until_up
from harness.wait import until

SERVICE = "lonc@msul1.service"
CLIENTS = 20
NEVER_SENT = "5f43c7aa41384b32ad80fed748c86579"
SENT_NO_REPLY = "3935f00758964e7489d778e02cf68d3b"
# Asks for the metrics until its standard input ends, each time over another connection.
SCRAPER = r"""
import select, socket, sys
counts = {"answered": 0, "cut": 0, "refused": 0}
while not select.select([sys.stdin], [], [], 0.02)[0]:
    said = b""
    try:
        with socket.create_connection(("127.0.0.1", 15663), timeout=20) as asking:
            asking.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            while part := asking.recv(65536):
                said += part
        counts["answered" if b"lonc_peer_state" in said else "cut"] += 1
    except ConnectionRefusedError:
        counts["refused"] += 1
    except OSError:
        counts["cut"] += 1
print(*(f"{name}={count}" for name, count in counts.items()))
"""


@scenario
def upgrade(site):
    """Upgrade under load from 20 clients: every request answered."""
    # So slow that there are always requests in flight.
    counts = _upgrade_under_load(site, "late-reply:2", drain_timeout='"20s"')
    assert counts["con_lost"] == 0, f"there was time enough to finish: {counts}"


@scenario
def upgrade_with_a_slow_peer(site):
    """The peer is slower than the drain waits: still every request answered, each con_lost told in the journal."""
    _upgrade_under_load(site, "late-reply:300", drain_timeout='"1s"')


def _upgrade_under_load(site, behaviour, **keys):
    site.lond(behaviour)
    host = site.configured(**keys)
    host.systemctl("start", SERVICE)
    wait_until_up(host)
    host.systemctl("start", "lonc-metrics.socket")
    before = host.main_pid(SERVICE)
    with load(host, CLIENTS) as counts, _scraped(host) as scrapes:
        said = site.install(host, site.newer_deb)
        until("the new version runs", lambda: host.main_pid(SERVICE) not in (0, before))
        wait_until_up(host)
    explained = _explained(host)
    assert scrapes["answered"] > 0 and scrapes["refused"] == 0, f"metrics over an upgrade: {scrapes}"
    site.figure(f"metrics over the upgrade: {', '.join(f'{name} {count}' for name, count in scrapes.items())}")
    site.figure(f"upgrade under load, lond {behaviour}: "
                + ", ".join(f"{name} {count}" for name, count in counts.items())
                + "; journal: " + ", ".join(f"{why} {count}" for why, count in explained.items()))
    assert host.run("dpkg-query", "-W", "-f", "${Version}", "lonc").stdout == deb_field(site.newer_deb, "Version")
    assert counts["replied"] >= CLIENTS, f"there was no load: {counts}"
    for fault in ("wrong", "unanswered", "no_socket"):
        assert counts[fault] == 0, f"{fault}: {counts}\n{said}"
    assert counts["con_lost"] == sum(explained.values()), f"con_lost {counts['con_lost']}, the journal has {explained}"
    assert host.is_active("lonc@msul1.socket")
    assert_served(host)
    return counts


@contextlib.contextmanager
def _scraped(host):
    """Somebody asks for the metrics meanwhile; the dictionary it gives is then filled."""
    counts = {}
    scraper = host.start("python3", "-c", SCRAPER)
    try:
        yield counts
    finally:
        said, _ = scraper.communicate(timeout=30)
        counts.update(numbers(said))
        assert counts, said


def _explained(host):
    """How many con_lost the journal tells of, by reason."""
    def number(message_id):
        # What is told again and again is counted: such a number stands in front as well.
        numbers = [re.match(r"\d+", record["MESSAGE"]) for record in host.journal(f"MESSAGE_ID={message_id}")]
        return sum(int(number.group()) for number in numbers)

    return {"sent, no reply": number(SENT_NO_REPLY), "never sent": number(NEVER_SENT)}


@scenario
def reinstall_keeps_settings(site):
    """An upgrade keeps the edited configuration and starts nothing that did not run."""
    site.lond()
    host = site.configured(log_level='"debug"')
    site.install(host, site.newer_deb)
    assert 'host_id = "msul2"' in host.path("/etc/lonc/lonc.toml").read_text().splitlines()
    assert not host.is_active(SERVICE)
    assert_served_after_start(host)


def assert_served_after_start(host):
    """It can be used as before."""
    host.systemctl("start", SERVICE)
    assert_served(host)
