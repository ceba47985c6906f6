#include "daemon/logging.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdio>

namespace sluice {
namespace {

/// A log line as one JSON object.
class JsonFormatter final : public spdlog::formatter {
public:
    void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
        spdlog::memory_buf_t head;
        head_.format(message, head);
        out.append(head.data(), head.data() + head.size());
        for (const char c : message.payload) append_escaped(c, out);
        constexpr std::string_view tail = "\"}\n";
        out.append(tail.data(), tail.data() + tail.size());
    }
    [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override {
        return std::make_unique<JsonFormatter>();
    }

private:
    static void append_escaped(char c, spdlog::memory_buf_t& out) {
        if (c == '"' || c == '\\') out.push_back('\\');
        if (static_cast<unsigned char>(c) >= 0x20) return out.push_back(c);
        char escaped[8];
        const int size = std::snprintf(escaped, sizeof escaped, "\\u%04x", c);
        out.append(escaped, escaped + size);
    }

    spdlog::pattern_formatter head_{
        R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","about":"%n","text":")",
        spdlog::pattern_time_type::utc, ""};
};

}  // namespace

void set_up_logging(const config::Daemon& daemon) {
    static const auto first = spdlog::stderr_color_mt("sluice");
    spdlog::set_default_logger(first);
    spdlog::apply_all([&](const std::shared_ptr<spdlog::logger>& logger) {
        if (daemon.log_format == "json") {
            logger->set_formatter(std::make_unique<JsonFormatter>());
        } else {
            logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %^%-7l%$ %n: %v");
        }
        logger->set_level(spdlog::level::from_str(daemon.log_level));
        logger->flush_on(spdlog::level::trace);
    });
}

}  // namespace sluice
