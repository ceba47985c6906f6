#include "pipeline/log.h"

#include <spdlog/spdlog.h>

#include <memory>
#include <mutex>

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

}  // namespace

void log(LogLevel level, std::string_view who, std::string_view text) {
    logger_of(std::string(who))
        ->log(level_of(level), spdlog::string_view_t(text.data(), text.size()));
}

}  // namespace sluice
