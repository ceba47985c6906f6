#include "daemon/imports/made_file.h"

#include "config/load.h"
#include "pipeline/errors.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iostream>

namespace sluice {
namespace {

/// Never writes over a file.
void write_new_file(const std::string& path, const std::string& text) {
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (file < 0 && errno == EEXIST)
        throw WrongConfiguration(path + ": is there already, and is not written over");
    bool written = file >= 0;
    for (std::size_t at = 0; written && at < text.size();) {
        const ssize_t count = ::write(file, text.data() + at, text.size() - at);
        written = count > 0;
        at += static_cast<std::size_t>(std::max<ssize_t>(count, 0));
    }
    if (file >= 0 && ::close(file) != 0) written = false;
    if (!written) throw WrongConfiguration(path + ": " + std::strerror(errno));
}

}  // namespace

void hand_out(const std::string& toml, const std::optional<std::string>& file,
              const std::string& from) {
    // Beyond its own comments.
    for (const config::Problem& problem : config::parse(toml, file.value_or(from)).problems)
        std::cerr << "to do: " << config::to_string(problem) << '\n';
    if (file)
        write_new_file(*file, toml);
    else
        std::cout << toml;
}

}  // namespace sluice
