#include "pipeline/decode/csv/csv_splitter.h"

#include "pipeline/values/utf8.h"

#include <simdjson.h>

#include <cstring>

namespace sluice {

bool CsvSplitter::fail(const char* what, std::size_t position) {
    error_ = {what, position};
    return false;
}

Value CsvSplitter::unquoted(std::string_view text) const {
    if (text == csv_.null) return {Value::Kind::null, {}};
    return {Value::Kind::text, text};
}

bool CsvSplitter::split(std::string_view record, std::vector<Value>& fields, Scratch& scratch) {
    fields.clear();
    if (!simdjson::validate_utf8(record.data(), record.size())) {
        return fail("invalid UTF-8", utf8::first_invalid(record));
    }
    const std::size_t nul = record.find('\0');
    if (nul != std::string_view::npos) return fail("a NUL byte", nul);
    for (std::size_t at = 0;; ++at) {
        const std::size_t begin = at;
        while (at < record.size() && !ends_field(record[at]) && record[at] != csv_.quote) ++at;
        if (at < record.size() && record[at] == csv_.quote) {
            Value field;
            std::size_t from = begin;
            if (!read_quoted(record, from, field, scratch)) return false;
            fields.push_back(field);
            at = from;
        } else {
            fields.push_back(unquoted(record.substr(begin, at - begin)));
        }
        if (at == record.size() || record[at] != csv_.delimiter) return check_rest(record, at);
    }
}

/// "…" with nothing to unescape, as nearly all quoted fields are: stays where it is.
bool CsvSplitter::read_simple(std::string_view record, std::size_t& at, Value& field) const {
    if (record[at] != csv_.quote) return false;
    const std::size_t close = record.find(csv_.quote, at + 1);
    if (close == std::string_view::npos) return false;
    if (close + 1 < record.size() && !ends_field(record[close + 1])) return false;
    const std::string_view content = record.substr(at + 1, close - at - 1);
    const bool escapes = csv_.escape != csv_.quote && content.find(csv_.escape) != content.npos;
    if (escapes) return false;
    field = {Value::Kind::text, content};
    at = close + 1;
    return true;
}

/// A field with quotes somewhere: they may begin and end anywhere in it.
bool CsvSplitter::read_quoted(std::string_view record, std::size_t& at, Value& field,
                              Scratch& scratch) {
    if (read_simple(record, at, field)) return true;
    char* const begin = scratch.reserve(record.size() - at);
    char* to = begin;
    bool in_quotes = false;
    std::size_t opened = 0;
    for (; at < record.size(); ++at) {
        const char c = record[at];
        if (!in_quotes) {
            if (ends_field(c)) break;
            if (c == csv_.quote) {
                in_quotes = true;
                opened = at;
            } else {
                *to++ = c;
            }
        } else if (is_escaped(record, at)) {
            *to++ = record[++at];
        } else if (c == csv_.quote) {
            in_quotes = false;
        } else {
            *to++ = c;
        }
    }
    if (in_quotes) return fail("a quote that does not end", opened);
    scratch.shrink(to);
    field = {Value::Kind::text, {begin, static_cast<std::size_t>(to - begin)}};
    return true;
}

/// Within quotes: an escape character before what it may escape.
bool CsvSplitter::is_escaped(std::string_view record, std::size_t at) const {
    if (record[at] != csv_.escape || at + 1 == record.size()) return false;
    return record[at + 1] == csv_.escape || record[at + 1] == csv_.quote;
}

bool CsvSplitter::check_rest(std::string_view record, std::size_t at) {
    const std::string_view rest = record.substr(at);
    if (rest.empty() || rest == "\n" || rest == "\r\n" || rest == "\r") return true;
    return fail("more than one row in a record", at);
}

}  // namespace sluice
