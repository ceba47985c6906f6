#include "daemon/commands/help.h"
#include "daemon/manual/manual.h"

namespace sluice {
namespace {

/// Text as roff takes it: what it would read as something else is escaped.
std::string roff(std::string_view text) {
    std::string escaped;
    for (const char c : text) {
        if (c == '\\') {
            escaped += "\\e";
        } else if (c == '-') {
            escaped += "\\-";
        } else if (c == '\'') {
            escaped += "\\(aq";
        } else if (c == '"') {
            escaped += "\\(dq";
        } else {
            escaped += c;
        }
    }
    // The only one beyond ASCII in the help.
    for (std::size_t at = 0; (at = escaped.find("…", at)) != std::string::npos;)
        escaped.replace(at, std::string_view("…").size(), "...");
    return escaped;
}

std::string option_paragraph(const OptionSyntax& option) {
    std::string text = ".TP\n.B " + roff(option.name);
    if (!option.value.empty()) text += " \\fI" + roff(option.value) + "\\fR";
    return text + "\n" + roff(option.summary) + "\n";
}

std::string title(std::string_view name, std::string_view version) {
    return ".TH \"" + roff(name) + "\" 1 \"\" \"sluice " + std::string(version) + "\" \"Sluice\"\n";
}

}  // namespace

std::string man_page(std::span<const CommandSyntax> commands, std::string_view version) {
    std::string text = title("SLUICE", version) + R"(.SH NAME
sluice \- moves data between Apache Kafka and Apache Cloudberry, exactly once
.SH SYNOPSIS
.B sluice
.I COMMAND
[\fIOPTION\fR...] [\fIARGUMENT\fR...]
.SH DESCRIPTION
Topics become rows of tables, with the rows and the offsets in one database transaction; rows of an
outbox table become records of topics, with the records and their mark in one Kafka transaction.
What goes where is configured in TOML, which a running daemon takes over when the file changes, on
SIGHUP, or when its admin server is asked to.
.SH COMMANDS
)";
    for (const CommandSyntax& command : commands) {
        text += ".TP\n.BR sluice\\-" + roff(command.name) + " (1)\n" + roff(command.summary) + "\n";
    }
    text += ".SH OPTIONS\nEvery command takes:\n";
    for (const OptionSyntax& option : options_everywhere()) text += option_paragraph(option);
    return text + R"(.SH EXIT STATUS
.TP
.B 0
fine
.TP
.B 1
it ran and found something wrong
.TP
.B 2
used or configured wrongly
.SH FILES
.TP
.I sluice.toml
the configuration, in the directory in which the program is started
.TP
.I /etc/sluice/sluice.toml
that of the units
.B sluice.service
and
.BR sluice@.service ,
where a package has installed them
.SH ENVIRONMENT
Any string of the configuration may be
.IR "{ env = \(dqNAME\(dq }" .
.TP
.BR NOTIFY_SOCKET ", " WATCHDOG_USEC
how systemd asks
.B sluice run
to be told that it is ready, and alive
.SH SEE ALSO
.BR psql (1),
.BR systemctl (1)
)";
}

std::string man_page_of(const CommandSyntax& command, std::string_view version) {
    const std::string name = "sluice-" + std::string(command.name);
    std::string text = title(name, version) + ".SH NAME\n" + roff(name) + " \\- " +
                       roff(command.summary) + "\n.SH SYNOPSIS\n.B sluice " +
                       roff(synopsis(command)) + "\n[\\fIOPTION\\fR...]\n.SH OPTIONS\n";
    for (const OptionSyntax& option : all_options_of(command)) text += option_paragraph(option);
    text += ".SH EXAMPLES\n";
    for (const CommandExample& example : command.examples)
        text += ".TP\n.B sluice " + roff(with_arguments(command, example)) + "\n" +
                roff(example.summary) + "\n";
    return text + ".SH SEE ALSO\n.BR sluice (1)\n";
}

}  // namespace sluice
