#include "tests/component/letters_setup.h"

#include "config/load.h"
#include "tests/fakes/partitions.h"

#include <fstream>
#include <stdexcept>

namespace sluice::test {

LettersSetup::LettersSetup(const std::string& constraints) : SinkSetup(columns + constraints) {
    std::ofstream(file()) << "[kafka]\nbrokers = \"127.0.0.1:1\"\n[cloudberry]\ndsn = \"" << dsn
                          << "\"\n[ingest.p]\ntopic = \"orders\"\ntable = \"t\"\n"
                             "batch = { rows = 100 }\n[ingest.p.columns]\nid = \"id\"\n"
                             "city = \"city\"\npart = \"@partition\"\noffs = \"@offset\"\n"
                             "trace = \"@headers/trace\"\nk = \"@key\"\nat = \"@timestamp\"\n";
    config::Loaded loaded = config::load(file());
    if (!loaded.problems.empty())
        throw std::runtime_error(config::to_string(loaded.problems.front()));
    config_ = std::move(loaded.config);
}

void LettersSetup::reject(PartitionId partition, Offset from, std::size_t count,
                          const std::string& value) const {
    anchor(partition, from);
    CloudberrySink its = sink();
    const int incarnation = progress().read({&partition, 1}).at(0).incarnation;
    reject(its, partition, from, count, value, incarnation);
}

void LettersSetup::reject(CloudberrySink& sink, PartitionId partition, Offset from,
                          std::size_t count, const std::string& value, int incarnation) {
    Batch batch;
    for (Offset offset = from; offset < from + static_cast<Offset>(count); ++offset) {
        const std::string number = std::to_string(offset);
        const std::string json =
            value.empty() ? R"({"id": )" + number + R"(, "city": "Köln"})" : value;
        const std::string key = "key " + number;
        const Header header{"trace", number};
        const auto index = batch.records.append({.from = fakes::orders(partition),
                                                 .offset = offset,
                                                 .timestamp_ms = 1700000000123 + offset,
                                                 .key = key,
                                                 .value = json,
                                                 .headers = {&header, 1}});
        batch.reject(index, {{"city", "was too long"}});
        Slice& slice = batch.slice(partition, from);
        slice.incarnation = incarnation;
        slice.range.to = offset + 1;
        ++slice.rejected;
        slice.last = identify(batch.records.at(index));
    }
    if (!committed(sink.commit(batch))) throw std::runtime_error("the rejects did not arrive");
}

std::string LettersSetup::problems() const {
    Session session(dsn, "verify");
    const Verification found = verify(session, {.schema = "sluice",
                                                .pipeline = "p",
                                                .topics = "orders",
                                                .table = table,
                                                .partition_column = "part",
                                                .offset_column = "offs",
                                                .topic_column = std::nullopt});
    std::string text;
    for (const VerifiedPartition& partition : found.partitions)
        for (const std::string& problem : partition.problems) text += problem + "\n";
    return text;
}

}  // namespace sluice::test
