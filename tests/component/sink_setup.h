#pragma once

#include "sinks/books/cloudberry_progress.h"
#include "sinks/load/cloudberry_sink.h"
#include "sinks/load/copy_loader.h"
#include "tests/fixture/postgres.h"

#include <functional>
#include <string>
#include <vector>

namespace sluice::test {

/// An empty database with Sluice's tables and the target table t, and a pipeline "p" into it.
class SinkSetup {
public:
    /// `columns`: of CREATE TABLE t; the first two are (id bigint, city text).
    explicit SinkSetup(const std::string& columns,
                       const fixture::Postgres& server = fixture::shared_postgres());

    [[nodiscard]] CloudberrySink sink(config::OnReject on_reject = config::OnReject::dead_letter,
                                      const std::string& dsn = "") const;
    [[nodiscard]] CloudberryProgress progress() const;
    void anchor(PartitionId partition, Offset offset) const;

    /// As a person moves progress: forth within its incarnation, back by beginning another one.
    void move_progress(PartitionId partition, Offset to) const;

    /// After the target has been altered.
    void read_table();
    void exec(const std::string& sql) const;
    /// Of t: "BEFORE INSERT ON t FOR EACH ROW" runs the body, which ends with RETURN.
    void add_trigger(const std::string& when, const std::string& body,
                     const std::string& name = "judge") const;
    /// From now on the database says that it is an MPP database; it knows no statement that only
    /// such a one knows.
    void call_it_mpp() const;
    /// Before call_it_mpp(): the catalogue says that t is distributed by its id.
    void distribute() const;
    [[nodiscard]] std::string value(const std::string& sql) const;
    /// Rows of a query, values joined by "|", rows by " ".
    [[nodiscard]] std::string list(const std::string& sql) const;
    [[nodiscard]] Offset next(PartitionId partition) const;
    /// How many dead letters there are.
    [[nodiscard]] std::string rejected() const;

    std::string database = "sinks";
    std::string dsn;
    PipelineIdentity identity;
    Table table;

private:
    const fixture::Postgres& server_;
};

/// A row of (id, city) for the record at `offset`; nullopt: NULL.
struct TestRow {
    std::int64_t id;
    std::optional<std::string> city;
};

/// One partition's records from `from` on, a row each, in one of COPY's forms.
void add_rows(Batch& batch, PartitionId partition, Offset from, const std::vector<TestRow>& rows,
              CopyForm form = CopyForm::binary);
/// `count` rows whose id is their offset.
[[nodiscard]] std::vector<TestRow> plain_rows(Offset from, std::size_t count);

/// Of partition 0.
using MakeRow = std::function<TestRow(Offset)>;
[[nodiscard]] Batch make_batch(Offset from, Offset to, const MakeRow& make_row,
                               CopyForm form = CopyForm::binary);
/// Whole batches of partition 0, one after the other from where its progress is, so that a sink has
/// something to learn from. Requires that each is committed.
constexpr Offset rows_per_batch = 3000;
constexpr int usual_batches = 3;
void load_batches(const SinkSetup& setup, CloudberrySink& sink, const MakeRow& make_row,
                  CopyForm form = CopyForm::binary, int count = usual_batches);
/// Of the usual batches, each offset is a row or a dead letter, by what `bad`, SQL over o, says.
void check_split(const SinkSetup& setup, const std::string& bad);

[[nodiscard]] bool committed(const CommitResult& result);
/// The partitions as text, "" when it was not fenced.
[[nodiscard]] std::string fenced(const CommitResult& result);
/// The reason, "" when there is none.
[[nodiscard]] std::string retry_reason(const CommitResult& result);

}  // namespace sluice::test
