
use builtin;
use str;

set edit:completion:arg-completer[highwater] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'highwater'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'highwater'= {
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
            cand run 'Run a service and look after it'
            cand attach 'Look after a service that others run'
            cand init 'Be PID 1 of a machine, and run a service as `run` does'
            cand check 'Check policies and say everything that is wrong with them'
            cand doctor 'Say what this host allows, and how to get what is missing'
            cand status 'Say how a service and its supervisor stand'
            cand trigger 'Begin a step of the ladder by hand'
            cand install 'Copy this program to where another container can start it'
            cand incidents 'List what happened, the newest first'
            cand report 'Write the report of an incident: one HTML page that needs nothing else'
            cand profile 'Compare heap profiles'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'highwater;run'= {
            cand --policy 'The policy [default: the built-in one, see `check --default`]'
            cand --state-dir 'Where journal and evidence go [default: $STATE_DIRECTORY, or highwater/NAME under /var/lib or the user''s state directory]'
            cand --termination-log 'Where to say, in at most 4096 bytes, why the container ends, kept current from the start [default: /dev/termination-log, if it is there]'
            cand --name 'Name of this supervisor [default: that of the command, or of what is attached to]'
            cand --log 'How records are shown on standard error'
            cand --http 'Answer /livez, /readyz, /metrics, /incidents and /status there, such as 127.0.0.1:9464 [default: what the policy says, or on the unix socket only]'
            cand --require 'Do not start where this host lacks one of these abilities'
            cand --dry-run 'Run and watch the service, but only say what the steps would do'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'highwater;attach'= {
            cand --policy 'The policy [default: the built-in one, see `check --default`]'
            cand --state-dir 'Where journal and evidence go [default: $STATE_DIRECTORY, or highwater/NAME under /var/lib or the user''s state directory]'
            cand --termination-log 'Where to say, in at most 4096 bytes, why the container ends, kept current from the start [default: /dev/termination-log, if it is there]'
            cand --name 'Name of this supervisor [default: that of the command, or of what is attached to]'
            cand --log 'How records are shown on standard error'
            cand --http 'Answer /livez, /readyz, /metrics, /incidents and /status there, such as 127.0.0.1:9464 [default: what the policy says, or on the unix socket only]'
            cand --require 'Do not start where this host lacks one of these abilities'
            cand --pid 'This process; highwater ends with it'
            cand --cgroup 'The first process of this cgroup'
            cand --unit 'The main process of this unit of systemd'
            cand --command 'The first process with this in its command line'
            cand --uid 'The first process of this user'
            cand --container 'The first process of the container with this in its variable HIGHWATER_CONTAINER, or in the name of its cgroup'
            cand --exit-after-restart 'End with this status when a restart step has ended the service [default: look after the next]'
            cand --dry-run 'Run and watch the service, but only say what the steps would do'
            cand --give-back 'Only give back the limit that a highwater which was killed, and its guard too, has left lowered, and end: for ExecStopPost= of the unit that highwater is in'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'highwater;init'= {
            cand --policy 'The policy [default: the built-in one, see `check --default`]'
            cand --state-dir 'Where journal and evidence go [default: $STATE_DIRECTORY, or highwater/NAME under /var/lib or the user''s state directory]'
            cand --termination-log 'Where to say, in at most 4096 bytes, why the container ends, kept current from the start [default: /dev/termination-log, if it is there]'
            cand --name 'Name of this supervisor [default: that of the command, or of what is attached to]'
            cand --log 'How records are shown on standard error'
            cand --http 'Answer /livez, /readyz, /metrics, /incidents and /status there, such as 127.0.0.1:9464 [default: what the policy says, or on the unix socket only]'
            cand --require 'Do not start where this host lacks one of these abilities'
            cand --setup 'Run this to its end first, for at most 60 s: what mounts disks and sets up the network. Split at blanks; no shell'
            cand --also 'Keep this running beside the service, such as a getty or an SSH server. Split at blanks; no shell. Can be given several times'
            cand --when-over 'What to do when the service is over for good, or its restart budget spent'
            cand --dry-run 'Run and watch the service, but only say what the steps would do'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'highwater;check'= {
            cand --default 'Print the built-in policy'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'highwater;doctor'= {
            cand --json 'As JSON'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'highwater;status'= {
            cand --state-dir 'Its state directory'
            cand --name 'Name of the supervisor [default: the only one that runs]'
            cand -w 'Live, until q or Ctrl-C'
            cand --watch 'Live, until q or Ctrl-C'
            cand --json 'As JSON; one object, or a list where several run and none is named'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'highwater;trigger'= {
            cand --state-dir 'Its state directory'
            cand --name 'Name of the supervisor [default: the only one that runs]'
            cand --json 'Say what comes of it as JSON'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'highwater;install'= {
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'highwater;incidents'= {
            cand --state-dir 'Where journal and evidence are [default: as for run]'
            cand --name 'Name of the supervisor [default: the only one that left something]'
            cand --limit 'Only so many of the newest'
            cand --json 'As JSON'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'highwater;report'= {
            cand --state-dir 'Where journal and evidence are [default: as for run]'
            cand --name 'Name of the supervisor [default: the only one that left something]'
            cand --output 'Where the page goes, - for standard output [default: report.html beside the evidence]'
            cand --open 'Show it in a browser, with xdg-open'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'highwater;profile'= {
            cand -h 'Print help'
            cand --help 'Print help'
            cand diff 'Say what grew between two profiles'
            cand list 'List the series that `[evidence] series` keeps'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'highwater;profile;diff'= {
            cand --state-dir 'Where journal and evidence are [default: as for run]'
            cand --name 'Name of the supervisor [default: the only one that left something]'
            cand --flame-graph 'Write a flame graph of it there, as SVG'
            cand --json 'As JSON'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'highwater;profile;list'= {
            cand --state-dir 'Where journal and evidence are [default: as for run]'
            cand --name 'Name of the supervisor [default: the only one that left something]'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'highwater;profile;help'= {
            cand diff 'Say what grew between two profiles'
            cand list 'List the series that `[evidence] series` keeps'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'highwater;profile;help;diff'= {
        }
        &'highwater;profile;help;list'= {
        }
        &'highwater;profile;help;help'= {
        }
        &'highwater;help'= {
            cand run 'Run a service and look after it'
            cand attach 'Look after a service that others run'
            cand init 'Be PID 1 of a machine, and run a service as `run` does'
            cand check 'Check policies and say everything that is wrong with them'
            cand doctor 'Say what this host allows, and how to get what is missing'
            cand status 'Say how a service and its supervisor stand'
            cand trigger 'Begin a step of the ladder by hand'
            cand install 'Copy this program to where another container can start it'
            cand incidents 'List what happened, the newest first'
            cand report 'Write the report of an incident: one HTML page that needs nothing else'
            cand profile 'Compare heap profiles'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'highwater;help;run'= {
        }
        &'highwater;help;attach'= {
        }
        &'highwater;help;init'= {
        }
        &'highwater;help;check'= {
        }
        &'highwater;help;doctor'= {
        }
        &'highwater;help;status'= {
        }
        &'highwater;help;trigger'= {
        }
        &'highwater;help;install'= {
        }
        &'highwater;help;incidents'= {
        }
        &'highwater;help;report'= {
        }
        &'highwater;help;profile'= {
            cand diff 'Say what grew between two profiles'
            cand list 'List the series that `[evidence] series` keeps'
        }
        &'highwater;help;profile;diff'= {
        }
        &'highwater;help;profile;list'= {
        }
        &'highwater;help;help'= {
        }
    ]
    $completions[$command]
}
