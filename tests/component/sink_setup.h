#pragma once

#include "sinks/cloudberry_progress.h"
#include "sinks/cloudberry_sink.h"
#include "tests/fixture/postgres.h"

#include <string>
#include <vector>

namespace sluice::test {

/// An empty database with Sluice's tables and the target table t, and a pipeline "p" into it.
class SinkSetup {
public:
    /// `columns`: of CREATE TABLE t; the first two are (id bigint, city text).
    explicit SinkSetup(const std::string& columns);

    [[nodiscard]] CloudberrySink sink(config::OnReject on_reject = config::OnReject::dead_letter,
                                      const std::string& dsn = "") const;
    [[nodiscard]] CloudberryProgress progress() const;
    void anchor(PartitionId partition, Offset offset) const;

    void exec(const std::string& sql) const;
    [[nodiscard]] std::string value(const std::string& sql) const;
    /// Rows of a query, values joined by "|", rows by " ".
    [[nodiscard]] std::string list(const std::string& sql) const;
    [[nodiscard]] Offset next(PartitionId partition) const;

    std::string database = "sinks";
    std::string dsn;
    PipelineIdentity identity;
    Table table;
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

[[nodiscard]] bool committed(const CommitResult& result);
/// The partitions as text, "" when it was not fenced.
[[nodiscard]] std::string fenced(const CommitResult& result);
/// The reason, "" when there is none.
[[nodiscard]] std::string retry_reason(const CommitResult& result);

}  // namespace sluice::test
