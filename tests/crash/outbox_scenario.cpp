#include "tests/crash/outbox_scenario.h"

#include "tests/fixture/mpp_locks.h"
#include "tests/fixture/process.h"
#include "tests/fixture/wait.h"

#include <unistd.h>

#include <random>
#include <set>
#include <sstream>

namespace sluice::crash {

using fixture::wait_until;
using std::chrono::milliseconds;

namespace {

std::string quoted(const std::string& text) {
    return "\"" + text + "\"";
}

std::vector<std::string> split(const std::string& line, char by) {
    std::vector<std::string> parts;
    std::istringstream in(line);
    for (std::string part; std::getline(in, part, by);) parts.push_back(part);
    return parts;
}

}  // namespace

/// One application. Its events are numbered "writer-sequence", the sequence counting what it
/// committed or will have committed, in order.
class OutboxScenario::Writer {
public:
    Writer(const OutboxScenario& scenario, int number)
        : connection_(world().postgres->connect(scenario.database())),
          ids_(scenario.options().ids),
          number_(number),
          random_(static_cast<unsigned>(number)) {}

    void write(int events, bool commit, milliseconds open = 0ms) {
        connection_.exec("begin");
        const int before = sequence_;
        for (int i = 0; i < events; ++i) write_one();
        const auto until = std::chrono::steady_clock::now() + open;
        wait_until([&] { return std::chrono::steady_clock::now() >= until; }, open + 10s, "time");
        connection_.exec(commit ? "commit" : "rollback");
        if (!commit) sequence_ = before + 1000;  // never to be seen
    }
    void write_at_random() { write(1 + static_cast<int>(random_() % 20), random_() % 10 != 0); }

private:
    void write_one() {
        const std::string value = std::to_string(number_) + "-" + std::to_string(sequence_++);
        const std::string key = "k" + std::to_string(number_);
        std::string id = "default";
        if (ids_ == OutboxOptions::Ids::mixed && random_() % 3 == 0) {
            // From all over, also far below what was sent already.
            id = std::to_string(static_cast<std::int64_t>(random_()) * 4096 + number_ * 64 +
                                static_cast<std::int64_t>(random_() % 64)) +
                 " - 8000000000000";
        }
        connection_.exec("insert into outbox (id, key, payload, headers) values (" + id + ", '" +
                         key + "', '" + value + "', '{\"number\": \"" + value +
                         "\"}') on conflict do nothing");
        connection_.exec("insert into truth select '" + value +
                         "' where exists (select 1 from outbox where payload = '" + value + "')");
    }

