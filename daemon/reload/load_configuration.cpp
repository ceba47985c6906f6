#include "daemon/reload/load_configuration.h"

#include "kafka/wrong_properties.h"
#include "pipeline/errors.h"
#include "sinks/session/public_dsn.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace sluice {
namespace {

/// One of a section, at the line of the key that its text has in quotes.
config::Problem problem_of(const config::Loaded& loaded, const std::string& file,
                           const std::string& section, std::string text) {
    const config::Place at = loaded.places.of(section, text).value_or(config::Place{});
    return {.file = file,
            .line = at.line,
            .column = at.column,
            .text = std::move(text),
            .part = section.substr(0, section.find('.'))};
}

}  // namespace

config::Loaded load_configuration(const std::filesystem::path& file) {
    config::Loaded loaded = config::load(file);
    const auto add = [&](const std::string& section, std::string text) {
        loaded.problems.push_back(problem_of(loaded, file.string(), section, std::move(text)));
    };
    for (kafka::WrongProperty& wrong : kafka::wrong_properties(loaded.config))
        add("kafka.properties", std::move(wrong.text));
    try {
        static_cast<void>(public_dsn(loaded.config.cloudberry.dsn.text));
    } catch (const WrongConfiguration& wrong) {
        add("cloudberry", std::string("\"dsn\": ") + wrong.what());
    }
    std::ranges::stable_sort(loaded.problems, {}, [](const config::Problem& problem) {
        return std::pair(problem.line, problem.column);
    });
    return loaded;
}

}  // namespace sluice
