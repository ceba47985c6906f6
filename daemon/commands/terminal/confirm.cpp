#include "daemon/commands/terminal/confirm.h"

#include "pipeline/errors.h"

#include <unistd.h>

#include <iostream>

namespace sluice {

void confirm(const CommandLine& line, const std::string& action) {
    if (line.has("--yes")) return;
    if (::isatty(STDIN_FILENO) != 1 || ::isatty(STDERR_FILENO) != 1) {
        throw WrongConfiguration("--yes is needed to " + action);
    }
    std::cerr << action << "? [y/N] ";
    std::string answer;
    std::getline(std::cin, answer);
    if (answer != "y" && answer != "yes") throw WrongConfiguration("nothing was done");
}

}  // namespace sluice
