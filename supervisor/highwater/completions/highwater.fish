# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_highwater_global_optspecs
    string join \n h/help V/version
end

function __fish_highwater_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_highwater_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_highwater_using_subcommand
    set -l cmd (__fish_highwater_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c highwater -n "__fish_highwater_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c highwater -n "__fish_highwater_needs_command" -s V -l version -d 'Print version'
complete -c highwater -n "__fish_highwater_needs_command" -f -a "run" -d 'Run a service and look after it'
complete -c highwater -n "__fish_highwater_needs_command" -f -a "attach" -d 'Look after a service that others run'
complete -c highwater -n "__fish_highwater_needs_command" -f -a "init" -d 'Be PID 1 of a machine, and run a service as `run` does'
complete -c highwater -n "__fish_highwater_needs_command" -f -a "check" -d 'Check policies and say everything that is wrong with them'
complete -c highwater -n "__fish_highwater_needs_command" -f -a "doctor" -d 'Say what this host allows, and how to get what is missing'
complete -c highwater -n "__fish_highwater_needs_command" -f -a "status" -d 'Say how a service and its supervisor stand'
complete -c highwater -n "__fish_highwater_needs_command" -f -a "trigger" -d 'Begin a step of the ladder by hand'
complete -c highwater -n "__fish_highwater_needs_command" -f -a "install" -d 'Copy this program to where another container can start it'
complete -c highwater -n "__fish_highwater_needs_command" -f -a "incidents" -d 'List what happened, the newest first'
complete -c highwater -n "__fish_highwater_needs_command" -f -a "report" -d 'Write the report of an incident: one HTML page that needs nothing else'
complete -c highwater -n "__fish_highwater_needs_command" -f -a "profile" -d 'Compare heap profiles'
complete -c highwater -n "__fish_highwater_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c highwater -n "__fish_highwater_using_subcommand run" -l policy -d 'The policy [default: the built-in one, see `check --default`]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand run" -l state-dir -d 'Where journal and evidence go [default: $STATE_DIRECTORY, or highwater/NAME under /var/lib or the user\'s state directory]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand run" -l termination-log -d 'Where to say, in at most 4096 bytes, why the container ends, kept current from the start [default: /dev/termination-log, if it is there]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand run" -l name -d 'Name of this supervisor [default: that of the command, or of what is attached to]' -r
complete -c highwater -n "__fish_highwater_using_subcommand run" -l log -d 'How records are shown on standard error' -r -f -a "human\t'as text'
json\t'as the journal has them'"
complete -c highwater -n "__fish_highwater_using_subcommand run" -l http -d 'Answer /livez, /readyz, /metrics, /incidents and /status there, such as 127.0.0.1:9464 [default: what the policy says, or on the unix socket only]' -r
complete -c highwater -n "__fish_highwater_using_subcommand run" -l require -d 'Do not start where this host lacks one of these abilities' -r -f -a "cgroup\t'the service lives in a cgroup of its own'
memory-events\t'the kernel wakes us when a memory limit is touched'
throttle\t'the service can be slowed down, and held to be dumped and stopped'
memory-max\t'its limit can be set, and raised for a dump'
psi-trigger\t'the kernel wakes us when tasks stall'
cgroup-kill\t'everything of the service can be killed at once'
freeze\t'the service can be stopped to be captured from outside'
reclaim\t'the kernel can be asked to take memory back'
spawn-into-cgroup\t'the service is born in its cgroup'
inotify\t'we see when a dump file is finished'"
complete -c highwater -n "__fish_highwater_using_subcommand run" -l dry-run -d 'Run and watch the service, but only say what the steps would do'
complete -c highwater -n "__fish_highwater_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c highwater -n "__fish_highwater_using_subcommand attach" -l policy -d 'The policy [default: the built-in one, see `check --default`]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand attach" -l state-dir -d 'Where journal and evidence go [default: $STATE_DIRECTORY, or highwater/NAME under /var/lib or the user\'s state directory]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand attach" -l termination-log -d 'Where to say, in at most 4096 bytes, why the container ends, kept current from the start [default: /dev/termination-log, if it is there]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand attach" -l name -d 'Name of this supervisor [default: that of the command, or of what is attached to]' -r
complete -c highwater -n "__fish_highwater_using_subcommand attach" -l log -d 'How records are shown on standard error' -r -f -a "human\t'as text'
json\t'as the journal has them'"
complete -c highwater -n "__fish_highwater_using_subcommand attach" -l http -d 'Answer /livez, /readyz, /metrics, /incidents and /status there, such as 127.0.0.1:9464 [default: what the policy says, or on the unix socket only]' -r
complete -c highwater -n "__fish_highwater_using_subcommand attach" -l require -d 'Do not start where this host lacks one of these abilities' -r -f -a "cgroup\t'the service lives in a cgroup of its own'
memory-events\t'the kernel wakes us when a memory limit is touched'
throttle\t'the service can be slowed down, and held to be dumped and stopped'
memory-max\t'its limit can be set, and raised for a dump'
psi-trigger\t'the kernel wakes us when tasks stall'
cgroup-kill\t'everything of the service can be killed at once'
freeze\t'the service can be stopped to be captured from outside'
reclaim\t'the kernel can be asked to take memory back'
spawn-into-cgroup\t'the service is born in its cgroup'
inotify\t'we see when a dump file is finished'"
complete -c highwater -n "__fish_highwater_using_subcommand attach" -l pid -d 'This process; highwater ends with it' -r
complete -c highwater -n "__fish_highwater_using_subcommand attach" -l cgroup -d 'The first process of this cgroup' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand attach" -l unit -d 'The main process of this unit of systemd' -r
complete -c highwater -n "__fish_highwater_using_subcommand attach" -l command -d 'The first process with this in its command line' -r
complete -c highwater -n "__fish_highwater_using_subcommand attach" -l uid -d 'The first process of this user' -r
complete -c highwater -n "__fish_highwater_using_subcommand attach" -l container -d 'The first process of the container with this in its variable HIGHWATER_CONTAINER, or in the name of its cgroup' -r
complete -c highwater -n "__fish_highwater_using_subcommand attach" -l exit-after-restart -d 'End with this status when a restart step has ended the service [default: look after the next]' -r
complete -c highwater -n "__fish_highwater_using_subcommand attach" -l dry-run -d 'Run and watch the service, but only say what the steps would do'
complete -c highwater -n "__fish_highwater_using_subcommand attach" -l give-back -d 'Only give back the limit that a highwater which was killed, and its guard too, has left lowered, and end: for ExecStopPost= of the unit that highwater is in'
complete -c highwater -n "__fish_highwater_using_subcommand attach" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c highwater -n "__fish_highwater_using_subcommand init" -l policy -d 'The policy [default: the built-in one, see `check --default`]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand init" -l state-dir -d 'Where journal and evidence go [default: $STATE_DIRECTORY, or highwater/NAME under /var/lib or the user\'s state directory]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand init" -l termination-log -d 'Where to say, in at most 4096 bytes, why the container ends, kept current from the start [default: /dev/termination-log, if it is there]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand init" -l name -d 'Name of this supervisor [default: that of the command, or of what is attached to]' -r
complete -c highwater -n "__fish_highwater_using_subcommand init" -l log -d 'How records are shown on standard error' -r -f -a "human\t'as text'
json\t'as the journal has them'"
complete -c highwater -n "__fish_highwater_using_subcommand init" -l http -d 'Answer /livez, /readyz, /metrics, /incidents and /status there, such as 127.0.0.1:9464 [default: what the policy says, or on the unix socket only]' -r
complete -c highwater -n "__fish_highwater_using_subcommand init" -l require -d 'Do not start where this host lacks one of these abilities' -r -f -a "cgroup\t'the service lives in a cgroup of its own'
memory-events\t'the kernel wakes us when a memory limit is touched'
throttle\t'the service can be slowed down, and held to be dumped and stopped'
memory-max\t'its limit can be set, and raised for a dump'
psi-trigger\t'the kernel wakes us when tasks stall'
cgroup-kill\t'everything of the service can be killed at once'
freeze\t'the service can be stopped to be captured from outside'
reclaim\t'the kernel can be asked to take memory back'
spawn-into-cgroup\t'the service is born in its cgroup'
inotify\t'we see when a dump file is finished'"
complete -c highwater -n "__fish_highwater_using_subcommand init" -l setup -d 'Run this to its end first, for at most 60 s: what mounts disks and sets up the network. Split at blanks; no shell' -r
complete -c highwater -n "__fish_highwater_using_subcommand init" -l also -d 'Keep this running beside the service, such as a getty or an SSH server. Split at blanks; no shell. Can be given several times' -r
complete -c highwater -n "__fish_highwater_using_subcommand init" -l when-over -d 'What to do when the service is over for good, or its restart budget spent' -r -f -a "wait\t'stay, with what --also runs'
reboot\t'start the machine anew, 30 s later'
poweroff\t'switch the machine off'
halt\t'halt it with the power on'"
complete -c highwater -n "__fish_highwater_using_subcommand init" -l dry-run -d 'Run and watch the service, but only say what the steps would do'
complete -c highwater -n "__fish_highwater_using_subcommand init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c highwater -n "__fish_highwater_using_subcommand check" -l default -d 'Print the built-in policy'
complete -c highwater -n "__fish_highwater_using_subcommand check" -s h -l help -d 'Print help'
complete -c highwater -n "__fish_highwater_using_subcommand doctor" -l json -d 'As JSON'
complete -c highwater -n "__fish_highwater_using_subcommand doctor" -s h -l help -d 'Print help'
complete -c highwater -n "__fish_highwater_using_subcommand status" -l state-dir -d 'Its state directory' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand status" -l name -d 'Name of the supervisor [default: the only one that runs]' -r
complete -c highwater -n "__fish_highwater_using_subcommand status" -s w -l watch -d 'Live, until q or Ctrl-C'
complete -c highwater -n "__fish_highwater_using_subcommand status" -l json -d 'As JSON; one object, or a list where several run and none is named'
complete -c highwater -n "__fish_highwater_using_subcommand status" -s h -l help -d 'Print help'
complete -c highwater -n "__fish_highwater_using_subcommand trigger" -l state-dir -d 'Its state directory' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand trigger" -l name -d 'Name of the supervisor [default: the only one that runs]' -r
complete -c highwater -n "__fish_highwater_using_subcommand trigger" -l json -d 'Say what comes of it as JSON'
complete -c highwater -n "__fish_highwater_using_subcommand trigger" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c highwater -n "__fish_highwater_using_subcommand install" -s h -l help -d 'Print help'
complete -c highwater -n "__fish_highwater_using_subcommand incidents" -l state-dir -d 'Where journal and evidence are [default: as for run]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand incidents" -l name -d 'Name of the supervisor [default: the only one that left something]' -r
complete -c highwater -n "__fish_highwater_using_subcommand incidents" -l limit -d 'Only so many of the newest' -r
complete -c highwater -n "__fish_highwater_using_subcommand incidents" -l json -d 'As JSON'
complete -c highwater -n "__fish_highwater_using_subcommand incidents" -s h -l help -d 'Print help'
complete -c highwater -n "__fish_highwater_using_subcommand report" -l state-dir -d 'Where journal and evidence are [default: as for run]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand report" -l name -d 'Name of the supervisor [default: the only one that left something]' -r
complete -c highwater -n "__fish_highwater_using_subcommand report" -l output -d 'Where the page goes, - for standard output [default: report.html beside the evidence]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand report" -l open -d 'Show it in a browser, with xdg-open'
complete -c highwater -n "__fish_highwater_using_subcommand report" -s h -l help -d 'Print help'
complete -c highwater -n "__fish_highwater_using_subcommand profile; and not __fish_seen_subcommand_from diff list help" -s h -l help -d 'Print help'
complete -c highwater -n "__fish_highwater_using_subcommand profile; and not __fish_seen_subcommand_from diff list help" -f -a "diff" -d 'Say what grew between two profiles'
complete -c highwater -n "__fish_highwater_using_subcommand profile; and not __fish_seen_subcommand_from diff list help" -f -a "list" -d 'List the series that `[evidence] series` keeps'
complete -c highwater -n "__fish_highwater_using_subcommand profile; and not __fish_seen_subcommand_from diff list help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c highwater -n "__fish_highwater_using_subcommand profile; and __fish_seen_subcommand_from diff" -l state-dir -d 'Where journal and evidence are [default: as for run]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand profile; and __fish_seen_subcommand_from diff" -l name -d 'Name of the supervisor [default: the only one that left something]' -r
complete -c highwater -n "__fish_highwater_using_subcommand profile; and __fish_seen_subcommand_from diff" -l flame-graph -d 'Write a flame graph of it there, as SVG' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand profile; and __fish_seen_subcommand_from diff" -l json -d 'As JSON'
complete -c highwater -n "__fish_highwater_using_subcommand profile; and __fish_seen_subcommand_from diff" -s h -l help -d 'Print help'
complete -c highwater -n "__fish_highwater_using_subcommand profile; and __fish_seen_subcommand_from list" -l state-dir -d 'Where journal and evidence are [default: as for run]' -r -F
complete -c highwater -n "__fish_highwater_using_subcommand profile; and __fish_seen_subcommand_from list" -l name -d 'Name of the supervisor [default: the only one that left something]' -r
complete -c highwater -n "__fish_highwater_using_subcommand profile; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c highwater -n "__fish_highwater_using_subcommand profile; and __fish_seen_subcommand_from help" -f -a "diff" -d 'Say what grew between two profiles'
complete -c highwater -n "__fish_highwater_using_subcommand profile; and __fish_seen_subcommand_from help" -f -a "list" -d 'List the series that `[evidence] series` keeps'
complete -c highwater -n "__fish_highwater_using_subcommand profile; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c highwater -n "__fish_highwater_using_subcommand help; and not __fish_seen_subcommand_from run attach init check doctor status trigger install incidents report profile help" -f -a "run" -d 'Run a service and look after it'
complete -c highwater -n "__fish_highwater_using_subcommand help; and not __fish_seen_subcommand_from run attach init check doctor status trigger install incidents report profile help" -f -a "attach" -d 'Look after a service that others run'
complete -c highwater -n "__fish_highwater_using_subcommand help; and not __fish_seen_subcommand_from run attach init check doctor status trigger install incidents report profile help" -f -a "init" -d 'Be PID 1 of a machine, and run a service as `run` does'
complete -c highwater -n "__fish_highwater_using_subcommand help; and not __fish_seen_subcommand_from run attach init check doctor status trigger install incidents report profile help" -f -a "check" -d 'Check policies and say everything that is wrong with them'
complete -c highwater -n "__fish_highwater_using_subcommand help; and not __fish_seen_subcommand_from run attach init check doctor status trigger install incidents report profile help" -f -a "doctor" -d 'Say what this host allows, and how to get what is missing'
complete -c highwater -n "__fish_highwater_using_subcommand help; and not __fish_seen_subcommand_from run attach init check doctor status trigger install incidents report profile help" -f -a "status" -d 'Say how a service and its supervisor stand'
complete -c highwater -n "__fish_highwater_using_subcommand help; and not __fish_seen_subcommand_from run attach init check doctor status trigger install incidents report profile help" -f -a "trigger" -d 'Begin a step of the ladder by hand'
complete -c highwater -n "__fish_highwater_using_subcommand help; and not __fish_seen_subcommand_from run attach init check doctor status trigger install incidents report profile help" -f -a "install" -d 'Copy this program to where another container can start it'
complete -c highwater -n "__fish_highwater_using_subcommand help; and not __fish_seen_subcommand_from run attach init check doctor status trigger install incidents report profile help" -f -a "incidents" -d 'List what happened, the newest first'
complete -c highwater -n "__fish_highwater_using_subcommand help; and not __fish_seen_subcommand_from run attach init check doctor status trigger install incidents report profile help" -f -a "report" -d 'Write the report of an incident: one HTML page that needs nothing else'
complete -c highwater -n "__fish_highwater_using_subcommand help; and not __fish_seen_subcommand_from run attach init check doctor status trigger install incidents report profile help" -f -a "profile" -d 'Compare heap profiles'
complete -c highwater -n "__fish_highwater_using_subcommand help; and not __fish_seen_subcommand_from run attach init check doctor status trigger install incidents report profile help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c highwater -n "__fish_highwater_using_subcommand help; and __fish_seen_subcommand_from profile" -f -a "diff" -d 'Say what grew between two profiles'
complete -c highwater -n "__fish_highwater_using_subcommand help; and __fish_seen_subcommand_from profile" -f -a "list" -d 'List the series that `[evidence] series` keeps'
