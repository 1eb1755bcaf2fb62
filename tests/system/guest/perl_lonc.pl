#!/usr/bin/perl -w
# The Perl lonc as others see it, made from what is known of it: it goes by lonc.pid, has a child for each peer that unlinks
# the peer's socket and makes its own, and shows titles. Its children answer `perl` to every request.
use strict;
use IO::Socket::UNIX;
use POSIX ();

my ($logs, $sockets) = ('/home/httpd/perl/logs', '/home/httpd/sockets');
if (open my $file, '<', "$logs/lonc.pid") {
    my $pid = <$file>;
    die "already running\n" if $pid && kill 0, $pid;
}
exit 0 if fork;
POSIX::setsid();
open $_->[0], $_->[1], '/dev/null' for [*STDIN, '<'], [*STDOUT, '>'], [*STDERR, '>'];
open my $file, '>', "$logs/lonc.pid" or die;
print $file "$$\n";
close $file;

open my $table, '<', '/home/httpd/lonTabs/hosts.tab' or die;
my @peers = grep { $_ ne 'msul2' } map { /^(\w+):/ ? $1 : () } <$table>;
my @children = map { my $peer = $_; fork || serve($peer) } @peers;
$SIG{TERM} = sub { kill 'KILL', @children; unlink "$logs/lonc.pid"; exit 0 };
$SIG{USR1} = 'IGNORE';
$0 = 'lonc: Parent keeping the flock';
sleep 1000 while 1;

sub serve {
    my ($peer) = @_;
    $0 = "lonc: $peer Listening";
    unlink "$sockets/$peer";
    my $listener = IO::Socket::UNIX->new(Local => "$sockets/$peer", Listen => 10) or exit 1;
    while (my $worker = $listener->accept) {
        print $worker "perl\n" while defined(my $line = <$worker>);
    }
    exit 0;
}
