"""What is in the machine when it boots: an archive that the kernel unpacks into memory."""

import os
import pathlib
import re
import shutil
import stat
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
# The modules of each file system that the kernel has not built in.
FILE_SYSTEMS = {"ext4": [], "xfs": ["xfs"], "btrfs": ["btrfs"]}

# Does what the host says, a line each, and tells its exit status; without a prompt, and without the echo of a terminal.
SHELL = """\
#!/bin/sh
while read -r line; do
    eval "$line" 2>&1
    echo "# $?"
done
"""


class Archive:
    """A root directory: busybox with all its commands, /init, and what is added.

    Its methods return the archive, to be called one behind the other.
    """

    def __init__(self):
        self._entries = {}
        self._modules = {True: [], False: []}
        for directory in ("dev", "proc", "root", "run", "sys", "tmp"):
            self._directory(f"/{directory}")
        self.file("/init", (HERE / "init").read_bytes(), 0o755)
        self.program("/bin/busybox", shutil.which("busybox"))

    def main(self, script):
        """What it does: a shell script, with what the host says as its standard input, and what it prints for the host."""
        return self.file("/main", script, 0o755)

    def shell(self):
        """It does what `Machine.run` says."""
        return self.main(SHELL)

    def file(self, path, content, mode=0o644):
        """A file of this content, text or bytes."""
        self._directory(str(pathlib.PurePosixPath(path).parent))
        self._entries[path] = (stat.S_IFREG | mode, content if isinstance(content, bytes) else content.encode())
        return self

    def copy(self, path, source):
        """A file of the host."""
        source = pathlib.Path(source)
        return self.file(path, source.read_bytes(), stat.S_IMODE(source.stat().st_mode))

    def tree(self, directory):
        """A directory of the host, at the same path, links followed."""
        for source in pathlib.Path(directory).rglob("*"):
            if source.is_file():
                self.copy(str(source), source)
        return self

    def program(self, path, source=None):
        """A program of the host with the libraries it needs; where none is named, the one that is found by that name."""
        source = source or shutil.which(pathlib.PurePosixPath(path).name, path=f"{os.defpath}:/usr/sbin:/sbin")
        self.copy(path, source)
        needed = subprocess.run(["ldd", source], capture_output=True, encoding="utf-8", check=False).stdout
        for library in re.findall(r"(/\S+) \(0x", needed):
            self.copy(library, library)
        return self

    def modules(self, *names, at_once=True):
        """Modules of the kernel, loaded with all they need before `main` begins; or not `at_once`: by `/load-modules`."""
        self._modules[at_once] += names
        return self

    def write(self, place, kernel):
        """Writes it, for this kernel."""
        for at_once, names in self._modules.items():
            files = kernel.modules(names) if names else []
            for file in files:
                self.copy(f"/modules/{file.name}", file)
            self.file(f"/modules/{'at-once' if at_once else 'later'}", "".join(f"{file.name}\n" for file in files))
        with open(place, "wb") as out:
            for number, (path, (mode, content)) in enumerate(self._entries.items(), 1):
                _write_entry(out, number, path.lstrip("/"), mode, content)
            _write_entry(out, 0, "TRAILER!!!", 0, b"")

    def _directory(self, path):
        if path != "/" and path not in self._entries:
            self._directory(str(pathlib.PurePosixPath(path).parent))
            self._entries[path] = (stat.S_IFDIR | 0o755, b"")


def _write_entry(out, number, name, mode, content):
    """One entry of the kernel's format, cpio's "newc"."""
    name = name.encode() + b"\0"
    # Inode, mode, owner, group, links, time, size, four of devices, length of the name, a sum that is not looked at.
    fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name), 0)
    header = b"070701" + b"".join(b"%08x" % field for field in fields) + name
    out.write(header + bytes(-len(header) % 4) + content + bytes(-len(content) % 4))
