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

std::string unique_name() {
    static int count = 0;
    return "t" + std::to_string(::getpid()) + "_" + std::to_string(++count);
}

std::string quoted(const std::string& text) {
    return "\"" + text + "\"";
}

/// What is in one and not in the other; both sorted.
std::string compare(const std::string& what, const std::vector<std::string>& expected,
                    const std::vector<std::string>& found) {
    std::vector<std::string> missing;
    std::vector<std::string> surplus;
    std::ranges::set_difference(expected, found, std::back_inserter(missing));
    std::ranges::set_difference(found, expected, std::back_inserter(surplus));
    std::string text;
    const auto tell = [&](const char* how, const std::vector<std::string>& lines) {
        if (lines.empty()) return;
        text += what + ": " + std::to_string(lines.size()) + " " + how + ":\n";
        for (std::size_t i = 0; i < std::min<std::size_t>(lines.size(), 5); ++i)
            text += "    " + lines[i] + "\n";
    };
    tell("are missing", missing);
    tell("are there and should not be, or too often", surplus);
    return text;
}

std::string place_text(const std::pair<int, std::int64_t>& place) {
    return std::to_string(place.first) + "/" + std::to_string(place.second);
}

std::string hex(std::string_view bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (const char c : bytes) {
        text += digits[static_cast<unsigned char>(c) >> 4];
        text += digits[static_cast<unsigned char>(c) & 15];
    }
    return text;
}

std::vector<std::string> lines_of(const fixture::SqlRows& rows) {
    std::vector<std::string> lines;
    for (const auto& row : rows) lines.push_back(row.at(0).value_or("NULL"));
    std::ranges::sort(lines);
    return lines;
}

}  // namespace

World::World() {
    auto starting = std::async(std::launch::async, [] {
        return std::make_unique<fixture::KafkaBroker>(fixture::KafkaBrokerOptions{.proxied = true});
    });
    postgres = std::make_unique<fixture::Postgres>();
    broker = starting.get();
}

World& world() {
    static World the_world;
    return the_world;
}

struct Scenario::Source {
    explicit Source(const fixture::KafkaProperties& properties) : producer(properties) {}
    fixture::KafkaProducer producer;
};

