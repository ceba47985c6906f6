#pragma once

#include "config/config.h"
#include "config/places.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

/// One thing that is wrong with a configuration file.
struct Problem {
    std::string file;
    int line = 0;  ///< from 1; 0: the file as a whole
    int column = 0;
    std::string text;  ///< what, and what to do
    /// "kafka", "ingest.orders": the section that is the worse for it; empty: the file as a whole.
    std::string part{};
    /// An environment variable or a file that a value comes from: not there, where this was read.
    bool elsewhere = false;
};

/// "sluice.toml:12:3: unknown key \"tabel\"; did you mean \"table\"?"
[[nodiscard]] std::string to_string(const Problem& problem);

struct Loaded {
    Config config;  ///< meaningful in those parts that have no problem
    std::vector<Problem> problems;
    /// All that was read, or could not be: the file itself, and those of { file = … }.
    std::vector<std::filesystem::path> files{};
    Places places{};  ///< where its keys stand
};

/// Reads and checks a file in full: every problem is reported, not the first. Never throws on bad
/// input. Resolves { env = … } and { file = … } (a file's trailing newline is dropped; a relative
/// path is relative to the configuration file).
[[nodiscard]] Loaded load(const std::filesystem::path& file);

/// The same from memory; `name` stands for the file in messages.
[[nodiscard]] Loaded parse(std::string_view toml, const std::string& name);

}  // namespace sluice::config
