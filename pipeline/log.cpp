#include "pipeline/log.h"

#include "pipeline/log_limiter.h"

#include <spdlog/spdlog.h>

#include <memory>
#include <mutex>
#include <optional>

namespace sluice {
namespace {

/// A logger per name, with the sinks, the format and the level of the default one.
std::shared_ptr<spdlog::logger> logger_of(const std::string& name) {
    static std::mutex mutex;
    const std::lock_guard lock{mutex};
    auto logger = spdlog::get(name);
    if (!logger) {
        logger = spdlog::default_logger()->clone(name);
        spdlog::register_logger(logger);
    }
    return logger;
}

spdlog::level::level_enum level_of(LogLevel level) {
    switch (level) {
        case LogLevel::debug:
            return spdlog::level::debug;
        case LogLevel::info:
            return spdlog::level::info;
        case LogLevel::warn:
            return spdlog::level::warn;
        case LogLevel::error:
            break;
    }
    return spdlog::level::err;
}

/// What the database says can have several lines.
std::string one_line(std::string_view text) {
    std::string line;
    for (const char c : text) {
        const bool blank = c == '\n' || c == '\r' || c == '\t' || c == ' ';
        if (!blank) line += c;
        if (blank && !line.empty() && line.back() != ' ') line += ' ';
    }
    if (line.ends_with(' ')) line.pop_back();
    return line;
}

std::optional<std::string> limited(std::string_view about, std::string_view text) {
    static std::mutex mutex;
    static LogLimiter limiter;
    const std::lock_guard lock{mutex};
    return limiter.pass(about, text, LogLimiter::Clock::now());
}

}  // namespace

void log(LogLevel level, std::string_view about, std::string_view text) {
    const auto logger = logger_of(std::string(about));
    if (!logger->should_log(level_of(level))) return;
    std::optional<std::string> line = one_line(text);
    const bool may_repeat = level == LogLevel::warn || level == LogLevel::error;
    if (may_repeat && about != "sluice") line = limited(about, *line);
    if (line) logger->log(level_of(level), spdlog::string_view_t(line->data(), line->size()));
}

std::string about_partition(std::string_view pipeline, std::int32_t partition) {
    return std::string(pipeline) + '[' + std::to_string(partition) + ']';
}

}  // namespace sluice
