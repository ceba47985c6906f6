#include "daemon/commands/commands.h"
#include "daemon/identity/version.h"
#include "daemon/manual/manual.h"

#include <filesystem>
#include <fstream>
#include <iostream>

namespace {

bool write(const std::filesystem::path& file, const std::string& text) {
    std::ofstream stream(file, std::ios::binary);
    stream << text;
    stream.close();
    if (!stream) std::cerr << "sluice_manual: cannot write " << file << '\n';
    return static_cast<bool>(stream);
}

}  // namespace

/// sluice_manual DIRECTORY: writes the manual pages and the shells' completions there.
int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: sluice_manual DIRECTORY\n";
        return sluice::used_or_configured_wrongly;
    }
    const std::filesystem::path folder = argv[1];
    const auto commands = sluice::syntax_of_all_commands();
    bool written = write(folder / "sluice.1", sluice::man_page(commands, sluice::version())) &&
                   write(folder / "sluice.bash", sluice::bash_completion(commands)) &&
                   write(folder / "_sluice", sluice::zsh_completion(commands)) &&
                   write(folder / "sluice.fish", sluice::fish_completion(commands));
    for (const sluice::CommandSyntax& command : commands)
        written = written && write(folder / ("sluice-" + std::string(command.name) + ".1"),
                                   sluice::man_page_of(command, sluice::version()));
    return written ? sluice::fine : sluice::found_something_wrong;
}
