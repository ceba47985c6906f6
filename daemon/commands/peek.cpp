#include "config/units.h"
#include "config/words.h"
#include "daemon/commands/commands.h"
#include "daemon/commands/named_pipelines.h"
#include "daemon/commands/peek_output.h"
#include "daemon/commands/peek_plan.h"
#include "daemon/commands/peek_where.h"
#include "daemon/commands/progress_line.h"
#include "daemon/commands/readable_record.h"
#include "kafka/client.h"
#include "pipeline/errors.h"
#include "pipeline/mapping/row_mapper.h"
#include "registry/registry_client.h"
#include "sinks/catalogue/catalogue.h"
#include "sinks/session/session.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <iostream>
#include <memory>

namespace sluice {
namespace {

/// Without --limit, for a person at a terminal.
constexpr std::int64_t screenful = 50;
/// So many records in a row that are later than asked: what follows is hardly earlier.
constexpr int late_enough = 1000;

struct Request {
    const config::Ingest* ingest = nullptr;  ///< nullptr: a topic alone
    std::string topic;
    bool raw = false;       ///< not by a pipeline's mapping
    bool as_it_is = false;  ///< nor by schemas
    PeekWish wish;
    std::shared_ptr<registry::RegistryClient> registry;  ///< null: none is needed, or configured
    std::optional<PeekWhere> where;
    std::optional<std::int64_t> limit;
    bool limit_is_ours = false;  ///< nobody asked for one
    CommandLine::Output output = CommandLine::Output::table;
};

std::optional<std::int64_t> count_of(std::string_view text) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || number < 1) return std::nullopt;
    return number;
}

void read_from(const std::string& text, PeekWish& wish) {
    using Start = config::Start;
    if (text == "earliest") return;
    if (text.starts_with("-") && (wish.last = count_of(std::string_view(text).substr(1)))) return;
    if (const auto time = config::parse_time(text)) {
        wish.from = {.kind = Start::Kind::time, .time_ms = std::max<std::int64_t>(0, *time)};
        return;
    }
    throw WrongConfiguration(
        "--from takes earliest, -N for the last N offsets of each partition, or a time "
        "as in 2026-01-31T12:00:00Z, not " +
        config::in_quotes(text));
}

Request request_of(const config::Config& config, const CommandLine& line) {
    Request request;
    request.output = line.output;
    request.as_it_is = line.has("--raw");
    request.raw = request.as_it_is || line.words.empty();
    if (line.words.empty() == !line.has("--topic")) {
        throw WrongConfiguration(
            "peek takes the name of a pipeline, or --topic and the name of a topic");
    }
    if (line.words.empty()) {
        request.topic = *line.option("--topic");
    } else {
        request.ingest =
            &ingest_named(config, line.words[0], "; --topic shows any topic without one");
        request.topic = request.ingest->topic;
    }
    const auto where = line.option("--where");
    if (where || !request.as_it_is) request.registry = registry::client_of(config.registry);
    if (where) {
        const config::Ingest any{};
        request.where.emplace(*where, request.ingest != nullptr ? *request.ingest : any,
                              request.registry);
        request.wish.where = request.where->of_records();
    }
    if (const auto from = line.option("--from")) read_from(*from, request.wish);
    request.limit = line.limit();
    request.limit_is_ours = !request.limit && ::isatty(STDOUT_FILENO) == 1;
    if (request.limit_is_ours) request.limit = screenful;
    return request;
}

/// What the pipeline would make of records, one at a time.
class Mapping {
public:
    Mapping(const config::Ingest& ingest, const std::string& dsn,
            const std::shared_ptr<SchemaSource>& registry)
        : sql_(note_on_sql(ingest)), mapper_(ingest, table_of(ingest, dsn), registry) {}

