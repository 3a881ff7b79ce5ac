//! The text of `leaker --help`.

/// Sizes are in MiB (2^20 bytes), rates in MB/s (10^6 bytes a second), times in seconds; all take decimals.
pub(crate) const TEXT: &str = "\
A native service that leaks as told, for the tests of highwater.
Sizes are MiB (2^20 bytes), rates MB/s (10^6 bytes/s), times seconds; fractions are fine.

Leak
  --base MiB              touched at start and kept (0)
  --rate MB/s|full        over all leaking threads, paced per 64 KiB; 0 leaks nothing (0)
  --threads N             leaking threads (1)
  --leak-after SECS       calm for so long first (0)
  --burst MiB             of the leak, so much comes unpaced first (0)
  --stop-leak-at MiB      a plateau: stop when so much was leaked, base not counted
  --thp off|on|system     huge pages: never, asked for, as the host has it (off)
  --cache MB/s|full       stream page cache instead of or beside the leak
  --cache-file PATH       ... through this file, written and read over and over
  --cache-size MiB        ... of this size (64)

Dump
  --dump-file TEMPLATE    %p is the pid, %n counts dumps from 1 (/var/tmp/heap-%p-%n.bin)
  --dump-size MiB         (16)
  --dump-rate MB/s|full   (full)
  --dump-signal NAME      USR1, USR2, HUP, CONT, ... (USR1)
  --dump-handler HOW      sigwait: an idle thread of its own writes it
                          handler: a classic handler, in a leaking thread if there is one
                          none: the signal is left alone, and kills (sigwait)
  --dump-empty            leave a file of 0 bytes
  --dump-forever          start over at the end of the file and never close it
  --pause-while-dumping   stop the world: wait for every leaking thread, then dump
  --shared-lock           leaking threads and dump take one mutex while they touch memory

Stop
  --stop HOW              on SIGTERM: graceful (touch 4 MiB, exit 0), ignore, slow=SECS (graceful)
  --exit CODE             end at once with this code, or, with --exit-after, then
  --exit-after SECS       end by itself after this time

Start
  --double-fork           daemonise: what was started exits 0, a grandchild is the service
  --ready-file PATH       written, with the pid, when signals are answered and the leak begins
  --log FILE              appends 'ready PID', 'dump PATH BYTES', 'plateau BYTES', 'graceful BYTES'
";
