"""A virtual machine for tests: Debian's cloud kernel and an archive of the programs that a test needs.

    machine = Machine(kernel.fetch(), work)
    machine.boot(Archive().program("/bin/lonc", path).main(SCRIPT))
    machine.say("begin")
    assert machine.hear() == "done"
    machine.cut_power()

`kernel` has where the kernel comes from, `archive` what is in the machine, `qemu` the machine from outside.
"""

import pathlib
import sys

sys.dont_write_bytecode = True
# What the system tests have for the host: tools, builds, waiting.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "system"))

from harness import programs  # noqa: E402

from .archive import Archive  # noqa: E402
from .qemu import Machine  # noqa: E402

__all__ = ["Archive", "Machine", "programs"]
