"""The network of the test: a bridge in a namespace of its own, which vanishes with the test."""

import subprocess

BRIDGE = "hosts"
# Of the documentation's addresses; nothing of this leaves the namespace.
ADDRESSES = {"msul1": "192.0.2.1", "msul2": "192.0.2.2"}
# A lond without a container of its own, and an address nobody has.
LOND_ADDRESS = "192.0.2.101"
NOBODY = "192.0.2.199"


def make():
    """Makes the bridge in the network namespace of this process, which must be the test's own."""
    for command in (
        "link set lo up",
        f"link add {BRIDGE} type bridge",
        f"addr add {LOND_ADDRESS}/24 dev {BRIDGE}",
        f"link set {BRIDGE} up",
    ):
        subprocess.run(["ip", *command.split()], check=True)


def networkd_file(address):
    """What tells systemd-networkd in a container its address."""
    return f"[Match]\nName=host0\n\n[Network]\nAddress={address}/24\nLinkLocalAddressing=no\nLLMNR=no\n"
