#include "config/column_source.h"

#include "config/text/words.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>
#include <utility>

namespace sluice::config {
namespace {

using Kind = Source::Kind;

struct Metadata {
    std::string_view name;
    Kind kind;
    std::optional<Kind> part;  ///< what "@name/…" means
    bool of_envelope = false;  ///< its name, too, is part of the path
};

const std::vector<Metadata>& metadata() {
    static const std::vector<Metadata> all{
        {"@value", Kind::value, std::nullopt},
        {"@key", Kind::key, Kind::key_field},
        {"@topic", Kind::topic, std::nullopt},
        {"@partition", Kind::partition, std::nullopt},
        {"@offset", Kind::offset, std::nullopt},
        {"@timestamp", Kind::timestamp, std::nullopt},
        {"@headers", Kind::headers, Kind::header},
        {"@op", Kind::envelope, std::nullopt, true},
        {"@ts_ms", Kind::envelope, std::nullopt, true},
        {"@before", Kind::envelope, Kind::envelope, true},
        {"@source", Kind::envelope, Kind::envelope, true},
    };
    return all;
}

std::variant<Source, std::string> unknown_metadata(std::string_view name) {
    std::vector<std::string_view> known;
    for (const Metadata& entry : metadata()) known.push_back(entry.name);
    std::string problem = "unknown source " + in_quotes(name) + "; ";
    if (const auto near = nearest(name, known); !near.empty()) {
        problem += "did you mean " + in_quotes(near) + "? ";
    } else {
        problem += "there are " + listed(known) + ". ";
    }
    return problem + "A field of that name is " + in_quotes(pointer_to(name));
}

std::variant<Source, std::string> parse_metadata(std::string_view text) {
    const std::size_t slash = text.find('/');
    const std::string_view name = text.substr(0, slash);
    for (const Metadata& entry : metadata()) {
        if (entry.name != name) continue;
        Source source{.kind = entry.kind, .path = {}, .position = 0, .name = {}, .text = {}};
        source.text = text;
        if (entry.of_envelope) source.path.emplace_back(name.substr(1));
        if (slash == std::string_view::npos) return source;
        if (!entry.part) {
            return entry.kind == Kind::value
                       ? in_quotes(text) + " looks into the value; write the pointer alone: " +
                             in_quotes(text.substr(slash))
                       : in_quotes(text) + " has no parts; write " + in_quotes(name);
        }
        source.kind = *entry.part;
        if (source.kind == Kind::header) {
            source.name = text.substr(slash + 1);
            if (source.name.empty()) {
                return in_quotes(text) +
                       " names no header; write \"@headers/NAME\", or "
                       "\"@headers\" for all of them";
            }
            return source;
        }
        auto pointer = parse_pointer(text.substr(slash));
        if (auto* problem = std::get_if<std::string>(&pointer)) return *problem;
        std::ranges::move(std::get<std::vector<std::string>>(pointer),
                          std::back_inserter(source.path));
        return source;
    }
    return unknown_metadata(text);
}

std::string no_fields(std::string_view text, Format format) {
    if (format == Format::csv) {
        return in_quotes(text) +
               " is a field's name, but CSV fields have numbers; write an integer, such as 1";
    }
    return in_quotes(text) + " is a field, but a record of format " + in_quotes(name_of(format)) +
           " has none; write \"@value\" for the whole record";
}

}  // namespace

std::optional<std::uint64_t> element_of(std::string_view token) {
    std::uint64_t element = 0;
    if (token.size() > 1 && token[0] == '0') return std::nullopt;
    const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), element);
    if (error != std::errc() || end != token.data() + token.size()) return std::nullopt;
    return element;
}

std::string pointer_to(std::string_view field) {
    std::string pointer = "/";
    for (const char c : field) {
        if (c == '~') {
            pointer += "~0";
        } else if (c == '/') {
            pointer += "~1";
        } else {
            pointer += c;
        }
    }
    return pointer;
}