Scenario::Scenario(ScenarioOptions options)
    : topic_(unique_name()), database_(topic_), config_(dir_.path() / "sluice.toml") {
    world().postgres->create_database(database_);
    world().broker->admin().create_topic(topic_, options.partitions);
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
    if (options_.members == ScenarioOptions::Members::named)
        text += "instance = { env = \"SLUICE_INSTANCE\" }\n";
    text +=
        "[kafka.properties]\n"
        "\"session.timeout.ms\" = 4000\n"
        "\"heartbeat.interval.ms\" = 300\n"
        "\"reconnect.backoff.max.ms\" = 1000\n"
        "\"topic.metadata.refresh.interval.ms\" = 1000\n" +
        options_.kafka_properties + "[cloudberry]\ndsn = " + quoted(dsn) +
        "\n[daemon]\ndrain_deadline = " + quoted(options_.drain_deadline) + "\n";
    for (const std::string& pipeline : options_.pipelines) {
        text += "[ingest." + pipeline + "]\ntopic = " + quoted(topic_) + "\ntable = \"public." +
                pipeline + "\"\ngroup = " + quoted(topic_ + "." + pipeline) +
                "\nlanes = " + std::to_string(options_.lanes) +
                "\nbatch = { rows = " + std::to_string(options_.batch_rows) + ", delay = \"" +
                std::to_string(options_.batch_delay.count()) + "ms\", bytes = \"4MiB\" }\n" +
                options_.ingest +
                (pipeline == options_.pipelines.front() ? options_.ingest_first : "") + "[ingest." +
                pipeline + ".columns]\n" +
                "id = \"id\"\ntext = \"text\"\namount = \"amount\"\n"
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

fixture::Daemon& Scenario::start(const std::string& name, std::map<std::string, std::string> env) {
    env["SLUICE_INSTANCE"] = name;
    auto& daemon = daemons_[name];
    if (daemon) {
        daemon->start(std::move(env));
    } else {
        daemon = std::make_unique<fixture::Daemon>(config_, std::move(env));
    }
    return *daemon;
}

std::string Scenario::logs() const {
    std::string text;
    for (const auto& [name, daemon] : daemons_) {
        std::string log = daemon->log();
        constexpr std::size_t most = 6000;
        if (log.size() > most) log = "…" + log.substr(log.size() - most);
        text += "\n--- log of daemon " + name + "\n" + log;
    }
    return text;
}

void Scenario::exec(const std::string& sql) const {
    world().postgres->exec(sql, database_);
}

std::string Scenario::value(const std::string& sql) const {
    return world().postgres->value(sql, database_);
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

void Scenario::wait_for_log(const std::string& text, const std::string& name,
                            milliseconds deadline) {
    try {
        wait_until([&] { return daemon(name).log().find(text) != std::string::npos; },
                   fixture::patient(deadline), "\"" + text + "\" in the log");
    } catch (const fixture::WaitedTooLong& late) {
        throw fixture::WaitedTooLong(std::string(late.what()) + logs());
    }
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

std::string Scenario::judge(const std::string& pipeline) {
    observe();
    return judge_rows(pipeline) + judge_dead_letters(pipeline) + judge_ledger(pipeline);
}

std::string Scenario::judge() {
    std::string problems;
    for (const std::string& pipeline : options_.pipelines) problems += judge(pipeline);
    const fixture::RunResult verify =
        fixture::run_sluice({"verify", "-c", config_.string()}, {{"SLUICE_INSTANCE", "judge"}});
    if (verify.exit_code != 0) {
        problems += "sluice verify ends with " + std::to_string(verify.exit_code) + ":\n" +
                    verify.out + verify.err;
    }
    return problems.empty() ? "" : problems + logs();
}

/// What the ledger calls lost, and was deleted by the test, is neither row nor dead letter.
bool Scenario::is_lost(std::size_t incarnation, const Place& place) const {
    if (incarnation + 1 != truth_.size()) return false;
    const auto lost = lost_in_latest_.find(place.first);
    if (lost == lost_in_latest_.end() || place.second >= lost->second) return false;
    return value(
               "select exists (select 1 from sluice.ledger where kind = 'skipped' and"
               " incarnation = " +
               std::to_string(incarnation) + " and kafka_partition = " +
               std::to_string(place.first) + " and from_offset <= " + std::to_string(place.second) +
               " and to_offset > " + std::to_string(place.second) + ")") == "t";
}

std::string Scenario::judge_rows(const std::string& pipeline) const {
    std::vector<std::string> expected;
    for (std::size_t incarnation = 0; incarnation < truth_.size(); ++incarnation) {
        for (const auto& [place, number] : truth_[incarnation]) {
            if (fate_of(number) != Fate::row || is_lost(incarnation, place)) continue;
            expected.push_back(place_text(place) + " " + row_of(number));
        }
    }
    std::ranges::sort(expected);
    const auto found = lines_of(world().postgres->query(
        "select kpart || '/' || koffset || ' ' || id || ' ' || text || ' ' || amount from " +
            pipeline,
        database_));
    return compare(pipeline + ": rows", expected, found);
}

std::string Scenario::judge_dead_letters(const std::string& pipeline) const {
    std::vector<std::string> expected;
    for (std::size_t incarnation = 0; incarnation < truth_.size(); ++incarnation) {
        for (const auto& [place, number] : truth_[incarnation]) {
            if (fate_of(number) != Fate::rejected || is_lost(incarnation, place)) continue;
            expected.push_back(std::to_string(incarnation) + ":" + place_text(place) + " " +
                               hex(std::to_string(number)) + " " + hex(*value_of(number)));
        }
    }
    std::ranges::sort(expected);
    const auto found = lines_of(world().postgres->query(
        "select incarnation || ':' || kafka_partition || '/' || kafka_offset || ' ' ||"
        " encode(key, 'hex') || ' ' || encode(value, 'hex') from sluice.dead_letter"
        " where jsonb_array_length(reasons) > 0 and pipeline = '" +
            pipeline + "'",
        database_));
    return compare(pipeline + ": dead letters", expected, found);
}

std::string Scenario::judge_ledger(const std::string& pipeline) const {
    struct Counts {
        std::int64_t loaded = 0, rejected = 0, filtered = 0;
        bool operator==(const Counts&) const = default;
    };
    std::string problems;
    std::map<std::pair<int, int>, std::int64_t> ends;  // by incarnation and partition
    const auto rows = world().postgres->query(
        "select incarnation, kafka_partition, from_offset, to_offset, loaded, rejected, filtered,"
        " lost, kind, kafka_partition || '@' || from_offset || '-' || to_offset || ' (' || kind ||"
        " ')' from sluice.ledger where pipeline = '" +
            pipeline + "' order by 1, 2, 3, 4",
        database_);
    for (const auto& row : rows) {
        const auto number = [&](std::size_t column) { return std::stoll(row[column].value()); };
        const auto incarnation = static_cast<std::size_t>(number(0));
        const auto partition = static_cast<int>(number(1));
        const std::string where = pipeline + ": ledger: " + row[9].value() + ": ";
        auto [end, first] = ends.try_emplace({number(0), partition}, number(2));
        if (end->second != number(2))
            problems += where + "the range before it ends at " + std::to_string(end->second) + "\n";
        end->second = number(3);
        if (row[8] == "skipped") continue;
        if (incarnation >= truth_.size()) {
            problems += where + "there was no such incarnation\n";
            continue;
        }
        Counts counts;
        const Truth& truth = truth_[incarnation];
        for (auto at = truth.lower_bound({partition, number(2)});
             at != truth.end() && at->first < Place{partition, number(3)}; ++at) {
            const Fate fate = fate_of(at->second);
            ++(fate == Fate::row        ? counts.loaded
               : fate == Fate::rejected ? counts.rejected
                                        : counts.filtered);
        }
        if (counts != Counts{number(4), number(5), number(6)})
            problems += where + "loaded, rejected, filtered should be " +
                        std::to_string(counts.loaded) + ", " + std::to_string(counts.rejected) +
                        ", " + std::to_string(counts.filtered) + "\n";
    }
    for (const auto& row : world().postgres->query(
             "select p.kafka_partition, p.anchor_offset, p.next_offset, p.incarnation,"
             " (select min(from_offset) from sluice.ledger l where l.pipeline = p.pipeline and"
             " l.kafka_partition = p.kafka_partition and l.incarnation = p.incarnation)"
             " from sluice.progress p where pipeline = '" +
                 pipeline + "'",
             database_)) {
        const auto number = [&](std::size_t column) { return std::stoll(row[column].value()); };
        const auto end = ends.find({number(3), static_cast<int>(number(0))});
        const std::int64_t reached = end == ends.end() ? number(1) : end->second;
        if (reached != number(2) || (row[4] && number(4) != number(1)))
            problems += pipeline + ": ledger of partition " + row[0].value() + " covers " +
                        row[4].value_or("nothing") + " to " + std::to_string(reached) +
                        ", progress says " + row[1].value() + " to " + row[2].value() + "\n";
    }
    return problems;
}

}  // namespace sluice::crash