    [[nodiscard]] const std::vector<std::string>& columns() const { return mapper_.columns(); }
    /// Columns for which no row had a value: names may differ from what the mapping says; empty:
    /// each had one once, or there were no rows.
    [[nodiscard]] std::string unfilled() const {
        std::string names;
        for (std::size_t i = 0; i < filled_.size(); ++i)
            if (!filled_[i])
                names += (names.empty() ? "" : ", ") + config::in_quotes(mapper_.columns()[i]);
        if (names.empty()) return {};
        return "of " + std::to_string(rows_) + (rows_ == 1 ? " row" : " rows") +
               " none has a value for " + names + "\n";
    }
    /// What nobody but the database can tell of these rows; empty: nothing.
    [[nodiscard]] std::string not_judged() const {
        if (not_judged_ == 0) return sql_;
        return sql_ + first_not_judged_ +
               (not_judged_ == 1
                    ? " holds"
                    : " and " + std::to_string(not_judged_ - 1) + " more of these rows hold") +
               " a value that only the database can judge: it may become a dead letter\n";
    }

    void show(const Record& record, PeekOutput& output) {
        batch_.clear();
        const RecordLog::Index index = batch_.records.append(record);
        switch (mapper_.map(index, batch_)) {
            case RowMapper::Outcome::row:
                return show_row(record, output);
            case RowMapper::Outcome::rejected:
                return output.show({.as = Peeked::As::rejected,
                                    .record = record,
                                    .reasons = batch_.rejects.front().reasons});
            case RowMapper::Outcome::filtered:
                return output.show({.as = Peeked::As::filtered, .record = record});
        }
    }

private:
    /// Whether the row that is shown, the latest, is one that goes.
    [[nodiscard]] bool removes() const {
        const TargetRows& rows = batch_.targets.front();
        const EncodedRows& latest = rows.text.rows.empty() ? rows.binary : rows.text;
        return !latest.rows.empty() && latest.rows.back().change == Change::remove;
    }

    void show_row(const Record& record, PeekOutput& output) {
        note_whether_judged(record);
        Peeked peeked{.as = removes() ? Peeked::As::removal : Peeked::As::row,
                      .record = record,
                      .values = mapper_.values_as_text()};
        if (peeked.as == Peeked::As::row) {
            ++rows_;
            filled_.resize(peeked.values.size());
            for (std::size_t i = 0; i < filled_.size(); ++i)
                if (peeked.values[i]) filled_[i] = true;
        }
        output.show(peeked);
    }

    void note_whether_judged(const Record& record) {
        if (batch_.targets.front().text.rows.empty() || ++not_judged_ > 1) return;
        first_not_judged_ = name_of(record);
    }

    static Table table_of(const config::Ingest& ingest, const std::string& dsn) {
        Session session{dsn, "sluice peek"};
        return read_target(session, ingest);
    }

    static std::string note_on_sql(const config::Ingest& ingest) {
        std::string text;
        for (const config::SqlColumn& computed : ingest.computed)
            text += (text.empty() ? "not shown, since the database computes it: " : ", ") +
                    computed.column;
        if (!text.empty()) text += "\n";
        if (!ingest.where.empty())
            text += "where is judged by the database, which may leave out any of these rows\n";
        return text;
    }

    const std::string sql_;
    RowMapper mapper_;
    Batch batch_;
    std::int64_t rows_ = 0;
    std::vector<bool> filled_;  ///< of each column, whether some row had a value
    std::int64_t not_judged_ = 0;
    std::string first_not_judged_;
};

/// Shows what is wanted of what is read, and says when that is enough.
class Viewer {
public:
    using Next = kafka::TopicReader::Next;

    /// `mapping`, `readable`: at most one of them; neither: records are shown as they are.
    struct How {
        Mapping* mapping = nullptr;
        ReadableRecord* readable = nullptr;
    };
    Viewer(Request& request, const std::vector<PeekPart>& plan, PeekOutput& output, How how)
        : request_(request),
          plan_(plan),
          output_(output),
          mapping_(how.mapping),
          readable_(how.readable) {}

    Next on_record(const Record& record) {
        progress_.at(++seen_, all_);
        if (!request_.where || request_.where->matches(record)) {
            progress_.clear();
            if (mapping_ != nullptr) {
                mapping_->show(record, output_);
            } else if (readable_ != nullptr) {
                const Record readable = readable_->of(record);
                output_.show({.as = Peeked::As::raw, .record = readable});
            } else {
                output_.show({.as = Peeked::As::raw, .record = record});
            }
            if (++shown_ == request_.limit) return Next::nothing;
        }
        return is_late(record) ? Next::range : Next::record;
    }

