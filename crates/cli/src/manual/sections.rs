//! What several manual pages say: exit codes, variables of the environment, and files.

/// An entry of a section.
pub(super) struct Entry {
    /// The code, the variables or the path.
    pub(super) name: &'static str,
    /// What it means.
    pub(super) meaning: &'static str,
    /// The commands on whose pages it stands; empty for all.
    commands: &'static [&'static str],
}

impl Entry {
    const fn new(name: &'static str, meaning: &'static str) -> Self {
        Self { name, meaning, commands: &[] }
    }

    const fn only(
        name: &'static str,
        meaning: &'static str,
        commands: &'static [&'static str],
    ) -> Self {
        Self { name, meaning, commands }
    }

    /// Whether it stands on a command's page. The page of `roundtrip` itself has all.
    pub(super) fn concerns(&self, command: &str) -> bool {
        command == "roundtrip" || self.commands.is_empty() || self.commands.contains(&command)
    }
}

/// Commands that make requests.
const ASK: &[&str] = &["visit", "advise", "get", "resolve", "proxy"];
/// Commands that keep or read saved runs.
const KEEP: &[&str] =
    &["visit", "advise", "get", "resolve", "import", "proxy", "show", "diff", "transfer"];

/// The exit codes: curl's, where it has one for the case.
pub(super) const EXIT_STATUS: &[Entry] = &[
    Entry::new("0", "It went well."),
    Entry::new(
        "2",
        "The command could not begin: its arguments are wrong, or a file that it needs.",
    ),
    Entry::only(
        "3 to 97",
        "The fault that ended it, as curl(1) numbers it: 6 no such name, 7 no connection, 28 time was up, \
         35 TLS failed, 56 the connection broke, 60 a certificate that cannot be trusted, and so on.",
        ASK,
    ),
    Entry::only("22", "With -f: the answer's status is 400 or more.", &["visit", "get"]),
    Entry::only(
        "75",
        "After SIGTERM: what is done is kept, and the same command goes on.",
        &["sweep"],
    ),
    Entry::only("110", "The page could not be painted.", &["visit", "show"]),
    Entry::only(
        "111",
        "It went well and costs too much: a limit of --budget is exceeded, or a condition of --fail-if holds.",
        &["visit", "show", "diff"],
    ),
    Entry::new("130", "Interrupted."),
];

/// The variables of the environment.
pub(super) const ENVIRONMENT: &[Entry] = &[
    Entry::only(
        "http_proxy, https_proxy, HTTPS_PROXY, all_proxy, ALL_PROXY",
        "The proxies, unless -x names one. They are not asked in the lab.",
        &["visit", "get", "proxy"],
    ),
    Entry::only(
        "no_proxy, NO_PROXY",
        "Hosts that need no proxy, unless --noproxy names them; * is all.",
        &["visit", "get", "proxy"],
    ),
    Entry::only("SSLKEYLOGFILE", "A file to which the keys of TLS sessions are added.", ASK),
    Entry::new(
        "NO_COLOR",
        "If it is set and not empty, nothing is coloured unless --color says so.",
    ),
    Entry::new(
        "CLICOLOR_FORCE",
        "If it is set, not empty and not 0, output is coloured where it is no terminal, too.",
    ),
    Entry::new("TERM", "Nothing is coloured on a terminal of the kind dumb."),
    Entry::new(
        "LC_ALL, LC_CTYPE, LANG",
        "On a terminal whose characters are not UTF-8 views are drawn in ASCII.",
    ),
    Entry::new(
        "LC_MESSAGES",
        "With LC_ALL before it and LANG after it: the language of what is shown, unless --lang says it. English \
         and Chinese are known.",
    ),
    Entry::only("XDG_STATE_HOME", "Where runs are kept, in place of ~/.local/state.", KEEP),
    Entry::only("XDG_CACHE_HOME", "Where names are kept between runs, in place of ~/.cache.", ASK),
    Entry::only("HOME", "The folder that ~ stands for in these pages.", KEEP),
    Entry::only(
        "SLURM_ARRAY_TASK_ID, SLURM_ARRAY_TASK_COUNT, SLURM_ARRAY_TASK_MIN, JOB_COMPLETION_INDEX, HQ_TASK_ID",
        "Which shard to carry out, where --shard does not say it.",
        &["sweep"],
    ),
];

/// The files that are read and written without being named on the command line.
pub(super) const FILES: &[Entry] = &[
    Entry::only(
        "~/.local/state/roundtrip/runs/",
        "The last 20 runs and those that are pinned, each a folder: record.jsonl, trace.pcapng, bodies/, \
         machine.json, and the views visit.har, report.html and page.png.",
        KEEP,
    ),
    Entry::only(
        "~/.local/state/roundtrip/proxy/",
        "The certificate and the key of the authority with which a proxy looks into TLS; only its owner may read them.",
        &["proxy"],
    ),
    Entry::only("~/.cache/roundtrip/", "Names that earlier runs have asked for.", ASK),
    Entry::only("~/.netrc", "Names and passwords, with -n.", &["get"]),
    Entry::only(
        "/etc/hosts, /etc/resolv.conf, /etc/nsswitch.conf, /etc/gai.conf",
        "How this machine finds names and in which order it takes their addresses.",
        ASK,
    ),
];
