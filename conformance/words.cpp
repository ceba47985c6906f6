#include "conformance/words.h"

#include <algorithm>
#include <optional>
#include <string_view>

namespace sluice::conformance {
namespace {

struct Option {
    std::string_view name;
    std::string_view value;
    std::string_view summary;
};
constexpr Option options[] = {
    {"--only", "TEXT", "runs the cases whose group or name holds this"},
    {"--segments", "HOST:PORT", "this machine as segments know it: they fetch rows there"},
    {"--list", "", "prints the cases, and runs none"},
    {"--manual", "", "prints this as a manual page"},
    {"--help", "", "prints this"},
    {"--version", "", "prints the version"},
};

constexpr std::string_view summary = "shows whether Sluice keeps its promises on a database";
constexpr std::string_view description[] = {
    "Makes a database and a role of its own on the server that DSN names, runs in it\n"
    "what Sluice does, prints what passed and what differs, and drops both again. DSN\n"
    "is a connection string of libpq; its role must be allowed to create databases,\n"
    "and should be to create roles.",
    "The table on standard output is Markdown, as docs/compatibility.md has it; what\n"
    "goes on is told on standard error. What the server cannot do is skipped, with the\n"
    "reason. Two runs at once do not meet. Other databases of the server are not\n"
    "touched, but feel the load: a minute or two of it.",
    "With --segments this listens on that port for as long as it runs, and has the\n"
    "segments of Cloudberry or Greenplum fetch rows, as load = \"segments\" has it.",
};
constexpr std::string_view statuses[][2] = {
    {"0", "nothing differs"},
    {"1", "something differs, was left behind, or the run was stopped"},
    {"2", "used wrongly, or the database could not be made"},
};
constexpr std::string_view example =
    "sluice-conformance \"host=coordinator dbname=postgres user=gpadmin\"";

std::string title_of(const Option& option) {
    return std::string(option.name) + (option.value.empty() ? "" : " ") + std::string(option.value);
}

std::string help() {
    std::string text = "sluice-conformance [OPTION…] DSN\n  " + std::string(summary) + "\n";
    for (const std::string_view paragraph : description)
        text += "\n" + std::string(paragraph) + "\n";
    text += "\nOptions:\n";
    for (const Option& option : options) {
        std::string line = "  " + title_of(option);
        line.resize(24, ' ');
        text += line + std::string(option.summary) + "\n";
    }
    text += "\nExit codes:\n";
    for (const auto& [code, meaning] : statuses)
        text += "  " + std::string(code) + "  " + std::string(meaning) + "\n";
    return text + "\nExample:\n  " + std::string(example) + "\n";
}

/// As roff takes it.
std::string roff(std::string_view text) {
    std::string escaped;
    for (const char c : text) escaped += c == '-' ? "\\-" : c == '"' ? "\\(dq" : std::string(1, c);
    return escaped;
}

std::string manual_page() {
    std::string text = ".TH \"SLUICE\\-CONFORMANCE\" 1 \"\" \"sluice " SLUICE_VERSION
                       "\" \"Sluice\"\n.SH NAME\nsluice\\-conformance \\- " +
                       roff(summary) +
                       "\n.SH SYNOPSIS\n.B sluice\\-conformance\n[\\fIOPTION\\fR...] \\fIDSN\\fR\n"
                       ".SH DESCRIPTION\n";
    for (const std::string_view paragraph : description) text += ".PP\n" + roff(paragraph) + "\n";
    text += ".SH OPTIONS\n";
    for (const Option& option : options)
        text += ".TP\n.B " + roff(title_of(option)) + "\n" + roff(option.summary) + "\n";
    text += ".SH EXIT STATUS\n";
    for (const auto& [code, meaning] : statuses)
        text += ".TP\n.B " + std::string(code) + "\n" + roff(meaning) + "\n";
    return text + ".SH EXAMPLES\n" + roff(example) + "\n.SH SEE ALSO\n.BR sluice (1)\n";
}

std::string list() {
    std::string text;
    for (const Case& one : all_cases()) text += one.group + ": " + one.name + "\n";
    return text;
}

/// Which word a value is for; null: for none.
std::string* value_of(std::string_view option, Words& words) {
    if (option == "--only") return &words.only;
    if (option == "--segments") return &words.segments;
    return nullptr;
}

std::optional<std::string> text_of(const std::string& option) {
    if (option == "--help" || option == "-h") return help();
    if (option == "--version" || option == "-V") return "sluice-conformance " SLUICE_VERSION "\n";
    if (option == "--manual") return manual_page();
    if (option == "--list") return list();
    return std::nullopt;
}

/// What is wrong where no case is among these.
std::optional<std::string> none_among(const std::string& only) {
    std::string groups;
    std::string latest;
    for (const Case& one : all_cases()) {
        if (is_among(one, only)) return std::nullopt;
        if (one.group != latest) groups += "\n  " + one.group;
        latest = one.group;
    }
    return "--only " + only +
           ": no case has that in its name; --list names all, the groups are:" + groups;
}

}  // namespace

std::variant<Words, Text, std::string> read_words(const std::vector<std::string>& arguments) {
    Words words;
    bool has_dsn = false;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string& word = arguments[i];
        if (const auto text = text_of(word)) return Text{*text};
        const std::size_t equals = word.find('=');
        if (std::string* const value = value_of(word.substr(0, equals), words)) {
            if (equals == std::string::npos && ++i == arguments.size())
                return word + " needs a value; see sluice-conformance --help";
            *value = equals == std::string::npos ? arguments[i] : word.substr(equals + 1);
        } else if (word.starts_with("-")) {
            return "unknown option " + word + "; see sluice-conformance --help";
        } else if (has_dsn) {
            return "more than one DSN; put it in quotes, as it is one word";
        } else {
            words.dsn = word;
            has_dsn = true;
        }
    }
    if (const auto problem = none_among(words.only)) return *problem;
    if (!has_dsn) return "no DSN given: sluice-conformance \"host=… dbname=postgres user=…\"";
    return words;
}

ExitCode exit_code_of(const Certificate& certificate, bool stopped) {
    const bool wrong = std::ranges::any_of(certificate.results, [](const Result& result) {
        return result.kind == Result::Kind::differs;
    });
    return wrong || stopped || !certificate.left_behind.empty() ? differs : certified;
}

}  // namespace sluice::conformance