    void finish() {
        progress_.clear();
        output_.finish();
        if (request_.limit_is_ours && shown_ == request_.limit) {
            std::cerr << "the first " << shown_ << "; --limit N or --limit all shows more\n";
        }
        std::cerr << notes_;
        if (request_.where) std::cerr << request_.where->not_told();
        if (mapping_ != nullptr) std::cerr << mapping_->unfilled() << mapping_->not_judged();
    }

private:
    /// Whether the range's end in time is behind us, as far as one can tell. Timestamps need not
    /// ascend, and one of them may be far off.
    bool is_late(const Record& record) {
        const query::ReadRange& range = range_of(record);
        if (record.timestamp_ms < range.to_ms) {
            late_in_a_row_ = 0;
            return false;
        }
        if (++late_in_a_row_ < late_enough) return false;
        late_in_a_row_ = 0;
        const std::string end = std::to_string(range.offsets.to);
        notes_ += name_of(*record.from) + ": " + std::to_string(late_enough) +
                  " records in a row up to offset " + std::to_string(record.offset) +
                  " are later than asked, so those behind were not read; to have them read, add: "
                  "offset < " +
                  end + "\n";
        return true;
    }

    const query::ReadRange& range_of(const Record& record) {
        const auto is_behind = [&] {
            return plan_[part_].partition != record.from->number ||
                   plan_[part_].ranges[range_].offsets.to <= record.offset;
        };
        while (is_behind()) {
            late_in_a_row_ = 0;
            if (++range_ < plan_[part_].ranges.size()) continue;
            range_ = 0;
            ++part_;
        }
        return plan_[part_].ranges[range_];
    }

    Request& request_;
    const std::vector<PeekPart>& plan_;
    PeekOutput& output_;
    Mapping* const mapping_;
    ReadableRecord* const readable_;
    ProgressLine progress_{"peek " + request_.topic, "records"};
    const std::int64_t all_ = offsets_in(plan_);
    std::int64_t seen_ = 0;
    std::int64_t shown_ = 0;
    std::size_t part_ = 0;   // of plan_, that is being read
    std::size_t range_ = 0;  // of its ranges
    int late_in_a_row_ = 0;
    std::string notes_;
};

void show(const config::Config& config, Request request) {
    std::optional<Mapping> mapping;
    if (!request.raw)
        mapping.emplace(*request.ingest, config.cloudberry.dsn.text, request.registry);
    std::optional<ReadableRecord> readable;
    if (request.raw && !request.as_it_is && request.registry != nullptr)
        readable.emplace(request.registry);
    std::vector<PeekPart> plan;
    {
        const kafka::ClientHandle client = kafka::make_client(
            RD_KAFKA_CONSUMER,
            kafka::make_conf(config.kafka, {{"isolation.level", "read_committed"}}), "peek");
        plan = plan_peek(*client, request.topic, request.wish);
    }
    PeekOutputOptions options{.form = request.output,
                              .to_terminal = ::isatty(STDOUT_FILENO) == 1,
                              .columns = std::nullopt};
    if (mapping) options.columns = mapping->columns();
    const auto output = make_peek_output(std::move(options), std::cout);
    Viewer viewer(request, plan, *output,
                  {mapping ? &*mapping : nullptr, readable ? &*readable : nullptr});
    if (!plan.empty()) {
        // A record that does not fulfil the condition does not count towards the limit.
        std::int64_t most = offsets_in(plan);
        if (!request.wish.where) most = std::min(most, request.limit.value_or(most));
        kafka::TopicReader reader(config.kafka, request.topic, most);
        reader.read(parts_to_read(plan),
                    [&](const Record& record) { return viewer.on_record(record); });
    }
    viewer.finish();
}

}  // namespace

int peek(const config::Config& config, const CommandLine& line) {
    try {
        show(config, request_of(config, line));
        return fine;
    } catch (const WrongConfiguration& wrong) {
        std::cerr << "sluice: " << wrong.what() << '\n';
        return used_or_configured_wrongly;
    }
}

}  // namespace sluice
