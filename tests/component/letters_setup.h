#pragma once

#include "config/config.h"
#include "sinks/verify/verify.h"
#include "tests/component/sink_setup.h"
#include "tests/fixture/temp_dir.h"

#include <filesystem>
#include <string>
#include <vector>

namespace sluice::test {

/// A pipeline "p" of JSON records into table t, with dead letters to settle, and its configuration
/// file, which names a Kafka that is not there.
class LettersSetup : public SinkSetup {
public:
    static constexpr const char* columns =
        "id bigint, city text, part int, offs bigint, trace text, k text, at timestamptz";

    /// `constraints`: more of CREATE TABLE t.
    explicit LettersSetup(const std::string& constraints = "");

    /// Commits a batch of rejects: records {"id": offset, "city": "…"} of a partition, save for
    /// those whose value is given. Each has a key, headers and a time.
    void reject(PartitionId partition, Offset from, std::size_t count,
                const std::string& value = "") const;
    /// The same through a sink that is there already, with good rows between the rejects.
    static void reject(CloudberrySink& sink, PartitionId partition, Offset from, std::size_t count,
                       const std::string& value = "", int incarnation = 0);

    [[nodiscard]] const config::Ingest& ingest() const { return config_.ingest.at(0); }
    [[nodiscard]] std::string file() const { return dir_.path() / "sluice.toml"; }
    /// What sluice verify finds wrong; empty: nothing.
    [[nodiscard]] std::string problems() const;

private:
    fixture::TempDir dir_{"letters"};
    config::Config config_;
};

}  // namespace sluice::test
