#include "config/toml/document.h"
#include "config/toml/format.h"
#include "config/toml/reader.h"
#include "daemon/commands/commands.h"
#include "pipeline/errors.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <system_error>

namespace sluice {
namespace {

namespace fs = std::filesystem;

std::string document_in(const std::string& file) {
    auto content = config::read_file(file);
    if (const auto* error = std::get_if<config::SyntaxError>(&content))
        throw WrongConfiguration(error->text);
    auto text = std::get<std::string>(std::move(content));
    const auto document = config::read_document(text);
    if (const auto* error = std::get_if<config::SyntaxError>(&document))
        throw WrongConfiguration(config::to_string({.file = file,
                                                    .line = error->at.line,
                                                    .column = error->at.column,
                                                    .text = error->text}));
    return text;
}

/// In one step, with owner and mode as they were: a daemon may look at any moment.
void replace(const std::string& file, const std::string& text) {
    const auto check = [&](bool went_well) {
        if (!went_well) throw std::system_error(errno, std::generic_category(), file);
    };
    struct stat before {};
    check(::stat(file.c_str(), &before) == 0);
    const fs::path real = fs::canonical(file);
    const std::string beside = real.string() + ".new";
    std::ofstream out(beside, std::ios::binary | std::ios::trunc);
    out << text;
    out.close();
    check(static_cast<bool>(out));
    check(::chown(beside.c_str(), before.st_uid, before.st_gid) == 0);
    check(::chmod(beside.c_str(), before.st_mode & 07777) == 0);
    fs::rename(beside, real);
}

}  // namespace

int format_configuration(const config::Config&, const CommandLine& line) {
    try {
        const std::string& file = line.config_file;
        const std::string before = document_in(file);
        const std::string after = config::formatted(before);
        if (line.has("--check")) {
            if (before == after) return fine;
            std::cerr << file << ": is laid out otherwise; sluice fmt --write mends it\n";
            return found_something_wrong;
        }
        if (!line.has("--write"))
            std::cout << after;
        else if (before != after)
            replace(file, after);
        return fine;
    } catch (const WrongConfiguration& wrong) {
        std::cerr << "sluice fmt: " << wrong.what() << '\n';
        return used_or_configured_wrongly;
    }
}

}  // namespace sluice
