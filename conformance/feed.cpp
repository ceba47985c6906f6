#include "conformance/feed.h"

#include "config/load.h"
#include "conformance/check_list.h"
#include "sinks/catalogue/catalogue.h"
#include "sinks/load/make_loader.h"
#include "sinks/session/sql_text.h"
#include "sinks/verify/verify.h"

#include <utility>

namespace sluice::conformance {
namespace {

constexpr const char* topic = "records";
constexpr PartitionNumber partitions = 4;

config::Ingest ingest_of(const std::string& name, const std::string& table,
                         const std::string& keys) {
    const config::Loaded loaded = config::parse(
        "[kafka]\nbrokers = 'b:1'\n[cloudberry]\ndsn = 'dbname=d'\n"
        "[segments]\nlisten = 'h:1'\nadvertise = 'h'\n[ingest." +
            name + "]\ntopic = '" + topic + "'\ntable = '" + table + "'\n" + keys,
        "case.toml");
    if (!loaded.problems.empty())
        throw std::logic_error(config::to_string(loaded.problems.front()));
    return loaded.config.ingest.front();
}

bool has_column(const Table& table, std::string_view name) {
    for (const Column& column : table.columns)
        if (column.name == name) return true;
    return false;
}

}  // namespace

Feed::Feed(Site& site, Options options)
    : site_(site),
      options_(std::move(options)),
      dsn_(options_.dsn.empty() ? site.dsn() : options_.dsn) {
    identity_.pipeline = options_.name.empty() ? site.fresh_name("pipeline") : options_.name;
    identity_.cluster_id = "conformance";
    identity_.writer = site.fresh_name("writer");
    identity_.revision = "conformance";
    identity_.partitions = std::make_shared<PartitionTable>();
    std::vector<Position> starts;
    for (PartitionNumber number = 0; number < partitions; ++number)
        starts.push_back({identity_.partitions->id_of(topic, number), 0});
    ingest_ = ingest_of(identity_.pipeline, options_.table, options_.keys);
    Session session(dsn_, "sluice/" + identity_.pipeline);
    target_ = read_target(session, ingest_);
    mapper_.emplace(ingest_, target_);
    segments::Server* const segments =
        ingest_.load == config::Load::copy ? nullptr : &site.segments();
    sink_.emplace(CloudberrySinkOptions{
        .dsn = dsn_,
        .identity = identity_,
        .loader = make_loader(ingest_, target_, *mapper_, identity_.schema, segments)});
    progress().anchor(starts);
}

void Feed::add(const std::optional<std::string>& value, const std::string& key,
               PartitionNumber partition) {
    At& at = at_[partition];
    const TopicPartition& from = *identity_.partitions->find(topic, partition);
    const Record record{.from = &from,
                        .offset = at.next,
                        .timestamp_ms = 1700000000000 + at.next,
                        .key = key,
                        .value = value,
                        .headers = {}};
    Slice& slice = batch_.slice(from.id, at.next);
    slice.incarnation = at.incarnation;
    const auto outcome = mapper_->map(batch_.records.append(record), batch_);
    ++(outcome == RowMapper::Outcome::row        ? slice.loaded
       : outcome == RowMapper::Outcome::filtered ? slice.filtered
                                                 : slice.rejected);
    slice.range.to = ++at.next;
    slice.last = identify(record);
}

void Feed::add_rows(Offset from, Offset count, PartitionNumber partition) {
    for (Offset id = from; id < from + count; ++id)
        add("{\"id\":" + std::to_string(id) + ",\"city\":\"city\"}", "", partition);
}

void Feed::seek(Offset next, int incarnation, PartitionNumber partition) {
    at_[partition] = {next, incarnation};
}

CommitResult Feed::offer() {
    CommitResult result = sink_->commit(batch_);
    if (!std::holds_alternative<Retry>(result)) batch_.clear();
    return result;
}

void Feed::commit() {
    constexpr int tries = 5;
    std::string said;
    for (int i = 0; i < tries; ++i) {
        const CommitResult result = offer();
        if (std::holds_alternative<Committed>(result)) return;
        said = describe(result);
        if (!std::holds_alternative<Retry>(result)) break;
    }
    throw Differs("a batch of " + identity_.pipeline + " was not committed, but " + said);
}

std::string Feed::sums() {
    return site_.list(
        "SELECT sum(loaded), sum(superseded), sum(filtered), sum(rejected) FROM sluice.ledger"
        " WHERE pipeline = " +
        quote_literal(identity_.pipeline));
}

std::string Feed::rows(const std::string& columns) {
    return site_.list("SELECT " + columns + " FROM " + options_.table + " ORDER BY 1");
}

std::string Feed::count() {
    return site_.value("SELECT count(*) FROM " + options_.table);
}

Offset Feed::next(PartitionNumber partition) {
    const PartitionId id = identity_.partitions->id_of(topic, partition);
    const auto points = progress().read({&id, 1});
    expect(points.size() == 1, "there is no progress");
    return points.front().next;
}

std::string Feed::problems() {
    Session session(site_.dsn(), "verify");
    VerifyOptions options{.schema = identity_.schema,
                          .pipeline = identity_.pipeline,
                          .topics = std::string(topic),
                          .table = target_,
                          .partition_column = std::nullopt,
                          .offset_column = std::nullopt,
                          .topic_column = std::nullopt};
    if (has_column(target_, "offs")) {
        options.partition_column = "part";
        options.offset_column = "offs";
    }
    const Verification found = verify(session, options);
    std::string text = found.not_compared;
    for (const VerifiedPartition& partition : found.partitions)
        for (const std::string& problem : partition.problems)
            text += (text.empty() ? "" : "; ") + problem;
    return text;
}

std::string describe(const CommitResult& result) {
    if (std::holds_alternative<Committed>(result)) return "committed";
    if (std::holds_alternative<Fenced>(result)) return "fenced";
    if (const auto* retry = std::get_if<Retry>(&result))
        return "to be tried again: " + retry->reason;
    return "held up";
}

}  // namespace sluice::conformance
