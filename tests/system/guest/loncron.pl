#!/usr/bin/perl -w
# loncron as lonc sees it, made from what is known of it. At night it shows the end of lonc.log and renames it when it is
# large, here from 2000 bytes on; with --justcheckdaemons it only looks whether the process of lonc.pid is there. Ends
# with what became of it: running, restarted or failed.
use strict;

my $at_night = !grep { $_ eq '--justcheckdaemons' } @ARGV;
my $daemons = '/home/httpd/perl';
my ($log, $pid_file) = ("$daemons/logs/lonc.log", "$daemons/logs/lonc.pid");

if ($at_night && open my $end, '-|', "tail -n25 $log") {
    my @lines = <$end>;
    print @lines;
    for my $grade (qw(INFO WARNING CRITICAL)) {
        printf "%s %d\n", $grade, scalar grep { /$grade/ } @lines;
    }
}
if (runs()) {
    kill 'USR1', pid();
    print "lonc running\n";
} else {
    print `killall lonc 2>&1`;
    sleep 1;
    unlink $pid_file;
    print `killall -9 lonc 2>&1`;
    for (1, 2) {
        system "$daemons/lonc 2>$daemons/logs/lonc_errors";
        # A second, in the original: a Perl lonc may take longer on a busy machine. Behind a link is ours, which ends at once.
        for (1 .. (-l "$daemons/lonc" ? 10 : 200)) {
            last if runs();
            select undef, undef, undef, 0.1;
        }
        last if runs();
    }
    print runs() ? "lonc restarted\n" : "lonc failed\n";
}
rename $log, "$log.1" if $at_night && (-s $log || 0) > 2000;

sub pid {
    open my $file, '<', $pid_file or return 0;
    my $pid = <$file> || 0;
    chomp $pid;
    return $pid;
}

sub runs { my $pid = pid(); return $pid && kill 0, $pid }
