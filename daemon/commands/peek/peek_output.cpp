#include "daemon/commands/peek/peek_output.h"

#include "config/text/units.h"
#include "daemon/report/report.h"
#include "pipeline/values/hex.h"
#include "sinks/books/dead_letters.h"

#include <algorithm>
#include <ostream>

namespace sluice {
namespace {

using Cell = std::optional<std::string>;

/// Bytes as they are where they are text, as the database shows bytea otherwise.
Cell cell_of(const std::optional<std::string_view>& bytes) {
    if (!bytes) return std::nullopt;
    return is_printable(*bytes) ? std::string(*bytes) : bytea_text(*bytes);
}

Cell time_of(const Record& record) {
    if (record.timestamp_ms < 0) return std::nullopt;
    return config::format_time(record.timestamp_ms);
}

Cell headers_of(const Record& record) {
    if (record.headers.empty()) return std::nullopt;
    return headers_json(record.headers);
}

const char* name_of(Peeked::As as) {
    switch (as) {
        case Peeked::As::row:
            return "row";
        case Peeked::As::removal:
            return "delete";
        case Peeked::As::truncation:
            return "truncate";
        case Peeked::As::rejected:
            return "rejected";
        case Peeked::As::filtered:
            return "filtered";
        case Peeked::As::raw:
            break;
    }
    return "raw";
}

bool has_columns(const Peeked& peeked) {
    return peeked.as == Peeked::As::row || peeked.as == Peeked::As::removal;
}

std::string described(std::span<const Reason> reasons) {
    return describe({reasons.begin(), reasons.end()});
}

/// A row in one cell: its columns are not those of the next one.
std::string row_as_json(const Peeked& peeked) {
    JsonWriter json;
    json.begin_object();
    for (std::size_t i = 0; i < peeked.columns.size(); ++i) {
        json.key(peeked.columns[i]);
        if (peeked.values[i])
            json.value(*peeked.values[i]);
        else
            json.null();
    }
    return json.end_object().text();
}

/// What table and CSV have in common.
std::vector<Cell> header(const PeekOutputOptions& options) {
    std::vector<Cell> cells{"partition", "offset", "timestamp"};
    if (options.several_topics) cells.insert(cells.begin(), "topic");
    if (options.columns) {
        cells.emplace_back("becomes");
        if (options.several_tables) cells.insert(cells.end(), {"into", "row"});
        cells.insert(cells.end(), options.columns->begin(), options.columns->end());
    } else {
        cells.insert(cells.end(), {"key", "headers", "value"});
    }
    return cells;
}

std::vector<Cell> cells_of(const Peeked& peeked, const PeekOutputOptions& options) {
    const Record& record = peeked.record;
    std::vector<Cell> cells{std::to_string(record.from->number), std::to_string(record.offset),
                            time_of(record)};
    if (options.several_topics) cells.insert(cells.begin(), record.from->topic);
    if (!options.columns) {
        cells.insert(cells.end(), {cell_of(record.key), headers_of(record), cell_of(record.value)});
        return cells;
    }
    cells.emplace_back(name_of(peeked.as));
    if (options.several_tables) {
        cells.push_back(peeked.into.empty() ? Cell{} : peeked.into);
        cells.push_back(has_columns(peeked) ? row_as_json(peeked) : Cell{});
    } else if (has_columns(peeked)) {
        cells.insert(cells.end(), peeked.values.begin(), peeked.values.end());
    } else {
        cells.resize(cells.size() + options.columns->size());
    }
    return cells;
}

class Csv : public PeekOutput {
public:
    Csv(PeekOutputOptions options, std::ostream& out) : options_(std::move(options)), out_(out) {
        std::vector<Cell> names = header(options_);
        if (options_.columns) names.emplace_back("reasons");
        write(std::move(names));
    }

    void show(const Peeked& peeked) override {
        std::vector<Cell> cells = cells_of(peeked, options_);
        if (options_.columns) {
            cells.push_back(peeked.reasons.empty() ? Cell{} : described(peeked.reasons));
        }
        write(std::move(cells));
    }
    void finish() override { out_.flush(); }

private:
    void write(std::vector<Cell> cells) {
        if (options_.to_terminal) {
            for (Cell& cell : cells) {
                if (cell) cell = printable(*cell);
            }
        }
        out_ << csv_line(cells);
    }

    const PeekOutputOptions options_;
    std::ostream& out_;
};

/// One object a line, so that neither side holds more than one record.
class Json : public PeekOutput {
public:
    Json(PeekOutputOptions options, std::ostream& out) : options_(std::move(options)), out_(out) {}

