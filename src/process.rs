//! Who is signalled by way of `lonc.pid`: another of us, or the Perl lonc.
//!
//! Judged by the command line: the names that the kernel keeps are too short for the Perl lonc's titles, and an instance
//! of an older version is called `lonc` there as well.

use std::fs;

/// One that stands for all connections of this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `lonc-usr1`
    Usr1,
    /// LON-CAPA's own, the parent or a child: under Perl or, once it has set up, as `lonc: …`.
    Perl,
}

/// Which of them the process `pid` is; nothing if it has ended, is hidden from us or is none of them. An instance,
/// which may have got the number since, is neither.
pub(crate) fn kind(pid: i32) -> Option<Kind> {
    of_command(&command(pid)?)
}

/// Whether it is a daemon of one peer, by its program.
pub(crate) fn is_instance(pid: i32) -> bool {
    let program = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
    // After an upgrade " (deleted)" stands behind it.
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    name.split(' ').next() == Some("lonc")
}

/// The words of its command line, with a zero byte behind each.
pub(crate) fn command(pid: i32) -> Option<Vec<u8>> {
    fs::read(format!("/proc/{pid}/cmdline")).ok()
}

fn of_command(command: &[u8]) -> Option<Kind> {
    let mut words = command.split(|byte| *byte == 0);
    let first = words.next().unwrap_or_default();
    if base(first) == b"lonc-usr1" {
        return words.all(|word| word != b"--reconnect").then_some(Kind::Usr1);
    }
    let is_perl = if is_perl(base(first)) {
        let script = words.find(|word| !word.starts_with(b"-"));
        script.is_some_and(|script| PERL_LONC.contains(&base(script)))
    } else {
        let titled = |name: &&[u8]| {
            first
                .strip_prefix(*name)
                .is_some_and(|rest| rest.starts_with(b": "))
        };
        PERL_LONC.iter().any(titled)
    };
    is_perl.then_some(Kind::Perl)
}

/// That of 2003, and its successor.
const PERL_LONC: [&[u8]; 2] = [b"lonc", b"loncnew"];

/// Whether a program of this name is Perl: `perl`, `perl5.36.0`.
pub(crate) fn is_perl(name: &[u8]) -> bool {
    let version = name.strip_prefix(b"perl");
    version.is_some_and(|version| version.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.'))
}

/// The last part of a path.
pub(crate) fn base(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_signalled() {
        for (command, kind) in [
            (&b"/usr/lib/lonc/lonc-usr1\0"[..], Kind::Usr1),
            (b"lonc-usr1\0--config\0/etc/lonc/lonc.toml\0", Kind::Usr1),
            (b"/usr/bin/perl\0-w\0/home/httpd/perl/lonc\0", Kind::Perl),
            (b"/usr/bin/perl5.36.0\0/home/httpd/perl/loncnew\0", Kind::Perl),
            (b"perl\0lonc\0", Kind::Perl),
            (b"lonc: Parent keeping the flock", Kind::Perl),
            (b"lonc: Parent keeping the flock\0\0\0", Kind::Perl),
            (b"loncnew: msul1 Connection count: 1\0", Kind::Perl),
        ] {
            assert_eq!(of_command(command), Some(kind), "{}", command.escape_ascii());
        }
        for command in [
            &b"/usr/sbin/lonc\0msul1\0"[..],
            b"/usr/sbin/lonc\0--config\0/etc/lonc-usr1/lonc.toml\0lonc-usr1\0",
            b"/usr/lib/lonc/lonc-usr1\0--reconnect\0",
            b"/usr/bin/lonc-usr1-watch\0",
            b"loncctl\0status\0",
            b"vi\0/etc/lonc/lonc.toml\0",
            b"grep\0lonc: \0",
            b"/bin/sh\0/home/httpd/perl/lonc\0",
            b"/usr/bin/perl\0/home/httpd/perl/lond\0",
            b"/usr/bin/perl\0/home/httpd/perl/loncron\0",
            b"/usr/bin/perl\0-e\0print 'lonc'\0",
            b"/usr/bin/perldoc\0lonc\0",
            b"perl\0",
            b"lond: listening for lonc",
            b"",
        ] {
            assert_eq!(of_command(command), None, "{}", command.escape_ascii());
        }
    }
}
