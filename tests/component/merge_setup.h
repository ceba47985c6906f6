#pragma once

#include "pipeline/mapping/column_plan.h"
#include "pipeline/mapping/row_encoder.h"
#include "sinks/load/merge/merge_loader.h"
#include "tests/component/sink_setup.h"
#include "tests/fakes/partitions.h"

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::test {

/// What a change says of a row.
struct Said {
    std::optional<std::string> city = std::nullopt;
    std::string amount = "0";
    std::string day = "2026-01-02";
    bool keeps_city = false;
    bool keeps_rest = false;  ///< all but the city
};

/// An order that says of each change which one it is, in a column of its own.
inline constexpr const char* version = "version";

inline config::Ingest changes_of(config::Mode mode, const std::string& order) {
    config::Ingest ingest;
    ingest.name = "p";
    ingest.mode = mode;
    ingest.key = {"id"};
    ingest.order = order;
    std::vector<std::string> columns = {"id", "city", "amount", "day"};
    if (order == version) columns.push_back(order);
    for (const std::string& column : columns) {
        auto& mapping = ingest.columns.emplace_back();
        mapping.column = column;
        mapping.source.path = {column};
        mapping.source.text = column;
    }
    return ingest;
}

/// One partition's changes, and the sink that makes them.
class Merge {
public:
    explicit Merge(const std::string& columns, config::Mode mode = config::Mode::merge,
                   const std::string& order = "")
        : setup(order == version ? columns + ", version bigint" : columns),
          ingest(changes_of(mode, order)) {
        setup.anchor(0, 0);
        begin();
    }

    void begin() {
        plans = plan_columns(ingest, setup.table);
        encoder.emplace(ingest, plans, true);
        sink.emplace(sink_options());
    }

    /// nullopt: the row is gone; `order` is its amount then.
    void change(const std::string& id, const std::optional<Said>& said,
                const std::string& order = "0") {
        const Record record{.from = fakes::orders(partition),
                            .offset = next,
                            .key = id,
                            .value = id,
                            .headers = {}};
        const RecordLog::Index index = batch.records.append(record);
        std::vector<Value> values(plans.size());
        values[0] = {Value::Kind::text, id};
        if (said) {
            if (said->city) values[1] = {Value::Kind::text, *said->city};
            if (said->keeps_city) values[1].kind = Value::Kind::unchanged;
            values[2] = {Value::Kind::text, said->amount};
            values[3] = {Value::Kind::text, said->day};
            if (said->keeps_rest) values[2].kind = values[3].kind = Value::Kind::unchanged;
        } else {
            values[2] = {Value::Kind::text, order};
        }
        const std::string offset = std::to_string(next);
        if (ingest.order == version) values.back() = {Value::Kind::text, offset};
        Rejection why;
        REQUIRE(encoder->encode(index, values, said ? Change::upsert : Change::remove,
                                batch.targets.front(), why));
        Slice& slice = batch.slice(partition, next);
        ++slice.loaded;
        slice.range.to = ++next;
        slice.last = identify(record);
    }
    void truncate() {
        const Record record{.from = fakes::orders(partition),
                            .offset = next,
                            .key = {},
                            .value = "",
                            .headers = {}};
        batch.targets.front().truncations.push_back(batch.records.append(record));
        Slice& slice = batch.slice(partition, next);
        ++slice.loaded;
        slice.range.to = ++next;
        slice.last = identify(record);
    }
    /// Every other batch is prepared, as behind one that is being committed.
    void commit() {
        std::unique_ptr<PreparedBatch> prepared;
        if (std::exchange(prepares, !prepares)) prepared = sink->prepare(batch);
        sink->use(std::move(prepared));
        const CommitResult result = sink->commit(batch);
        CHECK(retry_reason(result) == "");
        REQUIRE(committed(result));
        batch.clear();
    }

    /// nullopt: for ever.
    void begin(std::optional<std::chrono::milliseconds> reject_after) {
        begin();
        CloudberrySinkOptions options = sink_options();
        options.reject_after = reject_after;
        sink.emplace(std::move(options));
    }

    [[nodiscard]] std::string table(const std::string& columns = "id, city, amount::int") const {
        return setup.list("SELECT " + columns + " FROM t ORDER BY id");
    }
    /// loaded, superseded, unmatched, rejected.
    [[nodiscard]] std::string sums() const {
        return setup.list(
            "SELECT sum(loaded), sum(superseded), sum(unmatched), sum(rejected) FROM "
            "sluice.ledger");
    }

    SinkSetup setup;
    config::Ingest ingest;
    std::vector<ColumnPlan> plans;
    std::optional<RowEncoder> encoder;
    std::optional<CloudberrySink> sink;
    Batch batch;
    PartitionId partition = 0;
    Offset next = 0;
    bool prepares = true;

private:
    [[nodiscard]] CloudberrySinkOptions sink_options() const {
        return {.dsn = setup.dsn,
                .identity = setup.identity,
                .loader = merge_loader({.table = setup.table,
                                        .columns = names(),
                                        .key = ingest.key,
                                        .order = ingest.order,
                                        .mode = ingest.mode,
                                        .schema = "sluice"},
                                       config::OnInvalid::reject)};
    }
    [[nodiscard]] std::vector<std::string> names() const {
        std::vector<std::string> all;
        for (const ColumnPlan& plan : plans) all.push_back(plan.column.name);
        return all;
    }
};

inline const std::string columns =
    "id bigint, city text, amount numeric CHECK (amount >= 0), day date";
inline const std::string with_key = columns + ", PRIMARY KEY (id)";

}  // namespace sluice::test
