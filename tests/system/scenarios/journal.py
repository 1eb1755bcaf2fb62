"""What an operator finds in the journal."""

import contextlib
import re
import time

from harness.prepare import ROOT
from harness.registry import alone, scenario
from harness.site import ask, assert_served, load, wait_until_up
from harness.wait import until

ID = re.compile(r'"([0-9a-f]{32})"')
JOURNALD = "systemd-journald.service"
MINUTE = 60
PRIORITIES = {"2", "3", "4", "5", "6", "7"}


@scenario
def journal_fields(site):
    """LONC_PEER, PRIORITY and MESSAGE_ID stand in the records, grades as priorities."""
    lond = site.lond()
    # One more link is told of in a record without an id.
    host = site.configured(max_connections="1")
    host.systemctl("start", "lonc@msul1")
    assert_served(host)
    lond.stop()
    until("the peer is down", lambda: ask(host, "echo:x") == ["con_lost"])
    own = [record for record in host.journal("--unit=lonc@*") if record.get("SYSLOG_IDENTIFIER") == "lonc"]
    assert own, "no record of lonc"
    for record in own:
        assert record["LONC_PEER"] == "msul1", record
        assert record["PRIORITY"] in PRIORITIES, record
        assert re.fullmatch("[0-9a-f]{32}", record["MESSAGE_ID"]), record
        assert "echo" not in record["MESSAGE"], f"a request's text was logged: {record}"
    grades = {record["PRIORITY"] for record in own}
    assert {"2", "4", "6"} <= grades, f"CRITICAL, WARNING and INFO were all due, there are {grades}"
    assert host.journal("LONC_PEER=msul1"), "the field cannot be searched for"


@scenario
def catalog(site):
    """`journalctl -x` explains: every message id of the daemon has its text."""
    site.lond()
    host = site.configured()
    host.systemctl("start", "lonc@msul1")
    wait_until_up(host)
    ids = ID.findall((ROOT / "src/journal.rs").read_text())
    assert len(ids) > 10
    listed = host.run("journalctl", "--list-catalog").stdout
    missing = [one for one in ids if one not in listed]
    assert not missing, f"without an entry in the catalog: {missing}"
    explained = host.run("journalctl", "-x", "--no-pager", "--unit=lonc@msul1", "SYSLOG_IDENTIFIER=lonc").stdout
    assert "░░ Subject: " in explained, explained


@scenario
@alone
def journald_stands_still(site):
    """A journald that is stopped for a minute costs records, and not one request its answer in time; nor a start."""
    lond = site.lond()
    host = site.configured(log_level='"debug"')
    host.systemctl("start", "lonc@msul1")
    wait_until_up(host)
    # Of a peer that is down each request is a record, to who wants details.
    lond.stop()
    until("the peer is down", lambda: ask(host, "echo:x") == ["con_lost"])
    with stopped(host), load(host, clients=30) as outcome:
        time.sleep(MINUTE)
    until("the account of what is missing", lambda: host.journal("LONC_PEER=msul1", f"MESSAGE_ID={gap()}"))
    with stopped(host):
        began = time.monotonic()
        host.systemctl("restart", "lonc@msul1")
        assert ask(host, "echo:x", within=10) == ["con_lost"]
        start = time.monotonic() - began
    site.figure(f"journald stopped for {MINUTE} s: {outcome}; a restart meanwhile took {start:.1f} s")
    assert outcome["unanswered"] == outcome["wrong"] == outcome["not_taken"] == outcome["no_socket"] == 0, outcome
    # Who is held up by journald waits the minute.
    assert outcome["slowest_ms"] < 8000, outcome
    assert outcome["con_lost"] > 100 * MINUTE, outcome


@contextlib.contextmanager
def stopped(host):
    """journald takes nothing."""
    host.systemctl("kill", "--signal=STOP", JOURNALD)
    try:
        yield
    finally:
        host.systemctl("kill", "--signal=CONT", JOURNALD)


def gap():
    """The id of the record that counts those that are missing."""
    return re.search(r'LOG_GAP: &str = "([0-9a-f]{32})"', (ROOT / "src/journal.rs").read_text()).group(1)
