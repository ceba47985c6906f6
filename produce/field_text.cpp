#include "produce/field_text.h"

#include "config/text/characters.h"
#include "pipeline/values/civil_time.h"
#include "pipeline/values/json_text.h"
#include "schemas/base64.h"

#include <charconv>

namespace sluice::produce {
namespace {

using config::Conversion;

bool is_number(std::string_view text) {
    double ignored = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ignored);
    return error == std::errc() && end == text.data() + text.size() && !text.empty() &&
           (is_digit(text.back()) || text.back() == '.');
}

/// Microseconds since 1970.
std::optional<std::int64_t> moment_of(std::string_view text) {
    const civil_time::Reading time = civil_time::read_date_time(trimmed(text));
    if (time.outcome != civil_time::Reading::Outcome::exact) return std::nullopt;
    const std::int64_t days = std::int64_t{time.days} + civil_time::database_epoch_days;
    return days * civil_time::microseconds_per_day + time.microseconds -
           std::int64_t{time.zone_seconds} * civil_time::microseconds_per_second;
}

/// The number with its point moved to the left.
std::string scaled(std::int64_t number, int decimals) {
    std::string digits = std::to_string(number < 0 ? -number : number);
    const auto places = static_cast<std::size_t>(decimals);
    if (digits.size() <= places) digits.insert(0, places + 1 - digits.size(), '0');
    std::string fraction = digits.substr(digits.size() - places);
    digits.resize(digits.size() - places);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    if (!fraction.empty()) digits += '.' + fraction;
    return number < 0 ? '-' + digits : digits;
}

std::optional<std::string> epoch_of(std::string_view text, int decimals, std::string& problem) {
    if (is_number(trimmed(text))) return std::string(trimmed(text));
    const auto moment = moment_of(text);
    if (moment) return scaled(*moment, decimals);
    problem = "is neither a number since 1970 nor a time such as 2026-01-31 12:00:00+00";
    return std::nullopt;
}

/// RFC 8259, section 6.
bool is_json_number(std::string_view text) {
    std::size_t at = 0;
    const auto digits = [&] {
        const std::size_t begin = at;
        while (at < text.size() && is_digit(text[at])) ++at;
        return at > begin;
    };
    if (text.starts_with('-')) ++at;
    if (at < text.size() && text[at] == '0') {
        ++at;
    } else if (!digits()) {
        return false;
    }
    if (at < text.size() && text[at] == '.') {
        ++at;
        if (!digits()) return false;
    }
    if (at < text.size() && (text[at] | 0x20) == 'e') {
        ++at;
        if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
        if (!digits()) return false;
    }
    return at == text.size();
}

}  // namespace

std::optional<std::string> bytes_of(std::string_view text) {
    if (!text.starts_with("\\x") || text.size() % 2 != 0) return std::nullopt;
    std::string bytes;
    for (std::size_t i = 2; i < text.size(); i += 2) {
        const int high = hex_digit(text[i]);
        const int low = hex_digit(text[i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        bytes += static_cast<char>(high << 4 | low);
    }
    return bytes;
}

std::optional<std::string> revert(std::string_view text, Conversion as, std::string& problem) {
    switch (as) {
        case Conversion::epoch_s:
            return epoch_of(text, 6, problem);
        case Conversion::epoch_ms:
            return epoch_of(text, 3, problem);
        case Conversion::epoch_us:
            return epoch_of(text, 0, problem);
        case Conversion::base64:
            if (const auto bytes = bytes_of(text)) return schemas::base64_of(*bytes);
            break;
        case Conversion::epoch_ns:
        case Conversion::epoch_days:
        case Conversion::time_ms:
        case Conversion::time_us:
        case Conversion::time_ns:
        case Conversion::decimal:
            problem = "is read by a conversion that only loads";
            return std::nullopt;
        case Conversion::sha256:  // the record has the value itself
        case Conversion::mask:
        case Conversion::hex:  // reads \x… too
        case Conversion::none:
        case Conversion::json:
            break;
    }
    return std::string(text);
}

std::optional<std::int64_t> milliseconds_of(std::string_view text) {
    text = trimmed(text);
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size()) return number;
    const auto moment = moment_of(text);
    if (!moment) return std::nullopt;
    // Down, not towards 1970.
    return (*moment - (*moment < 0 ? 999 : 0)) / 1000;
}

bool append_json(std::string& to, std::string_view text, Field::Style style, JsonIndex& index) {
    switch (style) {
        case Field::Style::number:
            if (!is_json_number(text)) break;
            to += text;
            return true;
        case Field::Style::boolean:
            if (text != "t" && text != "true" && text != "f" && text != "false") break;
            to += text.front() == 't' ? "true" : "false";
            return true;
        case Field::Style::json:
            if (json::check(text, index)) return false;
            to += text;
            return true;
        case Field::Style::string:
            break;
    }
    json::append_string(to, text);
    return true;
}

void append_csv(std::string& to, const std::optional<std::string_view>& text,
                const config::Csv& csv) {
    if (!text) {
        to += csv.null;
        return;
    }
    const char special[] = {csv.delimiter, csv.quote, '\n', '\r'};
    const bool plain = *text != csv.null && text->find_first_of(std::string_view(
                                                special, sizeof special)) == std::string_view::npos;
    if (plain) {
        to += *text;
        return;
    }
    to += csv.quote;
    for (const char c : *text) {
        if (c == csv.quote || c == csv.escape) to += csv.escape;
        to += c;
    }
    to += csv.quote;
}

}  // namespace sluice::produce
