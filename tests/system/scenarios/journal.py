"""What an operator finds in the journal."""

import re

from harness.prepare import ROOT
from harness.registry import scenario
from harness.site import ask, assert_served, wait_until_up
from harness.wait import until

ID = re.compile(r'"([0-9a-f]{32})"')
PRIORITIES = {"2", "3", "4", "5", "6", "7"}


@scenario
def journal_fields(site):
    """LONC_PEER, PRIORITY and MESSAGE_ID stand in the records, grades as priorities."""
    lond = site.lond()
    host = site.configured()
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
