#include "daemon/manual/manual.h"
#include "daemon/manual/words_of.h"

namespace sluice {
namespace {

/// Prints the names of the pipelines of a configuration file, a line each.
constexpr std::string_view names_of_pipelines =
    R"(sed -nE 's/^ *\[(ingest|outbox)\.("?)([^]".]+)\2\].*/\3/p' 2>/dev/null)";

std::string names_of(std::span<const CommandSyntax> commands) {
    std::vector<std::string> names;
    for (const CommandSyntax& command : commands) names.emplace_back(command.name);
    return joined(names);
}

/// In single quotes, as bash and zsh read them.
std::string shell_quoted(std::string_view text) {
    std::string all = "'";
    for (const char c : text) all += c == '\'' ? std::string(R"('\'')") : std::string(1, c);
    return all + "'";
}

std::string fish_quoted(std::string_view text) {
    return "'" + marked(text, "'\\", "\\") + "'";
}

// ---- bash ----

std::string bash_command(const CommandSyntax& command, std::span<const CommandSyntax> commands) {
    std::vector<std::string> options;
    std::string values;
    for (const OptionSyntax& option : all_options_of(command)) {
        options.emplace_back(option.name);
        if (option.value.empty()) continue;
        const OfferedWords offered = words_of(option);
        values += "                " + std::string(option.name) +
                  (option.name == "--config" ? " | -c" : "") + ") ";
        if (offered.files) {
            values += "compopt -o default";
        } else {
            values += "words=(" + joined(offered.literal) + ")";
        }
        values += "; _sluice_offer; return ;;\n";
    }
    const OfferedWords offered = words_of(command, commands);
    std::string text = "        " + std::string(command.name) + ")\n";
    text += "            case $previous in\n" + values + "            esac\n";
    text += "            options=(" + joined(options) + ")\n";
    text += "            words=(" + joined(offered.literal) + ")\n";
    if (offered.pipelines) text += "            names=1\n";
    if (offered.files) text += "            compopt -o default\n";
    return text + "            ;;\n";
}

// ---- zsh ----

std::string zsh_option(const OptionSyntax& option) {
    std::string text = std::string(option.name) + "[" + marked(option.summary, "[]:\\", "\\") + "]";
    if (!option.value.empty()) {
        const OfferedWords offered = words_of(option);
        text += ":" + marked(option.value, ":\\", "\\") + ":";
        if (offered.files) text += "_files";
        if (!offered.literal.empty()) text += "(" + joined(offered.literal) + ")";
    }
    return shell_quoted(text);
}

std::string zsh_command(const CommandSyntax& command, std::span<const CommandSyntax> commands) {
    std::string text = "        " + std::string(command.name) + ") _arguments";
    for (const OptionSyntax& option : all_options_of(command))
        text += " \\\n            " + zsh_option(option);
    text += " \\\n            '-c[the configuration]:FILE:_files'";
    const OfferedWords offered = words_of(command, commands);
    if (!offered.literal.empty())
        text += " \\\n            " + shell_quoted("1:what:(" + joined(offered.literal) + ")");
    if (offered.pipelines) text += " \\\n            '*:pipeline:_sluice_pipelines'";
    if (offered.files) text += " \\\n            '*:file:_files'";
    return text + " ;;\n";
}

// ---- fish ----

std::string fish_command(const CommandSyntax& command, std::span<const CommandSyntax> commands) {
    const std::string name(command.name);
    const std::string here = "complete -c sluice -n '__fish_seen_subcommand_from " + name + "' ";
    std::string text = "complete -c sluice -n __fish_use_subcommand -a " + name + " -d " +
                       fish_quoted(command.summary) + "\n";
    const OfferedWords offered = words_of(command, commands);
    if (!offered.literal.empty()) text += here + "-a '" + joined(offered.literal) + "'\n";
    if (offered.pipelines) text += here + "-a '(__sluice_pipelines)'\n";
    if (offered.files) text += here + "-F\n";
    for (const OptionSyntax& option : all_options_of(command)) {
        text += here + "-l " + std::string(option.name.substr(2));
        if (option.name == "--config") text += " -s c";
        const OfferedWords values = words_of(option);
        if (!option.value.empty()) text += values.files ? " -rF" : " -x";
        if (!values.literal.empty()) text += " -a '" + joined(values.literal) + "'";
        text += " -d " + fish_quoted(option.summary) + "\n";
    }
    return text;
}

}  // namespace

std::string bash_completion(std::span<const CommandSyntax> commands) {
    // The variables are those of the function that calls it.
    std::string text = R"(# bash completion for sluice

_sluice_offer() { mapfile -t COMPREPLY < <(compgen -W "${words[*]}" -- "$current"); }

_sluice() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local config=sluice.toml names= i
    local -a words=() options=()
    COMPREPLY=()
    for ((i = 2; i < COMP_CWORD; ++i)); do
        [[ ${COMP_WORDS[i - 1]} != -c && ${COMP_WORDS[i - 1]} != --config ]] ||
            config=${COMP_WORDS[i]}
    done
    if ((COMP_CWORD == 1)); then
        words=()" + names_of(commands) +
                       R"()
        _sluice_offer
        return
    fi
    case ${COMP_WORDS[1]} in
)";
    for (const CommandSyntax& command : commands) text += bash_command(command, commands);
    return text + R"(    esac
    [[ -z $names || ! -r $config ]] || words+=($()" +
           std::string(names_of_pipelines) + R"( <"$config"))
    [[ $current != -* ]] || words=("${options[@]}")
    _sluice_offer
}
complete -F _sluice sluice
)";
}

std::string zsh_completion(std::span<const CommandSyntax> commands) {
    std::string text = R"zsh(#compdef sluice

_sluice_pipelines() {
    local config=${opt_args[--config]:-${opt_args[-c]:-sluice.toml}}
    local -a names
    [[ -r $config ]] && names=(${(f)"$()zsh" +
                       std::string(names_of_pipelines) + R"zsh( <$config)"})
    compadd -a names
}

_sluice() {
    local state
    local -a line commands
    local -A opt_args
    _arguments -C '1:command:->command' '*::argument:->argument'
    case $state in
    command)
        commands=(
)zsh";
    for (const CommandSyntax& command : commands) {
        text +=
            "            " +
            shell_quoted(std::string(command.name) + ":" + marked(command.summary, ":\\", "\\")) +
            "\n";
    }
    text += R"(        )
        _describe command commands
        ;;
    argument)
        case $line[1] in
)";
    for (const CommandSyntax& command : commands) text += zsh_command(command, commands);
    return text + R"(        esac
        ;;
    esac
}

_sluice "$@"
)";
}

std::string fish_completion(std::span<const CommandSyntax> commands) {
    std::string text = R"(# fish completion for sluice

function __sluice_pipelines
    set -l config sluice.toml
    set -l words (commandline -opc)
    for i in (seq 2 (count $words))
        if contains -- $words[(math $i - 1)] -c --config
            set config $words[$i]
        end
    end
    test -r $config; and )" +
                       std::string(names_of_pipelines) +
                       R"( <$config
end

complete -c sluice -f
)";
    for (const CommandSyntax& command : commands) text += fish_command(command, commands);
    return text;
}

}  // namespace sluice