    fixture::PgConnection connection_;
    OutboxOptions::Ids ids_;
    int number_;
    int sequence_ = 0;
    std::mt19937 random_;
};

OutboxScenario::OutboxScenario(const OutboxOptions& options) : Stage(options.partitions) {
    configure(options);
    create_tables();
}

OutboxScenario::~OutboxScenario() {
    stop_writing();
    daemons_.clear();
}

void OutboxScenario::create_tables() {
    const std::string id = options_.ids == OutboxOptions::Ids::uuid
                               ? "uuid primary key default gen_random_uuid()"
                               : "bigserial primary key";
    exec("create table outbox (id " + id +
         ", key text, partition int, payload text, headers jsonb, created_at timestamptz not null "
         "default"
         " clock_timestamp()); create index on outbox (payload); create table truth (value text)");
    if (options_.ids == OutboxOptions::Ids::mixed) exec("alter sequence outbox_id_seq cache 20");
    if (options_.locks == OutboxOptions::Locks::of_mpp) {
        const auto made = fixture::run_sluice({"schema", "--apply", "-c", config_.string()});
        if (made.exit_code != 0) throw std::runtime_error("sluice schema: " + made.err);
        auto connection = world().postgres->connect(database_);
        for (const char* table : {"outbox", "sluice.outbox_batch", "sluice.outbox_relay",
                                  "sluice.outbox_table", "sluice.refused_event"}) {
            fixture::install_mpp_locks(connection, table);
        }
    }
}

void OutboxScenario::configure(const OutboxOptions& options) {
    options_ = options;
    fixture::write_file(config_, configuration());
}

std::string OutboxScenario::configuration() const {
    const std::string brokers =
        options_.brokers.empty() ? world().broker->bootstrap() : options_.brokers;
    const std::string dsn = options_.dsn.empty() ? world().postgres->dsn(database_) : options_.dsn;
    return "[kafka]\nbrokers = " + quoted(brokers) +
           "\n[kafka.properties]\n"
           "\"reconnect.backoff.max.ms\" = 1000\n"
           "[cloudberry]\ndsn = " +
           quoted(dsn) +
           "\n[daemon]\ndrain_deadline = \"10s\"\n"
           "[outbox.events]\ntable = \"public.outbox\"\ntopic = " +
           quoted(topic_) + "\norder = \"created_at\"\nmarks_topic = " + quoted(topic_ + ".marks") +
           "\nbatch = { rows = " + std::to_string(options_.batch_rows) +
           " }\npoll = { idle = \"50ms\" }\n" + options_.outbox;
}

void OutboxScenario::write(int events) {
    Writer writer(*this, ++next_writer_);
    writer.write(events, true);
}

void OutboxScenario::start_writing(int threads, milliseconds pause) {
    writing_ = true;
    for (int i = 0; i <= threads; ++i) {
        writers_.emplace_back([this, pause, number = ++next_writer_, is_slow = i == threads] {
            while (writing_) {
                // A database that is killed takes its connections along: the next one.
                try {
                    Writer writer(*this, number * 1000 + static_cast<int>(random() % 1000000));
                    while (writing_) {
                        if (is_slow) {
                            writer.write(5, true, 1000ms);
                        } else {
                            writer.write_at_random();
                        }
                        std::this_thread::sleep_for(pause);
                    }
                } catch (const fixture::SqlError&) {
                    std::this_thread::sleep_for(50ms);
                }
            }
        });
    }
}

void OutboxScenario::stop_writing() {
    writing_ = false;
    for (std::thread& writer : writers_) writer.join();
    writers_.clear();
}

std::vector<OutboxScenario::Event> OutboxScenario::read_topic() const {
    const auto result = fixture::run(
        {.argv = {"kcat", "-C", "-b", world().broker->bootstrap(), "-t", topic_, "-o", "beginning",
                  "-e", "-q", "-X", "isolation.level=read_committed", "-f", "%p %o %k %s\n"}},
        60s);
    if (result.exit_code != 0) throw std::runtime_error("kcat: " + result.err);
    std::vector<Event> events;
    for (const std::string& line : split(result.out, '\n')) {
        const auto parts = split(line, ' ');
        events.push_back({std::stoi(parts.at(0)), std::stoll(parts.at(1)), parts.at(2),
                          parts.size() > 3 ? parts[3] : ""});
    }
    return events;
}

std::int64_t OutboxScenario::sent() const {
    return static_cast<std::int64_t>(read_topic().size());
}

/// By the purge's notes, which follow the mark: kcat never sees an end while others write.
std::int64_t OutboxScenario::purged() const {
    if (value("select to_regclass('sluice.outbox_batch') is not null") != "t") return 0;
    return std::stoll(
        value("select coalesce(max(batch), 0) from sluice.outbox_batch where round = -1"));
}

void OutboxScenario::wait_for_more_sent(milliseconds deadline) {
    const auto before = purged();
    try {
        wait_until([&] { return purged() > before; }, fixture::patient(deadline), "more events");
    } catch (const fixture::WaitedTooLong& error) {
        throw fixture::WaitedTooLong(std::string(error.what()) + "\n" + logs());
    }
}

void OutboxScenario::wait_until_drained(milliseconds deadline) {
    try {
        wait_until([&] { return value("select count(*) from outbox") == "0"; },
                   fixture::patient(deadline), "an empty outbox");
    } catch (const fixture::WaitedTooLong& error) {
        throw fixture::WaitedTooLong(std::string(error.what()) + "\n" + logs());
    }
}

std::string OutboxScenario::judge() const {
    std::multiset<std::string> wanted;
    for (const auto& row : world().postgres->query("select value from truth", database_)) {
        wanted.insert(*row[0]);
    }
    std::string problems;
    std::map<std::string, std::int64_t> last;  // by writer, the sequence that came last
    std::multiset<std::string> found;
    for (const Event& event : read_topic()) {
        found.insert(event.value);
        const auto parts = split(event.value, '-');
        const std::int64_t sequence = std::stoll(parts.at(1));
        const auto before = last.find(parts[0]);
        if (before != last.end() && sequence <= before->second) {
            problems += event.value + " came after " + std::to_string(before->second) + "; ";
        }
        last[parts[0]] = sequence;
    }
    for (const std::string& value : wanted) {
        const auto times = found.count(value);
        if (times != 1) problems += value + " was sent " + std::to_string(times) + " times; ";
        if (problems.size() > 2000) break;
    }
    for (const std::string& value : found) {
        if (wanted.count(value) == 0) problems += value + " was never committed; ";
        if (problems.size() > 2000) break;
    }
    return problems.empty() ? "" : problems + "\n" + logs();
}

std::string OutboxScenario::verdict(milliseconds deadline) {
    wait_until_drained(deadline);
    return judge();
}

}  // namespace sluice::crash
