#include "tests/crash/scenario.h"

#include "tests/crash/records.h"
#include "tests/fixture/kafka_producer.h"
#include "tests/fixture/kafka_reader.h"
#include "tests/fixture/wait.h"

#include <unistd.h>

#include <algorithm>
#include <future>

namespace sluice::crash {

using fixture::wait_until;
using std::chrono::milliseconds;

namespace {

/// How many records a producing thread sends at a time.
constexpr int chunk = 100;

std::string quoted(const std::string& text) {
    return "\"" + text + "\"";
}

}  // namespace

struct Scenario::Source {
    explicit Source(const fixture::KafkaProperties& properties) : producer(properties) {}
    fixture::KafkaProducer producer;
};

Scenario::Scenario(const ScenarioOptions& options) : Stage(options.partitions) {
    fixture::KafkaProperties properties = world().broker->client();
    if (options.producer == ScenarioOptions::Producer::transactional)
        properties["transactional.id"] = topic_;
    source_ = std::make_unique<Source>(properties);
    configure(options);
    create_tables();
}

Scenario::~Scenario() {
    producing_ = false;
    if (producer_.joinable()) producer_.join();
    daemons_.clear();
}

void Scenario::create_tables() {
    for (const std::string& pipeline : options_.pipelines) {
        exec("create table " + pipeline +
             " (id bigint not null, text text, amount numeric check (amount >= 0),"
             " kpart int, koffset bigint)");
    }
    if (options_.role == "postgres") return;
    world().postgres->create_role(options_.role);
    exec("create schema sluice authorization " + options_.role);
    for (const std::string& pipeline : options_.pipelines)
        exec("grant insert on " + pipeline + " to " + options_.role);
}

void Scenario::configure(const ScenarioOptions& options) {
    options_ = options;
    fixture::write_file(config_, configuration());
}

std::string Scenario::configuration() const {
    const std::string brokers =
        options_.brokers.empty() ? world().broker->bootstrap() : options_.brokers;
    const std::string dsn =
        options_.dsn.empty() ? world().postgres->dsn(database_, options_.role) : options_.dsn;
    std::string text = "[kafka]\nbrokers = " + quoted(brokers) + "\n";
    using Members = ScenarioOptions::Members;
    if (options_.members == Members::named) text += "instance = { env = \"SLUICE_INSTANCE\" }\n";
    if (options_.members == Members::anonymous) text += "instance = \"\"\n";
    if (options_.members == Members::twins) text += "instance = \"twin\"\n";
    if (options_.members != Members::not_told) {
        text +=
            "[kafka.properties]\n"
            "\"session.timeout.ms\" = 4000\n"
            "\"heartbeat.interval.ms\" = 300\n"
            "\"reconnect.backoff.max.ms\" = 1000\n"
            "\"topic.metadata.refresh.interval.ms\" = 1000\n" +
            options_.kafka_properties;
    }
    text += "[cloudberry]\ndsn = " + quoted(dsn) +
            "\n[daemon]\ndrain_deadline = " + quoted(options_.drain_deadline) + "\n";
    text += options_.sections;
    for (const std::string& pipeline : options_.pipelines) {
        text += "[ingest." + pipeline + "]\ntopic = " + quoted(topic_) + "\ntable = \"public." +
                pipeline + "\"\ngroup = " + quoted(topic_ + "." + pipeline) +
                "\nlanes = " + std::to_string(options_.lanes) +
                "\nbatch = { rows = " + std::to_string(options_.batch_rows) + ", delay = \"" +
                std::to_string(options_.batch_delay.count()) + "ms\", bytes = \"4MiB\" }\n" +
                options_.ingest +
                (pipeline == options_.pipelines.front() ? options_.ingest_first : "");
        if (options_.mapping == ScenarioOptions::Mapping::by_name) continue;
        text += "[ingest." + pipeline +
                ".columns]\nid = \"id\"\ntext = \"text\"\namount = \"amount\"\n"
                "kpart = \"@partition\"\nkoffset = \"@offset\"\n";
    }
    return text;
}

void Scenario::produce_some(int records) {
    for (int i = 0; i < records; ++i) {
        if (options_.rows == ScenarioOptions::Rows::all_taken)
            while (is_refused_by_database(next_number_)) ++next_number_;
        const std::int64_t number = next_number_++;
        const std::string key = std::to_string(number);
        const auto value = value_of(number);
        // Partitions of different sizes, and some of all kinds in each.
        const auto partition = static_cast<int>((number * number + number / 7) %
                                                static_cast<std::int64_t>(options_.partitions));
        source_->producer.produce(
            {.topic = topic_, .partition = partition, .key = key, .value = value});
    }
}

void Scenario::produce(int records) {
    fixture::KafkaProducer& producer = source_->producer;
    if (options_.producer == ScenarioOptions::Producer::plain) {
        produce_some(records);
        producer.flush();
        return;
    }
    producer.begin();
    produce_some(records / 2);
    producer.commit();
    // The aborted ones are read by nobody: their numbers are those of records that follow.
    const std::int64_t number = next_number_;
    producer.begin();
    produce_some(records / 4);
    producer.abort();
    next_number_ = number;
    producer.begin();
    produce_some(records - records / 2);
    producer.commit();
}

void Scenario::start_producing(int records_per_second) {
    producing_ = true;
    producer_ = std::thread([this, records_per_second] {
        const auto began = std::chrono::steady_clock::now();
        std::int64_t produced = 0;
        while (producing_) {
            const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - began;
            if (static_cast<double>(produced) > elapsed.count() * records_per_second) {
                std::this_thread::sleep_for(5ms);
                continue;
            }
            if (options_.producer == ScenarioOptions::Producer::transactional) {
                produce(chunk);
            } else {
                produce_some(chunk);
            }
            produced += chunk;
        }
        source_->producer.flush();
    });
}

void Scenario::stop_producing() {
    producing_ = false;
    producer_.join();
}

std::int64_t Scenario::rows() const {
    return std::stoll(value("select count(*) from " + options_.pipelines.front()));
}

int Scenario::serves(const std::string& name) const {
    if (value("select to_regclass('sluice.progress') is not null") != "t") return 0;
    return std::stoi(value("select count(*) from sluice.progress where pipeline = '" +
                           options_.pipelines.front() +
                           "' and writer like '%:" + std::to_string(daemons_.at(name)->pid()) +
                           "' and next_offset > anchor_offset"));
}

void Scenario::wait_until_serving(const std::string& name, int partitions, milliseconds deadline) {
    try {
        wait_until([&] { return serves(name) >= partitions; }, fixture::patient(deadline),
                   "daemon " + name + " to serve " + std::to_string(partitions) + " partitions");
    } catch (const fixture::WaitedTooLong& late) {
        throw fixture::WaitedTooLong(std::string(late.what()) + logs());
    }
}

void Scenario::wait_for_rows(std::int64_t wanted, milliseconds deadline) {
    try {
        wait_until([&] { return rows() >= wanted; }, fixture::patient(deadline),
                   std::to_string(wanted) + " rows");
    } catch (const fixture::WaitedTooLong& late) {
        throw fixture::WaitedTooLong(std::string(late.what()) + logs());
    }
}

void Scenario::wait_for_more_rows(milliseconds deadline) {
    wait_for_rows(rows() + 1, deadline);
}

bool Scenario::is_loaded() {
    return std::ranges::all_of(options_.pipelines,
                               [&](const std::string& pipeline) { return is_loaded(pipeline); });
}

bool Scenario::is_loaded(const std::string& pipeline) {
    if (value("select to_regclass('sluice.progress') is not null") != "t") return false;
    const std::vector<std::int64_t> ends = world().broker->admin().end_offsets(topic_);
    std::vector<std::int64_t> reached(ends.size(), -1);
    for (const auto& row : world().postgres->query(
             "select kafka_partition, next_offset from sluice.progress where pipeline = '" +
                 pipeline + "'",
             database_)) {
        reached.at(std::stoul(row[0].value())) = std::stoll(row[1].value());
    }
    return reached == ends;
}

void Scenario::slow_commit_of(std::int64_t number, milliseconds sleep) {
    const std::string seconds = std::to_string(static_cast<double>(sleep.count()) / 1000);
    exec("create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(" +
         seconds +
         "); return null; end $$;"
         "create constraint trigger slow after insert on " +
         options_.pipelines.front() +
         " deferrable initially deferred for each row when (new.id = " + std::to_string(number) +
         ") execute function slow()");
}

void Scenario::wait_for_commit_under_way() {
    try {
        wait_until(
            [&] {
                return value(
                           "select exists (select 1 from pg_stat_activity where query = 'COMMIT'"
                           " and wait_event = 'PgSleep' and datname = current_database())") == "t";
            },
            fixture::patient(30s), "a COMMIT under way");
    } catch (const fixture::WaitedTooLong& late) {
        throw fixture::WaitedTooLong(std::string(late.what()) + logs());
    }
}

void Scenario::wait_until_loaded(milliseconds deadline) {
    try {
        wait_until([&] { return is_loaded(); }, fixture::patient(deadline),
                   "progress at the end of all partitions");
    } catch (const fixture::WaitedTooLong& late) {
        std::string progress;
        for (const auto& row : world().postgres->query(
                 "select pipeline || ' [' || kafka_partition || '] ' || next_offset"
                 " from sluice.progress order by 1",
                 database_))
            progress += row[0].value() + "\n";
        for (const std::int64_t end : world().broker->admin().end_offsets(topic_))
            progress += "end " + std::to_string(end) + "\n";
        throw fixture::WaitedTooLong(std::string(late.what()) + "\n" + progress + logs());
    }
}

void Scenario::observe() {
    for (const fixture::ReadRecord& record :
         fixture::read_topic(world().broker->client(), topic_)) {
        const std::int64_t number = std::stoll(record.key.value());
        if (record.value != value_of(number)) throw std::logic_error("not what was produced");
        truth_.back()[{record.partition, record.offset}] = number;
    }
}

void Scenario::add_partitions(int partitions) {
    world().broker->admin().add_partitions(topic_, partitions);
    options_.partitions = partitions;
    source_ = std::make_unique<Source>(world().broker->client());  // that knows of them
}

void Scenario::recreate_topic() {
    observe();
    fixture::KafkaAdmin& admin = world().broker->admin();
    admin.delete_topic(topic_);
    admin.create_topic(topic_, options_.partitions);
    truth_.emplace_back();
    lost_in_latest_.clear();
    // A producer that knows the old topic would go on counting where that ended.
    source_ = std::make_unique<Source>(world().broker->client());
}

void Scenario::delete_records(int partition, std::int64_t offset) {
    observe();
    world().broker->admin().delete_records(topic_, partition, offset);
    lost_in_latest_[partition] = offset;
}

std::string Scenario::verdict(milliseconds deadline) {
    wait_until_loaded(deadline);
    return judge();
}

}  // namespace sluice::crash
