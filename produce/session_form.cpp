#include "produce/session_form.h"

#include "config/text/characters.h"
#include "produce/field_text.h"

#include <algorithm>
#include <cctype>

namespace sluice::produce {
namespace {

using Written = Field::Written;

/// Whether it begins as 2026-01-31, of years of any length, or is none of a calendar's.
bool is_iso(std::string_view text) {
    if (text == "infinity" || text == "-infinity") return true;
    const std::size_t year = std::min(text.find('-'), text.size());
    constexpr std::size_t rest = 6;
    return year >= 4 && text.size() >= year + rest && text[year + 3] == '-' &&
           std::ranges::all_of(text.substr(0, year), is_digit);
}

/// "-1 2:03:04", of sql_standard, which other styles read as a day back and two hours forth.
bool has_one_sign_for_all(std::string_view interval) {
    if (!interval.starts_with('-')) return false;
    const std::size_t blank = interval.find(' ');
    return blank + 1 < interval.size() && blank != std::string_view::npos &&
           is_digit(interval[blank + 1]) &&
           std::ranges::none_of(interval, [](unsigned char c) { return std::isalpha(c) != 0; });
}

/// Of each bound or element of an array's or a range's text, whatever it is nested in.
template <typename Fits>
bool all_fit(std::string_view text, Fits fits) {
    // The lower bounds of an array that does not count from 1: [0:1]={…}
    if (const std::size_t bounds = text.find("]={"); bounds != std::string_view::npos)
        text.remove_prefix(bounds + 2);
    constexpr std::string_view between = "{}[](),\"\\";
    while (!text.empty()) {
        const std::size_t end = std::min(text.find_first_of(between), text.size());
        const std::string_view one = text.substr(0, end);
        if (!one.empty() && one != "NULL" && one != "empty" && !fits(one)) return false;
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return true;
}

}  // namespace

const char* set_otherwise(Written written, std::string_view text) {
    switch (written) {
        case Written::anyhow:
            return nullptr;
        case Written::bytea:
            return bytes_of(text) ? nullptr : "bytea_output = 'hex'";
        case Written::times:
            return all_fit(text, is_iso) ? nullptr : "DateStyle = 'ISO'";
        case Written::intervals:
            return all_fit(text, [](std::string_view one) { return !has_one_sign_for_all(one); })
                       ? nullptr
                       : "IntervalStyle = 'postgres'";
    }
    return nullptr;
}

}  // namespace sluice::produce
