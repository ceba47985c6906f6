#include "tests/component/sink_setup.h"

#include "sinks/catalogue/catalogue.h"
#include "sinks/schema/schema.h"
#include "tests/fakes/partitions.h"

#include <doctest/doctest.h>

namespace sluice::test {
namespace {

template <typename Integer>
void append_integer(std::string& to, Integer value) {
    for (int shift = (int(sizeof value) - 1) * 8; shift >= 0; shift -= 8)
        to += static_cast<char>(static_cast<std::uint64_t>(value) >> shift);
}

void append_binary(std::string& to, const TestRow& row) {
    append_integer(to, std::int16_t{2});
    append_integer(to, std::int32_t{8});
    append_integer(to, row.id);
    append_integer(to, row.city ? static_cast<std::int32_t>(row.city->size()) : -1);
    to += row.city.value_or("");
}

}  // namespace

SinkSetup::SinkSetup(const std::string& columns, const fixture::Postgres& server)
    : server_(server) {
    server.create_database(database);
    dsn = server.dsn(database);
    exec("CREATE TABLE t (" + columns + ")");
    identity = {.schema = "sluice",
                .pipeline = "p",
                .cluster_id = "c",
                .partitions = fakes::partitions_of("orders"),
                .writer = "w",
                .revision = "r"};
    Session session(dsn, "test");
    ensure_schema(session, identity.schema);
    table = sluice::read_table(session, "t");
}

void SinkSetup::read_table() {
    Session session(dsn, "test");
    table = sluice::read_table(session, "t");
}

CloudberrySink SinkSetup::sink(config::OnReject on_reject, const std::string& its_dsn) const {
    return CloudberrySink({.dsn = its_dsn.empty() ? dsn : its_dsn,
                           .identity = identity,
                           .loader = copy_loader(table, {"id", "city"}, config::OnInvalid::reject),
                           .on_reject = on_reject});
}

CloudberryProgress SinkSetup::progress() const {
    return CloudberryProgress(dsn, identity);
}

void SinkSetup::anchor(PartitionId partition, Offset offset) const {
    const Position start{partition, offset};
    progress().anchor({&start, 1});
}

void SinkSetup::move_progress(PartitionId partition, Offset to) const {
    CloudberryProgress its = progress();
    const ProgressMove move{partition, its.read({&partition, 1}).at(0), to};
    REQUIRE(its.set({&move, 1}));
}

void SinkSetup::exec(const std::string& sql) const {
    server_.exec(sql, database);
}

void SinkSetup::add_trigger(const std::string& when, const std::string& body,
                            const std::string& name) const {
    exec("CREATE FUNCTION " + name + "() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN " + body +
         " END $$; CREATE TRIGGER " + name + " " + when + " EXECUTE FUNCTION " + name + "()");
}

void SinkSetup::call_it_mpp() const {
    exec(
        "CREATE FUNCTION public.version() RETURNS text LANGUAGE sql AS"
        " $$ SELECT 'PostgreSQL 12.12 (Greenplum Database 7.1.0)'::text $$");
    exec("ALTER DATABASE " + database + " SET search_path = public, pg_catalog");
}

void SinkSetup::distribute() const {
    exec(
        "CREATE TABLE gp_distribution_policy AS SELECT 't'::regclass::oid AS localoid,"
        " '1'::int2vector AS distkey;"
        "CREATE FUNCTION pg_get_table_distributedby(oid) RETURNS text LANGUAGE sql AS"
        " $$ SELECT 'DISTRIBUTED BY (id)'::text $$");
}

std::string SinkSetup::rejected() const {
    return value("SELECT count(*) FROM sluice.dead_letter");
}

std::string SinkSetup::value(const std::string& sql) const {
    return server_.value(sql, database);
}

std::string SinkSetup::list(const std::string& sql) const {
    std::string text;
    for (const auto& row : server_.query(sql, database)) {
        if (!text.empty()) text += ' ';
        for (std::size_t i = 0; i < row.size(); ++i)
            text += (i == 0 ? "" : "|") + row[i].value_or("NULL");
    }
    return text;
}

Offset SinkSetup::next(PartitionId partition) const {
    return std::stoll(value("SELECT next_offset FROM sluice.progress WHERE kafka_partition = " +
                            std::to_string(partition)));
}

void add_rows(Batch& batch, PartitionId partition, Offset from, const std::vector<TestRow>& rows,
              CopyForm form) {
    Offset offset = from;
    for (const TestRow& row : rows) {
        const std::string value = "value of " + std::to_string(offset);
        Record record;
        record.from = fakes::orders(partition);
        record.offset = offset;
        record.timestamp_ms = 1700000000000;
        record.value = value;
        const auto index = batch.records.append(record);
        Slice& slice = batch.slice(partition, from);
        slice.range.to = ++offset;
        ++slice.loaded;
        slice.last = identify(record);
        if (form == CopyForm::binary) {
            append_binary(batch.targets[0].binary.bytes, row);
            batch.targets[0].binary.rows.push_back(
                {.record = index, .end = batch.targets[0].binary.bytes.size()});
        } else {
            batch.targets[0].text.bytes +=
                std::to_string(row.id) + "\t" + row.city.value_or("\\N") + "\n";
            batch.targets[0].text.rows.push_back(
                {.record = index, .end = batch.targets[0].text.bytes.size()});
        }
    }
}

std::vector<TestRow> plain_rows(Offset from, std::size_t count) {
    std::vector<TestRow> rows;
    for (std::size_t i = 0; i < count; ++i) rows.push_back({from + static_cast<Offset>(i), "city"});
    return rows;
}

Batch make_batch(Offset from, Offset to, const MakeRow& make_row, CopyForm form) {
    std::vector<TestRow> rows;
    for (Offset offset = from; offset < to; ++offset) rows.push_back(make_row(offset));
    Batch batch;
    add_rows(batch, 0, from, rows, form);
    return batch;
}

void load_batches(const SinkSetup& setup, CloudberrySink& sink, const MakeRow& make_row,
                  CopyForm form, int count) {
    for (int i = 0; i < count; ++i) {
        const Offset from = setup.next(0);
        Batch batch = make_batch(from, from + rows_per_batch, make_row, form);
        REQUIRE(committed(sink.commit(batch)));
    }
}

void check_split(const SinkSetup& setup, const std::string& bad) {
    const std::string all = std::to_string(usual_batches * rows_per_batch);
    CHECK(setup.value("SELECT count(*) FROM generate_series(0::bigint, " + all + " - 1) o WHERE (" +
                      bad +
                      ") = (SELECT count(*) = 1 FROM sluice.dead_letter"
                      " WHERE kafka_offset = o)") == all);
    CHECK(setup.value("SELECT sum(loaded) = (SELECT count(*) FROM t) AND sum(rejected) ="
                      " (SELECT count(*) FROM sluice.dead_letter) FROM sluice.ledger") == "t");
}

bool committed(const CommitResult& result) {
    return std::holds_alternative<Committed>(result);
}

std::string fenced(const CommitResult& result) {
    std::string text;
    if (const auto* found = std::get_if<Fenced>(&result))
        for (const PartitionId partition : found->partitions)
            text += (text.empty() ? "" : ",") + std::to_string(partition);
    return text;
}

std::string retry_reason(const CommitResult& result) {
    const auto* found = std::get_if<Retry>(&result);
    return found == nullptr ? "" : found->reason;
}

}  // namespace sluice::test