    void show(const Peeked& peeked) override {
        const Record& record = peeked.record;
        JsonWriter json;
        json.begin_object().field("topic", record.from->topic);
        json.field("partition", static_cast<long long>(record.from->number));
        json.field("offset", static_cast<long long>(record.offset));
        field(json, "timestamp", time_of(record));
        if (options_.columns) json.field("becomes", name_of(peeked.as));
        if (!peeked.into.empty()) json.field("into", peeked.into);
        if (has_columns(peeked)) {
            json.key("columns").begin_object();
            for (std::size_t i = 0; i < peeked.columns.size(); ++i) {
                field(json, peeked.columns[i], peeked.values[i]);
            }
            json.end_object();
        } else {
            add_reasons(json, peeked);
            add_whole(json, record);
        }
        out_ << json.end_object().text() << '\n';
    }
    void finish() override { out_.flush(); }

private:
    static void field(JsonWriter& json, std::string_view name, const Cell& cell) {
        json.key(name);
        if (cell) {
            json.value(*cell);
        } else {
            json.null();
        }
    }

    static void add_reasons(JsonWriter& json, const Peeked& peeked) {
        if (peeked.as != Peeked::As::rejected) return;
        json.key("reasons").begin_array();
        for (const Reason& reason : peeked.reasons) {
            json.begin_object();
            field(json, "column", reason.column.empty() ? Cell{} : reason.column);
            json.field("reason", reason.text).end_object();
        }
        json.end_array();
    }

    static void bytes_field(JsonWriter& json, std::string_view name,
                            const std::optional<std::string_view>& bytes) {
        if (bytes && !is_printable(*bytes)) {
            std::string digits;
            append_hex(digits, *bytes);
            json.field(std::string(name) + "_hex", digits);
        } else {
            field(json, name, bytes ? Cell(*bytes) : Cell{});
        }
    }

    static void add_whole(JsonWriter& json, const Record& record) {
        bytes_field(json, "key", record.key);
        json.key("headers").begin_array();
        for (const Header& each : record.headers) {
            json.begin_object();
            bytes_field(json, "name", each.name);
            bytes_field(json, "value", each.value);
            json.end_object();
        }
        json.end_array();
        bytes_field(json, "value", record.value);
    }

    const PeekOutputOptions options_;
    std::ostream& out_;
};

/// For people: some rows at a time are brought into columns, long values are cut. Why records are
/// rejected stands below.
class TableOutput : public PeekOutput {
public:
    TableOutput(PeekOutputOptions options, std::ostream& out)
        : options_(std::move(options)), out_(out), header_(in_table(header(options_))) {}

    void show(const Peeked& peeked) override {
        rows_.push_back(in_table(cells_of(peeked, options_)));
        if (peeked.as == Peeked::As::rejected) {
            rejects_ += name_of(peeked.record) + ": " + printable(described(peeked.reasons)) + "\n";
        }
        if (rows_.size() >= rows_at_a_time) flush();
    }

    void finish() override {
        if (!rows_.empty() || !began_) flush();
        out_.flush();
    }

private:
    static constexpr std::size_t rows_at_a_time = 500;
    static constexpr std::size_t longest_cell = 60;

    static std::vector<std::string> in_table(const std::vector<Cell>& cells) {
        std::vector<std::string> shown;
        for (const Cell& cell : cells) shown.push_back(cell ? cut(printable(*cell)) : "-");
        return shown;
    }

    static std::string cut(std::string text) {
        std::size_t characters = 0;
        for (std::size_t i = 0; i < text.size(); ++i) {
            if ((text[i] & '\xC0') == '\x80' || characters++ < longest_cell) continue;
            text.resize(i);
            return text + "…";
        }
        return text;
    }

    void flush() {
        rows_.insert(rows_.begin(), header_);
        const std::string text = format_table(rows_);
        out_ << (began_ ? text.substr(text.find('\n') + 1) : text) << rejects_;
        began_ = true;
        rows_.clear();
        rejects_.clear();
    }

    const PeekOutputOptions options_;
    std::ostream& out_;
    const std::vector<std::string> header_;
    std::vector<std::vector<std::string>> rows_;
    std::string rejects_;
    bool began_ = false;
};

}  // namespace

std::unique_ptr<PeekOutput> make_peek_output(PeekOutputOptions options, std::ostream& out) {
    switch (options.form) {
        case CommandLine::Output::csv:
            return std::make_unique<Csv>(std::move(options), out);
        case CommandLine::Output::json:
            return std::make_unique<Json>(std::move(options), out);
        case CommandLine::Output::table:
            break;
    }
    return std::make_unique<TableOutput>(std::move(options), out);
}

}  // namespace sluice
