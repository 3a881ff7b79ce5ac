//! Man pages and completions, made from the command line's one definition.

use clap_complete::Shell;
use clap_mangen::Man;

/// Every file: its name in this crate, and its text.
pub fn files() -> Vec<(String, String)> {
    pages().into_iter().chain(completions()).collect()
}

/// The subcommands with everything clap adds to them by itself, but the one that prints help: `--help` does the same.
pub fn subcommands() -> Vec<clap::Command> {
    built().get_subcommands().filter(|command| command.get_name() != "help").cloned().collect()
}

fn pages() -> Vec<(String, String)> {
    let first = ("man/highwater.1".into(), page(highwater::cli::definition().disable_help_subcommand(true)));
    let of_command = |command: clap::Command| {
        let name = format!("highwater-{}", command.get_name());
        (format!("man/{name}.1"), page(command.display_name(name)))
    };
    std::iter::once(first).chain(subcommands().into_iter().map(of_command)).collect()
}

fn page(command: clap::Command) -> String {
    let mut page = Vec::new();
    Man::new(command).source(concat!("highwater ", env!("CARGO_PKG_VERSION"))).render(&mut page).unwrap();
    String::from_utf8(page).unwrap().replace("\n.SH EXTRA\n", "\n.SH NOTES\n")
}

fn completions() -> Vec<(String, String)> {
    let shells = [
        (Shell::Bash, "highwater.bash"),
        (Shell::Zsh, "_highwater"),
        (Shell::Fish, "highwater.fish"),
        (Shell::Elvish, "highwater.elv"),
    ];
    let script = |(shell, file)| {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut built(), "highwater", &mut script);
        (format!("completions/{file}"), String::from_utf8(script).unwrap())
    };
    shells.map(script).into()
}

fn built() -> clap::Command {
    let mut command = highwater::cli::definition();
    command.build();
    command
}
