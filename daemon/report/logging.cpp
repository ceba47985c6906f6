#include "daemon/report/logging.h"

#include "daemon/report/recent_log.h"
#include "pipeline/values/utf8.h"

#include <spdlog/details/null_mutex.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace sluice {
namespace {

using Buffer = spdlog::memory_buf_t;

void append(Buffer& out, std::string_view text) {
    out.append(text.data(), text.data() + text.size());
}

void append_escaped(Buffer& out, std::string_view text) {
    while (!text.empty()) {
        const std::size_t size = utf8::character_size(text);
        const auto c = static_cast<unsigned char>(text.front());
        if (size == 0) {
            append(out, "\\ufffd");
        } else if (c == '"' || c == '\\') {
            out.push_back('\\');
            out.push_back(text.front());
        } else if (c < 0x20) {
            char escaped[8];
            std::snprintf(escaped, sizeof escaped, "\\u%04x", c);
            append(out, escaped);
        } else {
            append(out, text.substr(0, size));
        }
        text.remove_prefix(std::max<std::size_t>(size, 1));
    }
}

/// What an event is about, taken apart: "ingest.orders", "orders/1[3]".
void append_about(Buffer& out, std::string_view about) {
    append(out, R"(,"about":")");
    append_escaped(out, about);
    append(out, "\"");
    if (about == "sluice") return;
    const auto number = [&](std::string_view key, std::string_view digits) {
        append(out, ",\"");
        append(out, key);
        append(out, "\":");
        append(out, digits);
    };
    std::string_view pipeline = about.substr(0, about.find_first_of("/["));
    for (const std::string_view kind : {"ingest.", "outbox."}) {
        if (pipeline.starts_with(kind)) pipeline.remove_prefix(kind.size());
    }
    append(out, R"(,"pipeline":")");
    append_escaped(out, pipeline);
    append(out, "\"");
    const auto digits_behind = [&](char mark) -> std::string_view {
        const auto at = about.find(mark);
        if (at == std::string_view::npos) return {};
        const std::string_view rest = about.substr(at + 1);
        return rest.substr(0, rest.find_first_not_of("0123456789"));
    };
    if (const auto lane = digits_behind('/'); !lane.empty()) number("lane", lane);
    if (const auto partition = digits_behind('['); !partition.empty()) {
        number("partition", partition);
    }
}

/// A log line as one JSON object.
class JsonFormatter final : public spdlog::formatter {
public:
    void format(const spdlog::details::log_msg& message, Buffer& out) override {
        head_.format(message, out);
        append_about(out, {message.logger_name.data(), message.logger_name.size()});
        append(out, R"(,"text":")");
        append_escaped(out, {message.payload.data(), message.payload.size()});
        append(out, "\"}\n");
    }
    [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override {
        return std::make_unique<JsonFormatter>();
    }

private:
    spdlog::pattern_formatter head_{R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l")",
                                    spdlog::pattern_time_type::utc, ""};
};

/// Remembers warnings and errors for the status.
class RecentSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
public:
    RecentSink() { set_level(spdlog::level::warn); }

private:
    void sink_it_(const spdlog::details::log_msg& message) override {
        const auto level = spdlog::level::to_string_view(message.level);
        recent_log().add({.at = message.time,
                          .level = {level.data(), level.size()},
                          .about = {message.logger_name.data(), message.logger_name.size()},
                          .text = {message.payload.data(), message.payload.size()}});
    }
    void flush_() override {}
};

}  // namespace

std::string json_line(std::string_view about, std::string_view text) {
    Buffer out;
    JsonFormatter().format({about, spdlog::level::info, text}, out);
    return {out.data(), out.size()};
}

void set_up_logging(const config::Daemon& daemon) {
    static const auto first = [] {
        // https://no-color.org
        const char* const no_color = std::getenv("NO_COLOR");
        const bool plain = no_color != nullptr && *no_color != '\0';
        // Not from spdlog's factory: a logger of this name may be there, if something was logged
        // before.
        return std::make_shared<spdlog::logger>(
            "sluice", spdlog::sinks_init_list{
                          std::make_shared<spdlog::sinks::stderr_color_sink_mt>(
                              plain ? spdlog::color_mode::never : spdlog::color_mode::automatic),
                          std::make_shared<RecentSink>()});
    }();
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
