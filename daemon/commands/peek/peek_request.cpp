#include "daemon/commands/peek/peek_request.h"

#include "config/text/units.h"
#include "config/text/words.h"
#include "daemon/commands/named_pipelines.h"
#include "pipeline/errors.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string_view>

namespace sluice {
namespace {

/// Without --limit, for a person at a terminal.
constexpr std::int64_t screenful = 50;
std::optional<std::int64_t> count_of(std::string_view text) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || number < 1) return std::nullopt;
    return number;
}

void read_from(const std::string& text, PeekWish& wish) {
    using Start = config::Start;
    wish.from.kind = Start::Kind::earliest;
    if (text == "earliest") return;
    if (text.starts_with("-") && (wish.last = count_of(std::string_view(text).substr(1)))) return;
    if (const auto time = config::parse_time(text)) {
        wish.from = {.kind = Start::Kind::time, .time_ms = std::max<std::int64_t>(0, *time)};
        return;
    }
    throw WrongConfiguration(
        "--from takes earliest, -N for the last N offsets of each partition, or a time "
        "as in 2026-01-31T12:00:00Z, not " +
        config::in_quotes(text));
}

}  // namespace

PeekRequest peek_request(const config::Config& config, const CommandLine& line,
                         const std::string* topic) {
    PeekRequest request;
    request.output = line.output;
    request.as_it_is = line.has("--raw");
    request.raw = request.as_it_is || line.words.empty();
    if (line.words.empty() == !line.has("--topic")) {
        throw WrongConfiguration(
            "peek takes the name of a pipeline, or --topic and the name of a topic");
    }
    if (line.words.empty()) {
        request.topics = *line.option("--topic");
    } else {
        request.ingest =
            ingest_named(config, line.words[0], "; --topic shows any topic without one");
        request.topics = request.ingest->topic;
        if (topic == nullptr && request.ingest->routes()) topic = request.topics.only();
        if (topic != nullptr) request.topics = request.topic.emplace(*topic);
    }
    const auto where = line.option("--where");
    if (where || !request.as_it_is) request.registry = registry::client_of(config.registry);
    if (where) {
        const config::Ingest any{};
        request.where.emplace(*where, request.ingest.value_or(any), request.registry);
        request.wish.where = request.where->of_records();
    }
    request.follows = line.has("--follow");
    if (request.follows) request.wish.from.kind = config::Start::Kind::latest;
    if (const auto from = line.option("--from")) read_from(*from, request.wish);
    request.limit = line.limit();
    request.limit_is_ours = !request.limit && !request.follows && ::isatty(STDOUT_FILENO) == 1;
    if (request.limit_is_ours) request.limit = screenful;
    return request;
}

}  // namespace sluice
