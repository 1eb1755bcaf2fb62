# A proxy in the way of the old daemon: one process, select over its clients, one request at a time for all of them.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;

my ($path, $host, $port) = @ARGV;
my $peer = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port, Proto => 'tcp') or die "peer: $!";
$peer->autoflush(1);
setsockopt($peer, 6, 1, pack('i', 1));    # TCP_NODELAY
my $door = IO::Socket::UNIX->new(Local => $path, Listen => 1024) or die "socket: $!";
my $clients = IO::Select->new($door);
my %partial;

while (1) {
    for my $ready ($clients->can_read) {
        if ($ready == $door) {
            my $client = $door->accept or next;
            $clients->add($client);
            $partial{$client} = '';
            next;
        }
        my $count = sysread($ready, $partial{$ready}, 65536, length $partial{$ready});
        if (!$count) {
            $clients->remove($ready);
            delete $partial{$ready};
            close $ready;
            next;
        }
        while ($partial{$ready} =~ s/^([^\n]*\n)//) {
            print $peer $1;
            my $reply = <$peer>;
            defined $reply or die "the peer has gone";
            syswrite($ready, $reply);
        }
    }
}