std::variant<std::vector<std::string>, std::string> parse_pointer(std::string_view pointer) {
    std::vector<std::string> tokens;
    if (pointer.empty()) return tokens;
    if (pointer.front() != '/') return in_quotes(pointer) + ": a JSON Pointer begins with \"/\"";
    for (std::size_t at = 0; at < pointer.size(); ++at) {
        const char c = pointer[at];
        if (c == '/') {
            tokens.emplace_back();
        } else if (c != '~') {
            tokens.back() += c;
        } else {
            const char code = at + 1 < pointer.size() ? pointer[++at] : '\0';
            if (code != '0' && code != '1') {
                return in_quotes(pointer) +
                       ": in a JSON Pointer, write \"~0\" for \"~\" and \"~1\" for \"/\"";
            }
            tokens.back() += code == '0' ? '~' : '/';
        }
    }
    return tokens;
}

std::variant<Source, std::string> parse_source(std::string_view text, Format format) {
    if (text.empty()) return "an empty source; write \"@value\" for the whole record";
    if (text.front() == '@') return parse_metadata(text);
    if (!names_fields(format)) return no_fields(text, format);
    Source source;
    source.text = text;
    if (text.front() == '/') {
        auto pointer = parse_pointer(text);
        if (auto* problem = std::get_if<std::string>(&pointer)) return *problem;
        source.path = std::get<std::vector<std::string>>(std::move(pointer));
    } else {
        source.path.emplace_back(text);
    }
    return source;
}

std::string pointer_meant(const Source& source) {
    if (source.kind != Kind::field || source.path.size() != 1 || source.text.starts_with('/')) {
        return {};
    }
    std::string_view path = source.path.front();
    const bool from_root = path.starts_with("$.");
    if (from_root) path.remove_prefix(2);
    if (!from_root && path.find('.') == std::string_view::npos) return {};
    std::string pointer = "/";
    for (const char c : path) {
        if (c == '.' || c == '[') {
            pointer += '/';
        } else if (c == '~' || c == '/') {
            pointer += c == '~' ? "~0" : "~1";
        } else if (c != ']') {
            pointer += c;
        }
    }
    return pointer;
}

std::variant<Source, std::string> parse_source(std::int64_t position, Format format) {
    constexpr std::int64_t last_position = 65535;
    if (format != Format::csv) {
        return std::to_string(position) + " is a CSV field number, but the format is " +
               in_quotes(name_of(format)) +
               (names_fields(format) ? "; write a field's name or a JSON Pointer"
                                     : "; write \"@value\" for the whole record");
    }
    if (position < 1 || position > last_position) {
        return "there is no CSV field " + std::to_string(position) +
               "; fields are numbered from 1 to " + std::to_string(last_position);
    }
    Source source;
    source.kind = Kind::position;
    source.position = static_cast<int>(position);
    source.text = std::to_string(position);
    return source;
}

std::string_view name_of(Format format) {
    switch (format) {
        case Format::json:
            return "json";
        case Format::csv:
            return "csv";
        case Format::text:
            return "text";
        case Format::binary:
            return "binary";
        case Format::avro:
            return "avro";
        case Format::protobuf:
            return "protobuf";
    }
    return {};
}

std::string_view name_of(Conversion conversion) {
    switch (conversion) {
        case Conversion::none:
            return "none";
        case Conversion::epoch_s:
            return "epoch_s";
        case Conversion::epoch_ms:
            return "epoch_ms";
        case Conversion::epoch_us:
            return "epoch_us";
        case Conversion::epoch_ns:
            return "epoch_ns";
        case Conversion::epoch_days:
            return "epoch_days";
        case Conversion::time_ms:
            return "time_ms";
        case Conversion::time_us:
            return "time_us";
        case Conversion::time_ns:
            return "time_ns";
        case Conversion::decimal:
            return "decimal";
        case Conversion::base64:
            return "base64";
        case Conversion::hex:
            return "hex";
        case Conversion::json:
            return "json";
        case Conversion::sha256:
            return "sha256";
        case Conversion::mask:
            return "mask";
    }
    return {};
}

}  // namespace sluice::config
