#include "daemon/commands/dead_letter_report.h"

#include "daemon/report/report.h"
#include "pipeline/values/hex.h"
#include "pipeline/values/utf8.h"
#include "sinks/books/stored_json.h"

#include <iostream>

namespace sluice {
namespace {

std::string position(const DeadLetter& letter) {
    return letter.topic + "[" + std::to_string(letter.partition) + "]@" +
           std::to_string(letter.offset);
}

std::string hex(std::string_view bytes) {
    std::string digits;
    append_hex(digits, bytes);
    return digits;
}

std::string shown(const std::optional<std::string>& bytes) {
    if (!bytes) return "NULL";
    return is_printable(*bytes) ? *bytes : "0x" + hex(*bytes);
}

void more(std::size_t shown, std::int64_t all) {
    const auto left = all - static_cast<std::int64_t>(shown);
    if (left > 0) std::cout << "… and " << left << " more; --limit N shows more\n";
}

void add_described(JsonWriter& json, const DeadLetter& letter) {
    json.field("pipeline", letter.pipeline).field("topic", letter.topic);
    json.field("partition", static_cast<long long>(letter.partition));
    json.field("offset", static_cast<long long>(letter.offset));
    json.field("incarnation", static_cast<long long>(letter.incarnation));
    json.field("cluster_id", letter.cluster_id);
    if (!letter.record_time.empty()) json.field("record_time", letter.record_time);
    json.field("rejected_at", letter.rejected_at);
    json.field("retries", static_cast<long long>(letter.retries));
    if (!letter.retried_at.empty()) json.field("retried_at", letter.retried_at);
    json.field("value_bytes", static_cast<long long>(letter.value_bytes));
    json.key("reasons").begin_array();
    for (const Reason& reason : parse_reasons(letter.reasons)) {
        json.begin_object();
        if (!reason.column.empty()) json.field("column", reason.column);
        json.field("reason", reason.text).end_object();
    }
    json.end_array();
}

void add_bytes(JsonWriter& json, const std::string& name, const std::optional<std::string>& bytes) {
    if (!bytes) return;
    if (utf8::first_invalid(*bytes) == bytes->size()) {
        json.field(name, *bytes);
    } else {
        json.field(name + "_hex", hex(*bytes));
    }
}

template <class Letters, class Add>
void add_letters(JsonWriter& json, const Letters& letters, std::int64_t all, Add add) {
    json.begin_object().field("count", static_cast<long long>(all)).key("dead_letters");
    json.begin_array();
    for (const auto& letter : letters) {
        json.begin_object();
        add(json, letter);
        json.end_object();
    }
    json.end_array();
}

void print_json(const DeadLetterList& list) {
    JsonWriter json;
    add_letters(json, list.letters, list.all, add_described);
    json.key("by_reason").begin_array();
    for (const AlikeDeadLetters& alike : list.by_reason) {
        json.begin_object().field("pipeline", alike.pipeline);
        if (!alike.reason.column.empty()) json.field("column", alike.reason.column);
        json.field("reason", alike.reason.text);
        json.field("count", static_cast<long long>(alike.count)).end_object();
    }
    json.end_array().end_object();
    std::cout << json.text() << '\n';
}

void print_whole(const WholeDeadLetter& letter) {
    const auto line = [](const std::string& name, const std::string& text) {
        std::string left = "  " + name;
        left.resize(std::max<std::size_t>(left.size() + 2, 16), ' ');
        std::cout << left << text << '\n';
    };
    std::cout << position(letter) << '\n';
    line("pipeline", letter.pipeline);
    line("record time", letter.record_time.empty() ? "none" : letter.record_time);
    line("rejected", letter.rejected_at);
    if (letter.retries > 0) {
        line("retries", std::to_string(letter.retries) + ", the last at " + letter.retried_at);
    }
    for (const Reason& reason : parse_reasons(letter.reasons))
        line("reason", printable(describe({reason})));
    line("key", shown(letter.key));
    for (const StoredHeader& header : parse_headers(letter.headers))
        line("header", shown(header.name) + ": " + shown(header.value));
    line("value", letter.value ? std::to_string(letter.value->size()) + " bytes" : "NULL");
    if (letter.value) std::cout << shown(letter.value) << '\n';
    std::cout << '\n';
}

}  // namespace

void print_list(const DeadLetterList& list, CommandLine::Output output) {
    if (output == CommandLine::Output::json) return print_json(list);
    if (list.letters.empty()) {
        std::cout << "no dead letters\n";
        return;
    }
    std::vector<std::vector<std::string>> rows = {
        {"pipeline", "position", "rejected", "retries", "reasons"}};
    for (const DeadLetter& letter : list.letters) {
        rows.push_back({letter.pipeline, position(letter),
                        letter.retried_at.empty() ? letter.rejected_at : letter.retried_at,
                        std::to_string(letter.retries), describe(parse_reasons(letter.reasons))});
    }
    std::cout << format_table(rows);
    more(list.letters.size(), list.all);
    std::vector<std::vector<std::string>> sums = {{"dead letters", "pipeline", "for"}};
    for (const AlikeDeadLetters& alike : list.by_reason) {
        sums.push_back({std::to_string(alike.count), alike.pipeline, describe({alike.reason})});
    }
    std::cout << '\n' << format_table(sums);
}

void print_whole(const std::vector<WholeDeadLetter>& letters, std::int64_t all,
                 CommandLine::Output output) {
    if (output == CommandLine::Output::json) {
        JsonWriter whole;
        add_letters(whole, letters, all, [](JsonWriter& json, const WholeDeadLetter& letter) {
            add_described(json, letter);
            add_bytes(json, "key", letter.key);
            add_bytes(json, "value", letter.value);
            json.key("headers").begin_array();
            for (const StoredHeader& header : parse_headers(letter.headers)) {
                json.begin_object();
                add_bytes(json, "name", header.name);
                add_bytes(json, "value", header.value);
                json.end_object();
            }
            json.end_array();
        });
        std::cout << whole.end_object().text() << '\n';
        return;
    }
    if (letters.empty()) std::cout << "no dead letters\n";
    for (const WholeDeadLetter& letter : letters) print_whole(letter);
    more(letters.size(), all);
}

void print_results(const std::vector<DeadLetterResult>& results, CommandLine::Output output) {
    if (output == CommandLine::Output::json) {
        JsonWriter json;
        json.begin_object().key("pipelines").begin_array();
        for (const DeadLetterResult& result : results) {
            const DeadLetterCounts& counts = result.counts;
            json.begin_object().field("name", result.pipeline);
            json.field("loaded", static_cast<long long>(counts.loaded));
            json.field("filtered", static_cast<long long>(counts.filtered));
            json.field("discarded", static_cast<long long>(counts.discarded));
            json.field("rejected", static_cast<long long>(counts.rejected));
            json.field("of_other_topics", static_cast<long long>(result.of_other_topics));
            json.end_object();
        }
        json.end_array().end_object();
        std::cout << json.text() << '\n';
        return;
    }
    for (const DeadLetterResult& result : results) {
        const DeadLetterCounts& counts = result.counts;
        std::cout << result.pipeline << ": ";
        if (counts.all() == 0) std::cout << "no dead letters";
        if (counts.discarded > 0) std::cout << counts.discarded << " discarded";
        if (counts.all() > counts.discarded) {
            std::cout << counts.loaded << " loaded, " << counts.filtered << " filtered, "
                      << counts.rejected << " stay dead letters";
        }
        std::cout << '\n';
        if (result.of_other_topics > 0) {
            std::cout << result.pipeline << ": " << result.of_other_topics
                      << " are of topics that it does not read any more, and were left alone\n";
        }
    }
}

}  // namespace sluice
